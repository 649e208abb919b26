/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "classic.h"
#include "classic.skel.h"

#define PROCESSES_MAX 10240 /* as many as the map holds */
#define COUNTERS (sizeof(struct tcp_counters) / sizeof(uint64_t))

struct classic_reader {
	struct classic *skeleton;
	size_t count;                       /* of the rows below */
	struct tcp_row rows[PROCESSES_MAX]; /* as they were at the last look */
};

int classic_open(struct classic_reader **out)
{
	struct classic_reader *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->skeleton = classic__open_and_load();
	err = c->skeleton ? classic__attach(c->skeleton) : -errno;
	if (err) {
		classic_close(c);
		return err;
	}
	*out = c;
	return 0;
}

void classic_close(struct classic_reader *c)
{
	if (!c)
		return;
	classic__destroy(c->skeleton);
	free(c);
}

static struct tcp_row *row_before(struct classic_reader *c, uint32_t pid)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->rows[i].pid == pid)
			return &c->rows[i];
	if (c->count == PROCESSES_MAX)
		return NULL;
	c->rows[c->count] = (struct tcp_row){.pid = pid};
	return &c->rows[c->count++];
}

/* Reports what a row has grown by. Returns false if it has not. */
static bool grow(struct snapshot_process *out, struct tcp_row *before, const struct tcp_row *now)
{
	const __u64 *from = (const __u64 *)&before->counters;
	const __u64 *to = (const __u64 *)&now->counters;
	__u64 *grown = (__u64 *)&out->grown;

	if (memcmp(from, to, sizeof(now->counters)) == 0)
		return false;
	for (size_t i = 0; i < COUNTERS; i++)
		grown[i] = to[i] - from[i];
	out->pid = now->pid;
	memcpy(out->comm, now->comm, sizeof(out->comm));
	*before = *now;
	return true;
}

void classic_take(struct classic_reader *c, snapshot_visit *visit, void *context)
{
	int fd = bpf_map__fd(c->skeleton->maps.processes);
	uint32_t pid, *last = NULL;

	for (; bpf_map_get_next_key(fd, last, &pid) == 0; last = &pid) {
		struct tcp_row *before = row_before(c, pid), now;
		struct snapshot_process p = {0};

		if (before && bpf_map_lookup_elem(fd, &pid, &now) == 0 && grow(&p, before, &now) &&
		    visit)
			visit(context, &p);
	}
}
