/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <curses.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "screen.h"
#include "table.h"
#include "text.h"

#define HEAD 3 /* lines above the rows: what is shown, what there is to say, the heading */
#define FOOT 2 /* lines below: keys */
#define ESCAPE_MS 25

static SCREEN *screen;

int screen_open(void)
{
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return -1;
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	curs_set(0);
	return 0;
}

void screen_close(void)
{
	endwin();
	delscreen(screen);
	screen = NULL;
}

/* A line of text from the left, as much of it as there is room for. */
static void put(int y, int attributes, const char *text)
{
	char line[TABLE_LINE];

	if (y < 0 || y >= LINES)
		return;
	text_fit(line, sizeof(line), text, COLS);
	attrset(attributes);
	mvaddstr(y, 0, line);
	attrset(A_NORMAL);
}

static void put_state(const struct keys *keys, const struct model *m, const struct source *source)
{
	char text[TABLE_LINE], clock[16] = "", interval[32] = "";
	time_t time = (time_t)m->time;
	struct tm at;

	if (!isnan(m->time) && localtime_r(&time, &at))
		strftime(clock, sizeof(clock), "%T", &at);
	if (!isnan(m->seconds))
		snprintf(interval, sizeof(interval), "  %.1f s", m->seconds);
	snprintf(text, sizeof(text), "%s%s  %s by %s%s%s%s  %s", clock, interval,
		 view_what_name(keys->view.what), view_sort_name(keys->view.sort),
		 *keys->view.filter ? "  /" : "", keys->view.filter, keys->paused ? "  PAUSED" : "",
		 source->about);
	put(0, A_NORMAL, text);
}

static void put_message(const struct keys *keys, const struct model *m, const struct source *source)
{
	char text[512] = "";

	if (keys->typing)
		snprintf(text, sizeof(text), "filter: %s_  (Enter: done, Esc: none)",
			 keys->view.filter);
	else if (isnan(m->time))
		snprintf(text, sizeof(text), "waiting for the first two ticks");
	else if (*source->warning)
		snprintf(text, sizeof(text), "%s", source->warning);
	else if (view_loss(m))
		snprintf(text, sizeof(text), "numbers are missing: total_events-%s rises",
			 view_loss(m));
	put(1, A_BOLD, text);
}

static void put_heading(const struct layout *layout)
{
	char line[TABLE_LINE];

	table_heading(line, layout);
	put(HEAD - 1, A_REVERSE, line);
	if (layout->sorted_width && LINES > HEAD - 1)
		mvchgat(HEAD - 1, layout->sorted_from, layout->sorted_width,
			A_REVERSE | A_BOLD | A_UNDERLINE, 0, NULL);
}

static void put_row(int y, const struct layout *layout, const struct row *row)
{
	char line[TABLE_LINE];

	table_row(line, layout, row);
	put(y, A_NORMAL, line);
}

/* The total stays, the others scroll below it. */
static void put_rows(struct keys *keys, const struct model *m, const struct layout *layout)
{
	const struct row *total = model_total(m), **rows;
	int y = HEAD, end = LINES - FOOT;
	size_t count;

	rows = view_rows(&keys->view, m, &count);
	keys->page = end - HEAD - 1 > 1 ? end - HEAD - 1 : 1;
	if (keys->top >= (int)count)
		keys->top = count ? (int)count - 1 : 0;
	if (total && y < end)
		put_row(y++, layout, total);
	for (size_t i = (size_t)keys->top; rows && i < count && y < end; i++)
		put_row(y++, layout, rows[i]);
	free(rows);
}

void screen_draw(struct keys *keys, const struct model *m, const struct source *source)
{
	struct layout layout;

	erase();
	table_layout(&layout, &keys->view, COLS);
	put_state(keys, m, source);
	put_message(keys, m, source);
	put_heading(&layout);
	if (!isnan(m->time))
		put_rows(keys, m, &layout);
	for (int i = 0; i < FOOT; i++)
		put(LINES - FOOT + i, A_DIM, keys_help[i]);
	refresh();
}

/* What curses calls them. */
static int key_of(int key)
{
	static const struct {
		int curses, key;
	} names[] = {
		{KEY_UP, KEYS_UP},         {KEY_DOWN, KEYS_DOWN},
		{KEY_PPAGE, KEYS_PAGE_UP}, {KEY_NPAGE, KEYS_PAGE_DOWN},
		{KEY_HOME, KEYS_HOME},     {KEY_BACKSPACE, KEYS_BACKSPACE},
		{'\b', KEYS_BACKSPACE},    {0x7f, KEYS_BACKSPACE},
		{KEY_ENTER, KEYS_ENTER},   {'\r', KEYS_ENTER},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].curses == key)
			return names[i].key;
	return key > 0xff ? 0 : key;
}

bool screen_keys(struct keys *keys)
{
	int key;

	while ((key = getch()) != ERR)
		if (key != KEY_RESIZE)
			keys_press(keys, key_of(key));
	return isatty(STDIN_FILENO);
}
