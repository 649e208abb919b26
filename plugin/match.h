/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Matching: which group a process belongs to, and how groups may be called. */
#ifndef EBPF_TCP_MATCH_H
#define EBPF_TCP_MATCH_H

#include <stddef.h>

struct snapshot_process;

/* Groups that are there from the beginning. */
#define GROUP_ALL "all"
#define GROUP_OTHER "other"
#define GROUP_KERNEL "kernel"
#define GROUP_SELF "self"

#define GROUP_NAME_SIZE 100 /* collectd cuts names at 127 bytes; a tag may follow */

enum match_by { MATCH_BY_PROCESS };

struct match_options {
	int group_by; /* enum match_by */
};

/* Names that GroupBy may have, in the order of enum match_by; ends with NULL. */
const char *const *match_by_names(void);

/* Writes the name of the process's group, cleaned. `out` has GROUP_NAME_SIZE bytes. */
void match_group(char *out, const struct snapshot_process *p, const struct match_options *options);

/*
 * Makes a name that every sink can carry: [A-Za-z0-9_.:@+-] and valid UTF-8 stay, each other byte
 * becomes `_`; a reserved name gets a `_` at its end; an empty one becomes `_`.
 */
void match_clean(char *out, size_t size, const char *name);

#endif
