/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The source that is a collectd which runs, by the socket of its plugin unixsock.
 */
#ifndef TCPTOP_UNIXSOCK_H
#define TCPTOP_UNIXSOCK_H

#include <stddef.h>

#include "source.h"

/* `host`: of those that it knows; NULL: the only one. NULL if it has failed: the reason is in
 * `problem`. */
struct source *unixsock_open(const char *path, const char *host, char *problem, size_t size);

#endif
