/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The plugin's own probe and reader, for a program that knows what they must count. */
#ifndef OBSERVER_H
#define OBSERVER_H

#include <netinet/in.h>

#include "probe/probe.h"
#include "probe/snapshot.h"

extern struct observer {
	const char *program, *kernel, *backend;
	struct probe *probe;
	struct probe_tables tables;
	struct snapshot *snapshot;
} observer;

void observer_begin(const char *program, const char *backend);

/* Opens the two, with all scopes. */
void observer_open(struct probe_options options);
void observer_look(snapshot_visit *visit);
void observer_close(void);

/* A line of the result: WORD KERNEL BACKEND PROGRAM, and what is said of it. */
void observer_say(const char *word, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void observer_die(const char *what);

/* On loopback, any port; -1 if it cannot. */
int loopback_listen(struct sockaddr_in *out, int backlog);

#endif
