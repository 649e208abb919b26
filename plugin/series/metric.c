/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "identity/match.h"
#include "series/group.h"
#include "series/histogram.h"
#include "series/metric.h"
#include "tcp.h"

#define COUNTER(field) offsetof(struct tcp_counters, field)
#define SWITCH(field) offsetof(struct metric_options, field)

/* Where a counter makes sense. */
enum {
	WHOLE = 1 << GROUP_WHOLE | 1 << GROUP_PROCESS,
	OUT = 1 << GROUP_DESTINATION,
	LISTENING = 1 << GROUP_PORT,
	IN = LISTENING | 1 << GROUP_CLIENT,
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
} counters[] = {
	{SWITCH(bytes), ALL, "if_octets", "", 2, {COUNTER(rx_bytes), COUNTER(tx_bytes)}},
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
		{SWITCH(health), ALL, "protocol_counter", "segments", 1, {COUNTER(segments)}},
	{SWITCH(health), ALL, "protocol_counter", "retransmits", 1, {COUNTER(retransmits)}},
	{SWITCH(health), ALL, "protocol_counter", "resets_sent", 1, {COUNTER(resets_sent)}},
	{SWITCH(health), ALL, "protocol_counter", "resets_received", 1, {COUNTER(resets_received)}},
	{SWITCH(listen),
	 WHOLE | LISTENING,
	 "connections",
	 "listen_drop",
	 1,
	 {COUNTER(listen_drops)}},
	{SWITCH(responses),
	 WHOLE | IN,
	 "total_requests",
	 "served",
	 1,
	 {COUNTER(times[TCP_TIME_SERVICE])}},
	{SWITCH(responses),
	 WHOLE | OUT,
	 "total_requests",
	 "sent",
	 1,
	 {COUNTER(times[TCP_TIME_RESPONSE])}},
	{SWITCH(states), ALL, "connections", "time_wait", 1, {COUNTER(time_wait)}},
};

/* To add a time: one row. */
static const struct {
	size_t on;
	unsigned kinds;
	enum tcp_time time;
	const char *type;
	const char *instance;
	double units; /* in a second, or in a byte */
} times[] = {
	{SWITCH(connect_latency), WHOLE | OUT, TCP_TIME_CONNECT, "latency", "connect", 1e9},
	{SWITCH(lifetime), ALL, TCP_TIME_LIFETIME, "duration", "lifetime", 1e6},
	{SWITCH(health), ALL, TCP_TIME_RTT, "latency", "rtt", 1e9},
	{SWITCH(responses), WHOLE | IN, TCP_TIME_SERVICE, "latency", "service", 1e9},
	{SWITCH(responses), WHOLE | IN, TCP_SIZE_REQUEST_SERVED, "bytes", "request_served",
	 TCP_SIZE_UNITS},
	{SWITCH(responses), WHOLE | IN, TCP_SIZE_RESPONSE_SERVED, "bytes", "response_served",
	 TCP_SIZE_UNITS},
	{SWITCH(responses), WHOLE | OUT, TCP_TIME_RESPONSE, "latency", "response", 1e9},
	{SWITCH(responses), WHOLE | OUT, TCP_SIZE_REQUEST_SENT, "bytes", "request_sent",
	 TCP_SIZE_UNITS},
	{SWITCH(responses), WHOLE | OUT, TCP_SIZE_RESPONSE_RECEIVED, "bytes", "response_received",
	 TCP_SIZE_UNITS},
};

/* Whose client it is, is known once a process has accepted it; a port listens before. */
static const struct {
	unsigned kinds;
	const char *name;
} states[TCP_STATE_COUNT] = {
#define STATE(id, name)                                                                            \
	[id] = {(id) == TCP_STATE_SYN_SENT   ? WHOLE | OUT                                         \
		: (id) == TCP_STATE_SYN_RECV ? WHOLE | LISTENING                                   \
					     : ALL,                                                \
		name},
	TCP_STATES(STATE)
#undef STATE
};

static uint64_t counter_at(const void *base, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)base + offset, sizeof(value));
	return value;
}

static bool is_on(const struct group *group, const struct metric_options *options, size_t on,
		  unsigned kinds)
{
	return kinds >> group->kind & 1 && *(const bool *)((const char *)options + on);
}

/* "connect" for a group, "connect-1234" for a process of it. */
static void name_instance(struct metric_sample *sample, const char *instance)
{
	const char *part = sample->group->part;

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

		if (!is_on(group, options, counters[i].on, counters[i].kinds))
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

static void emit_gauge(const struct group *group, const char *type, const char *instance,
		       double value, metric_emit *emit, void *context)
{
	struct metric_sample sample = {
		.group = group, .type = type, .gauge = true, .count = 1, .value = value};

	name_instance(&sample, instance);
	emit(context, &sample);
}

static void emit_time(const struct group *group, size_t row, const struct metric_options *options,
		      metric_emit *emit, void *context)
{
	static const struct histogram none = {0};
	const struct histogram *h = group->times[times[row].time];
	const char *type = times[row].type, *name = times[row].instance;
	const double units = times[row].units;
	char instance[64];

	h = h ? h : &none;
	snprintf(instance, sizeof(instance), "%s-average", name);
	emit_gauge(group, type, instance, histogram_average(h) / units, emit, context);
	snprintf(instance, sizeof(instance), "%s-upper", name);
	emit_gauge(group, type, instance, histogram_upper(h) / units, emit, context);
	for (unsigned i = 0; i < options->percentiles.count; i++) {
		double percent = options->percentiles.list[i];

		snprintf(instance, sizeof(instance), "%s-percentile-" METRIC_PERCENTILE_FORMAT,
			 name, percent);
		emit_gauge(group, type, instance, histogram_percentile(h, percent) / units, emit,
			   context);
	}
}

/* Connects per second that took so long, named as the tail plugin does. */
static void emit_buckets(const struct group *group, const struct metric_buckets *buckets,
			 double tick_s, metric_emit *emit, void *context)
{
	const struct histogram *h = group->times[TCP_TIME_CONNECT];
	char instance[64];

	for (unsigned i = 0; i < buckets->count; i++) {
		const struct metric_bucket *b = &buckets->list[i];
		double upper = b->upper > 0 ? b->upper * 1e9 : INFINITY;
		double count = h ? histogram_between(h, b->lower * 1e9, upper) : 0;

		snprintf(instance, sizeof(instance), "latency-connect-" METRIC_BUCKET_FORMAT,
			 b->lower, b->upper);
		emit_gauge(group, "bucket", instance, tick_s > 0 ? count / tick_s : NAN, emit,
			   context);
	}
}

/* Those whose handshake is not over have no socket of their own yet, unless both sides opened it.
 */
static void emit_states(const struct group *group, const struct metric_options *options,
			metric_emit *emit, void *context)
{
	for (unsigned i = 0; i < TCP_STATE_COUNT; i++) {
		bool on = options->states || (i == TCP_STATE_ESTABLISHED && options->connections);
		double open = group->balance.open[i];

		if (!on || !(states[i].kinds >> group->kind & 1))
			continue;
		if (i == TCP_STATE_SYN_RECV)
			open += (double)group->half_open;
		emit_gauge(group, "tcp_connections", states[i].name, open, emit, context);
	}
}

/* Of what was sent in this tick. */
static double retransmit_percent(const struct group *group)
{
	double sent = (double)group->segments, again = (double)group->retransmits;

	return sent > 0 ? fmin(100 * again / sent, 100) : NAN;
}

void metric_group(const struct group *group, const struct metric_options *options, double tick_s,
		  metric_emit *emit, void *context)
{
	emit_counters(group, options, emit, context);
	if (is_on(group, options, SWITCH(connections), WHOLE | OUT))
		emit_failed(group, emit, context);
	emit_states(group, options, emit, context);
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++)
		if (is_on(group, options, times[i].on, times[i].kinds))
			emit_time(group, i, options, emit, context);
	if (is_on(group, options, SWITCH(connect_latency), WHOLE | OUT))
		emit_buckets(group, &options->buckets, tick_s, emit, context);
	if (is_on(group, options, SWITCH(health), ALL))
		emit_gauge(group, "percent", "retransmits", retransmit_percent(group), emit,
			   context);
	if (is_on(group, options, SWITCH(listen), WHOLE | LISTENING))
		emit_gauge(group, "queue_length", "accept", (double)group->queued, emit, context);
}
