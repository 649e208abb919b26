/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Runs scenarios that know the truth (traffic, connect) beside the plugin's own probe and snapshot,
 * and demands that every process's counters equal it.
 *
 *     compare [-b BACKEND] [-t TABLE] PROGRAM [SCENARIO...]
 *
 * -t appends a line per compared number to TABLE: kernel backend scenario role field truth counted
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"
#include "snapshot.h"

#define SEEN_MAX 4096
#define TRUTHS_MAX 1024
#define LINE_SIZE 1024
#define PATIENCE_MS 3000 /* for what closes after its process: FIN, TIME_WAIT */

/* What the probe has counted for one pid in the current scenario. */
struct seen {
	uint32_t pid;
	char comm[TCP_COMM_LEN];
	struct tcp_counters counters;
};

struct limit;

static struct {
	const char *kernel;
	const char *backend;
	char program[64]; /* a link to it, in a folder of our own */
	const char *comm; /* the link's name, and so the processes': nobody else bears it */
	FILE *table;
	struct probe *probe;
	struct snapshot *snapshot;
	struct seen seen[SEEN_MAX];
	size_t seen_count;
	char truths[TRUTHS_MAX][LINE_SIZE];
	size_t truth_count;
	char failure[2 * LINE_SIZE];
	const struct limit *limit; /* that excused a number of the scenario */
	uint64_t excused_truth, excused_counted;
	unsigned failed;
} test;

/* The numbers of a truth line, and where the probe has them. */
static const struct field {
	const char *name;
	size_t at; /* in struct tcp_counters */
} fields[] = {
	{"tx", offsetof(struct tcp_counters, tx_bytes)},
	{"rx", offsetof(struct tcp_counters, rx_bytes)},
	{"connects", offsetof(struct tcp_counters, connects)},
	{"accepts", offsetof(struct tcp_counters, accepts)},
#define REASON(id, reason) {reason, offsetof(struct tcp_counters, failed[id])},
	TCP_REASONS(REASON)
#undef REASON
};

/*
 * What a backend says of itself that it cannot see (probe_describe), and which numbers of which
 * scenarios that concerns. `summed`: the number is right for all processes together.
 */
static const struct limit {
	const char *loss;
	const char *scenarios;
	const char *fields;
	bool summed;
} limits[] = {
	{"connects that fail before a SYN", "no_route prohibit_route unreachable_route many_failing",
	 "unreachable denied failed", false},
	{"when the SYN of a deferred Fast Open leaves", "tfo_deferred", "latency", false},
	{"who sent what on a socket that processes share",
	 "fork_shared exec_shared scm_rights preforked older_shared", "tx", true},
};

static void die(const char *what)
{
	printf("FAIL compare: %s\n", what);
	exit(1);
}

static void pause_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

/* -- the probe -- */

static struct seen *seen_of(uint32_t pid)
{
	for (size_t i = 0; i < test.seen_count; i++)
		if (test.seen[i].pid == pid)
			return &test.seen[i];
	if (test.seen_count == SEEN_MAX)
		die("too many processes");
	test.seen[test.seen_count] = (struct seen){.pid = pid};
	return &test.seen[test.seen_count++];
}

static void add(void *context, const struct snapshot_process *p)
{
	struct seen *seen = seen_of(p->pid);
	const uint64_t *from = (const uint64_t *)&p->grown;
	uint64_t *to = (uint64_t *)&seen->counters;

	(void)context;
	memcpy(seen->comm, p->comm, sizeof(seen->comm));
	for (size_t i = 0; i < sizeof(p->grown) / sizeof(*from); i++)
		to[i] += from[i];
}

static void probe_start(void)
{
	struct probe_options options = {
		.backend = (char *)test.backend, .max_processes = 4096, .max_sockets = 16384};
	struct snapshot_options snapshot_options = {.proc_root = "/proc"};
	struct probe_tables tables;
	char why[512];

	if (probe_open(&test.probe, why, sizeof(why), &options))
		die(why);
	probe_tables(&tables, test.probe);
	if (snapshot_open(&test.snapshot, &tables, &snapshot_options))
		die("no memory");
}

static void probe_stop(void)
{
	snapshot_close(test.snapshot);
	probe_close(test.probe);
	test.snapshot = NULL;
	test.probe = NULL;
}

/* -- comparing -- */

static bool number_of(uint64_t *out, const char *line, const char *name)
{
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), " %.28s=", name);
	at = strstr(line, key);
	if (!at)
		return false;
	*out = strtoull(at + strlen(key), NULL, 10);
	return true;
}

static uint64_t failed_sum(const struct tcp_counters *c)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TCP_REASON_COUNT; i++)
		sum += c->failed[i];
	return sum;
}

static bool has_word(const char *words, const char *word)
{
	const char *at = strstr(words, word);
	size_t length = strlen(word);

	return at && (at == words || at[-1] == ' ') && (!at[length] || at[length] == ' ');
}

/* The limit that excuses a number, NULL if there is none. */
static const struct limit *limit_of(const char *scenario, const char *field)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (strstr(probe_describe(test.probe), limits[i].loss) &&
		    has_word(limits[i].scenarios, scenario) && has_word(limits[i].fields, field))
			return &limits[i];
	return NULL;
}

static void compare_number(const char *scenario, const char *who, const char *field, uint64_t truth,
			   uint64_t counted, bool final)
{
	const struct limit *limit = limit_of(scenario, field);
	size_t used = strlen(test.failure);

	if (limit && limit->summed) {
		test.excused_truth += truth;
		test.excused_counted += counted;
	}
	if (limit)
		test.limit = limit;
	if (limit)
		return;
	if (final && test.table)
		fprintf(test.table, "%s %s %s %s %s %llu %llu\n", test.kernel, test.backend, scenario,
			who, field, (unsigned long long)truth, (unsigned long long)counted);
	if (truth != counted && used < sizeof(test.failure))
		snprintf(test.failure + used, sizeof(test.failure) - used, " %s %s %llu counted %llu (%+lld)",
			 who, field, (unsigned long long)truth, (unsigned long long)counted,
			 (long long)(counted - truth));
}

/* The mean of what was measured lies between the bounds of the program's own clock. */
static void compare_latency(const char *scenario, const char *line, const char *who, const struct tcp_counters *c)
{
	uint64_t least, most, us;

	if (limit_of(scenario, "latency")) {
		test.limit = limit_of(scenario, "latency");
		return;
	}
	if (!number_of(&least, line, "latency_us_min") || !number_of(&most, line, "latency_us_max"))
		return;
	us = c->measured ? c->connect_ns / c->measured / 1000 : 0;
	if (c->measured && us >= least && us <= most)
		return;
	snprintf(test.failure + strlen(test.failure), LINE_SIZE / 2,
		 " %s latency %llu us, not within %llu..%llu", who, (unsigned long long)us,
		 (unsigned long long)least, (unsigned long long)most);
}

static const struct tcp_counters *counters_of(uint32_t pid)
{
	static const struct tcp_counters nothing;

	for (size_t i = 0; i < test.seen_count; i++)
		if (test.seen[i].pid == pid)
			return &test.seen[i].counters;
	return &nothing;
}

static void compare_line(const char *scenario, const char *line, bool final)
{
	const struct tcp_counters *counters;
	unsigned pid = 0;
	uint64_t truth;
	char who[32] = "";

	if (sscanf(line, "truth %u %31s", &pid, who) != 2)
		die(line);
	counters = counters_of(pid);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (number_of(&truth, line, fields[i].name))
			compare_number(scenario, who, fields[i].name, truth,
				       *(const uint64_t *)((const char *)counters + fields[i].at),
				       final);
	if (number_of(&truth, line, "failed"))
		compare_number(scenario, who, "failed", truth, failed_sum(counters), final);
	compare_latency(scenario, line, who, counters);
}

static bool idle(const struct seen *seen)
{
	static const struct tcp_counters nothing;

	return memcmp(&seen->counters, &nothing, sizeof(nothing)) == 0;
}

/* Whatever the scenario's processes did, some truth line must tell. */
static void compare_strays(void)
{
	for (size_t i = 0; i < test.seen_count; i++) {
		const struct seen *seen = &test.seen[i];
		size_t used = strlen(test.failure);
		bool told = idle(seen);
		unsigned pid;

		for (size_t n = 0; n < test.truth_count; n++)
			told |= sscanf(test.truths[n], "truth %u", &pid) == 1 && pid == seen->pid;
		if (!told && strcmp(seen->comm, test.comm) == 0 && used < sizeof(test.failure))
			snprintf(test.failure + used, sizeof(test.failure) - used,
				 " stray pid %u tx %llu rx %llu", seen->pid,
				 (unsigned long long)seen->counters.tx_bytes,
				 (unsigned long long)seen->counters.rx_bytes);
	}
}

static void compare_once(const char *scenario, bool final)
{
	test.failure[0] = '\0';
	test.limit = NULL;
	test.excused_truth = test.excused_counted = 0;
	probe_refresh(test.probe);
	snapshot_take(test.snapshot, add, NULL);
	for (size_t i = 0; i < test.truth_count; i++)
		compare_line(scenario, test.truths[i], final);
	if (test.excused_truth != test.excused_counted)
		snprintf(test.failure + strlen(test.failure), LINE_SIZE / 2, " all together %llu counted %llu",
			 (unsigned long long)test.excused_truth,
			 (unsigned long long)test.excused_counted);
	compare_strays();
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
	fflush(stdout);
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
	return child;
}

/* Reads up to the line "ready" or to the end; keeps truth lines, and the reason of a skip. */
static void read_lines(struct child *child, char *reason)
{
	char line[LINE_SIZE];

	while (fgets(line, sizeof(line), child->out)) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "ready") == 0)
			return;
		if (strncmp(line, "truth ", 6) == 0 && test.truth_count < TRUTHS_MAX)
			snprintf(test.truths[test.truth_count++], LINE_SIZE, "%s", line);
		else
			snprintf(reason, LINE_SIZE, "%s", line);
	}
}

/* Returns the program's exit status. */
static int play(const char *scenario, bool early, char *reason)
{
	struct child child;
	int status = 0;

	test.seen_count = 0;
	test.truth_count = 0;
	if (early)
		probe_stop();
	else
		snapshot_take(test.snapshot, NULL, NULL);
	child = run(scenario);
	if (early) {
		read_lines(&child, reason);
		probe_start();
		fputs("\n", child.in);
		fflush(child.in);
	}
	read_lines(&child, reason);
	fclose(child.in);
	fclose(child.out);
	waitpid(child.pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void scenario_run(const char *scenario, bool early)
{
	char reason[LINE_SIZE] = "";
	int status = play(scenario, early, reason);

	if (status == 77) {
		printf("skip %s %s %s: %s\n", test.kernel, test.backend, scenario, reason);
		return;
	}
	for (unsigned ms = 0; !status && ms <= PATIENCE_MS; ms += 50) {
		compare_once(scenario, false);
		if (!test.failure[0])
			break;
		pause_ms(50);
	}
	compare_once(scenario, true);
	if (status)
		snprintf(test.failure, sizeof(test.failure), " exit status %d: %s", status, reason);
	test.failed += test.failure[0] != '\0';
	if (test.failure[0])
		printf("FAIL %s %s %s:%s\n", test.kernel, test.backend, scenario, test.failure);
	else
		printf("ok %s %s %s%s%s\n", test.kernel, test.backend, scenario,
		       test.limit ? ", but not: " : "", test.limit ? test.limit->loss : "");
	fflush(stdout);
}

static bool chosen(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static void run_all(char **names)
{
	struct child child = run("--list");
	char line[LINE_SIZE], name[64], flag[64];
	struct {
		char name[64];
		bool early;
	} list[256];
	size_t count = 0;

	while (fgets(line, sizeof(line), child.out) && count < 256) {
		int words = sscanf(line, "%63s %63s", name, flag);

		if (words < 1 || !chosen(name, names))
			continue;
		snprintf(list[count].name, sizeof(list[count].name), "%s", name);
		list[count++].early = words == 2;
	}
	fclose(child.in);
	fclose(child.out);
	waitpid(child.pid, NULL, 0);
	if (!count)
		die("no such scenario");
	for (size_t i = 0; i < count; i++)
		scenario_run(list[i].name, list[i].early);
}

static void link_program(const char *path)
{
	char folder[] = "/tmp/compare.XXXXXX", target[PATH_MAX];

	if (!mkdtemp(folder) || !realpath(path, target))
		die(path);
	snprintf(test.program, sizeof(test.program), "%s/truth-%d", folder, getpid());
	test.comm = strrchr(test.program, '/') + 1;
	if (symlink(target, test.program))
		die(test.program);
}

static void unlink_program(void)
{
	unlink(test.program);
	*strrchr(test.program, '/') = '\0';
	rmdir(test.program);
}

static const char *kernel_name(void)
{
	static struct utsname name;

	if (getenv("KERNEL_NAME"))
		return getenv("KERNEL_NAME");
	uname(&name);
	name.release[strcspn(name.release, "-")] = '\0';
	return name.release;
}

int main(int argc, char **argv)
{
	int option;

	test.backend = "auto";
	while ((option = getopt(argc, argv, "b:t:")) != -1) {
		if (option == 'b')
			test.backend = optarg;
		else if (option == 't')
			test.table = fopen(optarg, "a");
		else
			return 2;
	}
	if (optind == argc)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	test.kernel = kernel_name();
	link_program(argv[optind]);
	probe_start();
	printf("# %s: %s\n", test.kernel, probe_describe(test.probe));
	run_all(argv + optind + 1);
	probe_stop();
	unlink_program();
	if (test.table)
		fclose(test.table);
	return test.failed ? 1 : 0;
}
