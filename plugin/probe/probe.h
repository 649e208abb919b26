/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The probe: puts the kernel half into the kernel and gives access to its tables. The skeleton,
 * the backends and what differs between kernels are known behind it alone: see loader.h.
 */
#ifndef EBPF_TCP_PROBE_H
#define EBPF_TCP_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "tcp.h"

struct probe;
struct probe_options {
	char *backend;          /* a name from probe_backend_names() */
	char *btf;              /* file with the kernel's BTF, NULL: the kernel's own */
	unsigned max_processes; /* rows */
	unsigned max_sockets;   /* only where a hash table keeps the sockets */
	unsigned max_endpoints; /* rows for what is asked for besides processes */
	struct tcp_knobs knobs;
};

/* The tables as the reader sees them; valid until probe_close(). */
struct probe_tables {
	struct tcp_row *rows;          /* mapped, row_count of them */
	const struct tcp_bytes *bytes; /* mapped, shard_count times as many */
	const __u64 *touched;          /* mapped, one per row: the tick in which it last changed */
	const struct tcp_hostname *hostnames; /* mapped, one per row; NULL: not asked for */
	__u64 *tick;                          /* mapped: counted up after each look */
	struct tcp_histogram
		*histograms[TCP_TIME_COUNT]; /* mapped, see probe_histogram(); or NULL */
	const struct tcp_self *self;         /* mapped */
	__u32 *endpoints_taken;              /* mapped: counted down for each that is freed */
	unsigned row_count;
	unsigned shard_count;
	unsigned socket_count;   /* room in the table of sockets; 0: there is no table */
	unsigned first_endpoint; /* from this row on, rows are about endpoints */
	int processes_fd;        /* struct tcp_process_key -> row number */
	int free_rows_fd;        /* stack of free row numbers */
	int endpoints_fd;        /* struct tcp_endpoint_key -> row number */
	int free_endpoints_fd;
};

/* What a row has moved: its shards, which the kernel adds to meanwhile, each taken once. */
static inline struct tcp_bytes probe_bytes(const struct probe_tables *tables, unsigned row)
{
	const volatile struct tcp_bytes *shard = &tables->bytes[row];
	struct tcp_bytes sum = {0};

	for (unsigned i = 0; i < tables->shard_count; i++, shard += tables->row_count) {
		sum.tx += shard->tx;
		sum.rx += shard->rx;
	}
	return sum;
}

/* The histogram of a row, if there is any of that time. Those of turns lie side by side. */
static inline struct tcp_histogram *probe_histogram(const struct probe_tables *tables,
						    unsigned time, unsigned row)
{
	size_t stride = time < TCP_TIME_SERVICE ? 1 : TCP_TURN_TIMES;

	return &tables->histograms[time][row * stride];
}

/* Names that `backend` may have: "auto", then those that it tries, in that order; ends with NULL.
 */
const char *const *probe_backend_names(void);

/*
 * Loads and attaches the best backend that works here, and proves it by sending itself a known
 * number of bytes. Returns 0, or -errno with the cause and the remedy in `why`.
 */
int probe_open(struct probe **out, char *why, size_t why_size, const struct probe_options *options);

/* Detaches and frees everything. NULL is allowed. */
void probe_close(struct probe *p);

/* One line: which backend runs, and what it misses. Never NULL. */
const char *probe_summary(const struct probe *p);

/* Call before each look at the tables: fetches what no trigger of this backend tells in time. */
void probe_refresh(struct probe *p);

typedef void probe_visit_listener(void *context, const struct tcp_listener *listener);
typedef void probe_visit_event(void *context, const struct tcp_event *event);
typedef void probe_visit_cgroup(void *context, const struct tcp_cgroup *cgroup);

/* Calls `visit` for every listening socket, if they were asked for. */
void probe_listeners(const struct probe *p, probe_visit_listener *visit, void *context);

/* Calls `visit` for the events that have come since the last call, but not for too many. */
void probe_events(struct probe *p, probe_visit_event *visit, void *context);

/* The same for control groups that have begun. */
void probe_cgroups(struct probe *p, probe_visit_cgroup *visit, void *context);

void probe_tables(struct probe_tables *out, const struct probe *p);

/* What to raise when sockets find no room. */
const char *probe_socket_limit(const struct probe *p);

/* What the kernel says about the programs, all together. */
struct probe_usage {
	uint64_t skips; /* runs that it skipped: the program was running already (5.12) */
	uint64_t lost;  /* of these, at most so many whose work nothing else did */
	uint64_t runs;
	uint64_t run_ns;
};

void probe_usage(struct probe_usage *out, const struct probe *p);

/* Does the kernel count and time the runs of programs? It does not unless it is told to. */
bool probe_timed(void);

#endif
