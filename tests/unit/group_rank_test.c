/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Who is shown where not all can be: the ranking, how it stays calm, and how many names may be new.
 */
#include "check.h"
#include "group_world.h"

static void test_hidden_again(void)
{
	check_begin("group: a group that was hidden comes back with the total that it had");
	world_open(1, 0, 0);
	for (unsigned i = 0; i < 3; i++)
		tick_rx("first", 3, 101, 1009);
	expect_rx("first", 0, 3027);
	for (unsigned i = 0; i < 5; i++)
		tick_rx("second", 4, 103, 1000003);
	expect_rx("first", 0, ABSENT);
	expect_rx("second", 0, 3000009);
	tick_rx("first", 3, 101, 100000007);
	expect_rx("first", 0, 3027);
	tick_begin();
	tick_end();
	expect_rx("first", 0, 100003034);
	expect_rx("second", 0, ABSENT);
	world_close();
	check_end();
}

/* -- limits -- */

static void test_hysteresis(void)
{
	static const struct {
		uint64_t shown, contender;
		bool want; /* does the contender take the place? */
	} cases[] = {
		{1000, 1000, false}, {1000, 1200, false}, {1000, 1249, false}, {1000, 1251, true},
		{1000, 1300, true},  {1000, 5003, true},  {1, 1, false},
	};
	static const struct group_options all_of_one = {
		.new_names_per_hour = PLENTY,
		.group_limit = 1,
		.by_pid = true,
		.pid_limit = 1,
		.by_destination = true,
		.destination_limit = 1,
		.by_port = true,
		.port_limit = 1,
		.by_client = true,
		.client_limit = 1,
	};
	static const char *const contenders[] = {"", "103", "10.0.0.1:443", "port-1",
						 "client-10.0.0.1"};

	check_begin("group: a contender takes a place only if the holder is 20 %% below it");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		unsigned changes = 0;

		world_open_with(&all_of_one, 0, NULL, 0);
		for (unsigned tick = 0; tick < 101; tick++) {
			tick_begin();
			feed_rx("z-holder", 3, 101, cases[i].shown * 1000);
			feed_ends("z-holder", 2, cases[i].shown * 1000);
			if (tick >= 50) {
				feed_rx("contender", 4, 103, cases[i].contender * 1000);
				feed_ends("contender", 1, cases[i].contender * 1000);
			}
			tick_end();
			changes += tick ? world.changes : 0;
		}
		for (unsigned n = 0; n < COUNT_OF(contenders); n++)
			expect(due_of((enum group_kind)n, "contender", contenders[n])->was_shown ==
				       cases[i].want,
			       "case %zu: %s", i, kind_names[n]);
		expect_u64(changes, cases[i].want ? 10 : 0, "case %zu: changes", i);
		world_close();
	}
	check_end();
}

static void test_no_flapping(void)
{
	uint64_t random = 6700417;
	unsigned changes = 0;

	check_begin(
		"group: 61 groups within 9 %% of each other, limit 10: none ever loses its place");
	world_open(10, 10, 0);
	for (unsigned tick = 0; tick < 503; tick++) {
		tick_begin();
		for (unsigned i = 0; i < 61; i++) {
			char name[16];

			snprintf(name, sizeof(name), "group%u", (i * 7) % 61);
			feed_rx(name, TCP_ROW_FIRST + i, 101 + i,
				1000000 + check_random(&random) % 180000 - 90000);
		}
		tick_end();
		expect_u64(world.shown[GROUP_WHOLE], 10, "groups in tick %u", tick);
		expect_u64(world.shown[GROUP_PROCESS], 10, "processes in tick %u", tick);
		changes += tick ? world.changes : 0;
	}
	expect_u64(changes, 0, "changes");
	world_close();
	check_end();
}

static void test_idle_keeps_place(void)
{
	check_begin("group: idle processes and groups stay while there is room");
	world_open(3, 3, 0);
	tick_rx("idle", 3, 101, 1009);
	for (unsigned i = 0; i < 211; i++) {
		tick_rx("busy", 4, 103, 1000003);
		expect_rx("idle", 0, 1009);
		expect_rx("idle", 101, 1009);
	}
	tick_begin();
	feed_last("idle", 3, 101, 0);
	tick_end();
	expect_rx("idle", 0, ABSENT);
	expect_rx("idle", 101, ABSENT);
	world_close();
	check_end();
}

static void test_idle_contender(void)
{
	static const char *const names[] = {"z-first", "a-second"};

	check_begin("group: among those that are idle for long, who has the place keeps it");
	world_open(1, 1, 0);
	for (unsigned i = 0; i < COUNT_OF(names); i++)
		tick_rx(names[i], 3 + i, 101 + i, i ? 1009 : 4001);
	for (unsigned i = 0; i < 40; i++) {
		expect_rx("z-first", 0, 4001);
		expect_rx("z-first", 101, 4001);
		quiet_ticks(1);
	}
	world_close();
	check_end();
}

/* -- newcomers -- */

/* Bytes of a group that lives for a tick, and of a process, destination and port of `service`. */
static void feed_newcomers(unsigned number, uint64_t rx_bytes)
{
	char name[16];

	snprintf(name, sizeof(name), "new%u", number);
	feed_group(name, rx_bytes);
	feed_last("service", 5, 1000 + number, rx_bytes);
	feed_ends("service", 1000 + number, rx_bytes);
}

static void expect_there(enum group_kind kind, const char *name, const char *part)
{
	expect(due_of(kind, name, part)->was_shown, "%s %s/%s is gone", kind_names[kind], name,
	       part);
}

static void test_newcomers(void)
{
	static const struct group_options options[] = {
		{3, true, 3, 0, true, 3, true, 3, true, 3, PLENTY, false}, {0}};

	check_begin("group: what is busy now and then is not pushed out by newcomers of two ticks");
	world_open_with(options, 1, NULL, 0);
	for (unsigned tick = 0; tick < 47; tick++) {
		tick_begin();
		if (tick % 10 == 0) {
			feed_rx("quiet", 3, 101, 1009);
			feed_rx("service", 5, 103, 1009);
			feed_ends("service", 1, 1009);
		}
		for (unsigned i = 0; tick && i < 7; i++) {
			feed_newcomers(7 * tick + i, 1000003);
			if (tick > 1)
				feed_newcomers(7 * tick - 7 + i, 1000003);
		}
		tick_end();
		expect_there(GROUP_WHOLE, "quiet", "");
		expect_there(GROUP_PROCESS, "quiet", "101");
		expect_there(GROUP_DESTINATION, "service", "10.0.0.1:443");
		expect_there(GROUP_PORT, "service", "port-1");
	}
	world_close();
	check_end();
}

/* How many names of a kind were ever reported. */
static unsigned begun(enum group_kind kind)
{
	unsigned count = 0;

	for (unsigned i = 0; i < world.due_count; i++)
		count += world.due[i].kind == kind && world.due[i].known && !world.due[i].rest;
	return count;
}

/* Of groups, the one is `service`. */
static void expect_begun(unsigned want, unsigned fed)
{
	for (int kind = 0; kind < GROUP_KIND_COUNT; kind++) {
		expect_u64(begun(kind), want + (kind == GROUP_WHOLE), "of %u: %s", fed,
			   kind_names[kind]);
		expect_u64(groups_refused(world.groups, kind), fed - want, "of %u: refused %s", fed,
			   kind_names[kind]);
	}
}

static void test_new_names(void)
{
	static const struct group_options options[] = {
		{7, true, 7, 0, true, 7, true, 7, true, 7, 60, false}, {0}};
	unsigned n = 0;

	check_begin("group: a name begins every minute, with NewNamesPerHour 60, after as many as "
		    "the limit");
	world_open_with(options, 1, NULL, 0);
	tick_begin();
	feed_group("service", 1);
	tick_end();
	quiet_ticks(6); /* a minute */
	while (n < 61) {
		tick_begin();
		feed_newcomers(n++, 5);
		tick_end();
		expect_begun(n < 7 + (n - 1) / 6 ? n : 7 + (n - 1) / 6, n);
	}
	quiet_ticks(7 * 6 - 1); /* a full measure, and no more is kept */
	quiet_ticks(101);
	tick_begin();
	for (unsigned i = 0; i < 6; i++)
		feed_newcomers(n++, 5);
	tick_end();
	expect_begun(17 + 6, n);
	world_close();
	check_end();
}

static void test_no_new_names(void)
{
	static const struct group_options options = {.group_limit = 1};

	check_begin("group: what was reported once comes back, also if no name may begin");
	world_open_with(&options, 0, NULL, 0);
	for (unsigned i = 0; i < 5; i++) {
		tick_begin();
		feed_rx("first", 3, 101, 1);
		feed_last("first", 3, 101, 0);
		tick_end();
		quiet_ticks(2);
		expect_rx("first", 0, ABSENT);
		tick_begin();
		feed_last("second", 3, 103, 1);
		tick_end();
		quiet_ticks(2);
		expect_u64(due_of(GROUP_WHOLE, "second", "")->known, false, "second was reported");
	}
	expect_u64(due_of(GROUP_WHOLE, "first", "")->total.rx_bytes, 5, "first");
	world_close();
	check_end();
}

static void test_held(void)
{
	static const struct group_options options[] = {{.group_limit = 2, .by_pid = true},
						       {.holds = true},
						       {.group_limit = 1, .holds = true},
						       {.holds = false}};
	static const char *const others[] = {"a", "b", "c"};

	check_begin("group: the one group of a rule is reported beside all limits, and is the "
		    "rule's, whoever has its name");
	world_open_with(options, 3, NULL, 0);
	for (unsigned tick = 0; tick < 40; tick++) {
		tick_begin();
		for (unsigned i = 0; i < 3; i++)
			feed_rx(others[i], 6 + i, 106 + i, 1000003 >> i);
		if (tick == 3) {
			feed_as("db", 0,
				&(struct snapshot_process){.row = 3, .pid = 101, .start_ns = 1});
			feed_as("web", 1,
				&(struct snapshot_process){.row = 4, .pid = 103, .start_ns = 1});
			feed_as("shard", 2,
				&(struct snapshot_process){.row = 5, .pid = 107, .start_ns = 1});
		}
		if (tick == 4) {
			struct match match = match_of("db", -1);

			world_add(&match,
				  &(struct snapshot_process){.row = 9, .pid = 109, .start_ns = 1});
		}
		tick_end();
		expect(due_of(GROUP_WHOLE, "db", "")->was_shown == (tick >= 3), "db in tick %u",
		       tick);
		expect(due_of(GROUP_WHOLE, "web", "")->was_shown == (tick >= 3), "web in tick %u",
		       tick);
		expect(!due_of(GROUP_WHOLE, "shard", "")->known, "shard in tick %u", tick);
		expect_rx("c", 0, ABSENT);
	}
	expect_u64(groups_refused(world.groups, GROUP_WHOLE), 0, "refused");
	world_close();
	check_end();
}

/* -- limits of rules -- */

#define QUOTA_GROUPS 5 /* of each rule, and of no rule */

/* Five groups with a process, a destination, a port and a client each, for each rule; the last are
 * busiest.
 */
static void feed_quotas(unsigned rule_count)
{
	for (unsigned i = 0; i < (rule_count + 1) * QUOTA_GROUPS; i++) {
		int rule = (int)(i % (rule_count + 1)) - 1;
		struct snapshot_process p = {
			.row = TCP_ROW_FIRST + i,
			.process_row = TCP_ROW_FIRST + i,
			.pid = 101 + i,
			.start_ns = 7 * SECOND,
			.grown.tx_bytes = 1000003 + i * 1009,
		};
		char name[16];

		snprintf(name, sizeof(name), "g%u", i);
		feed_as(name, rule, &p);
		feed_endpoint_as(name, rule, TCP_ENDPOINT_DESTINATION, i + 1, &p);
		feed_endpoint_as(name, rule, TCP_ENDPOINT_PORT, i + 1, &p);
		feed_endpoint_as(name, rule, TCP_ENDPOINT_CLIENT, i + 1, &p);
	}
}

/* How many are reported of a rule's, or of no rule's. */
static unsigned shown_of(enum group_kind kind, int rule)
{
	unsigned shown = 0;

	for (unsigned i = 0; i < world.due_count; i++) {
		const struct due *d = &world.due[i];

		shown += d->kind == kind && !d->rest && d->match.rule == rule && d->was_shown;
	}
	return shown;
}

static void test_rule_limits(void)
{
	static const struct group_options options[] = {
		{7, true, 3, 0, true, 4, true, 5, true, 2, PLENTY, false},
		/* shares the general quotas */
		{0, true, 0, 0, true, 0, true, 0, true, 0, PLENTY, false},
		/* has its own */
		{3, true, 1, 0, true, 2, true, 1, true, 3, PLENTY, false},
		/* limits of what is not asked for */
		{1, false, 2, 0, false, 3, false, 4, false, 5, PLENTY, false},
		/* more than there are */
		{9, true, 0, 3600, true, 9, false, 0, true, 9, PLENTY, false},
	};
	/* by kind and rule, the first is none: of the general quota, the busiest are of the rules
	 * that come later */
	static const unsigned want[GROUP_KIND_COUNT][COUNT_OF(options)] = {
		[GROUP_WHOLE] = {3, 4, 3, 1, 5},       [GROUP_PROCESS] = {1, 2, 1, 0, 0},
		[GROUP_DESTINATION] = {2, 2, 2, 0, 5}, [GROUP_PORT] = {2, 3, 1, 0, 0},
		[GROUP_CLIENT] = {1, 1, 3, 0, 5},
	};

	check_begin("group: rules with limits of their own, and rules that share the general ones");
	world_open_with(options, COUNT_OF(options) - 1, NULL, 0);
	world.now_ns = 100 * SECOND; /* nobody is an hour old */
	for (unsigned tick = 0; tick < 7; tick++) {
		tick_begin();
		feed_quotas(world.rule_count);
		tick_end();
		for (unsigned kind = 0; kind < GROUP_KIND_COUNT; kind++)
			for (int rule = -1; rule < (int)world.rule_count; rule++)
				expect_u64(shown_of((enum group_kind)kind, rule),
					   want[kind][rule + 1], "tick %u: kind %s of rule %d",
					   tick, kind_names[kind], rule);
	}
	world_close();
	check_end();
}

int main(void)
{
	test_hidden_again();
	test_hysteresis();
	test_no_flapping();
	test_idle_keeps_place();
	test_idle_contender();
	test_newcomers();
	test_new_names();
	test_no_new_names();
	test_held();
	test_rule_limits();
	return check_status();
}
