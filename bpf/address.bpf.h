/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Both ends of a connection: addresses, ports, and the scope that follows from them. */
#ifndef EBPF_TCP_ADDRESS_BPF_H
#define EBPF_TCP_ADDRESS_BPF_H

#include "maps.bpf.h"

static __always_inline bool is_inet6(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6 &&
	       bpf_core_field_exists(sk->__sk_common.skc_v6_daddr);
}

/* An IPv4 address as IPv6 has it. */
static __always_inline void mapped(__be32 out[4], __be32 address)
{
	out[0] = out[1] = 0;
	out[2] = bpf_htonl(0xffff);
	out[3] = address;
}

static __always_inline void remote_address(__be32 out[4], struct sock *sk)
{
	if (is_inet6(sk))
		bpf_core_read(out, 16, &sk->__sk_common.skc_v6_daddr);
	else
		mapped(out, BPF_CORE_READ(sk, __sk_common.skc_daddr));
}

static __always_inline void local_address(__be32 out[4], struct sock *sk)
{
	if (is_inet6(sk))
		bpf_core_read(out, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	else
		mapped(out, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
}

__noinline int scope_of4(__be32 address)
{
	__u32 a = bpf_ntohl(address);

	if (a >> 24 == 127)
		return TCP_SCOPE_LOOPBACK;
	if (a >> 24 == 10 || a >> 20 == (172 << 4 | 1) || a >> 16 == (192 << 8 | 168) ||
	    a >> 22 == (100 << 2 | 1) || a >> 16 == (169 << 8 | 254))
		return TCP_SCOPE_PRIVATE;
	return TCP_SCOPE_PUBLIC;
}

/* Of both addresses, each in two halves. */
__noinline int scope_of_halves(__u64 remote1, __u64 remote2, __u64 local1, __u64 local2)
{
	const __u64 halves[2] = {remote1, remote2};
	const __be32 *remote = (const __be32 *)halves;
	__u32 first = bpf_ntohl(remote[0]);

	if (remote1 == local1 && remote2 == local2)
		return TCP_SCOPE_LOOPBACK;
	if (remote1)
		return first >> 25 == 0xfc >> 1 || first >> 22 == 0xfe80 >> 6 ? TCP_SCOPE_PRIVATE
									      : TCP_SCOPE_PUBLIC;
	if (remote[2] == bpf_htonl(0xffff))
		return scope_of4(remote[3]);
	return !remote[2] && remote[3] == bpf_htonl(1) ? TCP_SCOPE_LOOPBACK : TCP_SCOPE_PUBLIC;
}

static __always_inline __u32 scope_of(const __be32 remote[4], const __be32 local[4])
{
	__u64 r[2], l[2];

	__builtin_memcpy(r, remote, sizeof(r));
	__builtin_memcpy(l, local, sizeof(l));
	return scope_of_halves(r[0], r[1], l[0], l[1]);
}

static __always_inline bool has_port(const volatile __u64 *ports, __u16 port)
{
	return ports[port >> 6] >> (port & 63) & 1;
}

__noinline int class_of(__u32 scope, __u32 here, __u32 there)
{
	if (scope < TCP_SCOPE_COUNT && knobs.scopes[scope] &&
	    (any_port || has_port(knobs.local_ports, here) || has_port(knobs.remote_ports, there)))
		return scope;
	return scope | CLASS_EXCLUDED;
}

/* A socket that was closed has given its port back, but still knows it. */
static __always_inline __u16 local_port(struct sock *sk)
{
	__be16 port = BPF_CORE_READ((struct inet_sock *)sk, inet_sport);

	return port ? bpf_ntohs(port) : BPF_CORE_READ(sk, __sk_common.skc_num);
}

static __always_inline __u16 remote_port(struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

/* The socket as a number: a function that takes no pointers is verified once, not for each call. */
static __always_inline __u64 number_of(struct sock *sk)
{
	__u64 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &sk);
	return number;
}

/* Known for good once the socket has both its ends. */
__noinline int socket_class(__u64 number)
{
	struct sock *sk = (struct sock *)number;
	__u16 here = local_port(sk), there = remote_port(sk);
	__be32 remote[4], local[4];
	__u32 class;

	remote_address(remote, sk);
	local_address(local, sk);
	class = class_of(scope_of(remote, local), here, there);
	return here && there ? class | CLASS_KNOWN : class;
}

static __always_inline __u32 classify(struct sock *sk, struct socket_state *s)
{
	__u32 class = socket_class(number_of(sk));

	if (class & CLASS_KNOWN)
		s->class = class;
	return class;
}

#endif
