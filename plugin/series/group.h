/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Grouping: adds what processes have done in a tick to their groups, and decides which groups and
 * which parts of them are reported. What is not reported is in `other`, so that at every tick, to
 * the byte, all = other + kernel + the reported groups.
 * What is open now, and what waits, is a state: it is where its process is, at once.
 */
#ifndef EBPF_TCP_GROUP_H
#define EBPF_TCP_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "series/balance.h"
#include "series/histogram.h"
#include "tcp.h"

struct groups;
struct match;
struct snapshot_process;
struct subnet;

/* What is reported of the groups: in general, or of those of one rule, whose limits may be 0: then
 * the general one is for both together. */
struct group_options {
	unsigned group_limit;
	bool by_pid;
	unsigned pid_limit;
	unsigned pid_min_age_s;
	bool by_destination;
	unsigned destination_limit;
	bool by_port;
	unsigned port_limit;
	bool by_client;
	unsigned client_limit;
	unsigned new_names_per_hour; /* for each limit, beyond as many as the limit: see quota.h */
	bool holds; /* all processes of the rule are one group, which is always reported */
};

/* From GROUP_DESTINATION on, they are endpoints of processes. */
enum group_kind {
	GROUP_WHOLE,
	GROUP_PROCESS,
	GROUP_DESTINATION,
	GROUP_PORT,
	GROUP_CLIENT,
	GROUP_KIND_COUNT
};

/* Which endpoints the options ask for, as enum tcp_wants. */
unsigned group_wants(const struct group_options *options);

/* A reported series: a group, or a part of it. */
struct group {
	enum group_kind kind;
	char *name;
	char *part; /* "": all of it; "1234", "10.0.0.5:5432", "port-443", "client-10.0.0.9", and
		     * "other", "port-other", "client-other" */
	int rule;   /* index of the rule that made it, or -1 */
	struct tcp_counters total;               /* never falls */
	struct histogram *times[TCP_TIME_COUNT]; /* of this tick; NULL: there is none */
	uint64_t segments, retransmits;          /* of this tick */
	struct balance balance;                  /* connections that are open now */
	uint64_t queued;                         /* connections that wait for an accept now */
	uint64_t half_open;                      /* and those whose handshake is not over */
	/* of a process only */
	unsigned row;
	uint32_t renames; /* with these three it is the same process and program */
	uint64_t start_ns;
	uint32_t pid;
	uint32_t uid; /* or TCP_UID_UNKNOWN */
	char comm[TCP_COMM_LEN];
	bool detailed;    /* what follows is known */
	unsigned renamed; /* see struct match */
	/* NULL or "" if unknown, or if there is none */
	char *exe, *cgroup; /* paths */
	char *container, *pod, *namespace;
};

typedef void group_visit(void *context, const struct group *group);

/* Is given a process whose details are to be asked for, to fill them in by group_detail(). */
typedef void group_ask(void *context, struct group *process);

/*
 * `row_count` bounds the rows of processes and endpoints. `options` has 1 + rule_count entries: the
 * general one, then that of each rule; it and `subnets` must stay. Returns 0 or -ENOMEM.
 */
int groups_open(struct groups **out, unsigned row_count, const struct group_options *options,
		unsigned rule_count, const struct subnet *subnets, unsigned subnet_count);

/* NULL is allowed. */
void groups_close(struct groups *g);

/*
 * One tick: begin, add every process (and endpoint) that did something or ended, end. `now_ns` is
 * the time since boot. Without memory for a new group its process counts in `other`.
 */
void groups_begin(struct groups *g, uint64_t now_ns);
struct group *groups_add(struct groups *g, const struct match *match,
			 const struct snapshot_process *p);
void groups_end(struct groups *g);

/*
 * Details cost a look at /proc. So they are asked of the processes that are reported, after
 * groups_end(), once and again after each has executed another program; and of one that has ended
 * when it is added, as later nobody knows: groups_add() returns its series, else NULL.
 */
void groups_each_unknown(struct groups *g, group_ask *ask, void *context);

/* Takes the details over: exe, cgroup, names of the container, and uid. */
void group_detail(struct group *process, const struct match *match);

/* How many names, ever, had to wait in `other` or with the rest because too many others began. */
uint64_t groups_refused(const struct groups *g, enum group_kind kind);

/* Calls `visit` for all, other, kernel, then what is reported of each enum group_kind. */
void groups_each(const struct groups *g, group_visit *visit, void *context);

#endif
