/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Every tick of every test here passes through tick_end(), which knows what each series was fed and
 * holds the reported totals against it: conservation, growth to the byte, limits, the ranking.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/name.h"
#include "check.h"
#include "identity/match.h"
#include "memory.h"
#include "probe/snapshot.h"
#include "series/group.h"
#include "series/metric.h"

#define COUNTERS (sizeof(struct tcp_counters) / sizeof(uint64_t))
#define ROWS 67
#define ENDS 1021 /* rows of endpoints, after those of processes */
#define ALL_ROWS (ROWS + ENDS)
#define ENDPOINT_ROW ROWS /* for those who need but one */
#define RULES_MAX 4
#define SERIES_MAX 2100 /* that one test may ever name */
#define SECOND ((uint64_t)1000000000)
#define TICK_NS (10 * SECOND)
#define CONNECTION_WEIGHT 1024  /* bytes, in the ranking */
#define PLENTY 4194304          /* names an hour: at least as many as any limit, in each tick */
#define PORTS_REST "port-other" /* the part that takes what is left over of ports */

/* What a series is due in a tick, and how it stood after the one before. */
struct due {
	enum group_kind kind;
	char name[GROUP_NAME_SIZE];
	char part[ENDPOINT_NAME_SIZE];
	struct match match; /* as it was fed last; its texts are the test's */
	char comm[TCP_COMM_LEN];
	unsigned row; /* of the process that was fed last, as are these */
	uint64_t start_ns;
	uint32_t pid, renames;
	bool rest; /* takes what is left over */
	uint64_t score;
	uint16_t history;                 /* a bit for each of the last ticks, 1: it was fed */
	struct tcp_counters fed, waiting; /* in this tick; in the one before, not shown yet */
	struct histogram latency, waiting_latency, seen_latency;
	struct tcp_counters total; /* last seen */
	struct tcp_counters before;
	int64_t open, seen_open;      /* connections: what should be there, and what is reported */
	uint64_t queued, seen_queued; /* the same of connections that wait */
	bool shown, was_shown, known;
};

/* A row, and what is open there: a state is where its process was last told to be. */
struct holder {
	uint64_t start_ns; /* 0: nobody's */
	uint32_t pid;
	struct tcp_endpoint endpoint;
	int64_t open;
	struct due *group, *process; /* NULL: in `other`; not reported alone */
};

struct world {
	struct groups *groups;
	struct group_options options[1 + RULES_MAX];
	unsigned rule_count;
	uint64_t now_ns;
	unsigned due_count;
	struct tcp_counters fed;          /* in all, ever */
	struct tcp_counters forgotten;    /* totals of groups that began anew */
	uint64_t connects, connects_seen; /* measured, ever: fed, and visible in `all` */
	struct due all, other, kernel;
	struct holder holders[ALL_ROWS];
	struct known {
		uint64_t start_ns;
		uint32_t renames;
		struct match match;
	} known[ALL_ROWS]; /* who was fed last, by row */
	unsigned asked;    /* how often for details */
	int64_t left_open; /* connections of processes that have ended */
	unsigned seen, shown[GROUP_KIND_COUNT], changes; /* by the tick that just ended */
	enum group_kind last_kind;
	bool out_of_memory; /* growth may be in `other` instead, or late */
	bool may_forget;    /* more names than are remembered */
	bool name_samples;  /* no two in a tick have one name */
	struct due due[SERIES_MAX];
};

static struct world world; /* too large for a stack */

static const char *const kinds[] = {"group", "process", "destination", "port"};

/* -- counters -- */

static void add(struct tcp_counters *to, const struct tcp_counters *from)
{
	for (unsigned i = 0; i < COUNTERS; i++)
		((uint64_t *)to)[i] += ((const uint64_t *)from)[i];
}

/* What adds up: a balance does not. */
static struct tcp_counters growth_of(const struct snapshot_process *p)
{
	struct tcp_counters growth = p->grown;

	growth.established = 0;
	return growth;
}

static void subtract(struct tcp_counters *to, const struct tcp_counters *what)
{
	for (unsigned i = 0; i < COUNTERS; i++)
		((uint64_t *)to)[i] -= ((const uint64_t *)what)[i];
}

static bool is_zero(const struct tcp_counters *c)
{
	static const struct tcp_counters zero;

	return memcmp(c, &zero, sizeof(zero)) == 0;
}

static uint64_t activity(const struct tcp_counters *c)
{
	uint64_t connections = c->connects + c->accepts;

	for (unsigned i = 0; i < TCP_REASON_COUNT; i++)
		connections += c->failed[i];
	return c->tx_bytes + c->rx_bytes + CONNECTION_WEIGHT * connections;
}

static void expect_counters(const struct tcp_counters *got, const struct tcp_counters *want,
			    const char *what, const char *name, const char *part)
{
	if (memcmp(got, want, sizeof(*got)) == 0)
		return;
	for (unsigned i = 0; i < COUNTERS; i++)
		expect_u64(((const uint64_t *)got)[i], ((const uint64_t *)want)[i],
			   "tick %" PRIu64 ": %s of %s/%s: counter %u",
			   world.now_ns / TICK_NS - 1000, what, name, part, i);
}

/* Is no counter above that of the bound? */
static void expect_within(const struct tcp_counters *c, const struct tcp_counters *bound,
			  const char *what, const char *name, const char *part)
{
	for (unsigned i = 0; i < COUNTERS; i++)
		expect(((const uint64_t *)c)[i] <= ((const uint64_t *)bound)[i],
		       "tick %" PRIu64 ": counter %u of %s/%s %s", world.now_ns / TICK_NS - 1000, i,
		       name, part, what);
}

static void expect_histogram(const struct histogram *got, const struct histogram *want,
			     const char *name, const char *part)
{
	if (memcmp(got, want, sizeof(*got)) == 0)
		return;
	expect_u64(got->count, want->count, "latency of %s/%s: count", name, part);
	expect_u64(got->sum, want->sum, "latency of %s/%s: sum", name, part);
	expect_u64(got->max, want->max, "latency of %s/%s: maximum", name, part);
	for (unsigned i = 0; i < TCP_LATENCY_BUCKETS; i++)
		expect_u64(got->buckets[i], want->buckets[i], "latency of %s/%s: bucket %u", name,
			   part, i);
}

static void clear(struct histogram *h)
{
	if (h->count)
		memset(h, 0, sizeof(*h));
}

static void merge(struct histogram *to, const struct histogram *from)
{
	if (from->count)
		histogram_merge(to, from);
}

/* -- the world -- */

static bool still_known(unsigned row, uint64_t start_ns, uint32_t renames)
{
	const struct known *k = &world.known[row];

	return k->start_ns == start_ns && k->renames == renames;
}

static const struct match *details_of(void *context, unsigned row, uint64_t start_ns,
				      uint32_t renames)
{
	expect(context == &world, "another context");
	world.asked++;
	return still_known(row, start_ns, renames) ? &world.known[row].match : NULL;
}

static void world_ask(void *context, struct group *process)
{
	const struct match *match =
		details_of(context, process->row, process->start_ns, process->renames);

	if (match)
		group_detail(process, match);
}

static void world_add(const struct match *match, const struct snapshot_process *p)
{
	struct group *ended = groups_add(world.groups, match, p);

	if (ended)
		world_ask(&world, ended);
}

static void world_end(void)
{
	groups_end(world.groups);
	groups_each_unknown(world.groups, world_ask, &world);
}

/* The rules' options come after the general ones. */
static void world_open_with(const struct group_options *options, unsigned rule_count,
			    const struct subnet *subnets, unsigned subnet_count)
{
	memset(&world, 0, offsetof(struct world, due) + world.due_count * sizeof(*world.due));
	memcpy(world.options, options, (1 + rule_count) * sizeof(*options));
	world.rule_count = rule_count;
	world.now_ns = 1000 * TICK_NS;
	expect(!groups_open(&world.groups, ALL_ROWS, world.options, rule_count, subnets,
			    subnet_count),
	       "groups_open failed");
}

static void world_open(unsigned group_limit, unsigned pid_limit, unsigned pid_min_age_s)
{
	world_open_with(&(struct group_options){.new_names_per_hour = PLENTY,
						.by_pid = pid_limit > 0,
						.pid_limit = pid_limit,
						.pid_min_age_s = pid_min_age_s,
						.group_limit = group_limit},
			0, NULL, 0);
}

/* Groups, and so many destinations and ports. */
static void world_open_endpoints(unsigned group_limit, unsigned limit)
{
	world_open_with(&(struct group_options){.new_names_per_hour = PLENTY,
						.group_limit = group_limit,
						.by_destination = true,
						.destination_limit = limit,
						.by_port = true,
						.port_limit = limit},
			0, NULL, 0);
}

static void world_close(void)
{
	groups_close(world.groups);
}

static struct due *due_of(enum group_kind kind, const char *name, const char *part)
{
	struct due *d;

	for (unsigned i = 0; i < world.due_count; i++) {
		d = &world.due[i];
		if (d->kind == kind && strcmp(d->part, part) == 0 && strcmp(d->name, name) == 0)
			return d;
	}
	if (world.due_count == SERIES_MAX) {
		check_complain("the test names too many series");
		return &world.due[0];
	}
	d = &world.due[world.due_count++];
	d->kind = kind;
	d->rest = strcmp(part, GROUP_OTHER) == 0 || strcmp(part, PORTS_REST) == 0;
	d->match.rule = -1;
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->part, sizeof(d->part), "%s", part);
	return d;
}

static struct due *due_of_pid(const char *name, uint32_t pid)
{
	char part[16];

	snprintf(part, sizeof(part), "%" PRIu32, pid);
	return due_of(GROUP_PROCESS, name, part);
}

static void tick_begin(void)
{
	world.now_ns += TICK_NS;
	groups_begin(world.groups, world.now_ns);
	world.all.queued = world.kernel.queued = 0;
	clear(&world.all.latency);
	clear(&world.other.latency);
	clear(&world.kernel.latency);
	for (unsigned i = 0; i < world.due_count; i++) {
		memset(&world.due[i].fed, 0, sizeof(world.due[i].fed));
		clear(&world.due[i].latency);
		world.due[i].queued = 0;
	}
}

static void due_add(struct due *d, const struct match *match, const struct snapshot_process *p)
{
	const struct tcp_counters growth = growth_of(p);

	d->match = *match;
	d->queued += p->queued;
	add(&d->fed, &growth);
	if (p->grown.times[TCP_TIME_CONNECT])
		histogram_add(&d->latency, p->grown.times[TCP_TIME_CONNECT],
			      p->grown.time_sum[TCP_TIME_CONNECT], p->time_max[TCP_TIME_CONNECT],
			      p->buckets[TCP_TIME_CONNECT]);
}

/* Is it due a series of its own? Not for nothing but its end. */
static bool by_pid(const struct match *match, const struct snapshot_process *p)
{
	const struct group_options *o = &world.options[match->rule + 1];

	return p->row >= TCP_ROW_FIRST && o->by_pid && strcmp(match->group, GROUP_OTHER) != 0 &&
	       !(p->last && is_zero(&p->grown)) &&
	       world.now_ns - p->start_ns >= o->pid_min_age_s * SECOND;
}

/* The row's state from now on. */
static void hold(const struct snapshot_process *p, struct due *group, struct due *process)
{
	struct holder *h = &world.holders[p->row];

	if (h->start_ns != p->start_ns)
		h->open = 0;
	h->start_ns = p->start_ns;
	h->pid = p->pid;
	h->endpoint = p->endpoint;
	h->open += (int64_t)p->grown.established;
	h->group = group;
	h->process = process;
	if (p->last && !p->endpoint.kind)
		world.left_open += h->open;
	if (p->last)
		*h = (struct holder){0};
}

/* Where it counts as a whole. */
static struct due *feed_whole(const struct match *match, const struct snapshot_process *p)
{
	struct due *d = NULL;

	due_add(&world.all, match, p);
	world.all.open += (int64_t)p->grown.established;
	if (p->row == TCP_ROW_KERNEL) {
		due_add(&world.kernel, match, p);
		world.kernel.open += (int64_t)p->grown.established;
	} else if (p->row == TCP_ROW_OTHER || strcmp(match->group, GROUP_OTHER) == 0) {
		due_add(&world.other, match, p);
	} else {
		d = due_of(GROUP_WHOLE, match->group, "");
		due_add(d, match, p);
	}
	return d;
}

static void feed(const struct match *match, const struct snapshot_process *p)
{
	const struct tcp_counters growth = growth_of(p);
	struct due *d = NULL, *group;

	add(&world.fed, &growth);
	world.connects += p->grown.times[TCP_TIME_CONNECT];
	group = feed_whole(match, p);
	if (by_pid(match, p)) {
		d = due_of_pid(match->group, p->pid);
		due_add(d, match, p);
		d->row = p->row;
		d->start_ns = p->start_ns;
		d->renames = p->renames;
		d->pid = p->pid;
		memcpy(d->comm, p->comm, sizeof(d->comm));
	}
	if (p->row >= TCP_ROW_FIRST)
		hold(p, group, d);
	world.known[p->row] = (struct known){p->start_ns, p->renames, *match};
	world_add(match, p);
}

/* The row of the endpoint; a free one if it has none. */
static unsigned end_row(const struct snapshot_process *p)
{
	unsigned free_row = ALL_ROWS;

	for (unsigned row = ALL_ROWS - 1; row >= ROWS; row--) {
		const struct holder *h = &world.holders[row];

		if (!h->start_ns)
			free_row = row;
		else if (h->start_ns == p->start_ns && h->pid == p->pid &&
			 memcmp(&h->endpoint, &p->endpoint, sizeof(h->endpoint)) == 0)
			return row;
	}
	if (free_row < ALL_ROWS)
		return free_row;
	check_complain("the test names too many endpoints");
	return ENDPOINT_ROW;
}

/* `part`: how the endpoint is to be called. */
static void feed_endpoint(const struct match *match, const char *part,
			  const struct snapshot_process *p)
{
	const struct group_options *o = &world.options[match->rule + 1];
	bool port = p->endpoint.kind == TCP_ENDPOINT_PORT;
	struct due *d = NULL;

	if (port ? o->by_port : o->by_destination)
		d = due_of(port ? GROUP_PORT : GROUP_DESTINATION, match->group, part);
	if (d)
		due_add(d, match, p);
	if (p->row != p->process_row)
		hold(p, d, NULL);
	world_add(match, p);
}

static struct match match_of(const char *group, int rule)
{
	return (struct match){
		.group = group,
		.rule = rule,
		.exe = "/usr/bin/fake",
		.cgroup = "/system.slice/fake.service",
		.uid = 1009,
	};
}

static void feed_as(const char *name, int rule, const struct snapshot_process *p)
{
	struct match match = match_of(name, rule);

	feed(&match, p);
}

/* Received bytes, by a process that started at 7 s. */
static void feed_rx(const char *name, unsigned row, uint32_t pid, uint64_t rx_bytes)
{
	feed_as(name, -1,
		&(struct snapshot_process){
			.row = row,
			.process_row = row,
			.pid = pid,
			.start_ns = 7 * SECOND,
			.grown.rx_bytes = rx_bytes,
		});
}

static void feed_last(const char *name, unsigned row, uint32_t pid, uint64_t rx_bytes)
{
	feed_as(name, -1,
		&(struct snapshot_process){
			.row = row,
			.process_row = row,
			.pid = pid,
			.start_ns = 7 * SECOND,
			.grown.rx_bytes = rx_bytes,
			.last = true,
		});
}

/* An endpoint of 10.0.0.`number`, port 443, or of local port `number`. */
static struct tcp_endpoint endpoint_of(enum tcp_endpoint_kind kind, unsigned number)
{
	struct tcp_endpoint e = {.kind = (uint16_t)kind, .port = 443};

	if (kind == TCP_ENDPOINT_PORT) {
		e.port = (uint16_t)number;
		return e;
	}
	e.address[10] = e.address[11] = 0xff;
	e.address[12] = 10;
	e.address[14] = (uint8_t)(number >> 8);
	e.address[15] = (uint8_t)number;
	return e;
}

/* Adds what `p` says to destination 10.0.x.y:443, or to a port. */
static void feed_endpoint_as(const char *name, int rule, enum tcp_endpoint_kind kind,
			     unsigned number, const struct snapshot_process *process)
{
	struct match match = match_of(name, rule);
	struct snapshot_process p = *process;
	char part[32];

	p.endpoint = endpoint_of(kind, number);
	p.row = end_row(&p);
	if (kind == TCP_ENDPOINT_PORT)
		snprintf(part, sizeof(part), "port-%u", number);
	else
		snprintf(part, sizeof(part), "10.0.%u.%u:443", number >> 8, number & 255);
	feed_endpoint(&match, part, &p);
}

/* Received bytes of a destination, and of a port of the same number. */
static void feed_ends(const char *name, unsigned number, uint64_t rx_bytes)
{
	const struct snapshot_process p = {
		.pid = 101, .start_ns = 7 * SECOND, .process_row = 3, .grown.rx_bytes = rx_bytes};

	feed_endpoint_as(name, -1, TCP_ENDPOINT_DESTINATION, number, &p);
	feed_endpoint_as(name, -1, TCP_ENDPOINT_PORT, number, &p);
}

/* -- what must hold after each tick -- */

/* What a reader is told of a series, whichever it is. */
static void see_series(struct due *d, const struct group *series)
{
	d->before = d->total;
	d->total = series->total;
	d->seen_open = series->established;
	d->seen_queued = series->queued;
	expect_u64(series->total.established, 0, "a balance as a counter of %s/%s", d->name,
		   d->part);
	if (!world.may_forget) {
		expect_u64(series->segments, d->total.segments - d->before.segments,
			   "segments of this tick of %s/%s", d->name, d->part);
		expect_u64(series->retransmits, d->total.retransmits - d->before.retransmits,
			   "retransmits of this tick of %s/%s", d->name, d->part);
	}
	clear(&d->seen_latency);
	if (series->times[TCP_TIME_CONNECT])
		d->seen_latency = *series->times[TCP_TIME_CONNECT];
}

static void see_fixed(struct due *d, const struct group *series, const char *name)
{
	see_series(d, series);
	if (d == &world.kernel && !world.out_of_memory)
		expect_histogram(&d->seen_latency, &d->latency, name, "");
	expect_text(series->name, name, "name of a fixed group");
	expect_text(series->part, "", "part of a fixed group");
	expect(series->kind == GROUP_WHOLE && series->rule == -1, "kind or rule of %s", name);
	expect_u64(series->pid, 0, "pid of %s", name);
	expect_within(&d->before, &d->total, "has fallen", name, "");
}

/* Without memory, a text may be missing or that of before. */
static void expect_details(const struct due *d, const struct group *series)
{
	const struct due *maker = d->rest ? due_of(GROUP_WHOLE, d->name, "") : d;

	expect(series->rule == maker->match.rule, "rule of %s/%s is %d", d->name, d->part,
	       series->rule);
	if (d->kind != GROUP_PROCESS) {
		expect_u64(series->pid, 0, "pid of %s/%s", d->name, d->part);
		return;
	}
	if (!d->match.group)
		return; /* the model was not asked */
	expect_u64(series->pid, d->pid, "pid of %s/%s", d->name, d->part);
	expect_text(series->comm, d->comm, "comm");
	if (!still_known(d->row, d->start_ns, d->renames) && series->uid == TCP_UID_UNKNOWN &&
	    !series->exe && !series->cgroup)
		return; /* it was not reported when it could be asked for */
	expect_u64(series->uid, d->match.uid, "uid of %s/%s", d->name, d->part);
	if (world.out_of_memory)
		return;
	expect_text(series->exe ? series->exe : "", d->match.exe, "exe");
	expect_text(series->cgroup ? series->cgroup : "", d->match.cgroup, "cgroup");
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
	d = due_of(series->kind, series->name, series->part);
	expect(!d->shown, "%s/%s is reported twice", d->name, d->part);
	expect(series->kind >= world.last_kind, "%s %s/%s comes late", kinds[series->kind], d->name,
	       d->part);
	world.last_kind = series->kind;
	d->shown = true;
	see_series(d, series);
	expect_details(d, series);
	world.shown[series->kind]++;
}

/* A part is reported with its group only. */
static bool group_reported(const struct due *d)
{
	return d->kind == GROUP_WHOLE || strcmp(d->name, GROUP_OTHER) == 0 ||
	       due_of(GROUP_WHOLE, d->name, "")->shown;
}

/* The part that takes what a destination or port has that is not reported. */
static struct due *rest_of(const struct due *d)
{
	bool reported = due_of(GROUP_WHOLE, d->name, "")->shown;

	return due_of(d->kind, reported ? d->name : GROUP_OTHER,
		      d->kind == GROUP_PORT ? PORTS_REST : GROUP_OTHER);
}

static void spread_rest(void)
{
	for (unsigned i = 0; i < world.due_count; i++) {
		struct due *d = &world.due[i], *rest;
		bool nothing = is_zero(&d->fed) && is_zero(&d->waiting);

		if (d->kind < GROUP_DESTINATION || d->shown || nothing)
			continue;
		rest = rest_of(d);
		if (rest == d)
			continue; /* it is missing */
		add(&rest->fed, &d->fed);
		add(&rest->fed, &d->waiting);
		merge(&rest->latency, &d->latency);
		merge(&rest->latency, &d->waiting_latency);
	}
}

/* What is open or waits in a part that is not reported. */
static void give_state(struct due *d, int64_t open, uint64_t queued)
{
	if (d->kind >= GROUP_DESTINATION && !d->rest && !d->shown)
		d = rest_of(d);
	d->open += open;
	d->queued += queued;
}

static void spread_state(void)
{
	unsigned count = world.due_count; /* without the rests that are made here */

	for (unsigned i = 0; i < count; i++)
		world.due[i].open = 0;
	for (unsigned row = TCP_ROW_FIRST; row < ALL_ROWS; row++) {
		const struct holder *h = &world.holders[row];

		if (h->group)
			give_state(h->group, h->open, 0);
		if (h->process)
			give_state(h->process, h->open, 0);
	}
	for (unsigned i = 0; i < count; i++) {
		struct due *d = &world.due[i];

		if (d->kind >= GROUP_DESTINATION && !d->rest && !d->shown && d->queued)
			give_state(d, 0, d->queued);
	}
}

/* all = kernel + other + the groups that are reported, and each has what its rows have. */
static void expect_state(void)
{
	int64_t open = world.all.seen_open - world.kernel.seen_open;
	uint64_t queued = world.all.seen_queued - world.kernel.seen_queued;

	expect_u64((uint64_t)world.all.seen_open, (uint64_t)world.all.open, "open in all");
	expect_u64((uint64_t)world.kernel.seen_open, (uint64_t)world.kernel.open, "in kernel");
	expect_u64(world.all.seen_queued, world.all.queued, "waiting in all");
	expect_u64(world.kernel.seen_queued, world.kernel.queued, "waiting in kernel");
	for (unsigned i = 0; i < world.due_count; i++) {
		const struct due *d = &world.due[i];

		if (d->kind == GROUP_WHOLE && d->shown) {
			open -= d->seen_open;
			queued -= d->seen_queued;
		}
		if (!d->shown || world.out_of_memory)
			continue;
		expect(d->seen_open == d->open,
		       "tick %" PRIu64 ": open in %s/%s: want %" PRId64 ", got %" PRId64,
		       world.now_ns / TICK_NS - 1000, d->name, d->part, d->open, d->seen_open);
		expect_u64(d->seen_queued, d->queued, "waiting in %s/%s", d->name, d->part);
	}
	expect_u64((uint64_t)world.other.seen_open, (uint64_t)open, "open in other");
	expect_u64(world.other.seen_queued, queued, "waiting in other");
}

static void expect_total(struct due *d)
{
	struct tcp_counters want = d->before;

	if (world.may_forget && d->known && !d->was_shown && is_zero(&d->total)) {
		if (d->kind == GROUP_WHOLE)
			add(&world.forgotten, &d->before);
		return;
	}
	expect_within(&d->before, &d->total, "has fallen", d->name, d->part);
	if (world.out_of_memory)
		return;
	if (d->was_shown) {
		add(&want, &d->waiting);
		add(&want, &d->fed);
		merge(&d->waiting_latency, &d->latency);
	} else {
		clear(&d->waiting_latency);
	}
	expect_counters(&d->total, &want, d->known ? "total" : "first sample", d->name, d->part);
	expect_histogram(&d->seen_latency, &d->waiting_latency, d->name, d->part);
}

/* A new series keeps what it was fed for the next tick. */
static void take_waiting(struct tcp_counters *counters, uint64_t *connects, enum group_kind kind)
{
	for (unsigned i = 0; i < world.due_count; i++) {
		const struct due *d = &world.due[i];

		if (d->kind != kind || !d->shown || d->was_shown)
			continue;
		subtract(counters, &d->fed);
		*connects -= d->latency.count;
	}
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
	merge(&latency, &world.kernel.seen_latency);
	for (unsigned i = 0; i < world.due_count; i++) {
		struct due *d = &world.due[i];

		if (d->kind != GROUP_WHOLE)
			continue;
		add(&parts, &d->total);
		if (d->shown)
			merge(&latency, &d->seen_latency);
	}
	expect_counters(&world.all.total, &parts, "sum of the parts", GROUP_ALL, "");
	expect_within(&world.all.total, &world.fed, "is more than there was", GROUP_ALL, "");
	if (world.out_of_memory)
		return;
	take_waiting(&visible, &connects, GROUP_WHOLE);
	expect_counters(&world.all.total, &visible, "what was fed", GROUP_ALL, "");
	expect_histogram(&world.all.seen_latency, &latency, "all parts", "");
	world.connects_seen += world.all.seen_latency.count;
	expect_u64(world.connects_seen, connects, "measured connects ever");
}

static unsigned limit_of(unsigned options, enum group_kind kind)
{
	const struct group_options *o = &world.options[options];

	switch (kind) {
	case GROUP_WHOLE:
		return o->group_limit;
	case GROUP_PROCESS:
		return o->pid_limit;
	case GROUP_DESTINATION:
		return o->destination_limit;
	default:
		return o->port_limit;
	}
}

/* A group of a rule that has one name for all is reported in any case. */
static bool is_held(const struct due *d)
{
	return d->kind == GROUP_WHOLE && world.options[d->match.rule + 1].holds;
}

/* Whether it takes part in the quota of these options: its rule's, or the general one. */
static bool has_quota(const struct due *d, enum group_kind kind, unsigned options)
{
	unsigned own = (unsigned)(d->match.rule + 1);

	bool unnamed = kind >= GROUP_DESTINATION && !*d->part;

	return d->kind == kind && !d->rest && !unnamed && !is_held(d) &&
	       (limit_of(own, kind) ? own : 0) == options;
}

/* What was fed in one or two of the last 16 ticks is beneath all that are reported and were fed in
 * one of them. */
static bool is_busy(const struct due *d)
{
	return __builtin_popcount(d->history) >= (d->was_shown ? 1 : 3);
}

static bool is_above(const struct due *a, const struct due *b)
{
	if (is_busy(a) != is_busy(b))
		return is_busy(a);
	return (double)a->score * (a->was_shown ? 1.25 : 1) >
	       (double)b->score * (b->was_shown ? 1.25 : 1);
}

/* The limit holds, nothing is hidden while there is room, and nothing hidden is busier than what is
 * shown, by more than 20 %. */
static void expect_quota(enum group_kind kind, unsigned options)
{
	static const struct due none = {.name = "nothing"};
	const struct due *least = &none, *most = &none;
	unsigned shown = 0, hidden = 0, limit = limit_of(options, kind);
	bool names = world.options[options].new_names_per_hour == PLENTY;

	for (unsigned i = 0; i < world.due_count; i++) {
		const struct due *d = &world.due[i];

		if (!has_quota(d, kind, options))
			continue;
		if (d->shown && (!shown++ || is_above(least, d)))
			least = d;
		if (d->shown || is_zero(&d->fed) || !group_reported(d) || (!d->known && !names))
			continue;
		if (!hidden++ || is_above(d, most))
			most = d;
	}
	expect(shown <= limit, "%u of kind %s are reported, limit %u", shown, kinds[kind], limit);
	if (world.out_of_memory || world.may_forget)
		return;
	expect(!hidden || shown == limit, "%u of kind %s are reported, limit %u, and %u hidden",
	       shown, kinds[kind], limit, hidden);
	expect(!shown || !hidden || !is_above(most, least),
	       "tick %" PRIu64 ": %s: %s/%s is above %s/%s", world.now_ns / TICK_NS - 1000,
	       kinds[kind], most->name, most->part, least->name, least->part);
}

/* Prepares for the next tick: a new series gives its growth of this one in the next. */
static void remember(struct due *d)
{
	static const struct tcp_counters zero;

	world.changes += d->shown != d->was_shown && !d->rest;
	d->waiting = d->shown && !d->was_shown ? d->fed : zero;
	clear(&d->waiting_latency);
	if (d->shown && !d->was_shown)
		d->waiting_latency = d->latency;
	d->known |= d->shown;
	d->was_shown = d->shown;
	d->shown = false;
}

#define SAMPLES_MAX 4096 /* of one tick */

static struct {
	char names[SAMPLES_MAX][384];
	unsigned count;
} samples;

/* The names are in the order of their hashes, as far as there is room at that place. */
static void name_sample(void *context, const struct metric_sample *sample)
{
	char name[sizeof(*samples.names)];
	unsigned at;

	(void)context;
	snprintf(name, sizeof(name), "%s/%s-%s", sample->group->name, sample->type,
		 sample->instance);
	for (at = name_hash(NAME_HASH, name) % SAMPLES_MAX; *samples.names[at];
	     at = (at + 1) % SAMPLES_MAX)
		expect(strcmp(samples.names[at], name) != 0, "tick %" PRIu64 ": two samples of %s",
		       world.now_ns / TICK_NS - 1000, name);
	if (++samples.count < SAMPLES_MAX) /* one place stays free: so the search ends */
		memcpy(samples.names[at], name, sizeof(name));
	else
		check_complain("too many samples");
}

static void name_samples(void *context, const struct group *series)
{
	static const struct metric_options all = {
		.bytes = true,
		.by_scope = true,
		.connections = true,
		.connect_latency = true,
		.lifetime = true,
		.health = true,
		.listen = true,
		.percentiles = {{50, 99.9}, 2},
		.buckets = {{{0, 0.1}, {0.1, 0}}, 2},
	};

	metric_group(series, &all, 10, name_sample, context);
}

static void look(void)
{
	world.seen = world.changes = 0;
	world.last_kind = GROUP_WHOLE;
	memset(world.shown, 0, sizeof(world.shown));
	groups_each(world.groups, see, NULL);
	expect(world.seen >= 3, "a fixed group is missing");
	if (!world.name_samples)
		return;
	memset(&samples, 0, sizeof(samples));
	groups_each(world.groups, name_samples, NULL);
}

static void remember_activity(struct due *d, uint64_t activity)
{
	d->score = d->score / 2 + activity;
	d->history = (uint16_t)(d->history << 1 | (activity > 0));
}

static void tick_end(void)
{
	world_end();
	for (unsigned i = 0; i < world.due_count; i++)
		remember_activity(&world.due[i], activity(&world.due[i].fed));
	look();
	for (unsigned i = 0; i < world.due_count; i++)
		expect(!world.due[i].shown || group_reported(&world.due[i]),
		       "%s/%s is reported, its group is not", world.due[i].name, world.due[i].part);
	for (unsigned options = 0; options <= world.rule_count; options++)
		for (int kind = 0; kind < GROUP_KIND_COUNT; kind++)
			expect_quota(kind, options);
	spread_rest();
	spread_state();
	for (unsigned i = 0; i < world.due_count; i++) {
		struct due *d = &world.due[i];

		if (d->shown)
			expect_total(d);
		else if (d->rest && !world.out_of_memory)
			expect(is_zero(&d->fed) && !d->open && !d->queued, "%s/%s is missing",
			       d->name, d->part);
	}
	expect_state();
	expect_conservation();
	for (unsigned i = 0; i < world.due_count; i++)
		remember(&world.due[i]);
}

static void quiet_ticks(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		tick_begin();
		tick_end();
	}
}

#define ABSENT UINT64_MAX

static void expect_due_rx(const struct due *d, uint64_t want)
{
	expect_u64(d->was_shown ? d->total.rx_bytes : ABSENT, want, "tick %" PRIu64 ": %s/%s",
		   world.now_ns / TICK_NS - 1000, d->name, d->part);
}

/* The received bytes of a group, or of one of its processes, after this tick. */
static void expect_rx(const char *name, uint32_t pid, uint64_t want)
{
	expect_due_rx(pid ? due_of_pid(name, pid) : due_of(GROUP_WHOLE, name, ""), want);
}

static void expect_part_rx(enum group_kind kind, const char *name, const char *part, uint64_t want)
{
	expect_due_rx(due_of(kind, name, part), want);
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
		feed_as("web", -1, &p);
		tick_end();
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
	for (unsigned i = 0; i < 3; i++) {
		tick_begin();
		feed_rx("web", 3, 101, 1009);
		tick_end();
	}
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
	for (unsigned i = 0; i < 5; i++) {
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
	static const struct group_options all_of_one = {
		.new_names_per_hour = PLENTY,
		.group_limit = 1,
		.by_pid = true,
		.pid_limit = 1,
		.by_destination = true,
		.destination_limit = 1,
		.by_port = true,
		.port_limit = 1,
	};
	static const char *const contenders[] = {"", "103", "10.0.0.1:443", "port-1"};

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
			       "case %zu: %s", i, kinds[n]);
		expect_u64(changes, cases[i].want ? 8 : 0, "case %zu: changes", i);
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

static void test_idle_contender(void)
{
	static const char *const names[] = {"z-first", "a-second"};

	check_begin("group: among those that are idle for long, who has the place keeps it");
	world_open(1, 1, 0);
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		tick_begin();
		feed_rx(names[i], 3 + i, 101 + i, i ? 1009 : 4001);
		tick_end();
	}
	for (unsigned i = 0; i < 40; i++) {
		expect_rx("z-first", 0, 4001);
		expect_rx("z-first", 101, 4001);
		quiet_ticks(1);
	}
	world_close();
	check_end();
}

static void test_shared_group(void)
{
	check_begin("group: an idle group stays until its last process ends");
	world_open(3, 3, 0);
	for (unsigned i = 0; i < 3; i++) {
		tick_begin();
		feed_rx("web", 3 + i, 101 + i, 1009);
		tick_end();
	}
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

/* The first rule reports no processes. */
static void feed_group(const char *name, uint64_t rx_bytes)
{
	feed_as(name, 0,
		&(struct snapshot_process){.row = 4,
					   .pid = 101,
					   .start_ns = 7 * SECOND,
					   .grown.rx_bytes = rx_bytes,
					   .last = true});
}

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
	expect(due_of(kind, name, part)->was_shown, "%s %s/%s is gone", kinds[kind], name, part);
}

static void test_newcomers(void)
{
	static const struct group_options options[] = {
		{3, true, 3, 0, true, 3, true, 3, PLENTY, false}, {0}};

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
			   kinds[kind]);
		expect_u64(groups_refused(world.groups, kind), fed - want, "of %u: refused %s", fed,
			   kinds[kind]);
	}
}

static void test_new_names(void)
{
	static const struct group_options options[] = {{7, true, 7, 0, true, 7, true, 7, 60, false},
						       {0}};
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
		.grown = {.connects = count, .times = {count}, .time_sum = {count * ns}},
		.time_max = {ns},
		.buckets = {buckets},
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

/* -- details of processes -- */

static void test_details(void)
{
	struct match match = {
		.group = "box", .rule = -1, .exe = "/bin/sh", .cgroup = "/box", .uid = 1009};
	struct snapshot_process p = {
		.row = 3, .pid = 101, .start_ns = 7 * SECOND, .comm = "sh", .grown.rx_bytes = 11};

	check_begin("group: a process tells its program, cgroup, user and name, and the new ones "
		    "after an exec");
	world_open(7, 7, 0);
	for (unsigned i = 0; i < 2; i++) {
		tick_begin();
		feed(&match, &p);
		tick_end();
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
	for (unsigned i = 0; i < 3; i++) {
		tick_begin();
		feed_rx("web", 3, 101, 1009);
		tick_end();
	}
	expect_rx("web", 101, 3027);
	tick_begin();
	feed_rx(GROUP_OTHER, 3, 101, 2003);
	tick_end();
	expect_u64(world.other.total.rx_bytes, 2003, "other");
	expect_rx("web", 101, ABSENT);
	expect_rx("web", 0, 3027);
	quiet_ticks(13); /* nobody is in it, and its activity is forgotten */
	expect_rx("web", 0, ABSENT);
	tick_begin();
	feed_rx("web", 3, 101, 17);
	tick_end();
	expect_rx("web", 101, 3027);
	quiet_ticks(1);
	expect_rx("web", 101, 3044);
	expect_rx("web", 0, 3044);
	world_close();
	check_end();
}

/* -- limits of rules -- */

#define QUOTA_GROUPS 5 /* of each rule, and of no rule */

/* Five groups with a process, a destination and a port each, for each rule; the last are busiest.
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
		{7, true, 3, 0, true, 4, true, 5, PLENTY, false},
		{0, true, 0, 0, true, 0, true, 0, PLENTY, false}, /* shares the general quotas */
		{3, true, 1, 0, true, 2, true, 1, PLENTY, false}, /* has its own */
		{1, false, 2, 0, false, 3, false, 4, PLENTY,
		 false}, /* limits of what is not asked for */
		{9, true, 0, 3600, true, 9, false, 0, PLENTY, false}, /* more than there are */
	};
	/* by kind and rule, the first is none: of the general quota, the busiest are of the rules
	 * that come later */
	static const unsigned want[GROUP_KIND_COUNT][COUNT_OF(options)] = {
		[GROUP_WHOLE] = {3, 4, 3, 1, 5},
		[GROUP_PROCESS] = {1, 2, 1, 0, 0},
		[GROUP_DESTINATION] = {2, 2, 2, 0, 5},
		[GROUP_PORT] = {2, 3, 1, 0, 0},
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
					   tick, kinds[kind], rule);
	}
	world_close();
	check_end();
}

/* -- destinations and ports -- */

static void test_destination(void)
{
	check_begin("group: a new destination is 0 first and has its growth in the next tick");
	world_open_endpoints(7, 7);
	tick_begin();
	feed_rx("web", 3, 101, 1009);
	feed_ends("web", 5, 1009);
	tick_end();
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.5:443", 0);
	expect_part_rx(GROUP_PORT, "web", "port-5", 0);
	tick_begin();
	feed_ends("web", 5, 13);
	tick_end();
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.5:443", 1022);
	expect_part_rx(GROUP_PORT, "web", "port-5", 1022);
	expect_rx("web", 0, 1009);
	expect_u64(world.all.total.rx_bytes, 1009, "all: an endpoint's bytes are its process's");
	quiet_ticks(9);
	expect_part_rx(GROUP_PORT, "web", "port-5", 1022);
	quiet_ticks(1); /* its activity is forgotten */
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.5:443", ABSENT);
	tick_begin();
	feed_ends("web", 5, 17);
	tick_end();
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.5:443", 1022);
	quiet_ticks(1);
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.5:443", 1039);
	world_close();
	check_end();
}

static void test_rest(void)
{
	check_begin("group: the busiest destinations are reported, the rest in part other of the "
		    "group");
	world_open_endpoints(1, 2);
	for (unsigned tick = 0; tick < 3; tick++) {
		tick_begin();
		feed_rx("web", 3, 101, 1000003);
		feed_rx("hidden", 4, 103, 1009);
		for (unsigned i = 1; i <= 4; i++)
			feed_ends("web", i, i * 1000);
		feed_ends("hidden", 1, 7);
		feed_ends(GROUP_OTHER, 9, 11);
		tick_end();
	}
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.4:443", 12000);
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.3:443", 9000);
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.2:443", ABSENT);
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, 9000);
	expect_part_rx(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER, 54);
	expect_part_rx(GROUP_PORT, "web", "port-4", 12000);
	expect_part_rx(GROUP_PORT, "web", PORTS_REST, 9000);
	expect_part_rx(GROUP_PORT, GROUP_OTHER, PORTS_REST, 54);
	expect_u64(world.shown[GROUP_DESTINATION], 4, "destinations");
	expect_u64(world.shown[GROUP_PORT], 4, "ports");
	for (unsigned tick = 0; tick < 3; tick++) { /* the group gives its place to the other */
		tick_begin();
		feed_rx("hidden", 4, 103, 100000007);
		feed_ends("web", 1, 1);
		feed_ends("hidden", 1, 7);
		tick_end();
	}
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, ABSENT);
	expect_part_rx(GROUP_DESTINATION, "hidden", "10.0.0.1:443", 21);
	expect_part_rx(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER, 57);
	quiet_ticks(40); /* forgotten; the total is not */
	expect_u64(world.shown[GROUP_DESTINATION], 0, "destinations in the end");
	tick_begin();
	feed_rx("web", 3, 101, 1009);
	feed_ends("web", 1, 5);
	feed_ends("web", 2, 6);
	feed_ends("web", 3, 7);
	feed_ends("hidden", 1, 1000);
	tick_end();
	quiet_ticks(1);
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, 9005);
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.2:443", 6);
	expect_part_rx(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER, 1057);
	world_close();
	check_end();
}

/* The part is busier than all of another group, which is beyond the limit less than its own. */
static void feed_parts(const char *busy, const char *beyond)
{
	for (unsigned i = 0; i < 3; i++)
		feed_rx(busy, 3 + i, 101 + i, 1000);
	feed_rx(beyond, 6, 104, 2000);
	for (unsigned i = 1; i <= 3; i++)
		feed_ends(busy, i, 800 - i * 100);
	feed_ends(beyond, 1, 2000);
}

static void test_hidden_parts(void)
{
	static const struct group_options options = {1, true, 2, 0,      true,
						     2, true, 2, PLENTY, false};

	check_begin("group: parts of a group beyond GroupLimit are not reported and take no place");
	world_open_with(&options, 0, NULL, 0);
	for (unsigned tick = 0; tick < 4; tick++) {
		unsigned ticks = tick ? tick + 1 : 0; /* that can be seen */

		tick_begin();
		feed_parts("web", "hidden");
		tick_end();
		expect_rx("web", 102, 1000 * ticks);
		expect_rx("hidden", 104, ABSENT);
		expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.2:443", 600 * ticks);
		expect_part_rx(GROUP_PORT, "web", "port-2", 600 * ticks);
		expect_part_rx(GROUP_DESTINATION, "hidden", "10.0.0.1:443", ABSENT);
		expect_part_rx(GROUP_DESTINATION, "hidden", GROUP_OTHER, ABSENT);
	}
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, 4 * 500);
	expect_part_rx(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER, 4 * 2000);
	world_close();
	check_end();

	check_begin("group: the rest of a group that loses its place is the rest of other");
	world_open_with(&options, 0, NULL, 0);
	for (unsigned i = 0; i < 2; i++) {
		tick_begin();
		feed_rx("web", 3, 101, 1000);
		feed_rx("hidden", 6, 104, 1);
		tick_end();
	}
	tick_begin();
	feed_parts("web", "hidden");
	tick_end(); /* all parts of web wait, also its rest */
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, 0);
	tick_begin();
	feed_rx("hidden", 6, 104, 1000003);
	tick_end();
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, ABSENT);
	expect_part_rx(GROUP_PORT, "web", PORTS_REST, ABSENT);
	expect_part_rx(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER, 2000 + 700 + 600 + 500);
	world_close();
	check_end();
}

/* As a user writes an address, of any family, a process's bytes to it. */
static void feed_address(const char *group, const char *part, const char *address, uint16_t port,
			 uint64_t tx_bytes)
{
	struct match match = match_of(group, -1);
	struct snapshot_process p = {
		.row = ENDPOINT_ROW,
		.process_row = 3,
		.pid = 101,
		.start_ns = 7 * SECOND,
		.endpoint = {.kind = TCP_ENDPOINT_DESTINATION, .port = port},
		.grown.tx_bytes = tx_bytes,
	};

	if (inet_pton(AF_INET, address, p.endpoint.address + 12) == 1)
		p.endpoint.address[10] = p.endpoint.address[11] = 0xff;
	else
		inet_pton(AF_INET6, address, p.endpoint.address);
	p.row = end_row(&p);
	feed_endpoint(&match, part, &p);
}

static void test_subnets(void)
{
	static const struct group_options options = {.new_names_per_hour = PLENTY,
						     .group_limit = 7,
						     .by_destination = true,
						     .destination_limit = 7};
	struct subnet subnets[2] = {0};

	check_begin("group: destinations of a network with a name are one per port");
	expect(!subnet_parse(&subnets[0], "office", "10.1.0.0/16"), "subnet_parse");
	expect(!subnet_parse(&subnets[1], "lab", "2001:db8:7::/48"), "subnet_parse");
	world_open_with(&options, 0, subnets, COUNT_OF(subnets));
	for (unsigned i = 0; i < 3; i++) {
		tick_begin();
		feed_rx("web", 3, 101, 1009);
		feed_address("web", "office:443", "10.1.0.5", 443, 11);
		feed_address("web", "office:443", "10.1.255.7", 443, 13);
		feed_address("web", "office:80", "10.1.255.7", 80, 17);
		feed_address("web", "10.2.0.1:443", "10.2.0.1", 443, 19);
		feed_address("web", "lab:443", "2001:db8:7::1", 443, 23);
		feed_address("web", "[2001:db8::1]:443", "2001:db8::1", 443, 29);
		tick_end();
	}
	expect_u64(due_of(GROUP_DESTINATION, "web", "office:443")->total.tx_bytes, 72, "office");
	expect_u64(world.shown[GROUP_DESTINATION], 5, "destinations");
	world_close();
	subnet_free(&subnets[0]);
	subnet_free(&subnets[1]);
	check_end();
}

static void test_endpoint_latency(void)
{
	struct snapshot_process p = connects_of(ENDPOINT_ROW, 101, 10007, 3);

	check_begin("group: connect times of destinations, and of the rest");
	world_open_endpoints(1, 1);
	for (unsigned tick = 0; tick < 2; tick++) {
		tick_begin();
		feed_rx("web", 3, 101, 1009);
		p = connects_of(ENDPOINT_ROW, 101, 10007, 3);
		feed_endpoint_as("web", -1, TCP_ENDPOINT_DESTINATION, 1, &p);
		p = connects_of(ENDPOINT_ROW, 101, 50021, 2);
		feed_endpoint_as("web", -1, TCP_ENDPOINT_DESTINATION, 2, &p);
		tick_end();
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

/* The reader may see a connect's time before it sees that there was a connect. */
static void test_uneven(void)
{
	struct snapshot_process p = connects_of(3, 101, 10007, 3);

	check_begin("group: growth that is no activity counts all the same");
	world_open_endpoints(1, 1);
	p.grown.connects = 0;
	tick_begin();
	feed_rx("web", 4, 103, 1000003);
	feed_ends("web", 1, 1000003);
	feed_as("late", -1, &p);
	feed_endpoint_as("late", -1, TCP_ENDPOINT_DESTINATION, 2, &p);
	tick_end();
	expect_u64(world.other.seen_latency.count, 3, "in its tick");
	quiet_ticks(1);
	expect_u64(
		due_of(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER)->total.times[TCP_TIME_CONNECT],
		3, "rest");
	p = (struct snapshot_process){.row = 3, .pid = 101, .start_ns = 7 * SECOND, .last = true};
	tick_begin();
	feed_as("late", -1, &p);
	tick_end();
	world_close();
	check_end();
}

/* -- churn -- */

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
	p->grown.established = 0;
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

#define ACTOR_ENDS 7 /* destinations and ports that each may have */

static void act_with_one(const struct snapshot_process *process, const char *name,
			 enum tcp_endpoint_kind kind, uint64_t *random)
{
	unsigned number = 1 + (unsigned)(check_random(random) % ACTOR_ENDS);
	struct snapshot_process p = *process;

	p.endpoint = endpoint_of(kind, number);
	p.grown.established = random_open(open_in(end_row(&p), p.start_ns), random);
	feed_endpoint_as(name, rule_of(name), kind, number, &p);
}

/* What a process did, it did with some end. */
static void act_with(const struct snapshot_process *p, const char *name, uint64_t *random)
{
	if (check_chance(random, 2))
		act_with_one(p, name, TCP_ENDPOINT_DESTINATION, random);
	if (check_chance(random, 2))
		act_with_one(p, name, TCP_ENDPOINT_PORT, random);
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

/* As the plugin tells of a listening socket: nothing but what waits there and what found no room.
 */
static void feed_listener(const struct match *match, const struct snapshot_process *listener,
			  uint16_t port)
{
	struct snapshot_process p = *listener;
	char part[32];

	feed(match, &p);
	if (p.row < TCP_ROW_FIRST)
		return;
	snprintf(part, sizeof(part), "port-%u", port);
	p.endpoint = endpoint_of(TCP_ENDPOINT_PORT, port);
	feed_endpoint(match, part, &p);
}

static void feed_listener_of(const char *name, unsigned row, uint32_t pid, uint16_t port,
			     uint64_t queued, uint64_t drops)
{
	struct match match = match_of(name, -1);

	feed_listener(&match,
		      &(struct snapshot_process){
			      .row = row,
			      .process_row = row,
			      .pid = pid,
			      .start_ns = pid ? 7 * SECOND : 0,
			      .queued = queued,
			      .grown.listen_drops = drops,
		      },
		      port);
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
	p.grown.established = random_open(row == TCP_ROW_OTHER ? world.left_open : a->open, random);
	*(row == TCP_ROW_OTHER ? &world.left_open : &a->open) += (int64_t)p.grown.established;
	if (p.last || !is_zero(&p.grown))
		feed(&match, &p);
	if (a->start_ns && !is_zero(&p.grown))
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
		if (check.detail[0])
			return;
	}
}

/* Two quiet ticks: whatever waited has arrived. */
static void calm(void)
{
	quiet_ticks(2);
	expect_counters(&world.all.total, &world.fed, "in the end", GROUP_ALL, "");
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
	{2, true, 3, 30, true, 5, true, 4, PLENTY, false},
	{0, true, 0, 0, true, 0, true, 0, PLENTY, false},
	{3, true, 1, 60, true, 2, false, 0, PLENTY, false},
	{1, false, 0, 0, false, 0, true, 2, PLENTY, false},
	{0, true, 5, 0, true, 11, true, 7, PLENTY, false},
};

static void test_churn_of_rules(void)
{
	for (unsigned rule_count = 0; rule_count < COUNT_OF(churn_options); rule_count++) {
		struct actor actors[ROWS] = {0};
		uint64_t random = 6007 + rule_count;

		check_begin("group: conserved to the unit in 701 ticks of churn with destinations, "
			    "ports and %u rules",
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
	for (unsigned n = 0; n < 8 * 3; n++) {
		unsigned limit = 1 + n / 8;
		const struct group_options options = {limit, n & 1,       limit, 0,      n & 2,
						      limit, (n & 4) > 0, limit, PLENTY, false};
		struct actor actors[ROWS] = {0};
		uint64_t random = 5003 + n;

		check_begin("group: 101 ticks of churn, parts:%s%s%s, limits %u: conserved, and no "
			    "name twice in a tick",
			    options.by_pid ? " pid" : "", options.by_destination ? " dest" : "",
			    options.by_port ? " port" : "", limit);
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

/* Memory ends at the n-th allocation of eleven ticks, and comes back. True if there were so many.
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
	churn(actors, 11, &random);
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
	while (run_short(n) && !check.detail[0]) {
		expect(memory_live() == before, "blocks are left after allocation %u", n);
		n++;
	}
	expect(n > 500, "it allocates only %u times", n);
	expect(memory_live() == before, "blocks are left");
	check_end();
}

/* -- bounded tables -- */

#define RETIRED 1024 /* members that a table keeps beyond four times its limit */

static void test_pile(void)
{
	static const struct group_options options = {5, true, 5, 0,      true,
						     5, true, 5, PLENTY, false};
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
		for (unsigned n = 0; n < 14; n++) {
			p.row = ENDPOINT_ROW;
			p.endpoint = endpoint_of(1 + n % 2, 1 + n);
			world_add(&match, &p);
		}
		world_end();
		most = memory_live() > most ? memory_live() : most;
	}
	/* a member is three blocks, that of a process five; of destinations and ports there is a
	 * rest for each group, and half as many that were never reported */
	expect(most - before <= (3 + 5) * kept + 2 * 3 * (2 * kept + kept / 2) + 16, "%ld blocks",
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
	const long want = 3 * (53 + 53 + 54) + 3 * 2 + 3 * 2;
	long before;

	check_begin("group: 53 groups with connects, room for 3: no histogram is left in a quiet "
		    "tick");
	world_open_with(&options, 0, NULL, 0);
	before = memory_live();
	for (unsigned tick = 0; tick < 3; tick++) {
		tick_begin();
		for (unsigned i = 0; i < 53; i++) {
			struct snapshot_process p = connects_of(3 + i, 101 + i, 10007, 3);
			char name[16];

			snprintf(name, sizeof(name), "g%u", i);
			feed_as(name, -1, &p);
			p.process_row = p.row;
			feed_endpoint_as(name, -1, TCP_ENDPOINT_DESTINATION, i + 1, &p);
		}
		tick_end();
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
	static const struct group_options options = {1, true, 1, 0,      true,
						     1, true, 1, PLENTY, false};
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
		add(&world.fed, &p.grown);
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
	for (unsigned i = 0; i < 2; i++) { /* one that was refused */
		tick_begin();
		feed_rx(name, 3, ROOM + 100, 1009);
		feed_ends(name, ROOM + 100, 1009);
		tick_end();
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
	for (unsigned i = 0; i < 2; i++) {
		tick_begin();
		feed_rx("first", 3, 101, 1);
		tick_end();
	}
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
		tick_begin();
		feed_rx("first", 3, 101, 5);
		tick_end();
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
	static const struct group_options options = {3, true, 3, 0,      true,
						     3, true, 3, PLENTY, false};
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
	expect(!is_zero(&world.forgotten), "nothing was forgotten");
	world_close();
	check_end();
}

/* -- what is open, and what waits -- */

#define GONE INT64_MIN /* not reported */

static void expect_open(enum group_kind kind, const char *name, const char *part, int64_t want)
{
	const struct due *d = due_of(kind, name, part);
	int64_t got = d->was_shown ? d->seen_open : GONE;

	expect(got == want, "tick %" PRIu64 ": open in %s/%s: want %" PRId64 ", got %" PRId64,
	       world.now_ns / TICK_NS - 1000, name, part, want, got);
}

static void expect_open_fixed(int64_t all, int64_t other, int64_t kernel)
{
	expect(world.all.seen_open == all && world.other.seen_open == other &&
		       world.kernel.seen_open == kernel,
	       "tick %" PRIu64 ": all, other, kernel: want %" PRId64 " %" PRId64 " %" PRId64
	       ", got %" PRId64 " %" PRId64 " %" PRId64,
	       world.now_ns / TICK_NS - 1000, all, other, kernel, world.all.seen_open,
	       world.other.seen_open, world.kernel.seen_open);
}

/* `change`: so many more are open. */
static struct snapshot_process opens(unsigned row, uint32_t pid, int64_t change)
{
	return (struct snapshot_process){
		.row = row,
		.process_row = row,
		.pid = pid,
		.start_ns = row < TCP_ROW_FIRST ? 0 : 7 * SECOND,
		.grown.established = (uint64_t)change,
	};
}

static void feed_open(const char *name, unsigned row, uint32_t pid, int64_t change)
{
	const struct snapshot_process p = opens(row, pid, change);

	feed_as(name, -1, &p);
}

static void feed_open_end(const char *name, enum tcp_endpoint_kind kind, unsigned number,
			  int64_t change)
{
	const struct snapshot_process p = opens(3, 101, change);

	feed_endpoint_as(name, -1, kind, number, &p);
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
	for (unsigned i = 0; i < 3; i++) {
		tick_begin();
		feed_rx("quiet", 4, 103, 100000007);
		tick_end();
	}
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
	p.grown.established = (uint64_t)-2;
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
		&(struct snapshot_process){
			.row = 3, .pid = 107, .start_ns = 11 * SECOND, .grown.established = 1});
	feed_open("", TCP_ROW_OTHER, 0, -4);
	tick_end();
	expect_open(GROUP_WHOLE, "new", "", 1);
	expect_open(GROUP_PROCESS, "new", "107", 1);
	expect_open(GROUP_WHOLE, "web", "", 2);
	expect_open_fixed(3, 0, 0);
	tick_begin(); /* its end was not seen: another has its row */
	feed_as("newer", -1,
		&(struct snapshot_process){
			.row = 3, .pid = 109, .start_ns = 13 * SECOND, .grown.established = 1});
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

/* What found no row of its own: a row of its process stands for all of that. */
static void feed_unnamed(const char *name, enum tcp_endpoint_kind kind, uint64_t rx_bytes,
			 int64_t opened)
{
	struct match match = match_of(name, -1);
	struct snapshot_process p = opens(3, 101, opened);

	p.process_row = 3;
	p.grown.rx_bytes = rx_bytes;
	p.endpoint = (struct tcp_endpoint){.kind = (uint16_t)kind, .rest = true};
	p.row = end_row(&p);
	feed_endpoint(&match, "", &p);
}

static void test_unnamed(void)
{
	check_begin("group: destinations and ports without a row are in the rest, at any limit");
	world_open_endpoints(2, 1009);
	for (unsigned tick = 0; tick < 3; tick++) {
		tick_begin();
		feed_rx("web", 3, 101, 1000003);
		feed_open("web", 3, 101, tick ? 0 : 5 + 7);
		feed_ends("web", 1, 11);
		feed_unnamed("web", TCP_ENDPOINT_DESTINATION, 101, tick ? 0 : 5);
		feed_unnamed("web", TCP_ENDPOINT_PORT, 1013, tick ? 0 : 7);
		tick_end();
	}
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.1:443", 3 * 11);
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, 3 * 101);
	expect_part_rx(GROUP_DESTINATION, "web", "", ABSENT);
	expect_part_rx(GROUP_PORT, "web", PORTS_REST, 3 * 1013);
	expect_part_rx(GROUP_PORT, "web", "", ABSENT);
	expect_open(GROUP_DESTINATION, "web", GROUP_OTHER, 5);
	expect_open(GROUP_PORT, "web", PORTS_REST, 7);
	quiet_ticks(40); /* what is open is told for as long as it is */
	expect_open(GROUP_DESTINATION, "web", GROUP_OTHER, 5);
	expect_open(GROUP_PORT, "web", PORTS_REST, 7);
	tick_begin();
	feed_open("web", 3, 101, -5);
	feed_unnamed("web", TCP_ENDPOINT_DESTINATION, 0, -5);
	tick_end();
	expect_open(GROUP_DESTINATION, "web", GROUP_OTHER, GONE);
	expect_open(GROUP_PORT, "web", PORTS_REST, 7);
	world_close();
	check_end();
}

static void add_rest(void *context, const struct group *group)
{
	if (group->kind == GROUP_DESTINATION && strcmp(group->part, GROUP_OTHER) == 0)
		*(int64_t *)context += group->established;
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

static void test_listeners(void)
{
	static const struct {
		enum group_kind kind;
		const char *name, *part;
		uint64_t queued, drops; /* in the tick; in the next one, as far as is shown */
	} wants[] = {
		{GROUP_WHOLE, "web", "", 5 + 7 + 11, 2 + 3 + 1},
		{GROUP_PROCESS, "web", "101", 5 + 7, 2 + 3},
		{GROUP_PROCESS, "web", "103", 11, 1},
		{GROUP_PORT, "web", "port-80", 5 + 11, 2 + 1},
		{GROUP_PORT, "web", "port-443", 7, 3},
	};

	check_begin("group: accept queues and listen drops, of processes, groups and ports");
	world_open_with(&(struct group_options){.new_names_per_hour = PLENTY,
						.group_limit = 7,
						.by_pid = true,
						.pid_limit = 7,
						.by_port = true,
						.port_limit = 7},
			0, NULL, 0);
	tick_begin();
	feed_listener_of("web", 3, 101, 80, 5, 2);
	feed_listener_of("web", 3, 101, 443, 7, 3);
	feed_listener_of("web", 4, 103, 80, 11, 1);
	feed_listener_of("", TCP_ROW_OTHER, 0, 22, 13, 4);
	feed_listener_of("", TCP_ROW_KERNEL, 0, 2049, 17, 5);
	tick_end();
	for (size_t i = 0; i < COUNT_OF(wants); i++) {
		const struct due *d = due_of(wants[i].kind, wants[i].name, wants[i].part);

		expect(d->was_shown, "%s/%s is missing", d->name, d->part);
		expect_u64(d->seen_queued, wants[i].queued, "waiting in %s/%s", d->name, d->part);
	}
	expect_u64(world.all.seen_queued, 5 + 7 + 11 + 13 + 17, "all");
	expect_u64(world.other.seen_queued, 13, "other");
	expect_u64(world.kernel.seen_queued, 17, "kernel");
	expect_u64(world.kernel.total.listen_drops, 5, "drops of kernel");
	expect_u64(world.other.total.listen_drops, 4, "drops of other");
	tick_begin(); /* one of them is told of again, and nothing waits there */
	feed_listener_of("web", 3, 101, 80, 0, 0);
	tick_end();
	for (size_t i = 0; i < COUNT_OF(wants); i++) {
		const struct due *d = due_of(wants[i].kind, wants[i].name, wants[i].part);

		expect_u64(d->seen_queued, 0, "waiting later in %s/%s", d->name, d->part);
		expect_u64(d->total.listen_drops, wants[i].drops, "drops of %s/%s", d->name,
			   d->part);
	}
	expect_u64(world.all.seen_queued, 0, "all, later");
	expect_u64(world.all.total.listen_drops, 2 + 3 + 1 + 4 + 5, "drops of all");
	world_close();
	check_end();
}

static void test_hidden_listeners(void)
{
	check_begin("group: what waits at ports beyond the limit is in the part other");
	world_open_endpoints(1, 1);
	for (unsigned i = 0; i < 2; i++) {
		tick_begin();
		feed_rx("web", 3, 101, 1000003);
		feed_ends("web", 80, 1009);
		feed_listener_of("web", 3, 101, 80, 2, 0);
		feed_listener_of("web", 3, 101, 81, 3, 1);
		feed_listener_of("web", 3, 101, 82, 5, 1);
		feed_listener_of("hidden", 4, 103, 83, 7, 1);
		tick_end();
		expect_u64(due_of(GROUP_PORT, "web", "port-80")->seen_queued, 2, "shown");
		expect_u64(due_of(GROUP_PORT, "web", PORTS_REST)->seen_queued, 3 + 5, "rest");
		expect_u64(due_of(GROUP_PORT, GROUP_OTHER, PORTS_REST)->seen_queued, 7, "other");
		expect_u64(due_of(GROUP_WHOLE, "web", "")->seen_queued, 10, "group");
		expect_u64(world.other.seen_queued, 7, "the hidden group");
	}
	quiet_ticks(1);
	expect_u64(due_of(GROUP_PORT, "web", PORTS_REST)->was_shown, false, "the rest stays");
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

static void test_all_open(void)
{
	test_open();
	test_open_hidden();
	test_open_exec();
	test_open_waits();
	test_open_after_end();
	test_open_ends();
	test_unnamed();
	test_open_many_ends();
	test_open_moved_end();
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
	test_idle_contender();
	test_shared_group();
	test_newcomers();
	test_new_names();
	test_no_new_names();
	test_held();
	test_latency();
	test_details();
	test_asked();
	test_details_unknown();
	test_unselected();
	test_rule_limits();
	test_destination();
	test_rest();
	test_hidden_parts();
	test_subnets();
	test_endpoint_latency();
	test_uneven();
	test_all_open();
	test_listeners();
	test_hidden_listeners();
	test_times();
	test_segments();
	test_churn();
	test_churn_of_rules();
	test_parts();
	test_open_without_memory();
	test_short_of_memory();
	test_out_of_memory();
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
