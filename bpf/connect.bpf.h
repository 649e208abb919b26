/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Connects: how long they take, and how they end. */
#ifndef EBPF_TCP_CONNECT_BPF_H
#define EBPF_TCP_CONNECT_BPF_H

#include "event.bpf.h"
#include "state.bpf.h"
#include "time.bpf.h"

static __always_inline enum tcp_reason reason_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return TCP_REASON_REFUSED;
	case ETIMEDOUT:
		return TCP_REASON_TIMEOUT;
	case EHOSTUNREACH:
	case ENETUNREACH:
		return TCP_REASON_UNREACHABLE;
	case ECONNRESET:
	case EPIPE:
		return TCP_REASON_RESET;
	case EACCES:
	case EPERM:
		return TCP_REASON_DENIED;
	case EADDRNOTAVAIL:
		return TCP_REASON_NO_PORT;
	}
	return TCP_REASON_OTHER;
}

/* `to`: where it should have gone, of a socket that does not know. */
static __always_inline void failure_add(struct sock *sk, struct socket_state *s, struct account *a,
					const struct tcp_endpoint *to, enum tcp_reason reason,
					__u64 took_ns)
{
	reason = forget(reason);
	if (reason >= TCP_REASON_COUNT)
		return;
	count(a, failed[reason], 1);
	on_failure(sk, s, a, to, reason, took_ns);
}

/* Does the connect call itself give up? No SYN has left then. */
static __always_inline bool is_giving_up(struct sock *sk, int look)
{
	struct socket *socket = READ(look, sk, sk_socket);

	return socket && READ(look, socket, state) == SS_UNCONNECTED;
}

/*
 * Without an error no port was ever given to the socket, or the application gave up. `seen` says
 * that the end was, `silent` that nobody sees what the connect call returns.
 */
static __always_inline enum tcp_reason failure_of(struct sock *sk, struct tcp_sock *tp, bool seen,
						  bool silent, int look)
{
	int error = READ(look, sk, sk_err);

	if (!silent && (error || !seen))
		return reason_of(error);
	if (!READ(look, (struct inet_sock *)tp, inet_sport))
		return TCP_REASON_NO_PORT;
	return silent ? TCP_REASON_OTHER : TCP_REASON_ABORTED;
}

/*
 * A connect was under way when the socket left the state `old`: how did it end? If that was beyond
 * the handshake, the event that would have told was skipped: it is counted, but not measured. The
 * same if it has failed before, and nobody saw the call return.
 */
static __always_inline void on_connect_end(struct sock *sk, struct tcp_sock *tp,
					   struct socket_state *s, struct account *a, int old,
					   int now, int look)
{
	bool opening = old == BPF_TCP_SYN_SENT || old == BPF_TCP_SYN_RECV;
	bool failed = opening && now == BPF_TCP_CLOSE, untold = s->flags & UNTOLD && !opening;
	bool silent = untold || (failed && is_giving_up(sk, look));
	__u64 took_ns = bpf_ktime_get_ns() - s->since_ns;
	enum tcp_reason reason;

	if (opening && now != BPF_TCP_ESTABLISHED && !failed)
		return;
	if (failed && silent && returns_seen) {
		s->flags |= UNTOLD;
		return;
	}
	s->flags &= ~(CONNECTING | UNTOLD);
	s->since_ns = 0;
	if (!opening && !untold)
		add(self.lost_latencies, 1);
	if (failed || untold || (!opening && !READ(look, tp, bytes_acked))) {
		reason = failure_of(sk, tp, opening, silent, look);
		failure_add(sk, s, a, NULL, reason, untold ? 0 : took_ns);
		return;
	}
	if (!opening) {
		count(a, connects, 1);
		return;
	}
	count_time(a, TCP_TIME_CONNECT, took_ns);
	on_slow(sk, s, a, took_ns);
}

#endif
