/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Files of a host for a test, below a temporary folder. */
#ifndef EBPF_TCP_HOSTFS_H
#define EBPF_TCP_HOSTFS_H

/* Makes the folder, and leaves the program if it cannot. */
void hostfs_open(void);
void hostfs_close(void);

const char *hostfs_root(void);

/* A path below it: valid until the next call. */
const char *hostfs_path(const char *file);

/* Writes a file anew, and the folders to it; NULL takes it away. It seems to be a minute old, so
 * that it is not read twice. */
void hostfs_file(const char *file, const char *text);

/* Docker's file of a container. */
void hostfs_docker(const char *id, const char *name);

#endif
