/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel_name.h"
#include "observer.h"

struct observer observer;

void observer_begin(const char *program, const char *backend)
{
	observer.program = program;
	observer.kernel = kernel_name();
	observer.backend = backend;
}

void observer_open(struct probe_options options)
{
	struct snapshot_options snapshot_options = {.proc_root = "/proc"};
	char why[512];

	options.backend = (char *)observer.backend;
	for (unsigned i = 0; i < TCP_SCOPE_COUNT; i++)
		options.knobs.scopes[i] = true;
	if (probe_open(&observer.probe, why, sizeof(why), &options))
		observer_die(why);
	probe_tables(&observer.tables, observer.probe);
	if (snapshot_open(&observer.snapshot, &observer.tables, &snapshot_options))
		observer_die("no memory");
}

void observer_look(snapshot_visit *visit)
{
	probe_refresh(observer.probe);
	snapshot_take(observer.snapshot, visit, NULL);
}

void observer_close(void)
{
	snapshot_close(observer.snapshot);
	probe_close(observer.probe);
}

void observer_say(const char *word, const char *format, ...)
{
	va_list args;

	printf("%s %s %s %s", word, observer.kernel, observer.backend, observer.program);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void observer_die(const char *what)
{
	observer_say("FAIL", ": %s", what);
	exit(1);
}

int loopback_listen(struct sockaddr_in *out, int backlog)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(*out);

	*out = (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)out, size) || listen(fd, backlog) ||
	    getsockname(fd, (struct sockaddr *)out, &size))
		return -1;
	return fd;
}
