/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The source that is a collectd of our own.
 */
#ifndef TCPTOP_PRIVATE_H
#define TCPTOP_PRIVATE_H

#include "daemon.h"
#include "source.h"

/* NULL if it has failed: the reason is in `problem`. */
struct source *private_open(const struct daemon_options *options, char *problem, size_t size);

#endif
