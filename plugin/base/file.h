/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Files that others write: read as a whole, bounded, and without waiting for what is no file. */
#ifndef EBPF_TCP_FILE_H
#define EBPF_TCP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How long a folder's path is without slashes at its end: 0, if it is the root. */
size_t folder_length(const char *path);

/* Tells states of a file or folder apart. All zero: there is none. */
struct file_stamp {
	uint64_t inode;
	int64_t size;
	int64_t changed_ns;
	bool recent; /* the clock of file systems may stand still until the next change */
};

void file_stamp(struct file_stamp *out, const char *path);

/* In doubt they are not. */
bool file_stamp_same(const struct file_stamp *before, const struct file_stamp *now);

/*
 * The text of a regular file of at most `most` bytes, to be freed. Returns its length, or -errno:
 * -EINVAL if it is another kind of file, -EFBIG if it is longer.
 */
ssize_t file_read(char **out, const char *path, size_t most);

#endif
