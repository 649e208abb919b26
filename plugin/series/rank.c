/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <string.h>

#include "identity/match.h"
#include "series/member.h"
#include "series/rank.h"

#define CONNECTION_WEIGHT 1024 /* bytes: a connection costs a host about as much as a packet */
#define STEADY_TICKS 3         /* busy in so many remembered ticks, it is no passing newcomer */

uint64_t rank_activity(const struct tcp_counters *c)
{
	uint64_t connections = c->connects + c->accepts;

	for (unsigned i = 0; i < TCP_REASON_COUNT; i++)
		connections += c->failed[i];
	return c->tx_bytes + c->rx_bytes + CONNECTION_WEIGHT * connections;
}

void rank_tick(struct member *m)
{
	uint64_t activity = rank_activity(&m->grown.counters);

	m->score = m->score / 2 + activity;
	m->history = (uint16_t)(m->history << 1 | (activity != 0));
}

/*
 * Whose claim comes first, however much others have done. What is shown and was busy in the ticks
 * that are remembered makes way for nobody who was busy in one or two of them.
 */
enum claim {
	HELD, /* by a rule */
	BUSY,
	PASSING, /* newcomers, and those that are shown and idle */
	REST,
	REST_OF_OTHER, /* has what the other rests leave if their group is not shown */
};

static enum claim claim_of(const struct member *m)
{
	int ticks = __builtin_popcount(m->history);

	if (m->rest)
		return strcmp(m->series.name, GROUP_OTHER) == 0 ? REST_OF_OTHER : REST;
	if (m->held)
		return HELD;
	return ticks >= (m->shown ? 1 : STEADY_TICKS) ? BUSY : PASSING;
}

/*
 * Hysteresis: a member that is shown counts a quarter more, so it keeps its place until another one
 * has done clearly more. Two that are about alike would else take turns, each time as new series.
 */
static double rank_of(const struct member *m)
{
	return (double)m->score * (m->shown ? 1.25 : 1);
}

/* The busiest first; among those that are idle for long, the one that was shown last. */
int rank_compare(const void *left, const void *right)
{
	const struct member *a = *(struct member *const *)left, *b = *(struct member *const *)right;
	double x = rank_of(a), y = rank_of(b);
	int order = (int)claim_of(a) - (int)claim_of(b);

	if (order)
		return order;
	if (x != y)
		return x < y ? 1 : -1;
	if (a->shown_ns != b->shown_ns)
		return a->shown_ns < b->shown_ns ? 1 : -1;
	order = strcmp(a->series.name, b->series.name);
	return order ? order : strcmp(a->series.part, b->series.part);
}
