/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Connects: how long they take, how they end; and all other changes of state. */
#ifndef EBPF_TCP_CONNECT_BPF_H
#define EBPF_TCP_CONNECT_BPF_H

#include "socket.bpf.h"

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
static __always_inline bool is_giving_up(struct sock *sk, int how)
{
	struct socket *socket = READ(how, sk, sk_socket);

	return socket && READ(how, socket, state) == SS_UNCONNECTED;
}

/*
 * Without an error no port was ever given to the socket, or the application gave up. `seen` says
 * that the end was, `silent` that nobody sees what the connect call returns.
 */
static __always_inline enum tcp_reason failure_of(struct sock *sk, struct tcp_sock *tp, bool seen,
						  bool silent, int how)
{
	int error = READ(how, sk, sk_err);

	if (!silent && (error || !seen))
		return reason_of(error);
	if (!READ(how, (struct inet_sock *)tp, inet_sport))
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
					   int now, int how)
{
	bool opening = old == BPF_TCP_SYN_SENT || old == BPF_TCP_SYN_RECV;
	bool failed = opening && now == BPF_TCP_CLOSE, untold = s->flags & UNTOLD && !opening;
	bool silent = untold || (failed && is_giving_up(sk, how));
	__u64 took_ns = bpf_ktime_get_ns() - s->connect_ns;
	enum tcp_reason reason;

	if (opening && now != BPF_TCP_ESTABLISHED && !failed)
		return;
	if (failed && silent && returns_seen) {
		s->flags |= UNTOLD;
		return;
	}
	s->flags &= ~UNTOLD;
	s->connect_ns = 0;
	if (!opening && !untold)
		add(self.lost_latencies, 1);
	if (failed || untold || (!opening && !READ(how, tp, bytes_acked))) {
		reason = failure_of(sk, tp, opening, silent, how);
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

/* ::ffff:a.b.c.d goes through both functions: the inner one tells. */
static __always_inline bool is_mapped(const struct tcp_endpoint *to)
{
	const __be32 *words = (const __be32 *)to->address;

	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff);
}

/* Where a connect shall go, from its struct sockaddr_in or sockaddr_in6. Returns the family. */
static __always_inline int destination(struct tcp_endpoint *out, const void *address)
{
	struct inet_address head = {};

	bpf_probe_read_kernel(&head, sizeof(head), address);
	out->port = bpf_ntohs(head.port);
	out->kind = TCP_ENDPOINT_DESTINATION;
	if (head.family == AF_INET6)
		bpf_probe_read_kernel(out->address, sizeof(out->address), address + SIN6_ADDR);
	else
		mapped((__be32 *)out->address, head.ip);
	return head.family;
}

/*
 * A connect call has failed. Either before the socket got to SYN_SENT: no change of state tells of
 * that, and the socket knows nothing. Or later (`begun`), and then it is a connect whatever the
 * error.
 */
static __always_inline void on_connect_error(struct tcp_endpoint *to, int error, bool begun)
{
	/* Asked once: 6.1 takes a second look at the error for dead code. */
	enum tcp_reason reason = reason_of(error);
	struct socket_state nobody = {.flags = ACTIVE};
	struct tcp_endpoint_key key = {.endpoint = *to};
	const __be32 local[4] = {};
	struct account a;

	if (!begun && reason != TCP_REASON_UNREACHABLE && reason != TCP_REASON_DENIED)
		return;
	own(NULL, &nobody);
	nobody.class =
		class_of(scope_of((const __be32 *)to->address, local), 0, to->port) | CLASS_KNOWN;
	if (by_destination && nobody.owner.row >= TCP_ROW_FIRST &&
	    endpoint_wanted(&nobody.owner, TCP_ENDPOINT_DESTINATION))
		endpoint_set(&nobody, endpoint_find(&nobody.owner, &key));
	account_open(&a, NULL, &nobody);
	failure_add(NULL, &nobody, &a, to, reason, 0);
}

/* Has the connect that just returned got to SYN_SENT, and is not counted yet? Not for long. */
static __always_inline bool take_untold(struct sock *sk)
{
	struct socket_state *s = state_get(sk);

	if (!s || !(s->flags & UNTOLD))
		return false;
	s->flags &= ~UNTOLD;
	s->connect_ns = 0;
	return true;
}

/* The protocol's connect function returns. */
static __always_inline void on_connect_return(struct sock *sk, const void *address, int ret)
{
	bool begun = take_untold(sk);
	struct tcp_endpoint to = {};

	if (destination(&to, address) == AF_INET || !is_mapped(&to) || begun)
		on_connect_error(&to, -ret, begun);
}

/* Where the socket is asked to connect to; false if that is not TCP, or nowhere. */
static __always_inline bool tcp_destination(struct tcp_endpoint *out, struct sock *sk,
					    const void *address)
{
	int family;

	if (!sk || !protocol_of(sk, false))
		return false;
	family = destination(out, address);
	return family == AF_INET || family == AF_INET6;
}

/* A security module, or a program of the cgroup, has looked at a connect. */
static __always_inline void on_connect_permit(struct sock *sk, const void *address, int ret)
{
	struct tcp_endpoint to = {};

	if (tcp_destination(&to, sk, address))
		on_connect_error(&to, -ret, false);
}

/*
 * Where tasks are preempted, one may rest for long in the midst of a program, which all others that
 * get there on its CPU skip. So what nothing else tells of has twins too: the first to run leaves a
 * note for the second of its thread, which then has nothing to do. Of a function's fexit programs
 * the one attached last runs first.
 */
static __always_inline void done_once(void)
{
	__u64 thread = bpf_get_current_pid_tgid();
	const struct connecting note = {};

	bpf_map_update_elem(&connecting, &thread, &note, BPF_ANY);
}

static __always_inline bool is_done(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	return !bpf_map_delete_elem(&connecting, &thread);
}

/* For return probes, which have no arguments: what the thread connects, and where to. */
static __always_inline void connecting_set(struct sock *sk, const struct tcp_endpoint *to)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct connecting now = {.sk = (__u64)sk, .to = *to};
	struct connecting *known = bpf_map_lookup_elem(&connecting, &thread);

	if (known)
		*known = now; /* costs less than an update */
	else
		bpf_map_update_elem(&connecting, &thread, &now, BPF_ANY);
}

static __always_inline void on_permit_enter(struct sock *sk, const void *address)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct tcp_endpoint to = {};

	if (tcp_destination(&to, sk, address))
		connecting_set(sk, &to);
	else
		bpf_map_delete_elem(&connecting, &thread);
}

static __always_inline void on_connect_enter(struct sock *sk, const void *address)
{
	struct tcp_endpoint to = {};

	if (destination(&to, address) == AF_INET || !is_mapped(&to))
		connecting_set(sk, &to);
}

/* `called` is the protocol's connect function, and not who permits that. */
static __always_inline void on_connect_leave(int ret, bool called)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct connecting *found, it;

	if (ret >= 0) /* the thread's next connect takes the place */
		return;
	found = bpf_map_lookup_elem(&connecting, &thread);
	if (!found)
		return;
	it = *found;
	bpf_map_delete_elem(&connecting, &thread);
	on_connect_error(&it.to, -ret, called && take_untold((struct sock *)it.sk));
}

/* A SYN leaves. */
static __always_inline void on_birth(struct sock *sk)
{
	struct socket_state *s = state_reset(sk, ACTIVE, 0);

	if (!s)
		return;
	own(sk, s);
	s->connect_ns = bpf_ktime_get_ns();
}

/*
 * The state of a connection of which nothing was seen before it closes: that is its first use. Or
 * it never found room for one: what is lost is known now.
 */
static __always_inline struct socket_state *state_late(struct sock *sk, struct tcp_sock *tp,
						       int old, int now, int how)
{
	struct socket_state *s;
	int active;

	if (!baseline_done || is_subflow(tp, how))
		return NULL;
	active = is_active(tp, old, how);
	s = state_reset(sk, active * ACTIVE, active ? A_CONNECT : AN_ACCEPT);
	if (s)
		add(self.lost_latencies, active);
	else if (now != BPF_TCP_CLOSE_WAIT) /* its own end comes later */
		add(self.lost_bytes, taken(tp, how) - active + received(sk, tp, how));
	return s;
}

/* The state of a connection, also if its birth was skipped and it comes of age, or fails, now. */
static __always_inline struct socket_state *state_grown_up(struct sock *sk, struct tcp_sock *tp,
							   int old, int now, int how)
{
	struct socket_state *s = state_get(sk);

	if (s)
		return s;
	if (old == BPF_TCP_ESTABLISHED || old == BPF_TCP_CLOSE_WAIT)
		return state_late(sk, tp, old, now, how);
	if (old == BPF_TCP_SYN_RECV && now == BPF_TCP_ESTABLISHED)
		return state_reset(sk, 0, AN_ACCEPT);
	if (old != BPF_TCP_SYN_SENT || (now != BPF_TCP_ESTABLISHED && now != BPF_TCP_CLOSE))
		return NULL;
	s = state_reset(sk, ACTIVE, now == BPF_TCP_ESTABLISHED ? A_CONNECT : 0);
	if (!s)
		return NULL;
	add(self.lost_latencies, 1);
	if (now == BPF_TCP_ESTABLISHED)
		return s;
	s->connect_ns = bpf_ktime_get_ns();
	s->owner.row = TCP_ROW_OTHER;
	if (READ(how, sk, sk_lock.owned))
		own(sk, s);
	return s;
}

/*
 * Closing without a word is a use too, but not to end what others have (ss -K): these close it
 * later.
 */
static __always_inline bool is_first_use(struct sock *sk, struct socket_state *s, int old, int now,
					 int how)
{
	if (s->owner.row || !READ(how, sk, sk_lock.owned))
		return false;
	return fin_queued(now) ||
	       (now == BPF_TCP_CLOSE && (old == now || READ(how, sk, sk_err) != ECONNABORTED));
}

/* From established to closed. What a passive socket sent again before was its SYN-ACK. */
static __always_inline void on_life(struct tcp_sock *tp, struct socket_state *s, struct account *a,
				    int old, int now, int how)
{
	if (now == BPF_TCP_ESTABLISHED) {
		if (!s->process_place)
			places_set(s, a, how);
		if (old == BPF_TCP_SYN_RECV)
			s->retransmits = READ(how, tp, total_retrans);
		if (lifetimes_wanted)
			s->born_ns = bpf_ktime_get_ns();
		return;
	}
	if (now != BPF_TCP_CLOSE)
		return;
	if (health_wanted)
		health_count(tp, s, a, how);
	if (s->born_ns)
		count_time(a, TCP_TIME_LIFETIME, (bpf_ktime_get_ns() - s->born_ns) / 1000);
	s->born_ns = 0;
}

/* Has on_life() anything to count? */
static __always_inline bool is_turn_of_life(const struct socket_state *s, int now)
{
	return now == BPF_TCP_ESTABLISHED ||
	       (now == BPF_TCP_CLOSE && (health_wanted || s->born_ns));
}

/*
 * Closed after its FIN, and all that it moved is counted: nothing is left to do but to forget it.
 */
static __always_inline bool is_settled(struct sock *sk, struct tcp_sock *tp,
				       const struct socket_state *s, int old, int how)
{
	return fin_queued(old) && !health_wanted && !lifetimes_wanted && !s->connect_ns &&
	       !s->process_place && sent(tp, s, old, how) == s->tx_bytes &&
	       received(sk, tp, how) == s->rx_bytes;
}

/* The handshake has no bytes, Fast Open has. */
static __always_inline void on_change(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				      int old, int now, int how)
{
	int before = old == BPF_TCP_SYN_SENT && now == BPF_TCP_ESTABLISHED ? now : old;
	bool subflow = is_subflow(tp, how);
	bool use = forget(!subflow && is_first_use(sk, s, old, now, how));
	struct growth grown = {};
	struct account a;

	s->tick = 0;
	if (now != BPF_TCP_SYN_SENT && !subflow)
		grow(&grown, sk, tp, s, before, now, use ? how | OWN : how, 0);
	if (now != BPF_TCP_ESTABLISHED)
		established_end(s, how);
	if (!use && !has_grown(&grown) && !s->connect_ns && !is_turn_of_life(s, now))
		return;
	if (use)
		account_take(&a, sk, s, how);
	else
		account_open(&a, sk, s);
	if (s->connect_ns)
		on_connect_end(sk, tp, s, &a, old, now, how);
	if (has_grown(&grown))
		credit(&a, &grown);
	on_life(tp, s, &a, old, now, how);
}

/* Closed, and nobody holds it: all that it ever will be is known, if somebody has used it. */
static __always_inline bool is_over(struct sock *sk, const struct socket_state *s, int now, int how)
{
	return now == BPF_TCP_CLOSE && s->owner.row && !(s->flags & GONE) &&
	       READ(how, sk, __sk_common.skc_flags) & SOCK_DEAD_BIT;
}

static __always_inline void on_known_state(struct sock *sk, struct tcp_sock *tp,
					   struct socket_state *s, int old, int now, int how)
{
	if (!(is_over(sk, s, now, how) && is_settled(sk, tp, s, old, how)))
		on_change(sk, tp, s, old, now, how);
	if (is_over(sk, s, now, how))
		state_remove(sk, s);
}

static __always_inline void on_state(struct sock *sk, struct tcp_sock *tp, int old, int now,
				     int how)
{
	struct socket_state *s;

	on_listen(sk, old, now);
	if (old == BPF_TCP_LISTEN && now == BPF_TCP_SYN_RECV) {
		state_reset(sk, 0, AN_ACCEPT);
		return;
	}
	s = state_grown_up(sk, tp, old, now, how);
	old = forget(old); /* what is known of them, and where the state is, are ways to multiply */
	now = forget(now);
	if (s)
		on_known_state(sk, tp, s, old, now, how);
	if (now == BPF_TCP_SYN_SENT)
		on_birth(sk);
}

/* Connects are those of the first subflow; an MPTCP socket itself only carries data. */
static __always_inline void on_mptcp_state(struct sock *sk, int old, int now, int how)
{
	struct socket_state *s = state_get(sk);
	struct account a;

	mptcp_seen = true;
	if (now == BPF_TCP_SYN_SENT) {
		s = state_reset(sk, ACTIVE, 0);
		if (s)
			own(sk, s);
	} else if (now == BPF_TCP_ESTABLISHED) {
		if (!s)
			s = state_reset(sk, old == BPF_TCP_LISTEN ? 0 : SIDELESS,
					old == BPF_TCP_LISTEN ? AN_ACCEPT : 0);
		if (!s)
			return;
		s->tx_bytes = mptcp_sent(sk, now);
		s->rx_bytes = mptcp_received(sk, now);
	} else if (s && carries_data(old)) {
		if (is_first_use(sk, s, old, now, how) && fin_queued(now))
			account_take(&a, sk, s, how);
		update(sk, NULL, s, old, now, how | MPTCP, 0);
	}
	/* it passes no tcp_destroy_sock; closed again means destroyed */
	if (s && !(s->flags & GONE) && now == BPF_TCP_CLOSE &&
	    (old == BPF_TCP_CLOSE || READ(how, sk, __sk_common.skc_flags) & SOCK_DEAD_BIT))
		state_remove(sk, s);
}

static __always_inline void on_destroy(struct sock *sk, struct tcp_sock *tp, int how)
{
	struct socket_state *s = state_get(sk);

	if (!s || s->flags & GONE)
		return;
	on_change(sk, tp, s, BPF_TCP_CLOSE, BPF_TCP_CLOSE, how);
	state_remove(sk, s);
}

/* After its own FIN a socket waits for the peer: between these states nothing of ours happens. */
static __always_inline bool is_quiet(int old, int now)
{
	return fin_queued(old) && fin_queued(now);
}

static __always_inline __u64 states_of(int old, int now)
{
	return (__u32)old << 16 | (__u16)now;
}

/*
 * The kernel skips a program that is running already on the same CPU, for instance below a softirq.
 * So there are twins: the second one does the work if the first has not. Now and then both do it,
 * as when a softirq or a move to another CPU came in between. That changes nothing, but for a
 * birth: it would take the connect that has just begun for one whose end was not seen.
 */
static __always_inline bool first_twin_needed(struct sock *sk, int old, int now)
{
	__u32 zero = 0;
	struct seen_change *seen;

	if (is_quiet(old, now))
		return false;
	seen = bpf_map_lookup_elem(&seen_changes, &zero);
	if (seen)
		*seen = (struct seen_change){(__u64)sk, states_of(old, now)};
	return true;
}

static __always_inline bool second_twin_needed(struct sock *sk, int old, int now)
{
	struct socket_state *s;
	__u32 zero = 0;
	struct seen_change *seen;

	if (is_quiet(old, now))
		return false;
	seen = bpf_map_lookup_elem(&seen_changes, &zero);
	if (seen && seen->sk == (__u64)sk && seen->states == states_of(old, now)) {
		seen->sk = 0;
		return false;
	}
	s = forget(now) == BPF_TCP_SYN_SENT ? state_get(sk) : NULL;
	return forget(!s || !s->connect_ns || s->flags & UNTOLD);
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
