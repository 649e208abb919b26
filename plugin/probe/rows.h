/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The inside of a snapshot: what the last look saw of each row. For the files that look: growth.c
 * (what a row has grown by), reap.c (whose row is free again) and snapshot.c (the order of it all).
 */
#ifndef EBPF_TCP_ROWS_H
#define EBPF_TCP_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/probe.h"
#include "probe/snapshot.h"
#include "tcp.h"

#define BATCH 64 /* rows that are looked at together */

/*
 * What a row is to us. The order matters: look_at() looks at every row whose state is at least the
 * one that it is given. So the more is to be done about a row, the later its state stands here.
 */
enum state {
	FREE,
	HELD,
	SWEPT,  /* it has its turn: is there such a pid? */
	DUE,    /* looked at, whether it has changed or not: has its process ended? */
	LEAVING /* dead and out of the index: one more look, then the row is free */
};

/* What we know of a row from the last look. Who it is about is in the row until it is free. */
struct seen {
	struct tcp_counters counters;
	uint64_t start_ns;
	int64_t open;  /* connections of whom the row is about; others may have left some */
	unsigned grew; /* the look in which the row last grew, or was taken */
	uint8_t torn;  /* in so many looks in turn, a time was being written */
};

struct snapshot {
	struct probe_tables tables;
	char *proc_root;
	struct seen *seen;
	uint8_t *states; /* enum state; apart: those that have not changed are not read */
	uint64_t since;  /* rows that were touched in this tick or later are looked at */
	unsigned looks;
	struct turn {
		unsigned first, count;
	} sweep, reads; /* rows that had their turn in the last look */
	unsigned processes;
	unsigned endpoints;
	uint64_t lost_processes;
	uint64_t lost_endpoints;
	struct leaving {
		unsigned count;
		unsigned rows[BATCH];
		struct tcp_process_key processes[BATCH];  /* of rows of the one kind... */
		struct tcp_endpoint_key endpoints[BATCH]; /* ...or of the other */
	} leaving;
	/* since the last look */
	bool full;    /* processes found no room */
	bool crowded; /* endpoints found none */
	bool left;    /* a process left, or less is asked of it: its endpoints follow */
	uint32_t grown_buckets[TCP_TIME_COUNT][TCP_LATENCY_BUCKETS];
	uint64_t grown_max[TCP_TIME_COUNT];
};

static inline bool is_endpoint(const struct snapshot *s, unsigned row)
{
	return row >= s->tables.first_endpoint;
}

/* Takes what the row has grown by since the last look. False: it has not. */
bool growth_take(struct tcp_counters *grown, struct snapshot *s, unsigned row);

/* The same of its times, after growth_take(): `p` has the growth of the counters. */
void growth_take_times(struct snapshot *s, unsigned row, struct snapshot_process *p);

/*
 * Is the row nobody's any longer, or is it time to take it from who has it? Asked before its
 * counters are read.
 */
bool reap_ended(struct snapshot *s, unsigned row, uint64_t start_ns);

/*
 * Does the endpoint make room for others? Asked after its counters are read: it may just have
 * grown.
 */
bool reap_gives_way(const struct snapshot *s, unsigned row);

/* Takes the row from who has it, by the end of the batch: with the other rows that leave. */
void reap_leave(struct snapshot *s, unsigned number);
void reap_leave_all(struct snapshot *s);

/* Frees the row: nothing adds to it any longer, and all of it is told. */
void reap_free(struct snapshot *s, unsigned row);

/* Takes over the name that the process has by now. */
void reap_ask_name(const struct snapshot *s, unsigned number);

#endif
