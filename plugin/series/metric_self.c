/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What the plugin reports about itself. */
#include <stddef.h>
#include <stdio.h>

#include "series/metric.h"
#include "tcp.h"

#define SELF(field) offsetof(struct metric_self, field)

static const struct {
	const char *type;
	const char *instance;
	bool gauge;
	size_t at;
	unsigned extras; /* extras that the value needs, all of them */
} selfs[] = {
#define LOSS(field, type, name) {type, name, false, SELF(field), 0},
	TCP_LOSSES(LOSS)
#undef LOSS
		{"total_events", "lost_runs", false, SELF(lost_runs), 0},
	{"total_events", "recursion_misses", false, SELF(recursion_misses), 0},
	{"total_events", "refused_names", false, SELF(refused_names), 0},
	{"total_events", "match_waits", false, SELF(match_waits), 0},
	{"cache_size", "processes", true, SELF(processes), 0},
	{"cache_size", "endpoints", true, SELF(endpoints), 0},
	{"cache_size", "sockets", true, SELF(sockets), 0},
	{"duration", "read", true, SELF(read_s), 0},
	{"duration", "refresh", true, SELF(stage_s[METRIC_REFRESH]), METRIC_COST},
	{"duration", "snapshot", true, SELF(stage_s[METRIC_SNAPSHOT]), METRIC_COST},
	{"duration", "match", true, SELF(stage_s[METRIC_MATCH]), METRIC_COST},
	{"duration", "group", true, SELF(stage_s[METRIC_GROUP]), METRIC_COST},
	{"duration", "report", true, SELF(stage_s[METRIC_REPORT]), METRIC_COST},
	{"capacity", "processes", true, SELF(max_processes), METRIC_COST},
	{"capacity", "endpoints", true, SELF(max_endpoints), METRIC_COST},
	{"capacity", "sockets", true, SELF(max_sockets), METRIC_COST | METRIC_SOCKET_LIMIT},
	{"invocations", "programs", false, SELF(runs), METRIC_COST | METRIC_RUNS},
	{"total_time_in_ms", "programs", false, SELF(run_ms), METRIC_COST | METRIC_RUNS},
};

void metric_self(const struct metric_self *self, metric_emit *emit, void *context)
{
	for (size_t i = 0; i < sizeof(selfs) / sizeof(*selfs); i++) {
		const char *value = (const char *)self + selfs[i].at;
		struct metric_sample sample = {
			.type = selfs[i].type,
			.gauge = selfs[i].gauge,
			.count = 1,
		};

		if (selfs[i].extras & ~self->extras)
			continue;
		if (sample.gauge)
			sample.value = *(const double *)value;
		else
			sample.derive[0] = *(const uint64_t *)value;
		snprintf(sample.instance, sizeof(sample.instance), "%s", selfs[i].instance);
		emit(context, &sample);
	}
}
