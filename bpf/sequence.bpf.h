/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * From sequence numbers to bytes: how much the application has sent and received since the
 * connection began, for TCP and for MPTCP.
 */
#ifndef EBPF_TCP_SEQUENCE_BPF_H
#define EBPF_TCP_SEQUENCE_BPF_H

#include "maps.bpf.h"

/* Once the FIN is queued it has taken a sequence number too. */
static __always_inline bool fin_queued(int state)
{
	const __u32 states = 1 << BPF_TCP_FIN_WAIT1 | 1 << BPF_TCP_FIN_WAIT2 |
			     1 << BPF_TCP_CLOSING | 1 << BPF_TCP_LAST_ACK | 1 << BPF_TCP_TIME_WAIT;

	return states >> state & 1;
}

/* Sequence numbers taken since the connection began. */
static __always_inline __u64 taken(struct tcp_sock *tp, int look)
{
	__u32 una = READ(look, tp, snd_una);

	return READ(look, tp, bytes_acked) + (__u32)(READ(look, tp, write_seq) - una);
}

/* Bytes accepted from the application since then: without SYN and FIN. */
static __always_inline __u64 sent(struct tcp_sock *tp, const struct socket_state *s, int state,
				  int look)
{
	__u32 syn = !!(s->flags & ACTIVE);

	return taken(tp, look) - syn - fin_queued(state);
}

/* Where both directions begin: then one number each tells what has moved since. */
static __always_inline void origins_set(struct tcp_sock *tp, struct socket_state *s, int look)
{
	__u32 syn = !!(s->flags & ACTIVE);

	s->tx_origin = READ(look, tp, snd_una) - (__u32)READ(look, tp, bytes_acked) + syn;
	s->rx_origin = READ(look, tp, rcv_nxt) - (__u32)READ(look, tp, bytes_received);
	s->flags |= ORIGIN;
}

/*
 * Did the connection begin with a SYN of ours? Told by whether it is among what sent() counts: what
 * was sent of the payload, and what still waits, has none.
 */
static __always_inline bool is_active(struct tcp_sock *tp, int state, int look)
{
	__u32 end = READ(look, tp, write_seq);
	__u64 payload = READ(look, tp, bytes_sent) - READ(look, tp, bytes_retrans) +
			(__u32)(end - READ(look, tp, snd_nxt));
	__u64 all = READ(look, tp, bytes_acked) + (__u32)(end - READ(look, tp, snd_una));

	return all - payload - fin_queued(state) == 1;
}

/* By how much a count has grown to reach a sequence number; negative: it is ahead. */
static __always_inline __s32 beyond(__u64 before, __u32 origin, __u32 sequence)
{
	return (__s32)(sequence - (origin + (__u32)before));
}

/* The peer's FIN counts as received, and is consumed after the last byte. */
static __always_inline bool fin_consumed(struct sock *sk, __u32 next, __u32 copied, int look)
{
	return next == copied && READ(look, sk, __sk_common.skc_flags) & SOCK_DONE_BIT;
}

/* Bytes that the application has consumed. */
static __always_inline __u64 received(struct sock *sk, struct tcp_sock *tp, int look)
{
	__u32 next = READ(look, tp, rcv_nxt), copied = READ(look, tp, copied_seq);
	__u64 bytes = READ(look, tp, bytes_received) - (__u32)(next - copied);

	return bytes - fin_consumed(sk, next, copied, look);
}

/* -- the same for MPTCP: 64-bit sequence numbers that start anywhere -- */

static __always_inline __u64 mptcp_sent(struct sock *sk, int state)
{
	return BPF_CORE_READ((struct mptcp_sock *)sk, write_seq) - fin_queued(state);
}

static __always_inline struct sk_buff *queue_first(struct sk_buff_head *queue)
{
	struct sk_buff *first = BPF_CORE_READ(queue, next);

	return first == (struct sk_buff *)queue ? NULL : first;
}

/* Before 6.11: the sequence number of the next byte to read. Needs the lock. */
static __always_inline __u64 mptcp_position(struct sock *sk, int state)
{
	const __u32 fin_received = 1 << BPF_TCP_CLOSE_WAIT | 1 << BPF_TCP_LAST_ACK |
				   1 << BPF_TCP_CLOSING | 1 << BPF_TCP_CLOSE;
	struct mptcp_sock *msk = (struct mptcp_sock *)sk;
	struct sk_buff *skb = NULL;
	struct mptcp_skb_cb *cb;

	if (bpf_core_field_exists(msk->receive_queue))
		skb = queue_first(&msk->receive_queue);
	if (!skb)
		skb = queue_first(&sk->sk_receive_queue);
	if (!skb)
		return BPF_CORE_READ(msk, ack_seq) - (fin_received >> state & 1);
	cb = (struct mptcp_skb_cb *)&skb->cb;
	return BPF_CORE_READ(cb, map_seq); /* moves on as the skb is read */
}

static __always_inline __u64 mptcp_received(struct sock *sk, int state)
{
	struct mptcp_sock *msk = (struct mptcp_sock *)sk;

	if (bpf_core_field_exists(msk->bytes_consumed))
		return BPF_CORE_READ(msk, bytes_consumed);
	return mptcp_position(sk, state);
}

/* The counts with which a socket begins whose birth was not seen: the best that it can say. */
static __always_inline void mptcp_begin(struct sock *sk, struct socket_state *s, int state)
{
	struct mptcp_sock *msk = (struct mptcp_sock *)sk;
	bool told = bpf_core_field_exists(msk->bytes_acked) && baseline_done;

	mptcp_seen = true;
	s->tx_bytes = mptcp_sent(sk, state);
	s->rx_bytes = mptcp_received(sk, state);
	if (told)
		s->tx_bytes = BPF_CORE_READ(msk, snd_una) - BPF_CORE_READ(msk, bytes_acked);
	if (bpf_core_field_exists(msk->bytes_consumed) && baseline_done)
		s->rx_bytes = 0;
}

#endif
