/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The table of metrics: which values a group has, and what collectd calls them. */
#ifndef EBPF_TCP_METRIC_H
#define EBPF_TCP_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp.h"

struct group;

#define METRIC_PERCENTILES_MAX 16
#define METRIC_BUCKETS_MAX 32
#define METRIC_PERCENTILE_FORMAT "%.5g" /* as the tail plugin prints them */
#define METRIC_BUCKET_FORMAT "%g_%g"    /* as the tail plugin prints these */

struct metric_options {
	bool bytes;
	bool by_scope;
	bool connections;
	bool connect_latency;
	bool lifetime;
	bool health;
	bool listen;
	bool responses;
	bool states;
	struct metric_percentiles {
		double list[METRIC_PERCENTILES_MAX];
		unsigned count;
	} percentiles;
	struct metric_buckets {
		struct metric_bucket {
			double lower, upper; /* seconds; an upper one of 0: no bound */
		} list[METRIC_BUCKETS_MAX];
		unsigned count;
	} buckets;
};

/* One value list: a DERIVE of one or two sources, or a GAUGE. */
struct metric_sample {
	const struct group *group; /* its name is the plugin_instance; NULL: GROUP_SELF */
	const char *type;
	char instance[256]; /* type_instance */
	bool gauge;
	unsigned count;
	uint64_t derive[2];
	double value; /* if gauge */
};

typedef void metric_emit(void *context, const struct metric_sample *sample);

/* What a read of the plugin is made of. */
enum metric_stage {
	METRIC_REFRESH,
	METRIC_SNAPSHOT,
	METRIC_MATCH,
	METRIC_GROUP,
	METRIC_REPORT,
	METRIC_STAGE_COUNT
};

/* What the plugin reports about itself besides, if it is asked to or can know. */
enum metric_extra {
	METRIC_COST = 1 << 0,
	METRIC_RUNS = 1 << 1,         /* of its programs */
	METRIC_SOCKET_LIMIT = 1 << 2, /* there is one */
};

/* What the plugin reports about itself, as group `self`. */
struct metric_self {
	unsigned extras; /* METRIC_COST and so on */
	TCP_LOSSES(TCP_LOSS_FIELD)
	uint64_t lost_runs;
	uint64_t recursion_misses;
	uint64_t refused_names;
	uint64_t match_waits;
	double processes;
	double endpoints;
	double sockets;
	double read_s;
	double stage_s[METRIC_STAGE_COUNT];
	double max_processes;
	double max_endpoints;
	double max_sockets;
	uint64_t runs;
	uint64_t run_ms;
};

/* Calls `emit` for every metric of the group that the options ask for, `tick_s` after the last
 * time.
 */
void metric_group(const struct group *group, const struct metric_options *options, double tick_s,
		  metric_emit *emit, void *context);

void metric_self(const struct metric_self *self, metric_emit *emit, void *context);

#endif
