/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The host: what its kernel is, and what this process may do and see there. */
#ifndef EBPF_TCP_HOST_H
#define EBPF_TCP_HOST_H

#include <stdbool.h>

#define HOST_BTF "/sys/kernel/btf/vmlinux"

struct host {
	char kernel[65]; /* its release */
	bool has_btf;    /* the kernel, of itself */
	bool locked_down;
	bool lacks_bpf;      /* CAP_BPF */
	bool lacks_perfmon;  /* CAP_PERFMON */
	bool user_namespace; /* of its own: its capabilities do not count for BPF */
	bool filtered;       /* its system calls are, by seccomp */
	int bpf_error;       /* what a filter answers to bpf(), as an errno; 0: there is none */
	int perf_error;      /* the same of perf_event_open() */
	bool memory_limited; /* RLIMIT_MEMLOCK */
	unsigned long long files_max; /* RLIMIT_NOFILE */
};

void host_read(struct host *out);

/* Is the release ("6.1.0-13-amd64") of a kernel before that version? */
bool host_older_than(const char *release, unsigned major, unsigned minor);

/* What a /proc shows of the processes that the kernel half tells of. */
enum host_view {
	HOST_SEEN,
	HOST_NOT_PROC, /* it is no /proc */
	HOST_OWN_PIDS, /* only those of a PID namespace of our own, by other PIDs */
	HOST_OWN_TIME, /* they have started at other times, as our time namespace has it */
};

/* In doubt HOST_SEEN. */
enum host_view host_view(const char *proc_root);

#endif
