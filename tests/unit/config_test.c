/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Each option alone: its default, what it may be, and what is said of all else. */
#include <math.h>

#include "check.h"
#include "config_world.h"
#include "memory.h"

#define VALUES_MAX 18
#define AT(field) offsetof(struct config, field)
#define REPORT_AT ((size_t)1 << 30) /* the rest is an offset in struct config_report */
#define REPORT(field) (REPORT_AT | offsetof(struct config_report, field))

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
	{"ContainerName", INDEX, AT(match.container_by), TEXT("name"), CONTAINER_BY_NAME, NULL},
	{"ContainerName", INDEX, AT(match.container_by), TEXT("pod"), CONTAINER_BY_POD, NULL},
	{"ContainerName", INDEX, AT(match.container_by), TEXT("id"), CONTAINER_BY_ID, NULL},
	{"HostRoot", TEXT_FIELD, AT(match.host_root), TEXT("/host"), 0, "/host"},
	{"ReportUnmatched", BOOL, AT(match.report_unmatched), BOOLEAN(1), 1, NULL},
	{"IgnoreSelected", BOOL, AT(match.ignore_selected), BOOLEAN(0), 0, NULL},
	{"ReportByDestination", BOOL, REPORT(group.by_destination), BOOLEAN(1), 1, NULL},
	{"DestinationLimit", COUNT, REPORT(group.destination_limit), NUMBER(7), 7, NULL},
	{"ReportByPort", BOOL, REPORT(group.by_port), BOOLEAN(1), 1, NULL},
	{"PortLimit", COUNT, REPORT(group.port_limit), NUMBER(11), 11, NULL},
	{"ReportByClient", BOOL, REPORT(group.by_client), BOOLEAN(1), 1, NULL},
	{"ClientLimit", COUNT, REPORT(group.client_limit), NUMBER(13), 13, NULL},
	{"ReportByScope", BOOL, REPORT(metric.by_scope), BOOLEAN(1), 1, NULL},
	{"Loopback", BOOL, AT(probe.knobs.scopes[TCP_SCOPE_LOOPBACK]), BOOLEAN(0), 0, NULL},
	{"Private", BOOL, AT(probe.knobs.scopes[TCP_SCOPE_PRIVATE]), BOOLEAN(0), 0, NULL},
	{"Public", BOOL, AT(probe.knobs.scopes[TCP_SCOPE_PUBLIC]), BOOLEAN(0), 0, NULL},
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
	{"ReportResponses", BOOL, REPORT(metric.responses), BOOLEAN(1), 1, NULL},
	{"ReportStates", BOOL, REPORT(metric.states), BOOLEAN(1), 1, NULL},
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
		config_start(&c);
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

		config_start(&c);
		expect(read_values(&c, "Backend", &value, 1) == 0, "%s refused", names[i]);
		expect_text(c.probe.backend, names[i], "backend");
		config_free(&c);
	}
	check_end();
}

static void expect_defaults(const struct config *c)
{
	expect_u64((unsigned)c->match.group_by, MATCH_BY_PROCESS, "GroupBy");
	expect_u64((unsigned)c->match.container_by, CONTAINER_BY_NAME, "ContainerName");
	expect_text(c->match.host_root, "/", "HostRoot");
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
	expect_u64(c->reports->group.by_client, 0, "ReportByClient");
	expect_u64(c->reports->group.client_limit, 50, "ClientLimit");
	expect_u64(c->reports->group.new_names_per_hour, 60, "NewNamesPerHour");
	expect_u64(c->reports->metric.by_scope, 0, "ReportByScope");
	expect_u64(c->probe.max_endpoints, 4096, "MaxEndpoints");
	expect_u64(c->subnet_count, 0, "subnets");
	expect_u64(c->reports->metric.lifetime, 0, "ReportLifetime");
	expect_u64(c->reports->metric.health, 0, "ReportHealth");
	expect_u64(c->reports->metric.listen, 0, "ReportListen");
	expect_u64(c->reports->metric.responses, 0, "ReportResponses");
	expect_u64(c->reports->metric.states, 0, "ReportStates");
	expect_u64(c->reports->metric.buckets.count, 0, "LatencyBucket");
	expect_double(c->reports->event.slow_s, 0, "NotifySlowConnect");
	expect_u64(c->reports->event.failed, 0, "NotifyFailedConnect");
	expect_u64(c->notify_limit, 10, "NotifyLimit");
	expect_u64(c->own_cost, 0, "ReportOwnCost");
	for (unsigned i = 0; i < TCP_SCOPE_COUNT; i++)
		expect_u64(c->probe.knobs.scopes[i], 1, "scope %u", i);
	for (unsigned i = 0; i < PORT_WORDS; i++)
		expect(!c->probe.knobs.local_ports[i] && !c->probe.knobs.remote_ports[i],
		       "word %u of ports", i);
}

static void test_defaults(void)
{
	struct config c;

	check_begin("config: the defaults are the documented ones");
	config_start(&c);
	expect_defaults(&c);
	config_free(&c);
	check_end();
}

/* -- what is not -- */

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
	{"ContainerName", 1, {TEXT("short")}, "\"short\"", "\"name\", \"pod\", \"id\""},
	{"HostRoot", 1, {TEXT("host")}, "\"host\"", "an absolute path"},
	{"ContainerMatch", 1, {TEXT("a")}, "\"a\"", "a name and a regular expression"},
	{"ContainerMatch", 2, {TEXT("a"), TEXT("(")}, "\"a\" \"(\"", "Unmatched ("},
	{"ContainerMatch", 2, {TEXT("a-\\2"), TEXT("(x)")}, "\"a-\\2\"", "something else"},
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
	{"ReportByClient", 1, {NUMBER(1)}, " 1 ", "true or false"},
	{"ClientLimit", 1, {NUMBER(0)}, " 0 ", "from 1 to"},
	{"CgroupRoot", 1, {TEXT("cgroup")}, "\"cgroup\"", "an absolute path"},
	{"ReportLifetime", 1, {TEXT("yes")}, "\"yes\"", "true or false, without quotes"},
	{"ReportHealth", 1, {NUMBER(1)}, " 1 ", "true or false, without quotes"},
	{"ReportListen", 0, {}, "nothing", "true or false, without quotes"},
	{"ReportStates", 1, {NUMBER(1)}, " 1 ", "true or false, without quotes"},
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
		config_start(&c);
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
		config_start(&c);
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

		config_start(&c);
		expect(read_values(&c, cases[i].option, &cases[i].value, 1) == -1, "allowed");
		expect_defaults(&c);
		config_free(&c);
	}
	check_end();
}

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
	config_start(&c);
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
	config_start(&c);
	expect(config_read(&c, &block) == -1, "allowed");
	expect_u64(stub.log_count, 2, "log lines");
	expect(strstr(stub.logs[0].text, "PIDLimit") != NULL, "\"%s\"", stub.logs[0].text);
	expect(strstr(stub.logs[1].text, "GroupLimit") != NULL, "\"%s\"", stub.logs[1].text);
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

		config_start(&c);
		expect(read_values(&c, cases[i].written, &seven, 1) == 0, "refused");
		snprintf(want, sizeof(want), "nearest is %s", cases[i].meant);
		expect(strstr(stub.logs[0].text, want) != NULL, "\"%s\"", stub.logs[0].text);
		config_free(&c);
	}
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
	config_start(&c);
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
	test_nearest();
	test_memory();
	return check_status();
}
