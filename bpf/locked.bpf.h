/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Set "locked_": changes of state, for the backends in which every trigger holds the socket's lock.
 */
#ifndef EBPF_TCP_LOCKED_BPF_H
#define EBPF_TCP_LOCKED_BPF_H

#include "change.bpf.h"

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(locked_state, struct sock *sk, int old, int now)
{
	if (first_twin_needed(sk, old, now))
		on_stream_state(sk, old, now, TX | RX);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(locked_state_again, struct sock *sk, int old, int now)
{
	if (second_twin_needed(sk, old, now))
		on_stream_state(sk, old, now, TX | RX);
	return 0;
}

#endif
