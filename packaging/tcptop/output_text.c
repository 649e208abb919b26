/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "output.h"
#include "table.h"

static void print_row(const struct layout *layout, const struct row *row)
{
	char line[TABLE_LINE];

	table_row(line, layout, row);
	puts(line);
}

static void print_heading(const struct layout *layout, const struct model *m, const char *about)
{
	time_t time = (time_t)m->time;
	char line[TABLE_LINE], clock[16] = "";
	struct tm at;

	if (localtime_r(&time, &at))
		strftime(clock, sizeof(clock), "%T", &at);
	printf("\n%s  %s\n", clock, about);
	table_heading(line, layout);
	puts(line);
}

bool output_text(const struct view *view, const struct model *m, const struct source *source,
		 size_t limit)
{
	const struct row *total = model_total(m);
	const struct row **rows;
	struct layout layout;
	size_t count;

	rows = view_rows(view, m, &count);
	count = rows && count < limit ? count : rows ? limit : 0;
	table_layout_for(&layout, view, rows, count);
	print_heading(&layout, m, source->about);
	print_row(&layout, total);
	for (size_t i = 0; i < count; i++)
		print_row(&layout, rows[i]);
	free(rows);
	return fflush(stdout) == 0;
}
