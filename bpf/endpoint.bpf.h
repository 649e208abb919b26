/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Endpoints: rows for destinations and ports of a process, if they are asked for. */
#ifndef EBPF_TCP_ENDPOINT_BPF_H
#define EBPF_TCP_ENDPOINT_BPF_H

#include "address.bpf.h"
#include "process.bpf.h"

/* Is the process asked for such endpoints? While the user half has not said so, it may be. */
static __always_inline bool endpoint_wanted(const struct owner *o, __u16 kind)
{
	struct tcp_row *process = row_at(o->row);

	return process && (!process->wants || process->wants >> kind & 1);
}

/* What the endpoint of a socket is called. False if it is of a kind that nobody asked for. */
static __always_inline bool endpoint_of(struct sock *sk, struct socket_state *s,
					const struct owner *o, struct tcp_endpoint *out)
{
	bool active = s->flags & ACTIVE;
	__be32 local[4];

	out->kind = active ? TCP_ENDPOINT_DESTINATION : TCP_ENDPOINT_PORT;
	if (!(active ? knobs.by_destination : knobs.by_port && !(s->flags & SIDELESS)) ||
	    !endpoint_wanted(o, out->kind))
		return false;
	out->port = active ? remote_port(sk) : local_port(sk);
	if (active)
		addresses(sk, (__be32 *)out->address, local);
	return true;
}

/*
 * May one more endpoint have a row? A quarter of them is for what finds no row of its own, one for
 * each process, and three eighths are for processes of which it is known that they are asked for:
 * others may take as many as they like, but not those.
 */
static __always_inline bool endpoint_fits(const struct tcp_row *process, bool rest)
{
	__u32 eighths = process->wants ? 6 + 2 * rest : 3 + rest;

	return (__u64)endpoints_taken * 8 < (__u64)endpoint_count * eighths;
}

/* Takes a free row for the endpoint. 0 if there is none. */
static __noinline __u32 endpoint_add(struct owner *o, struct tcp_endpoint_key *key)
{
	__u32 number = 0, *found;
	struct tcp_row *row, *process = row_at(o->row);

	if (!process || !endpoint_fits(process, key->endpoint.rest) ||
	    bpf_map_pop_elem(&free_endpoints, &number))
		return 0;
	row = row_at(number);
	if (!row)
		return 0;
	row->pid = o->pid;
	row->exited = 0;
	row->uid = process->uid;
	row->cgroup = process->cgroup;
	row->parent = process->parent;
	row->renames = process->renames;
	row->process_row = o->row;
	row->endpoint = key->endpoint;
	__builtin_memcpy(row->comm, process->comm, TCP_COMM_LEN);
	if (!bpf_map_update_elem(&endpoints, key, &number, BPF_NOEXIST)) {
		add(endpoints_taken, 1);
		row->start_ns = o->start_ns;
		touch(number);
		return number;
	}
	bpf_map_push_elem(&free_endpoints, &number, BPF_ANY);
	found = bpf_map_lookup_elem(&endpoints, key); /* another CPU was faster */
	return found ? *found : 0;
}

static __always_inline __u32 endpoint_get(struct owner *o, struct tcp_endpoint_key *key)
{
	__u32 *found = bpf_map_lookup_elem(&endpoints, key);

	return found ? *found : endpoint_add(o, key);
}

/*
 * The row of an endpoint of the owner's, or that of all that found none; 0 if there is not even
 * that. While it is not known whether it is asked for, only the latter is a loss.
 */
static __noinline __u32 endpoint_find(struct owner *o, struct tcp_endpoint_key *key)
{
	struct tcp_row *process = row_at(o->row);
	bool known = process && process->wants;
	__u16 kind = key->endpoint.kind;
	__u32 number;

	key->process = (struct tcp_process_key){.start_ns = o->start_ns, .pid = o->pid};
	number = endpoint_get(o, key);
	if (number)
		return number;
	key->endpoint = (struct tcp_endpoint){.kind = kind, .rest = 1};
	number = endpoint_get(o, key);
	if (known || !number)
		add(self.lost_endpoints, 1);
	return number;
}

static __always_inline void endpoint_set(struct socket_state *s, __u32 number)
{
	struct tcp_row *row = row_at(number);

	if (!number || !row)
		return;
	s->endpoint = number;
	s->generation = row->generation;
}

/* The row of the socket's endpoint, 0 if it has none. */
static __noinline __u32 socket_endpoint(struct sock *sk, struct socket_state *s, struct owner *o)
{
	struct tcp_row *row = row_at(s->endpoint);
	struct tcp_endpoint_key key = {};
	__u32 number;

	if (s->endpoint && row && row->generation == s->generation &&
	    row->start_ns == o->start_ns && row->pid == o->pid)
		return s->endpoint;
	if (!sk || o->row < TCP_ROW_FIRST || !endpoint_of(sk, s, o, &key.endpoint))
		return 0;
	number = endpoint_find(o, &key);
	endpoint_set(s, number);
	return number;
}

#endif
