/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The life of a series, of a group and of a process: when it begins, what it has, when it ends. */
#include "check.h"
#include "group_world.h"
#include "identity/containers.h"

static void test_empty(void)
{
	check_begin("group: all, other and kernel are there from the first tick, as 0");
	world_open(3, 3, 0);
	tick_begin();
	tick_end();
	expect_u64(world.seen, 3, "series");
	expect(counters_are_zero(&world.all.total) && counters_are_zero(&world.other.total) &&
		       counters_are_zero(&world.kernel.total),
	       "not 0");
	world_close();
	check_end();
}

static void test_first_sample(void)
{
	check_begin("group: a new series is 0 first and has its growth in the next tick");
	world_open(7, 7, 0);
	tick_rx("web", 3, 101, 1009);
	expect_rx("web", 0, 0);
	expect_rx("web", 101, 0);
	expect_u64(world.all.total.rx_bytes, 0, "all, first tick");
	tick_rx("web", 3, 101, 13);
	expect_rx("web", 0, 1022);
	expect_rx("web", 101, 1022);
	expect_u64(world.all.total.rx_bytes, 1022, "all, second tick");
	world_close();
	check_end();
}

static void test_fixed(void)
{
	check_begin("group: the fixed rows are other and kernel, at once");
	world_open(7, 7, 0);
	tick_begin();
	feed_rx("ignored", TCP_ROW_OTHER, 0, 1009);
	feed_rx("ignored", TCP_ROW_KERNEL, 0, 2003);
	tick_end();
	expect_u64(world.other.total.rx_bytes, 1009, "other");
	expect_u64(world.kernel.total.rx_bytes, 2003, "kernel");
	expect_u64(world.all.total.rx_bytes, 3012, "all");
	expect_u64(world.seen, 3, "series");
	world_close();
	check_end();
}

static void test_one_tick_life(void)
{
	static const struct {
		const char *name;
		uint64_t first, last;
	} cases[] = {
		{"all in its first tick", 1009, 0},
		{"some with its end", 1009, 13},
		{"all with its end", 0, 503},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		check_begin("group: a process of one tick counts to the byte: %s", cases[i].name);
		world_open(7, 7, 0);
		tick_begin();
		if (cases[i].first)
			feed_rx("curl", 3, 101, cases[i].first);
		tick_end();
		tick_begin();
		feed_last("curl", 3, 101, cases[i].last);
		tick_end();
		if (cases[i].first) {
			expect_rx("curl", 101, cases[i].first + cases[i].last);
		} else {
			tick_begin();
			tick_end();
		}
		expect_rx("curl", 0, cases[i].first + cases[i].last);
		tick_begin();
		tick_end();
		expect_rx("curl", 101, ABSENT);
		world_close();
		check_end();
	}
}

static void test_min_age(void)
{
	static const struct {
		unsigned min_age_s;
		int64_t age_ns;
		bool want;
	} cases[] = {
		{0, 0, true},
		{0, -(int64_t)SECOND, true}, /* it began while the tick looked at others */
		{60, 0, false},
		{60, -(int64_t)SECOND, false},
		{60, 60 * SECOND - 1, false},
		{60, 60 * SECOND, true},
		{60, 61 * SECOND, true},
		{86400, 86400 * SECOND - 1, false},
		{86400, 86400 * SECOND, true},
	};

	check_begin("group: a process is reported alone once it is PIDMinAge old");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct snapshot_process p = {.row = 3, .pid = 101, .grown.tx_bytes = 1009};

		world_open(7, 7, cases[i].min_age_s);
		world.now_ns = 100000 * SECOND;
		p.start_ns = world.now_ns + TICK_NS - cases[i].age_ns;
		tick_begin();
		feed_as("web", -1, &p);
		tick_end();
		expect_rx("web", 0, 0);
		expect_rx("web", 101, cases[i].want ? 0 : ABSENT);
		world_close();
	}
	check_end();

	check_begin("group: what a young process moves is in its group from the first byte");
	world_open(7, 7, 60);
	for (unsigned i = 1; i <= 7; i++) { /* it is 10 s old in its first tick */
		tick_begin();
		feed_as("web", -1,
			&(struct snapshot_process){.row = 3,
						   .pid = 101,
						   .start_ns = 1000 * TICK_NS,
						   .grown.rx_bytes = 1009});
		tick_end();
		expect_rx("web", 0, i == 1 ? 0 : (uint64_t)i * 1009);
		expect_rx("web", 101, i < 6 ? ABSENT : i == 6 ? 0 : 2 * 1009);
	}
	world_close();
	check_end();
}

static void test_by_pid_off(void)
{
	check_begin("group: ReportByPID false reports no process");
	world_open(7, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		tick_rx("web", 3, 101, 1009);
		expect_u64(world.seen, 4, "series");
	}
	world_close();
	check_end();
}

static void test_exec(void)
{
	check_begin("group: a process that changes its name moves to the new group");
	world_open(7, 7, 0);
	tick_rx("sh", 3, 101, 11);
	tick_rx("curl", 3, 101, 1009);
	expect_rx("sh", 0, 11);
	expect_rx("sh", 101, 11);
	expect_rx("curl", 0, 0);
	tick_rx("curl", 3, 101, 13);
	expect_rx("sh", 0, 11);
	expect_rx("sh", 101, ABSENT);
	expect_rx("curl", 0, 1022);
	expect_rx("curl", 101, 1022);
	world_close();
	check_end();
}

static void test_pid_reuse(void)
{
	struct snapshot_process p = {.row = 3, .pid = 101, .start_ns = 11, .grown.rx_bytes = 1009};

	check_begin("group: a pid that is used again goes on where its series stood");
	world_open(7, 7, 0);
	each_tick(3) { /* another process each time, and no end is seen */
		p.start_ns += 13;
		feed_as("web", -1, &p);
	}
	expect_rx("web", 101, 3027);
	tick_begin();
	feed_as("web", -1,
		&(struct snapshot_process){
			.row = 3, .pid = 101, .start_ns = p.start_ns, .last = true});
	tick_end();
	expect_rx("web", 101, ABSENT);
	p.start_ns += 17;
	tick_begin();
	feed_as("web", -1, &p);
	tick_end();
	expect_rx("web", 101, 3027); /* as it stood; the growth comes next */
	tick_begin();
	tick_end();
	expect_rx("web", 101, 4036);
	world_close();
	check_end();
}

static void test_row_reuse(void)
{
	check_begin("group: a row that goes to another process leaves the place of the one before");
	world_open(7, 7, 60);
	for (unsigned i = 0; i < 3; i++)
		tick_rx("web", 3, 101, 1009);
	expect_rx("web", 101, 3027);
	tick_begin(); /* no end was seen, and the new one is too young to be reported */
	feed_as("web", -1,
		&(struct snapshot_process){
			.row = 3, .pid = 103, .start_ns = world.now_ns, .grown.rx_bytes = 7});
	tick_end();
	expect_rx("web", 101, ABSENT);
	expect_rx("web", 103, ABSENT);
	expect_rx("web", 0, 3034);
	world_close();
	check_end();
}

static void test_last_growth(void)
{
	check_begin("group: what a process moved before its last look is in its own series too");
	world_open(7, 7, 0);
	for (unsigned i = 0; i < 3; i++)
		tick_rx("web", 3, 101, 1009);
	tick_begin();
	feed_last("web", 3, 101, 13);
	tick_end();
	expect_rx("web", 0, 3040);
	expect_rx("web", 101, 3040);
	world_close();
	check_end();
}

static void test_shared_group(void)
{
	check_begin("group: an idle group stays until its last process ends");
	world_open(3, 3, 0);
	for (unsigned i = 0; i < 3; i++)
		tick_rx("web", 3 + i, 101 + i, 1009);
	quiet_ticks(40);
	for (unsigned i = 0; i < 3; i++) {
		expect_rx("web", 0, 3027);
		expect_rx("web", 101 + i, 1009);
		tick_begin();
		feed_last("web", 3 + i, 101 + i, 0);
		tick_end();
		expect_rx("web", 101 + i, ABSENT);
	}
	expect_rx("web", 0, ABSENT);
	world_close();
	check_end();
}

/* -- details of processes -- */

static void test_details(void)
{
	struct match match = match_of("box", -1);
	struct snapshot_process p = {
		.row = 3, .pid = 101, .start_ns = 7 * SECOND, .comm = "sh", .grown.rx_bytes = 11};

	check_begin("group: a process tells its program, cgroup, user and name, and the new ones "
		    "after an exec");
	world_open(7, 7, 0);
	each_tick(2) {
		feed(&match, &p);
	}
	match.exe = "/usr/bin/curl";
	match.cgroup = ""; /* unknown */
	match.uid = TCP_UID_UNKNOWN;
	memcpy(p.comm, "curl", 5);
	p.renames = 1;
	tick_begin();
	feed(&match, &p);
	tick_end();
	expect_rx("box", 101, 33);
	p = (struct snapshot_process){
		.row = 4, .pid = 103, .start_ns = 7 * SECOND, .comm = "fifteen-letters"};
	match.uid = 0;
	tick_begin();
	feed(&match, &p);
	tick_end();
	expect_rx("box", 101, 33);
	expect_rx("box", 103, 0);
	world_close();
	check_end();
}

static void test_renamed(void)
{
	struct match match = match_of("box", -1);
	struct snapshot_process p = {
		.row = 3, .pid = 101, .start_ns = 7 * SECOND, .comm = "sh", .grown.rx_bytes = 11};

	struct container later = {.names = {.container = "later"}};

	check_begin("group: a process tells the new name of its container");
	world_open(7, 7, 0);
	for (unsigned i = 0; i < 4; i++) {
		tick_begin();
		feed(&match, &p);
		tick_end();
		expect_u64(world.asked, i < 2 ? 1 : 2, "asked");
		match.renamed = i > 0;
		match.container = i > 0 ? &later : match.container;
	}
	expect_rx("box", 101, 44);
	world_close();
	check_end();
}

static void test_asked(void)
{
	check_begin("group: details are asked for once, and of those that are reported or have "
		    "ended alone");
	world_open(7, 1, 0);
	for (unsigned i = 0; i < 3; i++) {
		tick_begin();
		feed_rx("box", 3, 101, 1009);
		feed_rx("box", 4, 103, 13); /* beyond the limit */
		tick_end();
		expect_u64(world.asked, 1, "asked");
	}
	tick_begin();
	feed_last("box", 3, 101, 1009);
	feed_last("box", 4, 103, 13);
	tick_end();
	expect_u64(world.asked, 2, "asked of one that ended, which was not reported");
	world_close();
	check_end();
}

static void test_details_unknown(void)
{
	struct snapshot_process p = {
		.row = 3, .pid = 101, .start_ns = 7 * SECOND, .comm = "sh", .grown.rx_bytes = 11};
	struct match match = match_of("box", -1), nothing = {.group = "box", .rule = -1};
	struct due *d = due_of_pid("box", 101);

	check_begin("group: another process with the same name and PID does not inherit details");
	world_open(7, 7, 0);
	tick_begin();
	feed(&match, &p);
	tick_end();
	nothing.uid = TCP_UID_UNKNOWN;
	nothing.exe = nothing.cgroup = "";
	p.row = 4;
	p.start_ns = 8 * SECOND;
	tick_begin();
	feed(&match, &p);
	world.known[4].start_ns = 9 * SECOND; /* and that one is gone too */
	d->match = nothing;
	tick_end();
	expect_u64(world.asked, 2, "asked");
	world_close();
	check_end();
}

/* -- groups that are not selected -- */

static void test_unselected(void)
{
	check_begin("group: what is not selected is in other at once, and its processes are not "
		    "reported");
	world_open(7, 7, 0);
	for (unsigned i = 1; i < 4; i++) {
		tick_begin();
		feed_rx(GROUP_OTHER, 3, 101, 1009);
		feed_rx("web", 4, 103, 13);
		tick_end();
		expect_u64(world.other.total.rx_bytes, i * 1009, "other");
		expect_u64(world.shown[GROUP_PROCESS], 1, "processes");
	}
	tick_begin();
	feed_last(GROUP_OTHER, 3, 101, 7);
	tick_end();
	expect_u64(world.other.total.rx_bytes, 3034, "other in the end");
	world_close();
	check_end();

	check_begin("group: a process that becomes unselected leaves its series");
	world_open(7, 7, 0);
	for (unsigned i = 0; i < 3; i++)
		tick_rx("web", 3, 101, 1009);
	expect_rx("web", 101, 3027);
	tick_rx(GROUP_OTHER, 3, 101, 2003);
	expect_u64(world.other.total.rx_bytes, 2003, "other");
	expect_rx("web", 101, ABSENT);
	expect_rx("web", 0, 3027);
	quiet_ticks(13); /* nobody is in it, and its activity is forgotten */
	expect_rx("web", 0, ABSENT);
	tick_rx("web", 3, 101, 17);
	expect_rx("web", 101, 3027);
	quiet_ticks(1);
	expect_rx("web", 101, 3044);
	expect_rx("web", 0, 3044);
	world_close();
	check_end();
}

int main(void)
{
	test_empty();
	test_first_sample();
	test_fixed();
	test_one_tick_life();
	test_min_age();
	test_by_pid_off();
	test_exec();
	test_pid_reuse();
	test_row_reuse();
	test_last_growth();
	test_shared_group();
	test_details();
	test_renamed();
	test_asked();
	test_details_unknown();
	test_unselected();
	return check_status();
}
