/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The command line.
 */
#ifndef TCPTOP_OPTIONS_H
#define TCPTOP_OPTIONS_H

#include "daemon.h"
#include "view.h"

#define OPTIONS_LINES 64

struct options {
	struct view view;
	size_t rows;          /* at most, besides the total */
	unsigned long tables; /* then it ends; 0: when it is told to */
	bool json;
	const char *socket; /* NULL: a collectd of our own */
	const char *host;
	struct daemon_options daemon;
	const char *lines[OPTIONS_LINES]; /* of the daemon */
};

/* What to do with the command line. */
enum options_verdict { OPTIONS_RUN, OPTIONS_SHOWN, OPTIONS_WRONG };

/* What is wrong was said. */
enum options_verdict options_read(struct options *out, int argc, char **argv);

#endif
