/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What is kept: the states of sockets, the knobs that the loader sets, and all tables. */
#ifndef EBPF_TCP_MAPS_BPF_H
#define EBPF_TCP_MAPS_BPF_H

#include "kernel.bpf.h"

/* The process that last worked on a socket. pid 0 with TCP_ROW_KERNEL: the kernel itself. */
struct owner {
	__u64 start_ns;
	__u32 pid;
	__u32 row; /* where it was last seen; believed only if the row still says so */
	char comm[TCP_COMM_LEN];
};

enum {
	ACTIVE = 1 << 0,     /* opened from this side: the SYN took one sequence number */
	ORIGIN = 1 << 1,     /* tx_origin and rx_origin are valid */
	UNTOLD = 1 << 2,     /* its connect has failed: why is known when the call returns */
	SIDELESS = 1 << 3,   /* which side opened it is not known */
	GONE = 1 << 4,       /* the socket is being destroyed, all is done */
	HANDED = 1 << 5,     /* another process has sent than the one before... */
	MANY = 1 << 6,       /* ...and again: several send at the same time, maybe */
	CONNECTING = 1 << 7, /* a connect is under way */
};

/* What the first process to use a socket gets counted. */
enum {
	AN_ACCEPT = 1,
	A_CONNECT, /* whose start was not seen */
};

/*
 * One socket. Written under the socket's lock, but for what RACING triggers claim. What
 * fast_look() needs comes first: it lies in one cache line.
 */
struct socket_state {
	__u64 tx_bytes; /* counted so far, on the scale of sequence.bpf.h */
	__u64 rx_bytes;
	__u64 tick;      /* in which all of on_data() was done; 0: it must be done again */
	__u64 fast;      /* of that: pid of the owner << 32 | its place in `bytes` */
	__u32 tx_origin; /* sequence number of the first byte sent... */
	__u32 rx_origin; /* ...and received */
	__u32 flags;
	__u32 uncounted; /* claimed by LOCKLESS triggers too */
	__u64 since_ns;  /* the SYN left, if CONNECTING; else it was established; 0: nobody knows */
	struct owner owner;
	__u8 class;        /* CLASS_* and its enum tcp_scope; 0: not known yet */
	__u8 turn;         /* where it is in its turns, see turn.bpf.h */
	__u16 health_tick; /* in which its health was looked at: its last bits */
	__u32 segments;    /* counted so far, as retransmits */
	__u64 endpoint;    /* places of its endpoint and its client, 0: not known yet */
	__u64 client;
	__u64 process_place;  /* where it counts as open, see place.bpf.h; 0: nowhere */
	__u64 endpoint_place; /* so that its own 64 bits can be exchanged at once */
	__u64 client_place;
	__u32 retransmits;
	__u64 asked_ns;  /* when the last byte of a request was */
	__u64 turn_size; /* of the request or response so far */
};

/* The kernel keeps 8 bytes before the data of a storage. */
_Static_assert(__builtin_offsetof(struct socket_state, flags) <= 64 - 8, "one cache line");

/* A listening socket. */
struct listener {
	struct owner owner;
	__u32 drops; /* counted so far */
	__u32 reserved;
};

enum {
	CLASS_SCOPE = 3, /* the bits of enum tcp_scope */
	CLASS_KNOWN = 1 << 2,
	CLASS_EXCLUDED = 1 << 3, /* it counts in TCP_ROW_OTHER */
};

/* Set by the loader: what is asked for, and what comes of that and of the kernel. */
const volatile struct tcp_knobs knobs = {};
const volatile bool sock_storage = false; /* 5.11: tracing programs may use sk_storage */
const volatile bool returns_seen = false; /* of the protocols' connect functions */
const volatile bool selective = false;    /* not all connections are counted for their process */
const volatile bool any_port = true;      /* else only those of the two sets, on either side */
const volatile __u32 endpoint_count = 0;  /* rows for endpoints */
const volatile __u32 row_count = 0;
const volatile __u32 shard_mask = 0; /* their number is a power of two */

/* Set by the loader once the sockets that are older than the probes have their baseline. */
bool baseline_done = false;

/* There is, or was, an MPTCP socket: what only these need is attached then. */
bool mptcp_seen = false;

/* Counted up by the loader; sockets that nobody has looked at are at 0. */
__u64 tick = 1;

/* The last tick in which there was no free row for a process; beside the other one, seldom written.
 */
__u64 full_tick = ~0ULL;

/* So many endpoints have a row: the user half counts down what it frees. */
__u32 endpoints_taken = 0;

/* So many sockets have their state in the table: while none has, nobody looks there. */
__u64 tabled = 0;

struct tcp_self self = {};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct socket_state);
} storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64); /* the socket's address */
	__type(value, struct socket_state);
} sockets SEC(".maps");

/* A table with an entry for each row, which the user half sees in its own memory. */
#define ROW_TABLE(name, kind, entries)                                                             \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(map_flags, BPF_F_MMAPABLE);                                                 \
		__uint(max_entries, entries);                                                      \
		__type(key, __u32);                                                                \
		__type(value, kind);                                                               \
	} name SEC(".maps")

ROW_TABLE(rows, struct tcp_row, 16384);

ROW_TABLE(bytes, struct tcp_bytes, 16384); /* rows * shards */

/* The tick in which a row changed last, or nearly so: the reader looks at these alone. */
ROW_TABLE(touched, __u64, 16384);

ROW_TABLE(connect_times, struct tcp_histogram, 16384);

ROW_TABLE(lifetimes, struct tcp_histogram, 1);

ROW_TABLE(round_trips, struct tcp_histogram, 1);

ROW_TABLE(turn_times, struct tcp_histogram, 1); /* TCP_TURN_TIMES for each row */

ROW_TABLE(hostnames, struct tcp_hostname, 1);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct tcp_process_key);
	__type(value, __u32);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 16384);
	__uint(value_size, sizeof(__u32));
} free_rows SEC(".maps");

/* The row that this CPU has found last. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} recent_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tcp_endpoint_key);
	__type(value, __u32);
} endpoints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 4096);
	__uint(value_size, sizeof(__u32));
} free_endpoints SEC(".maps");

/* The change of state that a program has seen last on this CPU. */
struct seen_change {
	__u64 sk, states;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct seen_change);
} seen_changes SEC(".maps");

/* What a thread connects, and where to. */
struct connecting {
	__u64 sk;
	struct tcp_endpoint to;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* a return may be missed */
	__uint(max_entries, 1024);
	__type(key, __u64); /* threads inside a connect; see connecting_set() and done_once() */
	__type(value, struct connecting);
} connecting SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64); /* the socket's address */
	__type(value, struct listener);
} listeners SEC(".maps");

/*
 * Relaxed, since of any other order clang 21 makes an instruction that returns the old value, also
 * where nobody asks for it: 5.12. The barriers are the compiler's: readers of a row rely on the
 * order.
 */
#define add(counter, n)                                                                            \
	({                                                                                         \
		barrier();                                                                         \
		(void)__atomic_fetch_add(&(counter), (n), __ATOMIC_RELAXED);                       \
		barrier();                                                                         \
	})

/*
 * The same number, of which the verifier knows nothing any more. It follows every number that it
 * knows apart from all others, with all that comes after: two that are known are four ways, and
 * before 6.2 nothing else brings them together in a program that has functions.
 */
static __always_inline __u64 forget(__u64 number)
{
	__u64 any = tick;

	number ^= any;
	barrier_var(number);
	return number ^ any;
}

#endif
