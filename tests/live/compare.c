/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Runs scenarios that know the truth (traffic, connect) beside the plugin's own probe and snapshot,
 * and demands that every process's counters equal it.
 *
 *     compare [-e] [-b BACKEND] [-t TABLE] [-w MILLISECONDS] PROGRAM [SCENARIO...]
 *
 * BACKEND classic is the classic recipe instead of the probe: its wrong numbers are no failures.
 * -e also counts by endpoint and scope, and demands that their sums are the processes' numbers, and
 * that the clients of each have what its ports have.
 * -t appends a line per compared number to TABLE, and one for each scenario that was not compared:
 *     kernel backend program/scenario role field truth counted [note]
 *     kernel backend program/scenario - skip|broken - - reason
 * -w is how long numbers may be late.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compare/compare.h"
#include "kernel_name.h"

#define SCENARIOS_MAX 256
#define EXIT_SKIP 77

struct test test;

_Noreturn void die(const char *what)
{
	printf("FAIL compare: %s\n", what);
	exit(1);
}

/* On the clock of the processes' start. */
static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* -- scenarios -- */

struct child {
	pid_t pid;
	FILE *out;
	FILE *in;
};

static struct child run(const char *scenario)
{
	int out[2], in[2];
	struct child child;

	if (pipe(out) || pipe(in))
		die("pipe");
	fflush(NULL);
	child.pid = fork();
	if (child.pid < 0)
		die("fork");
	if (child.pid == 0) {
		dup2(out[1], 1);
		dup2(in[0], 0);
		close(out[0]);
		close(in[1]);
		execl(test.program, test.comm, scenario, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	close(in[0]);
	child.out = fdopen(out[0], "r");
	child.in = fdopen(in[1], "w");
	if (!child.out || !child.in)
		die("fdopen");
	return child;
}

/* Returns the program's exit status. */
static int child_end(struct child *child)
{
	int status = 0;

	fclose(child->in);
	fclose(child->out);
	if (waitpid(child->pid, &status, 0) != child->pid)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reads up to the line "ready" or to the end; keeps truth lines, and the last of the others. */
static void read_lines(struct child *child, char *reason)
{
	char line[LINE_SIZE];

	while (fgets(line, sizeof(line), child->out)) {
		if (!strchr(line, '\n'))
			die("a line of the program is too long");
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "ready") == 0)
			return;
		if (strncmp(line, "truth ", 6) != 0)
			snprintf(reason, LINE_SIZE, "%s", line);
		else if (test.truth_count < TRUTHS_MAX)
			snprintf(test.truths[test.truth_count++], LINE_SIZE, "%s", line);
		else
			die("too many lines of truth");
	}
}

static void keep_balances(struct tcp_counters *to, const struct tcp_counters *from)
{
	memcpy(to->open, from->open, sizeof(to->open));
}

/* Of what was before, only how many connections are open. */
static void keep_open(struct seen *seen)
{
	const struct seen before = *seen;

	*seen = (struct seen){.pid = before.pid};
	keep_balances(&seen->counters, &before.counters);
	keep_balances(&seen->parts, &before.parts);
	keep_balances(&seen->ports, &before.ports);
	keep_balances(&seen->clients, &before.clients);
}

/* What comes late for a scenario that was right is not forgotten: it is a stray of the next one. */
static void forget(bool everything)
{
	test.seen_count = 0;
	if (everything)
		test.source->take(seen_add);
	for (size_t i = 0; i < test.seen_count; i++)
		keep_open(&test.seen[i]);
	test.truth_count = 0;
	if (test.source->strict) {
		test.self = *source.tables.self;
		test.usage = usage_now();
	}
}

/* Returns the program's exit status. */
static int play(bool early, char *reason)
{
	struct child child;

	if (!test.right)
		test.since_ns = now_ns();
	if (early)
		test.source->close();
	else
		forget(!test.right);
	child = run(test.scenario);
	if (early) {
		test.truth_count = 0;
		read_lines(&child, reason);
		test.source->open();
		forget(true);
		fputs("\n", child.in);
		fflush(child.in);
	}
	read_lines(&child, reason);
	return child_end(&child);
}

static void verdict(const char *word, const char *separator, const char *text)
{
	printf("%s %s %s %s%s%s\n", word, test.kernel, test.backend, test.scenario, separator,
	       text);
	fflush(stdout);
}

static void not_compared(const char *word, const char *what, const char *reason)
{
	tabulate("- %s - - %s", what, reason);
	verdict(word, ": ", reason);
}

static void judge(void)
{
	compare();
	test.right = !test.failure[0];
	if (test.right)
		verdict("ok", test.excuse ? ", but not: " : "", test.excuse ? test.excuse : "");
	else
		verdict(test.source->strict ? "FAIL" : "wrong", ":", test.failure);
	test.failed += !test.right && test.source->strict;
}

static void scenario_run(const char *scenario, bool early)
{
	char line[LINE_SIZE] = "", reason[LINE_SIZE + 64];
	int status;

	test.scenario = scenario;
	status = play(early, line);
	test.right = false;
	if (status == EXIT_SKIP && strncmp(line, "skip: ", 6) == 0) {
		not_compared("skip", "skip", line + 6);
	} else if (status || !test.truth_count) {
		snprintf(reason, sizeof(reason), "exit status %d, %zu lines of truth: %s", status,
			 test.truth_count, line);
		not_compared("FAIL", "broken", reason);
		test.failed++;
	} else {
		judge();
	}
}

struct listed {
	char name[64];
	bool early;
};

/* Returns how many scenarios the program has. */
static size_t list(struct listed *out)
{
	struct child child = run("--list");
	char line[LINE_SIZE], name[64], flag[64];
	size_t count = 0;

	while (fgets(line, sizeof(line), child.out)) {
		int words = sscanf(line, "%63s %63s", name, flag);

		if (words < 1)
			continue;
		if (count == SCENARIOS_MAX)
			die("too many scenarios");
		snprintf(out[count].name, sizeof(out[count].name), "%s", name);
		out[count++].early = words == 2;
	}
	if (child_end(&child) || !count)
		die("the program does not list its scenarios");
	return count;
}

/* All of them if no names are given. */
static void run_all(char **names)
{
	static struct listed all[SCENARIOS_MAX];
	size_t count = list(all);
	bool known = true;

	for (size_t i = 0; i < count && !*names; i++)
		scenario_run(all[i].name, all[i].early);
	for (; *names && known; names++) {
		known = false;
		for (size_t i = 0; i < count && !known; i++) {
			known = strcmp(all[i].name, *names) == 0;
			if (known)
				scenario_run(all[i].name, all[i].early);
		}
		if (!known)
			die(*names);
	}
}

/* -- the beginning and the end -- */

static void unlink_program(void)
{
	unlink(test.program);
	rmdir(test.folder);
}

static void link_program(const char *path)
{
	char target[PATH_MAX];

	snprintf(test.folder, sizeof(test.folder), "/tmp/compare.XXXXXX");
	if (!realpath(path, target) || !mkdtemp(test.folder))
		die(path);
	snprintf(test.program, sizeof(test.program), "%s/truth-%d", test.folder, getpid());
	test.comm = strrchr(test.program, '/') + 1;
	test.own_comm = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	atexit(unlink_program);
	if (symlink(target, test.program))
		die(test.program);
}

static void name_kernel(void)
{
	struct utsname name;
	unsigned major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	snprintf(test.version, sizeof(test.version), "%u.%u", major, minor);
	test.alone = getenv("KERNEL_NAME") != NULL; /* a guest of tests/kernels/run */
	test.kernel = kernel_name();
}

static void options(int argc, char **argv)
{
	const char *table = NULL;
	int option, patience_ms = -1;

	test.backend = "auto";
	while ((option = getopt(argc, argv, "eb:t:w:")) != -1) {
		if (option == 'e')
			test.by_endpoint = true;
		else if (option == 'b')
			test.backend = optarg;
		else if (option == 't')
			table = optarg;
		else if (option == 'w')
			patience_ms = atoi(optarg);
		else
			exit(2);
	}
	if (optind == argc)
		exit(2);
	test.source = strcmp(test.backend, "classic") == 0 ? &recipe : &plugin;
	test.patience_ms = patience_ms < 0 ? test.source->patience_ms : (unsigned)patience_ms;
	test.table = table ? fopen(table, "ae") : NULL;
	if (table && !test.table)
		die(table);
}

int main(int argc, char **argv)
{
	options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	name_kernel();
	link_program(argv[optind]);
	test.source->open();
	printf("# %s: %s\n", test.kernel, test.source->describe());
	run_all(argv + optind + 1);
	test.source->close();
	if (test.table && fclose(test.table))
		die("the table cannot be written");
	return test.failed ? 1 : 0;
}
