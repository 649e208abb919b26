/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * What a tick costs the daemon: the plugin's own stages over the plugin's own tables, filled by
 * this program in the kernel half's place.
 *
 *     tick [-r ROWS] [-a ACTIVE_PERCENT] [-n NEW_PERCENT] [-g GROUP_BY] [-m NAMES]
 *
 * In each of TICKS ticks so many percent of the processes move bytes, and so many end and are
 * replaced by others. The processes have NAMES different names. Prints microseconds of CPU time per
 * tick, the median, by stage; and what the stages took of memory. Needs root.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/process.h"
#include "identity/match.h"
#include "probe/probe.h"
#include "probe/snapshot.h"
#include "series/group.h"
#include "series/metric.h"

#define TICKS 21
#define PID_BASE 4194305 /* above PID_MAX_LIMIT: nobody has these */
#define BYTES 7919
#define INTERVAL_NS 10000000000ULL
#define LONG_AGO_NS 3600000000000ULL /* when what is there at the start was born */

enum stage { REFRESH, SNAPSHOT, MATCH, GROUP, REPORT, STAGES };

static struct {
	unsigned rows, active_percent, new_percent, names;
	struct match_options match;
	struct group_options group;
	struct probe *probe;
	struct probe_tables tables;
	struct snapshot *snapshot;
	struct matcher *matcher;
	struct groups *groups;
	uint64_t born, now_ns;
	uint64_t *starts; /* of processes, by number of birth; 0: it has ended */
	double spent_us[TICKS][STAGES];
	double match_us, group_us;
	unsigned long samples, told;
} bench = {
	.rows = 100000,
	.active_percent = 1,
	.names = 1000,
	.match = {.proc_root = "/proc", .cgroup_root = "/nowhere"},
	.group = {.group_limit = 200,
		  .by_pid = true,
		  .pid_limit = 50,
		  .pid_min_age_s = 60,
		  .new_names_per_hour = 60,
		  .destination_limit = 50,
		  .port_limit = 50},
};

static void die(const char *what)
{
	fprintf(stderr, "tick: %s\n", what);
	exit(1);
}

/* Of the CPU; what is short is timed by the clock that needs no system call. */
static double time_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static long resident_kb(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (!file || fscanf(file, "%*s %ld", &pages) != 1)
		die("statm");
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* -- the kernel half's part -- */

bool __real_process_gone(const char *proc_root, uint32_t pid);
bool __real_process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns);
int __real_process_stat(struct process_stat *out, const char *proc_root, uint32_t pid);
ssize_t __real_process_text(char *out, size_t size, const char *proc_root, uint32_t pid,
			    const char *file);
ssize_t __real_process_exe(char *out, size_t size, const char *proc_root, uint32_t pid);
bool __wrap_process_gone(const char *proc_root, uint32_t pid);
bool __wrap_process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns);
int __wrap_process_stat(struct process_stat *out, const char *proc_root, uint32_t pid);
ssize_t __wrap_process_text(char *out, size_t size, const char *proc_root, uint32_t pid,
			    const char *file);
ssize_t __wrap_process_exe(char *out, size_t size, const char *proc_root, uint32_t pid);

static bool is_ours(uint32_t pid)
{
	return pid >= PID_BASE && bench.starts[pid - PID_BASE];
}

/* For the living, a look at ourselves: it costs the same. */
static uint32_t stand_in(uint32_t pid)
{
	return is_ours(pid) ? (uint32_t)getpid() : pid;
}

bool __wrap_process_gone(const char *proc_root, uint32_t pid)
{
	return __real_process_gone(proc_root, stand_in(pid));
}

bool __wrap_process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns)
{
	return __real_process_alive(proc_root, stand_in(pid), start_ns) || is_ours(pid);
}

int __wrap_process_stat(struct process_stat *out, const char *proc_root, uint32_t pid)
{
	int err = __real_process_stat(out, proc_root, stand_in(pid));

	if (is_ours(pid))
		out->start_ticks = process_ticks(bench.starts[pid - PID_BASE]);
	return err;
}

/* Which, but for the cgroup, is what we are. */
ssize_t __wrap_process_text(char *out, size_t size, const char *proc_root, uint32_t pid,
			    const char *file)
{
	ssize_t length = __real_process_text(out, size, proc_root, stand_in(pid), file);

	if (is_ours(pid) && strcmp(file, "cgroup") == 0)
		return snprintf(out, size, "0::/system.slice/unit%u.service\n",
				(pid - PID_BASE) % bench.names);
	return length;
}

ssize_t __wrap_process_exe(char *out, size_t size, const char *proc_root, uint32_t pid)
{
	return __real_process_exe(out, size, proc_root, stand_in(pid));
}

static void touch(unsigned row)
{
	((__u64 *)bench.tables.touched)[row] = *bench.tables.tick;
}

static void send_bytes(unsigned row)
{
	((struct tcp_bytes *)bench.tables.bytes)[row].tx += BYTES;
	touch(row);
}

static void begin_process(void)
{
	struct tcp_process_key key = {.start_ns = bench.now_ns + 1};
	struct tcp_row *row;
	uint32_t number;

	key.pid = PID_BASE + (uint32_t)bench.born;
	if (bpf_map_lookup_and_delete_elem(bench.tables.free_rows_fd, NULL, &number))
		die("no free row");
	row = &bench.tables.rows[number];
	row->pid = key.pid;
	row->uid = 0;
	row->cgroup = 1000 + bench.born % bench.names;
	row->exited = 0;
	snprintf(row->comm, sizeof(row->comm), "process%u",
		 (unsigned)(bench.born % bench.names) % 100000);
	if (bpf_map_update_elem(bench.tables.processes_fd, &key, &number, BPF_NOEXIST))
		die("no room in the index");
	row->start_ns = key.start_ns;
	send_bytes(number);
	bench.starts[bench.born++] = key.start_ns;
}

static void end_process(unsigned number)
{
	struct tcp_row *row = &bench.tables.rows[number];

	row->exited = 1;
	touch(number);
	bench.starts[row->pid - PID_BASE] = 0;
}

/* Spread over the whole table, as it comes. */
static void work(unsigned tick)
{
	unsigned every_active = bench.active_percent ? 100 / bench.active_percent : 0;
	unsigned every_new = bench.new_percent ? 100 / bench.new_percent : 0, ended = 0;

	for (unsigned i = TCP_ROW_FIRST; i < bench.tables.first_endpoint; i++) {
		struct tcp_row *row = &bench.tables.rows[i];

		if (!row->start_ns || row->exited || row->pid < PID_BASE)
			continue;
		if (every_active && (i + tick) % every_active == 0)
			send_bytes(i);
		if (every_new && (i + tick) % every_new == 0) {
			end_process(i);
			ended++;
		}
	}
	for (unsigned i = 0; i < ended; i++)
		begin_process();
}

/* -- the daemon's part -- */

static void add(void *context, const struct snapshot_process *p)
{
	double start = time_us(CLOCK_MONOTONIC), middle;
	const struct match *match = match_process(bench.matcher, p);
	struct group *ended;

	(void)context;
	middle = time_us(CLOCK_MONOTONIC);
	ended = groups_add(bench.groups, match, p);
	if (ended)
		group_detail(ended, match_details(bench.matcher, p));
	bench.match_us += middle - start;
	bench.group_us += time_us(CLOCK_MONOTONIC) - middle;
	bench.told++;
}

static void ask_details(void *context, struct group *process)
{
	struct snapshot_process p;

	(void)context;
	snapshot_who(&p, bench.snapshot, process->row, process->start_ns);
	if (p.row == process->row && p.renames == process->renames)
		group_detail(process, match_details(bench.matcher, &p));
}

static void emit(void *context, const struct metric_sample *sample)
{
	(void)context;
	(void)sample;
	bench.samples++;
}

static void report(void *context, const struct group *group)
{
	static const struct metric_options options = {.bytes = true,
						      .connections = true,
						      .connect_latency = true,
						      .percentiles = {{50, 95, 99}, 3}};

	(void)context;
	metric_group(group, &options, 10, emit, NULL);
}

/* The clock itself costs: that of an empty loop is taken off. */
static double clock_cost_us(void)
{
	double start = time_us(CLOCK_MONOTONIC), end = start;

	for (int i = 0; i < 10000; i++)
		end = time_us(CLOCK_MONOTONIC);
	return (end - start) / 10000;
}

static void read_tick(double us[STAGES], double clock_us)
{
	double times[STAGES + 1];
	unsigned long told = bench.told;

	bench.match_us = bench.group_us = 0;
	times[REFRESH] = time_us(CLOCK_PROCESS_CPUTIME_ID);
	groups_begin(bench.groups, bench.now_ns);
	probe_refresh(bench.probe);
	match_begin(bench.matcher);
	times[SNAPSHOT] = time_us(CLOCK_PROCESS_CPUTIME_ID);
	snapshot_take(bench.snapshot, add, NULL);
	times[GROUP] = time_us(CLOCK_PROCESS_CPUTIME_ID);
	groups_end(bench.groups);
	groups_each_unknown(bench.groups, ask_details, NULL);
	times[REPORT] = time_us(CLOCK_PROCESS_CPUTIME_ID);
	groups_each(bench.groups, report, NULL);
	times[STAGES] = time_us(CLOCK_PROCESS_CPUTIME_ID);
	told = bench.told - told;
	us[REFRESH] = times[SNAPSHOT] - times[REFRESH];
	bench.match_us -= (double)told * clock_us;
	bench.group_us -= (double)told * clock_us;
	us[MATCH] = bench.match_us;
	us[SNAPSHOT] = times[GROUP] - times[SNAPSHOT] - bench.match_us - bench.group_us -
		       3 * (double)told * clock_us;
	us[GROUP] = bench.group_us + times[REPORT] - times[GROUP];
	us[REPORT] = times[STAGES] - times[REPORT];
}

static int compare(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static double median(enum stage stage)
{
	double values[TICKS];

	for (int i = 0; i < TICKS; i++)
		values[i] = bench.spent_us[i][stage];
	qsort(values, TICKS, sizeof(*values), compare);
	return values[TICKS / 2];
}

static void open_all(void)
{
	struct probe_options options = {.backend = "auto",
					.max_processes = bench.rows * 4 / 3 + 4096,
					.max_sockets = 1024,
					.knobs.scopes = {true, true, true}};
	struct snapshot_options snapshot = {.proc_root = "/proc"};
	char why[512];

	bench.starts = calloc((size_t)bench.rows * (TICKS + 2), sizeof(*bench.starts));
	if (!bench.starts)
		die("no memory");
	if (probe_open(&bench.probe, why, sizeof(why), &options))
		die(why);
	probe_tables(&bench.tables, bench.probe);
	if (snapshot_open(&bench.snapshot, &bench.tables, &snapshot) ||
	    match_open(&bench.matcher, bench.tables.row_count, &bench.match) ||
	    groups_open(&bench.groups, bench.tables.first_endpoint, &bench.group, 0, NULL, 0))
		die("no memory");
}

static void take_rows(struct tcp_process_key *keys, uint32_t *numbers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		keys[i] = (struct tcp_process_key){.start_ns = 1, .pid = PID_BASE + i};
		if (bpf_map_lookup_and_delete_elem(bench.tables.free_rows_fd, NULL, &numbers[i]) ||
		    bpf_map_update_elem(bench.tables.processes_fd, &keys[i], &numbers[i],
					BPF_NOEXIST))
			die("no room");
	}
}

/* Does it live? Out of the index; back to the free rows. */
static void give_rows_back(const struct tcp_process_key *keys, const uint32_t *numbers,
			   unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!__real_process_gone("/proc", keys[i].pid))
			die("somebody has our pids");
	if (count && bpf_map_delete_batch(bench.tables.processes_fd, keys, &count, NULL))
		die("not in the index");
	for (unsigned i = 0; i < count; i++)
		if (bpf_map_update_elem(bench.tables.free_rows_fd, NULL, &numbers[i], BPF_ANY))
			die("no room for a free row");
}

/* The floor under `snapshot`: the system calls alone for so many processes that have ended. */
static double floor_us(void)
{
	const unsigned count = bench.rows / 100 * bench.new_percent, batch = 64;
	struct tcp_process_key *keys = calloc(count + 1, sizeof(*keys));
	uint32_t *numbers = calloc(count + 1, sizeof(*numbers));
	double start;

	if (!keys || !numbers)
		die("no memory");
	take_rows(keys, numbers, count);
	start = time_us(CLOCK_PROCESS_CPUTIME_ID);
	for (unsigned i = 0; i < count; i += batch)
		give_rows_back(&keys[i], &numbers[i], count - i < batch ? count - i : batch);
	start = time_us(CLOCK_PROCESS_CPUTIME_ID) - start;
	free(keys);
	free(numbers);
	return start;
}

static void options(int argc, char **argv)
{
	const char *const *names = naming_names();
	int option;

	while ((option = getopt(argc, argv, "r:a:n:g:m:")) != -1) {
		if (option == 'r')
			bench.rows = (unsigned)atoi(optarg);
		else if (option == 'a')
			bench.active_percent = (unsigned)atoi(optarg);
		else if (option == 'n')
			bench.new_percent = (unsigned)atoi(optarg);
		else if (option == 'm')
			bench.names = (unsigned)atoi(optarg);
		else if (option == 'g')
			for (int i = 0; names[i]; i++)
				bench.match.group_by =
					strcmp(names[i], optarg) ? bench.match.group_by : i;
		else
			exit(2);
	}
}

/* One line, of names and values. */
static void print(long kb, unsigned long told, unsigned long samples)
{
	static const char *const names[] = {"refresh", "snapshot", "match", "group", "report"};
	double all = 0;

	printf("tick rows=%u active=%u%% new=%u%% by=%s", bench.rows, bench.active_percent,
	       bench.new_percent, naming_names()[bench.match.group_by]);
	for (int i = 0; i < STAGES; i++) {
		printf(" %s_us=%.0f", names[i], median(i));
		all += median(i);
	}
	printf(" all_us=%.0f floor_us=%.0f memory_kb=%ld told=%lu values=%lu\n", all, floor_us(),
	       kb, told / TICKS, samples / TICKS);
}

int main(int argc, char **argv)
{
	double clock_us;
	long idle_kb;

	options(argc, argv);
	open_all();
	clock_us = clock_cost_us();
	idle_kb = resident_kb();
	for (unsigned i = 0; i < bench.rows; i++)
		begin_process();
	bench.now_ns = LONG_AGO_NS;
	read_tick(bench.spent_us[0], clock_us);
	bench.told = bench.samples = 0;
	for (unsigned i = 0; i < TICKS; i++) {
		bench.now_ns += INTERVAL_NS;
		work(i);
		read_tick(bench.spent_us[i], clock_us);
	}
	print(resident_kb() - idle_kb, bench.told, bench.samples);
	groups_close(bench.groups);
	match_close(bench.matcher);
	snapshot_close(bench.snapshot);
	probe_close(bench.probe);
	free(bench.starts);
	return 0;
}
