/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "group.h"
#include "histogram.h"
#include "match.h"
#include "metric.h"
#include "tcp.h"

#define COUNTER(field) offsetof(struct tcp_counters, field)
#define SWITCH(field) offsetof(struct metric_options, field)

/* Where a counter makes sense. */
enum {
	WHOLE = 1 << GROUP_WHOLE | 1 << GROUP_PROCESS,
	OUT = 1 << GROUP_DESTINATION,
	IN = 1 << GROUP_PORT,
	ALL = WHOLE | OUT | IN,
};

/* To add a counter: one row. Its switch is an option of metric_options. */
static const struct {
	size_t on;
	unsigned kinds;
	const char *type;
	const char *instance;
	unsigned count;
	size_t counters[2];
} counters[] = {{SWITCH(bytes), ALL, "if_octets", "", 2, {COUNTER(rx_bytes), COUNTER(tx_bytes)}},
#define SCOPE(id, name)                                                                            \
	{SWITCH(by_scope),                                                                         \
	 WHOLE,                                                                                    \
	 "if_octets",                                                                              \
	 name,                                                                                     \
	 2,                                                                                        \
	 {COUNTER(scope_rx_bytes[id]), COUNTER(scope_tx_bytes[id])}},
		TCP_SCOPES(SCOPE)
#undef SCOPE
			{SWITCH(connections),
			 WHOLE | OUT,
			 "connections",
			 "connect",
			 1,
			 {COUNTER(connects)}},
		{SWITCH(connections), WHOLE | IN, "connections", "accept", 1, {COUNTER(accepts)}},
#define REASON(id, name)                                                                           \
	{SWITCH(connections), WHOLE | OUT, "connections",                                          \
	 "connect_" name,     1,           {COUNTER(failed[id])}},
		TCP_REASONS(REASON)
#undef REASON
};

#define SELF(field) offsetof(struct metric_self, field)

static const struct {
	const char *type;
	const char *instance;
	bool gauge;
	size_t at;
} selfs[] = {
	{"total_events", "lost_processes", false, SELF(lost_processes)},
	{"total_events", "lost_sockets", false, SELF(lost_sockets)},
	{"total_events", "lost_deltas", false, SELF(lost_deltas)},
	{"total_events", "lost_latencies", false, SELF(lost_latencies)},
	{"total_events", "lost_endpoints", false, SELF(lost_endpoints)},
	{"total_events", "recursion_misses", false, SELF(recursion_misses)},
	{"cache_size", "processes", true, SELF(processes)},
	{"cache_size", "endpoints", true, SELF(endpoints)},
	{"cache_size", "sockets", true, SELF(sockets)},
	{"duration", "read", true, SELF(read_s)},
};

static uint64_t counter_at(const void *base, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)base + offset, sizeof(value));
	return value;
}

/* "connect" for a group, "connect-1234" for a process of it. */
static void name_instance(struct metric_sample *sample, const char *instance)
{
	const char *part = sample->group ? sample->group->part : "";

	snprintf(sample->instance, sizeof(sample->instance), "%s%s%s", instance,
		 *instance && *part ? "-" : "", part);
}

static void emit_counters(const struct group *group, const struct metric_options *options,
			  metric_emit *emit, void *context)
{
	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		struct metric_sample sample = {
			.group = group,
			.type = counters[i].type,
			.count = counters[i].count,
		};

		if (!(counters[i].kinds >> group->kind & 1) ||
		    !*(const bool *)((const char *)options + counters[i].on))
			continue;
		for (unsigned n = 0; n < sample.count; n++)
			sample.derive[n] = counter_at(&group->total, counters[i].counters[n]);
		name_instance(&sample, counters[i].instance);
		emit(context, &sample);
	}
}

static void emit_failed(const struct group *group, metric_emit *emit, void *context)
{
	struct metric_sample sample = {.group = group, .type = "connections", .count = 1};

	for (unsigned i = 0; i < TCP_REASON_COUNT; i++)
		sample.derive[0] += group->total.failed[i];
	name_instance(&sample, "connect_failed");
	emit(context, &sample);
}

static void emit_gauge(const struct group *group, const char *instance, double value,
		       metric_emit *emit, void *context)
{
	struct metric_sample sample = {
		.group = group, .type = "latency", .gauge = true, .count = 1, .value = value};

	name_instance(&sample, instance);
	emit(context, &sample);
}

static void emit_latency(const struct group *group, const struct metric_options *options,
			 metric_emit *emit, void *context)
{
	static const struct histogram none = {0};
	const struct histogram *h = group->latency ? group->latency : &none;
	char instance[64];

	emit_gauge(group, "connect-average", histogram_average(h), emit, context);
	emit_gauge(group, "connect-upper", histogram_upper(h), emit, context);
	for (unsigned i = 0; i < options->percentiles.count; i++) {
		snprintf(instance, sizeof(instance), "connect-percentile-" METRIC_PERCENTILE_FORMAT,
			 options->percentiles.list[i]);
		emit_gauge(group, instance, histogram_percentile(h, options->percentiles.list[i]),
			   emit, context);
	}
}

void metric_group(const struct group *group, const struct metric_options *options,
		  metric_emit *emit, void *context)
{
	emit_counters(group, options, emit, context);
	if (options->connections && group->kind != GROUP_PORT)
		emit_failed(group, emit, context);
	if (options->connect_latency && group->kind != GROUP_PORT)
		emit_latency(group, options, emit, context);
}

void metric_self(const struct metric_self *self, metric_emit *emit, void *context)
{
	for (size_t i = 0; i < sizeof(selfs) / sizeof(*selfs); i++) {
		struct metric_sample sample = {
			.type = selfs[i].type,
			.gauge = selfs[i].gauge,
			.count = 1,
		};

		if (sample.gauge)
			sample.value = *(const double *)((const char *)self + selfs[i].at);
		else
			sample.derive[0] = counter_at(self, selfs[i].at);
		name_instance(&sample, selfs[i].instance);
		emit(context, &sample);
	}
}
