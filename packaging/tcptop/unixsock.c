/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "protocol.h"
#include "unixsock.h"

#define SETTLE_S 0.3 /* after a tick, in which collectd takes its values */
#define LOOK_MS 250  /* until the next look, if the tick has not come */
#define BATCH 64     /* questions at a time: if both sides only sent, both would wait for ever */
#define TOTAL "/ebpf_tcp-all/if_octets"
#define IDENTIFIER_MAX 1024

/* A line of LISTVAL. */
struct listed {
	char *line;
	double time;
	char *identifier; /* a part of the line */
};

struct unixsock {
	struct source source; /* first: they are one pointer */
	struct client client;
	char *host;  /* NULL until it is known */
	double tick; /* the last one that was taken */
	struct listed *list;
	size_t count;
	size_t room;
};

static enum step broken(struct unixsock *u)
{
	return source_fail(&u->source, "%s", client_problem(&u->client));
}

static void forget_list(struct unixsock *u)
{
	for (size_t i = 0; i < u->count; i++)
		free(u->list[i].line);
	free(u->list);
	u->list = NULL;
	u->count = u->room = 0;
}

static bool grow(struct unixsock *u)
{
	size_t room = u->room ? 2 * u->room : 64;
	struct listed *list;

	if (u->count < u->room)
		return true;
	list = realloc(u->list, room * sizeof(*list));
	if (!list)
		return false;
	u->list = list;
	u->room = room;
	return true;
}

/* A line that is not as it should be is left out. False if there is no memory. */
static bool keep(struct unixsock *u, const char *line)
{
	struct value value;
	char *copy = grow(u) ? strdup(line) : NULL;

	if (!copy)
		return false;
	if (protocol_listval(&value, copy))
		u->list[u->count++] = (struct listed){copy, value.time, value.identifier};
	else
		free(copy);
	return true;
}

static enum step list(struct unixsock *u)
{
	long lines;

	forget_list(u);
	fputs("LISTVAL\n", u->client.out);
	if (!client_send(&u->client) || !client_status(&u->client, &lines))
		return broken(u);
	for (long i = 0; i < lines; i++) {
		if (!client_read(&u->client))
			return broken(u);
		if (!keep(u, u->client.line))
			return source_fail(&u->source, "out of memory");
	}
	return STEP_GOES_ON;
}

/* The length of the host's name if the identifier is its total, or 0. */
static size_t total_of(const char *identifier)
{
	const char *slash = strchr(identifier, '/');

	return slash && !strcmp(slash, TOTAL) ? (size_t)(slash - identifier) : 0;
}

static bool is_of(const char *identifier, const char *host)
{
	size_t length = strlen(host);

	return !strncmp(identifier, host, length) && identifier[length] == '/';
}

/* The host, unless it was named, is the only one that has a total. */
static enum step choose_host(struct unixsock *u)
{
	for (size_t i = 0; i < u->count; i++) {
		const char *identifier = u->list[i].identifier;
		size_t length = total_of(identifier);

		if (!length)
			continue;
		if (u->host)
			return source_fail(&u->source,
					   "this collectd has values of several hosts: name one by "
					   "--host, as %s or %.*s",
					   u->host, (int)length, identifier);
		u->host = strndup(identifier, length);
	}
	if (u->host)
		return STEP_GOES_ON;
	return source_fail(&u->source,
			   "this collectd has no values of ebpf_tcp: its configuration needs "
			   "LoadPlugin ebpf_tcp; if it has that, its log says more");
}

/* The time of the host's total; 0: there is none. */
static double newest(const struct unixsock *u)
{
	for (size_t i = 0; i < u->count; i++) {
		const char *identifier = u->list[i].identifier;

		if (total_of(identifier) && is_of(identifier, u->host))
			return u->list[i].time;
	}
	return 0;
}

static bool is_shown(const char *identifier)
{
	char copy[IDENTIFIER_MAX];
	struct series series;

	if (strlen(identifier) >= sizeof(copy))
		return false;
	memcpy(copy, identifier, strlen(identifier) + 1);
	return series_parse(&series, copy);
}

/* Keeps what is of this tick and host, and in the table. */
static void choose_series(struct unixsock *u)
{
	size_t kept = 0;

	for (size_t i = 0; i < u->count; i++) {
		struct listed *listed = &u->list[i];

		if (listed->time == u->tick && is_of(listed->identifier, u->host) &&
		    is_shown(listed->identifier))
			u->list[kept++] = *listed;
		else
			free(listed->line);
	}
	u->count = kept;
}

/* A series that has gone meanwhile has another answer. */
static enum step take_answer(struct unixsock *u, struct model *m, char *identifier)
{
	double values[SERIES_VALUES];
	struct series series;
	bool good;
	long lines;

	if (!client_status(&u->client, &lines))
		return broken(u);
	good = series_parse(&series, identifier) && lines == (long)series.count;
	for (long i = 0; i < lines; i++) {
		if (!client_read(&u->client))
			return broken(u);
		good = good && protocol_getval(&values[i], u->client.line);
	}
	if (good && !model_add(m, &series, u->tick, values, READING_RATE))
		return source_fail(&u->source, "out of memory");
	return STEP_GOES_ON;
}

static enum step ask(struct unixsock *u, struct model *m)
{
	enum step step = STEP_GOES_ON;

	for (size_t from = 0; from < u->count && step == STEP_GOES_ON; from += BATCH) {
		size_t to = from + BATCH < u->count ? from + BATCH : u->count;

		for (size_t i = from; i < to; i++)
			fprintf(u->client.out, "GETVAL \"%s\"\n", u->list[i].identifier);
		if (!client_send(&u->client))
			return broken(u);
		for (size_t i = from; i < to && step == STEP_GOES_ON; i++)
			step = take_answer(u, m, u->list[i].identifier);
	}
	return step;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The next look is when the next tick has settled, as soon as two of them say how far apart they
 * are. */
static void take_tick(struct unixsock *u, double tick)
{
	double wait_s = u->tick > 0 ? tick + (tick - u->tick) + SETTLE_S - now() : 0;

	if (wait_s * 1000 > LOOK_MS)
		u->source.due_ms = source_clock() + (int64_t)(wait_s * 1000);
	u->tick = tick;
}

static enum step step(struct source *source, struct model *m)
{
	struct unixsock *u = (struct unixsock *)source;
	enum step step;
	double tick;

	if (source_clock() < source->due_ms)
		return STEP_GOES_ON;
	source->due_ms = source_clock() + LOOK_MS;
	step = list(u);
	if (step == STEP_GOES_ON && !u->host)
		step = choose_host(u);
	if (step != STEP_GOES_ON)
		return step;
	tick = newest(u);
	if (!tick && !u->tick)
		return source_fail(source,
				   "this collectd has no values of host %s: --host takes those "
				   "that collectdctl listval shows",
				   u->host);
	if (!(tick > u->tick) || now() - tick < SETTLE_S)
		return STEP_GOES_ON;
	take_tick(u, tick);
	choose_series(u);
	step = ask(u, m);
	return step == STEP_GOES_ON ? STEP_HAS_TICK : step;
}

static void end(struct source *source)
{
	struct unixsock *u = (struct unixsock *)source;

	forget_list(u);
	client_close(&u->client);
	free(u->host);
	free(u);
}

struct source *unixsock_open(const char *path, const char *host, char *problem, size_t size)
{
	static const struct source_calls calls = {step, end};
	struct unixsock *u = calloc(1, sizeof(*u));
	int error = u ? client_open(&u->client, path) : -1;

	if (!error) {
		u->source = (struct source){.calls = &calls, .fd = -1};
		u->host = host ? strdup(host) : NULL;
		snprintf(u->source.about, sizeof(u->source.about), "%s", path);
		return &u->source;
	}
	free(u);
	snprintf(
		problem, size,
		"option --socket: %s: %s: give the SocketFile of the plugin unixsock of a collectd "
		"that runs, and be one who may use it",
		path, strerror(-error));
	return NULL;
}
