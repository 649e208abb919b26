/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * To be preloaded, so that a try to load fails on any kernel: bpf(2) refuses programs whose names
 * begin with one of the words in REFUSE.
 */
#define _GNU_SOURCE /* RTLD_NEXT */

#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_refused(const char *program)
{
	const char *word = getenv("REFUSE");

	for (size_t n; word && *word; word += n + strspn(word + n, " ")) {
		n = strcspn(word, " ");
		if (n && strncmp(program, word, n) == 0)
			return true;
	}
	return false;
}

/* libbpf has no other way into the kernel. */
long syscall(long number, ...)
{
	long (*const next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long argument[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		argument[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_bpf && argument[0] == BPF_PROG_LOAD &&
	    is_refused(((const union bpf_attr *)argument[1])->prog_name)) {
		errno = EPERM;
		return -1;
	}
	return next(number, argument[0], argument[1], argument[2], argument[3], argument[4],
		    argument[5]);
}
