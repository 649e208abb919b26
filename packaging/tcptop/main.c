/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * collectd-tcptop: the order of everything. Data flows from a source (private.h, unixsock.h) by the
 * model to what shows it (screen.h, output.h).
 */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "keys.h"
#include "options.h"
#include "output.h"
#include "private.h"
#include "screen.h"
#include "unixsock.h"

/* What wakes us. */
enum { BY_SOURCE = 1, BY_SIGNAL = 2, BY_KEY = 4 };

struct run {
	const struct options *options;
	struct source *source;
	struct model model;
	int signals; /* a descriptor: what asks us to end */
};

static int timeout_ms(const struct source *source)
{
	int64_t wait = source->due_ms - source_clock();

	if (source->due_ms == SOURCE_NEVER)
		return -1;
	return wait < 0 ? 0 : wait > 60000 ? 60000 : (int)wait;
}

/* `keys`: whether they count. A signal that changes the size of the terminal wakes us, too: by
 * nothing. */
static unsigned wait_for(const struct run *run, bool keys)
{
	struct pollfd fds[] = {
		{.fd = run->source->fd, .events = POLLIN},
		{.fd = run->signals, .events = POLLIN},
		{.fd = keys ? STDIN_FILENO : -1, .events = POLLIN},
	};
	int ready = poll(fds, 3, timeout_ms(run->source));
	unsigned by = 0;

	if (ready == 0)
		return BY_SOURCE; /* it is due */
	for (unsigned i = 0; ready > 0 && i < 3; i++)
		by |= fds[i].revents ? 1U << i : 0;
	return by;
}

/* One table after the other. Returns the exit status. */
static int print_tables(struct run *run)
{
	const struct options *o = run->options;
	unsigned long tables = 0;

	for (;;) {
		unsigned by = wait_for(run, false);
		enum step step;

		if (by & BY_SIGNAL)
			return 0;
		step = by & BY_SOURCE ? run->source->calls->step(run->source, &run->model)
				      : STEP_GOES_ON;
		if (step == STEP_FAILED)
			return 1;
		if (step != STEP_HAS_TICK || !model_tick(&run->model))
			continue;
		if (!(o->json ? output_json : output_text)(&o->view, &run->model, run->source,
							   o->rows) ||
		    ++tables == o->tables)
			return 0;
	}
}

/* While it is paused the source goes on; the next table covers all of the time. */
static int show_screen(struct run *run)
{
	struct keys keys = {.view = run->options->view};

	for (;;) {
		enum step step = STEP_GOES_ON;
		unsigned by;

		screen_draw(&keys, &run->model, run->source);
		do {
			by = wait_for(run, true);
			if (by & BY_SIGNAL)
				return 0;
			if (by & BY_SOURCE)
				step = run->source->calls->step(run->source, &run->model);
		} while (by == BY_SOURCE && step == STEP_GOES_ON);
		if (step == STEP_FAILED)
			return 1;
		if (step == STEP_HAS_TICK && !keys.paused)
			model_tick(&run->model);
		if (!screen_keys(&keys) || keys.quit)
			return 0;
	}
}

static struct source *open_source(const struct options *o)
{
	char problem[512];
	struct source *source;

	if (o->socket)
		source = unixsock_open(o->socket, o->host, problem, sizeof(problem));
	else
		source = private_open(&o->daemon, problem, sizeof(problem));
	if (!source)
		fprintf(stderr, "collectd-tcptop: %s\n", problem);
	return source;
}

/* Signals that end us are taken when there is time for it. Who reads us may go at any time. */
static int take_signals(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		sigaddset(&set, ends[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static bool is_interactive(const struct options *o)
{
	return !o->json && !o->tables && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static int show(struct run *run)
{
	int status;

	if (!is_interactive(run->options))
		return print_tables(run);
	if (screen_open()) {
		const char *term = getenv("TERM");

		return source_fail(run->source,
				   "TERM \"%s\" is not a terminal that is known: set it, or "
				   "give -n NUMBER",
				   term ? term : "")
			       ? 1
			       : 0;
	}
	status = show_screen(run);
	screen_close();
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	struct run run = {.options = &options};
	int status;

	setlocale(LC_CTYPE, "");
	switch (options_read(&options, argc, argv)) {
	case OPTIONS_SHOWN:
		return 0;
	case OPTIONS_WRONG:
		return 2;
	case OPTIONS_RUN:
		break;
	}
	run.signals = take_signals();
	run.source = open_source(&options);
	if (!run.source)
		return 1;
	model_open(&run.model);
	status = show(&run);
	if (status)
		fprintf(stderr, "collectd-tcptop: %s\n", run.source->problem);
	model_close(&run.model);
	run.source->calls->close(run.source);
	return status;
}
