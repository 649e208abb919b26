/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <string.h>

#include "cost.h"

uint64_t clock_ns(clockid_t clock)
{
	struct timespec t = {0};

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void cost_enter(struct cost *c, enum metric_stage stage)
{
	uint64_t now_ns;

	if (!c->wanted)
		return;
	now_ns = clock_ns(CLOCK_MONOTONIC);
	c->spent_s[c->stage] += (double)(now_ns - c->since_ns) / 1e9;
	c->since_ns = now_ns;
	c->stage = stage;
}

void cost_begin(struct cost *c, uint64_t now_ns)
{
	memset(c->spent_s, 0, sizeof(c->spent_s));
	c->since_ns = now_ns;
	c->stage = METRIC_REFRESH;
}

void cost_end(struct cost *c)
{
	cost_enter(c, METRIC_REFRESH);
	memcpy(c->last_s, c->spent_s, sizeof(c->last_s));
}
