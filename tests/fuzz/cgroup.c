/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What the kernel and the configuration say about cgroups and endpoints, as any bytes at all. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "identity/cgroup.h"

#define OUT_SIZE 512 /* of which `size` may be used */
#define UNTOUCHED 0x55

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* A text of at least one byte (with room for it), and nothing beyond `size`. */
static void require_text(const char *out, size_t size)
{
	require(strnlen(out, size) < size && (*out || size == 1));
	for (size_t i = size; i < OUT_SIZE; i++)
		require(out[i] == UNTOUCHED);
}

static void try_path(const char *text, size_t size)
{
	char out[OUT_SIZE], line[OUT_SIZE + 8], again[OUT_SIZE];

	memset(out, UNTOUCHED, sizeof(out));
	if (!cgroup_path(out, size, text))
		return;
	require_text(out, size);
	require(out[0] == '/' && (!out[1] || out[strlen(out) - 1] != '/') && !strchr(out, '\n'));
	if (strlen(out) + 10 >= size) /* it may have lost its end */
		return;
	snprintf(line, sizeof(line), "0::%s", out);
	require(cgroup_path(again, sizeof(again), line) && strcmp(again, out) == 0);
}

static void try_names(const char *path, size_t size)
{
	char out[OUT_SIZE], full[OUT_SIZE];

	memset(out, UNTOUCHED, sizeof(out));
	cgroup_unit(out, size, path);
	require_text(out, size);
	memset(out, UNTOUCHED, sizeof(out));
	cgroup_container(out, size, path);
	require_text(out, size);
	cgroup_container(full, sizeof(full), path);
	require(strncmp(out, full, strlen(out)) == 0);
}

static void try_text(const char *text, size_t size)
{
	char path[CGROUP_PATH_SIZE];

	try_path(text, size);
	try_names(text, size);
	if (cgroup_path(path, sizeof(path), text))
		try_names(path, size);
}

static void try_subnet(const char *text, size_t size)
{
	static const uint8_t zero[16];
	char out[OUT_SIZE];
	struct subnet s;

	memset(out, UNTOUCHED, sizeof(out));
	endpoint_name(out, size, zero, 443, NULL, 0);
	require_text(out, size);
	if (subnet_parse(&s, "office", text))
		return;
	require(s.prefix <= 128 && strcmp(s.name, "office") == 0);
	endpoint_name(out, sizeof(out), s.address, 443, &s, 1); /* its first address is in it */
	require(strcmp(out, "office:443") == 0);
	s.name[0] = '\0'; /* then it is named by its address */
	endpoint_name(out, sizeof(out), s.address, 443, &s, 1);
	require(*out && *out != ':');
	subnet_free(&s);
}

static void try_ports(const char *text)
{
	uint64_t ports[PORT_WORDS] = {0}, any = 0;
	int err = ports_parse(ports, text);

	for (size_t i = 0; i < PORT_WORDS; i++)
		any |= ports[i];
	require(err ? !any : any && !(ports[0] & 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = calloc(
		1, size); /* its end in its last byte, so that the sanitizer sees a step beyond */
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	try_text(text, 1 + data[0]);
	try_subnet(text, 1 + data[0]);
	if (size < 32) /* else it would read /etc/services all the time */
		try_ports(text);
	free(text);
	return 0;
}
