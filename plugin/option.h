/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The inside of config.c: a row of its table, and what reads the values of a row. option.c reads
 * single values, option_list.c what users give several of: rules, ignores, subnets.
 */
#ifndef EBPF_TCP_OPTION_H
#define EBPF_TCP_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

struct option;

/* Returns 0 or -1 after an ERROR. */
typedef int option_read(struct config *c, const struct option *option, struct oconfig_item_s *item);

struct option {
	const char *name;
	option_read *read;
	bool in_rule; /* `at` is an offset in struct config_report, else in struct config */
	size_t at, size;
	long min, max; /* for a rule, min is its enum rule_kind */
	const char *const *(*names)(void);
	const char *fallback; /* default, as the user would write it */
};

option_read read_bool, read_count, read_name_index, read_name, read_path, read_percentile,
	read_bucket, read_seconds, read_rule, read_ignore, read_ports, read_subnet;

/* The values as the user wrote them, as far as collectd tells. */
void option_value(char *out, size_t size, const struct oconfig_item_s *item);

/* " in <Process "mysqld">" for what is in the block of a rule, else "". collectd does not tell it:
 * it leaves `parent` NULL. */
void option_block(char *out, size_t size, const struct config *c);

/* Says that the value is not allowed, and what is. Returns -1. */
int option_refuse(const struct config *c, const struct oconfig_item_s *item, const char *allowed);

/* How many letters must be changed, added or left out. */
unsigned option_distance(const char *a, const char *b);

/* Puts a path below a folder. Returns 0, or -1 after an ERROR. */
int option_below(char **path, const char *folder);

/* Is there one value of that type, and no block? */
bool option_is_single(const struct oconfig_item_s *item, int type);

/* The text of a value; NULL if it is none, or empty. */
const char *option_string(const struct oconfig_item_s *item, int i);

#endif
