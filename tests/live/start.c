/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * What it takes to start: how often the programs are loaded, how many instructions of each the
 * kernel follows to verify it, and, in a guest whose clock counts them, how many it executes.
 *
 *     start BACKEND...
 *
 * Each of them starts with default options, and with all. The programs of one load shall do, each
 * with so much room below the kernel's limit of 1,000,000 that the next option cannot end it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/libbpf.h>

#include "kernel_name.h"
#include "probe/probe.h"

#define VERIFIED_MAX 100000
#define LOG_STATS 4
#define LOG_SIZE 16384
#define PROGRAMS_MAX 96

static struct {
	const char *kernel;
	const char *backend;
	const char *options;
	unsigned loads;
	unsigned most; /* instructions that one program took */
	char most_name[64];
	char logs[PROGRAMS_MAX][LOG_SIZE]; /* of the programs of this load */
	bool failed;
} test;

int __real_bpf_object__load_skeleton(struct bpf_object_skeleton *s);
int __wrap_bpf_object__load_skeleton(struct bpf_object_skeleton *s);

static void tell(const struct bpf_program *program, const char *log)
{
	const char *line = strstr(log, "processed ");
	unsigned count;

	if (!line || sscanf(line, "processed %u insns", &count) != 1)
		return;
	printf("verified %s %s %s %s %u\n", test.kernel, test.backend, test.options,
	       bpf_program__name(program), count);
	if (count <= test.most)
		return;
	test.most = count;
	snprintf(test.most_name, sizeof(test.most_name), "%s", bpf_program__name(program));
}

/* The linker puts it between the loader and libbpf: all kernels write a statistic into the log. */
int __wrap_bpf_object__load_skeleton(struct bpf_object_skeleton *s)
{
	struct bpf_program *program;
	unsigned i = 0;
	int err;

	memset(test.logs, 0, sizeof(test.logs));
	bpf_object__for_each_program(program, *s->obj) {
		if (!bpf_program__autoload(program) || i == PROGRAMS_MAX)
			continue;
		bpf_program__set_log_level(program, LOG_STATS);
		bpf_program__set_log_buf(program, test.logs[i++], LOG_SIZE);
	}
	err = __real_bpf_object__load_skeleton(s);
	test.loads++;
	i = 0;
	bpf_object__for_each_program(program, *s->obj)
		if (bpf_program__autoload(program) && i < PROGRAMS_MAX)
			tell(program, test.logs[i++]);
	return err;
}

/* What this process took of the processor: instructions, in a guest of tests/kernels/run -1. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void start(const struct probe_options *options)
{
	uint64_t begin = cpu_ns();
	struct probe *probe;
	char why[512];
	bool good;

	test.loads = test.most = 0;
	if (probe_open(&probe, why, sizeof(why), options)) {
		printf("FAIL %s %s start with %s options: %s\n", test.kernel, test.backend,
		       test.options, why);
		test.failed = true;
		return;
	}
	printf("cost start_%s_%s %llu\n", test.backend, test.options,
	       (unsigned long long)(cpu_ns() - begin));
	good = test.loads == 1 && test.most && test.most <= VERIFIED_MAX;
	test.failed |= !good;
	printf("%s %s %s start with %s options: %u loads, at most %u instructions verified (%s); "
	       "%s\n",
	       good ? "ok" : "FAIL", test.kernel, test.backend, test.options, test.loads, test.most,
	       test.most_name, probe_summary(probe));
	probe_close(probe);
}

static void start_both(char *backend)
{
	struct probe_options options = {
		.backend = backend,
		.max_processes = 16384,
		.max_sockets = 65536,
		.max_endpoints = 4096,
		.knobs.scopes = {true, true, true},
	};

	test.backend = backend;
	test.options = "default";
	start(&options);
	test.options = "all";
	options.knobs.lifetimes = options.knobs.health = options.knobs.listeners =
		options.knobs.responses = options.knobs.states = options.knobs.failures = true;
	options.knobs.hostnames = options.knobs.cgroups = true;
	options.knobs.by_scope = options.knobs.by_destination = options.knobs.by_port = true;
	options.knobs.by_client = true;
	options.knobs.slow_connect_ns = 1;
	options.knobs.scopes[TCP_SCOPE_PRIVATE] = false;
	options.knobs.local_ports[7] = options.knobs.remote_ports[11] = 1;
	start(&options);
}

int main(int argc, char **argv)
{
	test.kernel = kernel_name();
	for (int i = 1; i < argc; i++)
		start_both(argv[i]);
	return test.failed;
}
