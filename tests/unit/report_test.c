/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>

#include "check.h"
#include "collectd_stub.h"
#include "metric.h"
#include "report.h"

static const struct {
	const char *name;
	struct metric_sample sample;
} cases[] = {
	{"a counter of two sources",
	 {.group = "web", .type = "if_octets", .count = 2, .derive = {1009, 2003}}},
	{"a counter of one",
	 {.group = "all",
	  .type = "connections",
	  .instance = "connect",
	  .count = 1,
	  .derive = {3001}}},
	{"a counter above 2^32",
	 {.group = "a",
	  .type = "if_octets",
	  .instance = "7",
	  .count = 2,
	  .derive = {1ULL << 62, 7}}},
	{"a gauge",
	 {.group = "b",
	  .type = "latency",
	  .instance = "c",
	  .gauge = true,
	  .count = 1,
	  .value = 0.0101}},
	{"a gauge without value",
	 {.group = "b",
	  .type = "latency",
	  .instance = "d",
	  .gauge = true,
	  .count = 1,
	  .value = NAN}},
};

static void test_samples(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct metric_sample *sample = &cases[i].sample;
		struct report report = {.time = TIME_T_TO_CDTIME_T(7919)};
		const value_list_t *list = &stub.values[0].list;

		check_begin("report: %s", cases[i].name);
		stub_reset();
		report_sample(&report, sample);
		expect_u64(stub.value_count, 1, "values dispatched");
		expect_text(list->plugin, "ebpf_tcp", "plugin");
		expect_text(list->plugin_instance, sample->group, "plugin_instance");
		expect_text(list->type, sample->type, "type");
		expect_text(list->type_instance, sample->instance, "type_instance");
		expect_text(list->host, "", "host"); /* collectd fills it in */
		expect_u64(list->time, TIME_T_TO_CDTIME_T(7919), "time");
		expect_u64(list->interval, 0, "interval");
		expect(list->meta == NULL, "meta data");
		expect_u64(list->values_len, sample->count, "sources");
		if (sample->gauge)
			expect_double(stub.values[0].values[0].gauge, sample->value, "gauge");
		for (unsigned n = 0; !sample->gauge && n < sample->count; n++)
			expect_u64((uint64_t)stub.values[0].values[n].derive, sample->derive[n],
				   "source %u", n);
		expect_u64((uint64_t)report.errors, 0, "errors");
		check_end();
	}
}

static void test_refused(void)
{
	struct report report = {.time = 1};

	check_begin("report: what collectd refuses is counted");
	stub_reset();
	stub.dispatch_result = ENOENT;
	for (unsigned i = 0; i < 5; i++)
		report_sample(&report, &cases[0].sample);
	stub.dispatch_result = 0;
	report_sample(&report, &cases[0].sample);
	expect_u64((uint64_t)report.errors, 5, "errors");
	expect_u64(stub.log_count, 0, "log lines"); /* the caller complains, once */
	check_end();
}

int main(void)
{
	test_samples();
	test_refused();
	return check_status();
}
