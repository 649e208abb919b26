/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* A process of a /proc of the test's own, users as the C library would tell them, and matchers. */
#ifndef EBPF_TCP_MATCH_WORLD_H
#define EBPF_TCP_MATCH_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "identity/match.h"
#include "probe/snapshot.h"
#include "proc.h"

#define PID 4242
#define START 7919
#define ROW 5
#define ROWS 16
#define CGROUP 900001 /* no cgroup here has this id */

extern unsigned users_asked;
extern bool users_away; /* who could tell is not there */

extern const struct proc server;

struct snapshot_process row_of(const struct proc *proc, uint32_t uid);

/* A matcher that has begun its first tick. */
struct matcher *matcher_new(struct match_options options);
void expect_group(struct matcher *m, const struct snapshot_process *p, const char *want,
		  const char *what);
struct rule *rule_of(enum rule_kind kind, const char *name, const char *text);

#endif
