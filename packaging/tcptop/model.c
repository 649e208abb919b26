/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define TOTAL "all"
#define MISSED_MAX 3 /* tables; a row that comes back later begins anew */

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->group, y->group);

	if (!order)
		order = strcmp(x->part, y->part);
	return order ? order : (int)x->kind - (int)y->kind;
}

static void row_free(struct row *row)
{
	if (!row)
		return;
	free(row->group);
	free(row->part);
	free(row);
}

static void fill(double *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		values[i] = NAN;
}

static struct row *row_make(const struct series *series)
{
	struct row *row = calloc(1, sizeof(*row));

	if (!row)
		return NULL;
	row->kind = series->kind;
	row->group = strdup(series->group);
	row->part = strdup(series->part);
	if (!row->group || !row->part) {
		row_free(row);
		return NULL;
	}
	row->time = NAN;
	fill(row->value, METRIC_COUNT);
	fill(row->amount, METRIC_COUNTERS);
	fill(row->now, METRIC_COUNT);
	fill(row->base, METRIC_COUNTERS);
	return row;
}

static bool grow(struct model *m)
{
	size_t room = m->room ? 2 * m->room : 64;
	struct row **rows;

	if (m->count < m->room)
		return true;
	rows = realloc(m->rows, room * sizeof(struct row *));
	if (!rows)
		return false;
	m->rows = rows;
	m->room = room;
	return true;
}

static struct row *insert(struct model *m, const struct series *series)
{
	struct row *row = grow(m) ? row_make(series) : NULL;

	if (!row)
		return NULL;
	if (!tsearch(row, &m->index, compare)) {
		row_free(row);
		return NULL;
	}
	m->rows[m->count++] = row;
	return row;
}

static struct row *find(const struct model *m, const struct series *series)
{
	const struct row key = {
		.kind = series->kind, .group = (char *)series->group, .part = (char *)series->part};
	void *found = tfind(&key, &m->index, compare);

	return found ? *(struct row **)found : NULL;
}

void model_open(struct model *out)
{
	*out = (struct model){.time = NAN, .seconds = NAN, .newest = NAN};
}

void model_close(struct model *m)
{
	for (size_t i = 0; i < m->count; i++) {
		tdelete(m->rows[i], &m->index, compare);
		row_free(m->rows[i]);
	}
	free(m->rows);
	model_open(m);
}

/* A new series begins with what its counter is then: the plugin's first value of it is 0. */
static void take(struct row *row, enum metric metric, double value, enum reading reading)
{
	row->now[metric] = value;
	if (metric < METRIC_COUNTERS && reading == READING_SUM && isnan(row->base[metric]))
		row->base[metric] = value;
}

bool model_add(struct model *m, const struct series *series, double time, const double *values,
	       enum reading reading)
{
	struct row *row = find(m, series);

	row = row ? row : insert(m, series);
	if (!row)
		return false;
	for (unsigned i = 0; i < series->count; i++)
		take(row, series->metrics[i], values[i], reading);
	row->time = time;
	if (!(m->newest >= time))
		m->newest = time;
	return true;
}

/* A counter that has no base was read as a rate. */
static void count(struct row *row, unsigned i, double seconds)
{
	double now = row->now[i];

	row->amount[i] = NAN;
	row->value[i] = now;
	if (isnan(row->base[i]))
		return;
	row->amount[i] = now - row->base[i];
	row->value[i] = row->amount[i] / seconds;
	row->base[i] = now;
}

static void show(struct row *row, double newest, double seconds)
{
	row->shown = row->time == newest;
	row->missed = row->shown ? 0 : row->missed + 1;
	if (!row->shown)
		return;
	for (unsigned i = 0; i < METRIC_COUNTERS; i++)
		count(row, i, seconds);
	for (unsigned i = METRIC_COUNTERS; i < METRIC_BYTES; i++)
		row->value[i] = row->now[i];
	row->value[METRIC_BYTES] = row->value[METRIC_RX] + row->value[METRIC_TX];
}

static void drop_missed(struct model *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->count; i++) {
		struct row *row = m->rows[i];

		if (row->missed < MISSED_MAX) {
			m->rows[kept++] = row;
			continue;
		}
		tdelete(row, &m->index, compare);
		row_free(row);
	}
	m->count = kept;
}

bool model_tick(struct model *m)
{
	const struct row *total;

	if (m->newest == m->time)
		return false; /* late values of the table that there is: for the next one */
	m->seconds = m->newest - m->time;
	for (size_t i = 0; i < m->count; i++)
		show(m->rows[i], m->newest, m->seconds);
	drop_missed(m);
	m->time = m->newest;
	total = model_total(m);
	return total && total->shown && !isnan(total->value[METRIC_RX]);
}

const struct row *model_total(const struct model *m)
{
	static const struct series total = {.kind = KIND_GROUP, .group = TOTAL, .part = ""};

	return find(m, &total);
}
