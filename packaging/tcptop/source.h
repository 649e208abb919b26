/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Where the numbers come from: a collectd of our own, or one that runs.
 */
#ifndef TCPTOP_SOURCE_H
#define TCPTOP_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"

#define SOURCE_NEVER INT64_MAX

struct source {
	const struct source_calls *calls;
	int fd;         /* to be waited for until it can be read; -1: none */
	int64_t due_ms; /* by source_clock(): step() then at the latest */
	char about[256];
	char warning[256]; /* the last one; "": none */
	char problem[512]; /* why step() or opening it has failed, and what helps */
};

enum step { STEP_FAILED = -1, STEP_GOES_ON, STEP_HAS_TICK };

struct source_calls {
	/* Has the tick that model_tick() makes a table of come? */
	enum step (*step)(struct source *source, struct model *m);
	void (*close)(struct source *source);
};

int64_t source_clock(void); /* ms; never set back */

/* Keeps why the source has failed. Returns STEP_FAILED. */
__attribute__((format(printf, 2, 3))) enum step source_fail(struct source *source,
							    const char *format, ...);

#endif
