/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The table as text: a heading and lines of equal width.
 */
#ifndef TCPTOP_TABLE_H
#define TCPTOP_TABLE_H

#include "view.h"

#define TABLE_LINE 2048 /* bytes that a line takes, with its end */

/* How wide everything is. */
struct layout {
	enum what what;
	int name; /* columns of the terminal */
	int part;
	unsigned columns; /* a bit for each column of values that there is room for */
	int sorted_from;  /* where the column is by which it is sorted, and how wide */
	int sorted_width;
};

/* For a terminal of that width: what finds no room is left out, but not what it is sorted by. */
void table_layout(struct layout *out, const struct view *view, int width);
/* For a file: no name is cut, and nothing is left out. */
void table_layout_for(struct layout *out, const struct view *view, const struct row *const *rows,
		      size_t count);

void table_heading(char out[TABLE_LINE], const struct layout *layout);
void table_row(char out[TABLE_LINE], const struct layout *layout, const struct row *row);

#endif
