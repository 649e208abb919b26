/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdarg.h>

#include "check.h"

#ifndef CHECK_TAG /* set by the makefile for the builds that need one */
#define CHECK_TAG ""
#endif

static struct {
	char name[160];
	char detail[512]; /* empty: all is well so far */
	int failures;
} check;

void check_begin(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(check.name, sizeof(check.name), format, args);
	va_end(args);
	check.detail[0] = '\0';
}

bool check_failed(void)
{
	return check.detail[0] != '\0';
}

void check_end(void)
{
	bool failed = check_failed();

	printf("%s " CHECK_TAG "%s%s%s\n", failed ? "FAIL" : "ok", check.name, failed ? ": " : "",
	       check.detail);
	fflush(stdout);
	check.failures += failed;
}

void check_skip(const char *format, ...)
{
	va_list args;

	fputs("skip " CHECK_TAG, stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

int check_status(void)
{
	return check.failures != 0;
}

void check_complain(const char *format, ...)
{
	va_list args;

	if (check_failed())
		return;
	va_start(args, format);
	vsnprintf(check.detail, sizeof(check.detail), format, args);
	va_end(args);
}

bool expect(bool condition, const char *format, ...)
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

bool expect_u64(uint64_t got, uint64_t want, const char *format, ...)
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

bool expect_double(double got, double want, const char *what)
{
	if (got == want || (got != got && want != want))
		return true;
	check_complain("%s: want %.17g, got %.17g", what, want, got);
	return false;
}

bool expect_text(const char *got, const char *want, const char *what)
{
	if (got && strcmp(got, want) == 0)
		return true;
	check_complain("%s: want \"%s\", got \"%s\"", what, want, got ? got : "(null)");
	return false;
}

uint64_t check_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ULL;
}

bool check_chance(uint64_t *state, unsigned n)
{
	return check_random(state) % n == 0;
}
