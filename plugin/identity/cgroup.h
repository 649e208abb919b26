/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Control groups: from the path of a process's cgroup to names that people know. Paths begin with
 * `/`, which is the root, and do not end with it.
 */
#ifndef EBPF_TCP_CGROUP_H
#define EBPF_TCP_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CGROUP_PATH_SIZE 1024 /* longer ones lose their end */
#define CGROUP_NONE "-"       /* in no unit, in no container */
#define CGROUP_ID_SIZE 65     /* of a container's id, which has 64 digits */

/*
 * The path out of the text of /proc/PID/cgroup: that of cgroup v2, or where a v1 hierarchy tells
 * more (hybrid, v1), the first of systemd's, pids, memory, cpu, any. False if the text has none.
 */
bool cgroup_path(char *out, size_t size, const char *text);

/*
 * The systemd unit. In a user's slice: the unit of the user's own manager after the slice's name
 * ("user-1000:app.service"), and the slice alone ("user-1000.slice") for sessions and scopes.
 * Escapes ("\x2d") are undone.
 */
void cgroup_unit(char *out, size_t size, const char *path);

/*
 * The container: the first 12 digits of its id (docker, podman, containerd, cri-o, BuildKit), and
 * of Fargate's its number too; else "pod" and the UID of a Kubernetes pod, else the name of the
 * machine (lxc, systemd-nspawn, Garden). Of containers in containers, the innermost. What watches a
 * container (conmon) is not in it.
 */
void cgroup_container(char *out, size_t size, const char *path);

/* All digits of the id of that container. False if it is in none, or that is told apart otherwise.
 */
bool cgroup_container_id(char out[CGROUP_ID_SIZE], const char *path);

/*
 * Paths by id, the inode of the cgroup's directory, maybe with TCP_CGROUP_V1: for processes that
 * are gone.
 */
struct cgroups;

/* `root` is the mount point, "/sys/fs/cgroup". Returns 0 or -ENOMEM. */
int cgroups_open(struct cgroups **out, const char *root);

/* NULL is allowed. */
void cgroups_close(struct cgroups *c);

/* A tick begins: it may walk the tree once, if an id is asked for that is not known. */
void cgroups_begin(struct cgroups *c);

/* Told by a process that lives. */
void cgroups_add(struct cgroups *c, uint64_t id, const char *path);

/* Told by the kernel, of whatever version it is. */
void cgroups_tell(struct cgroups *c, uint64_t id, const char *path);

/* NULL if none such is known; valid until the next call of cgroups_find() or cgroups_add(). */
const char *cgroups_known(const struct cgroups *c, uint64_t id);

/* The same, and NULL only if there is no such cgroup: it may walk. */
const char *cgroups_find(struct cgroups *c, uint64_t id);

/* A process that is in the cgroup of this path now; 0 if there is none, or it cannot be told. */
uint32_t cgroups_member(const struct cgroups *c, const char *path);

#endif
