/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What runtimes write about containers, as any bytes at all. */

#include <stdlib.h>
#include <string.h>

#include "identity/runtime.h"

#define ID "0123abcd4567ef0123456789abcdef0123456789abcdef0123456789abcdef01"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* There is a name, and slashes are only where they part names. */
static void require_names(const struct container_names *n)
{
	char full[CONTAINER_FULL_SIZE];
	unsigned slashes = 0;

	require(*n->container || *n->pod);
	container_full(full, sizeof(full), n);
	for (const char *at = full; (at = strchr(at, '/')); at++)
		slashes++;
	require(slashes <= 2 && (slashes || !*n->pod));
	container_name(full, sizeof(full), n, CONTAINER_BY_POD);
	require(*full);
}

static void tell(void *context, const char *id, const struct container_names *names)
{
	(void)context;
	require(strlen(id) == CGROUP_ID_SIZE - 1 && strspn(id, "0123456789abcdef") == strlen(id));
	require_names(names);
}

static void try_files(const char *text, size_t length)
{
	struct container_names names;

	if (runtime_docker(&names, text, length))
		require_names(&names);
	if (runtime_oci(&names, text, length))
		require_names(&names);
	runtime_storage(text, length, tell, NULL);
}

static void try_lines(const char *text)
{
	struct container_names names;
	char id[CGROUP_ID_SIZE];

	if (runtime_link(id, &names, text))
		tell(NULL, id, &names);
	if (runtime_conmon(&names, ID, text))
		require_names(&names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	try_files((const char *)data, size); /* a step beyond is seen by the sanitizer */
	try_lines(text);
	free(text);
	return 0;
}
