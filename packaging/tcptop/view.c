/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "view.h"

static const struct {
	const char *name;
	unsigned kinds;
} whats[WHAT_COUNT] = {
	[WHAT_ALL] = {"all", 1 << KIND_GROUP | 1 << KIND_PID},
	[WHAT_GROUPS] = {"groups", 1 << KIND_GROUP},
	[WHAT_PIDS] = {"pids", 1 << KIND_PID},
	[WHAT_DESTINATIONS] = {"destinations", 1 << KIND_DESTINATION},
	[WHAT_CLIENTS] = {"clients", 1 << KIND_CLIENT},
};

static const char *const sorts[METRIC_COUNT] = {
	[METRIC_RX] = "rx",
	[METRIC_TX] = "tx",
	[METRIC_CONNECTS] = "connects",
	[METRIC_FAILURES] = "failures",
	[METRIC_RETRANSMITS] = "retransmits",
	[METRIC_LATENCY] = "latency",
	[METRIC_SERVICE] = "service",
	[METRIC_BYTES] = "bytes",
};

static const char *const kinds[KIND_COUNT] = {
	[KIND_GROUP] = "group",   [KIND_PID] = "pid",   [KIND_DESTINATION] = "destination",
	[KIND_CLIENT] = "client", [KIND_LOSS] = "loss",
};

const char *view_what_name(enum what what)
{
	return whats[what].name;
}

const char *view_sort_name(enum metric sort)
{
	return sorts[sort];
}

const char *kind_name(enum kind kind)
{
	return kinds[kind];
}

static bool is_active(const struct row *row)
{
	for (unsigned i = 0; i < METRIC_COUNT; i++)
		if (row->value[i] > 0)
			return true;
	return false;
}

static bool fits(const struct view *view, const struct row *row)
{
	return !*view->filter || strcasestr(row->group, view->filter) ||
	       strcasestr(row->part, view->filter);
}

/* The unknown is less than any number. */
static int by_value(double a, double b)
{
	a = isnan(a) ? -1 : a;
	b = isnan(b) ? -1 : b;
	return (a < b) - (a > b);
}

/* Rows of the same value by what they move, then by their names: so none jumps without a cause. */
static int compare(const void *a, const void *b, void *sort)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
	enum metric metric = *(const enum metric *)sort;
	int order = by_value(x->value[metric], y->value[metric]);

	if (!order)
		order = by_value(x->value[METRIC_BYTES], y->value[METRIC_BYTES]);
	if (!order)
		order = strcmp(x->group, y->group);
	return order ? order : strcmp(x->part, y->part);
}

const struct row **view_rows(const struct view *view, const struct model *m, size_t *count)
{
	const struct row **rows = malloc((m->count + 1) * sizeof(*rows));
	const struct row *total = model_total(m);
	enum metric sort = view->sort;

	*count = 0;
	if (!rows)
		return NULL;
	for (size_t i = 0; i < m->count; i++) {
		const struct row *row = m->rows[i];

		if (row->shown && row != total && whats[view->what].kinds >> row->kind & 1 &&
		    is_active(row) && fits(view, row))
			rows[(*count)++] = row;
	}
	qsort_r(rows, *count, sizeof(*rows), compare, &sort);
	return rows;
}

const char *view_loss(const struct model *m)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct row *row = m->rows[i];

		if (row->shown && row->kind == KIND_LOSS && row->value[METRIC_LOST] > 0)
			return row->part;
	}
	return NULL;
}
