/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Changes of state: the birth of a connection, its life, and its end. */
#ifndef EBPF_TCP_CHANGE_BPF_H
#define EBPF_TCP_CHANGE_BPF_H

#include "connect.bpf.h"
#include "data.bpf.h"
#include "listen.bpf.h"

/* A SYN leaves. */
static __always_inline void on_birth(struct sock *sk)
{
	struct socket_state *s = state_reset(sk, ACTIVE | CONNECTING, 0);

	if (!s)
		return;
	own(sk, s);
	if (knobs.states)
		open_begin(sk, s, BPF_TCP_SYN_SENT);
	s->since_ns = bpf_ktime_get_ns();
}

/* A client's handshake is over, or was a Fast Open: there is a socket now. */
static __always_inline void on_accepted(struct sock *sk)
{
	struct socket_state *s = knobs.states ? state_get(sk) : NULL;

	if (s) /* the other twin was here, or nobody saw the end of an earlier life */
		places_end(s, 0, 0);
	s = state_reset(sk, 0, AN_ACCEPT);
	if (knobs.states && s)
		open_unused(s, BPF_TCP_SYN_RECV);
}

/*
 * The state of a connection of which nothing was seen before it closes: that is its first use. Or
 * it never found room for one: what is lost is known now.
 */
static __always_inline struct socket_state *state_late(struct sock *sk, struct tcp_sock *tp,
						       int old, int now, int look)
{
	struct socket_state *s;
	__u64 active;

	if (!baseline_done || is_subflow(tp, look))
		return NULL;
	active = forget(is_active(tp, old, look));
	s = state_reset(sk, active * ACTIVE, AN_ACCEPT + active * (A_CONNECT - AN_ACCEPT));
	if (s && knobs.states)
		open_unused(s, old);
	if (s)
		add(self.lost_latencies, active);
	else if (now != BPF_TCP_CLOSE_WAIT) /* its own end comes later */
		add(self.lost_bytes, taken(tp, look) - active + received(sk, tp, look));
	return s;
}

/* The state of a connection, also if its birth was skipped and it comes of age, or fails, now. */
static __always_inline struct socket_state *state_grown_up(struct sock *sk, struct tcp_sock *tp,
							   int old, int now, int look)
{
	struct socket_state *s = state_get(sk);

	if (s)
		return s;
	if (old == BPF_TCP_ESTABLISHED || old == BPF_TCP_CLOSE_WAIT)
		return state_late(sk, tp, old, now, look);
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
	s->flags |= CONNECTING;
	s->since_ns = bpf_ktime_get_ns();
	s->owner.row = TCP_ROW_OTHER;
	if (READ(look, sk, sk_lock.owned))
		own(sk, s);
	return s;
}

/*
 * Closing without a word is a use too, but not to end what others have (ss -K): these close it
 * later.
 */
static __always_inline bool is_first_use(struct sock *sk, struct socket_state *s, int old, int now,
					 int look)
{
	if (s->owner.row || !READ(look, sk, sk_lock.owned))
		return false;
	return fin_queued(now) ||
	       (now == BPF_TCP_CLOSE && (old == now || READ(look, sk, sk_err) != ECONNABORTED));
}

/* Was it established, and is it known when? */
static __always_inline bool has_lived(const struct socket_state *s)
{
	return knobs.lifetimes && s->since_ns && !(s->flags & CONNECTING);
}

/* From established to closed. What a passive socket sent again before was its SYN-ACK. */
static __always_inline void on_life(struct tcp_sock *tp, struct socket_state *s, struct account *a,
				    int old, int now, int look)
{
	if (now == BPF_TCP_ESTABLISHED) {
		places_set(s, a, now, look); /* its own port is known now, too */
		if (old == BPF_TCP_SYN_RECV)
			s->retransmits = READ(look, tp, total_retrans);
		if (knobs.lifetimes)
			s->since_ns = bpf_ktime_get_ns();
		return;
	}
	if (now != BPF_TCP_CLOSE)
		return;
	if (knobs.health)
		health_count(tp, s, a, look);
	if (!has_lived(s))
		return;
	count_time(a, TCP_TIME_LIFETIME, (bpf_ktime_get_ns() - s->since_ns) / 1000);
	s->since_ns = 0;
}

/* Has on_life() anything to count? */
static __always_inline bool is_life_event(const struct socket_state *s, int now)
{
	return now == BPF_TCP_ESTABLISHED ||
	       (now == BPF_TCP_CLOSE && (knobs.health || has_lived(s)));
}

/*
 * Closed after its FIN, and all that it moved is counted: nothing is left to do but to forget it.
 */
static __always_inline bool is_settled(struct sock *sk, struct tcp_sock *tp,
				       const struct socket_state *s, int old, int look)
{
	return fin_queued(old) && !knobs.health && !knobs.lifetimes && !(s->flags & CONNECTING) &&
	       !s->process_place && sent(tp, s, old, look) == s->tx_bytes &&
	       received(sk, tp, look) == s->rx_bytes;
}

/* The handshake has no bytes, Fast Open has. */
static __always_inline void on_change(struct growth *grown, struct sock *sk, struct tcp_sock *tp,
				      struct socket_state *s, int old, int now, int look)
{
	int before = old == BPF_TCP_SYN_SENT && now == BPF_TCP_ESTABLISHED ? now : old;
	bool subflow = is_subflow(tp, look);
	bool use = forget(!subflow && is_first_use(sk, s, old, now, look));
	struct account a;

	*grown = (struct growth){};
	s->tick = 0;
	if (now != BPF_TCP_SYN_SENT && !subflow)
		grow(grown, sk, tp, s, before, now, use ? look | OWNER : look, 0);
	open_change(sk, tp, s, old, now, look);
	if (!use && !has_grown(grown) && !(s->flags & CONNECTING) && !is_life_event(s, now))
		return;
	if (use)
		account_take(&a, sk, s, look);
	else
		account_open(&a, sk, s);
	if (s->flags & CONNECTING)
		on_connect_end(sk, tp, s, &a, old, now, look);
	if (has_grown(grown))
		credit(&a, grown);
	on_life(tp, s, &a, old, now, look);
}

/* Closed, and nobody holds it: all that it ever will be is known, if somebody has used it. */
static __always_inline bool is_over(struct sock *sk, const struct socket_state *s, int now,
				    int look)
{
	return now == BPF_TCP_CLOSE && s->owner.row && !(s->flags & GONE) &&
	       READ(look, sk, __sk_common.skc_flags) & SOCK_DEAD_BIT;
}

static __always_inline void on_known_state(struct sock *sk, struct tcp_sock *tp,
					   struct socket_state *s, int old, int now, int look)
{
	struct growth grown = {};

	if (!(is_over(sk, s, now, look) && is_settled(sk, tp, s, old, look)))
		on_change(&grown, sk, tp, s, old, now, look);
	on_turn_change(sk, s, now, &grown);
	if (is_over(sk, s, now, look))
		state_remove(sk, s);
}

static __always_inline void on_state(struct sock *sk, struct tcp_sock *tp, int old, int now,
				     int look)
{
	struct socket_state *s;

	if (knobs.listeners)
		on_listen(sk, old, now);
	if (old == BPF_TCP_LISTEN && now == BPF_TCP_SYN_RECV) {
		on_accepted(sk);
		return;
	}
	s = state_grown_up(sk, tp, old, now, look);
	old = forget(old); /* else each value is followed for each way to the state */
	now = forget(now);
	if (s)
		on_known_state(sk, tp, s, old, now, look);
	if (now == BPF_TCP_SYN_SENT)
		on_birth(sk);
}

/* Connects are those of the first subflow; an MPTCP socket itself only carries data. */
static __always_inline void on_mptcp_state(struct sock *sk, int old, int now, int look)
{
	struct socket_state *s = state_get(sk);
	const struct growth grown = {};
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
		if (is_first_use(sk, s, old, now, look) && fin_queued(now))
			account_take(&a, sk, s, look);
		update(sk, NULL, s, old, now, look | MPTCP, 0);
	}
	if (s)
		on_turn_change(sk, s, now, &grown);
	/* it passes no tcp_destroy_sock; closed again means destroyed */
	if (s && !(s->flags & GONE) && now == BPF_TCP_CLOSE &&
	    (old == BPF_TCP_CLOSE || READ(look, sk, __sk_common.skc_flags) & SOCK_DEAD_BIT))
		state_remove(sk, s);
}

static __always_inline void on_destroy(struct sock *sk, struct tcp_sock *tp, int look)
{
	struct socket_state *s = state_get(sk);
	struct growth grown;

	if (!s || s->flags & GONE)
		return;
	on_change(&grown, sk, tp, s, BPF_TCP_CLOSE, BPF_TCP_CLOSE, look);
	on_turn_change(sk, s, BPF_TCP_CLOSE, &grown);
	state_remove(sk, s);
}

/* For sk pointers of any protocol that the tracepoint passes. */
static __always_inline void on_stream_state(struct sock *sk, int old, int now, int look)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_state(sk, tp, old, now, look);
	else if (is_mptcp(sk->sk_protocol))
		on_mptcp_state(sk, old, now, look);
}

#endif
