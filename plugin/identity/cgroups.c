/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#define _GNU_SOURCE /* tdestroy */

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/file.h"
#include "identity/cgroup.h"
#include "tcp.h"

#define CGROUPS_MAX 65536
#define V1_MOUNT "/memory" /* the hierarchy of which the kernel half tells */
#define ROOT_ID 1          /* of every hierarchy */

struct known {
	uint64_t id;
	char path[];
};

struct cgroups {
	const char *mount; /* of cgroup v2, below the root; NULL if there is none */
	void *tree;        /* struct known by id */
	unsigned count;
	bool walked[2]; /* in this tick: cgroup v2, v1 */
	char root[];
};

static int compare(const void *left, const void *right)
{
	const struct known *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

static struct known *look_up(const struct cgroups *c, uint64_t id)
{
	struct known key = {.id = id}, **found = tfind(&key, &c->tree, compare);

	return found ? *found : NULL;
}

/* Does nothing without memory, or if there are too many. */
static void remember(struct cgroups *c, uint64_t id, const char *path)
{
	size_t length = strnlen(path, CGROUP_PATH_SIZE - 1);
	struct known *k;

	if (c->count == CGROUPS_MAX || look_up(c, id))
		return;
	k = calloc(1, sizeof(*k) + length + 1);
	if (!k)
		return;
	k->id = id;
	memcpy(k->path, path, length);
	if (tsearch(k, &c->tree, compare))
		c->count++;
	else
		free(k);
}

/* FTS_NOSTAT: only directories are looked at, among some fifty files in each. */
static void walk(struct cgroups *c, const char *mount, uint64_t version)
{
	char top[PATH_MAX], *const tops[] = {top, NULL};
	size_t skip = (size_t)snprintf(top, sizeof(top), "%s%s", c->root, mount);
	FTS *tree = fts_open(
		tops, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR | FTS_NOSTAT | FTS_XDEV, NULL);
	FTSENT *entry;

	for (unsigned seen = 0; tree && seen < CGROUPS_MAX && (entry = fts_read(tree));) {
		if (entry->fts_info != FTS_D)
			continue;
		remember(c, entry->fts_ino | version,
			 entry->fts_pathlen > skip ? entry->fts_path + skip : "/");
		seen++;
	}
	if (tree)
		fts_close(tree);
}

int cgroups_open(struct cgroups **out, const char *root)
{
	/* pure v2; both, as systemd mounts them */
	static const char *const mounts[] = {"", "/unified"};
	size_t length = folder_length(root);
	char path[PATH_MAX];
	struct cgroups *c;

	c = calloc(1, sizeof(*c) + length + 1);
	if (!c)
		return -ENOMEM;
	memcpy(c->root, root, length);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts) && !c->mount; i++) {
		snprintf(path, sizeof(path), "%s%s/cgroup.controllers", c->root, mounts[i]);
		if (access(path, F_OK) == 0)
			c->mount = mounts[i];
	}
	*out = c;
	return 0;
}

static void forget_all(struct cgroups *c)
{
	tdestroy(c->tree, free);
	c->tree = NULL;
	c->count = 0;
}

void cgroups_close(struct cgroups *c)
{
	if (c)
		forget_all(c);
	free(c);
}

void cgroups_begin(struct cgroups *c)
{
	memset(c->walked, 0, sizeof(c->walked));
	if (c->count == CGROUPS_MAX) /* most of them are long gone */
		forget_all(c);
}

/* With v1 beside it, processes of one cgroup of v2 have many paths, of which none is its. */
void cgroups_add(struct cgroups *c, uint64_t id, const char *path)
{
	if (id > ROOT_ID && (!c->mount || !*c->mount))
		remember(c, id, path);
}

void cgroups_tell(struct cgroups *c, uint64_t id, const char *path)
{
	remember(c, id, path);
}

const char *cgroups_known(const struct cgroups *c, uint64_t id)
{
	const struct known *k = look_up(c, id);

	return k ? k->path : NULL;
}

const char *cgroups_find(struct cgroups *c, uint64_t id)
{
	uint64_t version = id & TCP_CGROUP_V1;
	const char *mount = version ? V1_MOUNT : c->mount;
	const char *path = cgroups_known(c, id);

	if (path || !id || !mount || c->walked[!!version])
		return path;
	c->walked[!!version] = true;
	walk(c, mount, version);
	return cgroups_known(c, id);
}

uint32_t cgroups_member(const struct cgroups *c, const char *path)
{
	const char *mount = c->mount && !*c->mount ? "" : V1_MOUNT;
	char file[PATH_MAX], line[16] = "";
	FILE *list;

	snprintf(file, sizeof(file), "%s%s%s/cgroup.procs", c->root, mount, path);
	list = fopen(file, "re");
	if (!list)
		return 0;
	if (!fgets(line, sizeof(line), list))
		*line = '\0';
	fclose(list);
	return (uint32_t)strtoul(line, NULL, 10);
}
