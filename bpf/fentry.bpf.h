/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Set "fentry_": entries and exits of kernel functions, by trampolines. */
#ifndef EBPF_TCP_FENTRY_BPF_H
#define EBPF_TCP_FENTRY_BPF_H

#include "data.bpf.h"
#include "early.bpf.h"

SEC("fexit/tcp_sendmsg_locked")
int BPF_PROG(fentry_send, struct sock *sk)
{
	on_tcp_data(sk, TX | OWNER);
	return 0;
}

/* Before 6.5: sendfile and splice do not pass tcp_sendmsg_locked. */
SEC("fexit/do_tcp_sendpages")
int BPF_PROG(fentry_sendpages, struct sock *sk)
{
	on_tcp_data(sk, TX | OWNER);
	return 0;
}

/* MPTCP: sends and receives have released the lock by then; 64-bit counters do not mind. */
SEC("fexit/mptcp_sendmsg")
int BPF_PROG(fentry_mptcp_send, struct sock *sk)
{
	on_data(sk, NULL, TX | OWNER | LOCKLESS | RACING | MPTCP);
	return 0;
}

SEC("fexit/mptcp_recvmsg")
int BPF_PROG(fentry_mptcp_receive, struct sock *sk)
{
	on_mptcp_receive(sk);
	return 0;
}

/* Before 6.11, what was received must be read under the lock. */
SEC("fentry/release_sock")
int BPF_PROG(fentry_mptcp_release, struct sock *sk)
{
	if (is_mptcp(sk->sk_protocol))
		on_data(sk, NULL, TX | RX | OWNER | RACING | MPTCP);
	return 0;
}

/* Connects that fail before there is a SYN: no state change tells of them. */
SEC("fexit/tcp_v4_connect")
int BPF_PROG(fentry_connect4, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	if (ret < 0 && !is_done())
		on_connect_return(sk, address, ret);
	return 0;
}

SEC("fexit/tcp_v4_connect")
int BPF_PROG(fentry_connect4_again, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	if (ret < 0) {
		on_connect_return(sk, address, ret);
		done_once();
	}
	return 0;
}

SEC("fexit/tcp_v6_connect")
int BPF_PROG(fentry_connect6, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	if (ret < 0 && !is_done())
		on_connect_return(sk, address, ret);
	return 0;
}

SEC("fexit/tcp_v6_connect")
int BPF_PROG(fentry_connect6_again, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	if (ret < 0) {
		on_connect_return(sk, address, ret);
		done_once();
	}
	return 0;
}

/* Connects that are not permitted: by a security module, or by a program of the cgroup. */
SEC("fexit/security_socket_connect")
int BPF_PROG(fentry_permit, struct socket *socket, struct sockaddr *address, int size, int ret)
{
	if (ret < 0)
		on_connect_permit(socket->sk, address, ret);
	return 0;
}

SEC("fexit/tcp_v4_pre_connect")
int BPF_PROG(fentry_permit4, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	if (ret < 0)
		on_connect_permit(sk, address, ret);
	return 0;
}

SEC("fexit/tcp_v6_pre_connect")
int BPF_PROG(fentry_permit6, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	if (ret < 0)
		on_connect_permit(sk, address, ret);
	return 0;
}

SEC("fentry/tcp_connect")
int BPF_PROG(fentry_syn, struct sock *sk)
{
	on_syn(sk);
	return 0;
}

/* A blocked sender: what it has sent so far, at no cost when nobody blocks. */
SEC("fentry/sk_stream_wait_memory")
int BPF_PROG(fentry_wait, struct sock *sk)
{
	on_tcp_data(sk, TX | OWNER);
	return 0;
}

#endif
