/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdlib.h>

#include "series/member.h"
#include "series/quota.h"

#define HOUR_MS 3600000

/* What is left of a limit. */
struct quota {
	unsigned taken;                   /* places, in the table that is being settled */
	uint64_t names[GROUP_KIND_COUNT]; /* that may begin, times HOUR_MS */
};

struct quotas {
	const struct group_options *options; /* the general ones, then those of each rule */
	unsigned count;
	uint64_t now_ms;
	uint64_t refused[GROUP_KIND_COUNT];
	struct quota quotas[]; /* as the options */
};

static unsigned limit_of(const struct group_options *o, enum group_kind kind)
{
	const unsigned limits[] = {
		[GROUP_WHOLE] = o->group_limit,
		[GROUP_PROCESS] = o->pid_limit,
		[GROUP_DESTINATION] = o->destination_limit,
		[GROUP_PORT] = o->port_limit,
		[GROUP_CLIENT] = o->client_limit,
	};

	return limits[kind];
}

/* Which quota a member needs: that of its rule, if it has such a limit, else the general one. */
static unsigned quota_of(const struct quotas *q, const struct member *m)
{
	unsigned own = (unsigned)(m->series.rule + 1);

	return limit_of(&q->options[own], m->series.kind) ? own : 0;
}

/* Names are earned with time; at most so many as there are places are kept for later. */
static void earn(struct quotas *q, unsigned i, enum group_kind kind, uint64_t earned)
{
	uint64_t most = (uint64_t)limit_of(&q->options[i], kind) * HOUR_MS;
	uint64_t *names = &q->quotas[i].names[kind];

	*names = *names + earned < most ? *names + earned : most;
}

void quotas_begin(struct quotas *q, uint64_t now_ns)
{
	uint64_t passed_ms = now_ns / 1000000 - q->now_ms;

	q->now_ms += passed_ms;
	for (unsigned i = 0; i < q->count; i++)
		for (int kind = 0; kind < GROUP_KIND_COUNT; kind++)
			earn(q, i, kind, passed_ms * q->options[i].new_names_per_hour);
}

void quotas_free_places(struct quotas *q)
{
	for (unsigned i = 0; i < q->count; i++)
		q->quotas[i].taken = 0;
}

/* A name that was reported before may always go on. */
static bool may_begin(struct quotas *q, uint64_t *names, struct member *m)
{
	if (m->told)
		return true;
	if (*names >= HOUR_MS) {
		*names -= HOUR_MS;
		return true;
	}
	q->refused[m->series.kind] += !m->refused;
	m->refused = true;
	return false;
}

bool quotas_take(struct quotas *q, struct member *m)
{
	unsigned i = quota_of(q, m);
	struct quota *quota = &q->quotas[i];

	if (quota->taken == limit_of(&q->options[i], m->series.kind) ||
	    !may_begin(q, &quota->names[m->series.kind], m))
		return false;
	quota->taken++;
	return true;
}

uint64_t quotas_refused(const struct quotas *q, enum group_kind kind)
{
	return q->refused[kind];
}

uint64_t quotas_places(const struct quotas *q, enum group_kind kind)
{
	uint64_t places = 0;

	for (unsigned i = 0; i < q->count; i++)
		places += limit_of(&q->options[i], kind);
	return places;
}

int quotas_open(struct quotas **out, const struct group_options *options, unsigned rule_count)
{
	struct quotas *q = calloc(1, sizeof(*q) + (rule_count + 1) * sizeof(*q->quotas));

	if (!q)
		return -ENOMEM;
	q->options = options;
	q->count = rule_count + 1;
	for (unsigned i = 0; i < q->count; i++)
		for (int kind = 0; kind < GROUP_KIND_COUNT; kind++)
			earn(q, i, kind, UINT64_MAX / 2);
	*out = q;
	return 0;
}

void quotas_close(struct quotas *q)
{
	free(q);
}
