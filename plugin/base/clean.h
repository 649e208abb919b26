/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Clean text. Processes choose their names, and users those of cgroups and programs: none of them
 * may steer a terminal, forge a line of a log, or look like another name while it is not.
 */
#ifndef EBPF_TCP_CLEAN_H
#define EBPF_TCP_CLEAN_H

#include <stddef.h>

#define CLEAN_MARGIN 6 /* bytes that stay free: for a UTF-8 sequence, a tag and the end */

/*
 * [A-Za-z0-9_.:@+-] and visible UTF-8 stay. Each other character, each byte of no character, and an
 * empty name become `_`.
 */
void clean_name(char *out, size_t size, const char *name);

/* The same for paths and other text for people: all of printable ASCII stays. */
void clean_text(char *out, size_t size, const char *text);

#endif
