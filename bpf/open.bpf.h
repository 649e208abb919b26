/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Connections that are open: where and in which state they count, and whether TIME_WAIT follows. */
#ifndef EBPF_TCP_OPEN_BPF_H
#define EBPF_TCP_OPEN_BPF_H

#include "account.bpf.h"
#include "twin.bpf.h"

/* From now on it counts as open, where it belongs. Out of line for its stack. */
static __noinline void open_begin(struct sock *sk, struct socket_state *s, int state)
{
	struct account a;

	if (s->process_place || !is_open(state))
		return;
	account_open(&a, sk, s);
	places_set(s, &a, state, 0);
}

/* It is open, and nobody has used it yet. */
static __noinline void open_unused(struct socket_state *s, int state)
{
	const struct account nobody = {.number = TCP_ROW_KERNEL};

	places_set(s, &nobody, state, 0);
}

/*
 * Does the kernel keep the connection in TIME_WAIT, without the socket? Or in FIN_WAIT2, as nobody
 * holds that any more and the peer has not closed yet; then TIME_WAIT follows unseen. All else is a
 * reset or has run out of time.
 */
__noinline int is_time_wait(__u64 change, __u32 unacked, __u64 flags, int error, int linger2)
{
	if (change == states_of(BPF_TCP_CLOSING, BPF_TCP_CLOSE))
		return !unacked;
	if (change != states_of(BPF_TCP_FIN_WAIT2, BPF_TCP_CLOSE))
		return 0;
	return flags & SOCK_DONE_BIT || (flags & SOCK_DEAD_BIT && !error && linger2 >= 0);
}

static __always_inline bool enters_time_wait(struct sock *sk, struct tcp_sock *tp, int old, int now,
					     int look)
{
	__u32 unacked = READ(look, tp, write_seq) - READ(look, tp, snd_una);
	__u64 flags = READ(look, sk, __sk_common.skc_flags);

	return is_time_wait(states_of(old, now), unacked, flags, READ(look, sk, sk_err),
			    READ(look, tp, linger2));
}

/* Another state, or the end; once established, on_life() has its place. A SYN begins another life.
 */
static __always_inline void open_change(struct sock *sk, struct tcp_sock *tp,
					struct socket_state *s, int old, int now, int look)
{
	if (now == BPF_TCP_ESTABLISHED)
		return;
	if (!knobs.states)
		places_end(s, 0, look);
	else if (now != BPF_TCP_SYN_SENT && is_open(now))
		places_turn(s, now, look);
	else
		places_end(s, enters_time_wait(sk, tp, old, now, look), look);
}

#endif
