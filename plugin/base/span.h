/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Spans: parts of a text, which stay where they are. */
#ifndef EBPF_TCP_SPAN_H
#define EBPF_TCP_SPAN_H

#include <stdbool.h>
#include <stddef.h>

struct span {
	const char *at;
	size_t length;
};

struct span span_of(const char *text);

/* Takes from `rest` what comes before `end`, and `end` too. */
struct span span_cut(struct span *rest, char end);

/* Takes the last `length` bytes and leaves what comes before; empty if there are not so many. */
struct span span_cut_tail(struct span *rest, size_t length);

/* The next component of a path; empty at its end. */
struct span span_next(struct span *path);

bool span_is(struct span s, const char *text);
bool span_ends(struct span s, const char *with);

/* What is left without `before` and `after`; empty if they are not there, or nothing else is. */
struct span span_between(struct span s, const char *before, const char *after);

/* The value of a digit of this base, in lower case, up to 36; -1 if it is none. */
int span_digit(char digit, int base);

/* Is it digits, and nothing else? */
bool span_digits(struct span s, int base);

/* Copies it without systemd's escapes: "\x2d" is "-". */
void span_unescape(char *out, size_t size, struct span s);

#endif
