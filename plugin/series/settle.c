/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdlib.h>
#include <string.h>

#include "identity/match.h"
#include "series/groups.h"
#include "series/quota.h"
#include "series/rank.h"

void groups_show(struct group *series, const struct share *share)
{
	series->segments += share->counters.segments;
	series->retransmits += share->counters.retransmits;
	share_give(share, &series->total, series->times);
}

/* Is something open, or does it wait? */
static bool has_state(const struct group *series)
{
	return !balance_empty(&series->balance) || series->queued || series->half_open;
}

/*
 * A process that ended is reported for as long as it has something to tell; others until their
 * activity is forgotten, and nobody is connected.
 */
static bool reportable(const struct member *m)
{
	bool whole = m->series.kind == GROUP_WHOLE || m->series.kind == GROUP_PROCESS;
	bool held = whole ? m->processes : has_state(&m->series);

	return held || !share_empty(&m->grown) || !share_empty(&m->pending) ||
	       (m->series.kind != GROUP_PROCESS && m->score);
}

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

struct member *groups_rest(struct groups *g, enum group_kind kind, const char *name)
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
	struct member *rest = groups_rest(g, m->series.kind, m->series.name);

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
		groups_show(&g->all->series, share);
	if (m->shown)
		groups_show(&m->series, share);
	else if (kind == GROUP_WHOLE)
		groups_show(&g->other->series, share);
	else if (kind != GROUP_PROCESS)
		give_rest(g, m, share);
	share_clear(share);
}

/* A state goes to the rest at once. */
static void give_rest_state(struct groups *g, const struct member *m)
{
	struct member *rest;

	if (!has_state(&m->series))
		return;
	rest = groups_rest(g, m->series.kind, m->series.name);
	if (!rest)
		return;
	balance_add(&rest->series.balance, &m->series.balance);
	rest->series.queued += m->series.queued;
	rest->series.half_open += m->series.half_open;
}

/*
 * A series that is new must be 0 in its first tick, or a rate over it would have no beginning. So
 * shares are double-buffered: what it has `grown` by waits in `pending` until the next tick
 * settles.
 */
static void settle(struct groups *g, struct member *m, bool shown)
{
	bool wait = shown && !m->shown;

	m->shown = shown;
	m->told = m->told || shown;
	m->shown_ns = shown ? g->now_ns : m->shown_ns;
	if (!shown && m->series.kind >= GROUP_DESTINATION)
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
 * Is the member kept? Asked from the end of the ranked list. A series that is forgotten would begin
 * again at 0, so members that never were one go before it. A rest is known as long as its group,
 * and what is open has to be known until it is closed.
 */
static bool worth_keeping(void *context, const struct member *m)
{
	struct census *c = context;

	if (m->rest)
		return strcmp(m->series.name, GROUP_OTHER) == 0 ||
		       table_find(&c->groups->tables[GROUP_WHOLE], m->series.name, "");
	if (m->shown || !balance_empty(&m->series.balance))
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
static void settle_table(struct groups *g, struct table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		rank_tick(t->list[i]);
		if (t->list[i]->rest)
			t->list[i]->series.balance = (struct balance){0};
	}
	if (t->count)
		qsort(t->list, t->count, sizeof(*t->list), rank_compare);
	quotas_free_places(g->quotas);
	for (size_t i = 0; i < t->count; i++)
		settle(g, t->list[i], admit(g, t->list[i]));
	table_filter(t, worth_keeping, &(struct census){.groups = g, .table = t});
}

static void state_subtract(struct group *from, const struct group *part)
{
	balance_subtract(&from->balance, &part->balance);
	from->queued -= part->queued;
	from->half_open -= part->half_open;
}

/* What is open or waits in no reported group is in `other`. */
static void settle_state(struct groups *g)
{
	struct group *other = &g->other->series;
	const struct table *t = &g->tables[GROUP_WHOLE];

	other->balance = g->all->series.balance;
	other->queued = g->all->series.queued;
	other->half_open = g->all->series.half_open;
	state_subtract(other, &g->kernel->series);
	for (size_t i = 0; i < t->count; i++)
		if (t->list[i]->shown)
			state_subtract(other, &t->list[i]->series);
}

void groups_settle(struct groups *g)
{
	for (int kind = 0; kind < GROUP_KIND_COUNT; kind++)
		settle_table(g, &g->tables[kind]);
	settle_state(g);
}
