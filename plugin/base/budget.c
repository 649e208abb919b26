/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <string.h>

#include "base/budget.h"

void budget_begin(struct budget *b)
{
	b->spent_ns = 0;
	memset(b->spent_by_ns, 0, sizeof(b->spent_by_ns));
}

bool budget_allows(const struct budget *b, uint32_t uid)
{
	if (!b->clock_ns)
		return true;
	return b->spent_ns < b->limit_ns &&
	       (!uid || b->spent_by_ns[uid % BUDGET_USERS] < b->limit_ns / 2);
}

void budget_start(struct budget *b)
{
	b->began_ns = b->clock_ns ? b->clock_ns() : 0;
}

uint64_t budget_stop(struct budget *b, uint32_t uid)
{
	uint64_t took_ns = b->clock_ns ? b->clock_ns() - b->began_ns : 0;

	b->spent_ns += took_ns;
	b->spent_by_ns[uid % BUDGET_USERS] += took_ns;
	return took_ns;
}
