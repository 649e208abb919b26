/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "match.h"
#include "snapshot.h"

#define CONNECTION_WEIGHT 1024 /* bytes: a connection costs a host about a packet */
#define RETIRED_MAX 1024       /* members kept beyond four times the limit, for their totals */

/* Something that was done, and its connect times. */
struct share {
	struct tcp_counters counters;
	struct histogram *latency; /* NULL: there was no connect yet */
};

/*
 * A member of a table. A new series must be 0 in its first tick, so its share waits in `pending`
 * for the next one; until then it counts nowhere, not in `all` either.
 */
struct member {
	struct group series; /* first: what the reader sees */
	struct share grown;  /* in this tick */
	struct share pending;
	uint64_t score; /* activity, worth half as much with each tick */
	unsigned processes;
	bool shown;
};

struct table {
	void *tree; /* struct member by name and pid */
	struct member **list;
	size_t count;
	size_t capacity;
	size_t limit;
};

/* Where a row's process is counted. */
struct place {
	struct member *group;
	struct member *process;
	uint64_t start_ns;
};

struct groups {
	struct group_options options;
	uint64_t now_ns;
	struct member *all, *other, *kernel;
	struct table named;
	struct table processes;
	struct place *places; /* by row */
};

/* -- counters -- */

static void counters_add(struct tcp_counters *to, const struct tcp_counters *from)
{
	__u64 *a = (__u64 *)to;
	const __u64 *b = (const __u64 *)from;

	for (unsigned i = 0; i < TCP_COUNTERS; i++)
		a[i] += b[i];
}

/* How much a process did: its bytes, and so many more for every connection. 0: nothing at all. */
static uint64_t activity(const struct tcp_counters *c)
{
	uint64_t connections = c->connects + c->accepts;

	for (unsigned i = 0; i < TCP_REASON_COUNT; i++)
		connections += c->failed[i];
	return c->tx_bytes + c->rx_bytes + CONNECTION_WEIGHT * connections;
}

/* The histogram, made at its first use; NULL without memory. */
static struct histogram *latency_at(struct histogram **latency)
{
	if (!*latency)
		*latency = calloc(1, sizeof(**latency));
	return *latency;
}

static void share_add(struct share *share, const struct snapshot_process *p)
{
	struct histogram *h;

	counters_add(&share->counters, &p->grown);
	h = p->grown.measured ? latency_at(&share->latency) : NULL;
	if (h)
		histogram_add(h, p->grown.measured, p->grown.connect_ns, p->connect_max_ns,
			      p->buckets);
}

static void share_clear(struct share *share)
{
	memset(&share->counters, 0, sizeof(share->counters));
	if (share->latency)
		histogram_clear(share->latency);
}

/* Makes a share visible in a series. */
static void give(struct group *series, const struct share *share)
{
	struct histogram *h;

	counters_add(&series->total, &share->counters);
	h = share->latency && share->latency->count ? latency_at(&series->latency) : NULL;
	if (h)
		histogram_merge(h, share->latency);
}

/* -- tables -- */

static int compare(const void *left, const void *right)
{
	const struct group *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : (a->pid > b->pid) - (a->pid < b->pid);
}

static struct member *member_new(const char *name, uint32_t pid)
{
	struct member *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->series.name = strdup(name);
	m->series.pid = pid;
	if (m->series.name)
		return m;
	free(m);
	return NULL;
}

static void member_free(struct member *m)
{
	if (!m)
		return;
	free(m->series.latency);
	free(m->grown.latency);
	free(m->pending.latency);
	free(m->series.name);
	free(m);
}

static bool table_reserve(struct table *t)
{
	size_t capacity = t->capacity ? t->capacity * 2 : 64;
	struct member **list;

	if (t->count < t->capacity)
		return true;
	list = realloc(t->list, capacity * sizeof(*list));
	if (!list)
		return false;
	t->list = list;
	t->capacity = capacity;
	return true;
}

/* Finds the member or makes it; NULL without memory. */
static struct member *table_get(struct table *t, const char *name, uint32_t pid)
{
	struct group key = {.name = (char *)name, .pid = pid};
	struct member **found = tfind(&key, &t->tree, compare), *m;

	if (found)
		return *found;
	m = table_reserve(t) ? member_new(name, pid) : NULL;
	if (!m)
		return NULL;
	if (!tsearch(m, &t->tree, compare)) {
		member_free(m);
		return NULL;
	}
	t->list[t->count++] = m;
	return m;
}

static void table_free(struct table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		tdelete(t->list[i], &t->tree, compare);
		member_free(t->list[i]);
	}
	free(t->list);
}

/* A member keeps its place while it is within 20 % of the cut. */
static double rank_of(const struct member *m)
{
	return (double)m->score * (m->shown ? 1.25 : 1);
}

static int compare_rank(const void *left, const void *right)
{
	const struct member *a = *(struct member *const *)left, *b = *(struct member *const *)right;
	double x = rank_of(a), y = rank_of(b);

	if (x != y)
		return x < y ? 1 : -1;
	return compare(a, b);
}

/*
 * A process that ended is reported for as long as it has something to tell; a group without
 * processes, until its activity is forgotten.
 */
static bool reportable(const struct member *m)
{
	return m->processes || activity(&m->grown.counters) || activity(&m->pending.counters) ||
	       (!m->series.pid && m->score);
}

/* Forgets what was retired long ago, from the end of the ranked list. */
static void table_prune(struct table *t)
{
	size_t keep = 0, most = 4 * t->limit + RETIRED_MAX;

	for (size_t i = 0; i < t->count; i++) {
		struct member *m = t->list[i];

		if (keep < most || m->shown || reportable(m)) {
			t->list[keep++] = m;
			continue;
		}
		tdelete(m, &t->tree, compare);
		member_free(m);
	}
	t->count = keep;
}

/* A share becomes visible: in its series, and in the sum of all. Both may be NULL. */
static void publish(struct share *share, struct group *series, struct group *sum)
{
	if (series)
		give(series, share);
	if (sum)
		give(sum, share);
	share_clear(share);
}

/*
 * Settles the tick of one member: what is shown takes its share (that of a new one waits), what is
 * not gives it to `rest`. `sum` gets all that becomes visible. Both may be NULL.
 */
static void settle(struct member *m, bool show, struct group *rest, struct group *sum)
{
	struct group *to = show ? &m->series : rest;
	bool wait = show && !m->shown;
	struct share ready;

	m->shown = show;
	publish(&m->pending, to, sum);
	if (!wait) {
		publish(&m->grown, to, sum);
		return;
	}
	ready = m->pending; /* empty: its memory serves the next tick */
	m->pending = m->grown;
	m->grown = ready;
}

/* Ranks the members and settles each. */
static void table_settle(struct table *t, struct group *rest, struct group *sum)
{
	size_t shown = 0;

	for (size_t i = 0; i < t->count; i++)
		t->list[i]->score = t->list[i]->score / 2 + activity(&t->list[i]->grown.counters);
	if (t->count)
		qsort(t->list, t->count, sizeof(*t->list), compare_rank);
	for (size_t i = 0; i < t->count; i++) {
		bool show = shown < t->limit && reportable(t->list[i]);

		settle(t->list[i], show, rest, sum);
		shown += show;
	}
	table_prune(t);
}

/* -- the tick -- */

static void clear_latency(struct group *series)
{
	if (series->latency)
		histogram_clear(series->latency);
}

static void table_begin(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		clear_latency(&t->list[i]->series);
}

void groups_begin(struct groups *g, uint64_t now_ns)
{
	g->now_ns = now_ns;
	clear_latency(&g->all->series);
	clear_latency(&g->other->series);
	clear_latency(&g->kernel->series);
	table_begin(&g->named);
	table_begin(&g->processes);
}

static void place_leave(struct member **at)
{
	if (*at)
		(*at)->processes--;
	*at = NULL;
}

/* Moves a row to the member of that name and pid, if it is not there already. */
static struct member *place_enter(struct member **at, struct table *t, const char *name,
				  uint32_t pid)
{
	if (*at && strcmp((*at)->series.name, name) == 0 && (*at)->series.pid == pid)
		return *at;
	place_leave(at);
	*at = table_get(t, name, pid);
	if (*at)
		(*at)->processes++;
	return *at;
}

static bool old_enough(const struct groups *g, const struct snapshot_process *p)
{
	return g->now_ns >= p->start_ns + (uint64_t)g->options.pid_min_age_s * 1000000000;
}

/* Groups that are always there have no ranking: what they get is visible at once. */
static void add_fixed(struct groups *g, struct member *m, const struct snapshot_process *p)
{
	share_add(&m->grown, p);
	give(&m->series, &m->grown);
	give(&g->all->series, &m->grown);
	share_clear(&m->grown);
}

static void add_process(struct groups *g, struct place *place, const char *name,
			const struct snapshot_process *p)
{
	struct member *m = place_enter(&place->group, &g->named, name, 0);

	if (m)
		share_add(&m->grown, p);
	else
		add_fixed(g, g->other, p);
	if (!g->options.by_pid || !old_enough(g, p))
		return;
	m = place_enter(&place->process, &g->processes, name, p->pid);
	if (m)
		share_add(&m->grown, p);
}

static void place_clear(struct place *place)
{
	place_leave(&place->group);
	place_leave(&place->process);
	place->start_ns = 0;
}

void groups_add(struct groups *g, const char *name, const struct snapshot_process *p)
{
	struct place *place = &g->places[p->row];

	if (p->row < TCP_ROW_FIRST) {
		add_fixed(g, p->row == TCP_ROW_KERNEL ? g->kernel : g->other, p);
		return;
	}
	if (place->start_ns != p->start_ns)
		place_clear(place);
	place->start_ns = p->start_ns;
	add_process(g, place, name, p);
	if (p->last)
		place_clear(place);
}

void groups_end(struct groups *g)
{
	table_settle(&g->named, &g->other->series, &g->all->series);
	table_settle(&g->processes, NULL, NULL);
}

static void each(const struct table *t, group_visit *visit, void *context)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->list[i]->shown)
			visit(context, &t->list[i]->series);
}

void groups_each(const struct groups *g, group_visit *visit, void *context)
{
	visit(context, &g->all->series);
	visit(context, &g->other->series);
	visit(context, &g->kernel->series);
	each(&g->named, visit, context);
	each(&g->processes, visit, context);
}

int groups_open(struct groups **out, unsigned row_count, const struct group_options *options)
{
	struct groups *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->options = *options;
	g->named.limit = options->group_limit;
	g->processes.limit = options->pid_limit;
	g->places = calloc(row_count, sizeof(*g->places));
	g->all = member_new(GROUP_ALL, 0);
	g->other = member_new(GROUP_OTHER, 0);
	g->kernel = member_new(GROUP_KERNEL, 0);
	if (!g->places || !g->all || !g->other || !g->kernel) {
		groups_close(g);
		return -ENOMEM;
	}
	*out = g;
	return 0;
}

void groups_close(struct groups *g)
{
	if (!g)
		return;
	member_free(g->all);
	member_free(g->other);
	member_free(g->kernel);
	table_free(&g->named);
	table_free(&g->processes);
	free(g->places);
	free(g);
}
