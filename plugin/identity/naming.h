/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Naming: which group the process in hand belongs to. A rule says it, else the attribute that
 * GroupBy names; then ignores may send it to GROUP_OTHER.
 */
#ifndef EBPF_TCP_NAMING_H
#define EBPF_TCP_NAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct match_options;
struct subject;

/* Groups that are there from the beginning. */
#define GROUP_ALL "all"
#define GROUP_OTHER "other"
#define GROUP_KERNEL "kernel"
#define GROUP_SELF "self"

#define GROUP_NAME_SIZE 100 /* collectd cuts names at 127 bytes; a tag may follow */

enum match_by {
	MATCH_BY_PROCESS,    /* name of the process */
	MATCH_BY_EXECUTABLE, /* file name of its program */
	MATCH_BY_UNIT,
	MATCH_BY_CONTAINER,
	MATCH_BY_CGROUP, /* the whole path; of a long one the end */
	MATCH_BY_USER,
};

#define NAMING_USERS 128

/* A user's name, or the number if there is none. */
struct user {
	bool known;
	uint32_t uid;
	char name[GROUP_NAME_SIZE];
};

/* Begins as all zero but for the options. */
struct naming {
	const struct match_options *options;
	struct subject *subject;         /* the process in hand */
	struct user users[NAMING_USERS]; /* a cache: each has one slot, by its uid */
};

/* The cleaned name, and the index of the rule that has decided, if one has. Returns 0 or -ENOMEM.
 */
int naming_find(char out[GROUP_NAME_SIZE], int *rule, struct naming *n, struct subject *subject);

/* Do names depend on control groups? */
bool naming_by_cgroup(const struct match_options *options);

/* Do they depend on names of containers? */
bool naming_by_container(const struct match_options *options);

/* Gives back what patterns hold, see pattern_renew(). */
void naming_renew(struct naming *n);

/* Looks at PID files. True if rules tell other processes than before. */
bool naming_refresh(struct naming *n);

/* Names that GroupBy may have, in the order of enum match_by; ends with NULL. */
const char *const *naming_names(void);

/* Makes a name that every sink can carry, by clean_name(); a reserved name gets a `_` at its end.
 */
void naming_clean(char *out, size_t size, const char *name);

#endif
