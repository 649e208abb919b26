/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Twins: two programs on the same hook, since the kernel skips one that is running already. */
#ifndef EBPF_TCP_TWIN_BPF_H
#define EBPF_TCP_TWIN_BPF_H

#include "sequence.bpf.h"
#include "state.bpf.h"

/*
 * After its own FIN a socket waits for the peer: between these states nothing of ours happens, but
 * for what tells FIN_WAIT from CLOSING.
 */
static __always_inline bool is_quiet(int old, int now)
{
	return fin_queued(old) && (knobs.states ? now == BPF_TCP_FIN_WAIT2 : fin_queued(now));
}

static __always_inline __u64 states_of(int old, int now)
{
	return (__u32)old << 16 | (__u16)now;
}

/*
 * The kernel skips a program that is running already on the same CPU, for instance below a softirq.
 * So there are twins: the second one does the work if the first has not. Now and then both do it,
 * as when a softirq or a move to another CPU came in between. That changes nothing, but for a
 * birth: it would take the connect that has just begun for one whose end was not seen.
 */
static __always_inline bool first_twin_needed(struct sock *sk, int old, int now)
{
	__u32 zero = 0;
	struct seen_change *seen;

	if (is_quiet(old, now))
		return false;
	seen = bpf_map_lookup_elem(&seen_changes, &zero);
	if (seen)
		*seen = (struct seen_change){(__u64)sk, states_of(old, now)};
	return true;
}

static __always_inline bool second_twin_needed(struct sock *sk, int old, int now)
{
	struct socket_state *s;
	__u32 zero = 0;
	struct seen_change *seen;

	if (is_quiet(old, now))
		return false;
	seen = bpf_map_lookup_elem(&seen_changes, &zero);
	if (seen && seen->sk == (__u64)sk && seen->states == states_of(old, now)) {
		seen->sk = 0;
		return false;
	}
	s = forget(now) == BPF_TCP_SYN_SENT ? state_get(sk) : NULL;
	return forget(!s || !(s->flags & CONNECTING) || s->flags & UNTOLD);
}

#endif
