/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Checks for unit tests. One check is one line, `ok NAME` or `FAIL NAME: detail`, and may hold as
 * many expectations as it likes; the first that fails is the detail.
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
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define PRINTF(text_at, args_at) __attribute__((format(printf, text_at, args_at)))

PRINTF(1, 2) void check_begin(const char *format, ...);
void check_end(void);
PRINTF(1, 2) void check_skip(const char *format, ...); /* the check's name, and why */
bool check_failed(void);                               /* has the present one a complaint? */
int check_status(void);                                /* what main() returns */

/* Keeps the first complaint of a check. */
PRINTF(1, 2) void check_complain(const char *format, ...);

/* Each says whether it holds; if not, that is the complaint. */
PRINTF(2, 3) bool expect(bool condition, const char *format, ...);
PRINTF(3, 4) bool expect_u64(uint64_t got, uint64_t want, const char *format, ...);
bool expect_double(double got, double want,
		   const char *what); /* equal, not nearly so; or both NaN */
bool expect_text(const char *got, const char *want, const char *what);

/* xorshift64*: the same numbers on every machine. `state` must not be 0. */
uint64_t check_random(uint64_t *state);
bool check_chance(uint64_t *state, unsigned n); /* true once in `n` times */

#endif
