/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Runtimes: what each of them writes about its containers, read from its text alone. Texts of
 * others are no error; there is nothing to be learnt from them.
 */
#ifndef EBPF_TCP_RUNTIME_H
#define EBPF_TCP_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

#include "identity/cgroup.h"
#include "identity/container.h"

/* False if the text tells no name; `out` is then undefined. */
typedef bool runtime_read(struct container_names *out, const char *text, size_t length);

/* Docker: containers/ID/config.v2.json. */
runtime_read runtime_docker;

/* The annotations of an OCI config.json: by containerd's CRI, nerdctl and CRI-O. */
runtime_read runtime_oci;

/* Is told of a container; `id` has 64 digits. */
typedef void runtime_tell(void *context, const char *id, const struct container_names *names);

/* Podman and CRI-O: containers.json and volatile-containers.json of containers/storage. */
void runtime_storage(const char *text, size_t length, runtime_tell *tell, void *context);

/* The kubelet's link POD_NAMESPACE_CONTAINER-ID.log. */
bool runtime_link(char id[CGROUP_ID_SIZE], struct container_names *out, const char *file);

/* The command line of the conmon that watches this container. */
bool runtime_conmon(struct container_names *out, const char *id, const char *cmdline);

#endif
