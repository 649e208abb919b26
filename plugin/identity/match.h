/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Matching: which group a process belongs to, and how groups may be called. Asked of a process
 * once, when it is first seen, and again after it has executed another program.
 */
#ifndef EBPF_TCP_MATCH_H
#define EBPF_TCP_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity/container.h"
#include "identity/ignore.h"
#include "identity/naming.h"
#include "identity/rule.h"

struct container;
struct matcher;
struct snapshot_process;

struct match_options {
	int group_by;        /* enum match_by */
	int container_by;    /* enum container_by */
	struct rule **rules; /* the first that fits counts */
	unsigned rule_count;
	bool report_unmatched;   /* GroupBy names what fits no rule */
	struct ignore **ignores; /* on names of groups */
	unsigned ignore_count;
	bool ignore_selected; /* what one fits goes to other; if not, what none fits */
	const char *proc_root;
	char *cgroup_root;
	char *host_root;            /* where files of runtimes are; NULL: "/" */
	unsigned name_ticks;        /* so often names of containers may become others */
	uint64_t (*clock_ns)(void); /* of processor time; NULL: matching is not bounded */
	uint64_t budget_ns;         /* for a tick: what is not matched then waits for the next */
};

/* What is known of a process. Texts are never NULL. */
struct match {
	const char *group;           /* cleaned; GROUP_OTHER if it is not to be reported */
	int rule;                    /* index of the one that fitted, else -1 */
	const char *exe;             /* path of the program; "" if unknown */
	const char *cgroup;          /* path; "" if unknown */
	struct container *container; /* NULL: none, or nobody has asked for it */
	unsigned renamed;            /* how often that has got other names */
	uint32_t uid;                /* TCP_UID_UNKNOWN if unknown */
};

/* `row_count` bounds snapshot_process.row; `options` must stay. Returns 0 or -ENOMEM. */
int match_open(struct matcher **out, unsigned row_count, const struct match_options *options);

/* NULL is allowed. */
void match_close(struct matcher *m);

/* A tick begins: PID files are looked at. */
void match_begin(struct matcher *m);

/* A control group has begun, and may be gone: its id as tcp_row.cgroup has it. */
void match_cgroup(struct matcher *m, uint64_t id, const char *path);

typedef void match_visit(void *context, unsigned row, uint64_t start_ns);

/* Calls `visit` for those rows that had to wait in the last tick, to be asked for again. */
void match_again(struct matcher *m, match_visit *visit, void *context);

/* How often a process had to wait for a tick. Until then it is in GROUP_OTHER, or in its old group
 * if only the rules have changed. */
uint64_t match_waits(const struct matcher *m);

/* Index of the rule that has decided about the process which took longest, or -1. */
int match_slowest_rule(const struct matcher *m);

/* Valid until the process of this row is asked for again. Never NULL. */
const struct match *match_process(struct matcher *m, const struct snapshot_process *p);

/* The attributes that values carry along, which cost a look at /proc: exe, cgroup and container.
 * Same life. */
const struct match *match_details(struct matcher *m, const struct snapshot_process *p);

/* What its container is called by its runtime, else its id or what else names it; "" if it is in
 * none.
 */
void match_container(char *out, size_t size, const struct match *match);

/* Has that rule ever decided about a process? */
bool match_used(const struct matcher *m, unsigned rule);

#endif
