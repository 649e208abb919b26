/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Set "always_": what every backend has: iterators, run by the loader, and control groups. */
#ifndef EBPF_TCP_ALWAYS_BPF_H
#define EBPF_TCP_ALWAYS_BPF_H

#include "older.bpf.h"

SEC("raw_tp/cgroup_mkdir")
int always_cgroup(struct bpf_raw_tracepoint_args *ctx)
{
	on_cgroup((struct cgroup *)ctx->args[0], (const char *)ctx->args[1]);
	return 0;
}

/* Run at every tick, if asked for: what waits for an accept. */
SEC("iter/bpf_map_elem")
int always_listeners(struct bpf_iter__bpf_map_elem *ctx)
{
	struct listener *listener = ctx->value;
	__u64 *key = ctx->key;

	if (key && listener)
		listener_tell(ctx->meta->seq, (struct sock *)*key, listener);
	return 0;
}

/*
 * In its place, where the kernel refuses that: the listening sockets of this network namespace.
 * They come first; at the first connection, 1 ends the reading with -EAGAIN.
 */
SEC("iter/tcp")
int always_listening(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct listener *listener;
	__u64 key = (__u64)common;

	if (!common)
		return 0;
	if (common->skc_state != BPF_TCP_LISTEN)
		return 1;
	listener = bpf_map_lookup_elem(&listeners, &key);
	if (listener)
		listener_tell(ctx->meta->seq, (struct sock *)common, listener);
	return 0;
}

static __always_inline struct sock *sock_of(struct file *file)
{
	struct socket *socket;

	if (sock_storage) { /* needs a pointer that the verifier knows; the helper is of 5.11 too */
		socket = bpf_sock_from_file(file);
		return socket ? socket->sk : NULL;
	}
	socket = file->private_data;
	return socket ? BPF_CORE_READ(socket, sk) : NULL;
}

/* Those that processes hold, in every network namespace. */
SEC("iter/task_file")
int always_baseline(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct sock *sk;

	if (!task || !file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	sk = sock_of(file);
	if (sk && protocol_of(sk, false))
		on_older(sk, task);
	return 0;
}

/* Those that nobody holds (the kernel's own, or under way between processes), in this one. */
SEC("iter/tcp")
int always_unheld(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct tcp_sock *tp = common ? bpf_skc_to_tcp_sock(common) : NULL;

	if (tp)
		on_older((struct sock *)tp, NULL);
	return 0;
}

#endif
