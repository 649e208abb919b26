/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What /proc knows about a process. Texts end with a NUL, and lose their end if they are long. */
#ifndef EBPF_TCP_PROCESS_H
#define EBPF_TCP_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PID_MAX 4194304 /* the kernel's PID_MAX_LIMIT: no host has more processes */

struct process_stat {
	uint32_t parent;      /* pid, 0 if it has none */
	uint64_t start_ticks; /* from boot; with the pid, this tells processes apart */
	bool leader_ended;    /* its first thread has, whose program and arguments /proc shows */
	bool ended;           /* all its threads have ended, but the parent has not asked for it */
};

/* A time since boot in the unit of start_ticks. */
uint64_t process_ticks(uint64_t ns);

/* Returns 0 or -errno; -EINVAL if the file is not as it should be. */
int process_stat(struct process_stat *out, const char *proc_root, uint32_t pid);

/* The number in /proc of a thread that is not the leader of the process; `pid` if there is none. */
uint32_t process_thread(const char *proc_root, uint32_t pid);

/* Does the process that started at start_ns still run, as its stat tells? */
bool process_is(const struct process_stat *stat, uint64_t start_ns);

/* True if nothing has that pid: the cheap half of process_alive(). In doubt false. */
bool process_gone(const char *proc_root, uint32_t pid);

/*
 * False once the process that started at start_ns (nanoseconds since boot) is gone for good: also
 * if its parent has not asked for it yet, or if its pid belongs to another one. In doubt true.
 */
bool process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns);

/* A file of /proc/PID as it is. Returns the length of the text, or -errno. */
ssize_t process_text(char *out, size_t size, const char *proc_root, uint32_t pid, const char *file);

/* The path of the program, also if that is deleted. Returns its length, or -errno. */
ssize_t process_exe(char *out, size_t size, const char *proc_root, uint32_t pid);

/* Its name, as its leader has it now. Returns the length, or -errno. */
ssize_t process_comm(char *out, size_t size, const char *proc_root, uint32_t pid);

/* The command line with blanks for all that is no text. Returns its length (0: it has none), or
 * -errno. */
ssize_t process_cmdline(char *out, size_t size, const char *proc_root, uint32_t pid);

/* The real user. Returns 0 or -errno. */
int process_uid(uint32_t *out, const char *proc_root, uint32_t pid);

#endif
