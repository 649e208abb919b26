/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Set "traced_": raw tracepoints with types, of fentry and rawtp. */
#ifndef EBPF_TCP_TRACED_BPF_H
#define EBPF_TCP_TRACED_BPF_H

#include "change.bpf.h"

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(traced_receive, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_data(sk, tp, RX | OWNER | TASK_ONLY); /* kTLS receives in softirqs too */
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(traced_destroy, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_destroy(sk, tp, RX | FINAL);
	return 0;
}

/* Its twin: see first_twin(). What is gone already is not found again. */
SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(traced_destroy_again, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_destroy(sk, tp, RX | FINAL);
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

#endif
