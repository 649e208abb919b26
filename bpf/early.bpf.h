/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Connects that fail before there is a SYN, or are not permitted: no change of state tells of them.
 */
#ifndef EBPF_TCP_EARLY_BPF_H
#define EBPF_TCP_EARLY_BPF_H

#include "connect.bpf.h"

/* ::ffff:a.b.c.d goes through both functions: the inner one tells. */
static __always_inline bool is_mapped(const struct tcp_endpoint *to)
{
	const __be32 *words = (const __be32 *)to->address;

	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff);
}

/* Where a connect shall go, from its struct sockaddr_in or sockaddr_in6. Returns the family. */
static __always_inline int destination(struct tcp_endpoint *out, const void *address)
{
	struct inet_address head = {};

	bpf_probe_read_kernel(&head, sizeof(head), address);
	out->port = bpf_ntohs(head.port);
	out->kind = TCP_ENDPOINT_DESTINATION;
	if (head.family == AF_INET6)
		bpf_probe_read_kernel(out->address, sizeof(out->address), address + SIN6_ADDR);
	else
		mapped((__be32 *)out->address, head.ip);
	return head.family;
}

/*
 * A connect call has failed. Either before the socket got to SYN_SENT: no change of state tells of
 * that, and the socket knows nothing. Or later (`begun`), and then it is a connect whatever the
 * error.
 */
static __always_inline void on_connect_error(struct tcp_endpoint *to, int error, bool begun)
{
	/* Asked once: 6.1 takes a second look at the error for dead code. */
	enum tcp_reason reason = reason_of(error);
	struct socket_state nobody = {.flags = ACTIVE};
	const __be32 local[4] = {};
	struct account a;

	if (!begun && reason != TCP_REASON_UNREACHABLE && reason != TCP_REASON_DENIED)
		return;
	own(NULL, &nobody);
	nobody.class =
		class_of(scope_of((const __be32 *)to->address, local), 0, to->port) | CLASS_KNOWN;
	if (knobs.by_destination && owner_wants(&nobody.owner, TCP_ENDPOINT_DESTINATION))
		nobody.endpoint = endpoint_place(&nobody.owner, to->address,
						 TCP_ENDPOINT_DESTINATION, to->port);
	account_open(&a, NULL, &nobody);
	failure_add(NULL, &nobody, &a, to, reason, 0);
}

/* Has the connect that just returned got to SYN_SENT, and is not counted yet? Ends that state. */
static __always_inline bool take_untold(struct sock *sk)
{
	struct socket_state *s = state_get(sk);

	if (!s || !(s->flags & UNTOLD))
		return false;
	s->flags &= ~(CONNECTING | UNTOLD);
	s->since_ns = 0;
	return true;
}

/* The protocol's connect function returns. */
static __always_inline void on_connect_return(struct sock *sk, const void *address, int ret)
{
	bool begun = take_untold(sk);
	struct tcp_endpoint to = {};

	if (destination(&to, address) == AF_INET || !is_mapped(&to) || begun)
		on_connect_error(&to, -ret, begun);
}

/* Where the socket is asked to connect to; false if that is not TCP, or nowhere. */
static __always_inline bool tcp_destination(struct tcp_endpoint *out, struct sock *sk,
					    const void *address)
{
	int family;

	if (!sk || !protocol_of(sk, false))
		return false;
	family = destination(out, address);
	return family == AF_INET || family == AF_INET6;
}

/* A security module, or a program of the cgroup, has looked at a connect. */
static __always_inline void on_connect_permit(struct sock *sk, const void *address, int ret)
{
	struct tcp_endpoint to = {};

	if (tcp_destination(&to, sk, address))
		on_connect_error(&to, -ret, false);
}

/*
 * Where tasks are preempted, one may rest for long in the midst of a program, which all others that
 * get there on its CPU skip. So what nothing else tells of has twins too: the first to run leaves a
 * note for the second of its thread, which then has nothing to do. Of a function's fexit programs
 * the one attached last runs first.
 */
static __always_inline void done_once(void)
{
	__u64 thread = bpf_get_current_pid_tgid();
	const struct connecting note = {};

	bpf_map_update_elem(&connecting, &thread, &note, BPF_ANY);
}

static __always_inline bool is_done(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	return !bpf_map_delete_elem(&connecting, &thread);
}

/* For return probes, which have no arguments: what the thread connects, and where to. */
static __always_inline void connecting_set(struct sock *sk, const struct tcp_endpoint *to)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct connecting now = {.sk = (__u64)sk, .to = *to};
	struct connecting *known = bpf_map_lookup_elem(&connecting, &thread);

	if (known)
		*known = now; /* costs less than an update */
	else
		bpf_map_update_elem(&connecting, &thread, &now, BPF_ANY);
}

static __always_inline void on_permit_enter(struct sock *sk, const void *address)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct tcp_endpoint to = {};

	if (tcp_destination(&to, sk, address))
		connecting_set(sk, &to);
	else
		bpf_map_delete_elem(&connecting, &thread);
}

static __always_inline void on_connect_enter(struct sock *sk, const void *address)
{
	struct tcp_endpoint to = {};

	if (destination(&to, address) == AF_INET || !is_mapped(&to))
		connecting_set(sk, &to);
}

/* `called` is the protocol's connect function, and not who permits that. */
static __always_inline void on_connect_leave(int ret, bool called)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct connecting *found, it;

	if (ret >= 0) /* the thread's next connect takes the place */
		return;
	found = bpf_map_lookup_elem(&connecting, &thread);
	if (!found)
		return;
	it = *found;
	bpf_map_delete_elem(&connecting, &thread);
	on_connect_error(&it.to, -ret, called && take_untold((struct sock *)it.sk));
}

/*
 * The SYN leaves now. With a deferred Fast Open that is long after the application's connect, and
 * in a send that returns only when the connection stands: what it sends tells too late.
 */
static __always_inline void on_syn(struct sock *sk)
{
	struct socket_state *s = state_get(sk);

	if (s && s->flags & CONNECTING)
		s->since_ns = bpf_ktime_get_ns();
}

#endif
