/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Ignores: what users say about the names of groups, to leave some of them out. */
#ifndef EBPF_TCP_IGNORE_H
#define EBPF_TCP_IGNORE_H

#include <stddef.h>

struct ignore;

/*
 * collectd's ignorelist: "name", or "/regex/" (POSIX extended). Returns 0, -ENOMEM or -EINVAL; then
 * `why` says what is wrong with the expression.
 */
int ignore_new(struct ignore **out, const char *text, char *why, size_t why_size);

/* NULL is allowed. */
void ignore_free(struct ignore *ignore);

/* See pattern_renew(). */
void ignore_renew(struct ignore *ignore);

/* Returns 1, 0 or -ENOMEM. */
int ignore_fits(const struct ignore *ignore, const char *group);

#endif
