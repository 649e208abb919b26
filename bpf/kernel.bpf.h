/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The kernel as all parts see it: its constants, and how a trigger may look at a socket. */
#ifndef EBPF_TCP_KERNEL_BPF_H
#define EBPF_TCP_KERNEL_BPF_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "tcp.h"

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_MPTCP 262
#define SOCK_STREAM 1
#define RCV_SHUTDOWN 1
#define SOCK_DEAD_BIT (1UL << 0) /* enum sock_flags: no process holds it any more */
#define SOCK_DONE_BIT (1UL << 1) /* the peer's FIN has arrived */
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define PF_KTHREAD 0x200000
#define SIN6_ADDR 8             /* offset in struct sockaddr_in6 */
#define UTS_HOST 0xeffffffeU    /* inode of the UTS namespace that the host began with */
#define CGROUP_ROOT 1           /* id of the root of every hierarchy */
#define GROWTH_MAX (1ULL << 40) /* bytes; more at once is a bug, not traffic */

enum {
	EPERM = 1,
	ENOENT = 2,
	EACCES = 13,
	EPIPE = 32,
	EADDRNOTAVAIL = 99,
	ENETUNREACH = 101,
	ECONNABORTED = 103,
	ECONNRESET = 104,
	ETIMEDOUT = 110,
	ECONNREFUSED = 111,
	EHOSTUNREACH = 113,
};

/* How struct sockaddr_in begins; and sockaddr_in6, which has something else for `ip`. */
struct inet_address {
	__u16 family;
	__be16 port;
	__be32 ip;
};

/*
 * How a trigger may look at a socket, and what it promises. Always a constant, so that what does
 * not apply is compiled away.
 */
enum look {
	TX = 1 << 0,
	RX = 1 << 1,
	OWNER = 1 << 2,     /* the running process works on the socket: growth is its own */
	FINAL = 1 << 3,     /* the last look: what nobody owns is the kernel's */
	LOCKLESS = 1 << 4,  /* nobody holds the socket's lock: only write_seq can be trusted */
	RACING = 1 << 5,    /* a LOCKLESS look may run beside it: claim by compare-and-swap */
	BY_HELPER = 1 << 6, /* fields must be read by helper, not by plain loads */
	MPTCP = 1 << 7,     /* an MPTCP socket, not one of its TCP subflows */
	TASK_ONLY = 1 << 8, /* only if a task has the lock, and not a softirq on top of another */
};

#define READ(look, pointer, field)                                                                 \
	((look)&BY_HELPER ? BPF_CORE_READ(pointer, field) : (pointer)->field)

/* A kernel without MPTCP has none of its types: the verifier must not see what reads them. */
static __always_inline bool is_mptcp(int protocol)
{
	return bpf_core_type_exists(struct mptcp_sock) && protocol == IPPROTO_MPTCP;
}

/* Raw sockets bear the numbers of protocols too. */
static __always_inline bool is_stream(struct sock *sk)
{
	int family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) &&
	       BPF_CORE_READ(sk, sk_type) == SOCK_STREAM;
}

/* TCP or MPTCP? 0: neither. For pointers that the verifier does not know. */
static __always_inline int protocol_of(struct sock *sk, bool known_as_stream)
{
	int protocol = BPF_CORE_READ(sk, sk_protocol);

	if (protocol != IPPROTO_TCP && !is_mptcp(protocol))
		return 0;
	return known_as_stream || is_stream(sk) ? protocol : 0;
}

/* A TCP socket below an MPTCP socket. */
static __always_inline bool is_subflow(struct tcp_sock *tp, int look)
{
	return bpf_core_field_exists(tp->is_mptcp) && READ(look, tp, is_mptcp);
}

#endif
