/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Grouping: adds what processes have done in a tick to their groups, and decides which groups and
 * which single processes are reported. What is not reported is in `other`, so that at every tick,
 * to the byte, all = other + kernel + the reported groups.
 */
#ifndef EBPF_TCP_GROUP_H
#define EBPF_TCP_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"
#include "tcp.h"

struct groups;
struct snapshot_process;

struct group_options {
	bool by_pid;
	unsigned pid_limit;
	unsigned pid_min_age_s;
	unsigned group_limit;
};

/* A reported series: a group, or one process of it. */
struct group {
	char *name;
	uint32_t pid;              /* 0: the whole group */
	struct tcp_counters total; /* never falls */
	struct histogram *latency; /* of this tick; NULL: there was no connect yet */
};

typedef void group_visit(void *context, const struct group *group);

/* `row_count` bounds snapshot_process.row. Returns 0 or -ENOMEM. */
int groups_open(struct groups **out, unsigned row_count, const struct group_options *options);

/* NULL is allowed. */
void groups_close(struct groups *g);

/*
 * One tick: begin, add every process that did something or ended, end. `now_ns` is the time since
 * boot. Without memory for a new group its process counts in `other`.
 */
void groups_begin(struct groups *g, uint64_t now_ns);
void groups_add(struct groups *g, const char *name, const struct snapshot_process *p);
void groups_end(struct groups *g);

/* Calls `visit` for all, other, kernel, then the reported groups, then the reported processes. */
void groups_each(const struct groups *g, group_visit *visit, void *context);

#endif
