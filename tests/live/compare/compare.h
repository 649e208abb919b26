/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What compare knows while a scenario runs, and what its parts do with it. */
#ifndef COMPARE_H
#define COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "classic.h"
#include "probe/probe.h"
#include "probe/snapshot.h"

#define SEEN_MAX 4096
#define TRUTHS_MAX 1024
#define LINE_SIZE 1024

/* What has been counted for one pid in the current scenario. */
struct seen {
	uint32_t pid;
	uint64_t start_ns;
	char comm[TCP_COMM_LEN];
	struct tcp_counters counters;
	struct tcp_counters parts; /* the same, of its destinations and ports */
	struct tcp_counters ports; /* of the ports among them, and once more by client */
	struct tcp_counters clients;
	uint64_t connect_max_ns;
	uint64_t in_buckets;                   /* of the histogram: how many connects */
	uint64_t events[TCP_REASON_COUNT + 1]; /* told one by one, by outcome */
	bool ended;                            /* its row is free again */
	bool left_open;                        /* a connection of its outlived it */
	bool overdrawn;                        /* more of them left a state than entered it */
};

struct source;

extern struct test {
	const char *kernel;
	bool alone;       /* on a kernel where nobody else uses TCP */
	char version[16]; /* of the kernel, for the table */
	const char *backend;
	bool by_endpoint;
	const struct source *source;
	char folder[32];      /* our own */
	char program[64];     /* a link to it in the folder */
	const char *comm;     /* the link's name, and so the processes': nobody else bears it */
	const char *own_comm; /* the program's own name: what an exec makes of it */
	FILE *table;
	const char *scenario;
	struct seen seen[SEEN_MAX];
	size_t seen_count;
	char truths[TRUTHS_MAX][LINE_SIZE];
	size_t truth_count;
	struct tcp_self self;     /* of the probe, when the scenario began */
	struct probe_usage usage; /* of its programs, then */
	uint64_t missing;         /* failed connects */
	uint64_t unmeasured;      /* connects */
	char failure[2 * LINE_SIZE];
	const char *excuse; /* of a number of the scenario: what the backend cannot see */
	uint64_t excused_truth, excused_counted;
	bool final;        /* this comparison goes to the table */
	bool right;        /* was the last scenario's verdict */
	uint64_t since_ns; /* what is older belongs to a scenario that was not right */
	unsigned patience_ms;
	unsigned failed;
} test;

struct source {
	const char *fields;   /* that it counts, NULL: all */
	bool strict;          /* it must be right, and leave nothing behind */
	unsigned patience_ms; /* for what closes after its process: FIN, TIME_WAIT */
	void (*open)(void);
	void (*close)(void);
	void (*take)(snapshot_visit *visit);
	const char *(*describe)(void);
};

extern const struct source plugin, recipe;

/* What the plugin has open. */
extern struct plugin_tables {
	struct probe *probe;
	struct snapshot *snapshot;
	struct probe_tables tables;
	struct classic_reader *classic;
} source;

_Noreturn void die(const char *what);

/* --- what was counted --- */

struct seen *seen_find(uint32_t pid);
struct seen *seen_get(uint32_t pid);
void seen_add(void *context, const struct snapshot_process *p);

/* Segments are sent, and connections end, also when no process does anything. */
bool seen_idle(const struct seen *seen);

/* --- what should have been --- */

struct probe_usage usage_now(void);

/* Numbers may be late, but what has been right stays so. */
void compare(void);

/* A line of the table, if there is one. */
void tabulate(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
