/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The classic recipe behind the same face as the plugin's probe and snapshot. */
#ifndef CLASSIC_H
#define CLASSIC_H

#include "probe/snapshot.h"

struct classic_reader;

/* Returns 0 or -errno. */
int classic_open(struct classic_reader **out);

/* NULL is allowed. */
void classic_close(struct classic_reader *c);

/* Calls `visit` for every process that did something since the last look. */
void classic_take(struct classic_reader *c, snapshot_visit *visit, void *context);

#endif
