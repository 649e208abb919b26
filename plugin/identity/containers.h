/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Containers by id, with the names that runtimes have written into their files. No runtime is
 * asked. A file is read when its container is asked for first, again later if it was not there yet,
 * and when it has changed.
 */
#ifndef EBPF_TCP_CONTAINERS_H
#define EBPF_TCP_CONTAINERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/file.h"
#include "identity/cgroup.h"
#include "identity/container.h"

struct containers;

struct container {
	struct container_names names; /* see container_known() */
	uint32_t changes;             /* how often they have become others */
	unsigned holders;             /* it stays for as long as somebody holds it */
	/* of containers.c: */
	struct container *next;  /* of the same bucket */
	bool listed;             /* the names are out of a list, which is read as a whole */
	struct file_stamp stamp; /* of the file that has told the names */
	uint32_t pause, due;     /* in ticks; the pause is 0 until it was looked for */
	char id[CGROUP_ID_SIZE];
};

/*
 * `host_root` is where the host's files are, "" for "/". `pause`: in ticks, until a file is looked
 * at again. Returns 0 or -ENOMEM.
 */
int containers_open(struct containers **out, const char *host_root, unsigned pause);

/* NULL is allowed. */
void containers_close(struct containers *c);

/* A tick begins: it looks whether names have become others. */
void containers_begin(struct containers *c);

/* NULL without room or memory. If too much was looked at in this tick, it has no name before a
 * later one. Who keeps it longer than for this tick holds it. */
struct container *containers_find(struct containers *c, const char *id);

/* What somebody else knows. */
void containers_tell(struct container *k, const struct container_names *names);

#endif
