/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Endpoints: rows for destinations, ports and clients of a process, if they are asked for. */
#ifndef EBPF_TCP_ENDPOINT_BPF_H
#define EBPF_TCP_ENDPOINT_BPF_H

#include "address.bpf.h"
#include "place.bpf.h"

/* Is a process asked for such endpoints? While the user half has not said so, it may be. */
__noinline int endpoint_wanted(__u32 process, __u32 kind)
{
	struct tcp_row *row = row_at(process);

	return row && (!row->wants || row->wants >> (kind & 31) & 1);
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
static __noinline __u32 endpoint_add(__u32 process_row, struct tcp_endpoint_key *key)
{
	struct tcp_row *row, *process = row_at(process_row);
	__u32 number = 0, published;

	if (!process || !endpoint_fits(process, key->endpoint.rest) ||
	    bpf_map_pop_elem(&free_endpoints, &number))
		return 0;
	row = row_at(number);
	if (!row)
		return 0;
	row->pid = key->process.pid;
	row->exited = 0;
	row->uid = process->uid;
	row->cgroup = process->cgroup;
	row->parent = process->parent;
	row->renames = process->renames;
	row->process_row = process_row;
	row->endpoint = key->endpoint;
	__builtin_memcpy(row->comm, process->comm, TCP_COMM_LEN);
	published = row_publish(&endpoints, key, &free_endpoints, number, key->process.start_ns);
	if (published == number)
		add(endpoints_taken, 1);
	return published;
}

static __always_inline __u32 endpoint_get(__u32 process_row, struct tcp_endpoint_key *key)
{
	__u32 *found = bpf_map_lookup_elem(&endpoints, key);

	return found ? *found : endpoint_add(process_row, key);
}

/*
 * The row of an endpoint of a process, or that of all that found none; 0 if there is not even that.
 * While it is not known whether it is asked for, only the latter is a loss. `process`: its row and,
 * << 32, its pid. `end`: the port and, << 16, the kind.
 */
__noinline int endpoint_find(__u64 start_ns, __u64 process, __u64 high, __u64 low, __u32 end)
{
	struct tcp_endpoint_key key = {.process = {.start_ns = start_ns, .pid = process >> 32},
				       .endpoint = {.port = end, .kind = end >> 16}};
	struct tcp_row *row = row_at((__u32)process);
	bool known = row && row->wants;
	__u32 number;

	__builtin_memcpy(key.endpoint.address, (__u64[]){high, low}, 16);
	number = endpoint_get((__u32)process, &key);
	if (number)
		return number;
	key.endpoint = (struct tcp_endpoint){.kind = end >> 16, .rest = 1};
	number = endpoint_get((__u32)process, &key);
	if (known || !number)
		add(self.lost_endpoints, 1);
	return number;
}

static __always_inline bool owner_wants(const struct owner *o, __u32 kind)
{
	return o->row >= TCP_ROW_FIRST && endpoint_wanted(o->row, kind);
}

/* The place of an endpoint of the owner's. `address` has 16 bytes. */
static __always_inline __u64 endpoint_place(const struct owner *o, const void *address, __u32 kind,
					    __u16 port)
{
	__u64 halves[2];

	__builtin_memcpy(halves, address, sizeof(halves));
	return place_of(endpoint_find(o->start_ns, (__u64)o->pid << 32 | o->row, halves[0],
				      halves[1], kind << 16 | port));
}

/* The same of a socket's end of this kind; see number_of(). */
__noinline int socket_endpoint_find(__u64 start_ns, __u64 process, __u64 number, __u32 kind)
{
	struct sock *sk = (struct sock *)number;
	__be32 remote[4] = {};
	__u64 halves[2];
	__u16 port = 0;

	if (kind != TCP_ENDPOINT_PORT)
		remote_address(remote, sk);
	if (kind == TCP_ENDPOINT_PORT)
		port = local_port(sk);
	else if (kind == TCP_ENDPOINT_DESTINATION)
		port = remote_port(sk);
	__builtin_memcpy(halves, remote, sizeof(halves));
	return endpoint_find(start_ns, process, halves[0], halves[1], kind << 16 | port);
}

/* The row of the socket's end of this kind, 0 if nobody asks for it. `known`: its place. */
static __noinline __u32 socket_endpoint(struct sock *sk, __u64 *known, struct owner *o, __u32 kind)
{
	__u32 number = place_row(*known, o->start_ns, o->pid);

	if (number || !sk || !owner_wants(o, kind))
		return number;
	number = socket_endpoint_find(o->start_ns, (__u64)o->pid << 32 | o->row, number_of(sk),
				      kind);
	*known = place_of(number);
	return number;
}

__noinline int ends_touch(__u32 end, __u32 client)
{
	if (end)
		touch(end);
	if (client)
		touch(client);
	return 0;
}

/* The rows of all ends of the socket, as an account has them. */
static __always_inline __u64 socket_ends(struct sock *sk, struct socket_state *s, struct owner *o)
{
	bool active = s->flags & ACTIVE, accepted = !(s->flags & (ACTIVE | SIDELESS));
	__u64 ends = 0, client = 0;

	if (active ? knobs.by_destination : knobs.by_port && accepted)
		ends = socket_endpoint(sk, &s->endpoint, o,
				       active ? TCP_ENDPOINT_DESTINATION : TCP_ENDPOINT_PORT);
	if (knobs.by_client && accepted)
		client = socket_endpoint(sk, &s->client, o, TCP_ENDPOINT_CLIENT);
	ends_touch(ends, client);
	return client << 32 | ends;
}

#endif
