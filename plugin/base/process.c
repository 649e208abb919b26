/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"

static void path_of(char out[PATH_MAX], const char *proc_root, uint32_t pid, const char *file)
{
	snprintf(out, PATH_MAX, "%s/%" PRIu32 "/%s", proc_root, pid, file);
}

ssize_t process_text(char *out, size_t size, const char *proc_root, uint32_t pid, const char *file)
{
	char path[PATH_MAX];
	ssize_t length;
	int fd;

	path_of(path, proc_root, pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = read(fd, out, size - 1); /* /proc gives all that fits at once */
	if (length < 0)
		length = -errno;
	else
		out[length] = '\0';
	close(fd);
	return length;
}

/* Where a field of /proc/PID/stat begins, or NULL. The name in field 2 may contain anything. */
static const char *stat_field(const char *stat, int number)
{
	const char *at = strrchr(stat, ')');

	for (int field = 2; at && field < number; field++)
		at = strchr(at + 1, ' ');
	return at;
}

uint64_t process_ticks(uint64_t ns)
{
	return ns / (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

int process_stat(struct process_stat *out, const char *proc_root, uint32_t pid)
{
	const char *first, *rest;
	struct process_stat found;
	unsigned threads;
	char text[1024], state;
	ssize_t length;

	length = process_text(text, sizeof(text), proc_root, pid, "stat");
	if (length < 0)
		return (int)length;
	first = stat_field(text, 3);
	rest = stat_field(text, 20);
	if (!first || !rest || sscanf(first, " %c %" SCNu32, &state, &found.parent) != 2 ||
	    sscanf(rest, " %u %*s %" SCNu64, &threads, &found.start_ticks) != 2)
		return -EINVAL;
	found.leader_ended = state == 'Z' || state == 'X';
	found.ended = found.leader_ended && threads <= 1;
	*out = found;
	return 0;
}

uint32_t process_thread(const char *proc_root, uint32_t pid)
{
	uint32_t number, thread = pid;
	const struct dirent *entry;
	char path[PATH_MAX];
	DIR *tasks;

	path_of(path, proc_root, pid, "task");
	tasks = opendir(path);
	while (tasks && thread == pid && (entry = readdir(tasks))) {
		number = (uint32_t)strtoul(entry->d_name, NULL, 10);
		thread = number ? number : pid; /* 0: . and .. */
	}
	if (tasks)
		closedir(tasks);
	return thread;
}

bool process_is(const struct process_stat *stat, uint64_t start_ns)
{
	return !stat->ended && stat->start_ticks == process_ticks(start_ns);
}

bool process_gone(const char *proc_root, uint32_t pid)
{
	char path[PATH_MAX];

	if (strcmp(proc_root, "/proc") == 0) /* another /proc has other pids */
		return kill((pid_t)pid, 0) && errno == ESRCH;
	path_of(path, proc_root, pid, "stat");
	return access(path, F_OK) && errno == ENOENT;
}

bool process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns)
{
	struct process_stat stat;
	int err;

	if (process_gone(proc_root, pid))
		return false;
	err = process_stat(&stat, proc_root, pid); /* -ENOENT: hidden (hidepid) */
	if (err)
		return err != -ESRCH;
	return process_is(&stat, start_ns);
}

ssize_t process_exe(char *out, size_t size, const char *proc_root, uint32_t pid)
{
	static const char deleted[] = " (deleted)";
	const ssize_t tail = sizeof(deleted) - 1;
	char path[PATH_MAX];
	ssize_t length;

	path_of(path, proc_root, pid, "exe");
	length = readlink(path, out, size - 1);
	if (length < 0)
		return -errno;
	if (length > tail && memcmp(out + length - tail, deleted, (size_t)tail) == 0)
		length -= tail;
	out[length] = '\0';
	return length;
}

ssize_t process_comm(char *out, size_t size, const char *proc_root, uint32_t pid)
{
	char text[64]; /* one line, of a name that may have line feeds itself */
	ssize_t length = process_text(text, sizeof(text), proc_root, pid, "comm");

	if (length <= 0)
		return length ? length : -EINVAL;
	text[length - 1] = '\0';
	snprintf(out, size, "%s", text);
	return length - 1;
}

ssize_t process_cmdline(char *out, size_t size, const char *proc_root, uint32_t pid)
{
	ssize_t length = process_text(out, size, proc_root, pid, "cmdline");

	if (length < 0)
		return length;
	for (ssize_t i = 0; i < length; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
			out[i] = ' ';
	while (length && out[length - 1] == ' ')
		length--;
	out[length] = '\0';
	return length;
}

int process_uid(uint32_t *out, const char *proc_root, uint32_t pid)
{
	char text[1024]; /* it is the ninth line; the kernel escapes line feeds in the name above */
	ssize_t length = process_text(text, sizeof(text), proc_root, pid, "status");
	const char *at;
	uint32_t uid;

	if (length < 0)
		return (int)length;
	at = strstr(text, "\nUid:");
	if (!at || sscanf(at, "\nUid:%" SCNu32, &uid) != 1)
		return -EINVAL;
	*out = uid;
	return 0;
}
