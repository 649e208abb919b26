/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Turns: requests and responses, whatever the protocol. On a connection the side that opened it
 * asks, and the other one answers. So a process asks by sending if it opened the connection, and is
 * asked by receiving if it accepted it.
 */
#ifndef EBPF_TCP_TURN_BPF_H
#define EBPF_TCP_TURN_BPF_H

#include "grow.bpf.h"
#include "sequence.bpf.h"
#include "time.bpf.h"

/* Nobody has asked yet: what the other side says first is no response. */
enum { UNASKED, ASKING, ANSWERING };

/* The first of the three measures of the side that the process is on. */
static __always_inline __u32 turn_times_of(const struct socket_state *s)
{
	return s->flags & ACTIVE ? TCP_TIME_RESPONSE : TCP_TIME_SERVICE;
}

/* The response is complete: its size is known. */
static __always_inline void turn_end(struct socket_state *s, const struct account *a)
{
	if (s->turn != ANSWERING)
		return;
	s->turn = UNASKED;
	count_time(a, turn_times_of(s) + 2, s->turn_size * TCP_SIZE_UNITS);
}

static __always_inline void turn_ask(struct socket_state *s, const struct account *a, __u64 size)
{
	turn_end(s, a);
	if (s->turn != ASKING)
		s->turn_size = 0;
	s->turn = ASKING;
	s->turn_size += size;
	s->asked_ns = bpf_ktime_get_ns();
}

/* The first byte of the response ends the request. */
static __always_inline void turn_answer(struct socket_state *s, const struct account *a, __u64 size)
{
	__u32 first = turn_times_of(s);

	if (s->turn == ASKING) {
		count_time(a, first, bpf_ktime_get_ns() - s->asked_ns);
		count_time(a, first + 1, s->turn_size * TCP_SIZE_UNITS);
		s->turn = ANSWERING;
		s->turn_size = 0;
	}
	s->turn_size += size;
}

static __noinline void turn_step(struct socket_state *s, const struct account *a, bool asks,
				 __u64 size)
{
	if (!size)
		return;
	if (asks)
		turn_ask(s, a, size);
	else if (s->turn != UNASKED)
		turn_answer(s, a, size);
}

/*
 * Turns need to know both ways at each look, since the other trigger may have been skipped: if the
 * lock is held, or the counters have 64 bits (MPTCP since 6.11).
 */
static __always_inline int both_ways(int look)
{
	bool wide = look & MPTCP && bpf_core_field_exists(((struct mptcp_sock *)0)->bytes_consumed);

	return knobs.responses && (wide || !(look & LOCKLESS)) ? look | TX | RX : look;
}

/*
 * What a look has found. What its trigger is about has come last: if something moved the other way
 * too, the trigger of that was skipped. Of a socket whose side is not known nobody can say who
 * asks.
 */
static __always_inline void turn_look(struct socket_state *s, const struct account *a, __u64 tx,
				      __u64 rx, int look)
{
	bool active = s->flags & ACTIVE;
	bool asks_last = (look & (TX | RX)) == (active ? TX : RX);
	__u64 asked = active ? tx : rx, answered = active ? rx : tx;

	if (s->flags & SIDELESS)
		return;
	turn_step(s, a, !asks_last, asks_last ? answered : asked);
	turn_step(s, a, asks_last, asks_last ? asked : answered);
}

/* The same, if nothing but bytes of the owner are to be counted. */
static __noinline void turn_fast(struct socket_state *s, __s32 tx, __s32 rx, int look)
{
	struct account a = {.number = s->owner.row};

	turn_look(s, &a, tx > 0 ? tx : 0, rx > 0 ? rx : 0, look);
}

/*
 * Is nothing more answered after the change of state? Nothing is once the socket is closed; by whom
 * serves, once its FIN is queued; for whom asks, once the process reads no more.
 */
static __always_inline bool is_last_word(struct sock *sk, const struct socket_state *s, int now)
{
	bool served = !(s->flags & ACTIVE);

	return now == BPF_TCP_CLOSE ||
	       (fin_queued(now) && (served || BPF_CORE_READ(sk, sk_shutdown) & RCV_SHUTDOWN));
}

static __noinline void turn_change(struct sock *sk, struct socket_state *s, __u64 tx, __u64 rx,
				   __u64 last_word)
{
	struct account a;

	account_open(&a, sk, s);
	turn_look(s, &a, tx, rx, TX | RX);
	if (last_word)
		turn_end(s, &a);
}

/* A change of state may find bytes before their own trigger does, and it may end a response. */
static __always_inline void on_turn_change(struct sock *sk, struct socket_state *s, int now,
					   const struct growth *grown)
{
	bool last_word;

	if (!knobs.responses)
		return;
	last_word = is_last_word(sk, s, now);
	if (has_grown(grown) || (last_word && s->turn == ANSWERING))
		turn_change(sk, s, forget(grown->tx), forget(grown->rx), forget(last_word));
}

#endif
