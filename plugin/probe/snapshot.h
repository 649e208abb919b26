/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The snapshot: reads the rows that the kernel fills, says what each has done since the last look,
 * and frees the rows of dead processes. To read is to look at memory; only to free a row takes a
 * system call.
 */
#ifndef EBPF_TCP_SNAPSHOT_H
#define EBPF_TCP_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp.h"

struct probe_tables;
struct snapshot;

struct snapshot_options {
	char *proc_root;
};

/* What one process has done since the last look. */
struct snapshot_process {
	unsigned row; /* constant for as long as the process is seen; or enum tcp_fixed_row */
	uint32_t pid;
	uint32_t uid;     /* or TCP_UID_UNKNOWN */
	uint32_t parent;  /* pid, 0 if unknown */
	uint32_t renames; /* another number: it has executed a program or changed its name */
	uint64_t start_ns;
	uint64_t cgroup;
	struct tcp_endpoint endpoint; /* of which `grown` tells; kind 0: the whole process */
	unsigned process_row; /* of its process; `row` itself, if this is the whole process */
	char comm[TCP_COMM_LEN];
	const struct tcp_hostname *hostname; /* it may change; NULL: of an endpoint, or not asked */
	struct tcp_counters grown;
	uint64_t time_max[TCP_TIME_COUNT];
	const uint32_t *buckets[TCP_TIME_COUNT]; /* growth of histograms; NULL: there is none */
	uint64_t queued;                         /* connections that wait for an accept now */
	uint64_t half_open;                      /* and those whose handshake is not over */
	bool last;                               /* it is dead, and this is all that it has left */
};

typedef void snapshot_visit(void *context, const struct snapshot_process *process);

/* What the tables hold now is taken as seen. Returns 0 or -ENOMEM. */
int snapshot_open(struct snapshot **out, const struct probe_tables *tables,
		  const struct snapshot_options *options);

/* NULL is allowed. The tables must still be there. */
void snapshot_close(struct snapshot *s);

/* Calls `visit` for every process that did something or has ended, then for every such endpoint. */
void snapshot_take(struct snapshot *s, snapshot_visit *visit, void *context);

/* Which endpoints of this process are asked for, as enum tcp_wants; until that is said, it may take
 * rows for all. */
void snapshot_want(struct snapshot *s, unsigned row, unsigned wants);

/*
 * Who the process, or endpoint, of a row is, without growth. If the row is not, or no longer, of
 * the process that started at start_ns: TCP_ROW_OTHER.
 */
void snapshot_who(struct snapshot_process *out, const struct snapshot *s, unsigned row,
		  uint64_t start_ns);

/* Since when the process of this row is there; 0: nobody has it. */
uint64_t snapshot_start_ns(const struct snapshot *s, unsigned row);

/* How many processes, and endpoints, have a row. */
unsigned snapshot_processes(const struct snapshot *s);
unsigned snapshot_endpoints(const struct snapshot *s);

#endif
