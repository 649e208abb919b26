/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "check.h"
#include "identity/subject.h"
#include "probe/snapshot.h"
#include "proc.h"

#define PID 4242
#define START 7919

static const struct proc full = {.pid = PID,
				 .parent = 10,
				 .uid = 33,
				 .start_ticks = START,
				 .comm = "comm",
				 .exe = "/usr/bin/server",
				 .cmdline = "server|-v|",
				 .cgroup = "0::/system.slice/server.service\n"};
static const struct proc parent = {.pid = 10, .parent = 1, .comm = "parent"};

static const struct snapshot_process row = {.pid = PID,
					    .uid = TCP_UID_UNKNOWN,
					    .parent = 20,
					    .start_ns = START * PROC_TICK_NS + 9999999,
					    .comm = "comm"};

static void expect_alive(struct subject *s)
{
	expect_text(subject_exe(s), "/usr/bin/server", "exe");
	expect_text(subject_cmdline(s), "server -v", "cmdline");
	expect_text(subject_cgroup(s), "/system.slice/server.service", "cgroup");
	expect_u64(subject_uid(s), 33, "uid");
	expect(subject_descends(s, PID) && subject_descends(s, 10) && subject_descends(s, 1),
	       "of itself, its parent and init");
	expect(!subject_descends(s, 20) && !subject_descends(s, 0), "of nobody else");
}

static void expect_gone(struct subject *s)
{
	expect_text(subject_exe(s), "", "exe");
	expect_text(subject_cmdline(s), "comm", "cmdline");
	expect_text(subject_cgroup(s), "", "cgroup");
	expect_u64(subject_uid(s), TCP_UID_UNKNOWN, "uid");
	expect(subject_descends(s, PID) && subject_descends(s, 20), "of itself and its parent");
	expect(!subject_descends(s, 10) && !subject_descends(s, 1), "of nobody else");
}

static void test_once(struct subject_source *source)
{
	struct subject s;

	check_begin("subject: each attribute is looked at once");
	proc_write(&full);
	proc_write(&parent);
	subject_init(&s, &row, source, false);
	expect_alive(&s);
	proc_remove(PID);
	proc_remove(10);
	expect_alive(&s);
	check_end();

	check_begin("subject: of one that is gone, too");
	subject_init(&s, &row, source, false);
	expect_gone(&s);
	proc_write(&full);
	expect_gone(&s);
	proc_remove(PID);
	check_end();
}

static void test_other(struct subject_source *source)
{
	struct proc other = full;
	struct subject s;

	check_begin("subject: another process with its pid is not it");
	other.start_ticks++;
	proc_write(&other);
	subject_init(&s, &row, source, false);
	expect_gone(&s);
	proc_remove(PID);
	check_end();

	check_begin("subject: one whose start cannot be read is not it");
	proc_write(&full);
	proc_file("4242/stat", "");
	subject_init(&s, &row, source, false);
	expect_gone(&s);
	proc_remove(PID);
	check_end();
}

/* Of one that has ended, /proc has no program, and v1 shows the root of its control groups. */
static void test_zombie(struct subject_source *source)
{
	struct proc zombie = full, thread = full;
	struct subject s;

	check_begin("subject: of one whose parent has not asked for it, the row tells");
	zombie.ended = true;
	zombie.cgroup = "4:memory:/\n";
	zombie.exe = NULL;
	zombie.cmdline = "";
	proc_write(&zombie);
	subject_init(&s, &row, source, false);
	expect_gone(&s);
	expect(subject_gone(&s), "it is not gone");
	check_end();

	check_begin("subject: of one whose leader has ended, a thread that has not");
	zombie.thread = thread.pid = PID + 1;
	proc_write(&zombie);
	proc_write(&thread);
	proc_write(&parent);
	subject_init(&s, &row, source, false);
	expect_alive(&s);
	expect(!subject_gone(&s), "it is gone");
	proc_remove(thread.pid);
	proc_remove(PID);
	proc_remove(10);
	check_end();
}

static void test_row(struct subject_source *source)
{
	struct snapshot_process p = row;
	struct subject s;

	check_begin("subject: the row's uid comes first");
	p.uid = 0;
	proc_write(&full);
	subject_init(&s, &p, source, false);
	expect_u64(subject_uid(&s), 0, "uid");
	proc_remove(PID);
	check_end();
}

static void test_renamed(struct subject_source *source)
{
	struct snapshot_process p = row;
	struct subject s;

	check_begin("subject: after an exec /proc tells of the living");
	p.uid = 0;
	p.cgroup = 7919;
	cgroups_add(source->cgroups, p.cgroup, "/init.scope");
	proc_write(&full);
	subject_init(&s, &p, source, true);
	expect_u64(subject_uid(&s), 33, "uid");
	expect_text(subject_cgroup(&s), "/system.slice/server.service", "cgroup");
	check_end();

	check_begin("subject: and of those that are gone, the row");
	proc_remove(PID);
	subject_init(&s, &p, source, true);
	expect_u64(subject_uid(&s), 0, "uid");
	expect_text(subject_cgroup(&s), "/init.scope", "cgroup");
	check_end();

	check_begin("subject: after an exec the row's id is not that of the path");
	p.cgroup = 7927;
	proc_write(&full);
	subject_init(&s, &p, source, true);
	expect_text(subject_cgroup(&s), "/system.slice/server.service", "cgroup");
	proc_remove(PID);
	subject_init(&s, &p, source, true);
	expect_text(subject_cgroup(&s), "", "cgroup of one that is gone");
	check_end();
}

int main(void)
{
	struct subject_source source = {0};

	proc_open();
	source.proc_root = proc_folder();
	if (cgroups_open(&source.cgroups, "/nonexistent"))
		return 2;
	test_once(&source);
	test_other(&source);
	test_zombie(&source);
	test_row(&source);
	test_renamed(&source);
	cgroups_close(source.cgroups);
	proc_close();
	return check_status();
}
