/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Members: what group.c knows of each series, shown or not, and the tables that find them by name.
 */
#ifndef EBPF_TCP_MEMBER_H
#define EBPF_TCP_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "series/group.h"

/* Something that was done, and its times. */
struct share {
	struct tcp_counters counters;
	struct histogram *times[TCP_TIME_COUNT]; /* NULL: there is none; most members have none */
};

/*
 * A member of a table. A new series must be 0 in its first tick, so its share waits in `pending`
 * for the next one; until then it counts nowhere, not in `all` either. A member's memory is used
 * again but never freed before the end: who still points to it knows by its generation.
 */
struct member {
	struct group series; /* first: what the reader sees */
	struct share grown;  /* in this tick */
	struct share pending;
	uint64_t score;   /* activity, worth half as much with each tick */
	uint16_t history; /* in which ticks there was some: a bit for each, the last one is 1 */
	unsigned processes;
	unsigned generation;
	bool rest; /* takes what is left over in its table; no limit is for it */
	bool held; /* its name is that of a rule: it is always shown */
	bool shown;
	bool refused;        /* it had to wait for its first time */
	bool told;           /* it was shown once */
	uint64_t shown_ns;   /* when it was shown last */
	struct member *next; /* of the same bucket; or of those that are free */
};

/* A process is counted at a member. */
struct membership {
	struct member *member;
	unsigned generation;    /* of the member then */
	struct balance balance; /* connections that it has brought there */
};

struct table {
	enum group_kind kind;
	struct member **list;
	size_t count;
	size_t capacity;
	struct member **buckets; /* as many as `capacity`, by name and part */
	size_t most;             /* that are remembered, and that a tick may add */
	size_t added;            /* in this tick */
	struct member *free;
};

/* Adds what a process has done. */
void share_add(struct share *share, const struct snapshot_process *p);

/* Adds a share to a sum of others. */
void share_give(const struct share *share, struct tcp_counters *counters, struct histogram **times);

bool counters_empty(const struct tcp_counters *counters);

/* Not the same as no activity: the reader may see a connect's time before the connect. */
bool share_empty(const struct share *share);
void share_clear(struct share *share);

/* What is in the histograms is forgotten, and their memory given back. */
void times_clear(struct histogram **times);

/* A member that is in no list; NULL without memory. */
struct member *member_new(struct table *t, const char *name, const char *part);

/* What group_detail() has told is no longer so. */
void details_clear(struct group *process);

/* Takes the member out of use: whoever points to it is told by the generation. */
void member_retire(struct table *t, struct member *m);

/* NULL if there is none. */
struct member *table_find(const struct table *t, const char *name, const char *part);

/* Finds the member or makes it, but not too many in a tick; NULL then, or without memory. */
struct member *table_get(struct table *t, const char *name, const char *part);

/* The same of the part that takes what is left over of that group; it is never one too many. */
struct member *table_rest(struct table *t, const char *name);

/* Retires what `keep` says no to, asked in the order of the list. */
void table_filter(struct table *t, bool (*keep)(void *context, const struct member *m),
		  void *context);

void table_free(struct table *t);

#endif
