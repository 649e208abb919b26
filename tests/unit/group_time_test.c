/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Times of groups: of connects, lifetimes and round trips; and segments. */
#include "check.h"
#include "group_world.h"

static void test_latency(void)
{
	struct snapshot_process p;

	check_begin("group: latency of hidden groups is in other, of one tick only");
	world_open(1, 1, 0);
	tick_begin();
	p = connects_of(3, 101, 10007, 3);
	p.grown.rx_bytes = 1000003;
	feed_as("shown", -1, &p);
	p = connects_of(4, 103, 50021, 5);
	feed_as("hidden", -1, &p);
	p = connects_of(5, 107, 90001, 7);
	feed_as("hidden too", -1, &p);
	p = connects_of(TCP_ROW_OTHER, 0, 20011, 11);
	feed_as("", -1, &p);
	p = connects_of(TCP_ROW_KERNEL, 0, 30011, 13);
	feed_as("", -1, &p);
	tick_end();
	expect_u64(world.all.seen_latency.count, 5 + 7 + 11 + 13, "all, but for the new group");
	expect_u64(world.other.seen_latency.count, 5 + 7 + 11, "other");
	expect_u64(world.other.seen_latency.sum, 5 * 50021 + 7 * 90001 + 11 * 20011,
		   "sum of other");
	expect_u64(world.other.seen_latency.max, 90001, "maximum of other");
	expect_u64(world.kernel.seen_latency.count, 13, "kernel");
	tick_begin();
	tick_end();
	expect_u64(world.all.seen_latency.count, 3, "all, with what waited");
	expect_u64(world.other.seen_latency.count, 0, "other in a tick without connects");
	tick_begin();
	tick_end();
	expect_u64(world.all.seen_latency.count, 0, "all in a tick without connects");
	world_close();
	check_end();
}

static void test_endpoint_latency(void)
{
	struct snapshot_process p = connects_of(ENDPOINT_ROW, 101, 10007, 3);

	check_begin("group: connect times of destinations, and of the rest");
	world_open_endpoints(1, 1);
	each_tick(2) {
		feed_rx("web", 3, 101, 1009);
		p = connects_of(ENDPOINT_ROW, 101, 10007, 3);
		feed_endpoint_as("web", -1, TCP_ENDPOINT_DESTINATION, 1, &p);
		p = connects_of(ENDPOINT_ROW, 101, 50021, 2);
		feed_endpoint_as("web", -1, TCP_ENDPOINT_DESTINATION, 2, &p);
	}
	expect_u64(due_of(GROUP_DESTINATION, "web", "10.0.0.1:443")->seen_latency.count, 6,
		   "shown");
	expect_u64(due_of(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER)->seen_latency.count, 0,
		   "other/other, before anything was there");
	expect_u64(due_of(GROUP_DESTINATION, "web", GROUP_OTHER)->seen_latency.sum, 4 * 50021,
		   "sum of the rest");
	expect_u64(world.all.seen_latency.count, 0, "all");
	world_close();
	check_end();
}

/* -- lifetimes and round trips -- */

static struct histogram seen_times[TCP_TIME_COUNT];

static void see_times(void *context, const struct group *series)
{
	if (strcmp(series->name, context) != 0 || *series->part)
		return;
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++)
		if (series->times[i])
			seen_times[i] = *series->times[i];
}

static void expect_times(const char *name, uint64_t factor, uint32_t bucket)
{
	memset(seen_times, 0, sizeof(seen_times));
	groups_each(world.groups, see_times, (void *)name);
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++) {
		expect_u64(seen_times[i].count, factor * (i + 2), "%s: count %u", name, i);
		expect_u64(seen_times[i].sum, factor * (i + 1) * 1009, "%s: sum %u", name, i);
		expect_u64(seen_times[i].max, factor ? (i + 1) * 100003 : 0, "%s: max %u", name, i);
		expect_u64(seen_times[i].buckets[bucket + i], factor * (i + 2), "%s: bucket %u",
			   name, i);
	}
}

static void test_times(void)
{
	static uint32_t buckets[TCP_TIME_COUNT][TCP_LATENCY_BUCKETS];
	struct snapshot_process p = opens(3, 101, 0);

	check_begin("group: each time has a histogram of its own, of one tick");
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++) {
		p.grown.times[i] = i + 2;
		p.grown.time_sum[i] = (i + 1) * 1009;
		p.time_max[i] = (i + 1) * 100003;
		buckets[i][7 + i] = i + 2;
		p.buckets[i] = buckets[i];
	}
	world_open(7, 0, 0);
	tick_begin();
	feed_as("web", -1, &p);
	p.row = 4;
	p.pid = 103;
	feed_as(GROUP_OTHER, -1, &p);
	p.row = TCP_ROW_KERNEL;
	feed_as("", -1, &p);
	tick_end();
	expect_times("web", 0, 7); /* a new series */
	expect_times(GROUP_OTHER, 1, 7);
	expect_times(GROUP_KERNEL, 1, 7);
	expect_times(GROUP_ALL, 2, 7);
	quiet_ticks(1);
	expect_times("web", 1, 7);
	expect_times(GROUP_ALL, 1, 7);
	expect_times(GROUP_OTHER, 0, 7);
	quiet_ticks(1);
	expect_times("web", 0, 7);
	expect_times(GROUP_ALL, 0, 7);
	world_close();
	check_end();
}

static void test_segments(void)
{
	struct snapshot_process p = opens(3, 101, 0);

	check_begin("group: segments of one tick, beside those of ever");
	p.grown.segments = 1009;
	p.grown.retransmits = 13;
	world_open(7, 7, 0);
	for (unsigned i = 0; i < 3; i++) { /* see_series() holds both against each other */
		tick_begin();
		feed_as("web", -1, &p);
		tick_end();
		expect_u64(due_of_pid("web", 101)->total.segments, i ? (i + 1) * 1009 : 0,
			   "segments");
		expect_u64(world.all.total.retransmits, i ? (i + 1) * 13 : 0, "retransmits");
	}
	quiet_ticks(2);
	world_close();
	check_end();
}

int main(void)
{
	test_latency();
	test_endpoint_latency();
	test_times();
	test_segments();
	return check_status();
}
