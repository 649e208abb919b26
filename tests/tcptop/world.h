/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Lines that a collectd would send, for the tests of what is made of them.
 */
#ifndef TCPTOP_WORLD_H
#define TCPTOP_WORLD_H

#include "model.h"

/* Of the tick at that time: "GROUP/SERIES VALUE[:VALUE]" each. */
void world_tick(struct model *m, double time, enum reading reading, const char *const *lines);
/* The row of "GROUP/PART"; "GROUP/" is that of the group. NULL: not in the table. */
const struct row *world_row(const struct model *m, const char *name);

#endif
