/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The kernel may skip a program: a self-test that was not counted once does not end a backend, one
 * that is never counted does.
 *
 *     selftest_unseen BACKEND
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kernel_name.h"
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

static bool run(const char *backend, unsigned count, bool want)
{
	struct probe_options options = {.backend = (char *)backend,
					.max_processes = 1024,
					.max_sockets = 1024,
					.knobs.scopes = {true, true, true}};
	char why[1024] = "";
	struct probe *probe;
	int err;

	unseen = count;
	err = probe_open(&probe, why, sizeof(why), &options);
	if (!err)
		probe_close(probe);
	if (err ? !want && strstr(why, "saw nothing") : want) {
		printf("ok %s %s self-test, unseen %u times\n", kernel_name(), backend, count);
		return true;
	}
	printf("FAIL %s %s self-test, unseen %u times: %s\n", kernel_name(), backend, count,
	       err ? why : "the backend is taken");
	return false;
}

int main(int argc, char **argv)
{
	bool good;

	if (argc != 2)
		return 2;
	good = run(argv[1], 1, true);
	good &= run(argv[1], ALWAYS, false);
	return good ? 0 : 1;
}
