/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The histogram of connect times, on the scale that bpf/tcp.h defines. */
#ifndef EBPF_TCP_HISTOGRAM_H
#define EBPF_TCP_HISTOGRAM_H

#include <stdint.h>

#include "tcp.h"

/* Connect times of one tick. Count, sum and maximum are exact. */
struct histogram {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t max_ns;
	uint64_t buckets[TCP_LATENCY_BUCKETS];
};

/* Smallest value of a bucket in ns; that of TCP_LATENCY_BUCKETS is the end of the scale. */
uint64_t histogram_lower_ns(unsigned bucket);

void histogram_clear(struct histogram *h);

/* `buckets` may be NULL: count, sum and maximum are known all the same. */
void histogram_add(struct histogram *h, uint64_t count, uint64_t sum_ns, uint64_t max_ns,
		   const uint32_t *buckets);

void histogram_merge(struct histogram *h, const struct histogram *from);

/* In seconds; NaN without a value. */
double histogram_average(const struct histogram *h);
double histogram_upper(const struct histogram *h);

/* `percent` in (0, 100]. In seconds, at most 6.25 % off; NaN without a value. */
double histogram_percentile(const struct histogram *h, double percent);

#endif
