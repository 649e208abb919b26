/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdio.h>
#include <string.h>

#include "table.h"
#include "text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define NAME_LEAST 12

enum {
	OWNERS = 1 << WHAT_ALL | 1 << WHAT_GROUPS | 1 << WHAT_PIDS,
	DESTINATIONS = 1 << WHAT_DESTINATIONS,
	CLIENTS = 1 << WHAT_CLIENTS,
};

/* To add a column: one row. Of several for which there is no room, the last is left out. */
static const struct {
	const char *heading;
	int width; /* with the blank before it */
	unsigned whats;
	enum metric metric;
	void (*print)(char out[TEXT_CELL], double value);
} columns[] = {
	{"RX/s", 6, OWNERS | DESTINATIONS | CLIENTS, METRIC_RX, text_number},
	{"TX/s", 6, OWNERS | DESTINATIONS | CLIENTS, METRIC_TX, text_number},
	{"CONN/s", 7, OWNERS | DESTINATIONS | CLIENTS, METRIC_CONNECTS, text_number},
	{"FAIL/s", 7, OWNERS | DESTINATIONS, METRIC_FAILURES, text_number},
	{"CONNECT", 8, OWNERS | DESTINATIONS, METRIC_LATENCY, text_seconds},
	{"P99", 6, OWNERS | DESTINATIONS, METRIC_LATENCY_P99, text_seconds},
	{"RETR/s", 7, OWNERS | DESTINATIONS | CLIENTS, METRIC_RETRANSMITS, text_number},
	{"SERVICE", 8, OWNERS | CLIENTS, METRIC_SERVICE, text_seconds},
	{"RESPONSE", 9, DESTINATIONS, METRIC_SERVICE, text_seconds},
};

/* What tells rows of a group apart; the least width, with the blank before it. */
static const struct {
	const char *heading;
	int width;
} parts[WHAT_COUNT] = {
	[WHAT_ALL] = {"PID", 8},         [WHAT_GROUPS] = {"", 0},
	[WHAT_PIDS] = {"PID", 8},        [WHAT_DESTINATIONS] = {"DESTINATION", 23},
	[WHAT_CLIENTS] = {"CLIENT", 17},
};

static bool is_in(const struct layout *layout, size_t column)
{
	return layout->columns >> column & 1;
}

static int values_width(const struct layout *layout)
{
	int width = 0;

	for (size_t i = 0; i < COUNT_OF(columns); i++)
		width += is_in(layout, i) ? columns[i].width : 0;
	return width;
}

static void begin(struct layout *out, const struct view *view)
{
	*out = (struct layout){.what = view->what, .part = parts[view->what].width};
	for (size_t i = 0; i < COUNT_OF(columns); i++)
		out->columns |= (columns[i].whats >> view->what & 1U) << i;
}

/* Where the sorted column is, now that all others have their width. */
static void end(struct layout *out, const struct view *view)
{
	int at = out->name + out->part;

	for (size_t i = 0; i < COUNT_OF(columns); i++) {
		if (!is_in(out, i))
			continue;
		if (columns[i].metric == view->sort) {
			out->sorted_from = at;
			out->sorted_width = columns[i].width;
		}
		at += columns[i].width;
	}
}

void table_layout(struct layout *out, const struct view *view, int width)
{
	int room;

	begin(out, view);
	for (size_t i = COUNT_OF(columns); i-- > 0;)
		if (width - out->part - values_width(out) < NAME_LEAST &&
		    columns[i].metric != view->sort)
			out->columns &= ~(1U << i);
	room = width - out->part - values_width(out);
	out->name = room > 0 ? room : 0;
	/* what is left over is for both names */
	if (out->name > 2 * NAME_LEAST && out->what >= WHAT_DESTINATIONS) {
		int more = (out->name - 2 * NAME_LEAST) / 2;

		out->part += more;
		out->name -= more;
	}
	end(out, view);
}

static const char *part_text(const struct row *row)
{
	return *row->part ? row->part : "-";
}

void table_layout_for(struct layout *out, const struct view *view, const struct row *const *rows,
		      size_t count)
{
	begin(out, view);
	out->name = NAME_LEAST;
	for (size_t i = 0; i < count; i++) {
		int name = text_width(rows[i]->group), part = text_width(part_text(rows[i])) + 1;

		out->name = name > out->name ? name : out->name;
		out->part = out->part && part > out->part ? part : out->part;
	}
	end(out, view);
}

/* PIDs are numbers, and stand at the right. */
static void print_names(char *out, const struct layout *layout, const char *name, const char *part)
{
	text_fit(out, TABLE_LINE / 2, name, layout->name);
	if (!layout->part)
		return;
	out += strlen(out);
	if (layout->what < WHAT_DESTINATIONS) {
		snprintf(out, TABLE_LINE / 2, "%*s", layout->part, part);
		return;
	}
	*out = ' ';
	text_fit(out + 1, TABLE_LINE / 4, part, layout->part - 1);
}

void table_heading(char out[TABLE_LINE], const struct layout *layout)
{
	print_names(out, layout, "NAME", parts[layout->what].heading);
	out += strlen(out);
	for (size_t i = 0; i < COUNT_OF(columns); i++)
		if (is_in(layout, i))
			out += sprintf(out, "%*s", columns[i].width, columns[i].heading);
}

void table_row(char out[TABLE_LINE], const struct layout *layout, const struct row *row)
{
	char cell[TEXT_CELL];

	print_names(out, layout, row->group, part_text(row));
	out += strlen(out);
	for (size_t i = 0; i < COUNT_OF(columns); i++) {
		if (!is_in(layout, i))
			continue;
		columns[i].print(cell, row->value[columns[i].metric]);
		out += sprintf(out, "%*s", columns[i].width, cell);
	}
}
