/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <string.h>

#include "probe/rows.h"

#define TORN_TRIES 16 /* a time that is being written is there after a few reads... */
#define TORN_LOOKS 3  /* ...or, if its writer has lost the processor, after a look or two */

/*
 * The kernel writes while we read: every counter is taken once. How many times were measured comes
 * first: what belongs to them is in all that is read later.
 */
static void read_counters(struct tcp_counters *out, const struct probe_tables *tables,
			  unsigned number)
{
	const struct tcp_counters *row = &tables->rows[number].counters;
	const volatile __u64 *now = (const volatile __u64 *)row;
	struct tcp_bytes bytes = probe_bytes(tables, number);
	__u64 times[TCP_TIME_COUNT];

	for (unsigned i = 0; i < TCP_TIME_COUNT; i++)
		times[i] = __atomic_load_n(&row->times[i], __ATOMIC_ACQUIRE);
	for (unsigned i = 0; i < TCP_COUNTERS; i++)
		((__u64 *)out)[i] = now[i];
	memcpy(out->times, times, sizeof(times));
	out->tx_bytes += bytes.tx;
	out->rx_bytes += bytes.rx;
}

/*
 * Is a time just being written? Its bucket comes first and its count last, so the buckets have more
 * then. Leaves a copy of the buckets, which growth_take_times() takes out of the row.
 */
static bool is_torn(struct snapshot *s, unsigned row, unsigned time, const struct tcp_counters *now)
{
	const struct tcp_counters *before = &s->seen[row].counters;
	__u64 count = now->times[time] - before->times[time], sum = 0;
	uint32_t *out = s->grown_buckets[time];
	const uint32_t *buckets;

	if (!s->tables.histograms[time])
		return false;
	if (!count && (time != TCP_TIME_CONNECT || now->connects == before->connects))
		return false;
	buckets = probe_histogram(&s->tables, time, row)->buckets;
	s->grown_max[time] = __atomic_load_n(&s->tables.rows[row].time_max[time], __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	for (unsigned i = 0; i < TCP_LATENCY_BUCKETS; i++) {
		out[i] = __atomic_load_n(&buckets[i], __ATOMIC_RELAXED);
		sum += out[i];
	}
	return sum != count;
}

/* All times that are being written, as bits. */
static unsigned torn_times(struct snapshot *s, unsigned row, const struct tcp_counters *now)
{
	unsigned torn = 0;

	for (unsigned i = 0; i < TCP_TIME_COUNT; i++)
		torn |= (unsigned)is_torn(s, row, i, now) << i;
	return torn;
}

/*
 * Leaves a time that is being written to the next look: its count and sum, and with the time of a
 * connect the connect.
 */
static void wait_for(struct tcp_counters *now, const struct tcp_counters *before, unsigned torn)
{
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++) {
		if (torn >> i & 1)
			now->times[i] = before->times[i];
		if (now->times[i] == before->times[i])
			now->time_sum[i] = before->time_sum[i];
	}
	if (torn >> TCP_TIME_CONNECT & 1)
		now->connects = before->connects;
}

bool growth_take(struct tcp_counters *grown, struct snapshot *s, unsigned number)
{
	struct seen *seen = &s->seen[number];
	__u64 *before = (__u64 *)&seen->counters, *out = (__u64 *)grown, any = 0;
	struct tcp_counters now = {0};
	unsigned torn = 1;

	for (unsigned i = 0; torn && i < TORN_TRIES; i++) {
		read_counters(&now, &s->tables, number);
		torn = torn_times(s, number, &now);
	}
	if (s->states[number] == LEAVING || seen->torn == TORN_LOOKS)
		torn = 0; /* it is late enough */
	seen->torn = torn ? seen->torn + 1 : 0;
	wait_for(&now, &seen->counters, torn);
	for (unsigned i = 0; i < TCP_COUNTERS; i++) {
		out[i] = ((__u64 *)&now)[i] - before[i];
		any |= out[i];
	}
	for (unsigned i = 0; i < TCP_STATE_COUNT; i++)
		seen->open += (int64_t)grown->open[i];
	seen->counters = now;
	return any != 0;
}

/* Takes the growth of a histogram out of the row. What has come meanwhile stays. */
static const uint32_t *take_buckets(struct snapshot *s, unsigned row, unsigned time)
{
	uint32_t *now = probe_histogram(&s->tables, time, row)->buckets;
	const uint32_t *grown = s->grown_buckets[time];

	for (unsigned i = 0; i < TCP_LATENCY_BUCKETS; i++)
		if (grown[i])
			__atomic_sub_fetch(&now[i], grown[i], __ATOMIC_RELAXED);
	return grown;
}

void growth_take_times(struct snapshot *s, unsigned row, struct snapshot_process *p)
{
	__u64 *max = s->tables.rows[row].time_max;

	for (unsigned i = 0; i < TCP_TIME_COUNT; i++) {
		__u64 seen = s->grown_max[i];

		if (!p->grown.times[i] || !s->tables.histograms[i])
			continue;
		p->buckets[i] = take_buckets(s, row, i);
		p->time_max[i] = seen;
		__atomic_compare_exchange_n(&max[i], &seen, 0, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
	}
}
