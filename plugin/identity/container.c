/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdio.h>
#include <string.h>

#include "base/span.h"
#include "identity/container.h"

#define PUT(field, span) container_part(field, sizeof(field), (span).at, (span).length)

const char *const *container_choices(void)
{
	static const char *const names[] = {
		[CONTAINER_BY_NAME] = "name",
		[CONTAINER_BY_POD] = "pod",
		[CONTAINER_BY_ID] = "id",
		NULL,
	};

	return names;
}

void container_part(char *out, size_t size, const char *text, size_t length)
{
	if (length >= size)
		length = size - 1;
	if (length)
		memcpy(out, text, length);
	out[length] = '\0';
	while ((out = strchr(out, '/')))
		*out = '_';
}

/* Names in Kubernetes have no `_`. The sandbox of a pod is called "POD". */
static bool parse_kubernetes(struct container_names *out, struct span name)
{
	struct span parts[6];
	size_t count = 0;

	while (name.length && count < sizeof(parts) / sizeof(*parts))
		parts[count++] = span_cut(&name, '_');
	if (name.length || count < 6 || !span_is(parts[0], "k8s") || !parts[2].length)
		return false;
	if (!span_is(parts[1], "POD"))
		PUT(out->container, parts[1]);
	PUT(out->pod, parts[2]);
	PUT(out->namespace, parts[3]);
	return true;
}

bool container_parse(struct container_names *out, const char *name)
{
	*out = (struct container_names){0};
	name += *name == '/';
	if (!parse_kubernetes(out, span_of(name)))
		PUT(out->container, span_of(name));
	return *name;
}

bool container_known(const struct container_names *n)
{
	return *n->container || *n->pod;
}

static void join(char *out, size_t size, const char *first, const char *second, const char *third)
{
	snprintf(out, size, "%s/%s%s%s", first, second, *third ? "/" : "", third);
}

void container_full(char *out, size_t size, const struct container_names *n)
{
	if (!*n->pod && *n->project)
		join(out, size, n->project, n->service, n->container);
	else
		container_name(out, size, n, CONTAINER_BY_NAME);
}

void container_name(char *out, size_t size, const struct container_names *n, enum container_by by)
{
	if (*n->pod)
		join(out, size, n->namespace, n->pod, by == CONTAINER_BY_POD ? "" : n->container);
	else
		snprintf(out, size, "%s", n->container);
}
