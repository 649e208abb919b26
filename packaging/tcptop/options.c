/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define PROGRAM "collectd-tcptop"
#define ROWS 20
#define INTERVAL_S 2
#define INTERVAL_LEAST_S 0.2
#define INTERVAL_MOST_S 3600
#define COUNT_MOST 1000000

static bool read_count(unsigned long *out, const char *text)
{
	char *end;

	*out = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && *out > 0 && *out <= COUNT_MOST;
}

static bool read_interval(struct options *o, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	o->daemon.interval = value;
	return *text && !*end && value >= INTERVAL_LEAST_S && value <= INTERVAL_MOST_S;
}

static bool read_tables(struct options *o, const char *text)
{
	return read_count(&o->tables, text);
}

static bool read_rows(struct options *o, const char *text)
{
	unsigned long rows;
	bool good = read_count(&rows, text);

	o->rows = rows;
	return good;
}

static bool read_what(struct options *o, const char *text)
{
	for (unsigned i = 0; i < WHAT_COUNT; i++)
		if (!strcmp(text, view_what_name(i))) {
			o->view.what = i;
			return true;
		}
	return false;
}

static bool read_sort(struct options *o, const char *text)
{
	for (unsigned i = 0; i < METRIC_COUNT; i++)
		if (view_sort_name(i) && !strcmp(text, view_sort_name(i))) {
			o->view.sort = i;
			return true;
		}
	return false;
}

static bool read_filter(struct options *o, const char *text)
{
	return snprintf(o->view.filter, sizeof(o->view.filter), "%s", text) <
	       (int)sizeof(o->view.filter);
}

static bool read_socket(struct options *o, const char *text)
{
	o->socket = text;
	return *text;
}

static bool read_host(struct options *o, const char *text)
{
	o->host = text;
	return *text && !strchr(text, '/');
}

static bool read_plugin_dir(struct options *o, const char *text)
{
	o->daemon.plugin_dir = text;
	return *text == '/' && !strpbrk(text, "\"\\\n");
}

static bool read_line(struct options *o, const char *text)
{
	if (o->daemon.line_count == OPTIONS_LINES || !*text || strchr(text, '\n'))
		return false;
	o->lines[o->daemon.line_count++] = text;
	return true;
}

static bool read_json(struct options *o, const char *text)
{
	(void)text;
	return o->json = true;
}

/* Which collectd an option is about. */
enum about { ANY, OWN, RUNNING };

/* To add an option: one row, and an item in collectd-tcptop.pod. */
static const struct {
	const char *name;
	int letter; /* of the short form, or 0 */
	enum about about;
	bool (*read)(struct options *o, const char *text);
	const char *argument; /* NULL: it has none */
	const char *allowed;
	const char *help;
} known[] = {
	{"show", 'w', ANY, read_what, "WHAT", "all, groups, pids, destinations or clients",
	 "groups and processes (all), or one kind of rows"},
	{"sort", 's', ANY, read_sort, "KEY",
	 "bytes, rx, tx, connects, failures, latency, retransmits or service",
	 "what is highest comes first"},
	{"filter", 'f', ANY, read_filter, "TEXT", "at most 63 bytes",
	 "rows whose names contain this"},
	{"interval", 'i', OWN, read_interval, "SECONDS", "0.2 to 3600", "from table to table (2)"},
	{"count", 'n', ANY, read_tables, "NUMBER", "1 to 1000000", "print so many tables as text"},
	{"rows", 'r', ANY, read_rows, "NUMBER", "1 to 1000000", "at most, in text and JSON (20)"},
	{"json", 'j', ANY, read_json, NULL, "", "print each table as a line of JSON"},
	{"socket", 'S', ANY, read_socket, "PATH", "the path of a socket",
	 "read a collectd that runs, by its plugin unixsock"},
	{"host", 'H', RUNNING, read_host, "NAME", "the name of a host",
	 "if that collectd has values of several"},
	{"option", 'o', OWN, read_line, "LINE", "an option of ebpf_tcp, and at most 64 of them",
	 "one more option of the plugin: 'GroupBy \"Unit\"'"},
	{"plugin-dir", 'P', OWN, read_plugin_dir, "DIRECTORY", "an absolute path",
	 "where ebpf_tcp.so is, if not where collectd looks"},
};

static void show_usage(FILE *to)
{
	fprintf(to,
		"usage: %s [OPTION]...\n"
		"A table of who moves what over TCP, by a collectd of its own. Needs root, except "
		"with "
		"--socket.\n\n",
		PROGRAM);
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		char left[64];

		snprintf(left, sizeof(left), "-%c, --%s%s%s", known[i].letter, known[i].name,
			 known[i].argument ? " " : "", known[i].argument ? known[i].argument : "");
		fprintf(to, "  %-28s %s\n", left, known[i].help);
	}
	fprintf(to, "  %-28s %s\n\nMore is in %s(1).\n", "-h, --help", "this", PROGRAM);
}

static enum options_verdict refuse(size_t option, const char *value)
{
	fprintf(stderr, "%s: option --%s: \"%s\" is not allowed: give %s\n", PROGRAM,
		known[option].name, value, known[option].allowed);
	return OPTIONS_WRONG;
}

/* What getopt wants to know; `letters` has room for all of it. */
static void describe(struct option *longs, char *letters)
{
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		longs[i] = (struct option){known[i].name, known[i].argument ? 1 : 0, NULL,
					   known[i].letter};
		*letters++ = (char)known[i].letter;
		if (known[i].argument)
			*letters++ = ':';
	}
	longs[COUNT_OF(known)] = (struct option){"help", 0, NULL, 'h'};
	*letters++ = 'h';
	*letters = '\0';
}

static size_t index_of(int letter)
{
	size_t i = 0;

	while (i < COUNT_OF(known) && known[i].letter != letter)
		i++;
	return i;
}

/* An option that would have no effect is a mistake. */
static bool fits_together(const struct options *o, const bool *given)
{
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (!given[i] || known[i].about == ANY ||
		    (known[i].about == RUNNING) == !!o->socket)
			continue;
		fprintf(stderr, "%s: option --%s has no effect %s --socket: %s\n", PROGRAM,
			known[i].name, o->socket ? "with" : "without",
			o->socket ? "that collectd has its own configuration"
				  : "add that, or leave it out");
		return false;
	}
	return true;
}

enum options_verdict options_read(struct options *out, int argc, char **argv)
{
	struct option longs[COUNT_OF(known) + 2] = {0};
	char letters[2 * COUNT_OF(known) + 2];
	bool given[COUNT_OF(known)] = {0};
	int letter;

	*out = (struct options){
		.view.sort = METRIC_BYTES, .rows = ROWS, .daemon.interval = INTERVAL_S};
	out->daemon.lines = out->lines;
	describe(longs, letters);
	while ((letter = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		size_t i = index_of(letter);

		if (letter == 'h')
			show_usage(stdout);
		if (i == COUNT_OF(known))
			return letter == 'h' ? OPTIONS_SHOWN : OPTIONS_WRONG;
		given[i] = true;
		if (!known[i].read(out, optarg))
			return refuse(i, optarg);
	}
	if (optind < argc) {
		fprintf(stderr, "%s: what is \"%s\"? Options begin with --: see --help\n", PROGRAM,
			argv[optind]);
		return OPTIONS_WRONG;
	}
	return fits_together(out, given) ? OPTIONS_RUN : OPTIONS_WRONG;
}
