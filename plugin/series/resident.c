/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "identity/match.h"
#include "probe/snapshot.h"
#include "series/groups.h"

static struct member *membership_member(const struct membership *membership)
{
	bool there = membership->member && membership->member->generation == membership->generation;

	return there ? membership->member : NULL;
}

static void membership_leave(struct membership *membership)
{
	struct member *m = membership_member(membership);

	if (m) {
		m->processes--;
		balance_subtract(&m->series.balance, &membership->balance);
	}
	*membership = (struct membership){0};
}

/*
 * Moves a process to the member of that name and part, if it is not there already. A group that a
 * rule holds is the rule's, also if others have its name.
 */
static struct member *membership_enter(struct membership *membership, struct groups *g,
				       enum group_kind kind, const struct match *match,
				       const char *part)
{
	bool holds = kind == GROUP_WHOLE && g->options[match->rule + 1].holds;
	struct member *m = membership_member(membership);

	if (m && strcmp(m->series.name, match->group) == 0 && strcmp(m->series.part, part) == 0)
		return m;
	membership_leave(membership);
	m = table_get(&g->tables[kind], match->group, part);
	if (!m)
		return NULL;
	m->held = m->held || holds;
	if (holds || !m->held)
		m->series.rule = match->rule;
	m->processes++;
	*membership = (struct membership){.member = m, .generation = m->generation};
	return m;
}

/* What the process does, and what state it is in, is its member's. */
static void membership_add(struct membership *membership, struct member *m,
			   const struct resident *r, const struct snapshot_process *p)
{
	share_add(&m->grown, p);
	m->series.queued += p->queued;
	m->series.half_open += p->half_open;
	balance_subtract(&m->series.balance, &membership->balance);
	balance_add(&m->series.balance, &r->balance);
	membership->balance = r->balance;
}

/* Of another process or program, or in a container with another name, details are asked for again.
 */
static void identify(struct group *series, const struct match *match,
		     const struct snapshot_process *p)
{
	if (series->row != p->row || series->start_ns != p->start_ns ||
	    series->renames != p->renames || series->renamed != match->renamed)
		details_clear(series);
	series->row = p->row;
	series->start_ns = p->start_ns;
	series->renames = p->renames;
	series->pid = p->pid;
	memcpy(series->comm, p->comm, sizeof(series->comm));
}

/* May the process get a series of its own? Also one that has begun since this tick has. */
static bool by_pid(const struct groups *g, const struct match *match,
		   const struct snapshot_process *p)
{
	const struct group_options *o = &g->options[match->rule + 1];
	uint64_t age_ns = g->now_ns > p->start_ns ? g->now_ns - p->start_ns : 0;

	return o->by_pid && strcmp(match->group, GROUP_OTHER) != 0 &&
	       age_ns >= (uint64_t)o->pid_min_age_s * 1000000000;
}

/* Groups that are always there have no ranking: what they get is visible at once. */
static void add_fixed(struct groups *g, struct member *m, const struct snapshot_process *p)
{
	share_add(&m->grown, p);
	groups_show(&m->series, &m->grown);
	groups_show(&g->all->series, &m->grown);
	share_clear(&m->grown);
}

/* Returns the process's own series; NULL: it has none. */
static struct member *add_process(struct groups *g, struct resident *r, const struct match *match,
				  const struct snapshot_process *p)
{
	struct member *m = NULL;
	char pid[16];

	if (strcmp(match->group, GROUP_OTHER) == 0)
		membership_leave(&r->group);
	else
		m = membership_enter(&r->group, g, GROUP_WHOLE, match, "");
	if (m)
		membership_add(&r->group, m, r, p);
	else
		add_fixed(g, g->other, p);
	/* most that have ended have nothing more to tell */
	if (!by_pid(g, match, p) || (p->last && counters_empty(&p->grown))) {
		membership_leave(&r->process);
		return NULL;
	}
	snprintf(pid, sizeof(pid), "%u", p->pid);
	m = membership_enter(&r->process, g, GROUP_PROCESS, match, pid);
	if (!m)
		return NULL;
	identify(&m->series, match, p);
	membership_add(&r->process, m, r, p);
	return m;
}

/* A network with the name of the rest is in it. */
static void client_part(char *out, size_t size, const struct groups *g, const uint8_t address[16])
{
	char host[ENDPOINT_NAME_SIZE - sizeof("client-")];

	host_name(host, sizeof(host), address, g->subnets, g->subnet_count);
	if (strcmp(host, GROUP_OTHER) == 0)
		snprintf(out, size, "%s", PART_UNNAMED);
	else
		snprintf(out, size, "client-%s", host);
}

static void endpoint_part(char *out, size_t size, const struct groups *g,
			  const struct tcp_endpoint *endpoint)
{
	if (endpoint->rest)
		snprintf(out, size, "%s", PART_UNNAMED);
	else if (endpoint->kind == TCP_ENDPOINT_PORT)
		snprintf(out, size, "port-%u", endpoint->port);
	else if (endpoint->kind == TCP_ENDPOINT_CLIENT)
		client_part(out, size, g, endpoint->address);
	else
		endpoint_name(out, size, endpoint->address, endpoint->port, g->subnets,
			      g->subnet_count);
}

static void add_endpoint(struct groups *g, struct resident *r, const struct match *match,
			 const struct snapshot_process *p)
{
	static const enum group_kind kinds[] = {
		[TCP_ENDPOINT_DESTINATION] = GROUP_DESTINATION,
		[TCP_ENDPOINT_PORT] = GROUP_PORT,
		[TCP_ENDPOINT_CLIENT] = GROUP_CLIENT,
	};
	enum group_kind kind = kinds[p->endpoint.kind];
	char part[ENDPOINT_NAME_SIZE];
	struct member *m;

	if (!(group_wants(&g->options[match->rule + 1]) >> p->endpoint.kind & 1)) {
		membership_leave(&r->group); /* its process may have moved */
		return;
	}
	endpoint_part(part, sizeof(part), g, &p->endpoint);
	m = membership_enter(&r->group, g, kind, match, part);
	if (m) {
		membership_add(&r->group, m, r, p);
		return;
	}
	m = groups_rest(g, kind, match->group);
	if (m)
		share_add(&m->grown, p);
}

static void resident_leave(struct resident *r)
{
	membership_leave(&r->group);
	membership_leave(&r->process);
	*r = (struct resident){0};
}

static void series_add_state(struct group *series, const struct snapshot_process *p)
{
	balance_grow(&series->balance, &p->grown);
	series->queued += p->queued;
	series->half_open += p->half_open;
}

/* Adds what is open, or waits, to all and to those groups that are always there. */
static void add_state(struct groups *g, const struct snapshot_process *p)
{
	series_add_state(&g->all->series, p);
	if (p->row == TCP_ROW_KERNEL)
		series_add_state(&g->kernel->series, p);
}

struct group *groups_add(struct groups *g, const struct match *match,
			 const struct snapshot_process *p)
{
	struct resident passing = {0}, *r;
	struct member *m = NULL;

	if (!p->endpoint.kind)
		add_state(g, p);
	if (p->row < TCP_ROW_FIRST) {
		add_fixed(g, p->row == TCP_ROW_KERNEL ? g->kernel : g->other, p);
		return NULL;
	}
	/* an endpoint without a row of its own */
	r = p->endpoint.kind && p->row == p->process_row ? &passing : &g->residents[p->row];
	if (r->start_ns != p->start_ns)
		resident_leave(r);
	r->start_ns = p->start_ns;
	balance_grow(&r->balance, &p->grown);
	if (p->endpoint.kind)
		add_endpoint(g, r, match, p);
	else
		m = add_process(g, r, match, p);
	if (p->last || r == &passing)
		resident_leave(r);
	return m && p->last && !m->series.detailed ? &m->series : NULL;
}
