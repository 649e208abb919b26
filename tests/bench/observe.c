/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Holds the plugin's probe open, or the classic recipe, while something else measures what it
 * costs, and then demands that it has counted exactly.
 *
 *     observe fentry|kprobe|rawtp|classic
 *     observe fentry|kprobe|rawtp full|ends|turns|states
 *
 * full: no process but this one finds a row, so that what all others do must be in TCP_ROW_OTHER.
 * ends: ports, clients and destinations have rows too. turns: requests and responses are measured.
 * states: connections count in all states of TCP.
 *
 * Prints "ready" and what it is; then its input is what `rounds` prints, up to the end. Linked to
 * the floor's programs, which are empty, it is given no truth.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "classic.h"
#include "probe/probe.h"
#include "probe/snapshot.h"

#define TRUTHS_MAX 256
#define LOOK_MS 50
#define PATIENCE_MS 4000 /* numbers may be late, not wrong */

#define COUNTER(name, field)                                                                       \
	{                                                                                          \
		name, offsetof(struct tcp_counters, field) / sizeof(__u64)                         \
	}

static const struct {
	const char *name;
	size_t at;
} fields[] = {
	COUNTER("tx", tx_bytes), COUNTER("rx", rx_bytes), COUNTER("connects", connects),
	COUNTER("accepts", accepts), /* not by the classic recipe */
};
#define FIELDS (sizeof(fields) / sizeof(*fields))

struct truth {
	uint32_t pid;
	unsigned long want[FIELDS], have[FIELDS];
};

static struct {
	struct probe *probe;
	struct snapshot *snapshot;
	struct classic_reader *classic;
	struct truth truths[TRUTHS_MAX];
	size_t truth_count;
	bool full; /* then the only truth is that of all, as process 0 */
	bool ends, turns, states;
} observer;

static void die(const char *what)
{
	printf("FAIL observe: %s\n", what);
	exit(1);
}

static void plugin_open(const char *backend)
{
	struct probe_options options = {.backend = (char *)backend,
					.max_processes = observer.full ? 1 : 16384,
					.max_sockets = 65536,
					.max_endpoints = 16384,
					.knobs.by_port = observer.ends,
					.knobs.by_client = observer.ends,
					.knobs.by_destination = observer.ends,
					.knobs.responses = observer.turns,
					.knobs.states = observer.states,
					.knobs.listeners = observer.states,
					.knobs.scopes = {true, true, true}};
	struct snapshot_options snapshot_options = {.proc_root = "/proc"};
	struct probe_tables tables;
	char why[512];

	if (probe_open(&observer.probe, why, sizeof(why), &options))
		die(why);
	probe_tables(&tables, observer.probe);
	if (snapshot_open(&observer.snapshot, &tables, &snapshot_options))
		die("no memory");
}

static void add(void *context, const struct snapshot_process *p)
{
	const __u64 *grown = (const __u64 *)&p->grown;

	(void)context;
	if (p->endpoint.kind)
		return;
	for (size_t i = 0; i < observer.truth_count && p->row != TCP_ROW_KERNEL; i++)
		for (size_t k = 0; k < FIELDS && observer.truths[i].pid == p->pid; k++)
			observer.truths[i].have[k] += grown[fields[k].at];
}

static void take(void)
{
	if (observer.classic) {
		classic_take(observer.classic, add, NULL);
		return;
	}
	probe_refresh(observer.probe);
	snapshot_take(observer.snapshot, add, NULL);
}

static void truth_add(const struct truth *t)
{
	struct truth *to = &observer.truths[observer.full ? 0 : observer.truth_count];

	if (observer.truth_count == TRUTHS_MAX)
		die("too many processes");
	to->pid = observer.full ? 0 : t->pid;
	for (size_t k = 0; k < FIELDS; k++)
		to->want[k] += t->want[k];
	observer.truth_count = (size_t)(to - observer.truths) + 1;
}

static void read_truths(void)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin)) {
		struct truth t = {0};

		if (sscanf(line, "truth %u %lu %lu %lu %lu", &t.pid, &t.want[0], &t.want[1],
			   &t.want[2], &t.want[3]) == 1 + FIELDS)
			truth_add(&t);
	}
}

/* Returns how many numbers are wrong. */
static unsigned compare(bool tell)
{
	size_t count = observer.classic ? FIELDS - 1 : FIELDS;
	unsigned wrong = 0;

	for (const struct truth *t = observer.truths; t < observer.truths + observer.truth_count;
	     t++)
		for (size_t k = 0; k < count; k++) {
			if (t->have[k] == t->want[k])
				continue;
			wrong++;
			if (tell)
				printf("FAIL observe: %s of %u: %lu, counted %lu\n", fields[k].name,
				       t->pid, t->want[k], t->have[k]);
		}
	return wrong;
}

int main(int argc, char **argv)
{
	const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};
	const char *mode = argc == 3 ? argv[2] : "";

	observer.full = strcmp(mode, "full") == 0;
	observer.ends = strcmp(mode, "ends") == 0;
	observer.turns = strcmp(mode, "turns") == 0;
	observer.states = strcmp(mode, "states") == 0;
	if (argc != 2 && !observer.full && !observer.ends && !observer.turns && !observer.states)
		return 2;
	if (strcmp(argv[1], "classic") != 0)
		plugin_open(argv[1]);
	else if (classic_open(&observer.classic))
		die("the classic recipe does not load");
	printf("ready %s\n", observer.classic ? "classic recipe" : probe_summary(observer.probe));
	fflush(stdout);
	read_truths();
	take();
	for (int ms = 0; compare(false) && ms < PATIENCE_MS; ms += LOOK_MS) {
		nanosleep(&look, NULL);
		take();
	}
	if (compare(true))
		return 1;
	printf("ok observe %s: %zu processes are exact\n", argv[1], observer.truth_count);
	snapshot_close(observer.snapshot);
	probe_close(observer.probe);
	classic_close(observer.classic);
	return 0;
}
