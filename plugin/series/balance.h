/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Balances: how many connections are open now, by state. They are where their process is, at once;
 * a part that a process leaves or that is taken over gives back what it brought.
 */
#ifndef EBPF_TCP_BALANCE_H
#define EBPF_TCP_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp.h"

struct balance {
	int32_t open[TCP_STATE_COUNT]; /* all but the first if asked for */
};

static inline void balance_add(struct balance *to, const struct balance *n)
{
	for (unsigned i = 0; i < TCP_STATE_COUNT; i++)
		to->open[i] += n->open[i];
}

static inline void balance_subtract(struct balance *from, const struct balance *n)
{
	for (unsigned i = 0; i < TCP_STATE_COUNT; i++)
		from->open[i] -= n->open[i];
}

/* Balances of the kernel half fall by adding what wraps around. */
static inline void balance_grow(struct balance *to, const struct tcp_counters *grown)
{
	for (unsigned i = 0; i < TCP_STATE_COUNT; i++)
		to->open[i] += (int32_t)(int64_t)grown->open[i];
}

/* Nothing is open, in whatever state. */
static inline bool balance_empty(const struct balance *b)
{
	int32_t any = 0;

	for (unsigned i = 0; i < TCP_STATE_COUNT; i++)
		any |= b->open[i];
	return !any;
}

#endif
