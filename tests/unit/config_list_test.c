/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Options that may come more than once: they add up, or each takes the place of the last. */
#include "check.h"
#include "config_world.h"

static void test_blocks(void)
{
	static const oconfig_value_t seven = NUMBER(7), eleven = NUMBER(11);
	static const oconfig_value_t first = TEXT("/first"), second = TEXT("/second");
	oconfig_item_t empty = {.key = "Plugin"};
	struct config c;

	check_begin("config: blocks add up, the last value counts");
	config_start(&c);
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
	config_start(&c);
	expect(read_values(&c, "LatencyPercentile", values, 1) == 0, "first");
	expect(read_values(&c, "LatencyPercentile", values + 1, 1) == 0, "second");
	expect(read_values(&c, "LatencyPercentile", values + 2, 2) == 0, "two at once");
	expect_u64(c.reports->metric.percentiles.count, 4, "percentiles");
	for (unsigned i = 0; i < 4; i++)
		expect_double(c.reports->metric.percentiles.list[i], want[i], "percentile");
	config_free(&c);
	check_end();

	check_begin("config: sixteen percentiles, in one line or in many, and not one more");
	config_start(&c);
	expect(read_values(&c, "LatencyPercentile", sixteen, 16) == 0, "in one line");
	expect_u64(c.reports->metric.percentiles.count, 16, "percentiles in one line");
	expect(read_values(&c, "LatencyPercentile", values, 1) == -1, "the seventeenth is allowed");
	config_free(&c);
	config_start(&c);
	for (unsigned i = 0; i < 16; i++)
		expect(read_values(&c, "LatencyPercentile", &sixteen[i], 1) == 0, "line %u", i);
	expect_u64(c.reports->metric.percentiles.count, 16, "percentiles in many lines");
	expect(read_values(&c, "LatencyPercentile", values, 1) == -1, "the seventeenth is allowed");
	config_free(&c);
	check_end();

	check_begin("config: a percentile that is given twice is one series");
	config_start(&c);
	expect(read_values(&c, "LatencyPercentile", values, 1) == 0, "first");
	expect(read_values(&c, "LatencyPercentile", values, 1) == -1 ||
		       c.reports->metric.percentiles.count == 1,
	       "collectd would get two samples of one series at one time");
	config_free(&c);
	check_end();
}

static void test_buckets(void)
{
	static const double want[][2] = {{0, 0.005}, {0.005, 0.05}, {0.05, 3600},
					 {3600, 0},  {0, 0},        {0, 0.05}};
	struct config c;

	check_begin("config: LatencyBucket in the order of the file; twice the same is one");
	config_start(&c);
	for (size_t i = 0; i < COUNT_OF(want); i++)
		for (unsigned twice = 0; twice < 2; twice++)
			expect(read_a_bucket(&c, want[i][0], want[i][1]) == 0, "bucket %zu", i);
	expect_u64(stub.log_count, 0, "log lines");
	expect_buckets(&c.reports->metric.buckets, want, COUNT_OF(want), "in general");
	config_free(&c);
	check_end();

	check_begin("config: thirty-two buckets, and not one more");
	config_start(&c);
	for (unsigned i = 0; i < 32; i++)
		expect(read_a_bucket(&c, i, i + 1) == 0, "bucket %u", i);
	expect_u64(stub.log_count, 0, "log lines");
	expect(read_a_bucket(&c, 32, 33) == -1, "the thirty-third is allowed");
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
	config_start(&c);
	expect(read_a_bucket(&c, 0.1234561, 0.5) == 0, "first");
	expect(read_a_bucket(&c, 0.1234562, 0.5000001) == 0, "the same for six digits");
	expect(read_a_bucket(&c, 0.123457, 0.5) == 0, "another");
	expect_buckets(&c.reports->metric.buckets, want, COUNT_OF(want), "in general");
	config_free(&c);
	check_end();
}

static void test_ports(void)
{
	const oconfig_value_t values[] = {NUMBER(5432), TEXT("8000-8080"), TEXT("https")};
	struct config c;

	check_begin("config: ports by number, range and name add up");
	config_start(&c);
	expect(read_values(&c, "LocalPort", values, 3) == 0, "refused");
	expect(read_values(&c, "LocalPort", values, 1) == 0, "refused");
	for (unsigned port = 0; port < 65536; port++)
		expect_u64(c.probe.knobs.local_ports[port / 64] >> (port % 64) & 1,
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
	config_start(&c);
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

/* NULL: it is not given. */
static void test_host_root(void)
{
	static const struct {
		const char *host, *proc, *want_proc, *want_cgroup;
	} rows[] = {
		{NULL, NULL, "/proc", "/sys/fs/cgroup"},
		{"/", NULL, "/proc", "/sys/fs/cgroup"},
		{"/host", NULL, "/host/proc", "/host/sys/fs/cgroup"},
		{"/host", "/proc", "/proc", "/host/sys/fs/cgroup"},
		{"/host", "/p", "/p", "/host/sys/fs/cgroup"},
		{NULL, "/p", "/p", "/sys/fs/cgroup"},
	};
	struct config c;

	check_begin("config: HostRoot leads the paths that are not given");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const oconfig_value_t host = TEXT((char *)rows[i].host);
		const oconfig_value_t proc = TEXT((char *)rows[i].proc);

		config_start(&c);
		expect(!rows[i].proc || !read_values(&c, "ProcRoot", &proc, 1), "refused");
		expect(!rows[i].host || !read_values(&c, "HostRoot", &host, 1), "refused");
		expect(!config_finish(&c), "it does not finish");
		expect_text(c.match.host_root, rows[i].host ? rows[i].host : "/", "HostRoot");
		expect_text(c.snapshot.proc_root, rows[i].want_proc, "ProcRoot");
		expect_text(c.match.proc_root, rows[i].want_proc, "of matches");
		expect_text(c.match.cgroup_root, rows[i].want_cgroup, "CgroupRoot");
		expect(!c.probe.btf, "BTF: %s", c.probe.btf);
		config_free(&c);
	}
	check_end();
}

int main(void)
{
	test_host_root();
	test_blocks();
	test_percentiles();
	test_buckets();
	test_buckets_alike();
	test_ports();
	test_lists();
	return check_status();
}
