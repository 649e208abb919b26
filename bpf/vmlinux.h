/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The kernel's types, cut down to the fields that we read. Order and offsets mean nothing here:
 * libbpf takes them from the running kernel's BTF (CO-RE).
 */
#ifndef EBPF_TCP_VMLINUX_H
#define EBPF_TCP_VMLINUX_H

#include <asm/ptrace.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct in6_addr {
	__u8 in6_u[16];
};

struct netns_ipv4 {
	unsigned int sysctl_tcp_notsent_lowat; /* a u32 before 6.6 */
};

struct net {
	struct netns_ipv4 ipv4;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	struct in6_addr skc_v6_daddr; /* only with IPv6 */
	struct in6_addr skc_v6_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num; /* the local port */
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned long skc_flags;
	possible_net_t skc_net;
};

typedef struct {
	int owned;
} socket_lock_t;

struct sk_buff_head {
	struct sk_buff *next;
};

struct socket;

struct sock {
	struct sock_common __sk_common;
	struct socket *sk_socket;
	socket_lock_t sk_lock;
	struct sk_buff_head sk_receive_queue;
	__u16 sk_protocol; /* a bit field before 5.6 */
	__u16 sk_type;
	__u8 sk_kern_sock : 1;
	int sk_err;
	__u8 sk_shutdown;
	int sk_wmem_queued;
	int sk_sndbuf;
	__u32 sk_ack_backlog;
	atomic_t sk_drops;
};

struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
};

struct request_sock_queue {
	atomic_t qlen; /* half-open connections */
};

struct inet_connection_sock {
	struct request_sock_queue icsk_accept_queue;
};

struct tcp_sock {
	__u64 bytes_received;
	__u64 bytes_acked;
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 snd_una;
	__u32 write_seq;
	__u32 snd_nxt;
	__u32 notsent_lowat;
	__u64 bytes_sent; /* payload, also what was sent again */
	__u64 bytes_retrans;
	__u32 segs_out;
	__u32 total_retrans;
	__u32 srtt_us; /* in 1/8 us */
	int linger2;   /* negative: no FIN_WAIT2 without a process */
	bool is_mptcp; /* only with CONFIG_MPTCP */
	bool syn_smc;  /* only with CONFIG_SMC */
};

struct mptcp_sock {
	__u64 write_seq;
	__u64 ack_seq;
	__u64 snd_una;
	__u64 bytes_acked;                 /* 6.5 */
	__u64 bytes_consumed;              /* 6.11 */
	struct sk_buff_head receive_queue; /* until 6.13 */
};

struct mptcp_skb_cb {
	__u64 map_seq;
};

typedef enum {
	SS_FREE,
	SS_UNCONNECTED,
	SS_CONNECTING,
} socket_state;

struct inode {
	unsigned short i_mode;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

struct socket {
	socket_state state;
	struct file *file;
	struct sock *sk;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

struct sk_buff {
	struct sk_buff *next;
	struct sock *sk;
	char cb[48];
};

struct signal_struct {
	atomic_t live;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup_root {
	int hierarchy_id; /* 0: cgroup v2 */
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
	struct cgroup_subsys_state *subsys[1]; /* as many as the kernel has controllers */
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct css_set {
	struct cgroup_subsys_state *subsys[1]; /* as many as the kernel has controllers */
};

enum cgroup_subsys_id { memory_cgrp_id };

/* Of the kernel, not of libbpf's header: what this one has. */
enum bpf_func_id___kernel { BPF_FUNC_get_current_task_btf___kernel };

struct new_utsname {
	char nodename[65];
};

struct ns_common {
	unsigned int inum;
};

struct uts_namespace {
	struct new_utsname name;
	struct ns_common ns;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
};

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	__u64 start_boottime;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct css_set *cgroups;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	char comm[16];
};

struct bpf_iter__task_file {
	struct task_struct *task;
	struct file *file;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	void *key;
	void *value;
};

struct bpf_iter__bpf_sk_storage_map {
	struct sock *sk;
};

#pragma clang attribute pop

#endif
