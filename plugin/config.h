/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The options of the <Plugin ebpf_tcp> block: one table. */
#ifndef EBPF_TCP_CONFIG_H
#define EBPF_TCP_CONFIG_H

#include "group.h"
#include "match.h"
#include "metric.h"
#include "probe.h"
#include "snapshot.h"

struct oconfig_item_s;

/* What each stage is told. */
struct config {
	struct probe_options probe;
	struct snapshot_options snapshot;
	struct match_options match;
	struct group_options group;
	struct metric_options metric;
	bool own_percentiles; /* the user's replace the default ones */
};

/* Fills in the defaults. Returns 0 or -1. */
int config_defaults(struct config *c);

/*
 * Reads one block; collectd calls once per block. An unknown option is a warning. Returns 0, or -1
 * after an ERROR that names option, value and what is allowed.
 */
int config_read(struct config *c, struct oconfig_item_s *block);

void config_free(struct config *c);

#endif
