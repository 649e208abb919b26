/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What /proc knows about a process. */
#ifndef EBPF_TCP_PROCESS_H
#define EBPF_TCP_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * False once the process that started at start_ns (nanoseconds since boot) is gone for good, also
 * if its pid belongs to another one by now. In doubt true.
 */
bool process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns);

#endif
