/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"

#define PER_BUCKET 4

struct name {
	struct name *next; /* of the same bucket */
	uint32_t holders;
	char text[];
};

struct names {
	unsigned bucket_count;
	struct name *buckets[];
};

/* FNV-1a */
uint32_t name_hash(uint32_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619U;
	return hash;
}

static struct name **bucket_of(struct names *n, const char *text)
{
	return &n->buckets[name_hash(NAME_HASH, text) % n->bucket_count];
}

int names_open(struct names **out, unsigned expected)
{
	unsigned count = expected / PER_BUCKET + 1;
	struct names *n = calloc(1, sizeof(*n) + count * sizeof(struct name *));

	if (!n)
		return -ENOMEM;
	n->bucket_count = count;
	*out = n;
	return 0;
}

void names_close(struct names *n)
{
	struct name *next;

	for (unsigned i = 0; n && i < n->bucket_count; i++)
		for (struct name *at = n->buckets[i]; at; at = next) {
			next = at->next;
			free(at);
		}
	free(n);
}

const char *names_get(struct names *n, const char *text)
{
	struct name **bucket = bucket_of(n, text), *name = *bucket;
	size_t size = strlen(text) + 1;

	while (name && strcmp(name->text, text) != 0)
		name = name->next;
	if (!name) {
		name = calloc(1, offsetof(struct name, text) + size);
		if (!name)
			return NULL;
		memcpy(name->text, text, size);
		name->next = *bucket;
		*bucket = name;
	}
	name->holders++;
	return name->text;
}

void names_put(struct names *n, const char *text)
{
	struct name **at, *name;

	if (!text)
		return;
	for (at = bucket_of(n, text); *at && (*at)->text != text; at = &(*at)->next)
		;
	name = *at;
	if (!name || --name->holders)
		return;
	*at = name->next;
	free(name);
}
