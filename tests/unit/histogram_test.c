/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "series/histogram.h"

#define LAST (TCP_LATENCY_BUCKETS - 1)
#define ERROR_MAX 0.0625
#define SECOND 1000000000ULL
#define SAMPLES_MAX 10007

/* By search, where the kernel half computes. */
static unsigned bucket_of(uint64_t ns)
{
	unsigned low = 0, high = TCP_LATENCY_BUCKETS;

	while (high - low > 1) {
		unsigned middle = (low + high) / 2;

		if (histogram_lower(middle) <= ns)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The buckets as the kernel would have filled them. */
static void fill(struct histogram *h, const uint64_t *samples, size_t count)
{
	uint32_t buckets[TCP_LATENCY_BUCKETS] = {0};
	uint64_t sum = 0, max = 0;

	for (size_t i = 0; i < count; i++) {
		buckets[tcp_latency_bucket(samples[i])]++;
		sum += samples[i];
		max = samples[i] > max ? samples[i] : max;
	}
	*h = (struct histogram){0};
	histogram_add(h, count, sum, max, buckets);
}

static void test_bounds(void)
{
	check_begin("histogram: bounds are contiguous");
	expect_u64(histogram_lower(0), 0, "lower bound of bucket 0");
	expect_u64(histogram_lower(1), 1ULL << TCP_LATENCY_MIN_LOG2, "of bucket 1");
	expect_u64(histogram_lower(LAST), 1ULL << TCP_LATENCY_MAX_LOG2, "of the last");
	for (unsigned i = 0; i <= LAST; i++) {
		uint64_t lower = histogram_lower(i), end = histogram_lower(i + 1);

		expect(lower < end, "bucket %u is empty", i);
		expect_u64(bucket_of(lower), i, "bucket of %" PRIu64, lower);
		expect_u64(bucket_of(lower + (end - lower) / 2), i, "of the middle of %u", i);
		expect_u64(bucket_of(end - 1), i, "bucket of %" PRIu64, end - 1);
	}
	expect_u64(bucket_of(UINT64_MAX), LAST, "bucket of UINT64_MAX");
	check_end();

	check_begin("histogram: a power of two has 2^%d equal buckets", TCP_LATENCY_STEP_LOG2);
	for (unsigned i = 1; i < LAST; i++) {
		unsigned first = i - (i - 1) % (1U << TCP_LATENCY_STEP_LOG2);

		expect_u64(histogram_lower(i + 1) - histogram_lower(i),
			   histogram_lower(first) >> TCP_LATENCY_STEP_LOG2, "width of %u", i);
	}
	check_end();
}

static void test_kernel_bucket(void)
{
	uint64_t random = 7919;

	check_begin("histogram: the kernel's bucket is ours at every bound, one below, one above");
	for (unsigned i = 0; i <= LAST + 1; i++)
		for (int d = -1; d <= 1; d++) {
			uint64_t ns = histogram_lower(i) + (uint64_t)d;

			expect_u64(tcp_latency_bucket(ns), bucket_of(ns), "%" PRIu64 " ns", ns);
		}
	check_end();

	check_begin("histogram: the kernel's bucket is ours for 100003 numbers of every length");
	for (unsigned i = 0; i < 100003; i++) {
		uint64_t ns = check_random(&random) >> i % 64;

		expect_u64(tcp_latency_bucket(ns), bucket_of(ns), "%" PRIu64 " ns", ns);
	}
	check_end();
}

static void test_empty(void)
{
	static const double percents[] = {0.001, 50, 99.9, 100};
	struct histogram h = {0};

	check_begin("histogram: NaN without a value");
	expect_double(histogram_average(&h), NAN, "average");
	expect_double(histogram_upper(&h), NAN, "upper");
	for (size_t i = 0; i < COUNT_OF(percents); i++)
		expect_double(histogram_percentile(&h, percents[i]), NAN, "percentile");
	check_end();
}

static void test_exact(void)
{
	static const uint64_t samples[] = {2003, 10007, 100003, 1000003, 10000019, 100000007};
	uint64_t sum = 0;
	struct histogram h, twice;

	check_begin("histogram: count, sum and maximum are exact");
	fill(&h, samples, COUNT_OF(samples));
	for (size_t i = 0; i < COUNT_OF(samples); i++)
		sum += samples[i];
	expect_u64(h.count, COUNT_OF(samples), "count");
	expect_u64(h.sum, sum, "sum");
	expect_u64(h.max, 100000007, "maximum");
	expect_double(histogram_average(&h), (double)sum / 6, "average");
	expect_double(histogram_upper(&h), 100000007, "upper");
	check_end();

	check_begin("histogram: known without buckets");
	twice = (struct histogram){0};
	histogram_add(&twice, 3, (uint64_t)3 * 10007, 20011, NULL);
	expect_u64(twice.count, 3, "count");
	expect_double(histogram_average(&twice), 10007, "average");
	expect_double(histogram_upper(&twice), 20011, "upper");
	expect_double(histogram_percentile(&twice, 50), NAN, "percentile");
	check_end();

	check_begin("histogram: merge is the sum, with the larger maximum");
	histogram_merge(&twice, &h);
	histogram_merge(&h, &twice);
	expect_u64(h.count, 6 + 6 + 3, "count");
	expect_u64(h.sum, 2 * sum + (uint64_t)3 * 10007, "sum");
	expect_u64(h.max, 100000007, "maximum");
	for (size_t i = 0; i < COUNT_OF(samples); i++)
		expect_u64(h.buckets[bucket_of(samples[i])], 2, "bucket of sample %zu", i);
	check_end();
}

/* The slowest connect's bucket is right even if its maximum was lost to a race. */
static void test_lifted(void)
{
	static const struct {
		uint64_t slowest, max, want;
	} cases[] = {
		{50021, 50021, 50021},           /* no race */
		{50021, 1013, 49152},            /* the race was lost: the bucket's bound */
		{50021, 0, 49152},               /* the maximum came too late */
		{150 * SECOND, 0, 137438953472}, /* beyond the scale */
		{150 * SECOND, 151 * SECOND, 151 * SECOND},
	};

	check_begin("histogram: the maximum is lifted to the highest bucket");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint32_t buckets[TCP_LATENCY_BUCKETS] = {[5] = 2};
		struct histogram h = {0};

		buckets[bucket_of(cases[i].slowest)] = 1;
		histogram_add(&h, 3, 3 * SECOND, cases[i].max, buckets);
		expect_u64(h.max, cases[i].want, "case %zu", i);
	}
	check_end();
}

static void test_beyond(void)
{
	static const uint64_t samples[] = {137438953472, 150 * SECOND, 1009 * SECOND};

	check_begin("histogram: beyond the scale a percentile is the maximum");
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		struct histogram h;

		fill(&h, &samples[i], 1);
		expect_double(histogram_percentile(&h, 50), (double)samples[i], "percentile");
	}
	check_end();
}

static int ascending(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/*
 * Every percentile of `samples` against the exact one: the smallest sample that at least so many
 * per cent do not exceed. Per cent come in thousandths, so that the rank is an integer's.
 */
static void expect_percentiles(const char *what, uint64_t *samples, size_t count)
{
	static const unsigned thousandths[] = {1,     500,   1000,  7300,  25000,
					       50000, 55000, 75000, 90000, 95000,
					       99000, 99500, 99900, 99990, 100000};
	struct histogram h;

	fill(&h, samples, count);
	qsort(samples, count, sizeof(*samples), ascending);
	for (size_t i = 0; i < COUNT_OF(thousandths); i++) {
		size_t rank = (count * thousandths[i] + 99999) / 100000;
		double exact = (double)samples[rank - 1];
		double got = histogram_percentile(&h, thousandths[i] / 1000.0);

		expect(fabs(got - exact) <= ERROR_MAX * exact * (1 + 1e-12),
		       "%s: percentile %g of %zu: exact %.9g, got %.9g", what,
		       thousandths[i] / 1000.0, count, exact, got);
		expect(got <= histogram_upper(&h), "%s: percentile %g is above the maximum", what,
		       thousandths[i] / 1000.0);
	}
}

/* A sample alone, at both ends of each bucket from `low` to `high`. */
static void test_error_alone(uint64_t low, uint64_t high)
{
	check_begin("histogram: error at most 6.25 %%, one value from %" PRIu64 " to %" PRIu64
		    " ns",
		    low, high);
	for (unsigned i = 0; i <= LAST; i++) {
		uint64_t lower = histogram_lower(i), last = histogram_lower(i + 1) - 1;
		uint64_t samples[3] = {lower < low ? low : lower, last > high ? high : last, high};

		if (last < low || lower > high)
			continue;
		for (size_t n = 0; n < 2; n++) {
			uint64_t alone[1] = {samples[n]}, with_max[2] = {samples[n], high};

			expect_percentiles("alone", alone, 1);
			expect_percentiles("with a slower one", with_max, 2);
		}
	}
	check_end();
}

/* Numbers spread evenly over the logarithm of [low, high]. */
static uint64_t log_uniform(uint64_t *random, double low, double high)
{
	double unit = (double)(check_random(random) >> 11) / 9007199254740992.0;

	return (uint64_t)(low * pow(high / low, unit));
}

static void test_error_random(void)
{
	static const struct {
		const char *name;
		double low, high;
		size_t count;
	} cases[] = {
		{"the whole scale", 1024, 100e9, SAMPLES_MAX},
		{"loopback", 11e3, 97e3, SAMPLES_MAX},
		{"a data centre", 101e3, 5e6, 1009},
		{"the internet", 7e6, 400e6, 101},
		{"with retransmits", 1e9, 63e9, 13},
		{"one bucket", 50000, 50100, 997},
		{"two values", 1024, 100e9, 2},
		{"a thousand", 1024, 100e9, 1000},
	};
	static uint64_t samples[SAMPLES_MAX];
	uint64_t random = 15485863;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		check_begin("histogram: error at most 6.25 %%, random: %s", cases[i].name);
		for (unsigned round = 0; round < 7; round++) {
			for (size_t n = 0; n < cases[i].count; n++)
				samples[n] = log_uniform(&random, cases[i].low, cases[i].high);
			expect_percentiles(cases[i].name, samples, cases[i].count);
		}
		check_end();
	}
}

/* With `count` values, is the one that a percentile asks for the one of exactly that rank? */
static bool rank_is_exact(size_t count, unsigned tenths)
{
	uint64_t rank = (count * tenths + 999) / 1000;
	struct histogram h = {.count = count, .max = 4 * SECOND};

	h.buckets[10] = rank; /* the last of these has it, the next one is far above */
	h.buckets[100] = count - rank;
	return histogram_percentile(&h, tenths / 10.0) < (double)histogram_lower(100);
}

static void test_rank(void)
{
	check_begin("histogram: the rank is exact for tenths of a per cent of up to 2003 values");
	for (size_t count = 1; count <= 2003; count++)
		for (unsigned tenths = 1; tenths <= 1000; tenths++)
			expect(rank_is_exact(count, tenths),
			       "percentile %g of %zu values is not the value of rank %zu",
			       tenths / 10.0, count, (count * tenths + 999) / 1000);
	check_end();
}

/* -- how many are between two bounds -- */

/* Some in every bucket, a prime more in each: no sum can be mistaken for another. */
static void fill_all(struct histogram *h)
{
	*h = (struct histogram){.max = 2 * histogram_lower(LAST)};
	for (unsigned i = 0; i <= LAST; i++)
		h->count += h->buckets[i] = 1009 + 7 * (uint64_t)i;
}

/* Of whole buckets, from the first up to but without the last. */
static void test_between_full(void)
{
	struct histogram h;

	check_begin("histogram: between the bounds of buckets all and only theirs count");
	fill_all(&h);
	for (unsigned first = 0; first <= LAST; first++) {
		double want = 0;

		for (unsigned last = first; last <= LAST; last++) {
			double lower = (double)histogram_lower(first);
			double upper = (double)histogram_lower(last);

			if (last > first)
				expect_double(histogram_between(&h, lower, upper), want, "between");
			want += (double)h.buckets[last];
		}
		expect_double(histogram_between(&h, (double)histogram_lower(first), INFINITY), want,
			      "without an upper bound");
	}
	expect_double(histogram_between(&h, 0, INFINITY), (double)h.count, "all");
	check_end();
}

static void test_between_part(void)
{
	static const struct {
		unsigned bucket;
		double lower, upper; /* where in the bucket */
		double want;
	} cases[] = {
		{9, 0, 1, 1000},       {9, 0, 0.5, 500},     {9, 0.5, 1, 500},
		{9, 0.25, 0.375, 125}, {9, -1, 0.75, 750},   {9, 0.75, 7, 250},
		{9, 1, 2, 0},          {9, -1, 0, 0},        {9, 0.5, 0.5, 0},
		{9, 0.5, 0.25, 0}, /* upside down */
		{0, 0, 0.5, 500},      {0, 0.25, 1, 750},    {100, 0, 0.125, 125},
		{216, 0.5, 1, 500},    {216, 0.5, 99, 500},  {LAST, 0, 1, 1000},
		{LAST, 0, 0.5, 500},   {LAST, 0.75, 1, 250}, {LAST, 0.75, INFINITY, 250},
	};

	check_begin("histogram: a bucket that has a bound in it counts in proportion");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		double from = (double)histogram_lower(cases[i].bucket);
		double width = (double)histogram_lower(cases[i].bucket + 1) - from;
		struct histogram h = {.count = 1000};

		h.buckets[cases[i].bucket] = 1000;
		h.max = histogram_lower(cases[i].bucket);
		expect_double(histogram_between(&h, from + cases[i].lower * width,
						from + cases[i].upper * width),
			      cases[i].want, "between");
	}
	check_end();
}

/* The last bucket ends where the slowest is. */
static void test_between_open(void)
{
	struct histogram h = {.count = 7};
	double start = (double)histogram_lower(LAST);
	uint64_t max = 1009 * SECOND;

	check_begin("histogram: the last bucket is open, and ends with the slowest");
	h.max = max;
	h.buckets[LAST] = 7;
	expect_double(histogram_between(&h, start, INFINITY), 7, "all");
	expect_double(histogram_between(&h, start, (double)max), 7, "to the slowest");
	expect_double(histogram_between(&h, start, (start + (double)max) / 2), 3.5, "half");
	expect_double(histogram_between(&h, (start + (double)max) / 2, INFINITY), 3.5,
		      "the other half");
	expect_double(histogram_between(&h, (double)max, INFINITY), 0, "above the slowest");
	expect_double(histogram_between(&h, 0, start), 0, "below");
	check_end();
}

/* Exact samples, of which we know how many are in each interval. */
static void test_between_samples(void)
{
	static const double cuts[] = {0, 1e6, 5e6, 1e7, 5e7, 1e8, 2.5e8, 1e9, INFINITY};
	static uint64_t samples[SAMPLES_MAX];
	uint64_t random = 86028121;
	double sum = 0;
	struct histogram h;

	for (size_t i = 0; i < SAMPLES_MAX; i++)
		samples[i] = log_uniform(&random, 1024, 100e9);
	fill(&h, samples, SAMPLES_MAX);

	check_begin("histogram: any intervals that join make up all that there is");
	for (size_t i = 0; i + 1 < COUNT_OF(cuts); i++)
		sum += histogram_between(&h, cuts[i], cuts[i + 1]);
	expect(fabs(sum - SAMPLES_MAX) < 1e-6, "%.17g", sum);
	check_end();

	check_begin("histogram: at most the samples of the bounds' buckets are in doubt");
	for (size_t i = 0; i + 1 < COUNT_OF(cuts); i++) {
		double got = histogram_between(&h, cuts[i], cuts[i + 1]), exact = 0, doubt;

		for (size_t n = 0; n < SAMPLES_MAX; n++)
			exact += (double)samples[n] > cuts[i] && (double)samples[n] <= cuts[i + 1];
		doubt = (double)h.buckets[bucket_of((uint64_t)cuts[i])];
		if (cuts[i + 1] < INFINITY)
			doubt += (double)h.buckets[bucket_of((uint64_t)cuts[i + 1])];
		expect(fabs(got - exact) <= doubt, "from %g to %g: exact %g, got %g", cuts[i],
		       cuts[i + 1], exact, got);
		expect(exact > 3 * doubt, "nothing is left to be exact from %g to %g", cuts[i],
		       cuts[i + 1]);
	}
	check_end();
}

static void test_between_empty(void)
{
	struct histogram h = {0};

	check_begin("histogram: nothing is between any bounds if there is nothing");
	expect_double(histogram_between(&h, 0, INFINITY), 0, "all");
	expect_double(histogram_between(&h, 1e6, 1e9), 0, "some");
	histogram_add(&h, 7, 7 * SECOND, SECOND, NULL);
	expect_double(histogram_between(&h, 0, INFINITY), 0, "without buckets");
	check_end();
}

int main(void)
{
	test_bounds();
	test_kernel_bucket();
	test_empty();
	test_exact();
	test_lifted();
	test_beyond();
	test_error_alone(1024, 100 * SECOND);
	test_error_alone(1000, 1023); /* the scale is said to begin at 1 us */
	test_error_random();
	test_rank();
	test_between_full();
	test_between_part();
	test_between_open();
	test_between_samples();
	test_between_empty();
	return check_status();
}
