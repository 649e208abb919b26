/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The inside of a probe, for the files that load the kernel half: backend.c (which programs),
 * load.c (how they are set up), tables.c (the memory that both halves share), attach.c (the hooks),
 * usage.c (what the programs cost) and probe.c (the order of it all). Nobody else sees the
 * skeleton.
 */
#ifndef EBPF_TCP_LOADER_H
#define EBPF_TCP_LOADER_H

#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "probe/kernel.h"
#include "probe/probe.h"
#include "tcp.h"
#include "tcp.skel.h"

/*
 * A program is known by its index in the skeleton. It comes from its symbol: one that is misspelt,
 * or is no longer there, does not compile.
 */
#define PROGRAM(symbol)                                                                            \
	((offsetof(struct tcp, progs.symbol) - offsetof(struct tcp, progs)) /                      \
	 sizeof(struct bpf_program *))
#define PROGRAM_COUNT (sizeof(((struct tcp *)0)->progs) / sizeof(struct bpf_program *))

struct backend {
	const char *name;
	const char *sets[3];
	unsigned uses;       /* enum kernel_use */
	const char *variant; /* what tells it from the first of its name */
	const char *loss;    /* what it cannot see at all */
};

struct probe {
	const struct backend *backend;
	const struct kernel *kernel; /* until it is open */
	struct tcp *skeleton;
	bool selected[PROGRAM_COUNT]; /* it is loaded */
	bool dropped[PROGRAM_COUNT];  /* it cannot be had, and the rest does without */
	struct bpf_link *links[PROGRAM_COUNT];
	bool late_attached;
	unsigned row_count;
	unsigned shard_count;
	unsigned first_endpoint;
	struct tcp_row *rows;
	struct tcp_bytes *bytes;
	__u64 *touched;
	struct tcp_hostname *hostnames; /* NULL: nobody asked for them */
	struct tcp_histogram *histograms[TCP_TIME_COUNT];
	struct ring_buffer *ring; /* of events; NULL: nobody asked for them */
	struct ring_buffer *cgroups;
	probe_visit_event *visit; /* during probe_events() */
	probe_visit_cgroup *visit_cgroup;
	void *context;
	unsigned events;
	char summary[512];
};

static inline struct bpf_program *program_at(const struct probe *p, size_t program)
{
	return ((struct bpf_program *const *)(const void *)&p->skeleton->progs)[program];
}

/* Are the states of sockets in the sockets, and not in a table? */
static inline bool uses_storage(const struct probe *p)
{
	return p->backend->uses & KERNEL_SOCK_STORAGE;
}

static inline bool wants_events(const struct probe_options *options)
{
	return options->knobs.failures || options->knobs.slow_connect_ns;
}

/* In the order in which they are to be tried; NULL after the last one. */
const struct backend *backend_at(size_t i);

/* Does the backend have that program, do the options ask for it, and is it not dropped? */
bool backend_wants(const struct probe *p, size_t program, const struct probe_options *options);

/* May the program be missing alone? */
bool backend_may_miss(size_t program);

/* The program of that name which may be missing alone; PROGRAM_COUNT: there is none. */
size_t backend_optional(const char *name);

/* Which backend runs, and what it misses. */
void backend_summary(char *out, size_t size, const struct probe *p);

/* Loads the programs of the backend, without those that the kernel refuses if they may be missing.
 */
int load(struct probe *p, const struct probe_options *options);

/* Maps the tables, makes all rows free, and opens the ring of events if it is asked for. */
int tables_open(struct probe *p, const struct probe_options *options);
void tables_close(struct probe *p);

/* Attaches what is loaded, but for those that wait for a first MPTCP socket. */
int attach(struct probe *p);
void attach_late(struct probe *p);
void detach(struct probe *p);

/* Takes the sockets that are older than the probe as they are. */
void take_baseline(struct probe *p);

#endif
