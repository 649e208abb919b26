/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What is open: a balance, which may neither be lost nor be counted twice. */
#include "check.h"
#include "group_world.h"

static void expect_open_fixed(int64_t all, int64_t other, int64_t kernel)
{
	expect(world.all.seen_open == all && world.other.seen_open == other &&
		       world.kernel.seen_open == kernel,
	       "tick %" PRIu64 ": all, other, kernel: want %" PRId64 " %" PRId64 " %" PRId64
	       ", got %" PRId64 " %" PRId64 " %" PRId64,
	       world.now_ns / TICK_NS - 1000, all, other, kernel, world.all.seen_open,
	       world.other.seen_open, world.kernel.seen_open);
}

static void test_open(void)
{
	check_begin("group: what is open is told at once, and again in quiet ticks");
	world_open(7, 7, 0);
	tick_begin();
	feed_open("web", 3, 101, 11);
	feed_open("web", 4, 103, 2);
	feed_open(GROUP_OTHER, 5, 107, 3);
	feed_open("", TCP_ROW_OTHER, 0, 5);
	feed_open("", TCP_ROW_KERNEL, 0, 7);
	tick_end();
	for (unsigned i = 0; i < 3; i++) {
		expect_open(GROUP_WHOLE, "web", "", 13);
		expect_open(GROUP_PROCESS, "web", "101", 11);
		expect_open(GROUP_PROCESS, "web", "103", 2);
		expect_open_fixed(28, 8, 7);
		quiet_ticks(1);
	}
	tick_begin();
	feed_open("web", 3, 101, -11);
	tick_end();
	expect_open(GROUP_WHOLE, "web", "", 2);
	expect_open(GROUP_PROCESS, "web", "101", 0);
	expect_open_fixed(17, 8, 7);
	world_close();
	check_end();
}

static void test_open_hidden(void)
{
	check_begin("group: what is open in hidden groups is in other, and comes back with them");
	world_open(1, 1, 0);
	tick_begin();
	feed_rx("busy", 3, 101, 1000003);
	feed_open("busy", 3, 101, 2);
	feed_open("quiet", 4, 103, 5);
	tick_end();
	expect_open(GROUP_WHOLE, "busy", "", 2);
	expect_open(GROUP_WHOLE, "quiet", "", GONE);
	expect_open(GROUP_PROCESS, "quiet", "103", GONE);
	expect_open_fixed(7, 5, 0);
	for (unsigned i = 0; i < 3; i++)
		tick_rx("quiet", 4, 103, 100000007);
	expect_open(GROUP_WHOLE, "busy", "", GONE);
	expect_open(GROUP_WHOLE, "quiet", "", 5);
	expect_open(GROUP_PROCESS, "quiet", "103", 5);
	expect_open_fixed(7, 2, 0);
	world_close();
	check_end();
}

static void test_open_exec(void)
{
	check_begin("group: a process that moves takes with it what is open");
	world_open(7, 7, 0);
	tick_begin();
	feed_open("sh", 3, 101, 11);
	feed_open("sh", 4, 103, 2);
	tick_end();
	tick_begin();
	feed_open("curl", 3, 101, 1);
	tick_end();
	expect_open(GROUP_WHOLE, "sh", "", 2);
	expect_open(GROUP_PROCESS, "sh", "101", GONE);
	expect_open(GROUP_WHOLE, "curl", "", 12);
	expect_open(GROUP_PROCESS, "curl", "101", 12);
	tick_begin();
	feed_open(GROUP_OTHER, 3, 101, -2);
	tick_end();
	expect_open(GROUP_WHOLE, "curl", "", GONE);
	expect_open_fixed(12, 10, 0);
	tick_begin();
	feed_open("curl", 3, 101, -10);
	tick_end();
	expect_open(GROUP_WHOLE, "curl", "", 0);
	expect_open_fixed(2, 0, 0);
	world_close();
	check_end();
}

/* While it is not known what a process is, it is in `other`; then it is told of without growth. */
static void test_open_waits(void)
{
	struct snapshot_process p = opens(3, 101, 5);

	check_begin("group: a process that waits in other takes what is open to its group");
	world_open_with(&(struct group_options){.group_limit = 7,
						.by_pid = true,
						.pid_limit = 7,
						.by_port = true,
						.port_limit = 7},
			0, NULL, 0);
	p.grown.rx_bytes = 1009;
	tick_begin();
	feed_as(GROUP_OTHER, -1, &p);
	feed_endpoint_as(GROUP_OTHER, -1, TCP_ENDPOINT_PORT, 443, &p);
	tick_end();
	expect_open_fixed(5, 5, 0);
	expect_open(GROUP_PORT, GROUP_OTHER, "port-443", 5);
	tick_begin();
	feed_open("db", 3, 101, 0);
	feed_open_end("db", TCP_ENDPOINT_PORT, 443, 0);
	tick_end();
	expect_open_fixed(5, 0, 0);
	expect_open(GROUP_WHOLE, "db", "", 5);
	expect_open(GROUP_PROCESS, "db", "101", 5);
	expect_open(GROUP_PORT, "db", "port-443", 5);
	expect(due_of(GROUP_PORT, GROUP_OTHER, "port-443")->seen_open == 0, "what is left");
	expect_rx("db", 0, 0); /* what it did before stays where it was */
	tick_begin();
	p.grown.open[TCP_STATE_ESTABLISHED] = (uint64_t)-2;
	feed_as("db", -1, &p);
	feed_endpoint_as("db", -1, TCP_ENDPOINT_PORT, 443, &p);
	tick_end();
	quiet_ticks(2);
	expect_rx("db", 0, 1009);
	expect_open(GROUP_WHOLE, "db", "", 3);
	expect_open(GROUP_PORT, "db", "port-443", 3);
	expect_open_fixed(3, 0, 0);
	world_close();
	check_end();
}

/* The kernel half takes such connections from TCP_ROW_OTHER when they close. */
static void test_open_after_end(void)
{
	struct snapshot_process last = opens(3, 101, -1);

	check_begin("group: connections that outlive their process are in other until they close");
	world_open(7, 7, 0);
	tick_begin();
	feed_open("web", 3, 101, 5);
	feed_open("web", 4, 103, 2);
	tick_end();
	last.last = true;
	tick_begin();
	feed_as("web", -1, &last);
	tick_end();
	expect_open(GROUP_WHOLE, "web", "", 2);
	expect_open(GROUP_PROCESS, "web", "101", GONE);
	expect_open_fixed(6, 4, 0);
	tick_begin();
	feed_as("new", -1, /* in its row */
		&(struct snapshot_process){.row = 3,
					   .pid = 107,
					   .start_ns = 11 * SECOND,
					   .grown.open[TCP_STATE_ESTABLISHED] = 1});
	feed_open("", TCP_ROW_OTHER, 0, -4);
	tick_end();
	expect_open(GROUP_WHOLE, "new", "", 1);
	expect_open(GROUP_PROCESS, "new", "107", 1);
	expect_open(GROUP_WHOLE, "web", "", 2);
	expect_open_fixed(3, 0, 0);
	tick_begin(); /* its end was not seen: another has its row */
	feed_as("newer", -1,
		&(struct snapshot_process){.row = 3,
					   .pid = 109,
					   .start_ns = 13 * SECOND,
					   .grown.open[TCP_STATE_ESTABLISHED] = 1});
	tick_end();
	expect_open(GROUP_WHOLE, "newer", "", 1);
	expect_open(GROUP_WHOLE, "new", "", GONE);
	expect_open_fixed(4, 1, 0);
	world_close();
	check_end();
}

static void test_open_ends(void)
{
	struct snapshot_process last = opens(0, 101, 0);

	check_begin("group: what is open at destinations and ports beyond the limit is in the part "
		    "other");
	world_open_endpoints(1, 2);
	tick_begin();
	feed_rx("web", 3, 101, 1000003);
	feed_open("web", 3, 101, 1 + 2 + 4 + 8);
	for (unsigned i = 1; i <= 4; i++) {
		feed_ends("web", i, i * 1000);
		feed_open_end("web", TCP_ENDPOINT_DESTINATION, i, 1 << (i - 1));
		feed_open_end("web", TCP_ENDPOINT_PORT, i, 16 << (i - 1));
	}
	tick_end();
	for (unsigned tick = 0; tick < 40; tick++) { /* also when nothing has moved for long */
		expect_open(GROUP_DESTINATION, "web", "10.0.0.4:443", 8);
		expect_open(GROUP_DESTINATION, "web", "10.0.0.3:443", 4);
		expect_open(GROUP_DESTINATION, "web", "10.0.0.2:443", GONE);
		expect_open(GROUP_DESTINATION, "web", GROUP_OTHER, 1 + 2);
		expect_open(GROUP_PORT, "web", "port-4", 128);
		expect_open(GROUP_PORT, "web", PORTS_REST, 16 + 32);
		expect_open(GROUP_WHOLE, "web", "", 15);
		expect_open_fixed(15, 0, 0);
		quiet_ticks(1);
	}
	tick_begin();
	last.process_row = 3;
	last.last = true;
	feed_endpoint_as("web", -1, TCP_ENDPOINT_DESTINATION, 1, &last);
	feed_open_end("web", TCP_ENDPOINT_DESTINATION, 2, -2);
	feed_open_end("web", TCP_ENDPOINT_DESTINATION, 3, -4);
	tick_end();
	expect_open(GROUP_DESTINATION, "web", "10.0.0.4:443", 8);
	expect_open(GROUP_DESTINATION, "web", "10.0.0.3:443", GONE);
	expect_open(GROUP_DESTINATION, "web", GROUP_OTHER, GONE);
	world_close();
	check_end();
}

static void add_rest(void *context, const struct group *group)
{
	if (group->kind == GROUP_DESTINATION && strcmp(group->part, GROUP_OTHER) == 0)
		*(int64_t *)context += group->balance.open[TCP_STATE_ESTABLISHED];
}

/* More destinations than are remembered without a reason. */
static void test_open_many_ends(void)
{
	const struct group_options options = {.new_names_per_hour = PLENTY,
					      .group_limit = 7,
					      .by_destination = true,
					      .destination_limit = 2};
	const struct match match = {.group = "web", .rule = -1, .exe = "", .cgroup = ""};
	struct groups *g = NULL;
	int64_t rest = 0;

	check_begin("group: what is open at a thousand hidden destinations is all in the rest");
	expect(!groups_open(&g, 3000, &options, 0, NULL, 0), "no memory");
	for (unsigned tick = 1; g && tick < 5; tick++) {
		groups_begin(g, tick * SECOND);
		for (unsigned i = 0; i < 1009 && tick == 1; i++) {
			struct snapshot_process p = opens(1000 + i, 101, 1);

			p.process_row = 3;
			p.endpoint = (struct tcp_endpoint){.kind = TCP_ENDPOINT_DESTINATION,
							   .port = (uint16_t)(1 + i)};
			p.grown.tx_bytes = i < 2 ? 1000003 : 1;
			groups_add(g, &match, &p);
		}
		if (tick == 1)
			groups_add(g, &match,
				   &(struct snapshot_process){.row = 3,
							      .process_row = 3,
							      .pid = 101,
							      .start_ns = 7 * SECOND,
							      .grown.tx_bytes = 7});
		groups_end(g);
		rest = 0;
		groups_each(g, add_rest, &rest);
		expect(rest == 1007, "tick %u: %d in the rest", tick, (int)rest);
	}
	groups_close(g);
	check_end();
}

static void test_open_moved_end(void)
{
	static const struct group_options options[] = {
		{.new_names_per_hour = PLENTY, .group_limit = 7, .by_port = true, .port_limit = 7},
		{.by_port = false}};
	struct snapshot_process p = opens(3, 101, 5);

	check_begin("group: a port leaves its place with a process whose new rule reports none");
	world_open_with(options, 1, NULL, 0);
	tick_begin();
	feed_as("web", -1, &p);
	feed_endpoint_as("web", -1, TCP_ENDPOINT_PORT, 443, &p);
	tick_end();
	expect_open(GROUP_PORT, "web", "port-443", 5);
	p = opens(3, 101, 1);
	tick_begin();
	feed_as("db", 0, &p);
	feed_endpoint_as("db", 0, TCP_ENDPOINT_PORT, 443, &p);
	tick_end();
	expect_open(GROUP_PORT, "web", "port-443", GONE);
	expect_open(GROUP_WHOLE, "db", "", 6);
	tick_begin(); /* and back */
	feed_as("web", -1, &p);
	feed_endpoint_as("web", -1, TCP_ENDPOINT_PORT, 443, &p);
	tick_end();
	expect_open(GROUP_PORT, "web", "port-443", 7);
	world_close();
	check_end();
}

int main(void)
{
	test_open();
	test_open_hidden();
	test_open_exec();
	test_open_waits();
	test_open_after_end();
	test_open_ends();
	test_open_many_ends();
	test_open_moved_end();
	return check_status();
}
