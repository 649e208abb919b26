/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Names of a container: what its runtime, and who asked the runtime for it, call it. */
#ifndef EBPF_TCP_CONTAINER_H
#define EBPF_TCP_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>

/* "" is what it has not. None has a `/` in it. */
struct container_names {
	char container[256]; /* none: the sandbox of a pod */
	char pod[254];       /* of Kubernetes, whose names of pods have up to 253 bytes */
	char namespace[64];  /* of the pod */
	char project[128];   /* of Docker Compose */
	char service[128];   /* of the project */
};

/* Has anybody told a name? */
bool container_known(const struct container_names *n);

#define CONTAINER_FULL_SIZE (256 + 254 + 128) /* with any slashes and the end */

/* What a container's group is called by. */
enum container_by { CONTAINER_BY_NAME, CONTAINER_BY_POD, CONTAINER_BY_ID };

/* Names that ContainerName may have, in the order of enum container_by; ends with NULL. */
const char *const *container_choices(void);

/* Takes over a text, with `_` for each `/`; NULL is "". */
void container_part(char *out, size_t size, const char *text, size_t length);

/*
 * The names out of one that a runtime gives: "checkout", or
 * "k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT". A slash before it does not count. False if it is
 * empty.
 */
bool container_parse(struct container_names *out, const char *name);

/* "NAMESPACE/POD/CONTAINER", "PROJECT/SERVICE/CONTAINER", or "CONTAINER". */
void container_full(char *out, size_t size, const struct container_names *n);

/* What people call it: "NAMESPACE/POD/CONTAINER", for CONTAINER_BY_POD "NAMESPACE/POD"; else
 * "CONTAINER". */
void container_name(char *out, size_t size, const struct container_names *n, enum container_by by);

#endif
