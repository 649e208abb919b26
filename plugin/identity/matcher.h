/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Inside the matcher: what it keeps for each row. */
#ifndef EBPF_TCP_MATCHER_H
#define EBPF_TCP_MATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/name.h"
#include "identity/containers.h"
#include "identity/match.h"
#include "identity/naming.h"
#include "identity/subject.h"

/* What is known of a row's process. It holds the container. */
struct entry {
	struct match match;
	uint64_t start_ns;
	uint32_t renames;
	uint32_t generation; /* the matcher's when the match was found; 0: there is none */
	bool detailed;
	bool renamed; /* since its row was taken */
	bool waits;   /* for the next tick, to be matched */
	bool part;    /* it is an endpoint's */
	bool over;    /* the process was told of for the last time */
};

struct matcher {
	struct match_options options;
	struct subject_source source;
	struct names *names;    /* all texts in entries */
	struct subject subject; /* the process in hand */
	struct naming naming;
	bool *used; /* by rule: it has decided about a process */
	struct budget budget;
	uint64_t old_ns;     /* processor time since patterns were renewed */
	uint64_t slowest_ns; /* time of the process that took longest */
	int slowest_rule;    /* the rule that has decided about that process, or -1 */
	uint64_t waits;      /* how often a process had to wait */
	bool waiting;        /* some entry waits */
	unsigned first;      /* the row whose turn it is */
	unsigned row_count;
	uint32_t generation;    /* another number: what the rules said is no longer true */
	struct entry entries[]; /* by row */
};

#endif
