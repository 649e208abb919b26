/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Which samples a group has, by kind and option, and their values. */
#include <math.h>
#include <stddef.h>

#include "check.h"
#include "metric_world.h"
#include "series/histogram.h"

/* Different primes, so that nothing can be mistaken for something else. */
static const struct tcp_counters total = {
	.tx_bytes = 1009,
	.rx_bytes = 2003,
	.connects = 3001,
	.time_sum = {4001},
	.times = {5003, [TCP_TIME_SERVICE] = 9001, [TCP_TIME_RESPONSE] = 9007},
	.accepts = 6007,
	.failed = {11, 13, 17, 19, 23, 29, 31, 37},
	.scope_tx_bytes = {41, 53, 61},
	.scope_rx_bytes = {47, 59, 67},
	.segments = 7001,
	.retransmits = 71,
	.resets_sent = 73,
	.resets_received = 79,
	.listen_drops = 83,
	.time_wait = 97,
};

static const struct metric_options everything = {
	.bytes = true,
	.by_scope = true,
	.connections = true,
	.connect_latency = true,
	.percentiles = {{50, 95, 99}, 3},
};

static const struct want bytes_want[] = {
	{"if_octets", "", 2, {2003, 1009}, 0}, /* rx, tx: the order of types.db */
};
static const struct want connections_want[] = {
	{"connections", "connect", 1, {3001}, 0},
	{"connections", "accept", 1, {6007}, 0},
	{"connections", "connect_refused", 1, {11}, 0},
	{"connections", "connect_timeout", 1, {13}, 0},
	{"connections", "connect_unreachable", 1, {17}, 0},
	{"connections", "connect_reset", 1, {19}, 0},
	{"connections", "connect_denied", 1, {23}, 0},
	{"connections", "connect_no_port", 1, {29}, 0},
	{"connections", "connect_aborted", 1, {31}, 0},
	{"connections", "connect_other", 1, {37}, 0},
	{"connections", "connect_failed", 1, {180}, 0},
	{"tcp_connections", "established", 0, {0}, 43},
};
static const struct want latency_want[] = {
	{"latency", "connect-average", 0, {0}, NAN},
	{"latency", "connect-upper", 0, {0}, NAN},
	{"latency", "connect-percentile-50", 0, {0}, NAN},
	{"latency", "connect-percentile-95", 0, {0}, NAN},
	{"latency", "connect-percentile-99", 0, {0}, NAN},
};

static void run(const struct group *group, const struct metric_options *options)
{
	sample_count = 0;
	metric_group(group, options, 10, take_sample, samples);
}

static const struct want scopes_want[] = {
	{"if_octets", "public", 2, {47, 41}, 0},
	{"if_octets", "private", 2, {59, 53}, 0},
	{"if_octets", "loopback", 2, {67, 61}, 0},
};

/* Which series a kind of group has. */
static void test_names(void)
{
	static const struct {
		enum group_kind kind;
		char *part;
		bool connects, accepts, scopes;
	} cases[] = {
		{GROUP_WHOLE, "", true, true, true},
		{GROUP_PROCESS, "1234", true, true, true},
		{GROUP_PROCESS, "4194304", true, true, true},
		{GROUP_DESTINATION, "10.0.0.5:5432", true, false, false},
		{GROUP_DESTINATION, "[2001:db8::1]:443", true, false, false},
		{GROUP_DESTINATION, "other", true, false, false},
		{GROUP_PORT, "port-443", false, true, false},
		{GROUP_CLIENT, "client-10.0.0.9", false, true, false},
		{GROUP_CLIENT, "client-2001:db8::9", false, true, false},
		{GROUP_CLIENT, "client-other", false, true, false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct group group = {.kind = cases[i].kind,
				      .name = "web",
				      .part = cases[i].part,
				      .total = total,
				      .balance.open[TCP_STATE_ESTABLISHED] = 43};
		bool connects = cases[i].connects, accepts = cases[i].accepts;

		check_begin("metric: names and values of the series of kind %d, \"%s\"",
			    (int)cases[i].kind, cases[i].part);
		run(&group, &everything);
		expect_u64(sample_count,
			   2 + (cases[i].scopes ? 3 : 0) + (connects ? 10 + 5 : 0) + accepts,
			   "samples");
		expect_wants(bytes_want, COUNT_OF(bytes_want), "web", cases[i].part);
		if (cases[i].scopes)
			expect_wants(scopes_want, COUNT_OF(scopes_want), "web", cases[i].part);
		if (connects) {
			expect_wants(connections_want, 1, "web", cases[i].part);
			expect_wants(connections_want + 2, COUNT_OF(connections_want) - 2, "web",
				     cases[i].part);
			expect_wants(latency_want, COUNT_OF(latency_want), "web", cases[i].part);
		}
		if (accepts)
			expect_wants(connections_want + 1, 1, "web", cases[i].part);
		check_end();
	}
}

static void test_switches(void)
{
	struct group group = {.name = "web",
			      .part = "",
			      .total = total,
			      .balance.open[TCP_STATE_ESTABLISHED] = 43};

	for (unsigned bits = 0; bits < 8; bits++) {
		struct metric_options options = everything;

		check_begin("metric: bytes %u, connections %u, latency %u", bits & 1, bits >> 1 & 1,
			    bits >> 2);
		options.by_scope = false;
		options.bytes = bits & 1;
		options.connections = bits & 2;
		options.connect_latency = bits & 4;
		run(&group, &options);
		expect_u64(sample_count,
			   options.bytes * COUNT_OF(bytes_want) +
				   options.connections * COUNT_OF(connections_want) +
				   options.connect_latency * COUNT_OF(latency_want),
			   "samples");
		if (options.bytes)
			expect_wants(bytes_want, COUNT_OF(bytes_want), "web", "");
		if (options.connections)
			expect_wants(connections_want, COUNT_OF(connections_want), "web", "");
		if (options.connect_latency)
			expect_wants(latency_want, COUNT_OF(latency_want), "web", "");
		check_end();
	}
}

/* -- one switch at a time -- */

enum {
	WHOLE = 1 << GROUP_WHOLE | 1 << GROUP_PROCESS,
	OUT = 1 << GROUP_DESTINATION,
	LISTENING = 1 << GROUP_PORT,
	IN = LISTENING | 1 << GROUP_CLIENT,
	EVERY = WHOLE | OUT | IN,
};

static const char *const kinds[] = {"group", "process", "destination", "port", "client"};
static char *const parts[] = {"", "1234", "10.0.0.5:5432", "port-443", "client-10.0.0.9"};

#define ON(field) offsetof(struct metric_options, field)

/* The series of each switch, and which kinds of group have them. */
static const struct {
	size_t on;
	unsigned kinds;
	struct want want;
} series[] = {
	{ON(bytes), EVERY, {"if_octets", "", 2, {2003, 1009}, 0}},
	{ON(by_scope), WHOLE, {"if_octets", "public", 2, {47, 41}, 0}},
	{ON(by_scope), WHOLE, {"if_octets", "private", 2, {59, 53}, 0}},
	{ON(by_scope), WHOLE, {"if_octets", "loopback", 2, {67, 61}, 0}},
	{ON(connections), WHOLE | OUT, {"connections", "connect", 1, {3001}, 0}},
	{ON(connections), WHOLE | IN, {"connections", "accept", 1, {6007}, 0}},
	{ON(connections), WHOLE | OUT, {"connections", "connect_refused", 1, {11}, 0}},
	{ON(connections), WHOLE | OUT, {"connections", "connect_timeout", 1, {13}, 0}},
	{ON(connections), WHOLE | OUT, {"connections", "connect_unreachable", 1, {17}, 0}},
	{ON(connections), WHOLE | OUT, {"connections", "connect_reset", 1, {19}, 0}},
	{ON(connections), WHOLE | OUT, {"connections", "connect_denied", 1, {23}, 0}},
	{ON(connections), WHOLE | OUT, {"connections", "connect_no_port", 1, {29}, 0}},
	{ON(connections), WHOLE | OUT, {"connections", "connect_aborted", 1, {31}, 0}},
	{ON(connections), WHOLE | OUT, {"connections", "connect_other", 1, {37}, 0}},
	{ON(connections), WHOLE | OUT, {"connections", "connect_failed", 1, {180}, 0}},
	{ON(connections), EVERY, {"tcp_connections", "established", 0, {0}, 43}},
	{ON(connect_latency), WHOLE | OUT, {"latency", "connect-average", 0, {0}, 0.000101}},
	{ON(connect_latency), WHOLE | OUT, {"latency", "connect-upper", 0, {0}, 0.000103}},
	{ON(connect_latency), WHOLE | OUT, {"latency", "connect-percentile-50", 0, {0}, 0.0001024}},
	{ON(connect_latency), WHOLE | OUT, {"bucket", "latency-connect-0_0", 0, {0}, 0.7}},
	{ON(connect_latency), WHOLE | OUT, {"bucket", "latency-connect-0.005_3600", 0, {0}, 0}},
	{ON(lifetime), EVERY, {"duration", "lifetime-average", 0, {0}, 0.103}},
	{ON(lifetime), EVERY, {"duration", "lifetime-upper", 0, {0}, 0.107}},
	{ON(lifetime), EVERY, {"duration", "lifetime-percentile-50", 0, {0}, 0.1024}},
	{ON(health), EVERY, {"protocol_counter", "segments", 1, {7001}, 0}},
	{ON(health), EVERY, {"protocol_counter", "retransmits", 1, {71}, 0}},
	{ON(health), EVERY, {"protocol_counter", "resets_sent", 1, {73}, 0}},
	{ON(health), EVERY, {"protocol_counter", "resets_received", 1, {79}, 0}},
	{ON(health), EVERY, {"latency", "rtt-average", 0, {0}, 0.000100}},
	{ON(health), EVERY, {"latency", "rtt-upper", 0, {0}, 0.000101}},
	{ON(health), EVERY, {"latency", "rtt-percentile-50", 0, {0}, 0.000101}},
	{ON(health), EVERY, {"percent", "retransmits", 0, {0}, 12.5}},
	{ON(listen), WHOLE | LISTENING, {"connections", "listen_drop", 1, {83}, 0}},
	{ON(listen), WHOLE | LISTENING, {"queue_length", "accept", 0, {0}, 89}},
#define TURN(kinds, turns, count, time, request, response)                                         \
	{ON(responses), kinds, {"total_requests", count, 1, {turns}, 0}},                          \
		{ON(responses), kinds, {"latency", time "-average", 0, {0}, 0.000103}},            \
		{ON(responses), kinds, {"latency", time "-upper", 0, {0}, 0.000107}},              \
		{ON(responses), kinds, {"latency", time "-percentile-50", 0, {0}, 0.0001024}},     \
		{ON(responses), kinds, {"bytes", request "-average", 0, {0}, 6301}},               \
		{ON(responses), kinds, {"bytes", request "-upper", 0, {0}, 6421}},                 \
		{ON(responses), kinds, {"bytes", request "-percentile-50", 0, {0}, 6400}},         \
		{ON(responses), kinds, {"bytes", response "-average", 0, {0}, 6311}},              \
		{ON(responses), kinds, {"bytes", response "-upper", 0, {0}, 6427}},                \
	{                                                                                          \
		ON(responses), kinds,                                                              \
		{                                                                                  \
			"bytes", response "-percentile-50", 0, {0}, 6400                           \
		}                                                                                  \
	}
	TURN(WHOLE | IN, 9001, "served", "service", "request_served", "response_served"),
	TURN(WHOLE | OUT, 9007, "sent", "response", "request_sent", "response_received"),
#undef TURN
	{ON(states), EVERY, {"connections", "time_wait", 1, {97}, 0}},
	{ON(states), EVERY, {"tcp_connections", "established", 0, {0}, 43}},
	{ON(states), WHOLE | OUT, {"tcp_connections", "syn_sent", 0, {0}, 2}},
	{ON(states), WHOLE | LISTENING, {"tcp_connections", "syn_recv", 0, {0}, 3 + 101}},
	{ON(states), EVERY, {"tcp_connections", "fin_wait", 0, {0}, 5}},
	{ON(states), EVERY, {"tcp_connections", "close_wait", 0, {0}, 7}},
	{ON(states), EVERY, {"tcp_connections", "last_ack", 0, {0}, 11}},
	{ON(states), EVERY, {"tcp_connections", "closing", 0, {0}, 13}},
};

static const struct {
	const char *name;
	size_t on;
} switches[] = {
	{"ReportBytes", ON(bytes)},
	{"ReportByScope", ON(by_scope)},
	{"ReportConnections", ON(connections)},
	{"ReportConnectLatency", ON(connect_latency)},
	{"ReportLifetime", ON(lifetime)},
	{"ReportHealth", ON(health)},
	{"ReportListen", ON(listen)},
	{"ReportResponses", ON(responses)},
	{"ReportStates", ON(states)},
};

/* So many, of that sum and maximum, in the bucket from 98304 to 106496 units. */
static struct histogram histogram_of(uint64_t count, uint64_t average, uint64_t max)
{
	struct histogram h = {.count = count, .sum = count * average, .max = max};

	h.buckets[tcp_latency_bucket(100000)] = count;
	return h;
}

/* A series that is not asked for must not come: the number of samples tells. */
static void expect_series(const struct group *group, size_t on)
{
	unsigned wanted = 0;

	for (size_t i = 0; i < COUNT_OF(series); i++) {
		if (series[i].on != on || !(series[i].kinds >> group->kind & 1))
			continue;
		wanted++;
		expect_wants(&series[i].want, 1, "web", group->part);
	}
	expect_u64(sample_count, wanted, "samples");
}

static void test_each_switch(void)
{
	struct histogram connect = histogram_of(7, 101000, 103000);
	struct histogram lifetime = histogram_of(11, 103000, 107000);
	struct histogram rtt = histogram_of(13, 100000, 101000);
	struct histogram turn = histogram_of(17, 103000, 107000);
	struct histogram request = histogram_of(17, 6301 * TCP_SIZE_UNITS, 6421 * TCP_SIZE_UNITS);
	struct histogram response = histogram_of(17, 6311 * TCP_SIZE_UNITS, 6427 * TCP_SIZE_UNITS);

	for (size_t i = 0; i < COUNT_OF(switches); i++) {
		struct metric_options options = {
			.percentiles = {{50}, 1},
			.buckets = {{{0, 0}, {0.005, 3600}}, 2},
		};

		*(bool *)((char *)&options + switches[i].on) = true;
		for (unsigned kind = 0; kind < GROUP_KIND_COUNT; kind++) {
			struct group group = {
				.kind = (enum group_kind)kind,
				.name = "web",
				.part = parts[kind],
				.total = total,
				.balance = {{43, 2, 3, 5, 7, 11, 13}},
				.queued = 89,
				.half_open = 101,
				.segments = 1000,
				.retransmits = 125,
				.times = {&connect, &lifetime, &rtt, &turn, &request, &response,
					  &turn, &request, &response},
			};

			check_begin("metric: %s alone, of a %s", switches[i].name, kinds[kind]);
			run(&group, &options);
			expect_series(&group, switches[i].on);
			check_end();
		}
	}
}

static void test_nothing(void)
{
	struct metric_options options = {
		.percentiles = {{50}, 1},
		.buckets = {{{0, 0}}, 1},
	};
	struct group group = {.name = "web", .part = "", .total = total};

	check_begin("metric: nothing is reported if nothing is asked for");
	for (unsigned kind = 0; kind < GROUP_KIND_COUNT; kind++) {
		group.kind = (enum group_kind)kind;
		run(&group, &options);
		expect_u64(sample_count, 0, "samples of a %s", kinds[kind]);
	}
	check_end();
}

/* -- values that come from a tick -- */

static double value_of(const char *type, const char *instance)
{
	for (unsigned i = 0; i < sample_count; i++)
		if (strcmp(samples[i].type, type) == 0 &&
		    strcmp(samples[i].instance, instance) == 0)
			return samples[i].value;
	check_complain("no %s-%s", type, instance);
	return NAN;
}

static void test_retransmits(void)
{
	static const struct {
		uint64_t segments, retransmits;
		double want;
	} cases[] = {
		{0, 0, NAN}, {1000, 0, 0}, {1000, 125, 12.5},
		{8, 8, 100}, {7, 8, 100},  {1 << 20, 1, 100.0 / (1 << 20)},
		{0, 1, NAN},
	};
	const struct metric_options options = {.health = true};

	check_begin("metric: retransmits in per cent of what was sent in the tick");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct group group = {.name = "web",
				      .part = "",
				      .total = total,
				      .segments = cases[i].segments,
				      .retransmits = cases[i].retransmits};

		run(&group, &options);
		expect_double(value_of("percent", "retransmits"), cases[i].want, "per cent");
	}
	check_end();
}

static void test_no_times(void)
{
	static const char *const names[][2] = {
		{"duration", "lifetime-average"},
		{"duration", "lifetime-upper"},
		{"duration", "lifetime-percentile-99"},
		{"latency", "rtt-average"},
		{"latency", "rtt-upper"},
		{"latency", "rtt-percentile-99"},
	};
	const struct metric_options options = {
		.lifetime = true, .health = true, .percentiles = {{99}, 1}};
	struct group group = {.name = "web", .part = ""};

	check_begin("metric: lifetimes and round trips are NaN in a tick without any");
	run(&group, &options);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		expect_double(value_of(names[i][0], names[i][1]), NAN, names[i][1]);
	check_end();
}

/* The histogram's bucket from 2^30 to 2^30 + 2^27 ns has 12 connects, others have 1000 and 100. */
static void test_latency_buckets(void)
{
	static const struct {
		double lower, upper, tick_s;
		const char *name;
		double want;
	} cases[] = {
		{0, 0, 10, "latency-connect-0_0", 111.2},
		{0, 1, 10, "latency-connect-0_1", 100},
		{0, 1, 100, "latency-connect-0_1", 10},
		{0, 1, 0, "latency-connect-0_1", NAN}, /* the first tick */
		{1, 1.25, 10, "latency-connect-1_1.25", 1.2},
		{1.25, 0, 10, "latency-connect-1.25_0", 10},
		{1.25, 3600, 10, "latency-connect-1.25_3600", 10},
		{0.0005, 0.005, 10, "latency-connect-0.0005_0.005", 100},
		{0.00001, 0.0001, 10, "latency-connect-1e-05_0.0001", 0},
		{1.073741824, 1.140850688, 4, "latency-connect-1.07374_1.14085",
		 1.5}, /* half of it */
	};
	struct histogram h = {.count = 1112, .sum = 1, .max = 4000000000};

	check_begin("metric: connects per second by time, as the tail plugin calls them");
	h.buckets[tcp_latency_bucket(1000000)] = 1000;
	h.buckets[tcp_latency_bucket(1100000000)] = 12;
	h.buckets[tcp_latency_bucket(3000000000)] = 100;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct metric_options options = {
			.connect_latency = true,
			.buckets = {{{cases[i].lower, cases[i].upper}}, 1},
		};
		struct group group = {.name = "web", .part = "", .times = {&h}};

		sample_count = 0;
		metric_group(&group, &options, cases[i].tick_s, take_sample, samples);
		expect_double(value_of("bucket", cases[i].name), cases[i].want, cases[i].name);
		group.times[0] = NULL;
		sample_count = 0;
		metric_group(&group, &options, cases[i].tick_s, take_sample, samples);
		expect_double(value_of("bucket", cases[i].name), cases[i].tick_s > 0 ? 0 : NAN,
			      "without a connect");
	}
	check_end();
}

static void test_established(void)
{
	static const int32_t cases[] = {0, 1, 2147483647, -3};
	const struct metric_options options = {.connections = true};

	check_begin("metric: established is a number of its own, not a growth");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct group group = {.kind = GROUP_PORT,
				      .name = "web",
				      .part = "port-443",
				      .balance.open[TCP_STATE_ESTABLISHED] = cases[i]};

		run(&group, &options);
		expect_double(value_of("tcp_connections", "established-port-443"), (double)cases[i],
			      "established");
	}
	check_end();
}

static void test_latency(void)
{
	struct histogram h = {.count = 3, .sum = 3000000021, .max = 2000000011};
	struct group group = {.name = "web", .part = "", .times = {&h}};
	struct metric_options options = {.connect_latency = true};
	const struct want wants[] = {
		{"latency", "connect-average", 0, {0}, 3000000021.0 / 3 / 1e9},
		{"latency", "connect-upper", 0, {0}, 2000000011 / 1e9},
	};

	check_begin("metric: latency in seconds, without percentiles if there is none to report");
	run(&group, &options);
	expect_u64(sample_count, 2, "samples");
	expect_wants(wants, COUNT_OF(wants), "web", "");
	check_end();
}

static void test_percentile_names(void)
{
	static const struct {
		double percent;
		const char *want;
	} cases[] = {
		{50, "connect-percentile-50"},           {99.9, "connect-percentile-99.9"},
		{99.99, "connect-percentile-99.99"},     {99.999, "connect-percentile-99.999"},
		{0.1, "connect-percentile-0.1"},         {100, "connect-percentile-100"},
		{12.5, "connect-percentile-12.5"},       {33.333, "connect-percentile-33.333"},
		{66.66667, "connect-percentile-66.667"},
	};
	struct group group = {.name = "web", .part = ""};

	check_begin("metric: percentiles are called as in collectd's tail plugin");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct metric_options options = {.connect_latency = true,
						 .percentiles = {{cases[i].percent}, 1}};

		run(&group, &options);
		expect_u64(sample_count, 3, "samples");
		expect_text(samples[2].instance, cases[i].want, "name");
	}
	check_end();
}

int main(void)
{
	test_names();
	test_switches();
	test_each_switch();
	test_nothing();
	test_retransmits();
	test_no_times();
	test_latency_buckets();
	test_established();
	test_latency();
	test_percentile_names();
	return check_status();
}
