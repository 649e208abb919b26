/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Runs the programs that the kernel can run by itself (BPF_PROG_TEST_RUN: raw tracepoints, 5.10)
 * with arguments that are no sockets and no tasks: they must return 0 and leave every table as it
 * was.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tcp.h"
#include "tcp.skel.h"

static bool is_raw(const struct bpf_program *program)
{
	return bpf_program__type(program) == BPF_PROG_TYPE_RAW_TRACEPOINT;
}

static struct tcp *load(void)
{
	struct tcp *skeleton = tcp__open();
	struct bpf_program *program;

	if (!skeleton)
		return NULL;
	bpf_object__for_each_program(program, skeleton->obj)
		bpf_program__set_autoload(program, is_raw(program));
	bpf_map__set_autocreate(skeleton->maps.storage, false);
	if (!tcp__load(skeleton))
		return skeleton;
	tcp__destroy(skeleton);
	return NULL;
}

static bool untouched(const struct tcp *skeleton)
{
	static const struct tcp_self nothing;
	struct tcp_process_key key;
	__u64 address;

	return memcmp(&skeleton->bss->self, &nothing, sizeof(nothing)) == 0 &&
	       bpf_map_get_next_key(bpf_map__fd(skeleton->maps.processes), NULL, &key) == -ENOENT &&
	       bpf_map_get_next_key(bpf_map__fd(skeleton->maps.sockets), NULL, &address) == -ENOENT;
}

static bool run(const struct tcp *skeleton, const struct bpf_program *program)
{
	__u64 arguments[3] = {0, BPF_TCP_CLOSE, BPF_TCP_SYN_SENT};
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = arguments,
		    .ctx_size_in = sizeof(arguments));
	int err = bpf_prog_test_run_opts(bpf_program__fd(program), &options);
	bool good = !err && options.retval == 0 && untouched(skeleton);

	if (good)
		printf("ok test run of %s\n", bpf_program__name(program));
	else
		printf("FAIL test run of %s: error %d, returned %u, tables %s\n",
		       bpf_program__name(program), err, options.retval,
		       untouched(skeleton) ? "as before" : "changed");
	return good;
}

int main(void)
{
	struct tcp *skeleton = load();
	struct bpf_program *program;
	bool good = true;

	if (!skeleton) {
		printf("FAIL test run: cannot load\n");
		return 1;
	}
	bpf_object__for_each_program(program, skeleton->obj)
		if (is_raw(program))
			good &= run(skeleton, program);
	tcp__destroy(skeleton);
	return good ? 0 : 1;
}
