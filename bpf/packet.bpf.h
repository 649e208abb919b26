/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Set "packet_": rawtp before 6.3, by the packet that a send causes, mostly in its own context. */
#ifndef EBPF_TCP_PACKET_BPF_H
#define EBPF_TCP_PACKET_BPF_H

#include "data.bpf.h"

SEC("tp_btf/net_dev_queue")
int BPF_PROG(packet_send, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;

	if (!tp || sk->sk_type != SOCK_STREAM)
		return 0;
	if (sk->sk_lock.owned)
		on_data(sk, tp, TX | OWNER);
	else
		on_data(sk, tp, TX);
	return 0;
}

#endif
