/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Accounts: in which rows a socket's doings are counted. That of its owner, or TCP_ROW_OTHER if the
 * connection is not among those that the user selected; and that of its endpoint, if asked for.
 */
#ifndef EBPF_TCP_ACCOUNT_BPF_H
#define EBPF_TCP_ACCOUNT_BPF_H

#include "endpoint.bpf.h"
#include "place.bpf.h"
#include "row.bpf.h"

/* The first process to use a socket has accepted it, or connected it unseen. */
static __always_inline void count_first_use(struct account *a, struct socket_state *s, int look)
{
	__u32 what = s->uncounted;

	if (!what)
		return;
	if (!(look & RACING))
		s->uncounted = 0;
	else if (__sync_val_compare_and_swap(&s->uncounted, what, 0) != what)
		return;
	if (what == AN_ACCEPT)
		count(a, accepts, 1);
	else
		count(a, connects, 1);
}

/* `number` is that of its owner's row, 0 if it has none. */
static __always_inline void account_of(struct account *a, struct sock *sk, struct socket_state *s,
				       __u32 number)
{
	__u32 class = s->class;

	a->ends = TCP_ROW_NONE;
	a->number = number ? number : TCP_ROW_KERNEL;
	if ((knobs.by_scope || selective) && !(class & CLASS_KNOWN))
		class = classify(sk, s);
	a->scope = class & CLASS_SCOPE;
	if (selective && class & CLASS_EXCLUDED) {
		a->number = TCP_ROW_OTHER;
	} else if (endpoint_count) {
		struct owner o = s->owner;

		a->ends = forget(socket_ends(sk, s, &o));
	}
	a->number = forget(a->number);
	touch(a->number);
}

/* Whose is it? Of the process that used it last. */
static __always_inline void account_open(struct account *a, struct sock *sk, struct socket_state *s)
{
	owner_row(&s->owner);
	account_of(a, sk, s, s->owner.row);
}

/* Of the running process, which takes the socket over. */
static __always_inline void account_take(struct account *a, struct sock *sk, struct socket_state *s,
					 int look)
{
	account_of(a, sk, s, own(sk, s));
	if (s->process_place)
		places_move(s, a, look);
	count_first_use(a, s, look);
}

#endif
