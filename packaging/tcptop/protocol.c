/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"

#define PUTVAL "PUTVAL "
#define INTERVAL "interval="

/* A number up to one of these characters, or the end of the text. Returns what follows the
 * character. */
static char *number(double *out, char *text, const char *ends)
{
	char *end;

	*out = strtod(text, &end);
	if (end == text || isspace((unsigned char)*text) || (*end && !strchr(ends, *end)))
		return NULL;
	return *end ? end + 1 : end;
}

static bool is_time(double time)
{
	return isfinite(time) && time > 0;
}

/* collectd quotes an identifier that has blanks, and what is in it by a backslash. */
static char *cut_identifier(char **text)
{
	char *from = *text, *to = *text, *start = *text;
	bool quoted = *from == '"';

	for (from += quoted; *from && *from != (quoted ? '"' : ' '); from++) {
		if (quoted && *from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	if (!*from || (quoted && *++from != ' '))
		return NULL;
	*to = '\0';
	*text = from + 1;
	return *start ? start : NULL;
}

static bool read_values(struct value *out, char *text)
{
	out->count = 0;
	while (*text) {
		if (out->count == SERIES_VALUES)
			return false;
		text = number(&out->values[out->count++], text, ":");
		if (!text)
			return false;
	}
	return out->count > 0;
}

bool protocol_putval(struct value *out, char *line)
{
	double interval;
	char *rest;

	if (strncmp(line, PUTVAL, strlen(PUTVAL)) != 0)
		return false;
	line += strlen(PUTVAL);
	out->identifier = cut_identifier(&line);
	if (!out->identifier || strncmp(line, INTERVAL, strlen(INTERVAL)) != 0)
		return false;
	rest = number(&interval, line + strlen(INTERVAL), " ");
	rest = rest ? number(&out->time, rest, ":") : NULL;
	return rest && is_time(out->time) && read_values(out, rest);
}

bool protocol_listval(struct value *out, char *line)
{
	out->identifier = number(&out->time, line, " ");
	out->count = 0;
	return out->identifier && *out->identifier && is_time(out->time);
}

bool protocol_getval(double *out, char *line)
{
	char *value = strrchr(line, '=');

	if (!value || value == line)
		return false;
	value += 1 + strspn(value + 1, " "); /* collectd pads */
	return number(out, value, "") != NULL;
}

bool protocol_status(long *out, const char *line)
{
	char *end;

	*out = strtol(line, &end, 10);
	return end != line && *end == ' ';
}
