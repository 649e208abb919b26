/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * A budget of processor time for a tick. It bounds work that users can make dear: when it is spent,
 * the rest waits for the next tick. A single piece of work is not interrupted.
 */
#ifndef EBPF_TCP_BUDGET_H
#define EBPF_TCP_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define BUDGET_USERS 128

struct budget {
	uint64_t (*clock_ns)(void); /* NULL: there is no bound */
	uint64_t limit_ns;
	uint64_t began_ns;
	uint64_t spent_ns;                  /* in this tick */
	uint64_t spent_by_ns[BUDGET_USERS]; /* part of it for each user, by uid */
};

/* A tick begins. */
void budget_begin(struct budget *b);

/*
 * May a piece of work for this user begin? A piece that takes too long is always the last one of
 * its tick. All users but root have half of the budget each, so that a user who spends it does not
 * keep others waiting.
 */
bool budget_allows(const struct budget *b, uint32_t uid);

/* Around a piece of work; budget_stop() returns the time that it took. */
void budget_start(struct budget *b);
uint64_t budget_stop(struct budget *b, uint32_t uid);

#endif
