/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Listening sockets: who listens, how many connections wait, and how many found no room. */
#ifndef EBPF_TCP_LISTEN_BPF_H
#define EBPF_TCP_LISTEN_BPF_H

#include "account.bpf.h"

/* `task` listens (BPF_ANY), or is the first to be found that holds the socket (BPF_NOEXIST). */
static __always_inline void listener_add(struct sock *sk, struct task_struct *task, __u64 flags)
{
	struct listener listener = {.drops = BPF_CORE_READ(sk, sk_drops.counter)};
	__u64 key = (__u64)sk;

	owner_set(&listener.owner, task, BY_HELPER);
	listener.owner.row = TCP_ROW_OTHER; /* it gets a row of its own when it is told of */
	if (bpf_map_update_elem(&listeners, &key, &listener, flags) &&
	    !bpf_map_lookup_elem(&listeners, &key))
		add(self.lost_listeners, 1);
}

/*
 * Accepted connections leave LISTEN too, but not for CLOSE. Out of line: what it leaves on a stack
 * the verifier would tell apart in all that comes after.
 */
static __noinline void on_listen(struct sock *sk, int old, int now)
{
	__u64 key = (__u64)sk;

	if (now == BPF_TCP_LISTEN)
		listener_add(sk, (struct task_struct *)bpf_get_current_task(), BPF_ANY);
	else if (old == BPF_TCP_LISTEN && now == BPF_TCP_CLOSE)
		bpf_map_delete_elem(&listeners, &key);
}

/* A SYN-ACK is sent again: nobody but the listener owns the connection yet. */
static __always_inline void on_synack(struct sock *sk)
{
	struct tcp_row *row = row_at(TCP_ROW_KERNEL);
	__u64 key = (__u64)sk;
	struct listener *listener = bpf_map_lookup_elem(&listeners, &key);

	if (BPF_CORE_READ(sk, __sk_common.skc_state) != BPF_TCP_LISTEN)
		return; /* Fast Open: the connection's own socket has counted it */
	if (listener)
		row = owner_row(&listener->owner);
	if (!row)
		return;
	add(row->counters.segments, 1);
	add(row->counters.retransmits, 1);
}

/* Tells the reader of one. The socket may be gone by now: what is read then is of no interest. */
static __always_inline void listener_tell(struct seq_file *seq, struct sock *sk,
					  struct listener *listener)
{
	__u32 drops = BPF_CORE_READ(sk, sk_drops.counter);
	struct tcp_listener out = {
		.drops = drops - listener->drops,
		.queued = BPF_CORE_READ(sk, sk_ack_backlog),
		.port = BPF_CORE_READ(sk, __sk_common.skc_num),
		.half_open = BPF_CORE_READ((struct inet_connection_sock *)sk,
					   icsk_accept_queue.qlen.counter),
	};
	struct owner o = listener->owner;

	if (BPF_CORE_READ(sk, __sk_common.skc_state) != BPF_TCP_LISTEN)
		return;
	if (owner_row(&o))
		out.row = o.row;
	if (!bpf_seq_write(seq, &out, sizeof(out)))
		listener->drops = drops;
}

#endif
