/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "probe.h"
#include "process.h"
#include "snapshot.h"

#define SWEEP_TICKS 64 /* a row whose end was not hinted at is checked once in so many looks */

/* What we know of a row from the last look. */
struct seen {
	struct tcp_counters counters;
	uint32_t *buckets; /* NULL until the first connect */
	uint64_t start_ns; /* 0: free */
	uint64_t cgroup;
	uint32_t pid;
	uint32_t uid;
	char comm[TCP_COMM_LEN];
	bool leaving; /* dead and out of the index: one more look, then the row is free */
};

struct snapshot {
	struct probe_tables tables;
	char *proc_root;
	struct seen *seen;
	unsigned looks;
	unsigned processes;
	uint64_t lost_processes;
	uint32_t grown_buckets[TCP_LATENCY_BUCKETS];
};

/* The kernel writes while we read: take every counter once. */
static bool take_counters(struct tcp_counters *grown, struct seen *seen, const struct tcp_row *row)
{
	const volatile __u64 *now = (const volatile __u64 *)&row->counters;
	__u64 *before = (__u64 *)&seen->counters, *out = (__u64 *)grown, any = 0;

	for (unsigned i = 0; i < TCP_COUNTERS; i++) {
		__u64 value = now[i];

		out[i] = value - before[i];
		before[i] = value;
		any |= out[i];
	}
	if (!grown->measured) { /* a time whose count is still to come waits for it */
		seen->counters.connect_ns -= grown->connect_ns;
		grown->connect_ns = 0;
	}
	return any != 0;
}

/* Returns the growth of the row's histogram, NULL if there is no memory to tell it. */
static const uint32_t *take_buckets(struct snapshot *s, unsigned row)
{
	const volatile uint32_t *now = s->tables.latencies[row].buckets;
	struct seen *seen = &s->seen[row];

	if (!seen->buckets)
		seen->buckets = calloc(TCP_LATENCY_BUCKETS, sizeof(*seen->buckets));
	if (!seen->buckets)
		return NULL;
	for (unsigned i = 0; i < TCP_LATENCY_BUCKETS; i++) {
		uint32_t value = now[i];

		s->grown_buckets[i] = value - seen->buckets[i];
		seen->buckets[i] = value;
	}
	return s->grown_buckets;
}

static void identify(struct seen *seen, const struct tcp_row *row, uint64_t start_ns)
{
	seen->start_ns = start_ns;
	seen->pid = row->pid;
	seen->uid = row->uid;
	seen->cgroup = row->cgroup;
	memcpy(seen->comm, row->comm, sizeof(seen->comm)); /* it may change at any time */
	seen->comm[TCP_COMM_LEN - 1] = '\0';
}

/* Takes the row from the process. What still arrives for it is seen by the next look. */
static void leave(struct snapshot *s, unsigned row)
{
	struct seen *seen = &s->seen[row];
	struct tcp_process_key key = {.start_ns = seen->start_ns, .pid = seen->pid};

	if (bpf_map_delete_elem(s->tables.processes_fd, &key) && errno != ENOENT)
		return; /* the next look tries again */
	__atomic_store_n(&s->tables.rows[row].start_ns, 0, __ATOMIC_RELEASE);
	seen->leaving = true;
}

static void free_row(struct snapshot *s, unsigned row)
{
	uint32_t number = row;

	if (bpf_map_update_elem(s->tables.free_rows_fd, NULL, &number, BPF_ANY))
		return;
	s->seen[row].leaving = false;
	s->seen[row].start_ns = 0;
	s->processes--;
}

/* Has the process ended? Asked before its counters are read: nothing can be added afterwards. */
static bool dead(const struct snapshot *s, unsigned row, bool check_all)
{
	const struct seen *seen = &s->seen[row];
	bool hinted = s->tables.rows[row].exited;
	bool turn = row % SWEEP_TICKS == s->looks % SWEEP_TICKS;

	return (hinted || turn || check_all) &&
	       !process_alive(s->proc_root, seen->pid, seen->start_ns);
}

static void look(struct snapshot *s, unsigned number, bool check_all, snapshot_visit *visit,
		 void *context)
{
	struct tcp_row *row = &s->tables.rows[number];
	uint64_t start_ns = __atomic_load_n(&row->start_ns, __ATOMIC_ACQUIRE);
	struct seen *seen = &s->seen[number];
	struct snapshot_process p = {.row = number, .last = seen->leaving};
	bool fixed = number < TCP_ROW_FIRST, ended = false, grown;

	if (start_ns && !seen->leaving) {
		s->processes += !seen->start_ns;
		identify(seen, row, start_ns);
		ended = dead(s, number, check_all);
	}
	grown = take_counters(&p.grown, seen, row);
	if (!grown && !ended && !seen->leaving)
		return;
	if (p.grown.measured) {
		p.buckets = take_buckets(s, number);
		p.connect_max_ns = __atomic_exchange_n(&row->connect_max_ns, 0, __ATOMIC_RELAXED);
	}
	if (!fixed && !seen->start_ns)
		p.row = TCP_ROW_OTHER; /* late for a process that is gone already */
	p.pid = seen->pid;
	p.uid = seen->uid;
	p.start_ns = seen->start_ns;
	p.cgroup = seen->cgroup;
	memcpy(p.comm, seen->comm, sizeof(p.comm));
	if (visit && (grown || p.last))
		visit(context, &p);
	if (seen->leaving)
		free_row(s, number);
	else if (ended)
		leave(s, number);
}

void snapshot_take(struct snapshot *s, snapshot_visit *visit, void *context)
{
	uint64_t lost = __atomic_load_n(&s->tables.self->lost_processes, __ATOMIC_RELAXED);
	bool full = lost != s->lost_processes;

	s->lost_processes = lost;
	s->looks++;
	for (unsigned row = TCP_ROW_OTHER; row < s->tables.row_count; row++)
		look(s, row, full, visit, context);
}

int snapshot_open(struct snapshot **out, const struct probe_tables *tables,
		  const struct snapshot_options *options)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->tables = *tables;
	s->proc_root = strdup(options->proc_root);
	s->seen = calloc(tables->row_count, sizeof(*s->seen));
	if (!s->proc_root || !s->seen) {
		snapshot_close(s);
		return -ENOMEM;
	}
	snapshot_take(s, NULL, NULL);
	*out = s;
	return 0;
}

void snapshot_close(struct snapshot *s)
{
	if (!s)
		return;
	for (unsigned i = 0; s->seen && i < s->tables.row_count; i++)
		free(s->seen[i].buckets);
	free(s->seen);
	free(s->proc_root);
	free(s);
}

unsigned snapshot_processes(const struct snapshot *s)
{
	return s->processes;
}
