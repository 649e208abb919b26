/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Set "kprobe_": all of its backend. Nothing here needs BTF in the kernel: a file will do. */
#ifndef EBPF_TCP_KPROBE_BPF_H
#define EBPF_TCP_KPROBE_BPF_H

#include "change.bpf.h"
#include "early.bpf.h"
#include "twin.bpf.h"

SEC("kprobe/release_sock")
int BPF_KPROBE(kprobe_release, struct sock *sk)
{
	struct socket_state *s = state_get(sk);
	int protocol;

	if (s && fast_look(sk, (struct tcp_sock *)sk, s, TX | RX | BY_HELPER))
		return 0;
	protocol = protocol_of(sk, s != NULL);
	if (protocol == IPPROTO_TCP)
		full_look(sk, (struct tcp_sock *)sk, s, TX | RX | OWNER | BY_HELPER, 0);
	else if (is_mptcp(protocol))
		full_look(sk, NULL, s, TX | RX | OWNER | BY_HELPER | MPTCP, 0);
	return 0;
}

SEC("kprobe/tcp_connect")
int BPF_KPROBE(kprobe_syn, struct sock *sk)
{
	on_syn(sk);
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
		health_update(sk, (struct tcp_sock *)sk, s, BY_HELPER);
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
static __always_inline void on_raw_state(struct sock *sk, int old, int now)
{
	int protocol = protocol_of(sk, true);

	if (protocol == IPPROTO_TCP)
		on_state(sk, (struct tcp_sock *)sk, old, now, TX | RX | BY_HELPER);
	else if (is_mptcp(protocol))
		on_mptcp_state(sk, old, now, TX | RX | BY_HELPER);
}

SEC("raw_tp/inet_sock_set_state")
int kprobe_state(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];

	if (first_twin_needed(sk, ctx->args[1], ctx->args[2]))
		on_raw_state(sk, ctx->args[1], ctx->args[2]);
	return 0;
}

SEC("raw_tp/inet_sock_set_state")
int kprobe_state_again(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];

	if (second_twin_needed(sk, ctx->args[1], ctx->args[2]))
		on_raw_state(sk, ctx->args[1], ctx->args[2]);
	return 0;
}

SEC("raw_tp/tcp_destroy_sock")
int kprobe_destroy(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];

	on_destroy(sk, (struct tcp_sock *)sk, RX | FINAL | BY_HELPER);
	return 0;
}

SEC("raw_tp/tcp_destroy_sock")
int kprobe_destroy_again(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];

	on_destroy(sk, (struct tcp_sock *)sk, RX | FINAL | BY_HELPER);
	return 0;
}

SEC("raw_tp/task_rename")
int kprobe_rename(struct bpf_raw_tracepoint_args *ctx)
{
	on_rename((struct task_struct *)ctx->args[0], (const char *)ctx->args[1], BY_HELPER);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int kprobe_exit(struct bpf_raw_tracepoint_args *ctx)
{
	on_exit((struct task_struct *)ctx->args[0], BY_HELPER);
	return 0;
}

#endif
