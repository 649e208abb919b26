/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Events: connects that the user wants to be told of one by one, and nothing else. */
#ifndef EBPF_TCP_EVENT_BPF_H
#define EBPF_TCP_EVENT_BPF_H

#include "account.bpf.h"

/* `to` is where it should have gone, if the socket does not know. */
static __noinline void event_add(struct sock *sk, struct owner *o, const struct tcp_endpoint *to,
				 __u32 outcome, __u64 took_ns)
{
	struct tcp_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		add(self.lost_events, 1);
		return;
	}
	event->start_ns = o->start_ns;
	event->took_ns = took_ns;
	event->pid = o->pid;
	event->row = o->row;
	event->outcome = outcome;
	__builtin_memcpy(event->comm, o->comm, TCP_COMM_LEN);
	__builtin_memset(event->local, 0, sizeof(event->local));
	event->local_port = 0;
	if (to) {
		__builtin_memcpy(event->remote, to->address, sizeof(event->remote));
		event->remote_port = to->port;
	} else {
		remote_address((__be32 *)event->remote, sk);
		local_address((__be32 *)event->local, sk);
		event->local_port = local_port(sk);
		event->remote_port = remote_port(sk);
	}
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void on_slow(struct sock *sk, struct socket_state *s,
				    const struct account *a, __u64 took_ns)
{
	if (knobs.slow_connect_ns && took_ns >= knobs.slow_connect_ns && a->number == s->owner.row)
		event_add(sk, &s->owner, NULL, TCP_REASON_COUNT, took_ns);
}

/* What is excluded counts in another row than its owner's. */
static __always_inline void on_failure(struct sock *sk, struct socket_state *s,
				       const struct account *a, const struct tcp_endpoint *to,
				       enum tcp_reason reason, __u64 took_ns)
{
	if (knobs.failures && a->number == s->owner.row)
		event_add(sk, &s->owner, to, reason, took_ns);
}

#endif
