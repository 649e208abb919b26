/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* A /proc of its own for a test, in a temporary folder. */
#ifndef EBPF_TCP_PROC_H
#define EBPF_TCP_PROC_H

#include <stdbool.h>
#include <stdint.h>

#define PROC_TICK_NS UINT64_C(10000000) /* the kernel's USER_HZ is 100 */

/* NULL: it has no such file. */
struct proc {
	uint32_t pid, parent, uid;
	uint64_t start_ticks;
	const char *comm;    /* stat and status */
	const char *cmdline; /* '|' stands for a NUL */
	const char *cgroup;  /* the text of that file */
	const char *exe;     /* where the link leads to */
	bool ended;          /* its first thread has, and nobody has asked for it yet */
	uint32_t thread;     /* another one, 0: there is none */
};

/* Makes the folder, and leaves the program if it cannot. */
void proc_open(void);
void proc_close(void);

const char *proc_folder(void);

/* The path of a file in it: valid until the fourth call from now. */
const char *proc_path(const char *file);

/* Writes a file; NULL takes it away. */
void proc_file(const char *file, const char *text);

/* What is there already is replaced. */
void proc_write(const struct proc *p);
void proc_remove(uint32_t pid);

#endif
