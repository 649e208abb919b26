/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "self.h"
#include "identity/match.h"
#include "probe/probe.h"
#include "probe/snapshot.h"
#include "series/group.h"
#include "series/metric.h"

/* How many names have had to wait so far. */
static uint64_t refused_names(const struct groups *groups)
{
	uint64_t refused = 0;

	for (int kind = 0; kind < GROUP_KIND_COUNT; kind++)
		refused += groups_refused(groups, kind);
	return refused;
}

static unsigned extras_of(const struct probe_tables *tables)
{
	return METRIC_COST | (probe_timed() ? METRIC_RUNS : 0) |
	       (tables->socket_count ? METRIC_SOCKET_LIMIT : 0);
}

void self_read(struct metric_self *out, const struct probe *probe, const struct snapshot *snapshot,
	       const struct matcher *matcher, const struct groups *groups, bool cost)
{
	struct probe_tables tables;
	struct probe_usage usage;

	probe_tables(&tables, probe);
	probe_usage(&usage, probe);
	*out = (struct metric_self){
#define LOSS(field, type, name) .field = tables.self->field,
		TCP_LOSSES(LOSS)
#undef LOSS
			.lost_runs = usage.lost,
		.recursion_misses = usage.skips,
		.refused_names = refused_names(groups),
		.match_waits = match_waits(matcher),
		.processes = snapshot_processes(snapshot),
		.endpoints = snapshot_endpoints(snapshot),
		.sockets = (double)(tables.self->sockets_added - tables.self->sockets_removed),
		.extras = cost ? extras_of(&tables) : 0,
		.max_endpoints = tables.row_count - tables.first_endpoint,
		.max_sockets = tables.socket_count,
		.runs = usage.runs,
		.run_ms = usage.run_ns / 1000000,
	};
}
