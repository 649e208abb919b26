/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Reporting: hands samples to collectd. */
#ifndef EBPF_TCP_REPORT_H
#define EBPF_TCP_REPORT_H

#include <stdint.h>

struct event;
struct group;
struct meta_data_s;
struct metric_sample;

/* What all samples of one tick share. */
struct report {
	uint64_t time;            /* cdtime_t: the same for the whole tick */
	int errors;               /* samples that collectd refused */
	struct meta_data_s *meta; /* of the process that is being told of, else NULL */
};

/* Around the samples of one group: those of a process carry its attributes as meta data. */
void report_begin(struct report *report, const struct group *group);
void report_end(struct report *report);

/* A metric_emit; `context` is the struct report. */
void report_sample(void *context, const struct metric_sample *sample);

/* Types of values, "latency, percent". To hand over a value is to queue it: what becomes of it
 * later nobody tells. */
struct report_types {
	char asked[256];
	char unknown[256]; /* collectd knows none of that name with so many values */
};

/* A metric_emit that asks collectd for the sample's type; `context` is the struct report_types. */
void report_type(void *context, const struct metric_sample *sample);

/* A notification; it may block for as long as those who listen do. */
void report_event(const struct report *report, const struct event *event);

/* One for `more` events that are not told one by one. */
void report_more(const struct report *report, uint64_t more);

#endif
