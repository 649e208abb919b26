/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "histogram.h"

#define STEPS (1U << TCP_LATENCY_STEP_LOG2)

uint64_t histogram_lower_ns(unsigned bucket)
{
	unsigned log2;

	if (bucket == 0)
		return 0;
	log2 = TCP_LATENCY_MIN_LOG2 + (bucket - 1) / STEPS;
	return (uint64_t)(STEPS + (bucket - 1) % STEPS) << (log2 - TCP_LATENCY_STEP_LOG2);
}

void histogram_clear(struct histogram *h)
{
	if (h->count)
		memset(h, 0, sizeof(*h));
}

void histogram_add(struct histogram *h, uint64_t count, uint64_t sum_ns, uint64_t max_ns,
		   const uint32_t *buckets)
{
	h->count += count;
	h->sum_ns += sum_ns;
	if (h->max_ns < max_ns)
		h->max_ns = max_ns;
	for (unsigned i = 0; buckets && i < TCP_LATENCY_BUCKETS; i++) {
		h->buckets[i] += buckets[i];
		/* two CPUs may have raced for the maximum: the bucket knows better */
		if (buckets[i] && h->max_ns < histogram_lower_ns(i))
			h->max_ns = histogram_lower_ns(i);
	}
}

void histogram_merge(struct histogram *h, const struct histogram *from)
{
	h->count += from->count;
	h->sum_ns += from->sum_ns;
	if (h->max_ns < from->max_ns)
		h->max_ns = from->max_ns;
	for (unsigned i = 0; i < TCP_LATENCY_BUCKETS; i++)
		h->buckets[i] += from->buckets[i];
}

double histogram_average(const struct histogram *h)
{
	return h->count ? (double)h->sum_ns / (double)h->count / 1e9 : NAN;
}

double histogram_upper(const struct histogram *h)
{
	return h->count ? (double)h->max_ns / 1e9 : NAN;
}

double histogram_percentile(const struct histogram *h, double percent)
{
	uint64_t total = 0, below = 0, rank;
	double middle_ns;
	unsigned bucket;

	for (unsigned i = 0; i < TCP_LATENCY_BUCKETS; i++)
		total += h->buckets[i];
	if (!total)
		return NAN;
	rank = (uint64_t)ceil((double)total * percent / 100 - 1e-6); /* 250 * 64.4 % is 161 */
	for (bucket = 0; bucket < TCP_LATENCY_BUCKETS - 1; bucket++) {
		below += h->buckets[bucket];
		if (below >= rank)
			break;
	}
	middle_ns = (double)(histogram_lower_ns(bucket) + histogram_lower_ns(bucket + 1)) / 2;
	if (bucket == 0) /* below the scale: no handshake is much faster than its end */
		middle_ns = (double)histogram_lower_ns(1);
	if ((double)h->max_ns < middle_ns || bucket == TCP_LATENCY_BUCKETS - 1)
		middle_ns = (double)h->max_ns;
	return middle_ns / 1e9;
}
