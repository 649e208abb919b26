/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * A collectd of our own: the process. What it has to say (values and messages) comes by one pipe.
 * It ends with us, however we end, and leaves nothing behind: its configuration is in memory, and
 * it has no files.
 */
#ifndef TCPTOP_DAEMON_H
#define TCPTOP_DAEMON_H

#include <sys/types.h>

struct daemon_options {
	double interval;          /* seconds */
	const char *plugin_dir;   /* NULL: collectd's own */
	const char *const *lines; /* more options of the plugin */
	unsigned line_count;
};

struct daemon {
	pid_t pid;
	int fd; /* its standard error */
};

/* 0 or -errno. If there is no collectd, it is -ENOENT. */
int daemon_start(struct daemon *out, const struct daemon_options *options);
void daemon_stop(struct daemon *daemon);

#endif
