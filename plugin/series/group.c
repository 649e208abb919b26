/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "identity/match.h"
#include "probe/snapshot.h"
#include "series/group.h"
#include "series/member.h"
#include "series/quota.h"
#include "series/rank.h"

#define PART_UNNAMED ""  /* endpoints without a row: never shown, so that the rest takes it */
#define RETIRED_MAX 1024 /* members that are remembered beyond four times the limit */

/* What a row is about: a process, or an endpoint, which has only a `group`. */
struct resident {
	uint64_t start_ns;
	int64_t established;
	struct place group;
	struct place process;
};

struct groups {
	const struct group_options *options; /* the general ones, then those of each rule */
	const struct subnet *subnets;
	unsigned subnet_count;
	group_details *details;
	void *context;
	uint64_t now_ns;
	struct member *all, *other, *kernel;
	struct table tables[GROUP_KIND_COUNT];
	struct resident *residents; /* by row */
	struct quotas *quotas;
};

/* A share becomes visible. */
static void show(struct group *series, const struct share *share)
{
	series->segments += share->counters.segments;
	series->retransmits += share->counters.retransmits;
	share_give(share, &series->total, series->times);
}

/*
 * A process that ended is reported for as long as it has something to tell; others until their
 * activity is forgotten, and nobody is connected.
 */
static bool reportable(const struct member *m)
{
	bool whole = m->series.kind == GROUP_WHOLE || m->series.kind == GROUP_PROCESS;
	bool held = whole ? m->processes : m->series.established || m->series.queued;

	return held || !share_empty(&m->grown) || !share_empty(&m->pending) ||
	       (m->series.kind != GROUP_PROCESS && m->score);
}

/* -- settling a table: what is shown, and where the rest goes -- */

/* The group of that name, if it is reported and ranked; NULL also for those that are always there.
 */
static const struct member *shown_group(const struct groups *g, const char *name)
{
	const struct member *group = table_find(&g->tables[GROUP_WHOLE], name, "");

	return group && group->shown ? group : NULL;
}

/* A part is not shown without its group: groups are settled before all parts. */
static bool group_shown(const struct groups *g, const struct member *m)
{
	return m->series.kind == GROUP_WHOLE || strcmp(m->series.name, GROUP_OTHER) == 0 ||
	       shown_group(g, m->series.name);
}

static bool has_name(const struct member *m)
{
	return m->series.kind == GROUP_WHOLE || strcmp(m->series.part, PART_UNNAMED) != 0;
}

/* The part "other" of the group; that of the group `other`, if the group is not reported. */
static struct member *rest_of(struct groups *g, enum group_kind kind, const char *name)
{
	const struct member *group = shown_group(g, name);
	struct member *rest;

	rest = table_rest(&g->tables[kind], group ? name : GROUP_OTHER);
	if (rest)
		rest->series.rule = group ? group->series.rule : -1;
	return rest;
}

/* The rest is settled after those that leave it something, and its score is made before. */
static void give_rest(struct groups *g, const struct member *m, const struct share *share)
{
	struct member *rest = rest_of(g, m->series.kind, m->series.name);

	if (!rest)
		return;
	rest->score += rank_activity(&share->counters);
	share_give(share, &rest->grown.counters, rest->grown.times);
}

/* Where a share goes that has become visible: into `all`, and into its series or the rest. */
static void publish(struct groups *g, struct member *m, struct share *share)
{
	enum group_kind kind = m->series.kind;

	if (share_empty(share))
		return;
	if (kind == GROUP_WHOLE)
		show(&g->all->series, share);
	if (m->shown)
		show(&m->series, share);
	else if (kind == GROUP_WHOLE)
		show(&g->other->series, share);
	else if (kind != GROUP_PROCESS)
		give_rest(g, m, share);
	share_clear(share);
}

/* A state goes to the rest at once. */
static void give_rest_state(struct groups *g, const struct member *m)
{
	struct member *rest;

	if (!m->series.established && !m->series.queued)
		return;
	rest = rest_of(g, m->series.kind, m->series.name);
	if (!rest)
		return;
	rest->series.established += m->series.established;
	rest->series.queued += m->series.queued;
}

/* What is new takes its share in the next tick. */
static void settle(struct groups *g, struct member *m, bool shown)
{
	bool wait = shown && !m->shown;

	m->shown = shown;
	m->told = m->told || shown;
	m->shown_ns = shown ? g->now_ns : m->shown_ns;
	if (!shown && (m->series.kind == GROUP_DESTINATION || m->series.kind == GROUP_PORT))
		give_rest_state(g, m);
	publish(g, m, &m->pending);
	if (!wait) {
		publish(g, m, &m->grown);
		return;
	}
	m->pending = m->grown;
	m->grown = (struct share){0};
}

/* What is kept of a table. */
struct census {
	const struct groups *groups;
	const struct table *table;
	size_t told, untold; /* so far */
};

/*
 * What is forgotten, from the end of the ranked list, if there is too much. What was a series once
 * would begin again at 0: it makes way for none that never was, and a rest is known as long as its
 * group. What is open has to be known until it is closed.
 */
static bool worth_keeping(void *context, const struct member *m)
{
	struct census *c = context;

	if (m->rest)
		return strcmp(m->series.name, GROUP_OTHER) == 0 ||
		       table_find(&c->groups->tables[GROUP_WHOLE], m->series.name, "");
	if (m->shown || m->series.established)
		return true;
	return m->told ? c->told++ < c->table->most : c->untold++ < c->table->most / 2;
}

/* Is it to be shown? Of parts, those of hidden groups are not. */
static bool admit(struct groups *g, struct member *m)
{
	return reportable(m) && group_shown(g, m) && has_name(m) &&
	       (m->rest || m->held || quotas_take(g->quotas, m));
}

/* Ranks the members and settles each. Those that take the rest come last, also if made now. */
static void table_settle(struct groups *g, struct table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		rank_tick(t->list[i]);
		if (t->list[i]->rest)
			t->list[i]->series.established = 0;
	}
	if (t->count)
		qsort(t->list, t->count, sizeof(*t->list), rank_compare);
	quotas_free_places(g->quotas);
	for (size_t i = 0; i < t->count; i++)
		settle(g, t->list[i], admit(g, t->list[i]));
	table_filter(t, worth_keeping, &(struct census){.groups = g, .table = t});
}

/* -- the tick -- */

static void clear_tick(struct group *series)
{
	times_clear(series->times);
	series->segments = series->retransmits = 0;
	series->queued = 0;
}

void groups_begin(struct groups *g, uint64_t now_ns)
{
	quotas_begin(g->quotas, now_ns);
	g->now_ns = now_ns;
	clear_tick(&g->all->series);
	clear_tick(&g->other->series);
	clear_tick(&g->kernel->series);
	for (int kind = 0; kind < GROUP_KIND_COUNT; kind++)
		for (size_t i = 0; i < g->tables[kind].count; i++)
			clear_tick(&g->tables[kind].list[i]->series);
}

static struct member *place_member(const struct place *place)
{
	bool there = place->member && place->member->generation == place->generation;

	return there ? place->member : NULL;
}

static void place_leave(struct place *place)
{
	struct member *m = place_member(place);

	if (m) {
		m->processes--;
		m->series.established -= place->established;
	}
	*place = (struct place){0};
}

/*
 * Moves a process to the member of that name and part, if it is not there already. A group that a
 * rule holds is the rule's, also if others have its name.
 */
static struct member *place_enter(struct place *place, struct groups *g, enum group_kind kind,
				  const struct match *match, const char *part)
{
	bool holds = kind == GROUP_WHOLE && g->options[match->rule + 1].holds;
	struct member *m = place_member(place);

	if (m && strcmp(m->series.name, match->group) == 0 && strcmp(m->series.part, part) == 0)
		return m;
	place_leave(place);
	m = table_get(&g->tables[kind], match->group, part);
	if (!m)
		return NULL;
	m->held = m->held || holds;
	if (holds || !m->held)
		m->series.rule = match->rule;
	m->processes++;
	*place = (struct place){m, m->generation, 0};
	return m;
}

/* What the process does, and what state it is in, is its member's. */
static void place_add(struct place *place, struct member *m, const struct resident *r,
		      const struct snapshot_process *p)
{
	share_add(&m->grown, p);
	m->series.queued += p->queued;
	m->series.established += r->established - place->established;
	place->established = r->established;
}

/* Of another process, or another program, the details are to be asked for again. */
static void forget(struct member *m)
{
	free(m->series.exe);
	free(m->series.cgroup);
	m->series.exe = m->series.cgroup = NULL;
	m->series.uid = TCP_UID_UNKNOWN;
	m->described = false;
}

static void identify(struct member *m, const struct snapshot_process *p)
{
	if (m->row != p->row || m->start_ns != p->start_ns || m->renames != p->renames)
		forget(m);
	m->row = p->row;
	m->start_ns = p->start_ns;
	m->renames = p->renames;
	m->series.pid = p->pid;
	memcpy(m->series.comm, p->comm, sizeof(m->series.comm));
}

/* Without memory they are unknown. */
static void describe(const struct groups *g, struct member *m)
{
	const struct match *match = NULL;

	if (!m->described && g->details)
		match = g->details(g->context, m->row, m->start_ns, m->renames);
	if (!match)
		return;
	m->series.exe = strdup(match->exe);
	m->series.cgroup = strdup(match->cgroup);
	m->series.uid = match->uid;
	m->described = true;
}

/* May the process get a series of its own? */
static bool by_pid(const struct groups *g, const struct match *match,
		   const struct snapshot_process *p)
{
	const struct group_options *o = &g->options[match->rule + 1];

	return o->by_pid && strcmp(match->group, GROUP_OTHER) != 0 &&
	       g->now_ns >= p->start_ns + (uint64_t)o->pid_min_age_s * 1000000000;
}

/* Groups that are always there have no ranking: what they get is visible at once. */
static void add_fixed(struct groups *g, struct member *m, const struct snapshot_process *p)
{
	share_add(&m->grown, p);
	show(&m->series, &m->grown);
	show(&g->all->series, &m->grown);
	share_clear(&m->grown);
}

static void add_process(struct groups *g, struct resident *r, const struct match *match,
			const struct snapshot_process *p)
{
	struct member *m = NULL;
	char pid[16];

	if (strcmp(match->group, GROUP_OTHER) == 0)
		place_leave(&r->group);
	else
		m = place_enter(&r->group, g, GROUP_WHOLE, match, "");
	if (m)
		place_add(&r->group, m, r, p);
	else
		add_fixed(g, g->other, p);
	/* most that have ended have nothing more to tell */
	if (!by_pid(g, match, p) || (p->last && counters_empty(&p->grown))) {
		place_leave(&r->process);
		return;
	}
	snprintf(pid, sizeof(pid), "%u", p->pid);
	m = place_enter(&r->process, g, GROUP_PROCESS, match, pid);
	if (!m)
		return;
	identify(m, p);
	if (p->last) /* later nobody knows */
		describe(g, m);
	place_add(&r->process, m, r, p);
}

static void endpoint_part(char *out, size_t size, const struct groups *g,
			  const struct tcp_endpoint *endpoint)
{
	if (endpoint->rest)
		snprintf(out, size, "%s", PART_UNNAMED);
	else if (endpoint->kind == TCP_ENDPOINT_PORT)
		snprintf(out, size, "port-%u", endpoint->port);
	else
		endpoint_name(out, size, endpoint->address, endpoint->port, g->subnets,
			      g->subnet_count);
}

static void add_endpoint(struct groups *g, struct resident *r, const struct match *match,
			 const struct snapshot_process *p)
{
	const struct group_options *o = &g->options[match->rule + 1];
	bool port = p->endpoint.kind == TCP_ENDPOINT_PORT;
	enum group_kind kind = port ? GROUP_PORT : GROUP_DESTINATION;
	char part[ENDPOINT_NAME_SIZE];
	struct member *m;

	if (!(port ? o->by_port : o->by_destination)) {
		place_leave(&r->group); /* its process may have moved */
		return;
	}
	endpoint_part(part, sizeof(part), g, &p->endpoint);
	m = place_enter(&r->group, g, kind, match, part);
	if (m) {
		place_add(&r->group, m, r, p);
		return;
	}
	m = rest_of(g, kind, match->group);
	if (m)
		share_add(&m->grown, p);
}

static void resident_leave(struct resident *r)
{
	place_leave(&r->group);
	place_leave(&r->process);
	*r = (struct resident){0};
}

/* What is open, or waits, in all and in those that are always there. */
static void add_state(struct groups *g, const struct snapshot_process *p)
{
	g->all->series.established += (int64_t)p->grown.established;
	g->all->series.queued += p->queued;
	if (p->row != TCP_ROW_KERNEL)
		return;
	g->kernel->series.established += (int64_t)p->grown.established;
	g->kernel->series.queued += p->queued;
}

void groups_add(struct groups *g, const struct match *match, const struct snapshot_process *p)
{
	struct resident passing = {0}, *r;

	if (!p->endpoint.kind)
		add_state(g, p);
	if (p->row < TCP_ROW_FIRST) {
		add_fixed(g, p->row == TCP_ROW_KERNEL ? g->kernel : g->other, p);
		return;
	}
	/* an endpoint without a row of its own */
	r = p->endpoint.kind && p->row == p->process_row ? &passing : &g->residents[p->row];
	if (r->start_ns != p->start_ns)
		resident_leave(r);
	r->start_ns = p->start_ns;
	r->established += (int64_t)p->grown.established;
	if (p->endpoint.kind)
		add_endpoint(g, r, match, p);
	else
		add_process(g, r, match, p);
	if (p->last || r == &passing)
		resident_leave(r);
}

/* What is open or waits in no reported group is in `other`. */
static void settle_state(struct groups *g)
{
	struct group *other = &g->other->series;
	const struct table *t = &g->tables[GROUP_WHOLE];

	other->established = g->all->series.established - g->kernel->series.established;
	other->queued = g->all->series.queued - g->kernel->series.queued;
	for (size_t i = 0; i < t->count; i++) {
		const struct member *m = t->list[i];

		other->established -= m->shown ? m->series.established : 0;
		other->queued -= m->shown ? m->series.queued : 0;
	}
}

void groups_end(struct groups *g)
{
	const struct table *processes = &g->tables[GROUP_PROCESS];

	for (int kind = 0; kind < GROUP_KIND_COUNT; kind++)
		table_settle(g, &g->tables[kind]);
	settle_state(g);
	for (size_t i = 0; i < processes->count; i++)
		if (processes->list[i]->shown)
			describe(g, processes->list[i]);
}

void groups_each(const struct groups *g, group_visit *visit, void *context)
{
	visit(context, &g->all->series);
	visit(context, &g->other->series);
	visit(context, &g->kernel->series);
	for (int kind = 0; kind < GROUP_KIND_COUNT; kind++) {
		const struct table *t = &g->tables[kind];

		for (size_t i = 0; i < t->count; i++)
			if (t->list[i]->shown)
				visit(context, &t->list[i]->series);
	}
}

uint64_t groups_refused(const struct groups *g, enum group_kind kind)
{
	return quotas_refused(g->quotas, kind);
}

/* Four times what may be shown, so that the next ones are known, and some more. */
static void size_tables(struct groups *g)
{
	for (int kind = 0; kind < GROUP_KIND_COUNT; kind++) {
		struct table *t = &g->tables[kind];

		t->kind = kind;
		t->most = RETIRED_MAX + 4 * quotas_places(g->quotas, kind);
	}
}

int groups_open(struct groups **out, unsigned row_count, const struct group_options *options,
		unsigned rule_count, const struct subnet *subnets, unsigned subnet_count)
{
	struct groups *g = calloc(1, sizeof(*g));

	if (!g || quotas_open(&g->quotas, options, rule_count)) {
		free(g);
		return -ENOMEM;
	}
	g->options = options;
	g->subnets = subnets;
	g->subnet_count = subnet_count;
	size_tables(g);
	g->residents = calloc(row_count, sizeof(*g->residents));
	g->all = member_new(&g->tables[GROUP_WHOLE], GROUP_ALL, "");
	g->other = member_new(&g->tables[GROUP_WHOLE], GROUP_OTHER, "");
	g->kernel = member_new(&g->tables[GROUP_WHOLE], GROUP_KERNEL, "");
	if (!g->residents || !g->all || !g->other || !g->kernel) {
		groups_close(g);
		return -ENOMEM;
	}
	*out = g;
	return 0;
}

void groups_ask(struct groups *g, group_details *details, void *context)
{
	g->details = details;
	g->context = context;
}

void groups_close(struct groups *g)
{
	struct member *fixed[3];

	if (!g)
		return;
	fixed[0] = g->all;
	fixed[1] = g->other;
	fixed[2] = g->kernel;
	for (int i = 0; i < 3; i++)
		if (fixed[i])
			member_retire(&g->tables[GROUP_WHOLE], fixed[i]);
	for (int kind = 0; kind < GROUP_KIND_COUNT; kind++)
		table_free(&g->tables[kind]);
	free(g->residents);
	quotas_close(g->quotas);
	free(g);
}
