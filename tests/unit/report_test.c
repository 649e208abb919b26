/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>

#include "check.h"
#include "collectd_stub.h"
#include "report.h"
#include "series/event.h"
#include "series/group.h"
#include "series/metric.h"

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
	  .cgroup = "/system.slice/nginx.service",
	  .container = "app",
	  .pod = "web-7f9c",
	  .namespace = "shop"},
	 "pid=1234 comm=\"nginx\" exe=\"/usr/sbin/nginx\" "
	 "cgroup=\"/system.slice/nginx.service\" container=\"app\" pod=\"web-7f9c\" "
	 "namespace=\"shop\" uid=33 "},
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
	{"texts are clean, and legible",
	 {.kind = GROUP_PROCESS,
	  .name = "web",
	  .part = "7",
	  .pid = 7,
	  .uid = TCP_UID_UNKNOWN,
	  .comm = "a b\xe2\x80\x8b",
	  .exe = "/opt/n\n\xc3\xa9/a\xff{\"}",
	  .cgroup = "/x.slice/\x1b[31m\xc2\x9b"},
	 "pid=7 comm=\"a b_\" exe=\"/opt/n_\xc3\xa9/a_{\"}\" cgroup=\"/x.slice/_[31m_\" "},
	{"a destination has none",
	 {.kind = GROUP_DESTINATION, .name = "web", .part = "10.0.0.5:5432"},
	 ""},
};

static void test_meta(void)
{
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

/* -- notifications -- */

#define V4(a, b, c, d)                                                                             \
	{                                                                                          \
		[10] = 0xff, 0xff, a, b, c, d                                                      \
	}
#define V6(last)                                                                                   \
	{                                                                                          \
		0x20, 0x01, 0x0d, 0xb8, [15] = (last)                                              \
	}

static const struct {
	const char *name;
	struct event event;
	int severity;
	const char *type, *type_instance, *message, *meta;
} events[] = {
	{"slow",
	 {.group = "db",
	  .comm = "mysqld",
	  .pid = 4711,
	  .uid = 27,
	  .took_s = 0.2513,
	  .limit_s = 0.25,
	  .reason = "",
	  .local = V4(10, 0, 0, 9),
	  .remote = V4(10, 0, 0, 5),
	  .local_port = 51234,
	  .remote_port = 3306},
	 NOTIF_WARNING,
	 "latency",
	 "connect",
	 "mysqld[4711] connect to 10.0.0.5:3306 from 10.0.0.9:51234 took 251.3 ms (limit 250 ms)",
	 " pid=4711 comm=\"mysqld\" group=\"db\" uid=27 local_address=\"10.0.0.9\" "
	 "local_port=51234 remote_address=\"10.0.0.5\" remote_port=3306 duration=0.251300000 "
	 "limit=0.250000000"},
	{"failed, IPv6, by root",
	 {.group = "web",
	  .comm = "nginx",
	  .pid = 101,
	  .uid = 0,
	  .took_s = 0.011,
	  .limit_s = 0.25,
	  .failed = true,
	  .reason = "refused",
	  .reason_text = "connection refused",
	  .local = V6(9),
	  .remote = V6(5),
	  .local_port = 1024,
	  .remote_port = 443},
	 NOTIF_FAILURE,
	 "connections",
	 "connect_refused",
	 "nginx[101] connect to [2001:db8::5]:443 from [2001:db8::9]:1024 failed: connection "
	 "refused after 11.0 ms",
	 " pid=101 comm=\"nginx\" group=\"web\" uid=0 local_address=\"2001:db8::9\" "
	 "local_port=1024 remote_address=\"2001:db8::5\" remote_port=443 duration=0.011000000 "
	 "reason=\"refused\""},
	{"failed at once, of an unknown user, without a local end",
	 {.group = "curl",
	  .comm = "curl",
	  .pid = 7,
	  .uid = TCP_UID_UNKNOWN,
	  .failed = true,
	  .reason = "no_port",
	  .reason_text = "no local port left",
	  .remote = V4(192, 0, 2, 1),
	  .remote_port = 80},
	 NOTIF_FAILURE,
	 "connections",
	 "connect_no_port",
	 "curl[7] connect to 192.0.2.1:80 failed: no local port left",
	 " pid=7 comm=\"curl\" group=\"curl\" remote_address=\"192.0.2.1\" remote_port=80 "
	 "reason=\"no_port\""},
};

static void expect_notification(unsigned at, int severity, const char *instance, const char *type,
				const char *type_instance, const char *message, const char *meta)
{
	const notification_t *n = &stub.notifications[at];

	expect_u64((uint64_t)n->severity, (uint64_t)severity, "severity");
	expect_u64(n->time, TIME_T_TO_CDTIME_T(7919), "time");
	expect_text(n->host, "host", "host");
	expect_text(n->plugin, "ebpf_tcp", "plugin");
	expect_text(n->plugin_instance, instance, "plugin_instance");
	expect_text(n->type, type, "type");
	expect_text(n->type_instance, type_instance, "type_instance");
	expect_text(n->message, message, "message");
	expect_text(stub.notification_meta[at], meta, "meta data");
}

static void test_events(void)
{
	const struct report report = {.time = TIME_T_TO_CDTIME_T(7919)};

	for (size_t i = 0; i < COUNT_OF(events); i++) {
		check_begin("report: notification: %s", events[i].name);
		stub_reset();
		report_event(&report, &events[i].event);
		expect_u64(stub.notification_count, 1, "notifications");
		expect_notification(0, events[i].severity, events[i].event.group, events[i].type,
				    events[i].type_instance, events[i].message, events[i].meta);
		expect_u64((uint64_t)stub.notification_metas, 0, "meta data left behind");
		expect_u64(stub.value_count + stub.log_count, 0, "values or log lines");
		check_end();
	}
}

static void test_more(void)
{
	static const struct {
		uint64_t more;
		const char *message;
	} more[] = {
		{1, "1 more connects were slow or failed in this interval"},
		{1099511627791, "1099511627791 more connects were slow or failed in this interval"},
	};
	const struct report report = {.time = TIME_T_TO_CDTIME_T(7919)};

	check_begin("report: notification: how many are not told one by one");
	stub_reset();
	for (unsigned i = 0; i < COUNT_OF(more); i++) {
		report_more(&report, more[i].more);
		expect_u64(stub.notification_count, i + 1, "notifications");
		expect_notification(i, NOTIF_WARNING, "self", "connections", "connect_more",
				    more[i].message, "");
	}
	check_end();
}

static void test_types(void)
{
	static const data_set_t sets[] = {{.type = "if_octets", .ds_num = 2},
					  {.type = "connections", .ds_num = 1},
					  {.type = "latency", .ds_num = 2},
					  {.type = ""}};
	static const struct {
		const char *type;
		unsigned count;
		const char *unknown;
	} asked[] = {
		{"if_octets", 2, ""},
		{"tcp_connections", 1, "tcp_connections"},
		{"connections", 1, "tcp_connections"}, /* a part of another name */
		{"latency", 1, "tcp_connections, latency"},
		{"latency", 1, "tcp_connections, latency"},
		{"connections", 1, "tcp_connections, latency"},
		{"cache_size", 1, "tcp_connections, latency, cache_size"},
	};
	struct report_types types = {0};

	check_begin("report: types that collectd does not know, or with more values, each once");
	stub_reset();
	stub.sets = sets;
	for (unsigned i = 0; i < COUNT_OF(asked); i++) {
		const struct metric_sample sample = {.type = asked[i].type,
						     .count = asked[i].count};

		report_type(&types, &sample);
		expect_text(types.unknown, asked[i].unknown, asked[i].type);
	}
	expect_u64(stub.sets_asked, 5, "types asked for");
	check_end();

	check_begin("report: without a types.db none is known, and their list is cut");
	stub_reset();
	types = (struct report_types){0};
	for (unsigned i = 0; i < 100; i++) {
		char name[16];
		const struct metric_sample sample = {.type = name, .count = 1};

		snprintf(name, sizeof(name), "type%03u", i);
		report_type(&types, &sample);
	}
	expect(strncmp(types.unknown, "type000, type001, ", 18) == 0 &&
		       strlen(types.unknown) == sizeof(types.unknown) - 1,
	       "%s", types.unknown);
	check_end();
}

int main(void)
{
	test_samples();
	test_meta();
	test_refused();
	test_events();
	test_more();
	test_types();
	return check_status();
}
