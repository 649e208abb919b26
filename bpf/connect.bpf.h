/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Connects: how long they take, how they end; and all other changes of state. */
#ifndef EBPF_TCP_CONNECT_BPF_H
#define EBPF_TCP_CONNECT_BPF_H

#include "socket.bpf.h"

static __noinline void latency_add(__u32 number, struct tcp_row *row, __u64 ns)
{
	struct tcp_latency *latency = bpf_map_lookup_elem(&latencies, &number);
	__u32 bucket = tcp_latency_bucket(ns);

	barrier_var(bucket); /* else 6.1's verifier forgets the bound */
	if (latency && bucket < TCP_LATENCY_BUCKETS)
		add(latency->buckets[bucket], 1);
	if (row->connect_max_ns < ns)
		row->connect_max_ns = ns;
	add(row->counters.connect_ns, ns);
	add(row->counters.measured, 1); /* last: the reader looks for it first */
}

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

static __always_inline void failure_add(struct sock *sk, struct socket_state *s,
					enum tcp_reason reason, int how)
{
	struct account a;

	barrier_var(reason);
	if (account_open(&a, sk, s, how) && reason < TCP_REASON_COUNT)
		count(&a, failed[reason], 1);
}

/* Without an error no port was ever given to the socket, or the application gave up. */
static __always_inline enum tcp_reason failure_of(struct sock *sk, struct tcp_sock *tp, bool seen,
						  int how)
{
	int error = READ(how, sk, sk_err);

	if (error || !seen)
		return reason_of(error);
	return READ(how, (struct inet_sock *)tp, inet_sport) ? TCP_REASON_ABORTED
							     : TCP_REASON_NO_PORT;
}

/*
 * A connect was under way when the socket left the state `old`: how did it end? If that was beyond
 * the handshake, the event that would have told was skipped: it is counted, but not measured.
 */
static __always_inline void on_connect_end(struct sock *sk, struct tcp_sock *tp,
					   struct socket_state *s, int old, int now, int how)
{
	bool opening = old == BPF_TCP_SYN_SENT || old == BPF_TCP_SYN_RECV;
	__u64 took_ns = bpf_ktime_get_ns() - s->connect_ns;
	struct account a;

	if (opening && now != BPF_TCP_ESTABLISHED && now != BPF_TCP_CLOSE)
		return;
	s->connect_ns = 0;
	if (!opening)
		add(self.lost_latencies, 1);
	if (opening ? now == BPF_TCP_CLOSE : !READ(how, tp, bytes_acked)) {
		failure_add(sk, s, failure_of(sk, tp, opening, how), how & ~OWN);
		return;
	}
	if (!account_open(&a, sk, s, how & ~OWN))
		return;
	count(&a, connects, 1);
	if (opening)
		latency_add(a.number, a.row, took_ns);
	if (opening && a.endpoint)
		latency_add(a.endpoint_number, a.endpoint, took_ns);
}

/* ::ffff:a.b.c.d goes through both functions: the inner one tells. */
static __always_inline bool is_mapped(const struct tcp_endpoint *to)
{
	const __be32 *words = (const __be32 *)to->address;

	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff);
}

/* Where a connect shall go, from its struct sockaddr_in or sockaddr_in6. */
static __always_inline void destination(struct tcp_endpoint *out, const void *address, int family)
{
	__be16 port = 0;
	__be32 ip = 0;

	bpf_probe_read_kernel(&port, sizeof(port), address + SIN_PORT);
	out->port = bpf_ntohs(port);
	out->kind = TCP_ENDPOINT_DESTINATION;
	if (family == AF_INET6) {
		bpf_probe_read_kernel(out->address, sizeof(out->address), address + SIN6_ADDR);
	} else {
		bpf_probe_read_kernel(&ip, sizeof(ip), address + SIN_ADDR);
		mapped((__be32 *)out->address, ip);
	}
}

/* A connect that failed before its SYN: no state change tells of it, and the socket knows nothing.
 */
static __always_inline void on_connect_error(struct sock *sk, struct tcp_endpoint *to, int error)
{
	struct socket_state nobody = {.flags = ACTIVE};
	const __be32 local[4] = {};

	if (error != ENETUNREACH && error != EHOSTUNREACH && error != EACCES && error != EPERM)
		return;
	own(sk, &nobody);
	nobody.class =
		class_of(scope_of((const __be32 *)to->address, local), 0, to->port) | CLASS_KNOWN;
	if (by_destination && nobody.owner.row >= TCP_ROW_FIRST)
		endpoint_set(&nobody, endpoint_find(&nobody.owner, to));
	failure_add(sk, &nobody, reason_of(error), 0);
}

/* The protocol's connect function returns; what got as far as SYN_SENT has its end elsewhere. */
static __always_inline void on_connect_return(struct sock *sk, const void *address, int family,
					      int ret)
{
	struct socket_state *s = state_get(sk);
	struct tcp_endpoint to = {};

	if (s && s->flags & ATTEMPTED) {
		s->flags &= ~ATTEMPTED;
		return;
	}
	if (ret >= 0)
		return;
	destination(&to, address, family);
	if (family == AF_INET || !is_mapped(&to))
		on_connect_error(sk, &to, -ret);
}

/* The same for a return probe, which has no arguments. */
static __always_inline void on_connect_enter(const void *address, int family)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct tcp_endpoint to = {};

	destination(&to, address, family);
	if (family == AF_INET || !is_mapped(&to))
		bpf_map_update_elem(&connecting, &thread, &to, BPF_ANY);
}

static __always_inline void on_connect_leave(int ret)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct tcp_endpoint *found = bpf_map_lookup_elem(&connecting, &thread), to;

	if (!found)
		return;
	to = *found;
	bpf_map_delete_elem(&connecting, &thread);
	if (ret < 0)
		on_connect_error(NULL, &to, -ret);
}

/* The SYN leaves now: with a deferred Fast Open that is long after the application's connect. */
static __always_inline void on_syn(struct sock *sk)
{
	struct socket_state *s = state_get(sk);

	if (s && s->connect_ns)
		s->connect_ns = bpf_ktime_get_ns();
}

/* The birth of a connection: a SYN leaves, or has come. */
static __always_inline bool on_birth(struct sock *sk, struct tcp_sock *tp, int old, int now,
				     int how)
{
	struct socket_state *s;

	if (old == BPF_TCP_LISTEN && now == BPF_TCP_SYN_RECV) {
		state_reset(sk, 0, AN_ACCEPT);
		return true;
	}
	if (now != BPF_TCP_SYN_SENT)
		return false;
	s = state_get(sk);
	if (s && s->connect_ns)
		on_connect_end(sk, tp, s, old, now, how);
	s = state_reset(sk, ACTIVE | ATTEMPTED, 0);
	if (s) {
		own(sk, s);
		s->connect_ns = bpf_ktime_get_ns();
	}
	return true;
}

/* The state of a connection, also if its birth was skipped and it comes of age, or fails, now. */
static __always_inline struct socket_state *state_grown_up(struct sock *sk, struct tcp_sock *tp,
							   int old, int now, int how)
{
	struct socket_state nobody = {.owner.row = TCP_ROW_OTHER, .flags = ACTIVE};
	struct socket_state *s = state_get(sk);

	if (s)
		return s;
	if (old == BPF_TCP_SYN_RECV && now == BPF_TCP_ESTABLISHED)
		return state_reset(sk, 0, AN_ACCEPT);
	if (old != BPF_TCP_SYN_SENT || (now != BPF_TCP_ESTABLISHED && now != BPF_TCP_CLOSE))
		return NULL;
	add(self.lost_latencies, 1);
	if (now == BPF_TCP_ESTABLISHED)
		return state_reset(sk, ACTIVE, A_CONNECT);
	if (READ(how, sk, sk_lock.owned))
		own(sk, &nobody);
	failure_add(sk, &nobody, failure_of(sk, tp, true, how), how & ~OWN);
	return NULL;
}

/* Closing without a word is a use too. */
static __always_inline void on_use(struct sock *sk, struct socket_state *s, int how)
{
	struct account a;

	account_open(&a, sk, s, how | OWN);
}

static __always_inline void on_state(struct sock *sk, struct tcp_sock *tp, int old, int now,
				     int how)
{
	struct socket_state *s;

	if (on_birth(sk, tp, old, now, how))
		return;
	s = state_grown_up(sk, tp, old, now, how);
	if (!s)
		return;
	if (s->connect_ns)
		on_connect_end(sk, tp, s, old, now, how);
	if (is_subflow(tp, how))
		return;
	if (!s->owner.row && READ(how, sk, sk_lock.owned) &&
	    (fin_queued(now) || now == BPF_TCP_CLOSE))
		on_use(sk, s, how);
	if (old != BPF_TCP_SYN_SENT)
		update(sk, tp, s, old, now, how);
	else if (now == BPF_TCP_ESTABLISHED) /* the handshake has no bytes, Fast Open has */
		update(sk, tp, s, now, now, how);
}

/* Connects are those of the first subflow; an MPTCP socket itself only carries data. */
static __always_inline void on_mptcp_state(struct sock *sk, int old, int now, int how)
{
	struct socket_state *s = state_get(sk);

	if (now == BPF_TCP_SYN_SENT) {
		s = state_reset(sk, ACTIVE, 0);
		if (s)
			own(sk, s);
	} else if (now == BPF_TCP_ESTABLISHED) {
		if (!s)
			s = state_reset(sk, 0, old == BPF_TCP_LISTEN ? AN_ACCEPT : 0);
		if (!s)
			return;
		s->tx_bytes = mptcp_sent(sk, now);
		s->rx_bytes = mptcp_received(sk, now);
	} else if (s && carries_data(old)) {
		if (!s->owner.row && READ(how, sk, sk_lock.owned) && fin_queued(now))
			on_use(sk, s, how);
		update(sk, NULL, s, old, now, how | MPTCP);
	}
	/* it passes no tcp_destroy_sock; closed again means destroyed */
	if (s && now == BPF_TCP_CLOSE &&
	    (old == BPF_TCP_CLOSE || READ(how, sk, __sk_common.skc_flags) & SOCK_DEAD_BIT))
		state_remove(sk);
}

static __always_inline void on_destroy(struct sock *sk, struct tcp_sock *tp, int how)
{
	struct socket_state *s = state_get(sk);

	if (!s)
		return;
	if (s->connect_ns)
		on_connect_end(sk, tp, s, BPF_TCP_CLOSE, BPF_TCP_CLOSE, how);
	if (!is_subflow(tp, how))
		update(sk, tp, s, BPF_TCP_CLOSE, BPF_TCP_CLOSE, how);
	state_remove(sk);
}

/*
 * The kernel skips a program that is running already on the same CPU, for instance below a softirq.
 * So there are twins: the second one does the work if the first has not. Now and then both do it,
 * as when a softirq or a move to another CPU came in between. That changes nothing, but for a
 * birth: it would take the connect that has just begun for one whose end was not seen.
 */
static __always_inline void first_twin(struct sock *sk, int old, int now)
{
	__u32 zero = 0;
	struct seen_change *seen = bpf_map_lookup_elem(&seen_changes, &zero);

	if (seen)
		*seen = (struct seen_change){(__u64)sk, old, now};
}

static __always_inline bool second_twin_needed(struct sock *sk, int old, int now)
{
	__u32 zero = 0;
	struct seen_change *seen = bpf_map_lookup_elem(&seen_changes, &zero);
	struct socket_state *s;

	if (seen && seen->sk == (__u64)sk && seen->old == old && seen->now == now) {
		seen->sk = 0;
		return false;
	}
	s = now == BPF_TCP_SYN_SENT ? state_get(sk) : NULL;
	return !s || !s->connect_ns;
}

/* For sk pointers of any protocol that the tracepoint passes. */
static __always_inline void on_typed_state(struct sock *sk, int old, int now, int how)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_state(sk, tp, old, now, how);
	else if (is_mptcp(sk->sk_protocol))
		on_mptcp_state(sk, old, now, how);
}

#endif
