/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/process.h"
#include "check.h"
#include "proc.h"

#define TICK_NS PROC_TICK_NS
#define NOBODY 4194311 /* above PID_MAX_LIMIT: no kernel has it */
#define STARTED (7919 * TICK_NS)

/* Fields 3 to 21, field 22 (ticks from boot to start), and what follows it. */
#define BEFORE " S 1 7 7 0 -1 4194560 101 0 3 0 11 13 0 0 20 0 1 0 "
#define AFTER " 1000003 257 18446744073709551615 1 1 0 0 0 0 0 4096 17642 0 0 0 17 1 0 0 0 0 0"
/* The state, and how many threads there are. */
#define IN(state, threads)                                                                         \
	" " state " 1 7 7 0 -1 4227148 101 0 3 0 11 13 0 0 20 0 " threads " 0 7919" AFTER
#define REST BEFORE "7919" AFTER

static const struct {
	const char *name;
	const char *stat; /* NULL: there is no such folder */
	uint64_t start_ns;
	bool want;
} cases[] = {
	{"it runs", "7 (web)" REST, STARTED, true},
	{"within the tick", "7 (web)" REST, STARTED + 9999999, true},
	{"it started earlier", "7 (web)" BEFORE "7918" AFTER, STARTED, false},
	{"it started later", "7 (web)" BEFORE "7920" AFTER, STARTED, false},
	{"start before that tick", "7 (web)" REST, STARTED - 1, false},
	{"name with )", "7 (a)b)" REST, STARTED, true},
	{"name of )", "7 ())" REST, STARTED, true},
	{"name with blanks", "7 (tmux: a b  c)" REST, STARTED, true},
	{"name like a stat", "7 (a) S 1 2 3)" REST, STARTED, true},
	{"name like a stat, gone", "7 (x) S 7919)" BEFORE "7920" AFTER, STARTED, false},
	{"name with a line feed", "7 (a\nb)" REST, STARTED, true},
	{"name empty", "7 ()" REST, STARTED, true},
	{"start 0", "7 (init)" BEFORE "0" AFTER, 0, true},
	{"ten years", "7 (web)" BEFORE "31536000019" AFTER, 31536000019 * TICK_NS, true},
	{"as seen by ps, nothing after", "7 (web)" BEFORE "7919", STARTED, true},
	{"no folder", NULL, STARTED, false},
	{"a zombie", "7 (web)" IN("Z", "1"), STARTED, false},
	{"a zombie by name", "7 (web) Z 1)" IN("S", "1"), STARTED, true},
	{"being reaped", "7 (web)" IN("X", "0"), STARTED, false},
	{"its leader has ended, a thread has not", "7 (web)" IN("Z", "2"), STARTED, true},
	{"its leader has ended, many threads have not", "7 (web)" IN("Z", "10"), STARTED, true},
	{"its only thread waits for the disk", "7 (web)" IN("D", "1"), STARTED, true},
	{"its only thread is traced", "7 (web)" IN("t", "1"), STARTED, true},
	{"no number of threads", "7 (web)" IN("Z", "x"), STARTED, true},
	/* in doubt it lives */
	{"empty file", "", STARTED, true},
	{"no name", "7 web" BEFORE "7920" AFTER, STARTED, true},
	{"cut short", "7 (web)" BEFORE, STARTED, true},
	{"cut within the name", "7 (we", STARTED, true},
	{"no number", "7 (web)" BEFORE "x" AFTER, STARTED, true},
};

/* Makes ROOT/PID/stat, or takes it away. */
static void stat_write(const char *text)
{
	const struct proc p = {.pid = NOBODY};

	if (!text) {
		proc_remove(NOBODY);
		return;
	}
	proc_write(&p);
	proc_file("4194311/stat", text);
}

static void test_cases(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		check_begin("process: %s: %s", cases[i].want ? "alive" : "gone", cases[i].name);
		stat_write(cases[i].stat);
		expect(process_alive(proc_folder(), NOBODY, cases[i].start_ns) == cases[i].want,
		       "it is not");
		stat_write(NULL);
		check_end();
	}
}

static void test_doubt(void)
{
	const char *path;

	check_begin("process: alive in doubt: stat cannot be read");
	stat_write("");
	path = proc_path("4194311/stat");
	unlink(path);
	expect(!mkdir(path, 0755), "mkdir %s", path); /* root may read any file, but no folder */
	expect(process_alive(proc_folder(), NOBODY, 1), "it is not");
	rmdir(path);
	expect(!symlink("stat", path), "symlink %s", path); /* ELOOP */
	expect(process_alive(proc_folder(), NOBODY, 1), "it is not behind a loop of links");
	stat_write(NULL);
	check_end();

	check_begin("process: a ProcRoot of its own has its own pids: what takes signals here is "
		    "not it");
	expect(!process_alive(proc_folder(), (uint32_t)getpid(), 1), "it is");
	check_end();
}

static void test_real(void)
{
	uint32_t self = (uint32_t)getpid();
	char text[1024], path[64];
	uint64_t ticks = 0;
	FILE *file;
	size_t n;

	check_begin("process: this one is alive, and not one that started a tick later");
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", self);
	file = fopen(path, "r");
	if (expect(file != NULL, "fopen %s", path)) {
		n = fread(text, 1, sizeof(text) - 1, file);
		text[n] = '\0';
		fclose(file);
		sscanf(strrchr(text, ')'),
		       ") %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		       "%*s %" SCNu64,
		       &ticks);
		expect(process_alive("/proc", self, ticks * TICK_NS), "it is gone");
		expect(!process_alive("/proc", self, (ticks + 1) * TICK_NS), "so is the other");
		expect(!process_alive("/proc", NOBODY, ticks * TICK_NS), "nobody is alive");
		expect(!process_gone("/proc", self), "its pid is gone");
		expect(process_gone("/proc", NOBODY), "nobody's pid is not");
	}
	check_end();
}

static void test_long_root(void)
{
	char deep[320];

	check_begin("process: a ProcRoot of 300 bytes is not cut");
	for (size_t used = (size_t)snprintf(deep, sizeof(deep), "%s", proc_folder()); used < 300;
	     used += 2)
		snprintf(deep + used, sizeof(deep) - used, "/.");
	stat_write("7 (web)" REST);
	expect(process_alive(deep, NOBODY, STARTED), "a live process is gone");
	expect(!process_alive(deep, NOBODY, 2 * STARTED), "a dead process is alive");
	stat_write(NULL);
	check_end();
}

/* -- what else is read -- */

static const struct {
	const char *name, *stat;
	int want;
	uint32_t parent;
	uint64_t ticks;
} stats[] = {
	{"both numbers", "7 (web)" REST, 0, 1, 7919},
	{"name like a stat", "7 (a) S 4 2 3)" REST, 0, 1, 7919},
	{"a parent of seven digits", "7 (web) S 4194303 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 5 ", 0,
	 4194303, 5},
	{"the first process has none", "1 (init) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 ", 0, 0,
	 1},
	{"no folder", NULL, -ENOENT, 0, 0},
	{"empty", "", -EINVAL, 0, 0},
	{"cut short", "7 (web)" BEFORE, -EINVAL, 0, 0},
	{"no parent", "7 (web) S x 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 5 ", -EINVAL, 0, 0},
};

static void test_stat(void)
{
	for (size_t i = 0; i < COUNT_OF(stats); i++) {
		struct process_stat out = {0};

		check_begin("process: stat: %s", stats[i].name);
		stat_write(stats[i].stat);
		expect(process_stat(&out, proc_folder(), NOBODY) == stats[i].want, "status");
		expect_u64(out.parent, stats[i].parent, "parent");
		expect_u64(out.start_ticks, stats[i].ticks, "start");
		stat_write(NULL);
		check_end();
	}
}

static void test_ended(void)
{
	static const struct proc running = {.pid = NOBODY, .comm = "web"},
				 zombie = {.pid = NOBODY, .comm = "web", .ended = true},
				 leaderless = {.pid = NOBODY,
					       .comm = "web",
					       .ended = true,
					       .thread = NOBODY + 1};
	static const struct {
		const char *name;
		const struct proc *proc;
		bool leader_ended, ended;
		uint32_t thread;
	} rows[] = {
		{"none", &running, false, false, NOBODY},
		{"all", &zombie, true, true, NOBODY},
		{"the leader", &leaderless, true, false, NOBODY + 1},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct process_stat out = {0};

		check_begin("process: threads that have ended: %s", rows[i].name);
		proc_write(rows[i].proc);
		expect(!process_stat(&out, proc_folder(), NOBODY), "status");
		expect(out.leader_ended == rows[i].leader_ended, "leader %d", out.leader_ended);
		expect(out.ended == rows[i].ended, "all %d", out.ended);
		expect_u64(process_thread(proc_folder(), NOBODY), rows[i].thread, "thread");
		proc_remove(NOBODY);
		check_end();
	}
}

static const struct {
	const char *name, *exe, *want; /* NULL: an error */
} exes[] = {
	{"a path", "/usr/sbin/nginx", "/usr/sbin/nginx"},
	{"deleted", "/usr/sbin/nginx (deleted)", "/usr/sbin/nginx"},
	{"twice", "/tmp/a (deleted) (deleted)", "/tmp/a (deleted)"},
	{"in memory", "/memfd:tool (deleted)", "/memfd:tool"},
	{"only that", " (deleted)", " (deleted)"},
	{"cut", "/a/very/long/path/to/a/program/that/is/here", "/a/very/long/path/to/a/program"},
	{"none", NULL, NULL},
};

static void test_exe(void)
{
	for (size_t i = 0; i < COUNT_OF(exes); i++) {
		const struct proc p = {.pid = NOBODY, .exe = exes[i].exe};
		char out[31] = "";
		ssize_t length;

		check_begin("process: exe: %s", exes[i].name);
		proc_write(&p);
		length = process_exe(out, sizeof(out), proc_folder(), NOBODY);
		if (exes[i].want) {
			expect_text(out, exes[i].want, "path");
			expect_u64((uint64_t)length, strlen(exes[i].want), "length");
		} else {
			expect(length == -ENOENT, "length %zd", length);
		}
		proc_remove(NOBODY);
		check_end();
	}
}

static const struct {
	const char *name, *cmdline, *want;
} cmdlines[] = {
	{"arguments", "/usr/bin/redis-server|*:6379|", "/usr/bin/redis-server *:6379"},
	{"without a NUL at its end", "a|b", "a b"},
	{"an empty argument", "a||b|", "a  b"},
	{"a title of its own", "nginx: worker process||||||   |", "nginx: worker process"},
	{"control bytes", "sh|-c|a\nb\tc\033d\177e|", "sh -c a b c d e"},
	{"UTF-8", "caf\xc3\xa9|", "caf\xc3\xa9"},
	{"blanks before it stay", " a|", " a"},
	{"of a kernel thread", "", ""},
	{"only blanks", "| |\n|", ""},
	{"cut", "0123456789|0123456789|0123456789|0123456789|",
	 "0123456789 0123456789 01234567"}, /* 30 bytes and the end */
};

static const struct {
	const char *name, *text, *want; /* NULL: an error */
} comms[] = {
	{"a word", "nginx\n", "nginx"},
	{"a line feed in it", "in two\nlines\n", "in two\nlines"},
	{"none", "\n", ""},
	{"an empty file", "", NULL},
	{"no file", NULL, NULL},
};

static void test_comm(void)
{
	const struct proc p = {.pid = NOBODY};
	char file[32], out[16];

	snprintf(file, sizeof(file), "%d/comm", NOBODY);
	for (size_t i = 0; i < COUNT_OF(comms); i++) {
		const char *want = comms[i].want;

		check_begin("process: name: %s", comms[i].name);
		proc_write(&p);
		proc_file(file, comms[i].text);
		snprintf(out, sizeof(out), "as before");
		expect(process_comm(out, sizeof(out), proc_folder(), NOBODY) ==
			       (want ? (ssize_t)strlen(want) : (comms[i].text ? -EINVAL : -ENOENT)),
		       "length");
		expect_text(out, want ? want : "as before", "name");
		proc_file(file, NULL);
		proc_remove(NOBODY);
		check_end();
	}
}

static void test_cmdline(void)
{
	char out[31];

	for (size_t i = 0; i < COUNT_OF(cmdlines); i++) {
		const struct proc p = {.pid = NOBODY, .cmdline = cmdlines[i].cmdline};
		ssize_t length;

		check_begin("process: command line: %s", cmdlines[i].name);
		proc_write(&p);
		length = process_cmdline(out, sizeof(out), proc_folder(), NOBODY);
		expect_text(out, cmdlines[i].want, "text");
		expect_u64((uint64_t)length, strlen(cmdlines[i].want), "length");
		proc_remove(NOBODY);
		check_end();
	}
	check_begin("process: command line: of nobody");
	expect(process_cmdline(out, sizeof(out), proc_folder(), NOBODY) == -ENOENT, "status");
	check_end();
}

static const struct {
	const char *name, *status;
	int want;
	uint32_t uid;
} uids[] = {
	{"the first of four", "Name:\tweb\nPid:\t7\nUid:\t33\t34\t35\t36\nGid:\t5\t5\n", 0, 33},
	{"root", "Name:\tweb\nUid:\t0\t1\t1\t1\n", 0, 0},
	{"the highest", "Name:\tweb\nUid:\t4294967294\t0\t0\t0\n", 0, 4294967294},
	{"name like the line", "Name:\tUid:\t9\\nUid:\t9\nUid:\t33\t0\t0\t0\n", 0, 33},
	{"no such line", "Name:\tweb\nGid:\t5\t5\t5\t5\n", -EINVAL, 77},
	{"no number", "Name:\tweb\nUid:\tx\n", -EINVAL, 77},
	{"no file", NULL, -ENOENT, 77},
};

static void test_uid(void)
{
	const struct proc p = {.pid = NOBODY};

	for (size_t i = 0; i < COUNT_OF(uids); i++) {
		uint32_t uid = 77;

		check_begin("process: uid: %s", uids[i].name);
		proc_write(&p);
		proc_file("4194311/status", uids[i].status);
		expect(process_uid(&uid, proc_folder(), NOBODY) == uids[i].want, "status");
		expect_u64(uid, uids[i].uid, "uid");
		proc_remove(NOBODY);
		check_end();
	}
}

static void test_self(void)
{
	char path[512] = "", text[512] = "";
	uint32_t self = (uint32_t)getpid(), uid = 77;
	struct process_stat stat = {0};

	check_begin("process: what /proc says about this one");
	expect(!process_stat(&stat, "/proc", self), "stat");
	expect_u64(stat.parent, (uint64_t)getppid(), "parent");
	expect(!process_uid(&uid, "/proc", self), "status");
	expect_u64(uid, getuid(), "uid");
	expect(process_exe(path, sizeof(path), "/proc", self) > 0, "exe");
	expect(strstr(path, "/process_test") != NULL, "exe is %s", path);
	expect(process_cmdline(text, sizeof(text), "/proc", self) > 0, "cmdline");
	expect(strstr(text, "process_test") != NULL, "cmdline is %s", text);
	check_end();
}

int main(void)
{
	proc_open();
	test_cases();
	test_doubt();
	test_real();
	test_long_root();
	test_stat();
	test_ended();
	test_exe();
	test_comm();
	test_cmdline();
	test_uid();
	test_self();
	proc_close();
	return check_status();
}
