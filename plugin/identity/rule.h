/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Rules: what users say about processes, to give them names. */
#ifndef EBPF_TCP_RULE_H
#define EBPF_TCP_RULE_H

#include <stdbool.h>
#include <stddef.h>

struct subject;
struct rule;

/* How a rule tells its processes. */
enum rule_kind {
	RULE_PROCESS,  /* by the process's name, of which the kernel keeps 15 bytes */
	RULE_PATTERN,  /* by a regular expression on the command line */
	RULE_PID_FILE, /* the process that a file names, and its descendants */
	RULE_PID,
	RULE_CONTAINER, /* by a regular expression on the container's names */
};

/* `name` may have \1 to \9 for the groups of a RULE_PATTERN or RULE_CONTAINER. `text`: the
 * process's name, the regular expression (POSIX extended), the file's path, or the pid. Returns 0,
 * -ENOMEM or -EINVAL; then `why` says what is wrong with the text, in the words of the C library
 * for a regular expression. rule_add() adds another text: one of them has to fit. */
int rule_new(struct rule **out, enum rule_kind kind, const char *name, const char *text, char *why,
	     size_t why_size);

int rule_add(struct rule *rule, const char *text, char *why, size_t why_size);

/* As it was given. */
const char *rule_name(const struct rule *rule);

/* Does the name depend on what is captured? Else all processes of the rule are one group. */
bool rule_captures(const struct rule *rule);

bool rule_by_container(const struct rule *rule);

/* NULL is allowed. */
void rule_free(struct rule *rule);

/* See pattern_renew(). */
void rule_renew(struct rule *rule);

/* Looks at the PID file. True if the rule tells other processes than before. */
bool rule_refresh(struct rule *rule);

/* Returns 1 and the name, not yet cleaned; 0 if the rule does not fit; or -ENOMEM. */
int rule_fits(char *name, size_t size, const struct rule *rule, struct subject *s);

#endif
