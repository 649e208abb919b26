/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "identity/match.h"
#include "probe/snapshot.h"
#include "series/member.h"

/* -- shares -- */

static void counters_add(struct tcp_counters *to, const struct tcp_counters *from)
{
	__u64 *a = (__u64 *)to;
	const __u64 *b = (const __u64 *)from;

	for (unsigned i = 0; i < TCP_COUNTERS; i++)
		a[i] += b[i];
}

/* The histogram, made when there is something for it; NULL without memory. */
static struct histogram *histogram_at(struct histogram **at)
{
	if (!*at)
		*at = calloc(1, sizeof(**at));
	return *at;
}

/* Open connections are a balance and no growth: memberships keep it. */
void share_add(struct share *share, const struct snapshot_process *p)
{
	struct histogram *h;

	counters_add(&share->counters, &p->grown);
	memset(share->counters.open, 0, sizeof(share->counters.open));
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++) {
		h = p->grown.times[i] ? histogram_at(&share->times[i]) : NULL;
		if (h)
			histogram_add(h, p->grown.times[i], p->grown.time_sum[i], p->time_max[i],
				      p->buckets[i]);
	}
}

bool counters_empty(const struct tcp_counters *counters)
{
	static const struct tcp_counters nothing;

	return memcmp(counters, &nothing, sizeof(nothing)) == 0;
}

bool share_empty(const struct share *share)
{
	return counters_empty(&share->counters);
}

void times_clear(struct histogram **times)
{
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++) {
		free(times[i]);
		times[i] = NULL;
	}
}

void share_clear(struct share *share)
{
	memset(&share->counters, 0, sizeof(share->counters));
	times_clear(share->times);
}

void share_give(const struct share *share, struct tcp_counters *counters, struct histogram **times)
{
	struct histogram *h;

	counters_add(counters, &share->counters);
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++) {
		const struct histogram *from = share->times[i];

		h = from ? histogram_at(&times[i]) : NULL;
		if (h)
			histogram_merge(h, from);
	}
}

/* -- tables -- */

void details_clear(struct group *process)
{
	free(process->exe);
	free(process->cgroup);
	free(process->container);
	free(process->pod);
	free(process->namespace);
	process->exe = process->cgroup = NULL;
	process->container = process->pod = process->namespace = NULL;
	process->uid = TCP_UID_UNKNOWN;
	process->detailed = false;
}

void member_retire(struct table *t, struct member *m)
{
	unsigned generation = m->generation + 1;

	times_clear(m->series.times);
	times_clear(m->grown.times);
	times_clear(m->pending.times);
	free(m->series.name);
	free(m->series.part);
	details_clear(&m->series);
	memset(m, 0, sizeof(*m));
	m->generation = generation;
	m->next = t->free;
	t->free = m;
}

/* One that was retired, or a new one; NULL without memory. */
static struct member *member_take(struct table *t)
{
	struct member *m = t->free;

	if (!m)
		return calloc(1, sizeof(*m));
	t->free = m->next;
	return m;
}

struct member *member_new(struct table *t, const char *name, const char *part)
{
	struct group series = {.kind = t->kind, .rule = -1, .uid = TCP_UID_UNKNOWN};
	struct member *m = NULL;

	series.name = strdup(name);
	series.part = strdup(part);
	if (series.name && series.part)
		m = member_take(t);
	if (!m) {
		free(series.name);
		free(series.part);
		return NULL;
	}
	m->series = series;
	return m;
}

static struct member **bucket_of(const struct table *t, const char *name, const char *part)
{
	return &t->buckets[name_hash(name_hash(NAME_HASH, name), part) % t->capacity];
}

static void enlist(struct table *t, struct member *m)
{
	struct member **bucket = bucket_of(t, m->series.name, m->series.part);

	m->next = *bucket;
	*bucket = m;
}

static void unlist(struct table *t, struct member *m)
{
	struct member **at = bucket_of(t, m->series.name, m->series.part);

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
}

struct member *table_find(const struct table *t, const char *name, const char *part)
{
	struct member *m = t->capacity ? *bucket_of(t, name, part) : NULL;

	while (m && (strcmp(m->series.name, name) != 0 || strcmp(m->series.part, part) != 0))
		m = m->next;
	return m;
}

static bool table_reserve(struct table *t)
{
	size_t capacity = t->capacity ? t->capacity * 2 : 64;
	struct member **list, **buckets;

	if (t->count < t->capacity)
		return true;
	buckets = calloc(capacity, sizeof(struct member *));
	list = buckets ? realloc(t->list, capacity * sizeof(*list)) : NULL;
	if (!list) {
		free(buckets);
		return false;
	}
	free(t->buckets);
	t->buckets = buckets;
	t->list = list;
	t->capacity = capacity;
	for (size_t i = 0; i < t->count; i++)
		enlist(t, t->list[i]);
	return true;
}

static struct member *table_add(struct table *t, const char *name, const char *part)
{
	struct member *m = table_reserve(t) ? member_new(t, name, part) : NULL;

	if (!m)
		return NULL;
	enlist(t, m);
	t->list[t->count++] = m;
	return m;
}

struct member *table_get(struct table *t, const char *name, const char *part)
{
	struct member *m = table_find(t, name, part);

	if (m || t->added == t->most)
		return m;
	m = table_add(t, name, part);
	t->added += m != NULL;
	return m;
}

/* All kinds are in one group, so their rests need names of their own. No destination has such a
 * one.
 */
struct member *table_rest(struct table *t, const char *name)
{
	static const char *const parts[GROUP_KIND_COUNT] = {
		[GROUP_DESTINATION] = GROUP_OTHER,
		[GROUP_PORT] = "port-" GROUP_OTHER,
		[GROUP_CLIENT] = "client-" GROUP_OTHER,
	};
	const char *part = parts[t->kind];
	struct member *m = table_find(t, name, part);

	m = m ? m : table_add(t, name, part);
	if (m)
		m->rest = true;
	return m;
}

void table_free(struct table *t)
{
	struct member *m;

	for (size_t i = 0; i < t->count; i++)
		member_retire(t, t->list[i]);
	while ((m = t->free)) {
		t->free = m->next;
		free(m);
	}
	free(t->list);
	free(t->buckets);
}

void table_filter(struct table *t, bool (*keep)(void *context, const struct member *m),
		  void *context)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		struct member *m = t->list[i];

		if (keep(context, m)) {
			t->list[kept++] = m;
		} else {
			unlist(t, m);
			member_retire(t, m);
		}
	}
	t->count = kept;
	t->added = 0;
}
