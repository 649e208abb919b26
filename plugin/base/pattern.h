/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Patterns: POSIX extended regular expressions, looked for in texts that anybody may have chosen.
 * regexec() begins anew at each byte of the text, so that its time grows with the square of the
 * length: 46 ms for 4 kB. A pattern asks first whether it fits at all, which takes one pass.
 */
#ifndef EBPF_TCP_PATTERN_H
#define EBPF_TCP_PATTERN_H

#include <regex.h>
#include <stddef.h>

struct pattern;

/*
 * Returns 0, -ENOMEM or -EINVAL; then `why` says what is wrong with the text. A reference back to a
 * group (\1, an extension of GNU) is wrong: it may take for ever.
 */
int pattern_new(struct pattern **out, const char *text, char *why, size_t why_size);

/* NULL is allowed. */
void pattern_free(struct pattern *p);

/* How many groups it has. */
size_t pattern_groups(const struct pattern *p);

/*
 * Returns 1 if the text fits, 0 or -ENOMEM. Fills in `count` captures; a count of 0 saves a second
 * search.
 */
int pattern_find(const struct pattern *p, const char *text, size_t count, regmatch_t *captures);

/*
 * Gives back memory: the C library keeps some for each state that a text has led to, until the
 * pattern is freed. Without memory nothing happens.
 */
void pattern_renew(struct pattern *p);

#endif
