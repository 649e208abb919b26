/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Health: what TCP itself counts for a socket. Looked at once per tick if the socket is busy, when
 * it sends something again, and when it closes: what is counted may be late, it is never lost.
 */
#ifndef EBPF_TCP_HEALTH_BPF_H
#define EBPF_TCP_HEALTH_BPF_H

#include "account.bpf.h"
#include "time.bpf.h"

#define SRTT_UNIT_NS 125 /* srtt_us counts eighths of microseconds */

/* Moves a count to `now`, and returns by how much it grew: a disconnect sets TCP's own to 0. */
static __always_inline __u32 advance(__u32 *count, __u32 now)
{
	__s32 grown = (__s32)(now - *count);

	*count = now;
	return grown > 0 ? grown : 0;
}

/* Under the socket's lock. */
static __always_inline void health_count(struct tcp_sock *tp, struct socket_state *s,
					 struct account *a, int look)
{
	__u32 segments = advance(&s->segments, READ(look, tp, segs_out));
	__u32 retransmits = advance(&s->retransmits, READ(look, tp, total_retrans));
	__u32 srtt = READ(look, tp, srtt_us);

	if (segments)
		count(a, segments, segments);
	if (retransmits)
		count(a, retransmits, retransmits);
	if (srtt && s->health_tick != (__u16)tick)
		count_time(a, TCP_TIME_RTT, (__u64)srtt * SRTT_UNIT_NS);
	s->health_tick = tick;
}

static __always_inline void health_update(struct sock *sk, struct tcp_sock *tp,
					  struct socket_state *s, int look)
{
	struct account a;

	account_open(&a, sk, s);
	health_count(tp, s, &a, look);
}

/* After data has moved. */
static __always_inline void health_look(struct sock *sk, struct tcp_sock *tp,
					struct socket_state *s, int look)
{
	if (knobs.health && !(look & LOCKLESS) && s->health_tick != (__u16)tick)
		health_update(sk, tp, s, look);
}

/* What happened before the socket was ours is not counted. */
static __always_inline void health_begin(struct tcp_sock *tp, struct socket_state *s, int look)
{
	s->segments = READ(look, tp, segs_out);
	s->retransmits = READ(look, tp, total_retrans);
}

static __always_inline void on_reset_sent(struct sock *sk, struct socket_state *s)
{
	struct account a = {.number = TCP_ROW_KERNEL};

	if (s)
		account_open(&a, sk, s);
	count(&a, resets_sent, 1);
}

static __always_inline void on_reset_received(struct sock *sk, struct socket_state *s)
{
	struct account a = {.number = TCP_ROW_KERNEL};

	if (s)
		account_open(&a, sk, s);
	count(&a, resets_received, 1);
}

#endif
