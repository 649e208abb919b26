/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * What is added to rows.
 *
 * Functions that are not static have but numbers as arguments: the verifier looks at each of them
 * once in a program, and not again on every path to a call. All kernels let it (5.6).
 */
#ifndef EBPF_TCP_ROW_BPF_H
#define EBPF_TCP_ROW_BPF_H

#include "process.bpf.h"

/* Rows by number: the verifier follows all that comes after a pointer in two ways, NULL and not. */
struct account {
	__u32 number;
	__u32 scope;
	__u64 ends; /* rows of its endpoint and, << 32, of its client; TCP_ROW_NONE: it has none */
};

/* What an application has moved. */
struct growth {
	__u64 tx, rx;
};

static __always_inline __u32 client_of(__u64 ends)
{
	return ends >> 32;
}

/* Where a row's bytes are added up for this processor. */
static __always_inline __u32 bytes_at(__u32 number)
{
	return (bpf_get_smp_processor_id() & shard_mask) * row_count + number;
}

static __always_inline void bytes_add(__u32 at, const struct growth *grown)
{
	struct tcp_bytes *sum = bpf_map_lookup_elem(&bytes, &at);

	if (!sum)
		return;
	if (grown->tx)
		add(sum->tx, grown->tx);
	if (grown->rx)
		add(sum->rx, grown->rx);
}

static __always_inline void row_add(__u32 number, __u32 counter, __u64 n)
{
	struct tcp_row *row = row_at(number);

	barrier_var(counter);
	if (row && counter < TCP_COUNTERS)
		add(((__u64 *)&row->counters)[counter], n);
}

__noinline int rows_add(__u32 number, __u64 ends, __u32 counter, __u64 n)
{
	row_add(number, counter, n);
	if (!ends)
		return 0;
	if ((__u32)ends)
		row_add((__u32)ends, counter, n);
	if (client_of(ends))
		row_add(client_of(ends), counter, n);
	return 0;
}

#define COUNTER(name) (__builtin_offsetof(struct tcp_counters, name) / sizeof(__u64))

/* In all rows of the account. */
#define count(account, counter, n) rows_add((account)->number, (account)->ends, COUNTER(counter), n)

#endif
