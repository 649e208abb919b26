/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The samples of one call, and what they must be. */
#ifndef EBPF_TCP_METRIC_WORLD_H
#define EBPF_TCP_METRIC_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "series/group.h"
#include "series/metric.h"

#define SAMPLES_MAX 64

/* What a sample must be; the names are a contract with whoever has built a dashboard. */
struct want {
	const char *type, *instance;
	unsigned count;
	uint64_t derive[2];
	double value; /* if count is 0: a gauge */
};

extern struct metric_sample samples[SAMPLES_MAX]; /* where take_sample() puts them */
extern unsigned sample_count;

void take_sample(void *context, const struct metric_sample *sample);

/* Every wanted sample is there once, in any order. */
void expect_wants(const struct want *wants, size_t count, const char *group, const char *part);

#endif
