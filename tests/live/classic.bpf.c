// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The recipe that most tutorials and tools follow, errors included, so that the truth can be held
 * against it (compare -b classic): what tcp_sendmsg returns, what tcp_cleanup_rbuf is told, and the
 * time from tcp_v4_connect to the first packet that the connecting socket gets. Not for use.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "tcp.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct start {
	__u64 ns;
	__u32 pid;
	__u32 zero;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, struct tcp_row);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64); /* the socket's address */
	__type(value, struct start);
} starts SEC(".maps");

static __always_inline __u32 current_pid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

static struct tcp_row blank; /* too large for the stack */

/* Read, add, write back: two CPUs at once and one of them is lost. */
static __always_inline void count(__u32 pid, __u64 tx, __u64 rx, __u64 connects, __u64 connect_ns)
{
	struct tcp_row *row;

	bpf_map_update_elem(&processes, &pid, &blank, BPF_NOEXIST);
	row = bpf_map_lookup_elem(&processes, &pid);
	if (!row)
		return;
	row->pid = pid;
	row->counters.tx_bytes += tx;
	row->counters.rx_bytes += rx;
	row->counters.connects += connects;
	row->counters.times[TCP_TIME_CONNECT] += connects;
	row->counters.time_sum[TCP_TIME_CONNECT] += connect_ns;
	if (pid == current_pid())
		bpf_get_current_comm(row->comm, sizeof(row->comm));
}

static __always_inline void start_add(struct sock *sk)
{
	struct start start = {.ns = bpf_ktime_get_ns(), .pid = current_pid()};
	__u64 key = (__u64)sk;

	bpf_map_update_elem(&starts, &key, &start, BPF_ANY);
}

SEC("kretprobe/tcp_sendmsg")
int BPF_KRETPROBE(classic_send, int ret)
{
	if (ret > 0)
		count(current_pid(), ret, 0, 0, 0);
	return 0;
}

SEC("kprobe/tcp_cleanup_rbuf")
int BPF_KPROBE(classic_receive, struct sock *sk, int copied)
{
	if (copied > 0)
		count(current_pid(), 0, copied, 0, 0);
	return 0;
}

SEC("kprobe/tcp_v4_connect")
int BPF_KPROBE(classic_connect4, struct sock *sk)
{
	start_add(sk);
	return 0;
}

SEC("kprobe/tcp_v6_connect")
int BPF_KPROBE(classic_connect6, struct sock *sk)
{
	start_add(sk);
	return 0;
}

SEC("kprobe/tcp_rcv_state_process")
int BPF_KPROBE(classic_answer, struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct start *start;

	if (BPF_CORE_READ(sk, __sk_common.skc_state) != BPF_TCP_SYN_SENT)
		return 0;
	start = bpf_map_lookup_elem(&starts, &key);
	if (!start)
		return 0;
	count(start->pid, 0, 0, 1, bpf_ktime_get_ns() - start->ns);
	bpf_map_delete_elem(&starts, &key);
	return 0;
}
