/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#ifndef KERNEL_NAME_H
#define KERNEL_NAME_H

/* How results call the running kernel: as tests/kernels/run does, or its version. */
const char *kernel_name(void);

#endif
