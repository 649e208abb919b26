/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Every tick of every test here passes through tick_end(), which knows what each series was fed and
 * holds the reported totals against it: conservation, growth to the byte, limits.
 */
#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "group.h"
#include "match.h"
#include "memory.h"
#include "snapshot.h"

#define COUNTERS (sizeof(struct tcp_counters) / sizeof(uint64_t))
#define ROWS 67
#define SERIES_MAX 2048 /* that one test may ever name */
#define SECOND ((uint64_t)1000000000)
#define TICK_NS (10 * SECOND)

/* What a series is due in a tick, and how it stood after the one before. */
struct due {
	char name[GROUP_NAME_SIZE];
	uint32_t pid;
	struct tcp_counters fed, waiting; /* in this tick; in the one before, not shown yet */
	struct histogram latency, waiting_latency, seen_latency;
	struct tcp_counters total; /* last seen */
	bool shown, was_shown, known;
};

struct world {
	struct groups *groups;
	struct group_options options;
	uint64_t now_ns;
	struct due due[SERIES_MAX];
	unsigned due_count;
	struct tcp_counters fed;          /* in all, ever */
	struct tcp_counters forgotten;    /* totals of series that began anew */
	uint64_t connects, connects_seen; /* measured, ever: fed, and visible in `all` */
	struct due all, other, kernel;
	unsigned seen, groups_shown, pids_shown, changes; /* by the tick that just ended */
	bool out_of_memory;                               /* growth may be in `other` instead */
	bool may_forget;                                  /* more names than are remembered */
};

static struct world world; /* too large for a stack */

/* -- counters -- */

static void add(struct tcp_counters *to, const struct tcp_counters *from)
{
	for (unsigned i = 0; i < COUNTERS; i++)
		((uint64_t *)to)[i] += ((const uint64_t *)from)[i];
}

static bool is_zero(const struct tcp_counters *c)
{
	static const struct tcp_counters zero;

	return memcmp(c, &zero, sizeof(zero)) == 0;
}

static void expect_counters(const struct tcp_counters *got, const struct tcp_counters *want,
			    const char *what, const char *name, uint32_t pid)
{
	for (unsigned i = 0; i < COUNTERS; i++)
		expect_u64(((const uint64_t *)got)[i], ((const uint64_t *)want)[i],
			   "tick %" PRIu64 ": %s of %s/%u: counter %u", world.now_ns / TICK_NS,
			   what, name, pid, i);
}

static void expect_histogram(const struct histogram *got, const struct histogram *want,
			     const char *name, uint32_t pid)
{
	static const struct histogram none;

	got = got ? got : &none;
	expect_u64(got->count, want->count, "latency of %s/%u: count", name, pid);
	expect_u64(got->sum_ns, want->sum_ns, "latency of %s/%u: sum", name, pid);
	expect_u64(got->max_ns, want->max_ns, "latency of %s/%u: maximum", name, pid);
	for (unsigned i = 0; i < TCP_LATENCY_BUCKETS; i++)
		expect_u64(got->buckets[i], want->buckets[i], "latency of %s/%u: bucket %u", name,
			   pid, i);
}

/* -- the world -- */

static const struct match *named(const char *name)
{
	static struct match match;

	match = (struct match){name, -1, "", "", TCP_UID_UNKNOWN};
	return &match;
}

static void world_open(unsigned group_limit, unsigned pid_limit, unsigned pid_min_age_s)
{
	memset(&world, 0, sizeof(world));
	world.options = (struct group_options){
		.by_pid = pid_limit > 0,
		.pid_limit = pid_limit,
		.pid_min_age_s = pid_min_age_s,
		.group_limit = group_limit,
	};
	world.now_ns = 1000 * TICK_NS;
	expect(!groups_open(&world.groups, ROWS, &world.options, 0, NULL, 0), "groups_open failed");
}

static void world_close(void)
{
	groups_close(world.groups);
}

static struct due *due_of(const char *name, uint32_t pid)
{
	struct due *d;

	for (unsigned i = 0; i < world.due_count; i++)
		if (world.due[i].pid == pid && strcmp(world.due[i].name, name) == 0)
			return &world.due[i];
	if (world.due_count == SERIES_MAX) {
		check_complain("the test names too many series");
		return &world.due[0];
	}
	d = &world.due[world.due_count++];
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->pid = pid;
	return d;
}

static void tick_begin(void)
{
	world.now_ns += TICK_NS;
	groups_begin(world.groups, world.now_ns);
	histogram_clear(&world.all.latency);
	histogram_clear(&world.other.latency);
	histogram_clear(&world.kernel.latency);
	for (unsigned i = 0; i < world.due_count; i++) {
		memset(&world.due[i].fed, 0, sizeof(world.due[i].fed));
		histogram_clear(&world.due[i].latency);
	}
}

static void due_add(struct due *d, const struct snapshot_process *p)
{
	add(&d->fed, &p->grown);
	if (p->grown.measured)
		histogram_add(&d->latency, p->grown.measured, p->grown.connect_ns,
			      p->connect_max_ns, p->buckets);
}

static void feed(const char *name, const struct snapshot_process *p)
{
	add(&world.fed, &p->grown);
	world.connects += p->grown.measured;
	due_add(&world.all, p);
	if (p->row == TCP_ROW_OTHER)
		due_add(&world.other, p);
	else if (p->row == TCP_ROW_KERNEL)
		due_add(&world.kernel, p);
	else
		due_add(due_of(name, 0), p);
	if (p->row >= TCP_ROW_FIRST && world.options.by_pid &&
	    world.now_ns - p->start_ns >= world.options.pid_min_age_s * SECOND)
		due_add(due_of(name, p->pid), p);
	groups_add(world.groups, named(name), p);
}

/* Received bytes, by a process that started at 7 s. */
static void feed_rx(const char *name, unsigned row, uint32_t pid, uint64_t rx_bytes)
{
	feed(name, &(struct snapshot_process){
			   .row = row,
			   .pid = pid,
			   .start_ns = 7 * SECOND,
			   .grown.rx_bytes = rx_bytes,
		   });
}

static void feed_last(const char *name, unsigned row, uint32_t pid, uint64_t rx_bytes)
{
	feed(name, &(struct snapshot_process){
			   .row = row,
			   .pid = pid,
			   .start_ns = 7 * SECOND,
			   .grown.rx_bytes = rx_bytes,
			   .last = true,
		   });
}

/* -- what must hold after each tick -- */

static void merge_max(struct histogram *to, const struct histogram *from)
{
	if (from->count)
		histogram_merge(to, from);
}

static void expect_total(struct due *d, const struct group *series)
{
	struct tcp_counters want = d->total;

	if (d->was_shown) {
		add(&want, &d->waiting);
		add(&want, &d->fed);
	} else if (world.may_forget && d->known && is_zero(&series->total)) {
		add(&world.forgotten, &d->total);
		memset(&want, 0, sizeof(want));
	}
	for (unsigned i = 0; world.out_of_memory && i < COUNTERS; i++)
		expect(((const uint64_t *)&series->total)[i] >= ((uint64_t *)&d->total)[i],
		       "counter %u of %s/%u has fallen", i, d->name, d->pid);
	if (world.out_of_memory)
		return;
	expect_counters(&series->total, &want, d->known ? "total" : "first sample", d->name,
			d->pid);
	if (d->was_shown)
		merge_max(&d->waiting_latency, &d->latency);
	else
		histogram_clear(&d->waiting_latency);
	expect_histogram(series->latency, &d->waiting_latency, d->name, d->pid);
}

static void see_latency(struct due *d, const struct group *series)
{
	histogram_clear(&d->seen_latency);
	if (series->latency)
		d->seen_latency = *series->latency;
}

static void see_fixed(struct due *d, const struct group *series, const char *name)
{
	if (d == &world.kernel && !world.out_of_memory)
		expect_histogram(series->latency, &d->latency, name, 0);
	expect_text(series->name, name, "name of a fixed group");
	expect_u64(series->pid, 0, "pid of %s", name);
	for (unsigned i = 0; i < COUNTERS; i++)
		expect(((const uint64_t *)&series->total)[i] >= ((uint64_t *)&d->total)[i],
		       "counter %u of %s has fallen", i, name);
	d->total = series->total;
	see_latency(d, series);
}

static void see(void *context, const struct group *series)
{
	struct due *d;

	(void)context;
	switch (world.seen++) {
	case 0:
		see_fixed(&world.all, series, GROUP_ALL);
		return;
	case 1:
		see_fixed(&world.other, series, GROUP_OTHER);
		return;
	case 2:
		see_fixed(&world.kernel, series, GROUP_KERNEL);
		return;
	}
	d = due_of(series->name, series->pid);
	expect(!d->shown, "%s/%u is reported twice", d->name, d->pid);
	expect(series->pid || !world.pids_shown, "group %s comes after a process", d->name);
	expect_total(d, series);
	d->shown = true;
	d->total = series->total;
	see_latency(d, series);
	world.groups_shown += !series->pid;
	world.pids_shown += series->pid != 0;
}

/* all = other + kernel + the groups that are or were reported = what was fed, but for what waits.
 */
static void expect_conservation(void)
{
	struct tcp_counters parts = world.forgotten, visible = world.fed;
	struct histogram latency = world.other.seen_latency;
	uint64_t connects = world.connects;

	add(&parts, &world.other.total);
	add(&parts, &world.kernel.total);
	merge_max(&latency, &world.kernel.seen_latency);
	for (unsigned i = 0; i < world.due_count; i++) {
		struct due *d = &world.due[i];

		if (d->pid)
			continue;
		add(&parts, &d->total);
		if (d->shown)
			merge_max(&latency, &d->seen_latency);
		if (d->shown && !d->was_shown)
			connects -= d->latency.count;
		for (unsigned n = 0; d->shown && !d->was_shown && n < COUNTERS; n++)
			((uint64_t *)&visible)[n] -= ((uint64_t *)&d->fed)[n];
	}
	expect_counters(&world.all.total, &parts, "sum of the parts", GROUP_ALL, 0);
	if (world.out_of_memory)
		return;
	expect_counters(&world.all.total, &visible, "what was fed", GROUP_ALL, 0);
	expect_histogram(&world.all.seen_latency, &latency, "all parts", 0);
	world.connects_seen += world.all.seen_latency.count;
	expect_u64(world.connects_seen, connects, "measured connects ever");
}

/* Prepares for the next tick: a new series gives its growth of this one in the next. */
static void remember(struct due *d)
{
	static const struct tcp_counters zero;

	world.changes += d->shown != d->was_shown;
	d->waiting = d->shown && !d->was_shown ? d->fed : zero;
	histogram_clear(&d->waiting_latency);
	if (d->shown && !d->was_shown)
		d->waiting_latency = d->latency;
	d->known |= d->shown;
	d->was_shown = d->shown;
	d->shown = false;
}

static void tick_end(void)
{
	groups_end(world.groups);
	world.seen = world.groups_shown = world.pids_shown = world.changes = 0;
	groups_each(world.groups, see, NULL);
	expect(world.seen >= 3, "a fixed group is missing");
	expect(world.groups_shown <= world.options.group_limit, "%u groups are reported, limit %u",
	       world.groups_shown, world.options.group_limit);
	expect(world.pids_shown <= world.options.pid_limit, "%u processes are reported, limit %u",
	       world.pids_shown, world.options.pid_limit);
	expect_conservation();
	for (unsigned i = 0; i < world.due_count; i++)
		remember(&world.due[i]);
}

#define ABSENT UINT64_MAX

/* The received bytes of a series after this tick. */
static void expect_rx(const char *name, uint32_t pid, uint64_t want)
{
	struct due *d = due_of(name, pid);

	expect_u64(d->was_shown ? d->total.rx_bytes : ABSENT, want, "tick %" PRIu64 ": %s/%u",
		   world.now_ns / TICK_NS - 1000, name, pid);
}

/* -- tests -- */

static void test_empty(void)
{
	check_begin("group: all, other and kernel are there from the first tick, as 0");
	world_open(3, 3, 0);
	tick_begin();
	tick_end();
	expect_u64(world.seen, 3, "series");
	expect(is_zero(&world.all.total) && is_zero(&world.other.total) &&
		       is_zero(&world.kernel.total),
	       "not 0");
	world_close();
	check_end();
}

static void test_first_sample(void)
{
	check_begin("group: a new series is 0 first and has its growth in the next tick");
	world_open(7, 7, 0);
	tick_begin();
	feed_rx("web", 3, 101, 1009);
	tick_end();
	expect_rx("web", 0, 0);
	expect_rx("web", 101, 0);
	expect_u64(world.all.total.rx_bytes, 0, "all, first tick");
	tick_begin();
	feed_rx("web", 3, 101, 13);
	tick_end();
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
		{"all with its end", 0, 1009},
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
		uint64_t age_ns;
		bool want;
	} cases[] = {
		{0, 0, true},
		{60, 0, false},
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
		feed("web", &p);
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
		feed("web", &(struct snapshot_process){.row = 3,
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
		tick_begin();
		feed_rx("web", 3, 101, 1009);
		tick_end();
		expect_u64(world.seen, 4, "series");
	}
	world_close();
	check_end();
}

static void test_exec(void)
{
	check_begin("group: a process that changes its name moves to the new group");
	world_open(7, 7, 0);
	tick_begin();
	feed_rx("sh", 3, 101, 11);
	tick_end();
	tick_begin();
	feed_rx("curl", 3, 101, 1009);
	tick_end();
	expect_rx("sh", 0, 11);
	expect_rx("sh", 101, 11);
	expect_rx("curl", 0, 0);
	tick_begin();
	feed_rx("curl", 3, 101, 13);
	tick_end();
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
	for (unsigned i = 0; i < 3; i++) { /* another process each time, and no end is seen */
		tick_begin();
		p.start_ns += 13;
		feed("web", &p);
		tick_end();
	}
	expect_rx("web", 101, 3027);
	tick_begin();
	feed("web", &(struct snapshot_process){
			    .row = 3, .pid = 101, .start_ns = p.start_ns, .last = true});
	tick_end();
	expect_rx("web", 101, ABSENT);
	p.start_ns += 17;
	tick_begin();
	feed("web", &p);
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
	for (unsigned i = 0; i < 3; i++) {
		tick_begin();
		feed_rx("web", 3, 101, 1009);
		tick_end();
	}
	expect_rx("web", 101, 3027);
	tick_begin(); /* no end was seen, and the new one is too young to be reported */
	feed("web", &(struct snapshot_process){
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
	for (unsigned i = 0; i < 3; i++) {
		tick_begin();
		feed_rx("web", 3, 101, 1009);
		tick_end();
	}
	tick_begin();
	feed_last("web", 3, 101, 13);
	tick_end();
	expect_rx("web", 0, 3040);
	expect_rx("web", 101, 3040);
	world_close();
	check_end();
}

static void test_hidden_again(void)
{
	check_begin("group: a group that was hidden comes back with the total that it had");
	world_open(1, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		tick_begin();
		feed_rx("first", 3, 101, 1009);
		tick_end();
	}
	expect_rx("first", 0, 3027);
	for (unsigned i = 0; i < 3; i++) {
		tick_begin();
		feed_rx("second", 4, 103, 1000003);
		tick_end();
	}
	expect_rx("first", 0, ABSENT);
	expect_rx("second", 0, 3000009);
	tick_begin();
	feed_rx("first", 3, 101, 100000007);
	tick_end();
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

	check_begin("group: a contender takes a place only if the holder is 20 %% below it");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		unsigned changes = 0;

		world_open(1, 1, 0);
		for (unsigned tick = 0; tick < 101; tick++) {
			tick_begin();
			feed_rx("z-holder", 3, 101, cases[i].shown * 1000);
			if (tick >= 50)
				feed_rx("contender", 4, 103, cases[i].contender * 1000);
			tick_end();
			changes += tick ? world.changes : 0;
		}
		expect(due_of("contender", 0)->was_shown == cases[i].want, "case %zu: group", i);
		expect(due_of("contender", 103)->was_shown == cases[i].want, "case %zu: pid", i);
		expect_u64(changes, cases[i].want ? 4 : 0, "case %zu: changes", i);
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
		expect_u64(world.groups_shown, 10, "groups in tick %u", tick);
		expect_u64(world.pids_shown, 10, "processes in tick %u", tick);
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
	tick_begin();
	feed_rx("idle", 3, 101, 1009);
	tick_end();
	for (unsigned i = 0; i < 211; i++) {
		tick_begin();
		feed_rx("busy", 4, 103, 1000003);
		tick_end();
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

/* -- latency -- */

static struct snapshot_process connects_of(unsigned row, uint32_t pid, uint64_t ns, unsigned count)
{
	static uint32_t buckets[TCP_LATENCY_BUCKETS];

	memset(buckets, 0, sizeof(buckets));
	buckets[tcp_latency_bucket(ns)] = count;
	return (struct snapshot_process){
		.row = row,
		.pid = pid,
		.start_ns = 7 * SECOND,
		.grown = {.connects = count, .measured = count, .connect_ns = count * ns},
		.connect_max_ns = ns,
		.buckets = buckets,
	};
}

static void test_latency(void)
{
	struct snapshot_process p;

	check_begin("group: latency of hidden groups is in other, of one tick only");
	world_open(1, 1, 0);
	tick_begin();
	p = connects_of(3, 101, 10007, 3);
	p.grown.rx_bytes = 1000003;
	feed("shown", &p);
	p = connects_of(4, 103, 50021, 5);
	feed("hidden", &p);
	p = connects_of(5, 107, 90001, 7);
	feed("hidden too", &p);
	p = connects_of(TCP_ROW_OTHER, 0, 20011, 11);
	feed("", &p);
	p = connects_of(TCP_ROW_KERNEL, 0, 30011, 13);
	feed("", &p);
	tick_end();
	expect_u64(world.all.seen_latency.count, 5 + 7 + 11 + 13, "all, but for the new group");
	expect_u64(world.other.seen_latency.count, 5 + 7 + 11, "other");
	expect_u64(world.other.seen_latency.sum_ns, 5 * 50021 + 7 * 90001 + 11 * 20011,
		   "sum of other");
	expect_u64(world.other.seen_latency.max_ns, 90001, "maximum of other");
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

/* -- churn -- */

struct actor {
	const char *name;
	uint64_t start_ns; /* 0: the row is free */
	uint32_t pid;
	bool leaving;
};

static const char *const names[] = {
	"nginx", "php-fpm", "mysqld", "sshd",  "curl",  "wget",  "redis", "postgres", "java",
	"node",  "other_",  "Web",    "web-1", "web_1", "kafka", "a",     "ab",       "abc",
};

static uint64_t skewed(uint64_t *random)
{
	uint64_t length = check_random(random) % 41;

	return check_random(random) >> (63 - length);
}

static void random_growth(struct snapshot_process *p, uint32_t *buckets, uint64_t *random)
{
	uint64_t *counters = (uint64_t *)&p->grown, n = check_random(random) % 4;

	for (unsigned i = 0; i < COUNTERS; i++)
		counters[i] = check_chance(random, 3) ? skewed(random) : 0;
	p->grown.measured = p->grown.connect_ns = 0;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t ns = skewed(random) + 1;

		p->grown.measured++;
		p->grown.connect_ns += ns;
		p->connect_max_ns = ns > p->connect_max_ns ? ns : p->connect_max_ns;
		buckets[tcp_latency_bucket(ns)]++;
	}
	p->buckets = n ? buckets : NULL;
}

static void act(struct actor *a, unsigned row, uint64_t *random)
{
	uint32_t buckets[TCP_LATENCY_BUCKETS] = {0};
	struct snapshot_process p = {.row = row};

	if (row >= TCP_ROW_FIRST && !a->start_ns) {
		if (!check_chance(random, 5))
			return;
		a->name = names[check_random(random) % COUNT_OF(names)];
		a->pid = 1 + check_random(random) % 31;
		a->start_ns = world.now_ns - check_random(random) % (150 * SECOND);
		a->leaving = false;
	}
	if (a->start_ns && check_chance(random, 13))
		a->name = names[check_random(random) % COUNT_OF(names)]; /* exec */
	if (check_chance(random, 2))
		random_growth(&p, buckets, random);
	p.start_ns = a->start_ns;
	p.pid = a->pid;
	p.last = a->leaving;
	if (p.last || !is_zero(&p.grown))
		feed(a->name ? a->name : "", &p);
	if (a->leaving)
		*a = (struct actor){0};
	else if (a->start_ns)
		a->leaving = check_chance(random, 17);
}

static void churn(struct actor *actors, unsigned ticks, uint64_t *random)
{
	for (unsigned tick = 0; tick < ticks; tick++) {
		tick_begin();
		for (unsigned row = TCP_ROW_OTHER; row < ROWS; row++)
			if (row >= TCP_ROW_FIRST || check_chance(random, 3))
				act(&actors[row], row, random);
		tick_end();
		if (check.detail[0])
			return;
	}
}

/* Two quiet ticks: whatever waited has arrived. */
static void calm(void)
{
	for (unsigned i = 0; i < 2; i++) {
		tick_begin();
		tick_end();
	}
	expect_counters(&world.all.total, &world.fed, "in the end", GROUP_ALL, 0);
}

static void test_churn(void)
{
	static const struct {
		unsigned group_limit, pid_limit, min_age_s, ticks;
	} cases[] = {
		{1, 1, 0, 1009},
		{1, 0, 0, 503},
		{2, 3, 60, 1009},
		{3, 2, 30, 1009},
		{5, 7, 60, 1009},
		{11, 13, 0, 1009},
		{17, 29, 60, 1009},
		{18, 60, 60, 1009},
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
	world_open(7, 11, 30);
	world.out_of_memory = true;
	memory_fail_often(3);
	churn(actors, 2003, &random);
	memory_fail_often(0);
	calm();
	world_close();
	expect(memory_live() == before, "blocks are left");
	check_end();
}

static void test_pile(void)
{
	long before = memory_live(), most = 0;
	char name[16];

	check_begin("group: 5003 groups and processes of one tick do not pile up");
	world_open(5, 5, 0);
	for (unsigned i = 0; i < 5003; i++) {
		struct snapshot_process p = {.row = 3, .pid = 1 + i, .start_ns = 1 + i};

		snprintf(name, sizeof(name), "g%u", i);
		p.grown.rx_bytes = 1009;
		p.last = i % 2;
		groups_begin(world.groups, world.now_ns + i);
		groups_add(world.groups, named(name), &p);
		groups_end(world.groups);
		most = memory_live() > most ? memory_live() : most;
	}
	/* each table has 4 * limit + 1024 and a few more; a group is three blocks, a process five
	 */
	expect(most - before <= (3 + 5) * (4 * 5 + 1024 + 64) + 16, "%ld blocks", most - before);
	world_close();
	expect(memory_live() == before, "blocks are left after groups_close");
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
	else if (!series->pid)
		sums->parts += series->total.rx_bytes;
}

static void test_many_alive(void)
{
	const struct group_options options = {.by_pid = true, .pid_limit = 1, .group_limit = 1};
	struct groups *g = NULL;
	char name[16];

	check_begin("group: 2003 groups with a process each, limit 1: none is forgotten while it "
		    "lives");
	expect(!groups_open(&g, 2003 + TCP_ROW_FIRST, &options, 0, NULL, 0), "groups_open failed");
	for (unsigned tick = 0; tick < 5; tick++) {
		struct sums sums = {0};

		groups_begin(g, tick + 1);
		for (unsigned i = 0; i < 2003; i++) {
			struct snapshot_process p = {.row = TCP_ROW_FIRST + i, .pid = 1 + i};

			snprintf(name, sizeof(name), "g%u", i);
			p.start_ns = 1;
			p.grown.rx_bytes = i ? 11 : 1009;
			p.last = tick == 3;
			groups_add(g, named(name), &p);
		}
		groups_end(g);
		groups_each(g, sum_up, &sums);
		expect(sums.seen == 5 || tick == 3, "%u series in tick %u", sums.seen, tick);
		expect_u64(sums.parts, sums.all, "parts in tick %u", tick);
		expect_u64(sums.all, (tick + 1) * (1009 + 2002 * 11) - (tick ? 0 : 1009),
			   "all in tick %u", tick);
	}
	groups_close(g);
	check_end();
}

static void test_forgotten(void)
{
	char name[16];

	check_begin("group: conserved while groups are forgotten; one that returns begins at 0");
	world_open(1, 0, 0);
	world.may_forget = true;
	for (unsigned i = 0; i < 2 * 1063; i++) {
		snprintf(name, sizeof(name), "g%u", i % 1063);
		tick_begin();
		feed_rx(name, 3, 1, 1009);
		feed_last(name, 3, 1, 0);
		tick_end();
		for (unsigned quiet = 0; quiet < 2; quiet++) { /* it is half a rival */
			tick_begin();
			tick_end();
		}
	}
	calm();
	expect(!is_zero(&world.forgotten), "nothing was forgotten");
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
	test_hidden_again();
	test_hysteresis();
	test_no_flapping();
	test_idle_keeps_place();
	test_latency();
	test_churn();
	test_open_without_memory();
	test_short_of_memory();
	test_pile();
	test_many_alive();
	test_forgotten();
	return check_status();
}
