/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stddef.h>

#include "check.h"
#include "group_world.h"
#include "identity/containers.h"

struct world world; /* too large for a stack */

void counters_add(struct tcp_counters *to, const struct tcp_counters *from)
{
	for (unsigned i = 0; i < COUNTERS; i++)
		((uint64_t *)to)[i] += ((const uint64_t *)from)[i];
}

/* What adds up: a balance does not. */
static struct tcp_counters growth_of(const struct snapshot_process *p)
{
	struct tcp_counters growth = p->grown;

	memset(growth.open, 0, sizeof(growth.open));
	return growth;
}

bool counters_are_zero(const struct tcp_counters *c)
{
	static const struct tcp_counters zero;

	return memcmp(c, &zero, sizeof(zero)) == 0;
}

void latency_clear(struct histogram *h)
{
	if (h->count)
		memset(h, 0, sizeof(*h));
}

/* -- open and close -- */

bool still_known(unsigned row, uint64_t start_ns, uint32_t renames)
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

void world_add(const struct match *match, const struct snapshot_process *p)
{
	struct snapshot_process spread = *p;
	struct group *ended;

	for (unsigned i = 1; i < TCP_STATE_COUNT; i++)
		spread.grown.open[i] = STATE_FACTOR(i) * p->grown.open[TCP_STATE_ESTABLISHED];
	spread.half_open = STATE_FACTOR(TCP_STATE_COUNT) * p->queued;
	ended = groups_add(world.groups, match, &spread);
	if (ended)
		world_ask(&world, ended);
}

void world_end(void)
{
	groups_end(world.groups);
	groups_each_unknown(world.groups, world_ask, &world);
}

void world_open_with(const struct group_options *options, unsigned rule_count,
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

void world_open(unsigned group_limit, unsigned pid_limit, unsigned pid_min_age_s)
{
	world_open_with(&(struct group_options){.new_names_per_hour = PLENTY,
						.by_pid = pid_limit > 0,
						.pid_limit = pid_limit,
						.pid_min_age_s = pid_min_age_s,
						.group_limit = group_limit},
			0, NULL, 0);
}

void world_open_endpoints(unsigned group_limit, unsigned limit)
{
	world_open_with(&(struct group_options){.new_names_per_hour = PLENTY,
						.group_limit = group_limit,
						.by_destination = true,
						.destination_limit = limit,
						.by_port = true,
						.port_limit = limit,
						.by_client = true,
						.client_limit = limit},
			0, NULL, 0);
}

void world_close(void)
{
	groups_close(world.groups);
}

struct due *due_of(enum group_kind kind, const char *name, const char *part)
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
	d->rest = strcmp(part, GROUP_OTHER) == 0 || strcmp(part, PORTS_REST) == 0 ||
		  strcmp(part, CLIENTS_REST) == 0;
	d->match.rule = -1;
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->part, sizeof(d->part), "%s", part);
	return d;
}

struct due *due_of_pid(const char *name, uint32_t pid)
{
	char part[16];

	snprintf(part, sizeof(part), "%" PRIu32, pid);
	return due_of(GROUP_PROCESS, name, part);
}

/* -- feed -- */

void tick_begin(void)
{
	world.now_ns += TICK_NS;
	groups_begin(world.groups, world.now_ns);
	world.all.queued = world.kernel.queued = 0;
	latency_clear(&world.all.latency);
	latency_clear(&world.other.latency);
	latency_clear(&world.kernel.latency);
	for (unsigned i = 0; i < world.due_count; i++) {
		memset(&world.due[i].fed, 0, sizeof(world.due[i].fed));
		latency_clear(&world.due[i].latency);
		world.due[i].queued = 0;
	}
}

static void due_add(struct due *d, const struct match *match, const struct snapshot_process *p)
{
	const struct tcp_counters growth = growth_of(p);

	d->match = *match;
	d->queued += p->queued;
	counters_add(&d->fed, &growth);
	if (p->grown.times[TCP_TIME_CONNECT])
		histogram_add(&d->latency, p->grown.times[TCP_TIME_CONNECT],
			      p->grown.time_sum[TCP_TIME_CONNECT], p->time_max[TCP_TIME_CONNECT],
			      p->buckets[TCP_TIME_CONNECT]);
}

/* Is it due a series of its own? Not for nothing but its end. */
static bool by_pid(const struct match *match, const struct snapshot_process *p)
{
	const struct group_options *o = &world.options[match->rule + 1];
	int64_t age_ns = (int64_t)(world.now_ns - p->start_ns);

	return p->row >= TCP_ROW_FIRST && o->by_pid && strcmp(match->group, GROUP_OTHER) != 0 &&
	       !(p->last && counters_are_zero(&p->grown)) &&
	       (!o->pid_min_age_s || age_ns >= (int64_t)(o->pid_min_age_s * SECOND));
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
	h->open += (int64_t)p->grown.open[TCP_STATE_ESTABLISHED];
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
	world.all.open += (int64_t)p->grown.open[TCP_STATE_ESTABLISHED];
	if (p->row == TCP_ROW_KERNEL) {
		due_add(&world.kernel, match, p);
		world.kernel.open += (int64_t)p->grown.open[TCP_STATE_ESTABLISHED];
	} else if (p->row == TCP_ROW_OTHER || strcmp(match->group, GROUP_OTHER) == 0) {
		due_add(&world.other, match, p);
	} else {
		d = due_of(GROUP_WHOLE, match->group, "");
		due_add(d, match, p);
	}
	return d;
}

void feed(const struct match *match, const struct snapshot_process *p)
{
	const struct tcp_counters growth = growth_of(p);
	struct due *d = NULL, *group;

	counters_add(&world.fed, &growth);
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

unsigned end_row(const struct snapshot_process *p)
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

void feed_endpoint(const struct match *match, const char *part, const struct snapshot_process *p)
{
	const struct group_options *o = &world.options[match->rule + 1];
	const struct {
		bool on;
		enum group_kind kind;
	} kinds[] = {
		[TCP_ENDPOINT_DESTINATION] = {o->by_destination, GROUP_DESTINATION},
		[TCP_ENDPOINT_PORT] = {o->by_port, GROUP_PORT},
		[TCP_ENDPOINT_CLIENT] = {o->by_client, GROUP_CLIENT},
	};
	struct due *d = NULL;

	if (kinds[p->endpoint.kind].on)
		d = due_of(kinds[p->endpoint.kind].kind, match->group, part);
	if (d)
		due_add(d, match, p);
	if (p->row != p->process_row)
		hold(p, d, NULL);
	world_add(match, p);
}

struct match match_of(const char *group, int rule)
{
	static struct container container = {
		.names = {.container = "app", .pod = "fake-7f9c", .namespace = "shop"}};

	return (struct match){
		.group = group,
		.rule = rule,
		.exe = "/usr/bin/fake",
		.cgroup = "/system.slice/fake.service",
		.container = &container,
		.uid = 1009,
	};
}

void feed_as(const char *name, int rule, const struct snapshot_process *p)
{
	struct match match = match_of(name, rule);

	feed(&match, p);
}

static void feed_bytes(const char *name, unsigned row, uint32_t pid, uint64_t rx_bytes, bool last)
{
	feed_as(name, -1,
		&(struct snapshot_process){
			.row = row,
			.process_row = row,
			.pid = pid,
			.start_ns = 7 * SECOND,
			.grown.rx_bytes = rx_bytes,
			.last = last,
		});
}

void feed_rx(const char *name, unsigned row, uint32_t pid, uint64_t rx_bytes)
{
	feed_bytes(name, row, pid, rx_bytes, false);
}

void feed_last(const char *name, unsigned row, uint32_t pid, uint64_t rx_bytes)
{
	feed_bytes(name, row, pid, rx_bytes, true);
}

struct tcp_endpoint endpoint_of(enum tcp_endpoint_kind kind, unsigned number)
{
	struct tcp_endpoint e = {.kind = (uint16_t)kind, .port = 443};

	if (kind == TCP_ENDPOINT_PORT) {
		e.port = (uint16_t)number;
		return e;
	}
	if (kind == TCP_ENDPOINT_CLIENT)
		e.port = 0;
	e.address[10] = e.address[11] = 0xff;
	e.address[12] = 10;
	e.address[14] = (uint8_t)(number >> 8);
	e.address[15] = (uint8_t)number;
	return e;
}

void feed_endpoint_as(const char *name, int rule, enum tcp_endpoint_kind kind, unsigned number,
		      const struct snapshot_process *process)
{
	struct match match = match_of(name, rule);
	struct snapshot_process p = *process;
	char part[32];

	p.endpoint = endpoint_of(kind, number);
	p.row = end_row(&p);
	if (kind == TCP_ENDPOINT_PORT)
		snprintf(part, sizeof(part), "port-%u", number);
	else if (kind == TCP_ENDPOINT_CLIENT)
		snprintf(part, sizeof(part), "client-10.0.%u.%u", number >> 8, number & 255);
	else
		snprintf(part, sizeof(part), "10.0.%u.%u:443", number >> 8, number & 255);
	feed_endpoint(&match, part, &p);
}

void feed_ends(const char *name, unsigned number, uint64_t rx_bytes)
{
	const struct snapshot_process p = {
		.pid = 101, .start_ns = 7 * SECOND, .process_row = 3, .grown.rx_bytes = rx_bytes};

	feed_endpoint_as(name, -1, TCP_ENDPOINT_DESTINATION, number, &p);
	feed_endpoint_as(name, -1, TCP_ENDPOINT_PORT, number, &p);
	feed_endpoint_as(name, -1, TCP_ENDPOINT_CLIENT, number, &p);
}

void feed_listener(const struct match *match, const struct snapshot_process *listener,
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

void feed_listener_of(const char *name, unsigned row, uint32_t pid, uint16_t port, uint64_t queued,
		      uint64_t drops)
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

void feed_group(const char *name, uint64_t rx_bytes)
{
	feed_as(name, 0,
		&(struct snapshot_process){.row = 4,
					   .pid = 101,
					   .start_ns = 7 * SECOND,
					   .grown.rx_bytes = rx_bytes,
					   .last = true});
}

struct snapshot_process connects_of(unsigned row, uint32_t pid, uint64_t ns, unsigned count)
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

struct snapshot_process opens(unsigned row, uint32_t pid, int64_t change)
{
	return (struct snapshot_process){
		.row = row,
		.process_row = row,
		.pid = pid,
		.start_ns = row < TCP_ROW_FIRST ? 0 : 7 * SECOND,
		.grown.open[TCP_STATE_ESTABLISHED] = (uint64_t)change,
	};
}

void feed_open(const char *name, unsigned row, uint32_t pid, int64_t change)
{
	const struct snapshot_process p = opens(row, pid, change);

	feed_as(name, -1, &p);
}

void feed_open_end(const char *name, enum tcp_endpoint_kind kind, unsigned number, int64_t change)
{
	const struct snapshot_process p = opens(3, 101, change);

	feed_endpoint_as(name, -1, kind, number, &p);
}

uint64_t skewed(uint64_t *random)
{
	uint64_t length = check_random(random) % 41;

	return check_random(random) >> (63 - length);
}
