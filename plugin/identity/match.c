/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdio.h>
#include <string.h>

#include "identity/matcher.h"
#include "probe/snapshot.h"

#define RENEW_NS 100000000 /* patterns take up to 130 kB in a ms, see pattern_renew() */

static const struct match nobody = {GROUP_OTHER, -1, "", "", NULL, 0, TCP_UID_UNKNOWN};
static const struct match the_kernel = {GROUP_KERNEL, -1, "", "", NULL, 0, TCP_UID_UNKNOWN};

/* Puts a copy of the text in the place of another one. False without memory: that one stays. */
static bool keep(struct matcher *m, const char **at, const char *text)
{
	const char *copy = names_get(m->names, text);

	if (!copy)
		return false;
	names_put(m->names, *at);
	*at = copy;
	return true;
}

/* The match is as the container is called now. */
static void hold(struct match *match, struct container *k)
{
	if (k)
		k->holders++;
	if (match->container)
		match->container->holders--;
	match->container = k;
	match->renamed = k ? k->changes : 0;
}

static void forget(struct matcher *m, struct entry *e)
{
	names_put(m->names, e->match.group);
	names_put(m->names, e->match.exe);
	names_put(m->names, e->match.cgroup);
	hold(&e->match, NULL);
	*e = (struct entry){.match = nobody};
}

/* A process that is gone keeps its group: rules that have changed would know less of it now. */
static bool keeps_group(struct matcher *m, const struct entry *e, const struct snapshot_process *p)
{
	return e->generation && e->start_ns == p->start_ns && e->renames == p->renames &&
	       subject_gone(&m->subject);
}

/* -- the budget -- */

static void renew(struct matcher *m)
{
	naming_renew(&m->naming);
	m->old_ns = 0;
}

static void charge(struct matcher *m, const struct snapshot_process *p, int rule)
{
	uint64_t took_ns = budget_stop(&m->budget, p->uid);

	if (took_ns > m->slowest_ns) {
		m->slowest_ns = took_ns;
		m->slowest_rule = rule;
	}
	m->old_ns += took_ns;
	if (m->old_ns >= RENEW_NS)
		renew(m);
}

void match_again(struct matcher *m, match_visit *visit, void *context)
{
	const unsigned end = 2 * m->row_count; /* parts after processes */
	unsigned first = m->first, next = m->row_count;

	if (!m->waiting || !m->row_count)
		return;
	m->waiting = false;
	for (unsigned i = 0; i < end; i++) {
		unsigned row = (first + i) % m->row_count;
		struct entry *e = &m->entries[row];

		if (!e->waits || e->part != (i >= m->row_count))
			continue;
		e->waits = false;
		visit(context, row, e->start_ns);
		if (e->waits && next == m->row_count)
			next = row;
	}
	m->first = next % m->row_count;
}

/* -- entries -- */

static bool was_renamed(const struct entry *e, const struct snapshot_process *p)
{
	return p->renames || (e->start_ns == p->start_ns && e->renamed);
}

/* From here on the entry is this process's, of which nothing is known yet. */
static void take_entry(struct matcher *m, struct entry *e, const struct snapshot_process *p)
{
	bool renamed = was_renamed(e, p);

	forget(m, e);
	e->renamed = renamed;
	e->start_ns = p->start_ns;
	e->renames = p->renames;
	e->match.uid = p->uid;
}

/* If only the rules have changed, it keeps what they said before. */
static void wait_entry(struct matcher *m, struct entry *e, const struct snapshot_process *p)
{
	if (!e->match.group || e->start_ns != p->start_ns || e->renames != p->renames)
		take_entry(m, e, p);
	e->part = p->endpoint.kind && e == &m->entries[p->row];
	m->waits += !e->waits && !e->part;
	e->waits = m->waiting = true;
}

/* Without memory the generation stays 0, and the next look tries again. */
static void match_anew(struct matcher *m, struct entry *e, const struct snapshot_process *p)
{
	char group[GROUP_NAME_SIZE];
	int rule = nobody.rule;

	take_entry(m, e, p);
	if (naming_find(group, &rule, &m->naming, &m->subject) || !keep(m, &e->match.group, group))
		return;
	hold(&e->match, m->subject.container);
	e->match.rule = rule;
	e->generation = m->generation;
	if (rule >= 0)
		m->used[rule] = true;
}

static void match_entry(struct matcher *m, struct entry *e, const struct snapshot_process *p)
{
	if (!budget_allows(&m->budget, p->uid)) {
		wait_entry(m, e, p);
		return;
	}
	e->waits = false;
	budget_start(&m->budget);
	subject_init(&m->subject, p, &m->source, was_renamed(e, p));
	if (keeps_group(m, e, p)) {
		e->generation = m->generation;
		hold(&e->match, e->match.container);
	} else {
		match_anew(m, e, p);
	}
	charge(m, p, e->match.rule);
}

/* Is the entry about this process, and as the rules are now? */
static bool valid(const struct matcher *m, const struct entry *e, const struct snapshot_process *p)
{
	return e->generation == m->generation && e->start_ns == p->start_ns &&
	       (!e->match.container || e->match.renamed == e->match.container->changes);
}

/*
 * An endpoint has the entry of its process, also if the endpoint is told of first: later the
 * process may have ended, and less be known of it. While another process has that entry, the
 * endpoint has one of its own.
 */
static struct entry *entry_for(struct matcher *m, const struct snapshot_process *p)
{
	struct entry *own = &m->entries[p->row], *e = own;
	bool known;

	if (p->endpoint.kind && p->process_row >= TCP_ROW_FIRST && p->process_row < m->row_count)
		e = &m->entries[p->process_row];
	known = valid(m, e, p) || (e->waits && e->start_ns == p->start_ns);
	return known || e->over || !e->start_ns ? e : own;
}

/* The matched entry. An endpoint waits if its process waits. */
static struct entry *entry_of(struct matcher *m, const struct snapshot_process *p)
{
	struct entry *own = &m->entries[p->row], *e = entry_for(m, p);
	bool waits = e != own && e->waits && e->start_ns == p->start_ns;

	if (!waits && (!valid(m, e, p) || (e == own && e->renames != p->renames)))
		match_entry(m, e, p);
	if (e == own)
		e->over = p->last;
	else if (e->waits)
		wait_entry(m, own, p);
	return e;
}

/* Rows with a fixed meaning are no process. */
static const struct match *fixed_match(unsigned row)
{
	return row == TCP_ROW_KERNEL ? &the_kernel : &nobody;
}

const struct match *match_process(struct matcher *m, const struct snapshot_process *p)
{
	return p->row < TCP_ROW_FIRST ? fixed_match(p->row) : &entry_of(m, p)->match;
}

const struct match *match_details(struct matcher *m, const struct snapshot_process *p)
{
	struct entry *e;

	if (p->row < TCP_ROW_FIRST)
		return fixed_match(p->row);
	e = entry_of(m, p);
	if (e->detailed)
		return &e->match;
	subject_init(&m->subject, p, &m->source, e->renamed);
	e->match.uid = subject_uid(&m->subject);
	e->detailed = keep(m, &e->match.exe, subject_exe(&m->subject)) &&
		      keep(m, &e->match.cgroup, subject_cgroup(&m->subject));
	subject_container(&m->subject);
	hold(&e->match, m->subject.container);
	return &e->match;
}

void match_container(char *out, size_t size, const struct match *match)
{
	const struct container *k = match->container;

	snprintf(out, size, "%s", k ? k->names.container : "");
	if (*out || !*match->cgroup)
		return;
	cgroup_container(out, size, match->cgroup);
	if (strcmp(out, CGROUP_NONE) == 0)
		*out = '\0';
}
