/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The rows of the table: what was read since the last one makes the next. Sums are conserved: a
 * value that comes too late for its table is in the next one.
 */
#ifndef TCPTOP_MODEL_H
#define TCPTOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "series.h"

struct row {
	enum kind kind;
	char *group;
	char *part;
	bool shown;                 /* in the present table */
	double value[METRIC_COUNT]; /* counters: per second; NAN: not known, or there was none */
	double amount[METRIC_COUNTERS]; /* in the interval, exact; NAN: only the rate is known */
	/* for the next table */
	double time;
	unsigned missed; /* tables without it */
	double now[METRIC_COUNT];
	double base[METRIC_COUNTERS]; /* as of the last table */
};

struct model {
	struct row **rows;
	size_t count;
	double time;    /* of the table, seconds since 1970; NAN: there was none */
	double seconds; /* that it covers; NAN: not known */
	/* for the next table */
	double newest;
	size_t room;
	void *index;
};

/* Whether the values of counters are sums, or rates that somebody has made of them. */
enum reading { READING_SUM, READING_RATE };

void model_open(struct model *out);
void model_close(struct model *m);

/* Takes the values of a series. False if there is no memory. */
bool model_add(struct model *m, const struct series *series, double time, const double *values,
	       enum reading reading);
/* Makes the table of the newest values. False if it needs another tick, since there is none, or no
 * rate. */
bool model_tick(struct model *m);

/* The row of the whole host, or NULL. */
const struct row *model_total(const struct model *m);

#endif
