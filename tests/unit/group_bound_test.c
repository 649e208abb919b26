/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Tables that are bounded: what is told when they are full, and what never falls. */
#include <stdlib.h>

#include "check.h"
#include "group_world.h"
#include "memory.h"

#define RETIRED 1024 /* members that a table keeps beyond four times its limit */

static void test_pile(void)
{
	static const struct group_options options = {5,    true, 5,    0, true,   5,
						     true, 5,    true, 5, PLENTY, false};
	long before = memory_live(), most = 0;
	const long kept = 4 * 5 + RETIRED + 64; /* a few cannot go yet */
	char name[16] = "";

	check_begin("group: 3001 groups and what is in them, of one tick each, do not pile up");
	expect(!groups_open(&world.groups, ALL_ROWS, &options, 0, NULL, 0), "groups_open failed");
	for (unsigned i = 0; i < 3001; i++) {
		struct snapshot_process p = {.row = 3, .pid = 1 + i, .start_ns = 1 + i};
		struct match match = match_of(name, -1);

		snprintf(name, sizeof(name), "g%u", i);
		p.grown.rx_bytes = 1009;
		p.last = i % 2;
		groups_begin(world.groups, world.now_ns + i * TICK_NS);
		world_add(&match, &p);
		for (unsigned n = 0; n < 21; n++) {
			p.row = ENDPOINT_ROW;
			p.endpoint = endpoint_of(1 + n % 3, 1 + n);
			world_add(&match, &p);
		}
		world_end();
		most = memory_live() > most ? memory_live() : most;
	}
	/* a member is three blocks, that of a process five; of destinations, ports and clients
	 * there is a rest for each group, and half as many that were never reported */
	expect(most - before <= (3 + 5) * kept + 3 * 3 * (2 * kept + kept / 2) + 16, "%ld blocks",
	       most - before);
	groups_close(world.groups);
	expect(memory_live() == before, "blocks are left after groups_close");
	check_end();
}

static void test_no_times_left(void)
{
	static const struct group_options options = {.group_limit = 3,
						     .by_pid = true,
						     .pid_limit = 3,
						     .by_destination = true,
						     .destination_limit = 3,
						     .new_names_per_hour = PLENTY};
	/* names of three tables, one of them a rest, and these; details of three processes */
	const long want = 3 * (53 + 53 + 54) + 3 * 2 + 3 * 5;
	long before;

	check_begin("group: 53 groups with connects, room for 3: no histogram is left in a quiet "
		    "tick");
	world_open_with(&options, 0, NULL, 0);
	before = memory_live();
	each_tick(3) {
		for (unsigned i = 0; i < 53; i++) {
			struct snapshot_process p = connects_of(3 + i, 101 + i, 10007, 3);
			char name[16];

			snprintf(name, sizeof(name), "g%u", i);
			feed_as(name, -1, &p);
			p.process_row = p.row;
			feed_endpoint_as(name, -1, TCP_ENDPOINT_DESTINATION, i + 1, &p);
		}
	}
	quiet_ticks(2);
	expect(memory_live() - before == want, "%ld blocks, want %ld", memory_live() - before,
	       want);
	world_close();
	check_end();
}

/* What the reader sees of an own set of groups: all and the sum of the rest. */
struct sums {
	unsigned seen;
	uint64_t all, parts;
};

static void sum_up(void *context, const struct group *series)
{
	struct sums *sums = context;

	if (sums->seen++ == 0)
		sums->all = series->total.rx_bytes;
	else if (series->kind == GROUP_WHOLE)
		sums->parts += series->total.rx_bytes;
}

#define MANY 3001 /* more than a tick may add to a table of limit 1 */

static void test_many_alive(void)
{
	const struct group_options options = {
		.new_names_per_hour = PLENTY, .by_pid = true, .pid_limit = 1, .group_limit = 1};
	struct groups *g = NULL;
	char name[16] = "";

	check_begin("group: 3001 groups with a process each, limit 1: conserved");
	expect(!groups_open(&g, MANY + TCP_ROW_FIRST, &options, 0, NULL, 0), "groups_open failed");
	for (unsigned tick = 0; tick < 5; tick++) {
		struct sums sums = {0};

		groups_begin(g, (tick + 1) * TICK_NS);
		for (unsigned i = 0; i < MANY; i++) {
			struct snapshot_process p = {.row = TCP_ROW_FIRST + i, .pid = 1 + i};
			struct match match = match_of(name, -1);

			snprintf(name, sizeof(name), "g%u", i);
			p.start_ns = 1;
			p.grown.rx_bytes = i ? 11 : 1009;
			p.last = tick == 3;
			groups_add(g, &match, &p);
		}
		groups_end(g);
		groups_each(g, sum_up, &sums);
		expect(sums.seen == 5, "%u series in tick %u", sums.seen, tick);
		expect_u64(sums.parts, sums.all, "parts in tick %u", tick);
		expect_u64(sums.all, (tick + 1) * (1009 + (MANY - 1) * 11) - (tick ? 0 : 1009),
			   "all in tick %u", tick);
	}
	groups_close(g);
	check_end();
}

/* Names in one tick that the tables have room for, if each may have one series. */
#define ROOM (RETIRED + 4)

static void test_no_room(void)
{
	static const struct group_options options = {1,    true, 1,    0, true,   1,
						     true, 1,    true, 1, PLENTY, false};
	struct snapshot_process p;
	char name[16] = "";

	check_begin("group: more new names in a tick than there is room for are in other, and are "
		    "admitted later");
	world_open_with(&options, 0, NULL, 0);
	tick_begin();
	for (unsigned i = 0; i < ROOM + 100; i++) {
		struct match match = match_of(name, -1);

		snprintf(name, sizeof(name), "g%u", i);
		p = (struct snapshot_process){.row = 3, .pid = 1 + i, .start_ns = 1, .last = true};
		p.grown.rx_bytes = i < ROOM ? 11 : 1000003;
		world_add(&match, &p);
		for (unsigned kind = 1; kind <= 2; kind++) {
			p.endpoint = endpoint_of(kind, 1 + i);
			world_add(&match, &p);
		}
		counters_add(&world.fed, &p.grown);
	}
	world.out_of_memory = true; /* the model does not know what was refused */
	tick_end();
	expect_u64(world.all.total.rx_bytes, world.fed.rx_bytes - 11, "all, but for the new group");
	expect_u64(world.other.total.rx_bytes, world.all.total.rx_bytes, "other");
	expect_u64(world.shown[GROUP_WHOLE], 1, "groups");
	quiet_ticks(1);
	expect_u64(world.all.total.rx_bytes, world.fed.rx_bytes, "all");
	expect_part_rx(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER, world.fed.rx_bytes - 11);
	expect_part_rx(GROUP_PORT, GROUP_OTHER, PORTS_REST, world.fed.rx_bytes - 11);
	quiet_ticks(4); /* its place is free */
	world.out_of_memory = false;
	each_tick(2) { /* one that was refused */
		feed_rx(name, 3, ROOM + 100, 1009);
		feed_ends(name, ROOM + 100, 1009);
	}
	expect_rx(name, 0, 2018);
	expect_rx(name, ROOM + 100, 2018);
	expect_part_rx(GROUP_PORT, name, "port-1128", 2018);
	world_close();
	check_end();
}

static void test_told_stays(void)
{
	static const struct group_options options = {.group_limit = 1,
						     .new_names_per_hour = PLENTY};
	char name[16] = "";

	check_begin("group: what was reported once is remembered before what never was");
	world_open_with(&options, 0, NULL, 0);
	for (unsigned i = 0; i < 2; i++)
		tick_rx("first", 3, 101, 1);
	expect_rx("first", 0, 2);
	tick_begin();
	feed_last("first", 3, 101, 0);
	for (unsigned i = 0; i < ROOM - 1; i++) {
		snprintf(name, sizeof(name), "g%u", i);
		feed_last(name, 3, 1 + i, 1009);
	}
	tick_end();
	expect_rx("first", 0, ABSENT);
	quiet_ticks(11);
	for (unsigned i = 0; i < 2; i++) {
		expect_rx("first", 0, i ? 2 : ABSENT);
		tick_rx("first", 3, 101, 5);
	}
	expect_rx("first", 0, 12);
	world_close();
	check_end();
}

#define OLD 2000 /* groups of the first tick: most of them are forgotten at its end */
#define NEW 8    /* groups that come then, and get the memory of others */

static void shown_names(void *context, const struct group *series)
{
	unsigned *shown = context;

	if (series->kind < GROUP_DESTINATION && strncmp(series->name, "new", 3) == 0)
		shown[series->kind]++;
}

static void add_rx(struct groups *g, const char *prefix, unsigned i,
		   const struct snapshot_process *process, uint64_t rx_bytes)
{
	struct snapshot_process p = *process;
	char name[16] = GROUP_OTHER;
	struct match match = match_of(name, -1);

	if (*prefix)
		snprintf(name, sizeof(name), "%s%u", prefix, i);
	p.grown.rx_bytes = rx_bytes;
	groups_add(g, &match, &p);
}

/* Half of the old processes end, the rows of the others go to young processes of no group. */
static void old_ones_go(struct groups *g)
{
	for (unsigned i = 0; i < OLD; i++) {
		struct snapshot_process p = {
			.row = TCP_ROW_FIRST + i, .pid = 1 + i, .start_ns = 1, .last = true};

		if (i % 2) {
			p.start_ns = 2;
			add_rx(g, "", i, &p, 0);
		} else {
			add_rx(g, "old", i, &p, 0);
		}
	}
}

static void test_recycled(void)
{
	const struct group_options options = {
		.new_names_per_hour = PLENTY, .by_pid = true, .pid_limit = NEW, .group_limit = NEW};
	struct groups *g = NULL;
	struct sums sums;

	check_begin("group: who was in a group that is forgotten takes nothing from the one that "
		    "has its memory");
	expect(!groups_open(&g, ROWS + OLD, &options, 0, NULL, 0), "groups_open failed");
	for (unsigned tick = 0; tick < 99; tick++) {
		unsigned shown[2] = {0};

		groups_begin(g, (tick + 1) * TICK_NS);
		for (unsigned i = 0; tick == 0 && i < OLD; i++)
			add_rx(g, "old", i,
			       &(struct snapshot_process){
				       .row = TCP_ROW_FIRST + i, .pid = 1 + i, .start_ns = 1},
			       1000000 - i);
		for (unsigned i = 0; tick >= 1 && tick <= 3 && i < NEW; i++)
			add_rx(g, "new", i,
			       &(struct snapshot_process){.row = TCP_ROW_FIRST + OLD + i,
							  .pid = 1 + OLD + i,
							  .start_ns = 1},
			       2000003);
		if (tick == 4)
			old_ones_go(g);
		groups_end(g);
		groups_each(g, shown_names, shown);
		expect_u64(shown[GROUP_WHOLE], tick >= 3 ? NEW : 0, "groups in tick %u", tick);
		expect_u64(shown[GROUP_PROCESS], tick >= 3 ? NEW : 0, "processes in tick %u", tick);
	}
	sums = (struct sums){0};
	groups_each(g, sum_up, &sums);
	expect_u64(sums.all, (uint64_t)OLD * 1000000 - OLD * (OLD - 1) / 2 + 3 * NEW * 2000003,
		   "all");
	groups_close(g);
	check_end();
}

/* A series, as it was reported last. */
static struct last {
	enum group_kind kind;
	char name[16], part[ENDPOINT_NAME_SIZE];
	struct tcp_counters total;
} lasts[4096];

static void expect_growth(void *context, const struct group *series)
{
	unsigned i = 0;

	(void)context;
	while (*lasts[i].name &&
	       (lasts[i].kind != series->kind || strcmp(lasts[i].name, series->name) != 0 ||
		strcmp(lasts[i].part, series->part) != 0))
		i++;
	expect_within(&lasts[i].total, &series->total, "has fallen", series->name, series->part);

	lasts[i].kind = series->kind;
	snprintf(lasts[i].name, sizeof(lasts[i].name), "%s", series->name);
	snprintf(lasts[i].part, sizeof(lasts[i].part), "%s", series->part);
	lasts[i].total = series->total;
}

/* Somebody of seven groups, or one of its 3001 destinations or ports, did something. */
static void act_once(struct groups *g, uint64_t *random)
{
	struct snapshot_process p = {.row = 3, .process_row = 3, .start_ns = 1};
	unsigned group = (unsigned)(check_random(random) % 7), kind = (unsigned)group % 3;

	p.pid = 1 + (uint32_t)(check_random(random) % MANY);
	p.start_ns = p.pid; /* with the row goes the place of the one before */
	if (check_chance(random, 2))
		p.endpoint = endpoint_of(1 + kind % 2, p.pid);
	add_rx(g, "g", group, &p, skewed(random));
}

static void test_never_falls(void)
{
	static const struct group_options options = {3,    true, 3,    0, true,   3,
						     true, 3,    true, 3, PLENTY, false};
	struct groups *g = NULL;
	uint64_t random = 611953;

	check_begin("group: no counter falls in 331 ticks, each with 700 of 21007 names and room "
		    "for 3");
	memset(lasts, 0, sizeof(lasts));
	expect(!groups_open(&g, ROWS, &options, 0, NULL, 0), "groups_open failed");
	for (unsigned tick = 1; g && tick <= 331; tick++) {
		groups_begin(g, tick * TICK_NS);
		for (unsigned i = 0; i < 700; i++)
			act_once(g, &random);
		groups_end(g);
		groups_each(g, expect_growth, NULL);
	}
	groups_close(g);
	check_end();
}

static void test_forgotten(void)
{
	static const struct group_options options[] = {
		{.group_limit = 1, .new_names_per_hour = PLENTY}, {.holds = true}};
	char name[16] = "";

	check_begin("group: conserved while groups are forgotten; one that returns begins at 0");
	world_open_with(options, 1, NULL, 0);
	world.may_forget = true;
	tick_begin();
	feed_group("held", 1009);
	tick_end();
	for (unsigned i = 0; i < 2 * 1063; i++) {
		snprintf(name, sizeof(name), "g%u", i % 1063);
		tick_begin();
		feed_last(name, 3, 1, 1);
		tick_end();
		quiet_ticks(2); /* its place is free */
	}
	tick_begin();
	feed_group("held", 13);
	tick_end();
	calm();
	expect_rx("held", 0, 1009 + 13);
	expect(!counters_are_zero(&world.forgotten), "nothing was forgotten");
	world_close();
	check_end();
}

int main(void)
{
	test_pile();
	test_no_times_left();
	test_many_alive();
	test_no_room();
	test_told_stays();
	test_recycled();
	test_never_falls();
	test_forgotten();
	return check_status();
}
