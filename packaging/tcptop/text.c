/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#define _GNU_SOURCE
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "text.h"

#define SOFT_HYPHEN 0xad /* has a width, and is not seen */

void text_number(char out[TEXT_CELL], double value)
{
	static const char units[] = " kMGTPE";
	unsigned unit = 0;

	if (isnan(value)) {
		snprintf(out, TEXT_CELL, "-");
		return;
	}
	if (value < 9.95 && value != floor(value)) {
		snprintf(out, TEXT_CELL, "%.1f", value);
		return;
	}
	for (; value >= 999.5 && units[unit + 1]; unit++)
		value /= 1000;
	if (!unit)
		snprintf(out, TEXT_CELL, "%.0f", value);
	else
		snprintf(out, TEXT_CELL, "%.*f%c", value < 99.95, fmin(value, 9999), units[unit]);
}

void text_seconds(char out[TEXT_CELL], double value)
{
	if (isnan(value))
		snprintf(out, TEXT_CELL, "-");
	else if (value < 0.9995e-3)
		snprintf(out, TEXT_CELL, "%.0fus", value * 1e6);
	else if (value < 0.9995)
		snprintf(out, TEXT_CELL, "%.*fms", value < 9.95e-3, value * 1e3);
	else
		snprintf(out, TEXT_CELL, "%.*fs", value < 99.95, fmin(value, 99999));
}

/* One character of the name: how many bytes it has, and how many columns; 0 columns: not to be
 * shown. */
static size_t next_character(const char *name, mbstate_t *state, int *columns)
{
	wchar_t c;
	size_t bytes = mbrtowc(&c, name, MB_LEN_MAX, state);

	*columns = 0;
	if (bytes == (size_t)-1 || bytes == (size_t)-2) {
		*state = (mbstate_t){0};
		return 1;
	}
	if (iswprint((wint_t)c) && c != SOFT_HYPHEN && wcwidth(c) > 0)
		*columns = wcwidth(c);
	return bytes;
}

int text_width(const char *name)
{
	mbstate_t state = {0};
	int width = 0, columns;

	while (*name) {
		name += next_character(name, &state, &columns);
		width += columns ? columns : 1;
	}
	return width;
}

void text_fit(char *out, size_t size, const char *name, int columns)
{
	bool cut = text_width(name) > columns;
	int left = columns - cut, width;
	mbstate_t state = {0};
	char *end = out + size - 1;

	while (*name) {
		size_t bytes = next_character(name, &state, &width);
		const char *shown = width ? name : "_";
		size_t length = width ? bytes : 1;

		width = width ? width : 1;
		if (width > left || out + length + (size_t)left + 1 > end)
			break;
		out = mempcpy(out, shown, length);
		left -= width;
		name += bytes;
	}
	for (; left > 0 && out < end; left--)
		*out++ = ' ';
	if (cut && columns > 0 && out < end)
		*out++ = '+';
	*out = '\0';
}
