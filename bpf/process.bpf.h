/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Processes: their rows, and who owns a socket. */
#ifndef EBPF_TCP_PROCESS_BPF_H
#define EBPF_TCP_PROCESS_BPF_H

#include "cgroup.bpf.h"

static __always_inline struct tcp_row *row_at(__u32 row)
{
	return bpf_map_lookup_elem(&rows, &row);
}

/* Tells the reader to look at a row. */
static __always_inline void touch(__u32 row)
{
	__u64 *last = bpf_map_lookup_elem(&touched, &row);

	if (last)
		*last = tick;
}

/* What only the running process can tell, if the row is about it. */
static __always_inline void row_introduce(__u32 number)
{
	struct tcp_row *row = row_at(number);

	if (!row || bpf_get_current_pid_tgid() >> 32 != row->pid)
		return;
	row->exited = 0;
	BPF_CORE_READ_INTO(&row->comm, (struct task_struct *)bpf_get_current_task(), group_leader,
			   comm);
	row->uid = (__u32)bpf_get_current_uid_gid();
	row->cgroup = current_cgroup();
	row->parent =
		BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), real_parent, tgid);
}

/* Processes outside of containers have the host's, which tells nothing. */
static __always_inline void hostname_set(__u32 number, __u32 pid)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct tcp_hostname *out = bpf_map_lookup_elem(&hostnames, &number);
	struct uts_namespace *uts;

	if (!out)
		return;
	out->name[0] = '\0';
	uts = BPF_CORE_READ(task, nsproxy, uts_ns);
	if (bpf_get_current_pid_tgid() >> 32 == pid && BPF_CORE_READ(uts, ns.inum) != UTS_HOST)
		BPF_CORE_READ_STR_INTO(&out->name, uts, name.nodename);
}

/*
 * Takes a free row's number; 0 if there is none. Rows come back between two ticks, so until the
 * next one nobody asks again: the stack has one lock for all processors.
 */
static __always_inline __u32 row_take(void)
{
	__u64 now = tick; /* before the pop: later frees are of the next tick */
	__u32 number = 0;
	long err;

	if (full_tick == now)
		return 0;
	err = bpf_map_pop_elem(&free_rows, &number);
	if (err == -ENOENT)
		full_tick = now;
	return err ? 0 : number;
}

/* As owner.comm has it. */
static __always_inline void comm_set(char comm[TCP_COMM_LEN], __u64 first, __u64 second)
{
	__builtin_memcpy(comm, &first, sizeof(first));
	__builtin_memcpy(comm + sizeof(first), &second, sizeof(second));
}

/*
 * Puts a row that is filled in under its key. Returns its number, or that of the row that another
 * CPU was faster with; 0 if there is no room.
 */
static __always_inline __u32 row_publish(void *index, const void *key, void *free_ones,
					 __u32 number, __u64 start_ns)
{
	struct tcp_row *row = row_at(number);
	__u32 *found;

	if (row && !bpf_map_update_elem(index, key, &number, BPF_NOEXIST)) {
		row->start_ns = start_ns;
		touch(number);
		return number;
	}
	bpf_map_push_elem(free_ones, &number, BPF_ANY);
	found = bpf_map_lookup_elem(index, key);
	return found ? *found : 0;
}

/*
 * Takes a free row for the process; TCP_ROW_OTHER if there is none. Its name is as it was when the
 * process was seen last.
 */
static __always_inline __u32 process_add(const struct tcp_process_key *key, __u64 comm_first,
					 __u64 comm_second)
{
	__u32 number = row_take();
	struct tcp_row *row;

	if (!number)
		goto full;
	row = row_at(number);
	if (!row)
		goto full;
	row->pid = key->pid;
	row->exited = TCP_EXIT_UNKNOWN;
	row->renames = 0;
	comm_set(row->comm, comm_first, comm_second);
	row->uid = TCP_UID_UNKNOWN;
	row->cgroup = 0;
	row->parent = 0;
	row->wants = 0;
	row_introduce(number);
	if (knobs.hostnames)
		hostname_set(number, key->pid);
	number = row_publish(&processes, key, &free_rows, number, key->start_ns);
	if (number)
		return number;
full:
	add(self.lost_processes, 1);
	return TCP_ROW_OTHER;
}

/* A row that has gone to another process meanwhile is not this one's. */
static __always_inline bool is_row_of(const struct tcp_row *row, __u64 start_ns, __u32 pid)
{
	return row && row->start_ns == start_ns && row->pid == pid;
}

/*
 * The row of a process. Mostly it is the one that this CPU has found last, and nothing is searched.
 * The name is in two halves: see row.bpf.h for why.
 */
__noinline int process_find(__u64 start_ns, __u32 pid, __u64 comm_first, __u64 comm_second)
{
	struct tcp_process_key key = {.start_ns = start_ns, .pid = pid};
	__u32 zero = 0, number, *found, *recent = bpf_map_lookup_elem(&recent_rows, &zero);

	if (!recent)
		return TCP_ROW_OTHER;
	number = *recent; /* once: a softirq may find another one meanwhile */
	if (is_row_of(row_at(number), start_ns, pid))
		return number;
	found = bpf_map_lookup_elem(&processes, &key);
	number = found ? *found : process_add(&key, comm_first, comm_second);
	*recent = number;
	return number;
}

static __always_inline struct tcp_row *owner_row(struct owner *o)
{
	struct tcp_row *row = row_at(o->row);

	if (is_row_of(row, o->start_ns, o->pid))
		return row;
	o->row = process_find(o->start_ns, o->pid, ((__u64 *)o->comm)[0], ((__u64 *)o->comm)[1]);
	return row_at(o->row);
}

static __always_inline void owner_set(struct owner *o, struct task_struct *task, int look)
{
	struct task_struct *leader = READ(look, task, group_leader);

	o->pid = READ(look, leader, tgid);
	o->start_ns = READ(look, leader, start_boottime);
	if (look & BY_HELPER) {
		bpf_core_read(o->comm, sizeof(o->comm), &leader->comm);
	} else {
		((__u64 *)o->comm)[0] = ((__u64 *)&leader->comm)[0];
		((__u64 *)o->comm)[1] = ((__u64 *)&leader->comm)[1];
	}
}

/*
 * The TCP socket below one of family AF_SMC. While it connects, it asks for SMC; if that comes to
 * nothing, a process uses it through the file of the other one.
 */
static __always_inline bool is_below_smc(struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);
	struct file *file = BPF_CORE_READ(socket, file);

	if (!bpf_core_field_exists(tp->syn_smc))
		return false;
	return BPF_CORE_READ(tp, syn_smc) ||
	       (file &&
		BPF_CORE_READ(file, f_inode) != &((struct socket_alloc *)socket)->vfs_inode);
}

/* NFS and its like; MPTCP and SMC open such sockets too, but for a process. */
static __always_inline bool is_kernel_socket(struct sock *sk, int look)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	return sk &&
	       (look & BY_HELPER ? BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock)
				 : BPF_CORE_READ_BITFIELD(sk, sk_kern_sock)) &&
	       !is_subflow(tp, BY_HELPER) && !is_below_smc(sk);
}

/* Unless it is a thread of the kernel, or the socket is the kernel's own. */
static __always_inline void owner_set_current(struct owner *o, struct sock *sk,
					      struct task_struct *task, int look)
{
	if (!(READ(look, task, flags) & PF_KTHREAD) && !is_kernel_socket(sk, look))
		owner_set(o, task, look);
	else if (!o->row)
		o->row = TCP_ROW_KERNEL;
}

/* Works on a copy: another process may take the socket over at the same time. */
static __noinline __u32 owner_change(struct sock *sk, struct socket_state *s)
{
	struct owner o = s->owner;

	if (sock_storage) /* kernels with that have this helper too */
		owner_set_current(&o, sk, bpf_get_current_task_btf(), 0);
	else
		owner_set_current(&o, sk, (struct task_struct *)bpf_get_current_task(), BY_HELPER);
	owner_row(&o);
	s->owner = o;
	return o.row;
}

/*
 * Makes the running process the owner, and returns the number of its row. The kernel owns the
 * sockets that it made for itself; of others its threads own only what no process ever used.
 */
static __always_inline __u32 own(struct sock *sk, struct socket_state *s)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32, number = s->owner.row;
	struct tcp_row *row = row_at(number);

	if (!number || !row || row->pid != pid || row->start_ns != s->owner.start_ns)
		number = owner_change(sk, s);
	return number;
}

static __always_inline struct tcp_row *leader_row(struct task_struct *leader, int look)
{
	struct tcp_process_key key = {
		.start_ns = READ(look, leader, start_boottime),
		.pid = READ(look, leader, tgid),
	};
	__u32 *number = bpf_map_lookup_elem(&processes, &key);

	if (!number)
		return NULL;
	touch(*number);
	return row_at(*number);
}

/* exec and prctl(PR_SET_NAME): the name of a process is that of its leader. */
static __always_inline void on_rename(struct task_struct *task, const char *comm, int look)
{
	struct tcp_row *row = NULL;

	if (READ(look, task, pid) == READ(look, task, tgid))
		row = leader_row(task, look);
	if (!row)
		return;
	/* before and after: the reader has the name as it is now, or looks again */
	add(row->renames, 1);
	bpf_probe_read_kernel_str(row->comm, sizeof(row->comm), comm);
	add(row->renames, 1);
}

static __always_inline void on_exit(struct task_struct *task, int look)
{
	struct signal_struct *signal = READ(look, task, signal);
	struct tcp_row *row = NULL;

	if (!READ(look, signal, live.counter)) /* the last thread */
		row = leader_row(READ(look, task, group_leader), look);
	if (row)
		row->exited = 1;
}

#endif
