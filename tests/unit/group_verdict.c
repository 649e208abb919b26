/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What must hold after each tick, whatever it was. */
#include <string.h>

#include "base/name.h"
#include "check.h"
#include "group_world.h"
#include "identity/containers.h"
#include "series/metric.h"

const char *const kind_names[] = {"group", "process", "destination", "port", "client"};

static void subtract(struct tcp_counters *to, const struct tcp_counters *what)
{
	for (unsigned i = 0; i < COUNTERS; i++)
		((uint64_t *)to)[i] -= ((const uint64_t *)what)[i];
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

void expect_within(const struct tcp_counters *c, const struct tcp_counters *bound, const char *what,
		   const char *name, const char *part)
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

static void merge(struct histogram *to, const struct histogram *from)
{
	if (from->count)
		histogram_merge(to, from);
}

/* What a reader is told of a series, whichever it is. */
static void see_series(struct due *d, const struct group *series)
{
	d->before = d->total;
	d->total = series->total;
	d->seen_open = series->balance.open[TCP_STATE_ESTABLISHED];
	d->seen_queued = series->queued;
	for (unsigned i = 0; i < TCP_STATE_COUNT; i++) {
		expect_u64((uint64_t)series->balance.open[i],
			   (uint64_t)(STATE_FACTOR((int)i) * d->seen_open), "in state %u of %s/%s",
			   i, d->name, d->part);
		expect_u64(series->total.open[i], 0, "a balance as a counter of %s/%s", d->name,
			   d->part);
	}
	expect_u64(series->half_open, STATE_FACTOR(TCP_STATE_COUNT) * d->seen_queued,
		   "half-open in %s/%s", d->name, d->part);
	if (!world.may_forget) {
		expect_u64(series->segments, d->total.segments - d->before.segments,
			   "segments of this tick of %s/%s", d->name, d->part);
		expect_u64(series->retransmits, d->total.retransmits - d->before.retransmits,
			   "retransmits of this tick of %s/%s", d->name, d->part);
	}
	latency_clear(&d->seen_latency);
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
	static const struct container_names none;
	const struct container_names *names;
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
	names = d->match.container ? &d->match.container->names : &none;
	expect_text(series->container ? series->container : "", names->container, "container");
	expect_text(series->pod ? series->pod : "", names->pod, "pod");
	expect_text(series->namespace ? series->namespace : "", names->namespace, "namespace");
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
	expect(series->kind >= world.last_kind, "%s %s/%s comes late", kind_names[series->kind],
	       d->name, d->part);
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

/* The part that takes what a destination, port or client has that is not reported. */
static struct due *rest_of(const struct due *d)
{
	static const char *const rests[] = {
		[GROUP_DESTINATION] = GROUP_OTHER,
		[GROUP_PORT] = PORTS_REST,
		[GROUP_CLIENT] = CLIENTS_REST,
	};
	bool reported = due_of(GROUP_WHOLE, d->name, "")->shown;

	return due_of(d->kind, reported ? d->name : GROUP_OTHER, rests[d->kind]);
}

static void spread_rest(void)
{
	for (unsigned i = 0; i < world.due_count; i++) {
		struct due *d = &world.due[i], *rest;
		bool nothing = counters_are_zero(&d->fed) && counters_are_zero(&d->waiting);

		if (d->kind < GROUP_DESTINATION || d->shown || nothing)
			continue;
		rest = rest_of(d);
		if (rest == d)
			continue; /* it is missing */
		counters_add(&rest->fed, &d->fed);
		counters_add(&rest->fed, &d->waiting);
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

	if (world.may_forget && d->known && !d->was_shown && counters_are_zero(&d->total)) {
		if (d->kind == GROUP_WHOLE)
			counters_add(&world.forgotten, &d->before);
		return;
	}
	expect_within(&d->before, &d->total, "has fallen", d->name, d->part);
	if (world.out_of_memory)
		return;
	if (d->was_shown) {
		counters_add(&want, &d->waiting);
		counters_add(&want, &d->fed);
		merge(&d->waiting_latency, &d->latency);
	} else {
		latency_clear(&d->waiting_latency);
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

	counters_add(&parts, &world.other.total);
	counters_add(&parts, &world.kernel.total);
	merge(&latency, &world.kernel.seen_latency);
	for (unsigned i = 0; i < world.due_count; i++) {
		struct due *d = &world.due[i];

		if (d->kind != GROUP_WHOLE)
			continue;
		counters_add(&parts, &d->total);
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
	case GROUP_PORT:
		return o->port_limit;
	default:
		return o->client_limit;
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
		if (d->shown || counters_are_zero(&d->fed) || !group_reported(d) ||
		    (!d->known && !names))
			continue;
		if (!hidden++ || is_above(d, most))
			most = d;
	}
	expect(shown <= limit, "%u of kind %s are reported, limit %u", shown, kind_names[kind],
	       limit);
	if (world.out_of_memory || world.may_forget)
		return;
	expect(!hidden || shown == limit, "%u of kind %s are reported, limit %u, and %u hidden",
	       shown, kind_names[kind], limit, hidden);
	expect(!shown || !hidden || !is_above(most, least),
	       "tick %" PRIu64 ": %s: %s/%s is above %s/%s", world.now_ns / TICK_NS - 1000,
	       kind_names[kind], most->name, most->part, least->name, least->part);
}

/* Prepares for the next tick: a new series gives its growth of this one in the next. */
static void remember(struct due *d)
{
	static const struct tcp_counters zero;

	world.changes += d->shown != d->was_shown && !d->rest;
	d->waiting = d->shown && !d->was_shown ? d->fed : zero;
	latency_clear(&d->waiting_latency);
	if (d->shown && !d->was_shown)
		d->waiting_latency = d->latency;
	d->known |= d->shown;
	d->was_shown = d->shown;
	d->shown = false;
}

/* -- two samples of one name -- */

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

/* -- the end of a tick -- */

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

void tick_end(void)
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
			expect(counters_are_zero(&d->fed) && !d->open && !d->queued,
			       "%s/%s is missing", d->name, d->part);
	}
	expect_state();
	expect_conservation();
	for (unsigned i = 0; i < world.due_count; i++)
		remember(&world.due[i]);
}

void tick_rx(const char *name, unsigned row, uint32_t pid, uint64_t rx_bytes)
{
	tick_begin();
	feed_rx(name, row, pid, rx_bytes);
	tick_end();
}

void quiet_ticks(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		tick_begin();
		tick_end();
	}
}

void calm(void)
{
	quiet_ticks(2);
	expect_counters(&world.all.total, &world.fed, "in the end", GROUP_ALL, "");
}

static void expect_due_rx(const struct due *d, uint64_t want)
{
	expect_u64(d->was_shown ? d->total.rx_bytes : ABSENT, want, "tick %" PRIu64 ": %s/%s",
		   world.now_ns / TICK_NS - 1000, d->name, d->part);
}

void expect_rx(const char *name, uint32_t pid, uint64_t want)
{
	expect_due_rx(pid ? due_of_pid(name, pid) : due_of(GROUP_WHOLE, name, ""), want);
}

void expect_part_rx(enum group_kind kind, const char *name, const char *part, uint64_t want)
{
	expect_due_rx(due_of(kind, name, part), want);
}

void expect_open(enum group_kind kind, const char *name, const char *part, int64_t want)
{
	const struct due *d = due_of(kind, name, part);
	int64_t got = d->was_shown ? d->seen_open : GONE;

	expect(got == want, "tick %" PRIu64 ": open in %s/%s: want %" PRId64 ", got %" PRId64,
	       world.now_ns / TICK_NS - 1000, name, part, want, got);
}
