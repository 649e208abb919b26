/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "check.h"
#include "process.h"

#define TICK_NS 10000000 /* of /proc: the kernel's USER_HZ is 100 */
#define NOBODY 4194311   /* above PID_MAX_LIMIT: no kernel has it */
#define STARTED (7919 * (uint64_t)TICK_NS)

/* Fields 3 to 21, field 22 (ticks from boot to start), and what follows it. */
#define BEFORE " S 1 7 7 0 -1 4194560 101 0 3 0 11 13 0 0 20 0 1 0 "
#define AFTER " 1000003 257 18446744073709551615 1 1 0 0 0 0 0 4096 17642 0 0 0 17 1 0 0 0 0 0"
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
	{"ten years", "7 (web)" BEFORE "31536000019" AFTER, 31536000019 * (uint64_t)TICK_NS, true},
	{"as seen by ps, nothing after", "7 (web)" BEFORE "7919", STARTED, true},
	{"no folder", NULL, STARTED, false},
	/* in doubt it lives */
	{"empty file", "", STARTED, true},
	{"no name", "7 web" BEFORE "7920" AFTER, STARTED, true},
	{"cut short", "7 (web)" BEFORE, STARTED, true},
	{"cut within the name", "7 (we", STARTED, true},
	{"no number", "7 (web)" BEFORE "x" AFTER, STARTED, true},
};

static char root[64];

/* Makes ROOT/PID/stat, or takes it away. */
static void stat_write(uint32_t pid, const char *text)
{
	char folder[128], path[160];
	FILE *file;

	snprintf(folder, sizeof(folder), "%s/%" PRIu32, root, pid);
	snprintf(path, sizeof(path), "%s/stat", folder);
	unlink(path);
	rmdir(folder);
	if (!text)
		return;
	expect(!mkdir(folder, 0755), "mkdir %s", folder);
	file = fopen(path, "w");
	if (expect(file != NULL, "fopen %s", path)) {
		expect(fputs(text, file) >= 0, "fputs %s", path);
		expect(!fclose(file), "fclose %s", path);
	}
}

static void test_cases(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		check_begin("process: %s: %s", cases[i].want ? "alive" : "gone", cases[i].name);
		stat_write(NOBODY, cases[i].stat);
		expect(process_alive(root, NOBODY, cases[i].start_ns) == cases[i].want,
		       "it is not");
		stat_write(NOBODY, NULL);
		check_end();
	}
}

static void test_doubt(void)
{
	char path[160];

	check_begin("process: alive in doubt: stat cannot be read");
	stat_write(NOBODY, "");
	snprintf(path, sizeof(path), "%s/%d/stat", root, NOBODY);
	unlink(path);
	expect(!mkdir(path, 0755), "mkdir %s", path); /* root may read any file, but no folder */
	expect(process_alive(root, NOBODY, 1), "it is not");
	rmdir(path);
	expect(!symlink("stat", path), "symlink %s", path); /* ELOOP */
	expect(process_alive(root, NOBODY, 1), "it is not behind a loop of links");
	stat_write(NOBODY, NULL);
	check_end();

	check_begin("process: a ProcRoot of its own has its own pids: what takes signals here is "
		    "not it");
	expect(!process_alive(root, (uint32_t)getpid(), 1), "it is");
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
	}
	check_end();
}

static void test_long_root(void)
{
	char deep[320];

	check_begin("process: a ProcRoot of 300 bytes is not cut");
	for (size_t used = (size_t)snprintf(deep, sizeof(deep), "%s", root); used < 300; used += 2)
		snprintf(deep + used, sizeof(deep) - used, "/.");
	stat_write(NOBODY, "7 (web)" REST);
	expect(process_alive(deep, NOBODY, STARTED), "a live process is gone");
	expect(!process_alive(deep, NOBODY, 2 * STARTED), "a dead process is alive");
	stat_write(NOBODY, NULL);
	check_end();
}

int main(void)
{
	snprintf(root, sizeof(root), "/tmp/process_test.XXXXXX");
	if (!mkdtemp(root)) {
		perror(root);
		return 2;
	}
	test_cases();
	test_doubt();
	test_real();
	test_long_root();
	rmdir(root);
	return check_status();
}
