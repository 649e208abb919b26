/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The plugin about itself: what its stages have lost, hold and cost. */
#ifndef EBPF_TCP_SELF_H
#define EBPF_TCP_SELF_H

#include <stdbool.h>

struct groups;
struct matcher;
struct metric_self;
struct probe;
struct snapshot;

/* All but what the stages cannot know: the times of a read, and MaxProcesses. `cost`: also what is
 * reported by ReportOwnCost alone. */
void self_read(struct metric_self *out, const struct probe *probe, const struct snapshot *snapshot,
	       const struct matcher *matcher, const struct groups *groups, bool cost);

#endif
