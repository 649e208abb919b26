/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "source.h"

int64_t source_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum step source_fail(struct source *source, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(source->problem, sizeof(source->problem), format, args);
	va_end(args);
	return STEP_FAILED;
}
