/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The connection to the plugin unixsock of a collectd: lines that go and come.
 */
#ifndef TCPTOP_CLIENT_H
#define TCPTOP_CLIENT_H

#include <stdbool.h>
#include <stdio.h>

struct client {
	FILE *in;
	FILE *out;
	char *line; /* the last one that was read, without its end */
	size_t room;
};

int client_open(struct client *out, const char *path); /* 0 or -errno */
void client_close(struct client *client);

/* False: client_problem() says why. */
bool client_send(struct client *client);              /* what was printed to `out` */
bool client_read(struct client *client);              /* a line */
bool client_status(struct client *client, long *out); /* the first line of an answer */
const char *client_problem(const struct client *client);

#endif
