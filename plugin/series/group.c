/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "identity/containers.h"
#include "identity/match.h"
#include "series/groups.h"
#include "series/quota.h"

#define RETIRED_MAX 1024 /* members that are remembered beyond four times the limit */

unsigned group_wants(const struct group_options *options)
{
	return (options->by_destination ? TCP_WANTS_DESTINATIONS : 0) |
	       (options->by_port ? TCP_WANTS_PORTS : 0) |
	       (options->by_client ? TCP_WANTS_CLIENTS : 0);
}

/* -- the tick -- */

static void clear_tick(struct group *series)
{
	times_clear(series->times);
	series->segments = series->retransmits = 0;
	series->queued = series->half_open = 0;
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

void groups_end(struct groups *g)
{
	groups_settle(g);
}

void groups_each_unknown(struct groups *g, group_ask *ask, void *context)
{
	const struct table *t = &g->tables[GROUP_PROCESS];

	for (size_t i = 0; i < t->count; i++)
		if (t->list[i]->shown && !t->list[i]->series.detailed)
			ask(context, &t->list[i]->series);
}

/* Without memory they are unknown. */
void group_detail(struct group *process, const struct match *match)
{
	char container[sizeof(match->container->names.container)];

	process->exe = strdup(match->exe);
	process->cgroup = strdup(match->cgroup);
	match_container(container, sizeof(container), match);
	process->container = *container ? strdup(container) : NULL;
	if (match->container && *match->container->names.pod) {
		process->pod = strdup(match->container->names.pod);
		process->namespace = strdup(match->container->names.namespace);
	}
	process->renamed = match->renamed;
	process->uid = match->uid;
	process->detailed = true;
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

/*
 * A table remembers four times what may be shown, so that the next ones are known, and some more.
 */
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
