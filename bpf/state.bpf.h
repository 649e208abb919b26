/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The state of a socket: in the socket itself, or in a table. */
#ifndef EBPF_TCP_STATE_BPF_H
#define EBPF_TCP_STATE_BPF_H

#include "maps.bpf.h"

/* The table of sockets: of all of them, or of those that got no storage. */
static __always_inline struct socket_state *tabled_get(struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&sockets, &key);
}

static __always_inline struct socket_state *state_get(struct sock *sk)
{
	struct socket_state *s;

	if (__builtin_expect(!sock_storage, false))
		return tabled_get(sk);
	s = bpf_sk_storage_get(&storage, sk, 0, 0);
	if (__builtin_expect(s || !tabled, true))
		return s;
	return tabled_get(sk);
}

static __always_inline struct socket_state *tabled_add(struct sock *sk,
						       struct socket_state *initial)
{
	__u64 key = (__u64)sk;

	if (!bpf_map_update_elem(&sockets, &key, initial, BPF_NOEXIST))
		add(tabled, 1);
	return bpf_map_lookup_elem(&sockets, &key);
}

/*
 * Storage counts against net.core.optmem_max, which a user may lower in a namespace, or use up by
 * options of the socket. That ends nobody's account: then the table has the state.
 */
static __noinline struct socket_state *storage_refused(struct sock *sk,
						       struct socket_state *initial)
{
	struct socket_state *s = bpf_sk_storage_get(&storage, sk, 0, 0);

	return s ? s : tabled_add(sk, initial); /* another CPU was faster */
}

/* The state is complete before anybody else can see it. */
static __always_inline struct socket_state *state_add(struct sock *sk, struct socket_state *initial)
{
	struct socket_state *s;

	if (sock_storage) {
		s = bpf_sk_storage_get(&storage, sk, initial, BPF_SK_STORAGE_GET_F_CREATE);
		if (!s)
			s = storage_refused(sk, initial);
	} else {
		s = tabled_add(sk, initial);
	}
	if (s)
		add(self.sockets_added, 1);
	else
		add(self.lost_sockets, 1);
	return s;
}

/* A socket that begins a new life: it may have a state from an earlier one. Out of line for its
 * stack. */
static __noinline struct socket_state *state_reset(struct sock *sk, int flags, int uncounted)
{
	struct socket_state initial = {.flags = flags, .uncounted = uncounted};
	struct socket_state *s = state_get(sk);

	if (!s)
		return state_add(sk, &initial);
	*s = initial;
	return s;
}

/* The kernel frees the storage with the socket, soon and for less than it costs to do it here. */
static __always_inline void state_remove(struct sock *sk, struct socket_state *s)
{
	__u64 key = (__u64)sk;

	add(self.sockets_removed, 1);
	s->flags |= GONE;
	if ((!sock_storage || tabled) && !bpf_map_delete_elem(&sockets, &key))
		add(tabled, -1);
}

#endif
