/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Sockets that are older than the probes. */
#ifndef EBPF_TCP_OLDER_BPF_H
#define EBPF_TCP_OLDER_BPF_H

#include "data.bpf.h"
#include "listen.bpf.h"

/*
 * Do counts and origins agree with the sequence numbers as they are now? A packet, an
 * acknowledgement or a call that came in between has moved one of the numbers that they were made
 * of, not all.
 */
static __always_inline bool begun_well(struct sock *sk, struct tcp_sock *tp,
				       const struct socket_state *s, int state)
{
	__u32 next = BPF_CORE_READ(tp, rcv_nxt), copied = BPF_CORE_READ(tp, copied_seq);
	__u32 fin = fin_consumed(sk, next, copied, BY_HELPER);

	return beyond(s->rx_bytes + fin, s->rx_origin, copied) == 0 &&
	       beyond(s->tx_bytes + fin_queued(state), s->tx_origin,
		      BPF_CORE_READ(tp, write_seq)) == 0;
}

/* What a TCP socket has moved so far. Returns whether nothing came in between. */
static __noinline bool begin_try(struct sock *sk, struct socket_state *s, int state)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	s->rx_bytes = received(sk, tp, BY_HELPER);
	s->tx_bytes = sent(tp, s, state, BY_HELPER);
	origins_set(tp, s, BY_HELPER);
	return begun_well(sk, tp, s, state);
}

/* The same without its lock: a microsecond each, and a busy socket has a packet every few of them.
 * No loop, as in grow_tx(). */
static __always_inline void begin_unlocked(struct sock *sk, struct socket_state *s, int state)
{
	bool done;

	if ((endpoint_count || knobs.responses) &&
	    is_active((struct tcp_sock *)sk, state, BY_HELPER))
		s->flags = ACTIVE; /* else it does not matter */
	done = begin_try(sk, s, state) || begin_try(sk, s, state) || begin_try(sk, s, state) ||
	       begin_try(sk, s, state) || begin_try(sk, s, state);
	if (!done)
		begin_try(sk, s, state);
}

/* A socket that is older than the probes; `task` holds it, or is NULL. */
static __always_inline void on_older(struct sock *sk, struct task_struct *task)
{
	bool mptcp = is_mptcp(BPF_CORE_READ(sk, sk_protocol));
	int state = BPF_CORE_READ(sk, __sk_common.skc_state), now;
	struct socket_state initial = {}, *s;

	if (state == BPF_TCP_LISTEN && knobs.listeners && task && !mptcp)
		listener_add(sk, task, BPF_NOEXIST);
	if (state == BPF_TCP_CLOSE || state == BPF_TCP_LISTEN || state_get(sk))
		return;
	if (task) {
		owner_set(&initial.owner, task, BY_HELPER);
		initial.owner.row = TCP_ROW_OTHER; /* it gets a row of its own when it counts */
	}
	if (mptcp) {
		initial.flags = SIDELESS;
		mptcp_begin(sk, &initial, state);
	} else if (state == BPF_TCP_SYN_SENT) {
		initial.flags = ACTIVE;
	} else {
		begin_unlocked(sk, &initial, state);
		health_begin((struct tcp_sock *)sk, &initial, BY_HELPER);
	}
	s = state_add(sk, &initial);
	if (!s || mptcp)
		return;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	open_begin(sk, s, state);
	now = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (knobs.states && now != state) /* it has changed meanwhile, which found no place */
		places_turn(s, now, 0);
}

#endif
