/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Which rows are shown, and in which order.
 */
#ifndef TCPTOP_VIEW_H
#define TCPTOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "model.h"

enum what { WHAT_ALL, WHAT_GROUPS, WHAT_PIDS, WHAT_DESTINATIONS, WHAT_CLIENTS, WHAT_COUNT };

struct view {
	enum what what;
	enum metric sort;
	char filter[64]; /* a part of the name, whether in capitals or not; "": all */
};

/* Names of what is shown and of what it is sorted by, as options and the screen have them. */
const char *view_what_name(enum what what);
const char *view_sort_name(enum metric sort); /* NULL: one does not sort by it */
const char *kind_name(enum kind kind);

/*
 * The rows that have done something in the interval, the busiest first, without the total. Returns
 * how many they are; they are the caller's to free, NULL if there is no memory.
 */
const struct row **view_rows(const struct view *view, const struct model *m, size_t *count);
/* The name of a loss that rises, or NULL. */
const char *view_loss(const struct model *m);

#endif
