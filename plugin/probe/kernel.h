/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * What the running kernel can do, found out for little: by its BTF, and by programs of a few
 * instructions, really loaded and attached. So nothing large is loaded in vain.
 */
#ifndef EBPF_TCP_KERNEL_H
#define EBPF_TCP_KERNEL_H

#include <stdbool.h>

struct kernel;

/* What programs may make use of. */
enum kernel_use {
	KERNEL_TRAMPOLINE = 1 << 0,   /* fentry and fexit: x86-64, arm64 since 6.0 */
	KERNEL_SOCK_STORAGE = 1 << 1, /* 5.11: tracing programs may use sk_storage */
	KERNEL_EXCHANGE = 1 << 2,     /* 5.12: compare-and-swap */
	KERNEL_KPROBE = 1 << 3,
	KERNEL_FPROBE = 1 << 4, /* 5.18, if the kernel has CONFIG_FPROBE */
};

/* NULL: no memory. */
struct kernel *kernel_open(void);

/* NULL is allowed. */
void kernel_close(struct kernel *k);

/* 0 if all of `uses` work; else -errno, and which does not in `out`. Each is tried but once. */
int kernel_can(const char **out, struct kernel *k, unsigned uses);

/* 0 if a program of this section may be loaded; else -errno. Of kprobes only attaching tells: 0. */
int kernel_hook(const struct kernel *k, const char *section);

bool kernel_has_member(const struct kernel *k, const char *structure, const char *member);

#endif
