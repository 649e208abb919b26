/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>

#include "check.h"
#include "collectd_stub.h"
#include "group.h"
#include "metric.h"
#include "report.h"

static const struct {
	const char *name;
	struct metric_sample sample;
} cases[] = {
	{"a counter of two sources",
	 {.group = &(struct group){.name = "web", .part = ""},
	  .type = "if_octets",
	  .count = 2,
	  .derive = {1009, 2003}}},
	{"a counter of one",
	 {.group = &(struct group){.name = "all", .part = ""},
	  .type = "connections",
	  .instance = "connect",
	  .count = 1,
	  .derive = {3001}}},
	{"a counter above 2^32",
	 {.group = &(struct group){.name = "a", .part = ""},
	  .type = "if_octets",
	  .instance = "7",
	  .count = 2,
	  .derive = {1ULL << 62, 7}}},
	{"a gauge",
	 {.group = &(struct group){.name = "b", .part = ""},
	  .type = "latency",
	  .instance = "c",
	  .gauge = true,
	  .count = 1,
	  .value = 0.0101}},
	{"a gauge without value",
	 {.group = &(struct group){.name = "b", .part = ""},
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
		expect_text(list->plugin_instance, sample->group->name, "plugin_instance");
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

static void test_meta(void)
{
	static const struct {
		const char *name;
		struct group group;
		const char *want;
	} groups[] = {
		{"a group has none", {.kind = GROUP_WHOLE, .name = "web", .part = ""}, ""},
		{"a process has all",
		 {.kind = GROUP_PROCESS,
		  .name = "web",
		  .part = "1234",
		  .pid = 1234,
		  .uid = 33,
		  .comm = "nginx",
		  .exe = "/usr/sbin/nginx",
		  .cgroup = "/system.slice/nginx.service"},
		 "pid=1234 comm=\"nginx\" exe=\"/usr/sbin/nginx\" "
		 "cgroup=\"/system.slice/nginx.service\" uid=33 "},
		{"what is not known is left out",
		 {.kind = GROUP_PROCESS,
		  .name = "web",
		  .part = "7",
		  .pid = 7,
		  .uid = TCP_UID_UNKNOWN,
		  .comm = "a",
		  .exe = "",
		  .cgroup = NULL},
		 "pid=7 comm=\"a\" "},
		{"a destination has none",
		 {.kind = GROUP_DESTINATION, .name = "web", .part = "10.0.0.5:5432"},
		 ""},
	};

	for (size_t i = 0; i < COUNT_OF(groups); i++) {
		struct metric_sample sample = {
			.group = &groups[i].group, .type = "if_octets", .count = 2};
		struct report report = {.time = 1};

		check_begin("report: meta data: %s", groups[i].name);
		stub_reset();
		report_begin(&report, &groups[i].group);
		report_sample(&report, &sample);
		report_sample(&report, &sample);
		report_end(&report);
		expect_u64(stub.value_count, 2, "values");
		expect_text(stub.values[0].meta, groups[i].want, "meta data");
		expect_text(stub.values[1].meta, groups[i].want, "meta data of the second");
		report_sample(&report, &sample);
		expect_text(stub.values[2].meta, "", "meta data after the end");
		expect_u64((uint64_t)stub.metas, 0, "meta data left behind");
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
	test_meta();
	test_refused();
	return check_status();
}
