/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Places: rows that are another's later, and where a connection counts as established. */
#ifndef EBPF_TCP_PLACE_BPF_H
#define EBPF_TCP_PLACE_BPF_H

#include "row.bpf.h"

/* A place is a row and, << 32, its generation then. 0 is none. */
__noinline __u64 place_of(__u32 number)
{
	struct tcp_row *row = row_at(number);

	return number && row ? (__u64)row->generation << 32 | number : 0;
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
 * Rows hold a balance of what is established, so who leaves a place must find the row that it
 * entered; if that has gone to others meanwhile, the user half has moved what was in it to
 * `fallback`.
 */
static __always_inline void place_leave(__u64 place, __u32 fallback)
{
	struct tcp_row *row = row_at((__u32)place);

	if (row && row->generation != place >> 32)
		row = row_at(fallback);
	if (!place || !row)
		return;
	add(row->counters.established, -1);
	touch((__u32)place);
}

/* 0 is no place. */
__noinline int established_move(__u64 from, __u64 to, __u32 fallback)
{
	place_leave(from, fallback);
	if (to)
		row_add((__u32)to, COUNTER(established), 1);
	return 0;
}

/* If another look moves the place at the same time, its move stands. */
static __always_inline void place_move(__u64 *place, __u64 to, __u32 fallback, int look)
{
	__u64 from = *place;

	if (from == to)
		return;
	if (!(look & RACING))
		*place = to;
	else if (__sync_val_compare_and_swap(place, from, to) != from)
		return;
	established_move(from, to, fallback);
}

static __always_inline void places_set(struct socket_state *s, const struct account *a, int look)
{
	place_move(&s->process_place, place_of(a->number), TCP_ROW_OTHER, look);
	if (!endpoint_count)
		return;
	place_move(&s->endpoint_place, place_of((__u32)a->ends), TCP_ROW_NONE, look);
	if (knobs.by_client)
		place_move(&s->client_place, place_of(client_of(a->ends)), TCP_ROW_NONE, look);
}

static __always_inline void established_end(struct socket_state *s, int look)
{
	if (!s->process_place)
		return;
	place_move(&s->process_place, 0, TCP_ROW_OTHER, look);
	if (!endpoint_count)
		return;
	place_move(&s->endpoint_place, 0, TCP_ROW_NONE, look);
	if (knobs.by_client)
		place_move(&s->client_place, 0, TCP_ROW_NONE, look);
}

#endif
