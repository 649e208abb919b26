/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

#define SECOND_NS INT64_C(1000000000)
#define RECENT_NS (2 * SECOND_NS) /* file systems whose clock has seconds only are among them */

size_t folder_length(const char *path)
{
	size_t length = strlen(path);

	while (length && path[length - 1] == '/')
		length--;
	return length;
}

static int64_t ns_of(const struct timespec *t)
{
	return t->tv_sec * SECOND_NS + t->tv_nsec;
}

void file_stamp(struct file_stamp *out, const char *path)
{
	struct timespec now = {0};
	struct stat status;

	*out = (struct file_stamp){0};
	if (lstat(path, &status))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	out->inode = status.st_ino;
	out->size = status.st_size;
	out->changed_ns = ns_of(&status.st_mtim);
	out->recent = out->changed_ns > ns_of(&now) - RECENT_NS;
}

bool file_stamp_same(const struct file_stamp *before, const struct file_stamp *now)
{
	return before->inode == now->inode && before->size == now->size &&
	       before->changed_ns == now->changed_ns && !before->recent;
}

/* Returns how much there was, up to `length`, or -errno. */
static ssize_t read_all(char *out, int fd, size_t length)
{
	size_t used = 0;
	ssize_t more;

	do {
		more = read(fd, out + used, length - used);
		if (more > 0)
			used += (size_t)more;
	} while (more > 0 || (more < 0 && errno == EINTR));
	return more < 0 ? -errno : (ssize_t)used;
}

static ssize_t read_file(char **out, int fd, size_t most)
{
	struct stat status;
	ssize_t length;
	char *text;

	if (fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (status.st_size < 0 || (size_t)status.st_size > most)
		return -EFBIG;
	text = calloc(1, (size_t)status.st_size + 1);
	if (!text)
		return -ENOMEM;
	length = read_all(text, fd, (size_t)status.st_size);
	if (length < 0)
		free(text);
	else
		*out = text;
	return length;
}

/* O_NONBLOCK: a pipe must not stop us. */
ssize_t file_read(char **out, const char *path, size_t most)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read_file(out, fd, most);
	close(fd);
	return length;
}
