/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "process.h"

/* Returns the length of the text, or -errno. */
static ssize_t read_stat(char *out, size_t size, const char *proc_root, uint32_t pid)
{
	char path[PATH_MAX];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/%" PRIu32 "/stat", proc_root, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = read(fd, out, size - 1);
	if (length < 0)
		length = -errno;
	else
		out[length] = '\0';
	close(fd);
	return length;
}

/* Field 22 of /proc/PID/stat: ticks from boot to start. The name in field 2 may contain anything.
 */
static bool parse_start_ticks(uint64_t *out, const char *stat)
{
	const char *at = strrchr(stat, ')');

	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, " %" SCNu64, out) == 1;
}

bool process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns)
{
	uint64_t tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK), ticks;
	ssize_t length;
	char stat[1024];

	length = read_stat(stat, sizeof(stat), proc_root, pid);
	if (length == -ESRCH)
		return false;
	if (length == -ENOENT) /* gone or hidden (hidepid); another /proc has other pids */
		return strcmp(proc_root, "/proc") == 0 &&
		       (kill((pid_t)pid, 0) == 0 || errno != ESRCH);
	if (length < 0 || !parse_start_ticks(&ticks, stat))
		return true;
	return ticks == start_ns / tick_ns;
}
