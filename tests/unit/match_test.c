/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The group of a process: GroupBy, endpoints, details; and what is left without memory. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "check.h"
#include "match_world.h"
#include "memory.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define D10 "0123456789"

/* -- GroupBy -- */

static const struct {
	const char *name;
	bool gone, last;
	uint32_t uid; /* of the row */
	struct proc proc;
	const char *want[MATCH_BY_USER + 1];
} attributes[] = {
	{"a service", .uid = 33,
	 .proc = {.comm = "nginx",
		  .exe = "/usr/sbin/nginx",
		  .cgroup = "0::/system.slice/nginx.service\n"},
	 .want = {"nginx", "nginx", "nginx.service", "-", "system.slice_nginx.service",
		  "www-data"}},
	{"a container",
	 .proc = {.comm = "gunicorn: maste",
		  .exe = "/usr/local/bin/python3.11",
		  .cgroup = "0::/system.slice/docker-" ID ".scope\n"},
	 .want = {"gunicorn:_maste", "python3.11", "docker-" ID ".scope", "0123456789ab",
		  "system.slice_docker-" ID ".scope", "root"}},
	{"a kernel thread", .proc = {.comm = "kworker/0:1", .cmdline = "", .cgroup = "0::/\n"},
	 .want = {"kworker_0:1", "kworker_0:1", "-", "-", "-", "root"}},
	{"a program that was replaced", .uid = 161,
	 .proc = {.comm = "main", .exe = "/opt/app v2/bin/the server (deleted)"},
	 .want = {"main", "the_server", "-", "-", "-", "DOMAIN_jane_doe"}},
	{"reserved names", .uid = 1000,
	 .proc = {.comm = "all", .exe = "/bin/other", .cgroup = "0::/kernel\n"},
	 .want = {"all_", "other_", NULL, "-", "kernel_", "self_"}},
	{"a long cgroup: its end",
	 .proc = {.comm = "x",
		  .cgroup = "0::/01234567/" D10 D10 D10 D10 D10 D10 D10 D10 "/abcdef/z\n"},
	 .want = {"x", "x", NULL, "-", "4567_" D10 D10 D10 D10 D10 D10 D10 D10 "_abcdef_z",
		  "root"}},
	{"a long cgroup that would be cut within a character",
	 .proc = {.comm = "x",
		  .cgroup = "0::/a\xe2\x82\xac" D10 D10 D10 D10 D10 D10 D10 D10 D10 "-z\n"},
	 .want = {"x", "x", NULL, "-", D10 D10 D10 D10 D10 D10 D10 D10 D10 "-z", "root"}},
	{"a hybrid host",
	 .proc = {.comm = "x", .cgroup = "4:memory:/docker/" ID "\n1:cpu:/\n0::/\n"},
	 .want = {"x", "x", NULL, NULL, ("docker_" ID), "root"}},
	{"a uid that the row does not have", .uid = TCP_UID_UNKNOWN,
	 .proc = {.comm = "x", .uid = 33}, .want = {"x", "x", "-", "-", "-", "www-data"}},
	{"a uid without a name", .uid = 4000000001, .proc = {.comm = "x"},
	 .want = {"x", "x", "-", "-", "-", "4000000001"}},
	{"a uid whose name cannot be had", .uid = 1001, .proc = {.comm = "x"},
	 .want = {"x", "x", "-", "-", "-", "1001"}},
	{"a uid of which much is known", .uid = 1002, .proc = {.comm = "x"},
	 .want = {"x", "x", "-", "-", "-", "large"}},
	{"a uid of which too much is known", .uid = 1003, .proc = {.comm = "x"},
	 .want = {"x", "x", "-", "-", "-", "1003"}},
	{"one that is gone", .gone = true, .uid = 33,
	 .proc = {.comm = "curl", .exe = "/x/y", .cgroup = "0::/x/y\n"},
	 .want = {"curl", "curl", "-", "-", "-", "www-data"}},
	{"one that is gone, of an unknown uid", .gone = true, .uid = TCP_UID_UNKNOWN,
	 .proc = {.comm = "curl", .exe = "/x/y"},
	 .want = {"curl", "curl", "-", "-", "-", "unknown"}},
	{"one that is gone for good is not looked for", .last = true, .uid = TCP_UID_UNKNOWN,
	 .proc = {.comm = "curl", .exe = "/x/y", .uid = 33, .cgroup = "0::/x/y\n"},
	 .want = {"curl", "curl", "-", "-", "-", "unknown"}},
};

static void test_attribute(size_t i, int by)
{
	struct match_options options = {.group_by = by};
	struct proc proc = attributes[i].proc;
	struct snapshot_process p;
	struct matcher *m;

	if (!attributes[i].want[by])
		return;
	proc.pid = PID;
	proc.start_ticks = START;
	p = row_of(&proc, attributes[i].uid);
	p.last = attributes[i].last;
	proc.start_ticks += attributes[i].gone; /* its pid is another one's */
	m = matcher_new(options);
	if (!attributes[i].gone) {
		proc_write(&proc);
		expect_group(m, &p, attributes[i].want[by], naming_names()[by]);
	} else {
		expect_group(m, &p, attributes[i].want[by], "without a folder");
		match_close(m);
		m = matcher_new(options);
		proc_write(&proc);
		expect_group(m, &p, attributes[i].want[by], "pid of another process");
	}
	expect_u64((uint64_t)match_process(m, &p)->rule, (uint64_t)-1, "rule");
	proc_remove(PID);
	match_close(m);
}

static void test_attributes(void)
{
	static const char *const names[] = {"Process",   "Executable", "Unit",
					    "Container", "Cgroup",     "User"};

	for (size_t i = 0; i < COUNT_OF(attributes); i++) {
		check_begin("match: GroupBy: %s", attributes[i].name);
		for (int by = 0; by <= MATCH_BY_USER; by++)
			test_attribute(i, by);
		check_end();
	}
	check_begin("match: GroupBy has six names");
	for (size_t i = 0; i < COUNT_OF(names); i++)
		expect_text(naming_names()[i], names[i], "name");
	expect(!naming_names()[COUNT_OF(names)], "there are more");
	check_end();
}

static const struct {
	uint32_t uid;
	const char *want;
	unsigned asked; /* how often by now */
	bool away;
} asks[] = {
	{33, "www-data", 1, false},
	{33, "www-data", 1, false},
	{4000000002, "4000000002", 2, false},
	{4000000002, "4000000002", 2, false},
	{1003, "1003", 3, false},
	{1003, "1003", 3, false},
	{161, "DOMAIN_jane_doe", 4, false},
	{33, "www-data", 5, false},
	{1003, "1003", 5, false},
	{1000, "1000", 6, true}, /* no answer is none to be kept */
	{33, "www-data", 6, true},
	{1000, "1000", 7, true},
	{1000, "self_", 8, false},
	{1000, "self_", 8, true},
	{4000000003, "4000000003", 9, true},
	{4000000003, "4000000003", 10, false},
	{4000000003, "4000000003", 10, false},
};

static void test_users(void)
{
	const struct proc proc = {.pid = PID, .start_ticks = START, .comm = "x"};
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_USER});
	struct snapshot_process p = row_of(&proc, 33);

	check_begin("match: a user is asked for until there is an answer, also if that is no name");
	users_asked = 0;
	for (size_t i = 0; i < COUNT_OF(asks); i++) {
		p.uid = asks[i].uid;
		p.renames = (uint32_t)i;
		users_away = asks[i].away;
		expect_group(m, &p, asks[i].want, "user");
		expect_u64(users_asked, asks[i].asked, "times, %zu", i);
	}
	p = row_of(&proc, 33);
	match_close(m);
	check_end();

	check_begin("match: a user whose name there was no memory for is asked for again");
	m = matcher_new((struct match_options){.group_by = MATCH_BY_USER});
	memory_fail_at(1);
	expect_group(m, &p, "other", "without memory");
	memory_fail_at(0);
	expect_group(m, &p, "www-data", "with it");
	match_close(m);
	check_end();
}

static void test_fixed(void)
{
	struct snapshot_process p = {.row = TCP_ROW_OTHER, .uid = 33, .comm = "x"};
	struct matcher *m = matcher_new((struct match_options){0});

	check_begin("match: rows that are no process");
	expect_group(m, &p, "other", "other");
	expect_text(match_details(m, &p)->exe, "", "exe");
	p.row = TCP_ROW_KERNEL;
	expect_group(m, &p, "kernel", "kernel");
	expect_u64(match_details(m, &p)->uid, TCP_UID_UNKNOWN, "uid");
	match_close(m);
	check_end();
}

static void test_endpoints(void)
{
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_EXECUTABLE});
	struct snapshot_process p = row_of(&server, 33), end = p;

	check_begin("match: an endpoint has the match of its process");
	end.row = ROW + 1;
	end.endpoint.kind = TCP_ENDPOINT_DESTINATION;
	proc_write(&server);
	expect_group(m, &p, "server", "process");
	proc_remove(PID);
	memory_fail_at(1);
	expect(match_process(m, &end) == match_process(m, &p), "it has its own");
	memory_fail_at(0);
	check_end();

	check_begin("match: an endpoint whose process has another row is matched alone");
	snprintf(end.comm, sizeof(end.comm), "end");
	end.start_ns++;
	expect_group(m, &end, "end", "another start");
	end.process_row = 0;
	end.start_ns++;
	expect_group(m, &end, "end", "no row");
	end.process_row = ROWS;
	end.start_ns++;
	expect_group(m, &end, "end", "beyond the rows");
	expect_group(m, &p, "server", "the process's stays");
	match_close(m);
	check_end();
}

/* Rows of processes are read first: an endpoint that is told of before its process began after
 * that. */
static void test_endpoints_first(void)
{
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_EXECUTABLE});
	struct snapshot_process p = row_of(&server, 33), end;

	check_begin("match: an endpoint that is told of before its process decides for it");
	snprintf(p.comm, sizeof(p.comm), "short");
	for (unsigned life = 0; life < 3; life++) {
		p.last = false;
		end = p;
		end.row = ROW + 1 + life;
		end.endpoint.kind = TCP_ENDPOINT_DESTINATION;
		proc_write(&server);
		expect_group(m, &end, "server", "endpoint, alive");
		proc_remove(PID);
		expect(match_process(m, &p) == match_process(m, &end), "it has its own");
		expect_group(m, &p, "server", "process, gone");
		p.last = true;
		expect_group(m, &p, "server", "the last of it");
		end.last = true;
		expect_group(m, &end, "server", "the last of its endpoint");
		p.start_ns += life ? 1 : -1ULL; /* the next one of the row may be older */
	}
	match_close(m);
	check_end();
}

/* -- details -- */

static void test_details(void)
{
	struct matcher *m = matcher_new((struct match_options){0});
	struct snapshot_process p = row_of(&server, TCP_UID_UNKNOWN);
	struct proc proc = server;
	const struct match *match;

	check_begin("match: details are looked at when they are asked for, and once");
	proc.uid = 33;
	proc_write(&proc);
	match = match_process(m, &p);
	expect_text(match->exe, "", "exe before");
	expect_text(match->cgroup, "", "cgroup before");
	expect_u64(match->uid, TCP_UID_UNKNOWN, "uid before");
	match = match_details(m, &p);
	proc_remove(PID);
	memory_fail_at(1);
	expect(match_details(m, &p) == match && match_process(m, &p) == match, "another match");
	memory_fail_at(0);
	expect_text(match->group, "server", "group");
	expect_text(match->exe, "/usr/bin/server", "exe");
	expect_text(match->cgroup, "/system.slice/server.service", "cgroup");
	expect_u64(match->uid, 33, "uid");
	check_end();

	check_begin("match: of a process that is gone there are none");
	p.renames++;
	match = match_details(m, &p);
	expect_text(match->exe, "", "exe");
	expect_text(match->cgroup, "", "cgroup");
	proc_write(&proc);
	expect_text(match_details(m, &p)->exe, "", "exe, asked again");
	proc_remove(PID);
	match_close(m);
	check_end();
}

/* -- memory -- */

static void test_open_memory(void)
{
	struct match_options options = {.proc_root = "/", .cgroup_root = "/nonexistent"};
	struct matcher *m = NULL;
	unsigned n = 0;
	int err;

	check_begin("match: open: every allocation fails in turn");
	do {
		memory_fail_at(++n);
		err = match_open(&m, ROWS, &options);
		memory_fail_at(0);
		expect(!err || err == -ENOMEM, "returned %d", err);
		expect(!err == !!m, "out was written on an error, or not without");
	} while (err && n < 100);
	expect(n > 3 && n < 100, "%u allocations", n);
	match_close(m);
	match_close(NULL);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

/* Asks for everything while the n-th allocation fails; true if none was missing. */
static bool ask_without(struct matcher *m, const struct snapshot_process *p, unsigned n)
{
	const struct match *match;
	bool complete;

	memory_fail_at(n);
	match_begin(m);
	match = match_process(m, p);
	expect(strcmp(match->group, "server.service") == 0 ||
		       (strcmp(match->group, "other") == 0 && match->rule == -1),
	       "allocation %u: group %s, rule %d", n, match->group, match->rule);
	match = match_details(m, p);
	complete = strcmp(match->group, "server.service") == 0 && *match->exe && *match->cgroup;
	expect(match->group && match->exe && match->cgroup, "allocation %u: a text is NULL", n);
	memory_fail_at(0);
	return complete;
}

static void test_memory(void)
{
	struct snapshot_process p = row_of(&server, 33);
	unsigned n = 0;
	bool complete;

	check_begin("match: every allocation fails in turn, and the next tick has it all");
	p.cgroup = CGROUP;
	proc_write(&server);
	do {
		struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_UNIT});
		const struct match *match;

		complete = ask_without(m, &p, ++n);
		match_begin(m);
		match = match_details(m, &p);
		expect_text(match->group, "server.service", "group");
		expect_text(match->exe, "/usr/bin/server", "exe");
		expect_text(match->cgroup, "/system.slice/server.service", "cgroup");
		match_close(m);
		expect(memory_live() == 0, "%ld blocks are left", memory_live());
	} while (!complete && n < 100);
	expect(n > 2 && n < 100, "%u allocations", n);
	proc_remove(PID);
	check_end();
}

static void test_release(void)
{
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_PROCESS});
	struct snapshot_process p = row_of(&server, 33);
	long live = memory_live();

	check_begin("match: what is no longer true is not kept");
	proc_write(&server);
	match_process(m, &p);
	expect_u64((uint64_t)(memory_live() - live), 1, "group");
	memory_fail_at(2);
	match_details(m, &p);
	memory_fail_at(0);
	expect_u64((uint64_t)(memory_live() - live), 2, "group and exe");
	match_details(m, &p);
	expect_u64((uint64_t)(memory_live() - live), 3, "group, exe and cgroup");
	p.renames++;
	match_process(m, &p);
	expect_u64((uint64_t)(memory_live() - live), 1, "group again");
	proc_remove(PID);
	match_close(m);
	check_end();
}

/* Each row asks for a name; `kinds` different ones. */
static void fill(struct matcher *m, unsigned rows, unsigned kinds, uint32_t renames)
{
	for (unsigned row = TCP_ROW_FIRST; row < rows; row++) {
		struct snapshot_process p = {.row = row, .pid = row, .start_ns = row};

		p.renames = renames;
		snprintf(p.comm, sizeof(p.comm), "job-%u", row % kinds);
		if (!expect_text(match_process(m, &p)->group, p.comm, "group"))
			return;
	}
}

static void test_many(void)
{
	const unsigned rows = 100000;
	struct match_options options = {.proc_root = "/nonexistent", .cgroup_root = "/nonexistent"};
	struct mallinfo2 before = mallinfo2(), now; /* the sanitizer's tells nothing */
	struct matcher *m = NULL;
	long live;

	check_begin("match: 100000 rows: 100 bytes each, and one copy of each name");
	expect(!match_open(&m, rows, &options), "match_open");
	live = memory_live();
	fill(m, rows, 10, 0);
	expect_u64((uint64_t)(memory_live() - live), 10, "names");
	now = mallinfo2();
	expect(now.uordblks + now.hblkhd - before.uordblks - before.hblkhd <= 100 * (size_t)rows,
	       "%zu bytes", now.uordblks + now.hblkhd - before.uordblks - before.hblkhd);
	fill(m, rows, rows, 1);
	expect_u64((uint64_t)(memory_live() - live), rows - TCP_ROW_FIRST, "names of their own");
	fill(m, rows, 1, 2);
	expect_u64((uint64_t)(memory_live() - live), 1, "one name");
	match_close(m);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

int main(void)
{
	proc_open();
	test_attributes();
	test_users();
	test_fixed();
	test_endpoints();
	test_endpoints_first();
	test_details();
	test_open_memory();
	test_memory();
	test_release();
	test_many();
	proc_close();
	return check_status();
}
