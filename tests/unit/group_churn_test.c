/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Processes that come, act and go at random: what tick_end() demands holds all the time. */
#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "group_world.h"
#include "memory.h"

struct actor {
	const char *name;
	uint64_t start_ns; /* 0: the row is free */
	uint32_t pid;
	unsigned execs;
	int64_t open;
	bool leaving;
};

/* The rule of a name is its index, modulo the rules and none. */
static const char *const names[] = {
	"nginx", "php-fpm", "mysqld", "sshd",  "curl",  "wget",  "redis", "postgres",  "java",
	"node",  "other_",  "Web",    "web-1", "web_1", "kafka", "a",     GROUP_OTHER, "abc",
};

static int rule_of(const char *name)
{
	unsigned i = 0;

	while (strcmp(names[i], name) != 0)
		i++;
	return strcmp(name, GROUP_OTHER) == 0 ? -1 : (int)(i % (world.rule_count + 1)) - 1;
}

static void random_growth(struct snapshot_process *p, uint32_t *buckets, uint64_t *random)
{
	uint64_t *counters = (uint64_t *)&p->grown, n = check_random(random) % 4;

	for (unsigned i = 0; i < COUNTERS; i++)
		counters[i] = check_chance(random, 3) ? skewed(random) : 0;
	p->grown.times[TCP_TIME_CONNECT] = p->grown.time_sum[TCP_TIME_CONNECT] = 0;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t ns = skewed(random) + 1;

		p->grown.times[TCP_TIME_CONNECT]++;
		p->grown.time_sum[TCP_TIME_CONNECT] += ns;
		p->time_max[TCP_TIME_CONNECT] =
			ns > p->time_max[TCP_TIME_CONNECT] ? ns : p->time_max[TCP_TIME_CONNECT];
		buckets[tcp_latency_bucket(ns)]++;
	}
	p->buckets[TCP_TIME_CONNECT] = n ? buckets : NULL;
	memset(p->grown.open, 0, sizeof(p->grown.open));
}

/* Connections that open and close, never more than are there. */
static uint64_t random_open(int64_t open, uint64_t *random)
{
	int64_t change = (int64_t)(check_random(random) % 11) - 4;

	if (check_chance(random, 2))
		return 0;
	return (uint64_t)(change < -open ? -open : change);
}

static int64_t open_in(unsigned row, uint64_t start_ns)
{
	const struct holder *h = &world.holders[row];

	return h->start_ns == start_ns ? h->open : 0;
}

static struct match match_of_actor(const struct actor *a)
{
	static const char *const exes[] = {"/usr/bin/a", "/usr/bin/b", "/opt/c", ""};
	static const char *const cgroups[] = {"/a.slice", "", "/b.slice/c.service"};

	return (struct match){
		.group = a->name,
		.rule = rule_of(a->name),
		.exe = exes[a->execs % COUNT_OF(exes)],
		.cgroup = cgroups[a->execs % COUNT_OF(cgroups)],
		.uid = a->execs % 5 ? a->execs % 5 * 1009 : TCP_UID_UNKNOWN,
	};
}

#define ACTOR_ENDS 7 /* destinations, ports and clients that each may have */

static void act_with_one(const struct snapshot_process *process, const char *name,
			 enum tcp_endpoint_kind kind, uint64_t *random)
{
	unsigned number = 1 + (unsigned)(check_random(random) % ACTOR_ENDS);
	struct snapshot_process p = *process;

	p.endpoint = endpoint_of(kind, number);
	p.grown.open[TCP_STATE_ESTABLISHED] = random_open(open_in(end_row(&p), p.start_ns), random);
	feed_endpoint_as(name, rule_of(name), kind, number, &p);
}

/* What a process did, it did with some end. */
static void act_with(const struct snapshot_process *p, const char *name, uint64_t *random)
{
	if (check_chance(random, 2))
		act_with_one(p, name, TCP_ENDPOINT_DESTINATION, random);
	if (check_chance(random, 2))
		act_with_one(p, name, TCP_ENDPOINT_PORT, random);
	if (check_chance(random, 2))
		act_with_one(p, name, TCP_ENDPOINT_CLIENT, random);
}

/* With a process its endpoints go, whatever is open there. */
static void ends_go(const struct snapshot_process *process, const char *name)
{
	for (unsigned row = ROWS; row < ALL_ROWS; row++) {
		const struct holder *h = &world.holders[row];
		struct snapshot_process p = {.process_row = process->row, .last = true};
		unsigned number = h->endpoint.kind == TCP_ENDPOINT_PORT ? h->endpoint.port
									: h->endpoint.address[15];

		if (h->start_ns != process->start_ns || h->pid != process->pid)
			continue;
		p.pid = process->pid;
		p.start_ns = process->start_ns;
		feed_endpoint_as(name, rule_of(name), h->endpoint.kind, number, &p);
	}
}

static void act(struct actor *a, unsigned row, uint64_t *random)
{
	uint32_t buckets[TCP_LATENCY_BUCKETS] = {0};
	struct snapshot_process p = {.row = row, .process_row = row};
	struct match match = match_of("", -1);

	if (row >= TCP_ROW_FIRST && !a->start_ns) {
		if (!check_chance(random, 5))
			return;
		a->name = names[check_random(random) % COUNT_OF(names)];
		a->pid = 1 + check_random(random) % 31;
		a->start_ns = world.now_ns - check_random(random) % (150 * SECOND);
		a->leaving = false;
	}
	if (a->start_ns && check_chance(random, 13)) {
		a->name = names[check_random(random) % COUNT_OF(names)];
		a->execs++;
	}
	if (check_chance(random, 2))
		random_growth(&p, buckets, random);
	p.start_ns = a->start_ns;
	p.pid = a->pid;
	p.last = a->leaving;
	p.renames = a->execs;
	snprintf(p.comm, sizeof(p.comm), "comm%u", a->execs);
	if (a->start_ns)
		match = match_of_actor(a);
	p.grown.open[TCP_STATE_ESTABLISHED] =
		random_open(row == TCP_ROW_OTHER ? world.left_open : a->open, random);
	*(row == TCP_ROW_OTHER ? &world.left_open : &a->open) +=
		(int64_t)p.grown.open[TCP_STATE_ESTABLISHED];
	if (p.last || !counters_are_zero(&p.grown))
		feed(&match, &p);
	if (a->start_ns && !counters_are_zero(&p.grown))
		act_with(&p, a->name, random);
	if (a->leaving)
		ends_go(&p, a->name);
	if (a->leaving)
		*a = (struct actor){0};
	else if (a->start_ns)
		a->leaving = check_chance(random, 17);
}

static void listen_at(const struct actor *a, unsigned row, uint64_t *random)
{
	uint16_t port = (uint16_t)(1 + check_random(random) % ACTOR_ENDS);
	struct match match = match_of("", -1);
	struct snapshot_process p = {.row = row, .process_row = row};

	p.queued = check_random(random) % 5;
	p.grown.listen_drops = check_random(random) % 3;
	if (row != TCP_ROW_OTHER && !a->start_ns)
		return;
	if (a->start_ns)
		match = match_of_actor(a);
	p.start_ns = a->start_ns;
	p.pid = a->pid;
	p.renames = a->execs;
	snprintf(p.comm, sizeof(p.comm), "comm%u", a->execs);
	feed_listener(&match, &p, port);
}

static void churn(struct actor *actors, unsigned ticks, uint64_t *random)
{
	for (unsigned tick = 0; tick < ticks; tick++) {
		tick_begin();
		for (unsigned row = TCP_ROW_OTHER; row < ROWS; row++)
			if (check_chance(random, 7))
				listen_at(&actors[row], row, random);
		for (unsigned row = TCP_ROW_OTHER; row < ROWS; row++)
			if (row >= TCP_ROW_FIRST || check_chance(random, 3))
				act(&actors[row], row, random);
		tick_end();
		if (check_failed())
			return;
	}
}

static void test_churn(void)
{
	static const struct {
		unsigned group_limit, pid_limit, min_age_s, ticks;
	} cases[] = {
		{1, 1, 0, 503},
		{1, 0, 0, 503},
		{2, 3, 60, 503},
		{3, 2, 30, 503},
		{5, 7, 60, 503},
		{11, 13, 0, 503},
		{17, 29, 60, 503},
		{18, 60, 60, 503},
		{200, 50, 60, 503},
		{200, 500, 0, 503},
		{4194304, 4194304, 60, 503},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct actor actors[ROWS] = {0};
		uint64_t random = 7919 + i;

		check_begin("group: conserved to the unit in %u ticks of churn, limits %u and %u, "
			    "minimum age %u",
			    cases[i].ticks, cases[i].group_limit, cases[i].pid_limit,
			    cases[i].min_age_s);
		world_open(cases[i].group_limit, cases[i].pid_limit, cases[i].min_age_s);
		churn(actors, cases[i].ticks, &random);
		calm();
		world_close();
		check_end();
	}
}

/* The general options, then those of the rules: some with limits of their own. */
static const struct group_options churn_options[] = {
	{2, true, 3, 30, true, 5, true, 4, true, 3, PLENTY, false},
	{0, true, 0, 0, true, 0, true, 0, true, 0, PLENTY, false},
	{3, true, 1, 60, true, 2, false, 0, true, 7, PLENTY, false},
	{1, false, 0, 0, false, 0, true, 2, false, 0, PLENTY, false},
	{0, true, 5, 0, true, 11, true, 7, true, 1, PLENTY, false},
};

static void test_churn_of_rules(void)
{
	for (unsigned rule_count = 0; rule_count < COUNT_OF(churn_options); rule_count++) {
		struct actor actors[ROWS] = {0};
		uint64_t random = 6007 + rule_count;

		check_begin("group: conserved to the unit in 701 ticks of churn with destinations, "
			    "ports, clients and %u rules",
			    rule_count);
		world_open_with(churn_options, rule_count, NULL, 0);
		churn(actors, 701, &random);
		calm();
		world_close();
		check_end();
	}
}

/* The parts of each bit, each with so many places: too few for the actors. */
static void test_parts(void)
{
	for (unsigned n = 0; n < 16 * 3; n++) {
		unsigned limit = 1 + n / 16;
		const struct group_options options = {limit,      n & 1, limit,       0,
						      n & 2,      limit, (n & 4) > 0, limit,
						      n >> 3 & 1, limit, PLENTY,      false};
		struct actor actors[ROWS] = {0};
		uint64_t random = 5003 + n;

		check_begin(
			"group: 101 ticks of churn, parts:%s%s%s%s, limits %u: conserved, and no "
			"name twice in a tick",
			options.by_pid ? " pid" : "", options.by_destination ? " dest" : "",
			options.by_port ? " port" : "", options.by_client ? " client" : "", limit);
		world_open_with(&options, 0, NULL, 0);
		world.name_samples = true;
		churn(actors, 101, &random);
		calm();
		world_close();
		check_end();
	}
}

/* -- memory -- */

static void test_open_without_memory(void)
{
	struct groups *untouched = (struct groups *)&world, *g = untouched;
	struct group_options options = {.group_limit = 1};
	long before = memory_live();
	unsigned n = 1;
	int err;

	check_begin("group: groups_open without memory returns -ENOMEM and leaves nothing behind");
	do {
		memory_fail_at(n++);
		err = groups_open(&g, ROWS, &options, 0, NULL, 0);
		memory_fail_at(0);
		if (err) {
			expect(err == -ENOMEM, "returned %d", err);
			expect(g == untouched, "the out-parameter was written");
			expect(memory_live() == before, "blocks are left");
		}
	} while (err && n < 100);
	expect(!err, "it never succeeds");
	expect(n > 4, "it allocates nothing");
	groups_close(err ? NULL : g);
	groups_close(NULL);
	expect(memory_live() == before, "blocks are left after groups_close");
	check_end();
}

static void test_short_of_memory(void)
{
	struct actor actors[ROWS] = {0};
	long before = memory_live();
	uint64_t random = 1299709;

	check_begin("group: conserved while each third allocation fails");
	world_open_with(churn_options, COUNT_OF(churn_options) - 1, NULL, 0);
	world.out_of_memory = true;
	memory_fail_often(3);
	churn(actors, 1009, &random);
	memory_fail_often(0);
	calm();
	world_close();
	expect(memory_live() == before, "blocks are left");
	check_end();
}

/* Memory ends at the n-th allocation of five ticks, and comes back. True if there were so many.
 */
static bool run_short(unsigned n)
{
	struct actor actors[ROWS] = {0};
	uint64_t random = 15485863;
	char *volatile probe; /* so that the compiler keeps the call */
	bool failed;

	world_open_with(churn_options, COUNT_OF(churn_options) - 1, NULL, 0);
	world.out_of_memory = true;
	memory_fail_at(n);
	churn(actors, 5, &random);
	probe = strdup("");
	failed = !probe;
	free(probe);
	memory_fail_at(0);
	churn(actors, 3, &random);
	calm();
	world_close();
	return failed;
}

static void test_out_of_memory(void)
{
	long before = memory_live();
	unsigned n = 1;

	check_begin("group: conserved wherever memory ends");
	while (run_short(n) && !check_failed()) {
		expect(memory_live() == before, "blocks are left after allocation %u", n);
		n++;
	}
	expect(n > 500, "it allocates only %u times", n);
	expect(memory_live() == before, "blocks are left");
	check_end();
}

int main(void)
{
	test_churn();
	test_churn_of_rules();
	test_parts();
	test_open_without_memory();
	test_short_of_memory();
	test_out_of_memory();
	return check_status();
}
