/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Where a process was that is gone: by the living of its cgroup, then by the tree. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "match_world.h"

static void test_cgroups(void)
{
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_UNIT});
	struct snapshot_process p = row_of(&server, 33), gone = p;
	struct proc moved = server;

	moved.cgroup = "0::/elsewhere.service\n";
	check_begin("match: the living tell where those of their cgroup were");
	p.cgroup = gone.cgroup = CGROUP;
	gone.pid++;
	gone.row++;
	expect_group(m, &gone, "-", "nobody has told it");
	proc_write(&server);
	expect_group(m, &p, "server.service", "it lives");
	proc_remove(PID);
	gone.renames++;
	expect_group(m, &gone, "server.service", "it is gone");
	proc_write(&moved);
	p.renames++;
	expect_group(m, &p, "elsewhere.service", "it has executed a program: /proc is asked");
	p.row++;
	expect_group(m, &p, "server.service", "its id is known: /proc is not asked");
	proc_remove(PID);
	gone.cgroup++;
	gone.renames++;
	expect_group(m, &gone, "-", "another cgroup");
	match_close(m);
	check_end();
}

/* A folder of the tree, which is in that of the processes; its id. */
static uint64_t make_cgroup(const char *path)
{
	struct stat status = {.st_ino = 0};

	expect(!mkdir(proc_path(path), 0755), "mkdir %s", path);
	expect(!stat(proc_path(path), &status), "stat %s", path);
	return status.st_ino;
}

/* A walk sees what is there: what is made after it is not found before the next tick. */
static void test_walks(void)
{
	static const char *const paths[] = {"fs", "fs/first.service", "fs/late.service"};
	struct match_options options = {.group_by = MATCH_BY_UNIT, .proc_root = proc_folder()};
	struct snapshot_process p = row_of(&server, 33), gone = p;
	struct matcher *m = NULL;
	char root[256];

	check_begin("match: for the living, the tree of cgroups is not walked");
	make_cgroup("fs");
	proc_file("fs/cgroup.controllers", "");
	snprintf(root, sizeof(root), "%s", proc_path("fs"));
	options.cgroup_root = root;
	expect(!match_open(&m, ROWS, &options), "match_open");
	match_begin(m);
	p.cgroup = make_cgroup("fs/first.service");
	proc_write(&server);
	expect_group(m, &p, "server.service", "alive: as /proc says");
	p.renames++;
	p.cgroup = CGROUP;
	expect_group(m, &p, "server.service", "alive, after an exec");
	gone.row++;
	gone.pid++;
	gone.cgroup = make_cgroup("fs/late.service");
	expect_group(m, &gone, "late.service", "gone");
	proc_remove(PID);
	match_close(m);
	proc_file("fs/cgroup.controllers", NULL);
	for (size_t i = COUNT_OF(paths); i-- > 0;)
		rmdir(proc_path(paths[i]));
	check_end();
}

/* With hierarchies of v1 all have the same cgroup of v2. */
static void test_hybrid(void)
{
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_CGROUP});
	struct proc one = server, two = server;
	struct snapshot_process p = row_of(&server, 33), q = p;

	check_begin("match: on a hybrid host, ids tell nothing");
	one.cgroup = "4:memory:/one\n0::/\n";
	two.cgroup = "4:memory:/two\n0::/\n";
	two.pid = q.pid = PID + 1;
	p.cgroup = q.cgroup = CGROUP;
	q.row++;
	proc_write(&one);
	proc_write(&two);
	expect_group(m, &p, "one", "one");
	expect_group(m, &q, "two", "two");
	proc_remove(PID);
	proc_remove(PID + 1);
	q.renames++;
	expect_group(m, &q, "-", "gone");
	match_close(m);
	check_end();
}

static void test_no_longer_unified(void)
{
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_CGROUP});
	struct proc proc = server;
	struct snapshot_process p = row_of(&server, 33);

	check_begin("match: once v1 is there, the living are asked again");
	p.cgroup = CGROUP;
	proc_write(&proc);
	expect_group(m, &p, "system.slice_server.service", "v2");
	p.cgroup++;
	p.renames++;
	proc.cgroup = "4:memory:/one\n0::/\n";
	proc_write(&proc);
	expect_group(m, &p, "one", "a new cgroup, v1");
	p.cgroup = CGROUP;
	p.renames++;
	expect_group(m, &p, "one", "a cgroup that is known");
	proc_remove(PID);
	p.renames++;
	expect_group(m, &p, "system.slice_server.service", "one that is gone");
	match_close(m);
	check_end();
}

int main(void)
{
	proc_open();
	test_cgroups();
	test_walks();
	test_hybrid();
	test_no_longer_unified();
	proc_close();
	return check_status();
}
