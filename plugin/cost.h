/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * What a read costs: the time of each of its stages, if ReportOwnCost asks for it; and the clocks.
 */
#ifndef EBPF_TCP_COST_H
#define EBPF_TCP_COST_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "series/metric.h"

struct cost {
	bool wanted;
	enum metric_stage stage;
	uint64_t since_ns;
	double spent_s[METRIC_STAGE_COUNT]; /* in this read */
	double last_s[METRIC_STAGE_COUNT];  /* in the last one */
};

/* CLOCK_BOOTTIME is the clock of the processes' start times. */
uint64_t clock_ns(clockid_t clock);

/* A read begins. */
void cost_begin(struct cost *c, uint64_t now_ns);

/* From here on, time counts for this stage. */
void cost_enter(struct cost *c, enum metric_stage stage);

void cost_end(struct cost *c);

#endif
