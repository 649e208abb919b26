/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The floor of what a state for each socket costs: it is made when a connection begins, found at
 * each event, where one field is read, and freed at the end. Nothing is counted.
 */
#ifndef EBPF_TCP_FLOOR_BPF_H
#define EBPF_TCP_FLOOR_BPF_H

#include "state.bpf.h"

/* Of TCP? Then as what the reads want. */
static __always_inline struct tcp_sock *state_tcp(struct sock *sk, int look)
{
	if (!(look & BY_HELPER))
		return bpf_skc_to_tcp_sock(sk);
	return protocol_of(sk, true) == IPPROTO_TCP ? (struct tcp_sock *)sk : NULL;
}

static __always_inline void state_begins(struct sock *sk, int old, int now, int look)
{
	struct socket_state initial = {};

	if ((now == BPF_TCP_SYN_SENT || (old == BPF_TCP_LISTEN && now == BPF_TCP_SYN_RECV)) &&
	    state_tcp(sk, look))
		state_add(sk, &initial);
}

static __always_inline void state_looks(struct sock *sk, int look)
{
	struct tcp_sock *tp = look & BY_HELPER ? (struct tcp_sock *)sk : state_tcp(sk, look);
	struct socket_state *s = tp ? state_get(sk) : NULL;

	if (s)
		s->rx_bytes = READ(look, tp, copied_seq);
}

static __always_inline void state_ends(struct sock *sk)
{
	struct socket_state *s = state_get(sk);

	if (s)
		state_remove(sk, s);
}

#endif
