/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Reporting: hands samples to collectd. */
#ifndef EBPF_TCP_REPORT_H
#define EBPF_TCP_REPORT_H

#include <stdint.h>

struct metric_sample;

/* What all samples of one tick share. */
struct report {
	uint64_t time; /* cdtime_t: the same for the whole tick */
	int errors;    /* samples that collectd refused */
};

/* A metric_emit; `context` is the struct report. */
void report_sample(void *context, const struct metric_sample *sample);

#endif
