/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>
#include <stddef.h>

#include "series/histogram.h"

#define STEPS (1U << TCP_LATENCY_STEP_LOG2)

uint64_t histogram_lower(unsigned bucket)
{
	unsigned log2;

	if (bucket == 0)
		return 0;
	log2 = TCP_LATENCY_MIN_LOG2 + (bucket - 1) / STEPS;
	return (uint64_t)(STEPS + (bucket - 1) % STEPS) << (log2 - TCP_LATENCY_STEP_LOG2);
}

void histogram_add(struct histogram *h, uint64_t count, uint64_t sum, uint64_t max,
		   const uint32_t *buckets)
{
	h->count += count;
	h->sum += sum;
	if (h->max < max)
		h->max = max;
	for (unsigned i = 0; buckets && i < TCP_LATENCY_BUCKETS; i++) {
		h->buckets[i] += buckets[i];
		/* two CPUs may have raced for the maximum: the bucket knows better */
		if (buckets[i] && h->max < histogram_lower(i))
			h->max = histogram_lower(i);
	}
}

void histogram_merge(struct histogram *h, const struct histogram *from)
{
	h->count += from->count;
	h->sum += from->sum;
	if (h->max < from->max)
		h->max = from->max;
	for (unsigned i = 0; i < TCP_LATENCY_BUCKETS; i++)
		h->buckets[i] += from->buckets[i];
}

double histogram_average(const struct histogram *h)
{
	return h->count ? (double)h->sum / (double)h->count : NAN;
}

double histogram_upper(const struct histogram *h)
{
	return h->count ? (double)h->max : NAN;
}

double histogram_percentile(const struct histogram *h, double percent)
{
	uint64_t total = 0, below = 0, rank;
	double middle;
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
	middle = (double)(histogram_lower(bucket) + histogram_lower(bucket + 1)) / 2;
	if (bucket == 0) /* below the scale: no handshake is much faster than its end */
		middle = (double)histogram_lower(1);
	if ((double)h->max < middle || bucket == TCP_LATENCY_BUCKETS - 1)
		middle = (double)h->max;
	return middle;
}

double histogram_between(const struct histogram *h, double lower, double upper)
{
	double sum = 0;

	for (unsigned i = 0; i < TCP_LATENCY_BUCKETS; i++) {
		double from = (double)histogram_lower(i), to = (double)histogram_lower(i + 1);
		double covered;

		if (i == TCP_LATENCY_BUCKETS - 1) /* it ends where the longest does */
			to = fmax(to, (double)h->max);
		covered = fmin(to, upper) - fmax(from, lower);
		if (h->buckets[i] && covered > 0)
			sum += (double)h->buckets[i] * covered / (to - from);
	}
	return sum;
}
