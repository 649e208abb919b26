/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Rules, what their blocks say, and what the probe must bring for all of them. */
#include "check.h"
#include "config_world.h"

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
	config_start(&c);
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

static void test_rule_blocks(void)
{
	oconfig_value_t no = BOOLEAN(0), yes = BOOLEAN(1), seven = NUMBER(7), ninety = NUMBER(90);
	oconfig_item_t own[] = {
		{.key = "ReportByPID", .values = &no, .values_num = 1},
		{.key = "DestinationLimit", .values = &seven, .values_num = 1},
		{.key = "ReportByDestination", .values = &yes, .values_num = 1},
		{.key = "ReportByClient", .values = &yes, .values_num = 1},
		{.key = "ClientLimit", .values = &seven, .values_num = 1},
		{.key = "LatencyPercentile", .values = &ninety, .values_num = 1},
	};
	const struct config_report *rule;
	struct config c;

	check_begin(
		"config: a rule's block is its own, the rest is the general, also if set later");
	config_start(&c);
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
	expect_u64(c.probe.knobs.by_destination, 1, "the kernel half must know");
	expect_u64(c.probe.knobs.by_port, 0, "ports");
	expect_u64(c.probe.knobs.by_client, 1, "clients");
	expect_u64(c.groups[1].by_client, 1, "ReportByClient, as the stage has it");
	expect_u64(c.groups[1].client_limit, 7, "ClientLimit, as the stage has it");
	expect_u64(c.groups[2].by_client, 0, "ReportByClient of the other");
	expect_u64(c.groups[0].client_limit, 50, "general ClientLimit");
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
	config_start(&c);
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
	config_start(&c);
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
	expect(read_a_bucket(&c, 0, 1) == 0 && read_a_bucket(&c, 1, 0) == 0, "refused");
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
		{"ReportStates", TEXT("all"),
		 "option ReportStates in <Process \"a\">: \"all\" is not allowed: give true or"},
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
		config_start(&c);
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
	config_start(&c);
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

/* -- what the probe must bring -- */

struct demand {
	bool lifetimes, health, listeners, failures, responses, states;
	uint64_t slow_connect_ns;
};

static void expect_demand(const struct tcp_knobs *got, const struct demand *want)
{
	expect_u64(got->lifetimes, want->lifetimes, "lifetimes");
	expect_u64(got->health, want->health, "health");
	expect_u64(got->listeners, want->listeners, "listeners");
	expect_u64(got->states, want->states, "states");
	expect_u64(got->failures, want->failures, "failures");
	expect_u64(got->responses, want->responses, "responses");
	expect_u64(got->slow_connect_ns, want->slow_connect_ns, "slow_connect_ns");
	expect(!got->by_scope && !got->by_destination && !got->by_port && !got->by_client,
	       "what nobody asked for");
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
		{"ReportResponses", BOOLEAN(1), NOTHING, {.responses = true}},
		{"ReportResponses", NOTHING, BOOLEAN(1), {.responses = true}},
		{"ReportStates", BOOLEAN(1), NOTHING, {.listeners = true, .states = true}},
		{"ReportStates", NOTHING, BOOLEAN(1), {.listeners = true, .states = true}},
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
		config_start(&c);
		expect(read_block(&c, "a", NULL, 0) == 0, "refused");
		expect(read_block(&c, "b", &item, own.type >= 0) == 0, "refused");
		if (cases[i].general.type >= 0)
			expect(read_values(&c, cases[i].option, &cases[i].general, 1) == 0,
			       "refused");
		expect_u64(stub.log_count, 0, "log lines");
		expect(config_finish(&c) == 0, "config_finish failed");
		expect_demand(&c.probe.knobs, &cases[i].want);
		config_free(&c);
		check_end();
	}
}

static void test_demand_of_names(void)
{
	static const struct {
		const char *option;
		const char *texts[2];
		const char *by; /* ContainerName */
		bool cgroups, hostnames;
	} cases[] = {
		{"GroupBy", {"Process"}, "name", false, false},
		{"GroupBy", {"Executable"}, "name", false, false},
		{"GroupBy", {"User"}, "name", false, false},
		{"GroupBy", {"Unit"}, "name", true, false},
		{"GroupBy", {"Cgroup"}, "name", true, false},
		{"GroupBy", {"Container"}, "name", true, true},
		{"GroupBy", {"Container"}, "pod", true, true},
		{"GroupBy", {"Container"}, "id", true, false},
		{"ProcessMatch", {"a", "b"}, "name", false, false},
		{"ContainerMatch", {"a", "b"}, "name", true, true},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		oconfig_value_t values[] = {TEXT((char *)cases[i].texts[0]),
					    TEXT((char *)cases[i].texts[1])};
		oconfig_value_t by = TEXT((char *)cases[i].by);
		struct config c;

		check_begin("config: what names need: %s %s, %s", cases[i].option,
			    cases[i].texts[0], cases[i].by);
		config_start(&c);
		expect(read_values(&c, cases[i].option, values, cases[i].texts[1] ? 2 : 1) == 0,
		       "refused");
		expect(read_values(&c, "ContainerName", &by, 1) == 0, "refused");
		expect(config_finish(&c) == 0, "config_finish failed");
		expect_u64(c.probe.knobs.cgroups, cases[i].cgroups, "cgroups");
		expect_u64(c.probe.knobs.hostnames, cases[i].hostnames, "hostnames");
		config_free(&c);
		check_end();
	}
}

int main(void)
{
	test_rule_kinds();
	test_rule_blocks();
	test_rule_holds();
	test_rule_events();
	test_rule_bad_values();
	test_demand();
	test_demand_of_names();
	test_rule_block_errors();
	return check_status();
}
