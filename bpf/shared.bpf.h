/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Set "shared_": changes of state, while other triggers may look without the lock. */
#ifndef EBPF_TCP_SHARED_BPF_H
#define EBPF_TCP_SHARED_BPF_H

#include "change.bpf.h"

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(shared_state, struct sock *sk, int old, int now)
{
	if (first_twin_needed(sk, old, now))
		on_stream_state(sk, old, now, TX | RX | RACING);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(shared_state_again, struct sock *sk, int old, int now)
{
	if (second_twin_needed(sk, old, now))
		on_stream_state(sk, old, now, TX | RX | RACING);
	return 0;
}

#endif
