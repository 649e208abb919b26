/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The inside of the groups, for the files that keep them: resident.c (where what a process does is
 * counted), settle.c (which series are shown, and where the rest goes) and group.c (the tick).
 */
#ifndef EBPF_TCP_GROUPS_H
#define EBPF_TCP_GROUPS_H

#include "series/group.h"
#include "series/member.h"

#define PART_UNNAMED "" /* of endpoints without a row: never shown, so the rest has it */

/* What a row is about: a process, or an endpoint, which has only a `group`. */
struct resident {
	uint64_t start_ns;
	struct balance balance;
	struct membership group;
	struct membership process;
};

struct groups {
	const struct group_options *options; /* the general ones, then those of each rule */
	const struct subnet *subnets;
	unsigned subnet_count;
	uint64_t now_ns;
	struct member *all, *other, *kernel;
	struct table tables[GROUP_KIND_COUNT];
	struct resident *residents; /* by row */
	struct quotas *quotas;
};

/* A share becomes visible. */
void groups_show(struct group *series, const struct share *share);

/* The part "other" of the group; that of the group `other`, if the group is not reported. NULL
 * without memory. */
struct member *groups_rest(struct groups *g, enum group_kind kind, const char *name);

/* Decides what of this tick is shown, and gives the rest to those that take it. */
void groups_settle(struct groups *g);

#endif
