/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Checks for unit tests. One check is one line, `ok NAME` or `FAIL NAME: detail`, and may hold as
 *many expectations as it likes; the first that fails is the detail.
 *
 *	check_begin("histogram: empty");
 *	expect_u64(h.count, 0, "count");
 *	check_end();
 *	...
 *	return check_status();
 */
#ifndef EBPF_TCP_CHECK_H
#define EBPF_TCP_CHECK_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifndef CHECK_TAG /* set by the makefile for the builds that need one */
#define CHECK_TAG ""
#endif

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define PRINTF(text_at, args_at) __attribute__((format(printf, text_at, args_at)))

static struct {
	char name[160];
	char detail[512]; /* empty: all is well so far */
	int failures;
} check;

PRINTF(1, 2) static inline void check_begin(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(check.name, sizeof(check.name), format, args);
	va_end(args);
	check.detail[0] = '\0';
}

static inline void check_end(void)
{
	bool failed = check.detail[0] != '\0';

	printf("%s " CHECK_TAG "%s%s%s\n", failed ? "FAIL" : "ok", check.name, failed ? ": " : "",
	       check.detail);
	fflush(stdout);
	check.failures += failed;
}

/* What main() returns. */
static inline int check_status(void)
{
	return check.failures != 0;
}

/* Keeps the first complaint of a check. */
PRINTF(1, 2) static inline void check_complain(const char *format, ...)
{
	va_list args;

	if (check.detail[0])
		return;
	va_start(args, format);
	vsnprintf(check.detail, sizeof(check.detail), format, args);
	va_end(args);
}

PRINTF(2, 3) static inline bool expect(bool condition, const char *format, ...)
{
	char text[400];
	va_list args;

	if (condition)
		return true;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	check_complain("%s", text);
	return false;
}

PRINTF(3, 4) static inline bool expect_u64(uint64_t got, uint64_t want, const char *format, ...)
{
	char text[400];
	va_list args;

	if (got == want)
		return true;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	check_complain("%s: want %" PRIu64 ", got %" PRIu64, text, want, got);
	return false;
}

/* Numbers that must be the same, not nearly so; NaN equals NaN. */
static inline bool expect_double(double got, double want, const char *what)
{
	if (got == want || (got != got && want != want))
		return true;
	check_complain("%s: want %.17g, got %.17g", what, want, got);
	return false;
}

static inline bool expect_text(const char *got, const char *want, const char *what)
{
	if (got && strcmp(got, want) == 0)
		return true;
	check_complain("%s: want \"%s\", got \"%s\"", what, want, got ? got : "(null)");
	return false;
}

/* xorshift64*: the same numbers on every machine. `state` must not be 0. */
static inline uint64_t check_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ULL;
}

/* True once in `n` times. */
static inline bool check_chance(uint64_t *state, unsigned n)
{
	return check_random(state) % n == 0;
}

#endif
