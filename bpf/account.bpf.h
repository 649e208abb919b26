/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Accounts: in which rows a socket's doings are counted. That of its owner, or TCP_ROW_OTHER if the
 * connection is not among those that the user selected; and that of its endpoint, if asked for.
 *
 * Functions that are not static have but numbers as arguments: the verifier looks at each of them
 * once in a program, and not again on every path to a call. All kernels let it (5.6).
 */
#ifndef EBPF_TCP_ACCOUNT_BPF_H
#define EBPF_TCP_ACCOUNT_BPF_H

#include "process.bpf.h"

/* By number: a pointer that may be NULL is two ways for all that comes after. */
struct account {
	__u32 number;
	__u32 endpoint; /* TCP_ROW_NONE: it has none */
	__u32 scope;
};

/* What an application has moved. */
struct growth {
	__u64 tx, rx;
};

/* Where a row's bytes are added up for this processor. */
static __always_inline __u32 bytes_at(__u32 number)
{
	return (bpf_get_smp_processor_id() & shard_mask) * row_count + number;
}

static __always_inline void bytes_add(__u32 at, const struct growth *grown)
{
	struct tcp_bytes *sum = bpf_map_lookup_elem(&bytes, &at);

	if (!sum)
		return;
	if (grown->tx)
		add(sum->tx, grown->tx);
	if (grown->rx)
		add(sum->rx, grown->rx);
}

static __always_inline void row_add(__u32 number, __u32 counter, __u64 n)
{
	struct tcp_row *row = row_at(number);

	barrier_var(counter);
	if (row && counter < TCP_COUNTERS)
		add(((__u64 *)&row->counters)[counter], n);
}

__noinline int rows_add(__u32 number, __u32 endpoint, __u32 counter, __u64 n)
{
	row_add(number, counter, n);
	if (endpoint)
		row_add(endpoint, counter, n);
	return 0;
}

#define COUNTER(name) (__builtin_offsetof(struct tcp_counters, name) / sizeof(__u64))

/* In all rows of the account. */
#define count(account, counter, n)                                                                 \
	rows_add((account)->number, (account)->endpoint, COUNTER(counter), n)

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

static __always_inline void addresses(struct sock *sk, __be32 remote[4], __be32 local[4])
{
	if (is_inet6(sk)) {
		bpf_core_read(remote, 16, &sk->__sk_common.skc_v6_daddr);
		bpf_core_read(local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		return;
	}
	mapped(remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	mapped(local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
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

static __always_inline enum tcp_scope scope_of(const __be32 remote[4], const __be32 local[4])
{
	__u32 first = bpf_ntohl(remote[0]);

	if (remote[0] == local[0] && remote[1] == local[1] && remote[2] == local[2] &&
	    remote[3] == local[3])
		return TCP_SCOPE_LOOPBACK;
	if (remote[0] || remote[1])
		return first >> 25 == 0xfc >> 1 || first >> 22 == 0xfe80 >> 6 ? TCP_SCOPE_PRIVATE
									      : TCP_SCOPE_PUBLIC;
	if (remote[2] == bpf_htonl(0xffff))
		return scope_of4(remote[3]);
	return !remote[2] && remote[3] == bpf_htonl(1) ? TCP_SCOPE_LOOPBACK : TCP_SCOPE_PUBLIC;
}

static __always_inline bool has_port(const volatile __u64 *ports, __u16 port)
{
	return ports[port >> 6] >> (port & 63) & 1;
}

__noinline int class_of(__u32 scope, __u32 here, __u32 there)
{
	if (scopes >> scope & 1 &&
	    (any_port || has_port(local_ports, here) || has_port(remote_ports, there)))
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

/* Known for good once the socket has both its ends. */
static __noinline __u32 classify(struct sock *sk, struct socket_state *s)
{
	__u16 here = local_port(sk), there = remote_port(sk);
	__be32 remote[4], local[4];
	__u32 class;

	addresses(sk, remote, local);
	class = class_of(scope_of(remote, local), here, there);
	if (here && there)
		s->class = class | CLASS_KNOWN;
	return class;
}

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
	if (!(active ? by_destination : by_port && !(s->flags & SIDELESS)) ||
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

/* The first process to use a socket has accepted it, or connected it unseen. */
static __always_inline void count_first_use(struct account *a, struct socket_state *s, int how)
{
	__u32 what = s->uncounted;

	if (!what)
		return;
	if (!(how & SHARED))
		s->uncounted = 0;
	else if (__sync_val_compare_and_swap(&s->uncounted, what, 0) != what)
		return;
	if (what == AN_ACCEPT)
		count(a, accepts, 1);
	else
		count(a, connects, 1);
}

/*
 * A place is the row in which a connection counts as established, and that row's generation then.
 * Rows hold a balance, so who leaves a place must find the row that it entered; if that has gone to
 * others meanwhile, the user half has moved what was in it to `fallback`.
 */
static __always_inline __u64 place_of(__u32 number)
{
	struct tcp_row *row = row_at(number);

	return row ? (__u64)row->generation << 32 | number : 0;
}

static __always_inline void place_leave(__u64 place, __u32 fallback)
{
	struct tcp_row *row = row_at((__u32)place);

	if (row && row->generation != place >> 32)
		row = row_at(fallback);
	if (!place || !row)
		return;
	add(row->counters.established, -1);
	touch((__u32)place);
}

/* 0 is no place. */
__noinline int established_move(__u64 from, __u64 to, __u32 fallback)
{
	place_leave(from, fallback);
	if (to)
		row_add((__u32)to, COUNTER(established), 1);
	return 0;
}

/* Whoever else moves it at the same time does it right. */
static __always_inline void place_move(__u64 *place, __u64 to, __u32 fallback, int how)
{
	__u64 from = *place;

	if (from == to)
		return;
	if (!(how & SHARED))
		*place = to;
	else if (__sync_val_compare_and_swap(place, from, to) != from)
		return;
	established_move(from, to, fallback);
}

static __always_inline void places_set(struct socket_state *s, const struct account *a, int how)
{
	place_move(&s->process_place, place_of(a->number), TCP_ROW_OTHER, how);
	if (by_destination || by_port)
		place_move(&s->endpoint_place, place_of(a->endpoint), TCP_ROW_NONE, how);
}

static __always_inline void established_end(struct socket_state *s, int how)
{
	if (!s->process_place)
		return;
	place_move(&s->process_place, 0, TCP_ROW_OTHER, how);
	place_move(&s->endpoint_place, 0, TCP_ROW_NONE, how);
}

/* `number` is that of its owner's row, 0 if it has none. */
static __always_inline void account_of(struct account *a, struct sock *sk, struct socket_state *s,
				       __u32 number)
{
	__u32 class = s->class;

	a->endpoint = TCP_ROW_NONE;
	a->number = number ? number : TCP_ROW_KERNEL;
	if ((by_scope || selective) && !(class & CLASS_KNOWN))
		class = classify(sk, s);
	a->scope = class & CLASS_SCOPE;
	if (selective && class & CLASS_EXCLUDED) {
		a->number = TCP_ROW_OTHER;
	} else if (by_destination || by_port) {
		struct owner o = s->owner;

		a->endpoint = socket_endpoint(sk, s, &o);
		if (a->endpoint)
			touch(a->endpoint);
	}
	a->endpoint = forget(a->endpoint);
	a->number = forget(a->number);
	touch(a->number);
}

/* Whose is it? Of the process that used it last. */
static __always_inline void account_open(struct account *a, struct sock *sk, struct socket_state *s)
{
	owner_row(&s->owner);
	account_of(a, sk, s, s->owner.row);
}

/* Of the running process, which takes the socket over. */
static __always_inline void account_take(struct account *a, struct sock *sk, struct socket_state *s,
					 int how)
{
	account_of(a, sk, s, own(sk, s));
	if (s->process_place)
		places_set(s, a, how);
	count_first_use(a, s, how);
}

/* -- times -- */

static __always_inline struct tcp_histogram *histogram_at(__u32 number, enum tcp_time time)
{
	if (time == TCP_TIME_CONNECT)
		return bpf_map_lookup_elem(&connect_times, &number);
	if (time == TCP_TIME_LIFETIME)
		return bpf_map_lookup_elem(&lifetimes, &number);
	return bpf_map_lookup_elem(&round_trips, &number);
}

static __always_inline void row_time(__u32 number, enum tcp_time time, __u64 units, __u32 bucket)
{
	struct tcp_histogram *histogram = histogram_at(number, time);
	struct tcp_row *row = row_at(number);

	barrier_var(bucket); /* else 6.1's verifier forgets the bound */
	if (histogram && bucket < TCP_LATENCY_BUCKETS)
		add(histogram->buckets[bucket], 1);
	barrier_var(time);
	if (!row || time >= TCP_TIME_COUNT)
		return;
	if (time == TCP_TIME_CONNECT) /* between bucket and count: the reader sees all or nothing */
		add(row->counters.connects, 1);
	if (row->time_max[time] < units)
		row->time_max[time] = units;
	add(row->counters.time_sum[time], units);
	add(row->counters.times[time], 1); /* last, as the bucket is first: see is_torn() */
}

__noinline int rows_time(__u32 number, __u32 endpoint, __u32 time, __u64 units)
{
	__u32 bucket = forget(tcp_latency_bucket(units));

	row_time(number, time, units, bucket);
	if (endpoint)
		row_time(endpoint, time, units, bucket);
	return 0;
}

/* In all rows of the account; the time of a connect counts the connect too. */
#define count_time(account, time, units)                                                           \
	rows_time((account)->number, (account)->endpoint, time, units)

#endif
