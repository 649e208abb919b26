/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The histogram of a time, on the scale and in the unit that bpf/tcp.h defines. */
#ifndef EBPF_TCP_HISTOGRAM_H
#define EBPF_TCP_HISTOGRAM_H

#include <stdint.h>

#include "tcp.h"

/* Times of one tick. Count, sum and maximum are exact. */
struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t max;
	uint64_t buckets[TCP_LATENCY_BUCKETS];
};

/* Smallest value of a bucket; that of TCP_LATENCY_BUCKETS is the end of the scale. */
uint64_t histogram_lower(unsigned bucket);

/* `buckets` may be NULL: count, sum and maximum are known all the same. */
void histogram_add(struct histogram *h, uint64_t count, uint64_t sum, uint64_t max,
		   const uint32_t *buckets);

void histogram_merge(struct histogram *h, const struct histogram *from);

/* NaN without a value. */
double histogram_average(const struct histogram *h);
double histogram_upper(const struct histogram *h);

/* `percent` in (0, 100]. At most 6.25 % off; NaN without a value. */
double histogram_percentile(const struct histogram *h, double percent);

/* How many values are in (lower, upper]; those of a bucket that has a bound in it count in part. */
double histogram_between(const struct histogram *h, double lower, double upper);

#endif
