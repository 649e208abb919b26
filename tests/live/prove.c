/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The kernel may skip a program: a self-test that was not counted once does not end a backend, one
 * that is never counted does.
 *
 *     prove BACKEND
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "probe/probe.h"
#include "probe/selftest.h"

#define ALWAYS 1000

static unsigned unseen; /* so many self-tests move nothing, as if nobody had seen it */

int __real_selftest_open(struct selftest *out);
int __wrap_selftest_open(struct selftest *out);

/* The linker puts it between the loader and its self-test. */
int __wrap_selftest_open(struct selftest *out)
{
	if (!unseen)
		return __real_selftest_open(out);
	unseen--;
	*out = (struct selftest){-1, -1, -1};
	return 0;
}

static bool run(const char *kernel, const char *backend, unsigned count, bool want)
{
	struct probe_options options = {.backend = (char *)backend,
					.max_processes = 1024,
					.max_sockets = 1024,
					.scopes = {true, true, true}};
	char why[1024] = "";
	struct probe *probe;
	int err;

	unseen = count;
	err = probe_open(&probe, why, sizeof(why), &options);
	if (!err)
		probe_close(probe);
	if (err ? !want && strstr(why, "saw nothing") : want) {
		printf("ok %s %s self-test, unseen %u times\n", kernel, backend, count);
		return true;
	}
	printf("FAIL %s %s self-test, unseen %u times: %s\n", kernel, backend, count,
	       err ? why : "the backend is taken");
	return false;
}

int main(int argc, char **argv)
{
	static struct utsname name;
	const char *kernel = getenv("KERNEL_NAME");
	bool good;

	if (argc != 2)
		return 2;
	uname(&name);
	name.release[strcspn(name.release, "-")] = '\0';
	kernel = kernel ? kernel : name.release;
	good = run(kernel, argv[1], 1, true);
	good &= run(kernel, argv[1], ALWAYS, false);
	return good ? 0 : 1;
}
