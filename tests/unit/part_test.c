/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Parts of groups: rules with limits of their own, processes' details, destinations and ports. */
#include <stdlib.h>

#include "check.h"
#include "endpoint.h"
#include "group.h"
#include "match.h"
#include "memory.h"
#include "snapshot.h"

#define ROWS 600
#define SECOND ((uint64_t)1000000000)
#define SEEN_MAX 1024
#define RULES 2

static struct {
	struct groups *groups;
	struct group_options options[1 + RULES];
	uint64_t now_ns;
	struct {
		char name[GROUP_NAME_SIZE], part[ENDPOINT_NAME_SIZE];
		struct group group;
	} seen[SEEN_MAX]; /* in the last tick */
	unsigned count;
} world;

static void open_world(const struct subnet *subnets, unsigned subnet_count)
{
	world.now_ns = 1000 * SECOND;
	expect(!groups_open(&world.groups, ROWS, world.options, RULES, subnets, subnet_count),
	       "groups_open failed");
}

static void start(const char *name)
{
	check_begin("part: %s", name);
	memset(&world, 0, sizeof(world));
	for (unsigned i = 0; i <= RULES; i++)
		world.options[i] = (struct group_options){.by_destination = true, .by_port = true};
	world.options[0].group_limit = 200;
	world.options[0].pid_limit = 50;
	world.options[0].destination_limit = 50;
	world.options[0].port_limit = 50;
}

static void end(void)
{
	groups_close(world.groups);
	check_end();
}

static void see(void *context, const struct group *group)
{
	(void)context;
	if (!expect(world.count < SEEN_MAX, "too many series"))
		return;
	snprintf(world.seen[world.count].name, GROUP_NAME_SIZE, "%s", group->name);
	snprintf(world.seen[world.count].part, ENDPOINT_NAME_SIZE, "%s", group->part);
	world.seen[world.count++].group = *group;
}

static void tick_begin(void)
{
	world.now_ns += 10 * SECOND;
	groups_begin(world.groups, world.now_ns);
}

static void tick_end(void)
{
	world.count = 0;
	groups_end(world.groups);
	groups_each(world.groups, see, NULL);
}

static void quiet_tick(void)
{
	tick_begin();
	tick_end();
}

static const struct group *find(const char *name, const char *part)
{
	for (unsigned i = 0; i < world.count; i++)
		if (strcmp(world.seen[i].name, name) == 0 && strcmp(world.seen[i].part, part) == 0)
			return &world.seen[i].group;
	return NULL;
}

static unsigned count_of(enum group_kind kind, int rule)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world.count; i++)
		n += world.seen[i].group.kind == kind && world.seen[i].group.rule == rule &&
		     strcmp(world.seen[i].part, GROUP_OTHER) != 0;
	return n;
}

static void expect_rx(const char *name, const char *part, uint64_t want)
{
	const struct group *group = find(name, part);

	expect(group != NULL, "there is no %s/%s", name, part);
	if (group)
		expect_u64(group->total.rx_bytes, want, "bytes of %s/%s", name, part);
}

/* A process of the group, with this row and pid, has received so many bytes. */
static void feed(const char *name, int rule, unsigned row, uint64_t rx_bytes)
{
	const struct match match = {name, rule, "/bin/x", "/a.slice", 33};
	struct snapshot_process p = {
		.row = row, .process_row = row, .pid = 1000 + row, .start_ns = 7, .comm = "x"};

	p.grown.rx_bytes = rx_bytes;
	groups_add(world.groups, &match, &p);
}

/* The same at 10.0.0.`host`, or at local port `host`. */
static void feed_end(const char *name, int rule, int kind, uint8_t host, uint64_t rx_bytes)
{
	const struct match match = {name, rule, "", "", 33};
	struct snapshot_process p = {.row = ROWS + host, .pid = 7, .start_ns = 7};

	p.endpoint.kind = (uint16_t)kind;
	if (kind == TCP_ENDPOINT_DESTINATION) {
		memcpy(p.endpoint.address,
		       (uint8_t[16]){[10] = 0xff, [11] = 0xff, [12] = 10, [15] = host}, 16);
		p.endpoint.port = 5432;
	} else {
		p.endpoint.port = host;
	}
	p.grown.rx_bytes = rx_bytes;
	groups_add(world.groups, &match, &p);
}

/* -- rules -- */

static void test_own_limits(void)
{
	char name[16];

	start("a rule's own limit is its own, without one it shares the general one");
	world.options[0].group_limit = 3;
	world.options[1].group_limit = 2;
	open_world(NULL, 0);
	for (unsigned tick = 0; tick < 3; tick++) {
		tick_begin();
		for (int rule = -1; rule < RULES; rule++)
			for (unsigned i = 0; i < 5; i++) {
				snprintf(name, sizeof(name), "r%d-%u", rule, i);
				/* those of the last rule are busier than those of none */
				feed(name, rule, 10 + 5 * (unsigned)(rule + 1) + i,
				     1000 * (uint64_t)(rule + 2) + i);
			}
		tick_end();
	}
	expect_u64(count_of(GROUP_WHOLE, 0), 2, "groups of the rule with a limit");
	expect_u64(count_of(GROUP_WHOLE, 1), 3, "groups of the rule without one");
	/* all, other and kernel bear no rule either */
	expect_u64(count_of(GROUP_WHOLE, -1), 3, "groups without a rule");
	end();
}

static void test_other_has_no_parts(void)
{
	start("what is not selected is in other, and has no series of its own");
	world.options[0].by_pid = true;
	open_world(NULL, 0);
	for (unsigned tick = 0; tick < 2; tick++) {
		tick_begin();
		feed(GROUP_OTHER, -1, 11, 1009);
		feed("web", -1, 13, 2003);
		tick_end();
	}
	expect_rx(GROUP_OTHER, "", 2 * 1009);
	expect_rx("web", "", 2 * 2003);
	expect_rx("web", "1013", 2 * 2003);
	expect(!find(GROUP_OTHER, "1011"), "a process of other has a series");
	expect_rx(GROUP_ALL, "", 2 * 1009 + 2 * 2003);
	end();
}

static void test_rule_without_pids(void)
{
	start("ReportByPID and PIDMinAge of a rule");
	world.options[0].by_pid = true;
	world.options[1].by_pid = false;
	world.options[2].by_pid = true;
	world.options[2].pid_min_age_s = 100000;
	open_world(NULL, 0);
	for (unsigned tick = 0; tick < 2; tick++) {
		tick_begin();
		feed("a", -1, 11, 1009);
		feed("b", 0, 12, 1009);
		feed("c", 1, 13, 1009);
		tick_end();
	}
	expect(find("a", "1011") != NULL, "no process of a");
	expect(!find("b", "1012"), "b has processes");
	expect(!find("c", "1013"), "c has young processes");
	end();
}

static void test_details(void)
{
	struct match match = {"web", -1, "/usr/bin/a", "/a.slice", 33};
	struct snapshot_process p = {
		.row = 11, .pid = 1234, .start_ns = 7, .uid = TCP_UID_UNKNOWN, .comm = "a"};
	const struct group *group;

	start("a process's details, also after it executes another program");
	world.options[0].by_pid = true;
	open_world(NULL, 0);
	p.grown.rx_bytes = 1009;
	tick_begin();
	expect(groups_by_pid(world.groups, &match, &p), "it gets no series");
	groups_add(world.groups, &match, &p);
	tick_end();
	group = find("web", "1234");
	expect(group != NULL, "no series");
	if (group) {
		expect_u64(group->pid, 1234, "pid");
		expect_u64(group->uid, 33, "uid");
		expect_text(group->comm, "a", "comm");
		expect_text(group->exe, "/usr/bin/a", "exe");
		expect_text(group->cgroup, "/a.slice", "cgroup");
	}
	match.exe = "/usr/bin/b";
	match.cgroup = "/b.slice";
	memcpy(p.comm, "b", sizeof("b"));
	tick_begin();
	groups_add(world.groups, &match, &p);
	tick_end();
	group = find("web", "1234");
	expect(group != NULL, "no series after exec");
	if (group) {
		expect_text(group->comm, "b", "comm after exec");
		expect_text(group->exe, "/usr/bin/b", "exe after exec");
		expect_text(group->cgroup, "/b.slice", "cgroup after exec");
	}
	end();
}

/* -- endpoints -- */

static void test_destinations(void)
{
	uint64_t fed = 0;

	start("the busiest destinations are shown, the rest of a group is its other");
	world.options[0].destination_limit = 3;
	open_world(NULL, 0);
	for (unsigned tick = 0; tick < 5; tick++) {
		tick_begin();
		feed("web", -1, 11, 7919);
		for (uint8_t host = 1; host <= 7; host++) {
			feed_end("web", -1, TCP_ENDPOINT_DESTINATION, host, 1000U * host);
			fed += 1000U * host;
		}
		tick_end();
		if (!tick)
			expect_rx("web", "10.0.0.7:5432", 0);
	}
	quiet_tick();
	quiet_tick();
	expect_u64(count_of(GROUP_DESTINATION, -1), 3, "destinations");
	for (uint8_t host = 5; host <= 7; host++) {
		char part[32];

		snprintf(part, sizeof(part), "10.0.0.%u:5432", host);
		expect_rx("web", part, 5000U * host);
		fed -= 5000U * host;
	}
	expect_rx("web", GROUP_OTHER, fed);
	expect_rx("web", "", 5 * 7919);
	expect_rx(GROUP_ALL, "", 5 * 7919); /* destinations are a part of it, not an addition */
	end();
}

static void test_destinations_of_hidden(void)
{
	start("destinations beyond the limit, of a group that is not reported, are other's");
	world.options[0].group_limit = 1;
	world.options[0].destination_limit = 1;
	open_world(NULL, 0);
	for (unsigned tick = 0; tick < 3; tick++) {
		tick_begin();
		feed("busy", -1, 11, 1000000);
		feed("idle", -1, 12, 1009);
		feed_end("busy", -1, TCP_ENDPOINT_DESTINATION, 1, 1000000);
		feed_end("idle", -1, TCP_ENDPOINT_DESTINATION, 2, 1009);
		tick_end();
	}
	quiet_tick();
	quiet_tick();
	expect_rx("busy", "10.0.0.1:5432", 3000000);
	expect_rx(GROUP_OTHER, GROUP_OTHER, 3 * 1009);
	expect(!find("idle", GROUP_OTHER), "a group that is not reported has a destination");
	end();
}

static void test_ports(void)
{
	start("ports have names of their own");
	open_world(NULL, 0);
	for (unsigned tick = 0; tick < 2; tick++) {
		tick_begin();
		feed_end("web", -1, TCP_ENDPOINT_PORT, 80, 1009);
		feed_end("web", -1, TCP_ENDPOINT_PORT, 22, 2003);
		feed_end("db", -1, TCP_ENDPOINT_PORT, 80, 3001);
		tick_end();
	}
	expect_rx("web", "port-80", 2 * 1009);
	expect_rx("web", "port-22", 2 * 2003);
	expect_rx("db", "port-80", 2 * 3001);
	expect_u64(count_of(GROUP_PORT, -1), 3, "ports");
	end();
}

static void test_subnets(void)
{
	struct subnet subnets[2];

	start("addresses of a subnet are one series");
	expect(!subnet_parse(&subnets[0], "one", "10.0.0.3"), "10.0.0.3");
	expect(!subnet_parse(&subnets[1], "many", "10.0.0.0/29"), "10.0.0.0/29");
	open_world(subnets, 2);
	for (unsigned tick = 0; tick < 2; tick++) {
		tick_begin();
		for (uint8_t host = 1; host <= 9; host++)
			feed_end("web", -1, TCP_ENDPOINT_DESTINATION, host, 1009);
		tick_end();
	}
	expect_rx("web", "one:5432", 2 * 1009);
	expect_rx("web", "many:5432", 2 * 6 * 1009);
	expect_rx("web", "10.0.0.8:5432", 2 * 1009);
	expect_rx("web", "10.0.0.9:5432", 2 * 1009);
	end();
	subnet_free(&subnets[0]);
	subnet_free(&subnets[1]);
}

static void test_switches(void)
{
	start("endpoints are only reported where the options say so");
	world.options[0].by_destination = false;
	world.options[1].by_port = false;
	open_world(NULL, 0);
	tick_begin();
	for (int rule = -1; rule < 1; rule++) {
		feed_end(rule < 0 ? "none" : "rule", rule, TCP_ENDPOINT_DESTINATION, 1, 1009);
		feed_end(rule < 0 ? "none" : "rule", rule, TCP_ENDPOINT_PORT, 80, 1009);
	}
	tick_end();
	expect(!find("none", "10.0.0.1:5432"), "a destination in general");
	expect(find("none", "port-80") != NULL, "no port in general");
	expect(find("rule", "10.0.0.1:5432") != NULL, "no destination of the rule");
	expect(!find("rule", "port-80"), "a port of the rule");
	end();
}

/* So many new names in a tick that there is no room to know them: all are counted somewhere. */
static void test_flood(void)
{
	const unsigned flood = 5003;
	uint64_t sum = 0;
	char name[16];

	start("more new groups than can be known in a tick: nothing is lost");
	world.options[0].group_limit = 1;
	open_world(NULL, 0);
	tick_begin();
	for (unsigned i = 0; i < flood; i++) {
		snprintf(name, sizeof(name), "g%u", i);
		feed(name, -1, TCP_ROW_FIRST + i % (ROWS - TCP_ROW_FIRST), 1009);
	}
	tick_end();
	quiet_tick();
	quiet_tick();
	for (unsigned i = 0; i < world.count; i++)
		if (world.seen[i].group.kind == GROUP_WHOLE &&
		    strcmp(world.seen[i].name, GROUP_ALL) != 0)
			sum += world.seen[i].group.total.rx_bytes;
	expect_u64(sum, 1009ULL * flood, "sum of the groups and other");
	expect_rx(GROUP_ALL, "", 1009ULL * flood);
	end();
}

static void test_memory(void)
{
	long before = memory_live();

	start("each third allocation fails: no more is reported than there was");
	world.options[0].by_pid = true;
	memory_fail_often(3);
	if (groups_open(&world.groups, ROWS, world.options, RULES, NULL, 0) == 0) {
		for (unsigned tick = 0; tick < 101; tick++) {
			tick_begin();
			feed("web", -1, 11 + tick % 7, 1009);
			feed_end("web", -1, TCP_ENDPOINT_DESTINATION, (uint8_t)(tick % 31), 1009);
			feed_end("web", 0, TCP_ENDPOINT_PORT, (uint8_t)(tick % 31), 1009);
			tick_end();
			expect(find(GROUP_ALL, "")->total.rx_bytes <= 1009ULL * (tick + 1),
			       "more than there was");
		}
	}
	memory_fail_often(0);
	end();
	check_begin("part: and nothing is left behind");
	expect(memory_live() == before, "blocks are left");
	check_end();
}

int main(void)
{
	test_own_limits();
	test_other_has_no_parts();
	test_rule_without_pids();
	test_details();
	test_destinations();
	test_destinations_of_hidden();
	test_ports();
	test_subnets();
	test_switches();
	test_flood();
	test_memory();
	return check_status();
}
