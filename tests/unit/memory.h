/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The allocator that tests are linked with: it counts, and it fails on demand (see fragment.mk). */
#ifndef EBPF_TCP_MEMORY_H
#define EBPF_TCP_MEMORY_H

/* Blocks that the code under test holds. */
long memory_live(void);

/* The n-th allocation from now on fails, and all later ones; 0: none fails. */
void memory_fail_at(unsigned n);

/* Each allocation fails once in `n` times, by a fixed sequence; 0: none fails. */
void memory_fail_often(unsigned n);

#endif
