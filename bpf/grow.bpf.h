/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* How the absolute counters of a socket have grown since the last look. What arrives here is exact.
 */
#ifndef EBPF_TCP_GROW_BPF_H
#define EBPF_TCP_GROW_BPF_H

#include "account.bpf.h"
#include "sequence.bpf.h"

/* Growth that is not positive leaves things as they are: somebody else has counted further. */
static __always_inline __u64 growth_of(__u64 before, __u64 now)
{
	if ((__s64)(now - before) <= 0)
		return 0;
	if (now - before <= GROWTH_MAX)
		return now - before;
	add(self.lost_deltas, 1);
	return 0;
}

/* Moves a count up to `now`. False if somebody beats us to it, who takes what we saw, or more. */
static __always_inline bool claim(__u64 *grown, __u64 *count, __u64 before, __u64 now, int look)
{
	*grown = growth_of(before, now);
	if (!*grown)
		return true;
	if (!(look & RACING)) {
		*count = now;
		return true;
	}
	if (__sync_val_compare_and_swap(count, before, now) == before)
		return true;
	*grown = 0;
	return false;
}

/* In these states a socket carries data. In CLOSE it may have been destroyed already. */
static __always_inline bool carries_data(int state)
{
	return state != BPF_TCP_CLOSE && state != BPF_TCP_LISTEN && state != BPF_TCP_SYN_SENT;
}

/* Without the lock: closing moves write_seq, and its event has counted all. */
static __always_inline bool may_send(int state)
{
	return carries_data(state) && !fin_queued(state);
}

/* Returns as claim(). `most`: see full_look_inline(). */
static __always_inline bool claim_tx(__u64 *grown, struct sock *sk, struct tcp_sock *tp,
				     struct socket_state *s, int state, int look, __u32 most)
{
	__u64 before = s->tx_bytes, now;

	if (look & MPTCP)
		now = mptcp_sent(sk, state);
	else if (look & LOCKLESS)
		now = before + beyond(before, s->tx_origin, tp->write_seq);
	else
		now = sent(tp, s, state, look);
	if (most && s->flags & MANY && (__s64)(now - before) > most)
		now = before + most;
	if (look & LOCKLESS && !may_send(READ(look, sk, __sk_common.skc_state)))
		return true; /* a FIN or a disconnect may have moved write_seq meanwhile */
	return claim(grown, &s->tx_bytes, before, now, look);
}

/* No loop: clang may let its end fall through to its beginning, which 6.1 refuses. */
static __always_inline __u64 grow_tx(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				     int state, int look, __u32 most)
{
	__u64 grown = 0;

	if (!claim_tx(&grown, sk, tp, s, state, look, most) &&
	    !claim_tx(&grown, sk, tp, s, state, look, most))
		claim_tx(&grown, sk, tp, s, state, look, most);
	return grown;
}

static __always_inline __u64 grow_rx(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				     int state, int look)
{
	__u64 before = s->rx_bytes, grown;

	if (look & MPTCP)
		claim(&grown, &s->rx_bytes, before, mptcp_received(sk, state), look);
	else
		claim(&grown, &s->rx_bytes, before, received(sk, tp, look), look & ~RACING);
	return grown;
}

__noinline int ends_credit(__u64 ends, __u64 tx, __u64 rx)
{
	const struct growth grown = {tx, rx};

	if ((__u32)ends)
		bytes_add(bytes_at((__u32)ends), &grown);
	if (client_of(ends))
		bytes_add(bytes_at(client_of(ends)), &grown);
	return 0;
}

static __always_inline void credit(struct account *a, const struct growth *grown)
{
	bytes_add(bytes_at(a->number), grown);
	if (a->ends)
		ends_credit(a->ends, grown->tx, grown->rx);
	if (!knobs.by_scope || a->scope >= TCP_SCOPE_COUNT)
		return;
	if (grown->tx)
		count(a, scope_tx_bytes[a->scope], grown->tx);
	if (grown->rx)
		count(a, scope_rx_bytes[a->scope], grown->rx);
}

/*
 * Brings a socket up to date: has it grown? In a state change, what is queued for sending stands as
 * the state `before` left it, and what was received as the one `now` has it; else both are the
 * same.
 */
static __always_inline void grow(struct growth *out, struct sock *sk, struct tcp_sock *tp,
				 struct socket_state *s, int before, int now, int look, __u32 most)
{
	*out = (struct growth){};
	if (before == BPF_TCP_SYN_SENT || before == BPF_TCP_LISTEN)
		return;
	if (!(look & (LOCKLESS | MPTCP)) && !(s->flags & ORIGIN) && before != BPF_TCP_CLOSE)
		origins_set(tp, s, look);
	if (!(look & (OWNER | FINAL)) && !s->owner.row)
		return;
	/* tcp_disconnect() moves write_seq: once closed, nothing can be said about sent bytes */
	if (look & TX && before != BPF_TCP_CLOSE)
		out->tx = forget(grow_tx(sk, tp, s, before, look, most));
	if (look & RX)
		out->rx = forget(grow_rx(sk, tp, s, now, look));
}

static __always_inline bool has_grown(const struct growth *grown)
{
	return grown->tx || grown->rx;
}

#endif
