/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Complaints: what the user should see to. Each comes once, with its remedy: after that, the
 * numbers are in `self`.
 */
#ifndef EBPF_TCP_COMPLAIN_H
#define EBPF_TCP_COMPLAIN_H

#include <stdbool.h>

#include "series/group.h"

struct config;
struct groups;
struct matcher;
struct metric_self;

/* Which complaints have come. */
struct complaints {
	unsigned reads; /* counted until rules that nothing has matched are told of */
	bool refused;
	bool processes, sockets, endpoints;
	bool names[GROUP_KIND_COUNT];
	bool waits;
};

/* At the start: what a /proc shows, and whether types.db knows the values. */
void complain_view(const char *proc_root);
void complain_types(const struct config *c);

/* At each read: no room in the tables, too many new names, groups that take too long to find,
 * values that collectd refused, rules that match nothing. */
void complain_room(struct complaints *c, const struct metric_self *self, const char *socket_limit);
void complain_names(struct complaints *c, const struct groups *groups);
void complain_waits(struct complaints *c, const struct matcher *matcher,
		    const struct config *config);
void complain_refused(struct complaints *c, int errors);
void complain_unused(struct complaints *c, const struct matcher *matcher,
		     const struct config *config);

#endif
