// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Ways to count a byte, each of them done very often by one BPF_PROG_TEST_RUN (raw tracepoints may
 * not be repeated: hence the loop, 5.17). The first is the loop alone. Without a socket there is no
 * socket's state: what the plugin does before it has the number of a row is not among them.
 */
#include "maps.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define UNROLLED 16 /* mitigations in the kernel make a round of the loop dear */
#define LOOPS (iterations / UNROLLED)

const volatile __u32 iterations = 1 << 16;

__u32 number = TCP_ROW_FIRST; /* of the process's row */
__u64 counter = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32); /* pid */
	__type(value, struct tcp_bytes);
} by_pid SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct tcp_bytes);
} by_processor SEC(".maps");

/* Does what follows, the body of a function, so many times. Where it is not 0, it has failed. */
#define BODY(name)                                                                                 \
	static __always_inline long name##_once(void);                                             \
	static long name##_often(__u32 i, void *context)                                           \
	{                                                                                          \
		_Pragma("unroll") for (int k = 0; k < UNROLLED; k++) if (name##_once()) return 1;  \
		return 0;                                                                          \
	}                                                                                          \
	SEC("raw_tp") int name(void *ctx)                                                          \
	{                                                                                          \
		return bpf_loop(LOOPS, name##_often, NULL, 0) != LOOPS;                            \
	}                                                                                          \
	static __always_inline long name##_once(void)

BODY(empty)
{
	return 0;
}

BODY(global_counter)
{
	add(counter, 1);
	return 0;
}

/* What one processor adds, all others must fetch. */
BODY(one_row)
{
	struct tcp_row *row = bpf_map_lookup_elem(&rows, &number);

	if (!row)
		return 1;
	add(row->counters.tx_bytes, 1);
	return 0;
}

BODY(sharded_row)
{
	__u32 at = (bpf_get_smp_processor_id() & shard_mask) * row_count + number;
	struct tcp_bytes *sum = bpf_map_lookup_elem(&bytes, &at);

	if (!sum)
		return 1;
	add(sum->tx, 1);
	return 0;
}

/* Processors that share a shard, at work for processes that are neighbours: each has its own sum.
 */
BODY(neighbours)
{
	__u32 at = bpf_get_smp_processor_id() + 4; /* four sums are a cache line */
	struct tcp_bytes *sum = bpf_map_lookup_elem(&bytes, &at);

	if (!sum)
		return 1;
	add(sum->tx, 1);
	return 0;
}

/* ...and for one process. */
BODY(one_shard)
{
	struct tcp_bytes *sum = bpf_map_lookup_elem(&bytes, &number);

	if (!sum)
		return 1;
	add(sum->tx, 1);
	return 0;
}

/* The classic recipe. */
BODY(hash_by_pid)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct tcp_bytes *sum = bpf_map_lookup_elem(&by_pid, &pid), first = {.tx = 1};

	if (!sum)
		return bpf_map_update_elem(&by_pid, &pid, &first, BPF_NOEXIST) != 0;
	add(sum->tx, 1);
	return 0;
}

BODY(per_cpu_array)
{
	struct tcp_bytes *sum = bpf_map_lookup_elem(&by_processor, &number);

	if (!sum)
		return 1;
	sum->tx++;
	return 0;
}
