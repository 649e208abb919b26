/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What the plugin tells about itself. */
#include "check.h"
#include "metric_world.h"

static const struct want self_wants[] = {
	{"total_events", "lost_processes", 1, {1009}, 0},
	{"total_events", "lost_sockets", 1, {2003}, 0},
	{"total_bytes", "lost", 1, {2011}, 0},
	{"total_events", "lost_deltas", 1, {3001}, 0},
	{"total_events", "lost_latencies", 1, {4001}, 0},
	{"total_events", "lost_endpoints", 1, {4003}, 0},
	{"total_events", "lost_events", 1, {4007}, 0},
	{"total_events", "lost_listeners", 1, {4013}, 0},
	{"total_events", "lost_runs", 1, {4019}, 0},
	{"total_events", "recursion_misses", 1, {5003}, 0},
	{"total_events", "refused_names", 1, {5009}, 0},
	{"total_events", "match_waits", 1, {6029}, 0},
	{"cache_size", "processes", 0, {0}, 7},
	{"cache_size", "endpoints", 0, {0}, 13},
	{"cache_size", "sockets", 0, {0}, 11},
	{"duration", "read", 0, {0}, 0.0013},
	/* with the cost */
	{"duration", "refresh", 0, {0}, 0.017},
	{"duration", "snapshot", 0, {0}, 0.019},
	{"duration", "match", 0, {0}, 0.023},
	{"duration", "group", 0, {0}, 0.029},
	{"duration", "report", 0, {0}, 0.031},
	{"capacity", "processes", 0, {0}, 16384},
	{"capacity", "endpoints", 0, {0}, 4096},
	/* where there is a limit */
	{"capacity", "sockets", 0, {0}, 65536},
	/* where the kernel knows */
	{"invocations", "programs", 1, {6007}, 0},
	{"total_time_in_ms", "programs", 1, {6011}, 0},
};

static void test_self(void)
{
	struct metric_self self = {
		.lost_processes = 1009,
		.lost_sockets = 2003,
		.lost_bytes = 2011,
		.lost_deltas = 3001,
		.lost_latencies = 4001,
		.lost_endpoints = 4003,
		.lost_events = 4007,
		.lost_listeners = 4013,
		.lost_runs = 4019,
		.recursion_misses = 5003,
		.refused_names = 5009,
		.match_waits = 6029,
		.processes = 7,
		.endpoints = 13,
		.sockets = 11,
		.read_s = 0.0013,
		.stage_s = {0.017, 0.019, 0.023, 0.029, 0.031},
		.max_processes = 16384,
		.max_endpoints = 4096,
		.max_sockets = 65536,
		.runs = 6007,
		.run_ms = 6011,
	};
	static const struct {
		unsigned extras;
		size_t count;
	} cases[] = {
		{0, 16},
		{METRIC_RUNS | METRIC_SOCKET_LIMIT, 16},
		{METRIC_COST, 23},
		{METRIC_COST | METRIC_SOCKET_LIMIT, 24},
		{METRIC_COST | METRIC_SOCKET_LIMIT | METRIC_RUNS, COUNT_OF(self_wants)},
	};

	check_begin("metric: names and values of the series about itself");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		self.extras = cases[i].extras;
		sample_count = 0;
		metric_self(&self, take_sample, samples);
		expect_u64(sample_count, cases[i].count, "samples");
		expect_wants(self_wants, cases[i].count, "self", "");
	}
	self.extras = METRIC_COST | METRIC_RUNS;
	sample_count = 0;
	metric_self(&self, take_sample, samples);
	expect_u64(sample_count, COUNT_OF(self_wants) - 1, "samples without a limit of sockets");
	check_end();
}

int main(void)
{
	test_self();
	return check_status();
}
