/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * What libbpf says while we load, and what we say in its place. The user sees of it only the line
 * that names the program or map at fault, and only if everything fails.
 */
#ifndef EBPF_TCP_LOG_H
#define EBPF_TCP_LOG_H

#include <stddef.h>

/* Between these, what libbpf says goes into the log. */
void log_start(void);
void log_stop(void);

void log_clear(void);

/* All that was said since it was cleared. */
const char *log_text(void);

/* Replaces what was said by that line... */
void log_put(const char *line);

/* ...or by a complaint in libbpf's form, of an error with that program. */
void log_blame(const char *program, const char *step, int err);

/* An error of ours, the kernel's or libbpf's, in words. */
void log_error(char *out, size_t size, int err);

/* The kernel's or libbpf's own words about a failure: the first line that names a program, or map.
 */
void log_reason(char *out, size_t size, int err);

#endif
