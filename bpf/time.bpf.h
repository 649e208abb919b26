/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What is measured: times of connects, connections and round trips; times and sizes of turns. */
#ifndef EBPF_TCP_TIME_BPF_H
#define EBPF_TCP_TIME_BPF_H

#include "row.bpf.h"

/* Those of turns lie side by side. */
static __always_inline struct tcp_histogram *turn_histogram_at(__u32 number, __u32 time)
{
	__u32 at = number * TCP_TURN_TIMES + time - TCP_TIME_SERVICE;

	return bpf_map_lookup_elem(&turn_times, &at);
}

static __always_inline struct tcp_histogram *histogram_at(__u32 number, enum tcp_time time)
{
	if (time == TCP_TIME_CONNECT)
		return bpf_map_lookup_elem(&connect_times, &number);
	if (time == TCP_TIME_LIFETIME)
		return bpf_map_lookup_elem(&lifetimes, &number);
	if (!knobs.responses || time == TCP_TIME_RTT)
		return bpf_map_lookup_elem(&round_trips, &number);
	return turn_histogram_at(number, time);
}

static __always_inline void row_time(__u32 number, enum tcp_time time, __u64 units, __u32 bucket)
{
	struct tcp_histogram *histogram = histogram_at(number, time);
	struct tcp_row *row = row_at(number);

	barrier_var(bucket); /* else 6.1's verifier forgets the bound */
	if (histogram && bucket < TCP_LATENCY_BUCKETS)
		add(histogram->buckets[bucket], 1);
	barrier_var(time);
	if (!row || time >= TCP_TIME_COUNT)
		return;
	if (time == TCP_TIME_CONNECT) /* between bucket and count: the reader sees all or nothing */
		add(row->counters.connects, 1);
	if (row->time_max[time] < units)
		row->time_max[time] = units;
	add(row->counters.time_sum[time], units);
	add(row->counters.times[time], 1); /* last, as the bucket is first: see is_torn() */
}

__noinline int rows_time(__u32 number, __u64 ends, __u32 time, __u64 units)
{
	__u32 bucket = forget(tcp_latency_bucket(units));

	row_time(number, time, units, bucket);
	if (!ends)
		return 0;
	if ((__u32)ends)
		row_time((__u32)ends, time, units, bucket);
	if (client_of(ends))
		row_time(client_of(ends), time, units, bucket);
	return 0;
}

/* In all rows of the account; the time of a connect counts the connect too. */
#define count_time(account, time, units) rows_time((account)->number, (account)->ends, time, units)

#endif
