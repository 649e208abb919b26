/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The options of the <Plugin ebpf_tcp> block: one table. */
#ifndef EBPF_TCP_CONFIG_H
#define EBPF_TCP_CONFIG_H

#include "base/address.h"
#include "identity/match.h"
#include "probe/probe.h"
#include "probe/snapshot.h"
#include "series/event.h"
#include "series/group.h"
#include "series/metric.h"

struct oconfig_item_s;

/* What is reported: in general, or of the processes of one rule. */
struct config_report {
	struct group_options group;
	struct metric_options metric;
	struct event_options event;
	uint64_t own; /* a bit for each option that the user gave here */
	char *rule;   /* as the user wrote it: `Process "db" "mysqld"`; NULL: in general */
};

/* What each stage is told. Arrays that grow have one entry per rule, and one before them. */
struct config {
	struct probe_options probe;
	struct snapshot_options snapshot;
	struct match_options match;
	unsigned notify_limit;
	bool own_cost;                 /* what the plugin costs is reported */
	struct config_report *reports; /* [0]: in general, [1 + i]: rule i */
	struct group_options *groups;  /* the same, as the stage wants them; by config_finish() */
	struct subnet *subnets;
	unsigned subnet_count;
	bool again; /* the option that is being read was given before in the same block */
	struct config_report *current;     /* that of the block which is being read */
	const struct oconfig_item_s *rule; /* the rule whose block that is; NULL: the general one */
};

/* Fills in the defaults. Returns 0 or -1. */
int config_defaults(struct config *c);

/*
 * Reads one block; collectd calls once per block. An unknown option is a warning. Returns 0, or -1
 * after an ERROR that names option, value and what is allowed.
 */
int config_read(struct config *c, struct oconfig_item_s *block);

/* After the last block: rules take over what they do not say themselves. Returns 0 or -1. */
int config_finish(struct config *c);

void config_free(struct config *c);

#endif
