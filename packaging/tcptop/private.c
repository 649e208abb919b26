/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "protocol.h"

#define QUIET_MS 100 /* without a line: the tick is complete */
#define LINE_MAX_BYTES 4096
#define OURS "ebpf_tcp plugin: "
#define BACKEND OURS "backend "

struct private
{
	struct source source; /* first: they are one pointer */
	struct daemon daemon;
	char line[LINE_MAX_BYTES];
	size_t length; /* of what has come of it */
	bool works;    /* the plugin has found its backend */
};

/* "[error] TEXT" begins with that. Returns TEXT, or NULL. */
static const char *after(const char *text, const char *mark)
{
	size_t length = strlen(mark);

	return strncmp(text, mark, length) ? NULL : text + length;
}

static void keep(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

/* What the daemon logs. An error of the start is the end: there would be no values. */
static enum step hear(struct private *p, const char *line)
{
	const char *error = after(line, "[error] "), *warning = after(line, "[warning] ");
	const char *info = after(line, "[info] "), *backend = info ? after(info, BACKEND) : NULL;

	if (backend) {
		p->works = true;
		keep(p->source.about, sizeof(p->source.about), info + strlen(OURS));
	}
	if (error && !p->works)
		return source_fail(&p->source, "%s", error);
	if (error || warning)
		keep(p->source.warning, sizeof(p->source.warning), error ? error : warning);
	return STEP_GOES_ON;
}

static enum step take_line(struct private *p, struct model *m)
{
	struct series series;
	struct value value;

	if (!after(p->line, "PUTVAL "))
		return hear(p, p->line);
	p->source.due_ms = source_clock() + QUIET_MS;
	if (!protocol_putval(&value, p->line) || !series_parse(&series, value.identifier) ||
	    series.count != value.count)
		return STEP_GOES_ON;
	if (!model_add(m, &series, value.time, value.values, READING_SUM))
		return source_fail(&p->source, "out of memory");
	return STEP_GOES_ON;
}

/* Of a line that is too long, the end is lost. */
static enum step take(struct private *p, struct model *m, const char *bytes, size_t count)
{
	enum step step = STEP_GOES_ON;

	for (size_t i = 0; i < count && step == STEP_GOES_ON; i++) {
		if (bytes[i] != '\n') {
			if (p->length < sizeof(p->line) - 1)
				p->line[p->length++] = bytes[i];
			continue;
		}
		p->line[p->length] = '\0';
		p->length = 0;
		step = take_line(p, m);
	}
	return step;
}

static enum step ended(struct private *p)
{
	return source_fail(&p->source, "collectd has ended%s%s", *p->source.warning ? ": " : "",
			   p->source.warning);
}

static enum step step(struct source *source, struct model *m)
{
	struct private *p = (struct private *)source;
	char bytes[65536];
	ssize_t count = read(p->daemon.fd, bytes, sizeof(bytes));

	if (count > 0)
		return take(p, m, bytes, (size_t)count);
	if (count == 0)
		return ended(p);
	if (errno != EAGAIN && errno != EINTR)
		return source_fail(source, "cannot read what collectd says: %s", strerror(errno));
	if (source_clock() < source->due_ms)
		return STEP_GOES_ON;
	source->due_ms = SOURCE_NEVER;
	return STEP_HAS_TICK;
}

static void end(struct source *source)
{
	struct private *p = (struct private *)source;

	daemon_stop(&p->daemon);
	free(p);
}

struct source *private_open(const struct daemon_options *options, char *problem, size_t size)
{
	static const struct source_calls calls = {step, end};
	struct private *p = calloc(1, sizeof(*p));
	int error = p ? daemon_start(&p->daemon, options) : -ENOMEM;

	if (!error) {
		p->source = (struct source){
			.calls = &calls, .fd = p->daemon.fd, .due_ms = SOURCE_NEVER};
		return &p->source;
	}
	free(p);
	if (error == -ENOENT)
		snprintf(problem, size,
			 "there is no collectd to start: install it (Debian: "
			 "collectd-core), or name the socket of one that runs by --socket");
	else
		snprintf(problem, size, "cannot start collectd: %s", strerror(-error));
	return NULL;
}
