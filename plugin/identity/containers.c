/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "identity/containers.h"
#include "identity/runtime.h"

#define CONTAINERS_MAX 4096
#define BUCKETS 1024
#define LOOKS_MAX 256         /* for a container in a tick; one takes some 50 us without a disk */
#define FILE_MAX (1 << 20)    /* bytes about one container; they have some 50,000 */
#define STORAGE_MAX (8 << 20) /* bytes about all; each container takes some 600 */
#define SPACES_MAX 64         /* namespaces of containerd */
#define LINKS_MAX 65536

/* Where a runtime has a folder for each container. */
static const struct source {
	const char *folder;
	bool spaces; /* there is a folder for each namespace first */
	const char *file;
	runtime_read *read;
} sources[] = {
	{"/var/lib/docker/containers", false, "config.v2.json", runtime_docker},
	{"/run/containerd/io.containerd.runtime.v2.task", true, "config.json", runtime_oci},
	{"/run/k3s/containerd/io.containerd.runtime.v2.task", true, "config.json", runtime_oci},
	{"/run/containers/storage/overlay-containers", false, "userdata/config.json", runtime_oci},
	{"/var/lib/containers/storage/overlay-containers", false, "userdata/config.json",
	 runtime_oci},
};

static void read_storage(struct containers *c, const char *path);
static void read_links(struct containers *c, const char *path);

/* What tells of all containers at once. */
static const struct {
	const char *path;
	void (*read)(struct containers *c, const char *path);
} lists[] = {
	{"/var/lib/containers/storage/overlay-containers/containers.json", read_storage},
	{"/var/lib/containers/storage/overlay-containers/volatile-containers.json", read_storage},
	{"/var/log/containers", read_links},
};
#define LIST_COUNT (sizeof(lists) / sizeof(*lists))

struct containers {
	bool asked; /* until then nothing is looked at */
	uint32_t tick;
	unsigned pause;
	unsigned looks; /* in this tick */
	unsigned first; /* the bucket whose turn it is to be looked at again */
	unsigned count;
	struct file_stamp stamps[LIST_COUNT];
	struct container *buckets[BUCKETS];
	char root[];
};

/* -- the table -- */

static struct container **bucket_of(struct containers *c, const char *id)
{
	return &c->buckets[name_hash(NAME_HASH, id) % BUCKETS];
}

/* Finds it or makes it; NULL without room or memory. */
static struct container *get(struct containers *c, const char *id)
{
	struct container **bucket = bucket_of(c, id), *k = *bucket;

	while (k && strcmp(k->id, id) != 0)
		k = k->next;
	if (k || c->count == CONTAINERS_MAX)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	snprintf(k->id, sizeof(k->id), "%s", id);
	k->next = *bucket;
	*bucket = k;
	c->count++;
	return k;
}

/* Makes room: nobody holds these. */
static void shed(struct containers *c)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct container **at = &c->buckets[i], *k; (k = *at);) {
			if (k->holders) {
				at = &k->next;
				continue;
			}
			*at = k->next;
			free(k);
			c->count--;
		}
}

void containers_tell(struct container *k, const struct container_names *names)
{
	if (memcmp(&k->names, names, sizeof(*names)) == 0)
		return;
	k->names = *names;
	k->changes++;
}

/* -- lists -- */

static void tell(void *context, const char *id, const struct container_names *names)
{
	struct container *k = get(context, id);

	if (!k)
		return;
	k->listed = true;
	containers_tell(k, names);
}

static void read_storage(struct containers *c, const char *path)
{
	char *text;
	ssize_t length = file_read(&text, path, STORAGE_MAX);

	if (length < 0)
		return;
	runtime_storage(text, (size_t)length, tell, c);
	free(text);
}

static void read_links(struct containers *c, const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	struct container_names names;
	char id[CGROUP_ID_SIZE];

	for (unsigned i = 0; folder && i < LINKS_MAX && (entry = readdir(folder)); i++)
		if (runtime_link(id, &names, entry->d_name))
			tell(c, id, &names);
	if (folder)
		closedir(folder);
}

static void read_lists(struct containers *c)
{
	struct file_stamp stamp;
	char path[PATH_MAX];

	for (size_t i = 0; i < LIST_COUNT; i++) {
		snprintf(path, sizeof(path), "%s%s", c->root, lists[i].path);
		file_stamp(&stamp, path);
		if (!file_stamp_same(&c->stamps[i], &stamp) && stamp.inode)
			lists[i].read(c, path);
		c->stamps[i] = stamp;
	}
}

/* -- files of one container -- */

/* True if this is the file, also if it says nothing new. */
static bool look_at(const struct containers *c, struct container *k, const struct source *s,
		    const char *space)
{
	struct container_names names;
	struct file_stamp stamp;
	char path[PATH_MAX], *text;
	ssize_t length;
	bool found;

	snprintf(path, sizeof(path), "%s%s/%s/%s/%s", c->root, s->folder, space, k->id, s->file);
	file_stamp(&stamp, path);
	if (!stamp.inode || file_stamp_same(&k->stamp, &stamp))
		return stamp.inode;
	length = file_read(&text, path, FILE_MAX);
	if (length < 0)
		return false;
	found = s->read(&names, text, (size_t)length);
	free(text);
	if (found) {
		k->stamp = stamp;
		containers_tell(k, &names);
	}
	return found;
}

static bool look_in_spaces(const struct containers *c, struct container *k, const struct source *s)
{
	const struct dirent *entry;
	char path[PATH_MAX];
	bool found = false;
	DIR *folder;

	snprintf(path, sizeof(path), "%s%s", c->root, s->folder);
	folder = opendir(path);
	for (unsigned i = 0; folder && i < SPACES_MAX && !found && (entry = readdir(folder)); i++)
		found = *entry->d_name != '.' && look_at(c, k, s, entry->d_name);
	if (folder)
		closedir(folder);
	return found;
}

/* What has no name is looked at sooner: a runtime may write it after the container has begun. */
static void look(struct containers *c, struct container *k)
{
	bool found = false;

	c->looks++;
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources) && !found; i++)
		found = sources[i].spaces ? look_in_spaces(c, k, &sources[i])
					  : look_at(c, k, &sources[i], ".");
	k->pause = 2 * k->pause + 1;
	if (container_known(&k->names) || k->pause > c->pause)
		k->pause = c->pause;
	k->due = c->tick + k->pause;
}

/* A list tells of itself when it has changed. */
static bool is_due(const struct containers *c, const struct container *k)
{
	return !k->listed && (!k->pause || (int32_t)(c->tick - k->due) >= 0);
}

/* At most half of what a tick allows: the other half is for what is new. */
static void look_again(struct containers *c)
{
	const unsigned first = c->first;

	for (unsigned i = 0; i < BUCKETS && c->looks < LOOKS_MAX / 2; i++) {
		c->first = (first + i) % BUCKETS;
		for (struct container *k = c->buckets[c->first]; k; k = k->next)
			if (k->holders && is_due(c, k))
				look(c, k);
	}
}

/* -- what others call -- */

int containers_open(struct containers **out, const char *host_root, unsigned pause)
{
	size_t length = folder_length(host_root);
	struct containers *c;

	c = calloc(1, sizeof(*c) + length + 1);
	if (!c)
		return -ENOMEM;
	memcpy(c->root, host_root, length);
	c->pause = pause ? pause : 1;
	*out = c;
	return 0;
}

void containers_close(struct containers *c)
{
	for (unsigned i = 0; c && i < BUCKETS; i++)
		for (struct container *k = c->buckets[i], *next; k; k = next) {
			next = k->next;
			free(k);
		}
	free(c);
}

void containers_begin(struct containers *c)
{
	c->tick++;
	c->looks = 0;
	if (!c->asked)
		return;
	if (c->count == CONTAINERS_MAX)
		shed(c);
	read_lists(c);
	look_again(c);
}

struct container *containers_find(struct containers *c, const char *id)
{
	struct container *k;

	if (!c->asked)
		read_lists(c);
	c->asked = true;
	k = get(c, id);
	if (k && is_due(c, k) && c->looks < LOOKS_MAX)
		look(c, k);
	return k;
}
