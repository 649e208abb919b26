/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>

#include "check.h"
#include "collectd_stub.h"
#include "config.h"
#include "memory.h"

#define VALUES_MAX 18
#define AT(field) offsetof(struct config, field)
#define REPORT_AT ((size_t)1 << 30) /* the rest is an offset in struct config_report */
#define REPORT(field) (REPORT_AT | offsetof(struct config_report, field))

/* A value as collectd's parser hands it over. */
#define TEXT(text)                                                                                 \
	{                                                                                          \
		.value.string = (text), .type = OCONFIG_TYPE_STRING                                \
	}
#define NUMBER(n)                                                                                  \
	{                                                                                          \
		.value.number = (n), .type = OCONFIG_TYPE_NUMBER                                   \
	}
#define BOOLEAN(b)                                                                                 \
	{                                                                                          \
		.value.boolean = (b), .type = OCONFIG_TYPE_BOOLEAN                                 \
	}

static int read_values(struct config *c, const char *key, const oconfig_value_t *values, int count)
{
	oconfig_item_t item = {
		.key = (char *)key, .values = (oconfig_value_t *)values, .values_num = count};
	oconfig_item_t block = {.key = "Plugin", .children = &item, .children_num = 1};

	return config_read(c, &block);
}

static void start(struct config *c)
{
	stub_reset();
	expect(config_defaults(c) == 0, "config_defaults failed");
	expect_u64(stub.log_count, 0, "log lines of the defaults");
}

/* -- what is allowed -- */

enum kind { BOOL, COUNT, TEXT_FIELD, INDEX, SECONDS };

static const struct good {
	const char *option;
	enum kind kind;
	size_t at;
	oconfig_value_t value;
	unsigned want;    /* BOOL, COUNT, INDEX; SECONDS: in ms */
	const char *text; /* TEXT_FIELD */
} goods[] = {
	{"GroupBy", INDEX, AT(match.group_by), TEXT("Process"), MATCH_BY_PROCESS, NULL},
	{"GroupBy", INDEX, AT(match.group_by), TEXT("process"), MATCH_BY_PROCESS, NULL},
	{"GroupBy", INDEX, AT(match.group_by), TEXT("Executable"), MATCH_BY_EXECUTABLE, NULL},
	{"GroupBy", INDEX, AT(match.group_by), TEXT("Unit"), MATCH_BY_UNIT, NULL},
	{"GroupBy", INDEX, AT(match.group_by), TEXT("Container"), MATCH_BY_CONTAINER, NULL},
	{"GroupBy", INDEX, AT(match.group_by), TEXT("Cgroup"), MATCH_BY_CGROUP, NULL},
	{"GroupBy", INDEX, AT(match.group_by), TEXT("User"), MATCH_BY_USER, NULL},
	{"ReportUnmatched", BOOL, AT(match.report_unmatched), BOOLEAN(1), 1, NULL},
	{"IgnoreSelected", BOOL, AT(match.ignore_selected), BOOLEAN(0), 0, NULL},
	{"ReportByDestination", BOOL, REPORT(group.by_destination), BOOLEAN(1), 1, NULL},
	{"DestinationLimit", COUNT, REPORT(group.destination_limit), NUMBER(7), 7, NULL},
	{"ReportByPort", BOOL, REPORT(group.by_port), BOOLEAN(1), 1, NULL},
	{"PortLimit", COUNT, REPORT(group.port_limit), NUMBER(11), 11, NULL},
	{"ReportByScope", BOOL, REPORT(metric.by_scope), BOOLEAN(1), 1, NULL},
	{"Loopback", BOOL, AT(probe.scopes[TCP_SCOPE_LOOPBACK]), BOOLEAN(0), 0, NULL},
	{"Private", BOOL, AT(probe.scopes[TCP_SCOPE_PRIVATE]), BOOLEAN(0), 0, NULL},
	{"Public", BOOL, AT(probe.scopes[TCP_SCOPE_PUBLIC]), BOOLEAN(0), 0, NULL},
	{"MaxEndpoints", COUNT, AT(probe.max_endpoints), NUMBER(1048576), 1048576, NULL},
	{"CgroupRoot", TEXT_FIELD, AT(match.cgroup_root), TEXT("/host/cgroup"), 0, "/host/cgroup"},
	{"ReportByPID", BOOL, REPORT(group.by_pid), BOOLEAN(0), 0, NULL},
	{"ReportByPID", BOOL, REPORT(group.by_pid), BOOLEAN(1), 1, NULL},
	{"reportbypid", BOOL, REPORT(group.by_pid), BOOLEAN(0), 0, NULL},
	{"PIDLimit", COUNT, REPORT(group.pid_limit), NUMBER(1), 1, NULL},
	{"PIDLimit", COUNT, REPORT(group.pid_limit), NUMBER(4194304), 4194304, NULL},
	{"PIDMinAge", COUNT, REPORT(group.pid_min_age_s), NUMBER(0), 0, NULL},
	{"PIDMinAge", COUNT, REPORT(group.pid_min_age_s), NUMBER(86400), 86400, NULL},
	{"GroupLimit", COUNT, REPORT(group.group_limit), NUMBER(1), 1, NULL},
	{"GroupLimit", COUNT, REPORT(group.group_limit), NUMBER(1009), 1009, NULL},
	{"NewNamesPerHour", COUNT, REPORT(group.new_names_per_hour), NUMBER(0), 0, NULL},
	{"NewNamesPerHour", COUNT, REPORT(group.new_names_per_hour), NUMBER(4194304), 4194304,
	 NULL},
	{"ReportBytes", BOOL, REPORT(metric.bytes), BOOLEAN(0), 0, NULL},
	{"ReportConnections", BOOL, REPORT(metric.connections), BOOLEAN(0), 0, NULL},
	{"ReportConnectLatency", BOOL, REPORT(metric.connect_latency), BOOLEAN(0), 0, NULL},
	{"ReportLifetime", BOOL, REPORT(metric.lifetime), BOOLEAN(1), 1, NULL},
	{"ReportHealth", BOOL, REPORT(metric.health), BOOLEAN(1), 1, NULL},
	{"ReportListen", BOOL, REPORT(metric.listen), BOOLEAN(1), 1, NULL},
	{"NotifyFailedConnect", BOOL, REPORT(event.failed), BOOLEAN(1), 1, NULL},
	{"NotifySlowConnect", SECONDS, REPORT(event.slow_s), NUMBER(0), 0, NULL},
	{"NotifySlowConnect", SECONDS, REPORT(event.slow_s), NUMBER(0.25), 250, NULL},
	{"notifyslowconnect", SECONDS, REPORT(event.slow_s), NUMBER(3600), 3600000, NULL},
	{"NotifyLimit", COUNT, AT(notify_limit), NUMBER(1), 1, NULL},
	{"ReportOwnCost", BOOL, AT(own_cost), BOOLEAN(1), 1, NULL},
	{"NotifyLimit", COUNT, AT(notify_limit), NUMBER(1000), 1000, NULL},
	{"Backend", TEXT_FIELD, AT(probe.backend), TEXT("auto"), 0, "auto"},
	{"Backend", TEXT_FIELD, AT(probe.backend), TEXT("AUTO"), 0, "auto"},
	{"MaxProcesses", COUNT, AT(probe.max_processes), NUMBER(16), 16, NULL},
	{"MaxProcesses", COUNT, AT(probe.max_processes), NUMBER(4194304), 4194304, NULL},
	{"MaxSockets", COUNT, AT(probe.max_sockets), NUMBER(16), 16, NULL},
	{"MaxSockets", COUNT, AT(probe.max_sockets), NUMBER(16777216), 16777216, NULL},
	{"BTF", TEXT_FIELD, AT(probe.btf), TEXT("/boot/vmlinux.btf"), 0, "/boot/vmlinux.btf"},
	{"ProcRoot", TEXT_FIELD, AT(snapshot.proc_root), TEXT("/host/proc"), 0, "/host/proc"},
};

static void expect_field(const struct config *c, const struct good *g)
{
	const char *field = g->at & REPORT_AT ? (const char *)c->reports + (g->at & ~REPORT_AT)
					      : (const char *)c + g->at;

	switch (g->kind) {
	case BOOL:
		expect_u64(*(const bool *)field, g->want, "value");
		break;
	case COUNT:
	case INDEX:
		expect_u64(*(const unsigned *)field, g->want, "value");
		break;
	case SECONDS:
		expect_double(*(const double *)field, g->want / 1000.0, "value");
		break;
	case TEXT_FIELD:
		expect_text(*(char *const *)field, g->text, "value");
	}
}

static void value_name(char *out, size_t size, const oconfig_value_t *value)
{
	if (value->type == OCONFIG_TYPE_STRING)
		snprintf(out, size, "\"%s\"", value->value.string);
	else if (value->type == OCONFIG_TYPE_NUMBER)
		snprintf(out, size, "%.15g", value->value.number);
	else
		snprintf(out, size, "%s", value->value.boolean ? "true" : "false");
}

static void test_good(void)
{
	for (size_t i = 0; i < COUNT_OF(goods); i++) {
		char value[64];
		struct config c;

		value_name(value, sizeof(value), &goods[i].value);
		check_begin("config: %s %s", goods[i].option, value);
		start(&c);
		expect(read_values(&c, goods[i].option, &goods[i].value, 1) == 0, "refused");
		expect_u64(stub.log_count, 0, "log lines");
		expect_field(&c, &goods[i]);
		config_free(&c);
		check_end();
	}
}

static void test_backends(void)
{
	const char *const *names = probe_backend_names();

	check_begin("config: Backend may be any that the probe knows");
	for (unsigned i = 0; names[i]; i++) {
		const oconfig_value_t value = TEXT((char *)names[i]);
		struct config c;

		start(&c);
		expect(read_values(&c, "Backend", &value, 1) == 0, "%s refused", names[i]);
		expect_text(c.probe.backend, names[i], "backend");
		config_free(&c);
	}
	check_end();
}

static void expect_defaults(const struct config *c)
{
	expect_u64((unsigned)c->match.group_by, MATCH_BY_PROCESS, "GroupBy");
	expect_u64(c->reports->group.by_pid, 1, "ReportByPID");
	expect_u64(c->reports->group.pid_limit, 50, "PIDLimit");
	expect_u64(c->reports->group.pid_min_age_s, 60, "PIDMinAge");
	expect_u64(c->reports->group.group_limit, 200, "GroupLimit");
	expect_u64(c->reports->metric.bytes, 1, "ReportBytes");
	expect_u64(c->reports->metric.connections, 1, "ReportConnections");
	expect_u64(c->reports->metric.connect_latency, 1, "ReportConnectLatency");
	expect_u64(c->reports->metric.percentiles.count, 3, "LatencyPercentile");
	expect_double(c->reports->metric.percentiles.list[0], 50, "first percentile");
	expect_double(c->reports->metric.percentiles.list[1], 95, "second percentile");
	expect_double(c->reports->metric.percentiles.list[2], 99, "third percentile");
	expect_text(c->probe.backend, "auto", "Backend");
	expect_u64(c->probe.max_processes, 16384, "MaxProcesses");
	expect_u64(c->probe.max_sockets, 65536, "MaxSockets");
	expect(c->probe.btf == NULL, "BTF has a value");
	expect_text(c->snapshot.proc_root, "/proc", "ProcRoot");
	expect_text(c->match.cgroup_root, "/sys/fs/cgroup", "CgroupRoot");
	expect_u64(c->match.rule_count, 0, "rules");
	expect_u64(c->match.ignore_count, 0, "ignores");
	expect_u64(c->match.report_unmatched, 0, "ReportUnmatched");
	expect_u64(c->match.ignore_selected, 1, "IgnoreSelected");
	expect_u64(c->reports->group.by_destination, 0, "ReportByDestination");
	expect_u64(c->reports->group.destination_limit, 50, "DestinationLimit");
	expect_u64(c->reports->group.by_port, 0, "ReportByPort");
	expect_u64(c->reports->group.port_limit, 50, "PortLimit");
	expect_u64(c->reports->group.new_names_per_hour, 60, "NewNamesPerHour");
	expect_u64(c->reports->metric.by_scope, 0, "ReportByScope");
	expect_u64(c->probe.max_endpoints, 4096, "MaxEndpoints");
	expect_u64(c->subnet_count, 0, "subnets");
	expect_u64(c->reports->metric.lifetime, 0, "ReportLifetime");
	expect_u64(c->reports->metric.health, 0, "ReportHealth");
	expect_u64(c->reports->metric.listen, 0, "ReportListen");
	expect_u64(c->reports->metric.buckets.count, 0, "LatencyBucket");
	expect_double(c->reports->event.slow_s, 0, "NotifySlowConnect");
	expect_u64(c->reports->event.failed, 0, "NotifyFailedConnect");
	expect_u64(c->notify_limit, 10, "NotifyLimit");
	expect_u64(c->own_cost, 0, "ReportOwnCost");
	for (unsigned i = 0; i < TCP_SCOPE_COUNT; i++)
		expect_u64(c->probe.scopes[i], 1, "scope %u", i);
	for (unsigned i = 0; i < PORT_WORDS; i++)
		expect(!c->probe.local_ports[i] && !c->probe.remote_ports[i], "word %u of ports",
		       i);
}

static void test_defaults(void)
{
	struct config c;

	check_begin("config: the defaults are the documented ones");
	start(&c);
	expect_defaults(&c);
	config_free(&c);
	check_end();
}

/* -- what is not -- */

#define BUCKET_ALLOWED                                                                             \
	"two bounds in seconds, from 0 to 3600, the lower one first; 0 as the upper one is no "    \
	"bound; at most 32 buckets"

#define SEVENTEEN                                                                                  \
	NUMBER(1), NUMBER(2), NUMBER(3), NUMBER(4), NUMBER(5), NUMBER(6), NUMBER(7), NUMBER(8),    \
		NUMBER(9), NUMBER(10), NUMBER(11), NUMBER(12), NUMBER(13), NUMBER(14), NUMBER(15), \
		NUMBER(16), NUMBER(17)

/* The ERROR line must hold the option's name, `shown` (the value) and `allowed`. */
static const struct {
	const char *option;
	int count;
	oconfig_value_t values[VALUES_MAX];
	const char *shown, *allowed;
} bads[] = {
	{"GroupBy", 1, {TEXT("Colour")}, "\"Colour\"", "\"Process\""},
	{"GroupBy", 1, {TEXT("")}, "\"\"", "\"Process\""},
	{"GroupBy", 1, {NUMBER(7)}, " 7 ", "\"Process\""},
	{"GroupBy", 0, {}, "nothing", "\"Process\""},
	{"GroupBy",
	 2,
	 {TEXT("Process"), TEXT("Process")},
	 "\"Process\" \"Process\"",
	 "\"Process\""},
	{"ReportByPID", 1, {TEXT("true")}, "\"true\"", "true or false, without quotes"},
	{"ReportByPID", 1, {NUMBER(1)}, " 1 ", "true or false"},
	{"ReportByPID", 0, {}, "nothing", "true or false"},
	{"ReportByPID", 2, {BOOLEAN(1), BOOLEAN(0)}, "true false", "true or false"},
	{"ReportBytes", 1, {NUMBER(0)}, " 0 ", "true or false"},
	{"ReportConnections", 1, {TEXT("no")}, "\"no\"", "true or false"},
	{"ReportConnectLatency", 1, {TEXT("")}, "\"\"", "true or false"},
	{"PIDLimit", 1, {NUMBER(0)}, " 0 ", "from 1 to 4194304"},
	{"PIDLimit", 1, {NUMBER(-7)}, "-7", "from 1 to 4194304"},
	{"PIDLimit", 1, {NUMBER(1.5)}, "1.5", "a whole number"},
	{"PIDLimit", 1, {NUMBER(4194305)}, "4194305", "from 1 to 4194304"},
	{"PIDLimit", 1, {NUMBER(1e300)}, "1e+300", "from 1 to 4194304"},
	{"PIDLimit", 1, {NUMBER(INFINITY)}, "inf", "from 1 to 4194304"},
	{"PIDLimit", 1, {NUMBER(NAN)}, "nan", "from 1 to 4194304"},
	{"PIDLimit", 1, {TEXT("50")}, "\"50\"", "a whole number"},
	{"PIDLimit", 1, {BOOLEAN(1)}, "true", "a whole number"},
	{"PIDLimit", 0, {}, "nothing", "a whole number"},
	{"PIDLimit", 2, {NUMBER(7), NUMBER(11)}, "7 11", "a whole number"},
	{"PIDMinAge", 1, {NUMBER(-1)}, "-1", "from 0 to 86400"},
	{"PIDMinAge", 1, {NUMBER(86401)}, "86401", "from 0 to 86400"},
	{"GroupLimit", 1, {NUMBER(0)}, " 0 ", "from 1 to"},
	{"NewNamesPerHour", 1, {NUMBER(-1)}, " -1 ", "a whole number from 0 to 4194304"},
	{"NewNamesPerHour", 1, {NUMBER(0.5)}, " 0.5 ", "a whole number from 0 to 4194304"},
	{"MaxProcesses", 1, {NUMBER(15)}, "15", "from 16 to 4194304"},
	{"MaxSockets", 1, {NUMBER(16777217)}, "16777217", "from 16 to 16777216"},
	{"Backend", 1, {TEXT("magic")}, "\"magic\"", "\"auto\""},
	{"Backend", 1, {BOOLEAN(0)}, "false", "\"auto\""},
	{"BTF", 1, {TEXT("vmlinux.btf")}, "\"vmlinux.btf\"", "an absolute path"},
	{"BTF", 1, {TEXT("")}, "\"\"", "an absolute path"},
	{"ProcRoot", 1, {TEXT("proc")}, "\"proc\"", "an absolute path"},
	{"ProcRoot", 1, {NUMBER(7)}, " 7 ", "an absolute path"},
	{"ProcRoot", 2, {TEXT("/proc"), TEXT("/x")}, "\"/proc\" \"/x\"", "an absolute path"},
	{"LatencyPercentile", 1, {NUMBER(0)}, " 0 ", "above 0 and up to 100"},
	{"LatencyPercentile", 1, {NUMBER(-5)}, "-5", "above 0 and up to 100"},
	{"LatencyPercentile", 1, {NUMBER(100.1)}, "100.1", "above 0 and up to 100"},
	{"LatencyPercentile", 1, {NUMBER(NAN)}, "nan", "above 0 and up to 100"},
	{"LatencyPercentile", 1, {TEXT("99")}, "\"99\"", "above 0 and up to 100"},
	{"LatencyPercentile", 0, {}, "nothing", "above 0 and up to 100"},
	{"LatencyPercentile", 2, {NUMBER(50), NUMBER(101)}, "101", "above 0 and up to 100"},
	{"LatencyPercentile", 17, {SEVENTEEN}, "17", "at most 16"},
	{"Process", 0, {}, "nothing", "the name of a process"},
	{"Process", 1, {TEXT("")}, "\"\"", "the name of a process"},
	{"Process", 1, {NUMBER(7)}, " 7 ", "the name of a process"},
	{"Process", 2, {TEXT("a"), NUMBER(7)}, "\"a\" 7 ", "those of its processes"},
	{"Process", 3, {TEXT("a"), TEXT("b"), TEXT("")}, "\"b\" \"\"", "those of its processes"},
	{"Process", 2, {TEXT("a\\1"), TEXT("b")}, "\"a\\1\"", "0 groups"},
	{"ProcessMatch", 1, {TEXT("a")}, "\"a\"", "a name and a regular expression"},
	{"ProcessMatch", 2, {TEXT("a"), TEXT("(")}, "\"a\" \"(\"", "Unmatched ("},
	{"ProcessMatch", 2, {TEXT("a-\\2"), TEXT("(x)")}, "\"a-\\2\"", "something else"},
	{"ProcessMatch", 2, {TEXT("a"), TEXT("(b)\\1")}, "\"(b)\\1\"", "refers back to a group"},
	{"ProcessMatch", 3, {TEXT("a-\\1"), TEXT("(x)"), TEXT("y")}, "\"y\"", "0 groups"},
	{"ProcessMatch", 3, {TEXT("a"), TEXT("b"), TEXT("(")}, "\"b\" \"(\"", "Unmatched ("},
	{"PIDFile", 3, {TEXT("a"), TEXT("/a"), TEXT("b")}, "\"/a\" \"b\"", "an absolute path"},
	{"PID", 3, {TEXT("a"), NUMBER(1), NUMBER(0)}, "\"a\" 1 0", "from 1 to 4194304"},
	{"PIDFile", 2, {TEXT("a"), TEXT("run/a.pid")}, "run/a.pid", "an absolute path"},
	{"PIDFile", 1, {TEXT("/run/a.pid")}, "/run/a.pid", "a name and an absolute path"},
	{"PID", 2, {TEXT("a"), NUMBER(0)}, "\"a\" 0", "from 1 to 4194304"},
	{"PID", 2, {TEXT("a"), NUMBER(4194305)}, "4194305", "from 1 to 4194304"},
	{"PID", 2, {TEXT("a"), NUMBER(1.5)}, "1.5", "from 1 to 4194304"},
	{"PID", 2, {TEXT("a"), TEXT("1")}, "\"a\" \"1\"", "from 1 to 4194304"},
	{"PID", 1, {NUMBER(1)}, " 1 ", "from 1 to 4194304"},
	{"Ignore", 0, {}, "nothing", "the name of a group"},
	{"Ignore", 1, {TEXT("/(/")}, "\"/(/\"", "Unmatched ("},
	{"Ignore", 1, {TEXT("/(b)\\1/")}, "\"/(b)\\1/\"", "write out what the group may be"},
	{"Ignore", 1, {BOOLEAN(1)}, "true", "/regular expression/"},
	{"LocalPort", 0, {}, "nothing", "ports from 1 to 65535"},
	{"LocalPort", 1, {NUMBER(0)}, " 0 ", "ports from 1 to 65535"},
	{"LocalPort", 1, {NUMBER(65536)}, "65536", "ports from 1 to 65535"},
	{"LocalPort", 1, {NUMBER(1.5)}, "1.5", "ports from 1 to 65535"},
	{"LocalPort", 1, {BOOLEAN(1)}, "true", "ports from 1 to 65535"},
	{"LocalPort", 1, {TEXT("")}, "\"\"", "ports from 1 to 65535"},
	{"RemotePort", 1, {TEXT("8080-8000")}, "8080-8000", "ranges like"},
	{"RemotePort", 2, {NUMBER(80), TEXT("no-such-service")}, "no-such-service", "services"},
	{"Subnet", 1, {TEXT("10.1.0.0/16")}, "10.1.0.0/16", "a name and a network"},
	{"Subnet", 2, {TEXT("a"), TEXT("10.1.0.1/16")}, "10.1.0.1/16", "beyond its prefix"},
	{"Subnet", 2, {TEXT("a"), TEXT("300.1.0.0/16")}, "300.1.0.0/16", "a network like"},
	{"Subnet", 2, {TEXT("a"), TEXT("10.0.0.0/33")}, "10.0.0.0/33", "a network like"},
	{"DestinationLimit", 1, {NUMBER(0)}, " 0 ", "from 1 to"},
	{"MaxEndpoints", 1, {NUMBER(15)}, "15", "from 16 to 1048576"},
	{"ReportByPort", 1, {TEXT("yes")}, "\"yes\"", "true or false"},
	{"CgroupRoot", 1, {TEXT("cgroup")}, "\"cgroup\"", "an absolute path"},
	{"ReportLifetime", 1, {TEXT("yes")}, "\"yes\"", "true or false, without quotes"},
	{"ReportHealth", 1, {NUMBER(1)}, " 1 ", "true or false, without quotes"},
	{"ReportListen", 0, {}, "nothing", "true or false, without quotes"},
	{"NotifyFailedConnect", 1, {TEXT("true")}, "\"true\"", "true or false, without quotes"},
	{"NotifySlowConnect", 1, {NUMBER(-0.001)}, "-0.001", "seconds from 0 (never) to 3600"},
	{"NotifySlowConnect", 1, {NUMBER(3600.001)}, "3600.001", "seconds from 0 (never) to 3600"},
	{"NotifySlowConnect", 1, {NUMBER(NAN)}, "nan", "seconds from 0 (never) to 3600"},
	{"NotifySlowConnect", 1, {NUMBER(INFINITY)}, "inf", "seconds from 0 (never) to 3600"},
	{"NotifySlowConnect", 1, {TEXT("0.25")}, "\"0.25\"", "seconds from 0 (never) to 3600"},
	{"NotifySlowConnect", 1, {BOOLEAN(1)}, "true", "seconds from 0 (never) to 3600"},
	{"NotifySlowConnect", 0, {}, "nothing", "seconds from 0 (never) to 3600"},
	{"NotifySlowConnect", 2, {NUMBER(1), NUMBER(2)}, "1 2", "seconds from 0 (never) to 3600"},
	{"ReportOwnCost", 1, {NUMBER(1)}, " 1 ", "true or false, without quotes"},
	{"NotifyLimit", 1, {NUMBER(0)}, " 0 ", "a whole number from 1 to 1000"},
	{"NotifyLimit", 1, {NUMBER(1001)}, "1001", "a whole number from 1 to 1000"},
	{"NotifyLimit", 1, {NUMBER(1.5)}, "1.5", "a whole number from 1 to 1000"},
	{"NotifyLimit", 1, {TEXT("10")}, "\"10\"", "a whole number from 1 to 1000"},
	{"LatencyBucket", 0, {}, "nothing", BUCKET_ALLOWED},
	{"LatencyBucket", 1, {NUMBER(0.1)}, " 0.1 ", BUCKET_ALLOWED},
	{"LatencyBucket", 3, {NUMBER(0), NUMBER(1), NUMBER(2)}, "0 1 2", BUCKET_ALLOWED},
	{"LatencyBucket", 2, {NUMBER(1), NUMBER(1)}, "1 1", BUCKET_ALLOWED},
	{"LatencyBucket", 2, {NUMBER(2), NUMBER(1)}, "2 1", BUCKET_ALLOWED},
	{"LatencyBucket", 2, {NUMBER(-1), NUMBER(1)}, "-1 1", BUCKET_ALLOWED},
	{"LatencyBucket", 2, {NUMBER(0), NUMBER(-1)}, "0 -1", BUCKET_ALLOWED},
	{"LatencyBucket", 2, {NUMBER(0), NUMBER(3600.5)}, "0 3600.5", BUCKET_ALLOWED},
	{"LatencyBucket", 2, {NUMBER(3600.5), NUMBER(0)}, "3600.5 0", BUCKET_ALLOWED},
	{"LatencyBucket", 2, {NUMBER(NAN), NUMBER(1)}, "nan 1", BUCKET_ALLOWED},
	{"LatencyBucket", 2, {NUMBER(0), NUMBER(NAN)}, "0 nan", BUCKET_ALLOWED},
	{"LatencyBucket", 2, {NUMBER(0), TEXT("1")}, "0 \"1\"", BUCKET_ALLOWED},
	{"LatencyBucket", 2, {BOOLEAN(0), NUMBER(1)}, "false 1", BUCKET_ALLOWED},
};

static void test_bad(void)
{
	for (size_t i = 0; i < COUNT_OF(bads); i++) {
		const char *line = stub.logs[0].text;
		struct config c;

		check_begin("config: refused: %s: %s", bads[i].option, bads[i].shown);
		start(&c);
		expect(read_values(&c, bads[i].option, bads[i].values, bads[i].count) == -1,
		       "allowed");
		expect_u64(stub.log_count, 1, "log lines");
		expect_u64((uint64_t)stub.logs[0].level, LOG_ERR, "level");
		expect(strncmp(line, "ebpf_tcp plugin: ", 17) == 0, "no plugin in \"%s\"", line);
		expect(strstr(line, bads[i].option) != NULL, "no option in \"%s\"", line);
		expect(strstr(line, bads[i].shown) != NULL, "no value in \"%s\"", line);
		expect(strstr(line, bads[i].allowed) != NULL, "nothing allowed in \"%s\"", line);
		config_free(&c);
		check_end();
	}
}

/* What would be right in a line of its own. */
static void test_children(void)
{
	static const struct {
		const char *option;
		int count;
		oconfig_value_t values[2];
	} cases[] = {
		{"LatencyPercentile", 1, {NUMBER(50)}},
		{"LocalPort", 1, {NUMBER(50)}},
		{"Subnet", 2, {TEXT("a"), TEXT("10.0.0.0/8")}},
		{"Ignore", 1, {TEXT("a")}},
		{"PIDLimit", 1, {NUMBER(50)}},
		{"ReportByPID", 1, {BOOLEAN(1)}},
		{"GroupBy", 1, {TEXT("Unit")}},
		{"Backend", 1, {TEXT("auto")}},
		{"ProcRoot", 1, {TEXT("/proc")}},
	};
	oconfig_item_t child = {.key = "PIDLimit"};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		oconfig_item_t item = {.key = (char *)cases[i].option,
				       .values = (oconfig_value_t *)cases[i].values,
				       .values_num = cases[i].count,
				       .children = &child,
				       .children_num = 1};
		oconfig_item_t block = {.key = "Plugin", .children = &item, .children_num = 1};
		struct config c;

		check_begin("config: refused: a block of %s", cases[i].option);
		start(&c);
		expect(config_read(&c, &block) == -1, "allowed");
		expect_u64(stub.log_count, 1, "log lines");
		expect(strstr(stub.logs[0].text, cases[i].option) != NULL, "\"%s\"",
		       stub.logs[0].text);
		config_free(&c);
		check_end();
	}
}

static void test_bad_leaves_value(void)
{
	static const struct {
		const char *option;
		oconfig_value_t value;
	} cases[] = {
		{"PIDLimit", NUMBER(0)},      {"ReportByPID", NUMBER(0)},
		{"Backend", TEXT("x")},       {"ProcRoot", TEXT("x")},
		{"BTF", NUMBER(1)},           {"GroupBy", TEXT("x")},
		{"MaxSockets", BOOLEAN(0)},   {"NotifySlowConnect", NUMBER(-1)},
		{"NotifyLimit", NUMBER(0)},   {"NotifyFailedConnect", NUMBER(1)},
		{"LatencyBucket", NUMBER(1)},
	};

	check_begin("config: a bad value changes nothing");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct config c;

		start(&c);
		expect(read_values(&c, cases[i].option, &cases[i].value, 1) == -1, "allowed");
		expect_defaults(&c);
		config_free(&c);
	}
	check_end();
}

/* -- blocks -- */

static void test_unknown(void)
{
	oconfig_value_t seven = NUMBER(7);
	oconfig_item_t items[] = {
		{.key = "PIDLimits", .values = &seven, .values_num = 1},
		{.key = "PIDLimit", .values = &seven, .values_num = 1},
	};
	oconfig_item_t block = {.key = "Plugin", .children = items, .children_num = 2};
	struct config c;

	check_begin("config: an unknown option is a warning, the others are read");
	start(&c);
	expect(config_read(&c, &block) == 0, "refused");
	expect_u64(stub.log_count, 1, "log lines");
	expect_u64((uint64_t)stub.logs[0].level, LOG_WARNING, "level");
	expect(strstr(stub.logs[0].text, "option PIDLimits: ignored; the nearest is PIDLimit") !=
		       NULL,
	       "\"%s\"", stub.logs[0].text);
	expect_u64(c.reports->group.pid_limit, 7, "PIDLimit");
	config_free(&c);
	check_end();
}

static void test_two_bad(void)
{
	oconfig_value_t zero = NUMBER(0), eleven = NUMBER(11);
	oconfig_item_t items[] = {
		{.key = "PIDLimit", .values = &zero, .values_num = 1},
		{.key = "GroupLimit", .values = &zero, .values_num = 1},
		{.key = "PIDMinAge", .values = &eleven, .values_num = 1},
	};
	oconfig_item_t block = {.key = "Plugin", .children = items, .children_num = 3};
	struct config c;

	check_begin("config: all bad values of a block are told at once");
	start(&c);
	expect(config_read(&c, &block) == -1, "allowed");
	expect_u64(stub.log_count, 2, "log lines");
	expect(strstr(stub.logs[0].text, "PIDLimit") != NULL, "\"%s\"", stub.logs[0].text);
	expect(strstr(stub.logs[1].text, "GroupLimit") != NULL, "\"%s\"", stub.logs[1].text);
	config_free(&c);
	check_end();
}

static void test_blocks(void)
{
	static const oconfig_value_t seven = NUMBER(7), eleven = NUMBER(11);
	static const oconfig_value_t first = TEXT("/first"), second = TEXT("/second");
	oconfig_item_t empty = {.key = "Plugin"};
	struct config c;

	check_begin("config: blocks add up, the last value counts");
	start(&c);
	expect(read_values(&c, "PIDLimit", &seven, 1) == 0, "first block");
	expect(read_values(&c, "GroupLimit", &seven, 1) == 0, "second block");
	expect(config_read(&c, &empty) == 0, "empty block");
	expect(read_values(&c, "PIDLimit", &eleven, 1) == 0, "third block");
	expect(read_values(&c, "BTF", &first, 1) == 0, "first BTF");
	expect(read_values(&c, "BTF", &second, 1) == 0, "second BTF");
	expect_u64(c.reports->group.pid_limit, 11, "PIDLimit");
	expect_u64(c.reports->group.group_limit, 7, "GroupLimit");
	expect_u64(c.reports->group.pid_min_age_s, 60, "PIDMinAge");
	expect_text(c.probe.btf, "/second", "BTF");
	config_free(&c);
	check_end();
}

static void test_percentiles(void)
{
	static const oconfig_value_t values[] = {NUMBER(90), NUMBER(99.9), NUMBER(50), NUMBER(100)};
	static const double want[] = {90, 99.9, 50, 100};
	static const oconfig_value_t sixteen[] = {SEVENTEEN};
	struct config c;

	check_begin("config: LatencyPercentile replaces the default once, then adds");
	start(&c);
	expect(read_values(&c, "LatencyPercentile", values, 1) == 0, "first");
	expect(read_values(&c, "LatencyPercentile", values + 1, 1) == 0, "second");
	expect(read_values(&c, "LatencyPercentile", values + 2, 2) == 0, "two at once");
	expect_u64(c.reports->metric.percentiles.count, 4, "percentiles");
	for (unsigned i = 0; i < 4; i++)
		expect_double(c.reports->metric.percentiles.list[i], want[i], "percentile");
	config_free(&c);
	check_end();

	check_begin("config: sixteen percentiles, in one line or in many, and not one more");
	start(&c);
	expect(read_values(&c, "LatencyPercentile", sixteen, 16) == 0, "in one line");
	expect_u64(c.reports->metric.percentiles.count, 16, "percentiles in one line");
	expect(read_values(&c, "LatencyPercentile", values, 1) == -1, "the seventeenth is allowed");
	config_free(&c);
	start(&c);
	for (unsigned i = 0; i < 16; i++)
		expect(read_values(&c, "LatencyPercentile", &sixteen[i], 1) == 0, "line %u", i);
	expect_u64(c.reports->metric.percentiles.count, 16, "percentiles in many lines");
	expect(read_values(&c, "LatencyPercentile", values, 1) == -1, "the seventeenth is allowed");
	config_free(&c);
	check_end();

	check_begin("config: a percentile that is given twice is one series");
	start(&c);
	expect(read_values(&c, "LatencyPercentile", values, 1) == 0, "first");
	expect(read_values(&c, "LatencyPercentile", values, 1) == -1 ||
		       c.reports->metric.percentiles.count == 1,
	       "collectd would get two samples of one series at one time");
	config_free(&c);
	check_end();
}

static int read_bucket(struct config *c, double lower, double upper)
{
	const oconfig_value_t values[] = {NUMBER(lower), NUMBER(upper)};

	return read_values(c, "LatencyBucket", values, 2);
}

static void expect_buckets(const struct metric_buckets *got, const double (*want)[2],
			   unsigned count, const char *whose)
{
	expect_u64(got->count, count, "buckets %s", whose);
	for (unsigned i = 0; i < count && i < got->count; i++) {
		expect_double(got->list[i].lower, want[i][0], "lower bound");
		expect_double(got->list[i].upper, want[i][1], "upper bound");
	}
}

static void test_buckets(void)
{
	static const double want[][2] = {{0, 0.005}, {0.005, 0.05}, {0.05, 3600},
					 {3600, 0},  {0, 0},        {0, 0.05}};
	struct config c;

	check_begin("config: LatencyBucket in the order of the file; twice the same is one");
	start(&c);
	for (size_t i = 0; i < COUNT_OF(want); i++)
		for (unsigned twice = 0; twice < 2; twice++)
			expect(read_bucket(&c, want[i][0], want[i][1]) == 0, "bucket %zu", i);
	expect_u64(stub.log_count, 0, "log lines");
	expect_buckets(&c.reports->metric.buckets, want, COUNT_OF(want), "in general");
	config_free(&c);
	check_end();

	check_begin("config: thirty-two buckets, and not one more");
	start(&c);
	for (unsigned i = 0; i < 32; i++)
		expect(read_bucket(&c, i, i + 1) == 0, "bucket %u", i);
	expect_u64(stub.log_count, 0, "log lines");
	expect(read_bucket(&c, 32, 33) == -1, "the thirty-third is allowed");
	expect(strstr(stub.logs[0].text, "LatencyBucket: 32 33 is not allowed: give two") != NULL,
	       "\"%s\"", stub.logs[0].text);
	expect_u64(c.reports->metric.buckets.count, 32, "buckets");
	config_free(&c);
	check_end();
}

static void test_buckets_alike(void)
{
	static const double want[][2] = {{0.1234561, 0.5}, {0.123457, 0.5}};
	struct config c;

	check_begin("config: buckets whose series have the same name are one");
	start(&c);
	expect(read_bucket(&c, 0.1234561, 0.5) == 0, "first");
	expect(read_bucket(&c, 0.1234562, 0.5000001) == 0, "the same for six digits");
	expect(read_bucket(&c, 0.123457, 0.5) == 0, "another");
	expect_buckets(&c.reports->metric.buckets, want, COUNT_OF(want), "in general");
	config_free(&c);
	check_end();
}

static void test_nearest(void)
{
	static const struct {
		const char *written, *meant;
	} cases[] = {
		{"GroupsBy", "GroupBy"},
		{"reportbypids", "ReportByPID"},
		{"Latencypercentiles", "LatencyPercentile"},
		{"ProcesMatch", "ProcessMatch"},
		{"LocalPorts", "LocalPort"},
		{"Subnets", "Subnet"},
		{"Destinationlimit_", "DestinationLimit"},
		{"Proc_Root", "ProcRoot"},
	};
	const oconfig_value_t seven = NUMBER(7);

	check_begin("config: an unknown option is told its nearest neighbour");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct config c;
		char want[64];

		start(&c);
		expect(read_values(&c, cases[i].written, &seven, 1) == 0, "refused");
		snprintf(want, sizeof(want), "nearest is %s", cases[i].meant);
		expect(strstr(stub.logs[0].text, want) != NULL, "\"%s\"", stub.logs[0].text);
		config_free(&c);
	}
	check_end();
}

/* -- rules -- */

static void test_rule_kinds(void)
{
	static const struct {
		const char *option;
		oconfig_value_t values[3];
		int count;
		const char *name, *title;
	} cases[] = {
		{"Process", {TEXT("mysqld")}, 1, "mysqld", "Process \"mysqld\""},
		{"Process",
		 {TEXT("db"), TEXT("mysqld"), TEXT("mariadbd")},
		 3,
		 "db",
		 "Process \"db\" \"mysqld\" \"mariadbd\""},
		{"Process",
		 {TEXT("cache"), TEXT("redis-server")},
		 2,
		 "cache",
		 "Process \"cache\" \"redis-server\""},
		{"processmatch",
		 {TEXT("shard-\\1"), TEXT("shard\\.py ([0-9]+)")},
		 2,
		 "shard-\\1",
		 "processmatch \"shard-\\1\" \"shard\\.py ([0-9]+)\""},
		{"PIDFile",
		 {TEXT("web"), TEXT("/run/nginx.pid")},
		 2,
		 "web",
		 "PIDFile \"web\" \"/run/nginx.pid\""},
		{"PIDFile",
		 {TEXT("two"), TEXT("/run/a.pid"), TEXT("/run/b.pid")},
		 3,
		 "two",
		 "PIDFile \"two\" \"/run/a.pid\" \"/run/b.pid\""},
		{"PID", {TEXT("init"), NUMBER(1)}, 2, "init", "PID \"init\" 1"},
		{"PID", {TEXT("pids"), NUMBER(1), NUMBER(2)}, 3, "pids", "PID \"pids\" 1 2"},
	};
	struct config c;

	check_begin("config: rules in the order of the file");
	start(&c);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		expect(read_values(&c, cases[i].option, cases[i].values, cases[i].count) == 0,
		       "%s refused", cases[i].option);
	expect_u64(stub.log_count, 0, "log lines");
	expect_u64(c.match.rule_count, COUNT_OF(cases), "rules");
	for (size_t i = 0; i < COUNT_OF(cases) && i < c.match.rule_count; i++) {
		expect_text(rule_name(c.match.rules[i]), cases[i].name, "name");
		expect_text(c.reports[i + 1].rule, cases[i].title, "title");
	}
	expect(read_values(&c, "Process", cases[0].values, 1) == -1, "a second mysqld is allowed");
	expect_u64(stub.log_count, 1, "log lines");
	expect(strstr(stub.logs[0].text, "each name once") != NULL, "\"%s\"", stub.logs[0].text);
	config_free(&c);
	check_end();
}

/* A block of a rule with options. As with collectd itself, no item knows its parent. */
static int read_block(struct config *c, const char *name, oconfig_item_t *options, int count)
{
	oconfig_value_t value = TEXT((char *)name);
	oconfig_item_t rule = {.key = "Process",
			       .values = &value,
			       .values_num = 1,
			       .children = options,
			       .children_num = count};
	oconfig_item_t block = {.key = "Plugin", .children = &rule, .children_num = 1};

	return config_read(c, &block);
}

static void test_rule_blocks(void)
{
	oconfig_value_t no = BOOLEAN(0), yes = BOOLEAN(1), seven = NUMBER(7), ninety = NUMBER(90);
	oconfig_item_t own[] = {
		{.key = "ReportByPID", .values = &no, .values_num = 1},
		{.key = "DestinationLimit", .values = &seven, .values_num = 1},
		{.key = "ReportByDestination", .values = &yes, .values_num = 1},
		{.key = "LatencyPercentile", .values = &ninety, .values_num = 1},
	};
	const struct config_report *rule;
	struct config c;

	check_begin(
		"config: a rule's block is its own, the rest is the general, also if set later");
	start(&c);
	expect(read_block(&c, "db", own, COUNT_OF(own)) == 0, "refused");
	expect(read_block(&c, "web", NULL, 0) == 0, "refused");
	expect(read_values(&c, "ReportBytes", &no, 1) == 0, "refused");
	expect(read_values(&c, "PIDMinAge", &seven, 1) == 0, "refused");
	expect_u64(stub.log_count, 0, "log lines");
	expect(config_finish(&c) == 0, "config_finish failed");
	rule = &c.reports[1];
	expect_u64(rule->group.by_pid, 0, "own ReportByPID");
	expect_u64(rule->group.destination_limit, 7, "own DestinationLimit");
	expect_u64(rule->group.by_destination, 1, "own ReportByDestination");
	expect_u64(rule->metric.percentiles.count, 1, "own percentiles");
	expect_double(rule->metric.percentiles.list[0], 90, "own percentile");
	expect_u64(rule->metric.bytes, 0, "general ReportBytes");
	expect_u64(rule->metric.connections, 1, "default ReportConnections");
	expect_u64(rule->group.pid_min_age_s, 7, "general PIDMinAge");
	expect_u64(rule->group.pid_limit, 0, "PIDLimit: the general one");
	expect_u64(rule->group.new_names_per_hour, 60, "default NewNamesPerHour");
	rule = &c.reports[2];
	expect_u64(rule->group.by_pid, 1, "ReportByPID of the other");
	expect_u64(rule->group.destination_limit, 0, "DestinationLimit of the other");
	expect_u64(rule->metric.percentiles.count, 3, "percentiles of the other");
	expect_u64(c.reports[0].group.by_destination, 0, "general ReportByDestination");
	expect_u64(c.reports[0].group.destination_limit, 50, "general DestinationLimit");
	expect_u64(c.probe.by_destination, 1, "the kernel half must know");
	expect_u64(c.probe.by_port, 0, "ports");
	expect_u64(c.groups[1].by_destination, 1, "ReportByDestination, as the stage has it");
	expect_u64(c.groups[1].destination_limit, 7, "DestinationLimit, as the stage has it");
	config_free(&c);
	check_end();
}

static void test_rule_holds(void)
{
	const oconfig_value_t process = TEXT("db"), pid_file[] = {TEXT("a"), TEXT("/run/a.pid")};
	const oconfig_value_t fixed[] = {TEXT("b"), TEXT("(b)")};
	const oconfig_value_t open[] = {TEXT("c-\\1"), TEXT("(c+)")};
	static const bool want[] = {false, true, true, true, false};
	struct config c;

	check_begin("config: a rule that captures nothing holds its group");
	start(&c);
	expect(!read_values(&c, "Process", &process, 1) &&
		       !read_values(&c, "PIDFile", pid_file, 2) &&
		       !read_values(&c, "ProcessMatch", fixed, 2) &&
		       !read_values(&c, "ProcessMatch", open, 2) && !config_finish(&c),
	       "refused");
	for (unsigned i = 0; i < COUNT_OF(want); i++)
		expect_u64(c.groups[i].holds, want[i], "options %u", i);
	config_free(&c);
	check_end();
}

static void test_rule_events(void)
{
	oconfig_value_t tenth = NUMBER(0.1), half = NUMBER(0.5), never = NUMBER(0);
	oconfig_value_t yes = BOOLEAN(1), no = BOOLEAN(0), two = NUMBER(2);
	oconfig_value_t bounds[] = {NUMBER(0), NUMBER(7)};
	static const double general[][2] = {{0, 1}, {1, 0}}, own[][2] = {{0, 7}};
	oconfig_item_t fast[] = {
		{.key = "NotifySlowConnect", .values = &tenth, .values_num = 1},
		{.key = "NotifyFailedConnect", .values = &no, .values_num = 1},
		{.key = "LatencyBucket", .values = bounds, .values_num = 2},
		{.key = "ReportLifetime", .values = &yes, .values_num = 1},
	};
	oconfig_item_t quiet[] = {
		{.key = "NotifySlowConnect", .values = &never, .values_num = 1},
		{.key = "ReportHealth", .values = &no, .values_num = 1},
		{.key = "NotifyLimit", .values = &two, .values_num = 1},
	};
	struct config c;

	check_begin("config: a rule inherits and overrides what is notified, buckets and switches");
	start(&c);
	expect(read_block(&c, "fast", fast, COUNT_OF(fast)) == 0, "refused");
	expect_u64(stub.log_count, 0, "log lines");
	expect(read_block(&c, "quiet", quiet, COUNT_OF(quiet)) == 0, "refused");
	expect_u64(stub.log_count, 1, "log lines: NotifyLimit is for all");
	expect(strstr(stub.logs[0].text, "NotifyLimit in <Process \"quiet\">: ignored") != NULL,
	       "\"%s\"", stub.logs[0].text);
	expect(read_block(&c, "plain", NULL, 0) == 0, "refused");
	expect(read_values(&c, "NotifySlowConnect", &half, 1) == 0, "refused");
	expect(read_values(&c, "NotifyFailedConnect", &yes, 1) == 0, "refused");
	expect(read_values(&c, "ReportHealth", &yes, 1) == 0, "refused");
	expect(read_values(&c, "ReportListen", &yes, 1) == 0, "refused");
	expect(read_bucket(&c, 0, 1) == 0 && read_bucket(&c, 1, 0) == 0, "refused");
	expect(config_finish(&c) == 0, "config_finish failed");
	expect_double(c.reports[0].event.slow_s, 0.5, "general NotifySlowConnect");
	expect_double(c.reports[1].event.slow_s, 0.1, "own NotifySlowConnect");
	expect_double(c.reports[2].event.slow_s, 0, "NotifySlowConnect 0");
	expect_double(c.reports[3].event.slow_s, 0.5, "inherited NotifySlowConnect");
	expect_u64(c.reports[1].event.failed, 0, "own NotifyFailedConnect");
	expect_u64(c.reports[2].event.failed, 1, "inherited NotifyFailedConnect");
	expect_buckets(&c.reports[0].metric.buckets, general, 2, "in general");
	expect_buckets(&c.reports[1].metric.buckets, own, 1, "of a rule");
	expect_buckets(&c.reports[2].metric.buckets, general, 2, "inherited");
	expect_u64(c.reports[0].metric.lifetime, 0, "general ReportLifetime");
	expect_u64(c.reports[1].metric.lifetime, 1, "own ReportLifetime");
	expect_u64(c.reports[1].metric.health, 1, "inherited ReportHealth");
	expect_u64(c.reports[2].metric.health, 0, "own ReportHealth");
	expect_u64(c.reports[3].metric.listen, 1, "inherited ReportListen");
	expect_u64(c.notify_limit, 10, "NotifyLimit");
	config_free(&c);
	check_end();
}

/* -- what the probe must bring -- */

struct demand {
	bool lifetimes, health, listeners, failures;
	uint64_t slow_connect_ns;
};

static void expect_demand(const struct probe_options *got, const struct demand *want)
{
	expect_u64(got->lifetimes, want->lifetimes, "lifetimes");
	expect_u64(got->health, want->health, "health");
	expect_u64(got->listeners, want->listeners, "listeners");
	expect_u64(got->failures, want->failures, "failures");
	expect_u64(got->slow_connect_ns, want->slow_connect_ns, "slow_connect_ns");
	expect(!got->by_scope && !got->by_destination && !got->by_port, "what nobody asked for");
}

static void test_demand(void)
{
	static const struct {
		const char *option;
		oconfig_value_t general, rule; /* type -1: not given */
		struct demand want;
	} cases[] = {
#define NOTHING {.type = -1}
		{"ReportLifetime", NOTHING, NOTHING, {0}},
		{"ReportLifetime", BOOLEAN(1), NOTHING, {.lifetimes = true}},
		{"ReportLifetime", NOTHING, BOOLEAN(1), {.lifetimes = true}},
		{"ReportLifetime", BOOLEAN(1), BOOLEAN(0), {.lifetimes = true}},
		{"ReportHealth", BOOLEAN(1), NOTHING, {.health = true}},
		{"ReportHealth", NOTHING, BOOLEAN(1), {.health = true}},
		{"ReportListen", BOOLEAN(1), NOTHING, {.listeners = true}},
		{"ReportListen", NOTHING, BOOLEAN(1), {.listeners = true}},
		{"NotifyFailedConnect", BOOLEAN(1), NOTHING, {.failures = true}},
		{"NotifyFailedConnect", NOTHING, BOOLEAN(1), {.failures = true}},
		{"NotifyFailedConnect", NOTHING, BOOLEAN(0), {0}},
		{"NotifySlowConnect", NUMBER(0.25), NOTHING, {.slow_connect_ns = 250000000}},
		{"NotifySlowConnect", NOTHING, NUMBER(0.25), {.slow_connect_ns = 250000000}},
		{"NotifySlowConnect", NUMBER(1), NUMBER(0.5), {.slow_connect_ns = 500000000}},
		{"NotifySlowConnect", NUMBER(0.5), NUMBER(1), {.slow_connect_ns = 500000000}},
		{"NotifySlowConnect", NUMBER(0.5), NUMBER(0), {.slow_connect_ns = 500000000}},
		{"NotifySlowConnect", NUMBER(0), NUMBER(3600), {.slow_connect_ns = 3600000000000}},
		{"NotifySlowConnect", NUMBER(0), NUMBER(0), {0}},
#undef NOTHING
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		oconfig_value_t own = cases[i].rule;
		oconfig_item_t item = {
			.key = (char *)cases[i].option, .values = &own, .values_num = 1};
		struct config c;

		check_begin("config: what one report wants, the probe brings: %s, case %zu",
			    cases[i].option, i);
		start(&c);
		expect(read_block(&c, "a", NULL, 0) == 0, "refused");
		expect(read_block(&c, "b", &item, own.type >= 0) == 0, "refused");
		if (cases[i].general.type >= 0)
			expect(read_values(&c, cases[i].option, &cases[i].general, 1) == 0,
			       "refused");
		expect_u64(stub.log_count, 0, "log lines");
		expect(config_finish(&c) == 0, "config_finish failed");
		expect_demand(&c.probe, &cases[i].want);
		config_free(&c);
		check_end();
	}
}

static void test_rule_bad_values(void)
{
	static const struct {
		const char *option;
		oconfig_value_t value;
		const char *want;
	} cases[] = {
		{"LatencyBucket", NUMBER(1),
		 "option LatencyBucket in <Process \"a\">: 1 is not allowed: give " BUCKET_ALLOWED},
		{"ReportLifetime", NUMBER(1),
		 "option ReportLifetime in <Process \"a\">: 1 is not allowed: give true or false"},
		{"ReportHealth", TEXT("on"),
		 "option ReportHealth in <Process \"a\">: \"on\" is not allowed: give true or"},
		{"ReportListen", NUMBER(0),
		 "option ReportListen in <Process \"a\">: 0 is not allowed: give true or false"},
		{"NotifyFailedConnect", NUMBER(0),
		 "option NotifyFailedConnect in <Process \"a\">: 0 is not allowed: give true or"},
		{"NotifySlowConnect", NUMBER(3601),
		 "option NotifySlowConnect in <Process \"a\">: 3601 is not allowed: give seconds "
		 "from 0 (never) to 3600"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		oconfig_value_t value = cases[i].value;
		oconfig_item_t item = {
			.key = (char *)cases[i].option, .values = &value, .values_num = 1};
		struct config c;

		check_begin("config: refused in a rule's block: %s", cases[i].option);
		start(&c);
		expect(read_block(&c, "a", &item, 1) == -1, "allowed");
		expect_u64(stub.log_count, 1, "log lines");
		expect_u64((uint64_t)stub.logs[0].level, LOG_ERR, "level");
		expect(strstr(stub.logs[0].text, cases[i].want) != NULL, "\"%s\"",
		       stub.logs[0].text);
		config_free(&c);
		check_end();
	}
}

static void test_rule_block_errors(void)
{
	oconfig_value_t zero = NUMBER(0), path = TEXT("/proc");
	oconfig_item_t bad = {.key = "PIDLimit", .values = &zero, .values_num = 1};
	oconfig_item_t elsewhere = {.key = "ProcRoot", .values = &path, .values_num = 1};
	struct config c;

	check_begin("config: a rule's block refuses bad values, and warns of options not its own");
	start(&c);
	expect(read_block(&c, "a", &bad, 1) == -1, "allowed");
	expect_u64((uint64_t)stub.logs[0].level, LOG_ERR, "level");
	expect(strstr(stub.logs[0].text, "option PIDLimit in <Process \"a\">: 0 is not") != NULL,
	       "\"%s\"", stub.logs[0].text);
	expect(read_block(&c, "b", &elsewhere, 1) == 0, "refused");
	expect_u64(stub.log_count, 2, "log lines");
	expect_u64((uint64_t)stub.logs[1].level, LOG_WARNING, "level");
	expect(strstr(stub.logs[1].text, "ProcRoot in <Process \"b\">: ignored") != NULL, "\"%s\"",
	       stub.logs[1].text);
	expect(read_values(&c, "PIDLimit", &zero, 1) == -1, "allowed");
	expect(strstr(stub.logs[2].text, "option PIDLimit: 0 is not") != NULL, "after it: \"%s\"",
	       stub.logs[2].text);
	config_free(&c);
	check_end();
}

static void test_ports(void)
{
	const oconfig_value_t values[] = {NUMBER(5432), TEXT("8000-8080"), TEXT("https")};
	struct config c;

	check_begin("config: ports by number, range and name add up");
	start(&c);
	expect(read_values(&c, "LocalPort", values, 3) == 0, "refused");
	expect(read_values(&c, "LocalPort", values, 1) == 0, "refused");
	for (unsigned port = 0; port < 65536; port++)
		expect_u64(c.probe.local_ports[port / 64] >> (port % 64) & 1,
			   port == 5432 || port == 443 || (port >= 8000 && port <= 8080), "port %u",
			   port);
	config_free(&c);
	check_end();
}

static void test_lists(void)
{
	const oconfig_value_t office[] = {TEXT("the office"), TEXT("10.1.0.0/16")};
	const oconfig_value_t home[] = {TEXT("the office"), TEXT("2001:db8::/32")};
	const oconfig_value_t name = TEXT("sshd"), regex = TEXT("/^kube/");
	struct config c;

	check_begin("config: subnets and ignores are kept in order, names cleaned");
	start(&c);
	expect(read_values(&c, "Subnet", office, 2) == 0, "refused");
	expect(read_values(&c, "Subnet", home, 2) == 0, "refused");
	expect(read_values(&c, "Ignore", &name, 1) == 0, "refused");
	expect(read_values(&c, "Ignore", &regex, 1) == 0, "refused");
	expect_u64(stub.log_count, 0, "log lines");
	expect_u64(c.subnet_count, 2, "subnets");
	expect_text(c.subnets[0].name, "the_office", "name");
	expect_u64(c.subnets[0].prefix, 96 + 16, "prefix");
	expect_u64(c.subnets[1].prefix, 32, "prefix");
	expect_u64(c.match.ignore_count, 2, "ignores");
	config_free(&c);
	check_end();
}

static void test_memory(void)
{
	long before = memory_live();
	oconfig_value_t path = TEXT("/x");
	struct config c;
	unsigned n = 1;
	int err;

	check_begin("config: without memory it fails with an ERROR, and leaves nothing behind");
	do {
		stub_reset();
		memory_fail_at(n++);
		err = config_defaults(&c);
		memory_fail_at(0);
		expect(!err || (stub.log_count == 1 && stub.logs[0].level == LOG_ERR), "no ERROR");
		config_free(&c);
		expect(memory_live() == before, "blocks are left");
	} while (err && n < 100);
	expect(!err && n > 2, "it succeeds at allocation %u", n);
	start(&c);
	memory_fail_at(1);
	expect(read_values(&c, "ProcRoot", &path, 1) == -1, "it does not fail");
	memory_fail_at(0);
	expect_text(c.snapshot.proc_root, "/proc", "ProcRoot");
	config_free(&c);
	config_free(&c);
	expect(memory_live() == before, "blocks are left in the end");
	check_end();
}

int main(void)
{
	test_defaults();
	test_good();
	test_backends();
	test_bad();
	test_children();
	test_bad_leaves_value();
	test_unknown();
	test_two_bad();
	test_blocks();
	test_percentiles();
	test_buckets();
	test_buckets_alike();
	test_nearest();
	test_rule_kinds();
	test_rule_blocks();
	test_rule_holds();
	test_rule_events();
	test_rule_bad_values();
	test_demand();
	test_rule_block_errors();
	test_ports();
	test_lists();
	test_memory();
	return check_status();
}
