/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Set "rawtp_", since 6.3: sock_send_length fires after the lock was released. */
#ifndef EBPF_TCP_RAWTP_BPF_H
#define EBPF_TCP_RAWTP_BPF_H

#include "data.bpf.h"

SEC("tp_btf/sock_send_length")
int BPF_PROG(rawtp_send, struct sock *sk, int ret)
{
	struct tcp_sock *tp;

	if (ret <= 0 || sk->sk_type != SOCK_STREAM)
		return 0;
	if (is_mptcp(sk->sk_protocol)) {
		on_data(sk, NULL, TX | OWNER | LOCKLESS | RACING | MPTCP);
	} else if (sk->sk_protocol == IPPROTO_TCP) {
		tp = bpf_skc_to_tcp_sock(sk);
		if (tp)
			on_data_at_most(sk, tp, TX | OWNER | LOCKLESS | RACING, ret);
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
		on_data(sk, tp, TX | OWNER | RACING);
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
		update(sk, tp, s, state, state, TX | LOCKLESS | RACING, 0);
	return 0;
}

#endif
