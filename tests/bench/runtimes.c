/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * What each program took while a command ran, by the kernel's own statistics (5.8).
 *
 *     runtimes COMMAND [ARGUMENT]...
 *
 * Runs the command, and then prints, of each program that has run meanwhile and is loaded still:
 *     run NAME RUNS NS_PER_RUN
 * The statistics read the clock twice around each run. What that takes is in each number, also in
 * that of an empty program: compare with one on the same hook. Where the clock counts instructions,
 * they are instructions.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define PROGRAMS_MAX 1024

struct runs {
	uint32_t id;
	char name[BPF_OBJ_NAME_LEN];
	uint64_t count, ns;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct runs runs_of(uint32_t id)
{
	struct bpf_prog_info info = {0};
	struct runs runs = {.id = id};
	uint32_t size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size)) {
		memcpy(runs.name, info.name, sizeof(runs.name));
		runs.count = info.run_cnt;
		runs.ns = info.run_time_ns;
	}
	close(fd);
	return runs;
}

static size_t look(struct runs *out)
{
	uint32_t id = 0;
	size_t count = 0;

	while (count < PROGRAMS_MAX && !bpf_prog_get_next_id(id, &id))
		out[count++] = runs_of(id);
	return count;
}

static void run(char **command)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		execvp(*command, command);
		die(*command);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die(*command);
}

static void tell(const struct runs *before, size_t count, const struct runs *now)
{
	uint64_t runs = now->count, ns = now->ns;

	for (size_t i = 0; i < count; i++) {
		if (before[i].id != now->id)
			continue;
		runs -= before[i].count;
		ns -= before[i].ns;
	}
	if (runs)
		printf("run %s %lu %.1f\n", now->name, runs, (double)ns / (double)runs);
}

int main(int argc, char **argv)
{
	static struct runs before[PROGRAMS_MAX], after[PROGRAMS_MAX];
	size_t before_count, after_count;

	if (argc < 2)
		return 2;
	if (bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		die("the kernel's statistics");
	before_count = look(before);
	run(argv + 1);
	after_count = look(after);
	for (size_t i = 0; i < after_count; i++)
		tell(before, before_count, &after[i]);
	return 0;
}
