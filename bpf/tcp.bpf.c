// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The kernel half. No hook carries a number: each one only brings a socket up to date, that is,
 * adds the growth of the absolute counters in struct tcp_sock since the last look to the owner's
 * row. A trigger that the kernel skips makes a number late, never wrong.
 *
 * Here are only the hooks. Programs are named <set>_<event>; the loader (plugin/probe.c) composes a
 * backend from sets.
 */
#include "connect.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* -- entries: raw tracepoints with types -- */

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(traced_receive, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_data(sk, tp, RX | OWN | TASK); /* kTLS receives in softirqs too */
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(traced_destroy, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_destroy(sk, tp, RX | LAST);
	return 0;
}

/* Its twin: see first_twin(). What is gone already is not found again. */
SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(traced_destroy_again, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_destroy(sk, tp, RX | LAST);
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(traced_rename, struct task_struct *task, const char *comm)
{
	on_rename(task, comm, 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(traced_exit, struct task_struct *task)
{
	on_exit(task, 0);
	return 0;
}

/* Health: what a socket does while its process does nothing. */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(traced_retransmit, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct socket_state *s = tp ? state_get(sk) : NULL;

	if (s)
		health_update(sk, tp, s, 0);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(traced_synack, struct sock *sk)
{
	on_synack(sk);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(traced_reset_sent, struct sock *sk)
{
	on_reset_sent(sk, sk ? state_get(sk) : NULL);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(traced_reset_received, struct sock *sk)
{
	on_reset_received(sk, state_get(sk));
	return 0;
}

/* For the backends in which every trigger holds the socket's lock. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(locked_state, struct sock *sk, int old, int now)
{
	if (first_twin_needed(sk, old, now))
		on_typed_state(sk, old, now, TX | RX);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(locked_state_again, struct sock *sk, int old, int now)
{
	if (second_twin_needed(sk, old, now))
		on_typed_state(sk, old, now, TX | RX);
	return 0;
}

/* -- entries: fentry -- */

SEC("fexit/tcp_sendmsg_locked")
int BPF_PROG(fentry_send, struct sock *sk)
{
	on_typed_data(sk, TX | OWN | LOCKED);
	return 0;
}

/* Before 6.5: sendfile and splice do not pass tcp_sendmsg_locked. */
SEC("fexit/do_tcp_sendpages")
int BPF_PROG(fentry_sendpages, struct sock *sk)
{
	on_typed_data(sk, TX | OWN | LOCKED);
	return 0;
}

/* MPTCP: sends and receives have released the lock by then; 64-bit counters do not mind. */
SEC("fexit/mptcp_sendmsg")
int BPF_PROG(fentry_mptcp_send, struct sock *sk)
{
	on_data(sk, NULL, TX | OWN | UNLOCKED | SHARED | MPTCP);
	return 0;
}

SEC("fexit/mptcp_recvmsg")
int BPF_PROG(fentry_mptcp_receive, struct sock *sk)
{
	on_mptcp_receive(sk);
	return 0;
}

/* Before 6.11, what was received must be read under the lock. */
SEC("fentry/release_sock")
int BPF_PROG(fentry_mptcp_release, struct sock *sk)
{
	if (is_mptcp(sk->sk_protocol))
		on_data(sk, NULL, TX | RX | OWN | SHARED | MPTCP);
	return 0;
}

/* Connects that fail before there is a SYN: no state change tells of them. */
SEC("fexit/tcp_v4_connect")
int BPF_PROG(fentry_connect4, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	if (ret < 0 && !is_done())
		on_connect_return(sk, address, ret);
	return 0;
}

SEC("fexit/tcp_v4_connect")
int BPF_PROG(fentry_connect4_again, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	if (ret < 0) {
		on_connect_return(sk, address, ret);
		done_once();
	}
	return 0;
}

SEC("fexit/tcp_v6_connect")
int BPF_PROG(fentry_connect6, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	if (ret < 0 && !is_done())
		on_connect_return(sk, address, ret);
	return 0;
}

SEC("fexit/tcp_v6_connect")
int BPF_PROG(fentry_connect6_again, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	if (ret < 0) {
		on_connect_return(sk, address, ret);
		done_once();
	}
	return 0;
}

/* Connects that are not permitted: by a security module, or by a program of the cgroup. */
SEC("fexit/security_socket_connect")
int BPF_PROG(fentry_permit, struct socket *socket, struct sockaddr *address, int size, int ret)
{
	if (ret < 0)
		on_connect_permit(socket->sk, address, ret);
	return 0;
}

SEC("fexit/tcp_v4_pre_connect")
int BPF_PROG(fentry_permit4, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	if (ret < 0)
		on_connect_permit(sk, address, ret);
	return 0;
}

SEC("fexit/tcp_v6_pre_connect")
int BPF_PROG(fentry_permit6, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	if (ret < 0)
		on_connect_permit(sk, address, ret);
	return 0;
}

/* A blocked sender: what it has sent so far, at no cost when nobody blocks. */
SEC("fentry/sk_stream_wait_memory")
int BPF_PROG(fentry_wait, struct sock *sk)
{
	on_typed_data(sk, TX | OWN | LOCKED);
	return 0;
}

/* -- entries: kprobe. Nothing here needs BTF in the kernel: a file will do. -- */

SEC("kprobe/release_sock")
int BPF_KPROBE(kprobe_release, struct sock *sk)
{
	struct socket_state *s = state_get(sk);
	int protocol;

	if (s && on_more_data(sk, (struct tcp_sock *)sk, s, TX | RX | LOCKED | PROBE))
		return 0;
	protocol = protocol_of(sk, s != NULL);
	if (protocol == IPPROTO_TCP)
		on_new_data(sk, (struct tcp_sock *)sk, s, TX | RX | OWN | PROBE, 0);
	else if (is_mptcp(protocol))
		on_new_data(sk, NULL, s, TX | RX | OWN | PROBE | MPTCP, 0);
	return 0;
}

SEC("kprobe/tcp_v4_connect")
int BPF_KPROBE(kprobe_connect4_enter, struct sock *sk, void *address)
{
	on_connect_enter(sk, address);
	return 0;
}

SEC("kretprobe/tcp_v4_connect")
int BPF_KRETPROBE(kprobe_connect4, int ret)
{
	on_connect_leave(ret, true);
	return 0;
}

SEC("kprobe/tcp_v6_connect")
int BPF_KPROBE(kprobe_connect6_enter, struct sock *sk, void *address)
{
	on_connect_enter(sk, address);
	return 0;
}

SEC("kretprobe/tcp_v6_connect")
int BPF_KRETPROBE(kprobe_connect6, int ret)
{
	on_connect_leave(ret, true);
	return 0;
}

SEC("kprobe/security_socket_connect")
int BPF_KPROBE(kprobe_permit_enter, struct socket *socket, void *address)
{
	on_permit_enter(BPF_CORE_READ(socket, sk), address);
	return 0;
}

SEC("kretprobe/security_socket_connect")
int BPF_KRETPROBE(kprobe_permit, int ret)
{
	on_connect_leave(ret, false);
	return 0;
}

SEC("kprobe/tcp_v4_pre_connect")
int BPF_KPROBE(kprobe_permit4_enter, struct sock *sk, void *address)
{
	on_permit_enter(sk, address);
	return 0;
}

SEC("kretprobe/tcp_v4_pre_connect")
int BPF_KRETPROBE(kprobe_permit4, int ret)
{
	on_connect_leave(ret, false);
	return 0;
}

SEC("kprobe/tcp_v6_pre_connect")
int BPF_KPROBE(kprobe_permit6_enter, struct sock *sk, void *address)
{
	on_permit_enter(sk, address);
	return 0;
}

SEC("kretprobe/tcp_v6_pre_connect")
int BPF_KRETPROBE(kprobe_permit6, int ret)
{
	on_connect_leave(ret, false);
	return 0;
}

SEC("raw_tp/tcp_retransmit_skb")
int kprobe_retransmit(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];
	struct socket_state *s = state_get(sk);

	if (s)
		health_update(sk, (struct tcp_sock *)sk, s, PROBE);
	return 0;
}

SEC("raw_tp/tcp_retransmit_synack")
int kprobe_synack(struct bpf_raw_tracepoint_args *ctx)
{
	on_synack((struct sock *)ctx->args[0]);
	return 0;
}

SEC("raw_tp/tcp_send_reset")
int kprobe_reset_sent(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];

	on_reset_sent(sk, sk ? state_get(sk) : NULL);
	return 0;
}

SEC("raw_tp/tcp_receive_reset")
int kprobe_reset_received(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];

	on_reset_received(sk, state_get(sk));
	return 0;
}

/* Raw sockets do not pass the tracepoint. */
static __always_inline void on_any_state(struct sock *sk, int old, int now)
{
	int protocol = protocol_of(sk, true);

	if (protocol == IPPROTO_TCP)
		on_state(sk, (struct tcp_sock *)sk, old, now, TX | RX | PROBE);
	else if (is_mptcp(protocol))
		on_mptcp_state(sk, old, now, TX | RX | PROBE);
}

SEC("raw_tp/inet_sock_set_state")
int kprobe_state(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];

	if (first_twin_needed(sk, ctx->args[1], ctx->args[2]))
		on_any_state(sk, ctx->args[1], ctx->args[2]);
	return 0;
}

SEC("raw_tp/inet_sock_set_state")
int kprobe_state_again(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];

	if (second_twin_needed(sk, ctx->args[1], ctx->args[2]))
		on_any_state(sk, ctx->args[1], ctx->args[2]);
	return 0;
}

SEC("raw_tp/tcp_destroy_sock")
int kprobe_destroy(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];

	on_destroy(sk, (struct tcp_sock *)sk, RX | LAST | PROBE);
	return 0;
}

SEC("raw_tp/tcp_destroy_sock")
int kprobe_destroy_again(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];

	on_destroy(sk, (struct tcp_sock *)sk, RX | LAST | PROBE);
	return 0;
}

SEC("raw_tp/task_rename")
int kprobe_rename(struct bpf_raw_tracepoint_args *ctx)
{
	on_rename((struct task_struct *)ctx->args[0], (const char *)ctx->args[1], PROBE);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int kprobe_exit(struct bpf_raw_tracepoint_args *ctx)
{
	on_exit((struct task_struct *)ctx->args[0], PROBE);
	return 0;
}

/* -- entries: rawtp, since 6.3: sock_send_length fires after the lock was released. -- */

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(shared_state, struct sock *sk, int old, int now)
{
	if (first_twin_needed(sk, old, now))
		on_typed_state(sk, old, now, TX | RX | SHARED);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(shared_state_again, struct sock *sk, int old, int now)
{
	if (second_twin_needed(sk, old, now))
		on_typed_state(sk, old, now, TX | RX | SHARED);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(rawtp_send, struct sock *sk, int ret)
{
	struct tcp_sock *tp;

	if (ret <= 0 || sk->sk_type != SOCK_STREAM)
		return 0;
	if (is_mptcp(sk->sk_protocol)) {
		on_data(sk, NULL, TX | OWN | UNLOCKED | SHARED | MPTCP);
	} else if (sk->sk_protocol == IPPROTO_TCP) {
		tp = bpf_skc_to_tcp_sock(sk);
		if (tp)
			on_data_of(sk, tp, TX | OWN | UNLOCKED | SHARED, ret);
	}
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(rawtp_mptcp_receive, struct sock *sk, int ret)
{
	if (ret > 0 && is_mptcp(sk->sk_protocol))
		on_mptcp_receive(sk);
	return 0;
}

/* Since 6.16, in the loop of a send: what it has sent so far, if it will wait for room now. */
SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(rawtp_wait, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp && must_wait(sk, tp) && !has_many(sk))
		on_data(sk, tp, TX | OWN | SHARED);
	return 0;
}

/* Before 6.16 it runs at every tick: what blocked senders have sent so far. */
SEC("iter/bpf_sk_storage_map")
int rawtp_progress(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	struct socket_state *s;
	struct tcp_sock *tp;
	int state;

	tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
	if (!tp || is_subflow(tp, 0))
		return 0;
	state = sk->__sk_common.skc_state;
	s = state_get(sk);
	if (s && (s->flags & (ORIGIN | MANY)) == ORIGIN && may_send(state))
		update(sk, tp, s, state, state, TX | UNLOCKED | SHARED, 0);
	return 0;
}

/* -- entries: rawtp before 6.3: the packet that a send causes, mostly in its own context. -- */

SEC("tp_btf/net_dev_queue")
int BPF_PROG(packet_send, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;

	if (!tp || sk->sk_type != SOCK_STREAM)
		return 0;
	if (sk->sk_lock.owned)
		on_data(sk, tp, TX | OWN);
	else
		on_data(sk, tp, TX);
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
 * They come first; at the first connection the rest is skipped, as the reader takes a second look
 * at the same one for the end.
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

/* -- run once by the loader, for the sockets that are older than the probes -- */

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
