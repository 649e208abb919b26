/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The contract between the kernel half and the user half: the layout of the tables that both see.
 *
 * The kernel adds to a row, the user half reads it through a mapping. Its counters only ever grow,
 * also when a row passes from a dead process to a new one: the reader remembers what it has seen.
 */
#ifndef EBPF_TCP_TCP_H
#define EBPF_TCP_TCP_H

#include <linux/types.h>

#define TCP_COMM_LEN 16

/* Why a connect failed: the enumerator, and the name that users see. */
#define TCP_REASONS(X)                                                                             \
	X(TCP_REASON_REFUSED, "refused")         /* ECONNREFUSED */                                \
	X(TCP_REASON_TIMEOUT, "timeout")         /* ETIMEDOUT */                                   \
	X(TCP_REASON_UNREACHABLE, "unreachable") /* EHOSTUNREACH, ENETUNREACH */                   \
	X(TCP_REASON_RESET, "reset")             /* ECONNRESET, EPIPE */                           \
	X(TCP_REASON_DENIED, "denied")           /* EACCES, EPERM */                               \
	X(TCP_REASON_NO_PORT, "no_port")         /* EADDRNOTAVAIL: no local port left */           \
	X(TCP_REASON_ABORTED, "aborted")         /* closed by the application before an answer */  \
	X(TCP_REASON_OTHER, "other")

#define TCP_REASON_ENUMERATOR(id, name) id,
enum tcp_reason { TCP_REASONS(TCP_REASON_ENUMERATOR) TCP_REASON_COUNT };

/* Where the other end of a connection is. */
#define TCP_SCOPES(X)                                                                              \
	X(TCP_SCOPE_PUBLIC, "public")                                                              \
	X(TCP_SCOPE_PRIVATE, "private")   /* RFC 1918, 6598, 3927, 4193; link-local */             \
	X(TCP_SCOPE_LOOPBACK, "loopback") /* 127.0.0.0/8, ::1, or the same address as ours */

#define TCP_SCOPE_ENUMERATOR(id, name) id,
enum tcp_scope { TCP_SCOPES(TCP_SCOPE_ENUMERATOR) TCP_SCOPE_COUNT };

/* The states of connections of which a balance is kept; all but the first if asked for. */
#define TCP_STATES(X)                                                                              \
	X(TCP_STATE_ESTABLISHED, "established")                                                    \
	X(TCP_STATE_SYN_SENT, "syn_sent")                                                          \
	X(TCP_STATE_SYN_RECV, "syn_recv")                                                          \
	X(TCP_STATE_FIN_WAIT, "fin_wait") /* FIN_WAIT1 and FIN_WAIT2 */                            \
	X(TCP_STATE_CLOSE_WAIT, "close_wait")                                                      \
	X(TCP_STATE_LAST_ACK, "last_ack")                                                          \
	X(TCP_STATE_CLOSING, "closing")

#define TCP_STATE_ENUMERATOR(id, name) id,
enum tcp_balance { TCP_STATES(TCP_STATE_ENUMERATOR) TCP_STATE_COUNT };

#define TCP_PORT_WORDS 1024 /* 64 bits each: a set of ports */

/* What is asked of the kernel half: constants of its programs, so the rest of them costs nothing.
 */
struct tcp_knobs {
	_Bool lifetimes;
	_Bool health;          /* segments, retransmits, resets, round trips */
	_Bool listeners;       /* accept queues */
	_Bool responses;       /* turns: requests and responses */
	_Bool states;          /* connections in other states than ESTABLISHED */
	_Bool hostnames;       /* of the processes' UTS namespaces */
	_Bool cgroups;         /* paths of control groups, as they begin */
	_Bool failures;        /* each failed connect is an event... */
	__u64 slow_connect_ns; /* ...and each that took longer; 0: none */
	_Bool by_scope;
	_Bool by_destination;
	_Bool by_port;
	_Bool by_client;
	_Bool scopes[TCP_SCOPE_COUNT];      /* connections that are counted for their process... */
	__u64 local_ports[TCP_PORT_WORDS];  /* ...if one of their ports is in these sets... */
	__u64 remote_ports[TCP_PORT_WORDS]; /* ...or both sets are empty */
};

/*
 * What is measured, each with a histogram of its own; all but the first if asked for. Sizes are in
 * sixteenths of a byte: so the scale of the histograms is from 64 B to 8 GiB for them.
 */
enum tcp_time {
	TCP_TIME_CONNECT,  /* of successful connects, in ns */
	TCP_TIME_LIFETIME, /* of connections, from established to closed, in us */
	TCP_TIME_RTT,      /* round trip, smoothed by TCP, in ns: once per tick and busy socket */
	TCP_TIME_SERVICE,  /* of requests that were served, in ns; see turn.bpf.h */
	TCP_SIZE_REQUEST_SERVED,
	TCP_SIZE_RESPONSE_SERVED,
	TCP_TIME_RESPONSE, /* the same of requests that were sent, in the same order */
	TCP_SIZE_REQUEST_SENT,
	TCP_SIZE_RESPONSE_RECEIVED,
	TCP_TIME_COUNT
};

/* The histograms of turns are in one table, side by side for each row. */
#define TCP_TURN_TIMES (TCP_TIME_COUNT - TCP_TIME_SERVICE)
#define TCP_SIZE_UNITS 16 /* in a byte */

/* What is counted for a process. 64-bit counters only: the user half walks them as an array. */
struct tcp_counters {
	__u64 tx_bytes; /* accepted from the application; in the kernel half: see tcp_bytes */
	__u64 rx_bytes; /* consumed by the application; the same */
	__u64 connects; /* outgoing connections that were established */
	__u64 accepts;  /* incoming connections, at their first use by the process */
	__u64 failed[TCP_REASON_COUNT];
	__u64 times[TCP_TIME_COUNT]; /* how many were measured; written last, read first */
	__u64 time_sum[TCP_TIME_COUNT];
	__u64 open[TCP_STATE_COUNT]; /* balances, the only numbers that fall: connections by state
				      */
	__u64 time_wait;   /* connections that it closed first; from here on: if asked for */
	__u64 segments;    /* sent, also those that were sent again */
	__u64 retransmits; /* segments that were sent again */
	__u64 resets_sent;
	__u64 resets_received;
	__u64 listen_drops; /* connections that a listening socket had no room for */
	__u64 scope_tx_bytes[TCP_SCOPE_COUNT]; /* tx_bytes by scope */
	__u64 scope_rx_bytes[TCP_SCOPE_COUNT];
};

#define TCP_COUNTERS (sizeof(struct tcp_counters) / sizeof(__u64))

/*
 * The bytes of a row, apart from it and in several shards, so that processors do not wait for each
 * other: row R of shard S is at S * rows + R. The shards of a row add up.
 */
struct tcp_bytes {
	__u64 tx, rx;
};

#define TCP_SHARDS_MAX 8

/* Rows with a fixed meaning; 0 is nobody's, so that zeroed memory means "no owner yet". */
enum tcp_fixed_row { TCP_ROW_NONE, TCP_ROW_OTHER, TCP_ROW_KERNEL, TCP_ROW_FIRST };

/* What a row may be about, besides a process as a whole. */
enum tcp_endpoint_kind {
	TCP_ENDPOINT_NONE,
	TCP_ENDPOINT_DESTINATION, /* an address and port that the process connects to */
	TCP_ENDPOINT_PORT,        /* a local port at which it is connected to */
	TCP_ENDPOINT_CLIENT,      /* an address that connects to it; port 0 */
};

/* One end of a process's connections; all zero for the process as a whole. */
struct tcp_endpoint {
	__u8 address[16]; /* IPv6, or v4-mapped */
	__u16 port;       /* in the host's order */
	__u16 kind;
	__u32 rest; /* 1: all ends of this kind that found no row of their own */
};

/* Which endpoints are asked for of a process, as bits; 0: the user half has not yet said. */
enum tcp_wants {
	TCP_WANTS_KNOWN = 1,
	TCP_WANTS_DESTINATIONS = 1 << TCP_ENDPOINT_DESTINATION,
	TCP_WANTS_PORTS = 1 << TCP_ENDPOINT_PORT,
	TCP_WANTS_CLIENTS = 1 << TCP_ENDPOINT_CLIENT,
};

/* One process. Free while start_ns is 0; the user half frees it, the kernel half fills it. */
struct tcp_row {
	struct tcp_counters counters;
	__u64 time_max[TCP_TIME_COUNT]; /* since the reader last swapped in 0 */
	__u64 start_ns;   /* of the group leader, since boot: tells processes of one pid apart */
	__u64 cgroup;     /* cgroup id at the first event, 0 if unknown; maybe TCP_CGROUP_V1 */
	__u32 pid;        /* thread-group id in the initial pid namespace */
	__u32 uid;        /* at the first event, TCP_UID_UNKNOWN if somebody else caused it */
	__u32 parent;     /* pid of its parent at the first event, 0 if unknown */
	__u32 renames;    /* another number: it has executed a program or changed its name */
	__u32 exited;     /* 1 once the last thread has begun to exit; a hint, it may be missed */
	__u32 generation; /* of this row; the user half counts it up when it frees the row */
	struct tcp_endpoint endpoint;
	__u32 process_row;       /* of an endpoint: its process's */
	__u32 wants;             /* of a process: enum tcp_wants; the user half writes it */
	char comm[TCP_COMM_LEN]; /* of the group leader */
};

/* How the host calls itself for the process of that row, apart from it; "" on the host itself. */
struct tcp_hostname {
	char name[72]; /* up to 64 bytes and the end */
};

#define TCP_UID_UNKNOWN 0xffffffffU
/* `exited` of a row that somebody else caused: it may be dead already */
#define TCP_EXIT_UNKNOWN 2
#define TCP_CGROUP_V1 (1ULL << 63) /* the rest of the id is that of the v1 memory controller */

/* The index: which row a process has, and an endpoint of it. */
struct tcp_process_key {
	__u64 start_ns;
	__u32 pid;
	__u32 zero;
};

struct tcp_endpoint_key {
	struct tcp_process_key process;
	struct tcp_endpoint endpoint;
};

/*
 * The histogram of a time, one per row: bucket 0 is all below 2^TCP_LATENCY_MIN_LOG2 units, then
 * each power of two has 2^TCP_LATENCY_STEP_LOG2 buckets of equal width, and the last takes the
 * rest.
 */
#define TCP_LATENCY_MIN_LOG2 10 /* 1.024 us, or ms */
#define TCP_LATENCY_MAX_LOG2 37 /* 137 s, or 38 hours */
#define TCP_LATENCY_STEP_LOG2 3
#define TCP_LATENCY_BUCKETS                                                                        \
	(((TCP_LATENCY_MAX_LOG2 - TCP_LATENCY_MIN_LOG2) << TCP_LATENCY_STEP_LOG2) + 2)

struct tcp_histogram {
	__u32 buckets[TCP_LATENCY_BUCKETS]; /* since the reader last swapped in 0 */
};

static inline __u32 tcp_log2(__u64 n)
{
	__u32 log2 = 0;

	for (int step = 32; step; step >>= 1) {
		if (n >> step) {
			n >>= step;
			log2 += step;
		}
	}
	return log2;
}

/* The bucket of a time. */
static inline __u32 tcp_latency_bucket(__u64 units)
{
	__u32 log2 = tcp_log2(units), step;

	if (log2 < TCP_LATENCY_MIN_LOG2)
		return 0;
	if (log2 >= TCP_LATENCY_MAX_LOG2)
		return TCP_LATENCY_BUCKETS - 1;
	step = units >> (log2 - TCP_LATENCY_STEP_LOG2) & ((1 << TCP_LATENCY_STEP_LOG2) - 1);
	return 1 + ((log2 - TCP_LATENCY_MIN_LOG2) << TCP_LATENCY_STEP_LOG2) + step;
}

/* A connect that was slow, or failed, told if asked for. Unknown addresses and ports are 0. */
struct tcp_event {
	__u64 start_ns; /* of the process */
	__u64 took_ns;  /* 0 if it failed at once */
	__u32 pid;
	__u32 row;     /* of the process */
	__u32 outcome; /* enum tcp_reason; TCP_REASON_COUNT: it was established */
	__u16 local_port;
	__u16 remote_port;
	__u8 local[16]; /* IPv6, or v4-mapped */
	__u8 remote[16];
	char comm[TCP_COMM_LEN];
};

#define TCP_CGROUP_PATH 504 /* with its end; longer ones are not told */

/* A control group that begins, told if asked for: its id as tcp_row.cgroup has it. */
struct tcp_cgroup {
	__u64 id;
	char path[TCP_CGROUP_PATH];
};

/* A listening socket at this moment, told if asked for. */
struct tcp_listener {
	__u64 drops;  /* connections for which it had no room, since it was last told of */
	__u32 row;    /* of the process that listens */
	__u32 queued; /* connections that wait for an accept */
	__u32 port;
	__u32 half_open; /* connections of whose handshake the last segment is not here yet */
};

/*
 * What is lost: the field, and the type and name of its series. The growth of `lost_deltas` was not
 * believed: more than 2^40 bytes at once. Of `lost_latencies` an end was not seen: the connects are
 * counted, not measured.
 */
#define TCP_LOSSES(X)                                                                              \
	X(lost_processes, "total_events", "lost_processes") /* want a row: in TCP_ROW_OTHER */     \
	X(lost_sockets, "total_events", "lost_sockets")     /* of sockets without a state */       \
	X(lost_bytes, "total_bytes", "lost") /* both ways, of those that never found any */        \
	X(lost_deltas, "total_events", "lost_deltas")                                              \
	X(lost_latencies, "total_events", "lost_latencies")                                        \
	X(lost_endpoints, "total_events", "lost_endpoints") /* want a row of their endpoint */     \
	X(lost_events, "total_events", "lost_events")       /* no room in the ring buffer */       \
	X(lost_listeners, "total_events", "lost_listeners") /* no room in their table */

#define TCP_LOSS_FIELD(field, type, name) __u64 field;

/* The kernel half about itself. */
struct tcp_self {
	__u64 sockets_added;   /* sockets that got a state */
	__u64 sockets_removed; /* of these, how many are gone */
	TCP_LOSSES(TCP_LOSS_FIELD)
};

/* Both compilers must agree on the layout; the sizes are part of the contract. */
_Static_assert(sizeof(struct tcp_counters) == (10 + TCP_REASON_COUNT + 2 * TCP_TIME_COUNT +
					       TCP_STATE_COUNT + 2 * TCP_SCOPE_COUNT) *
						      8,
	       "tcp_counters");
_Static_assert(sizeof(struct tcp_bytes) == 16, "tcp_bytes");
_Static_assert(sizeof(struct tcp_endpoint) == 24, "tcp_endpoint");
_Static_assert(sizeof(struct tcp_row) == sizeof(struct tcp_counters) + 88 + 8 * TCP_TIME_COUNT,
	       "tcp_row");
_Static_assert(sizeof(struct tcp_hostname) == 72, "tcp_hostname");
_Static_assert(sizeof(struct tcp_process_key) == 16, "tcp_process_key");
_Static_assert(sizeof(struct tcp_endpoint_key) == 40, "tcp_endpoint_key");
_Static_assert(sizeof(struct tcp_histogram) == 872, "tcp_histogram");
_Static_assert(sizeof(struct tcp_event) == 80, "tcp_event");
_Static_assert(sizeof(struct tcp_cgroup) == 512, "tcp_cgroup");
_Static_assert(sizeof(struct tcp_listener) == 24, "tcp_listener");
_Static_assert(sizeof(struct tcp_self) == 80, "tcp_self");

#endif
