/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Places: rows that are another's later, and where and in which state a connection counts as open.
 */
#ifndef EBPF_TCP_PLACE_BPF_H
#define EBPF_TCP_PLACE_BPF_H

#include "row.bpf.h"

#define PLACE_NOWHERE (1ULL << 32) /* that of what has no row */

/* A place is a row and, << 32, its generation then. */
__noinline __u64 place_of(__u32 number)
{
	struct tcp_row *row = row_at(number);

	return number && row ? (__u64)row->generation << 32 | number : PLACE_NOWHERE;
}

/* The row of a place, if that is still this process's; else 0. */
__noinline int place_row(__u64 place, __u64 start_ns, __u32 pid)
{
	struct tcp_row *row = row_at((__u32)place);

	if (!place || !is_row_of(row, start_ns, pid) || row->generation != place >> 32)
		return 0;
	return (__u32)place;
}

/*
 * Where a connection counts as open: a place, with its balance there, enum tcp_balance, in the
 * highest bits of the row's 32. 0: it is not open, which is told from PLACE_NOWHERE.
 *
 * Who leaves a place must find the row and the balance that it entered; if the row has gone to
 * others meanwhile, the user half has moved what was in it to `fallback`. Who holds the socket's
 * lock begins a place, turns it into another state, and ends it; a LOCKLESS look only moves it to
 * another row.
 */
#define PLACE_SHIFT 28
#define PLACE_ROW ((1U << PLACE_SHIFT) - 1)
#define PLACE_BALANCE ((__u64)~PLACE_ROW)

/* For each of the kernel's states its balance in 4 bits, as 1 + enum tcp_balance; 0: it has none.
 */
#define BALANCE(kernel, state) ((1ULL + TCP_STATE_##state) << 4 * (BPF_TCP_##kernel))
#define BALANCES                                                                                   \
	(BALANCE(ESTABLISHED, ESTABLISHED) | BALANCE(SYN_SENT, SYN_SENT) |                         \
	 BALANCE(SYN_RECV, SYN_RECV) | BALANCE(FIN_WAIT1, FIN_WAIT) |                              \
	 BALANCE(FIN_WAIT2, FIN_WAIT) | BALANCE(CLOSE_WAIT, CLOSE_WAIT) |                          \
	 BALANCE(LAST_ACK, LAST_ACK) | BALANCE(CLOSING, CLOSING))

static __always_inline bool is_open(int state)
{
	return knobs.states ? BALANCES >> 4 * state & 15 : state == BPF_TCP_ESTABLISHED;
}

/* As it stands in a place, of a state in which a connection is open. */
static __always_inline __u64 balance_of(int state)
{
	return knobs.states ? ((BALANCES >> 4 * state & 15) - 1) << PLACE_SHIFT : 0;
}

static __always_inline void place_add(__u64 place, __u32 counter, __u64 n, __u32 fallback)
{
	__u32 number = place & PLACE_ROW;
	struct tcp_row *row = row_at(number);

	if (row && row->generation != place >> 32)
		row = row_at(fallback);
	barrier_var(counter);
	if (number && row && counter < TCP_COUNTERS)
		add(((__u64 *)&row->counters)[counter], n);
}

/* The balance of its row in which it counts. */
static __always_inline __u32 place_counter(__u64 place)
{
	return COUNTER(open) + ((__u32)place >> PLACE_SHIFT);
}

/* The reader looks at the row that is entered anyway, or it is the one that is left. */
__noinline int place_change(__u64 from, __u64 to, __u32 fallback)
{
	place_add(from, place_counter(from), -1, fallback);
	place_add(to, place_counter(to), 1, fallback);
	if (from & PLACE_ROW)
		touch(from & PLACE_ROW);
	return 0;
}

/* Something has happened `n` times where it counted. */
__noinline int place_count(__u64 place, __u32 counter, __u64 n, __u32 fallback)
{
	if (n)
		place_add(place, counter, n, fallback);
	return 0;
}

/* From wherever it was. `to` may be 0. Returns where that is. */
static __always_inline __u64 place_set(__u64 *place, __u64 to, __u32 fallback, int look)
{
	__u64 from = *place;

	if (look & RACING)
		from = __sync_lock_test_and_set(place, to);
	else
		*place = to;
	place_change(from, to, fallback);
	return from;
}

/* Into another state: in one step, so that a move to another row is not undone. */
static __always_inline void place_turn(__u64 *place, __u64 balance, __u32 fallback, int look)
{
	__u64 from = *place, step = balance - (from & PLACE_BALANCE);

	if (look & RACING)
		from = __sync_fetch_and_add(place, step);
	else
		*place = from + step;
	place_change(from, from + step, fallback);
}

static __always_inline void place_end(__u64 *place, __u64 time_wait, __u32 fallback, int look)
{
	__u64 from = place_set(place, 0, fallback, look);

	if (knobs.states)
		place_count(from, COUNTER(time_wait), time_wait, fallback);
}

/* Without the lock. `from` is the place as it was; returns whether it is at `at` now. */
static __always_inline bool place_swap(__u64 *place, __u64 *from, __u64 at)
{
	__u64 was = *from;

	if (!was)
		return false;
	*from = __sync_val_compare_and_swap(place, was, at | (was & PLACE_BALANCE));
	return *from == was;
}

/*
 * If its state turns at the same time, it moves then; if another look moves it, one of the two
 * moves stands. Out of line: its caller's stack is full.
 */
static __noinline void place_move_racing(__u64 *place, __u64 at, __u32 fallback)
{
	__u64 from = *place;

	if (place_swap(place, &from, at) || place_swap(place, &from, at))
		place_change(from, at | (from & PLACE_BALANCE), fallback);
}

/* To another row, if it is open. */
static __always_inline void place_move(__u64 *place, __u32 number, __u32 fallback, int look)
{
	__u64 at = place_of(number), from = *place, to = at | (from & PLACE_BALANCE);

	if (from == at || !from) /* the first is most frequent */
		return;
	if (look & RACING) {
		place_move_racing(place, at, fallback);
		return;
	}
	*place = to;
	place_change(from, to, fallback);
}

/* The state is of those in which it is open. */
static __always_inline void places_set(struct socket_state *s, const struct account *a, int state,
				       int look)
{
	__u64 balance = balance_of(state);

	place_set(&s->process_place, place_of(a->number) | balance, TCP_ROW_OTHER, look);
	if (!endpoint_count)
		return;
	place_set(&s->endpoint_place, place_of((__u32)a->ends) | balance, TCP_ROW_NONE, look);
	if (knobs.by_client)
		place_set(&s->client_place, place_of(client_of(a->ends)) | balance, TCP_ROW_NONE,
			  look);
}

static __always_inline void places_move(struct socket_state *s, const struct account *a, int look)
{
	place_move(&s->process_place, a->number, TCP_ROW_OTHER, look);
	if (!endpoint_count)
		return;
	place_move(&s->endpoint_place, (__u32)a->ends, TCP_ROW_NONE, look);
	if (knobs.by_client)
		place_move(&s->client_place, client_of(a->ends), TCP_ROW_NONE, look);
}

/* `time_wait`: 1 if the kernel keeps it in TIME_WAIT. */
static __always_inline void places_end(struct socket_state *s, __u64 time_wait, int look)
{
	if (!s->process_place)
		return;
	place_end(&s->process_place, time_wait, TCP_ROW_OTHER, look);
	if (!endpoint_count)
		return;
	place_end(&s->endpoint_place, time_wait, TCP_ROW_NONE, look);
	if (knobs.by_client)
		place_end(&s->client_place, time_wait, TCP_ROW_NONE, look);
}

/* The connection's state is another one of those in which it is open. */
static __always_inline void places_turn(struct socket_state *s, int state, int look)
{
	__u64 balance = balance_of(state);

	if (!s->process_place)
		return;
	place_turn(&s->process_place, balance, TCP_ROW_OTHER, look);
	if (!endpoint_count)
		return;
	place_turn(&s->endpoint_place, balance, TCP_ROW_NONE, look);
	if (knobs.by_client)
		place_turn(&s->client_place, balance, TCP_ROW_NONE, look);
}

#endif
