/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Ranks: who has the first claim to a place in a table whose places are few. */
#ifndef EBPF_TCP_RANK_H
#define EBPF_TCP_RANK_H

#include <stdint.h>

#include "tcp.h"

struct member;

/* How much was done: bytes, and so many more for every connection. 0: nothing at all. */
uint64_t rank_activity(const struct tcp_counters *c);

/* A tick ends: what was done in it counts, and what was done before counts half as much. */
void rank_tick(struct member *m);

/* The order of two `struct member *`, for qsort(): the first claim comes first. */
int rank_compare(const void *left, const void *right);

#endif
