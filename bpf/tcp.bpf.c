// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The kernel half. No hook carries a number: each one only brings a socket up to date, that is, adds
 * the growth of the absolute counters in struct tcp_sock since the last look to the owner's row.
 * A trigger that the kernel skips makes a number late, never wrong.
 *
 * Programs are named <set>_<event>. The loader (plugin/probe.c) composes a backend from sets.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "tcp.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_MPTCP 262
#define SOCK_STREAM 1
#define SOCK_DEAD_BIT (1UL << 0) /* enum sock_flags: no process holds it any more */
#define SOCK_DONE_BIT (1UL << 1) /* the peer's FIN has arrived */
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define PF_KTHREAD 0x200000
#define SIN6_ADDR 8		/* offset of the address in struct sockaddr_in6 */
#define GROWTH_MAX (1ULL << 40) /* bytes; more at once is a bug, not traffic */

enum {
	EPERM = 1,
	EACCES = 13,
	EPIPE = 32,
	EADDRNOTAVAIL = 99,
	ENETUNREACH = 101,
	ECONNRESET = 104,
	ETIMEDOUT = 110,
	ECONNREFUSED = 111,
	EHOSTUNREACH = 113,
};

/* How a trigger may look at a socket; always a constant, so that the rest is compiled away. */
enum {
	TX = 1 << 0,
	RX = 1 << 1,
	OWN = 1 << 2,      /* the running process works on the socket: growth is its own */
	LAST = 1 << 3,     /* last chance: what nobody owns is the kernel's */
	UNLOCKED = 1 << 4, /* the socket's lock is not held: only write_seq can be trusted */
	SHARED = 1 << 5,   /* an UNLOCKED trigger may run beside us: claim by compare-and-swap */
	PROBE = 1 << 6,    /* fields must be read by helper, not by plain loads */
	MPTCP = 1 << 7,    /* an MPTCP socket, not one of its TCP subflows */
};

/* The process that last worked on a socket. pid 0 with TCP_ROW_KERNEL: the kernel itself. */
struct owner {
	__u64 start_ns;
	__u32 pid;
	__u32 row; /* where it was last seen; believed only if the row still says so */
	char comm[TCP_COMM_LEN];
};

enum {
	ACTIVE = 1 << 0,     /* opened from this side: the SYN took one sequence number */
	UNACCEPTED = 1 << 1, /* opened from the other side, nobody has used it yet */
	ORIGIN = 1 << 2,     /* origin is valid */
	ATTEMPTED = 1 << 3,  /* the connect call under way has reached SYN_SENT */
};

/* One socket. Written under the socket's lock, but for what SHARED triggers claim. */
struct socket_state {
	__u64 tx_bytes; /* counted so far, on the scale of sent() and received() or their MPTCP kin */
	__u64 rx_bytes;
	__u64 connect_ns; /* when the SYN left; 0 unless a connect is under way */
	struct owner owner;
	__u32 origin; /* sequence number of the first byte sent */
	__u32 flags;
};

/* Set by the loader. */
const volatile bool sock_storage = false; /* 5.11: tracing programs may use sk_storage */

/* Set by the loader once the sockets that are older than the probes have their baseline. */
bool baseline_done = false;

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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct tcp_row);
} rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct tcp_latency);
} latencies SEC(".maps");

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

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64); /* threads inside a connect to a v4-mapped address */
	__type(value, __u8);
} mapped_connects SEC(".maps");

#define add(counter, n) ((void)__sync_fetch_and_add(&(counter), (n)))

/* -- processes and their rows -- */

static __always_inline struct tcp_row *row_at(__u32 row)
{
	return bpf_map_lookup_elem(&rows, &row);
}

/* Takes a free row for the owner; TCP_ROW_OTHER if there is none. */
static __noinline __u32 process_add(struct owner *o, struct tcp_process_key *key)
{
	__u32 number = 0, *found;
	struct tcp_row *row;

	if (bpf_map_pop_elem(&free_rows, &number))
		goto full;
	row = row_at(number);
	if (!row)
		goto full;
	row->pid = o->pid;
	row->exited = 0;
	__builtin_memcpy(row->comm, o->comm, TCP_COMM_LEN);
	row->uid = TCP_UID_UNKNOWN;
	row->cgroup = 0;
	if (bpf_get_current_pid_tgid() >> 32 == o->pid) {
		row->uid = (__u32)bpf_get_current_uid_gid();
		row->cgroup = bpf_get_current_cgroup_id();
	}
	if (!bpf_map_update_elem(&processes, key, &number, BPF_NOEXIST)) {
		row->start_ns = o->start_ns;
		return number;
	}
	bpf_map_push_elem(&free_rows, &number, BPF_ANY);
	found = bpf_map_lookup_elem(&processes, key); /* another CPU was faster */
	if (found)
		return *found;
full:
	add(self.lost_processes, 1);
	return TCP_ROW_OTHER;
}

static __always_inline __u32 process_find(struct owner *o)
{
	struct tcp_process_key key = {.start_ns = o->start_ns, .pid = o->pid};
	__u32 *found = bpf_map_lookup_elem(&processes, &key);

	return found ? *found : process_add(o, &key);
}

/* The owner's row. A row that has gone to another process meanwhile is not it. */
static __always_inline struct tcp_row *owner_row(struct owner *o)
{
	struct tcp_row *row = row_at(o->row);

	if (row && row->start_ns == o->start_ns && row->pid == o->pid)
		return row;
	o->row = process_find(o);
	return row_at(o->row);
}

/* Makes the running process the owner. Kernel threads own only what no process ever used. */
static __always_inline void own(struct socket_state *s)
{
	struct owner *o = &s->owner;
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct task_struct *task, *leader;
	struct tcp_row *row;

	if (o->row && o->pid == pid)
		return;
	task = (struct task_struct *)bpf_get_current_task();
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD) {
		if (!o->row)
			o->row = TCP_ROW_KERNEL;
		return;
	}
	leader = BPF_CORE_READ(task, group_leader);
	o->pid = pid;
	o->start_ns = BPF_CORE_READ(leader, start_boottime);
	bpf_core_read(o->comm, sizeof(o->comm), &leader->comm);
	o->row = process_find(o);
	row = row_at(o->row);
	if (row && s->flags & UNACCEPTED) {
		s->flags &= ~UNACCEPTED;
		add(row->counters.accepts, 1);
	}
}

/* -- the state of a socket -- */

static __always_inline struct socket_state *state_get(struct sock *sk)
{
	__u64 key = (__u64)sk;

	if (sock_storage)
		return bpf_sk_storage_get(&storage, sk, 0, 0);
	return bpf_map_lookup_elem(&sockets, &key);
}

/* The state is complete before anybody else can see it. */
static __always_inline struct socket_state *state_add(struct sock *sk, struct socket_state *initial)
{
	struct socket_state *s;
	__u64 key = (__u64)sk;

	if (sock_storage) {
		s = bpf_sk_storage_get(&storage, sk, initial, BPF_SK_STORAGE_GET_F_CREATE);
	} else {
		bpf_map_update_elem(&sockets, &key, initial, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&sockets, &key);
	}
	if (s)
		add(self.sockets_added, 1);
	else
		add(self.lost_sockets, 1);
	return s;
}

/* A socket that begins a new life: it may have a state from an earlier one. */
static __always_inline struct socket_state *state_reset(struct sock *sk, __u32 flags)
{
	struct socket_state initial = {.flags = flags}, *s = state_get(sk);

	if (!s)
		return state_add(sk, &initial);
	*s = initial;
	return s;
}

static __always_inline void state_remove(struct sock *sk)
{
	__u64 key = (__u64)sk;

	add(self.sockets_removed, 1);
	if (sock_storage)
		bpf_sk_storage_delete(&storage, sk);
	else
		bpf_map_delete_elem(&sockets, &key);
}

/* -- absolute counters -- */

#define READ(how, pointer, field)                                                                  \
	((how) & PROBE ? BPF_CORE_READ(pointer, field) : (pointer)->field)

/* For pointers that the verifier does not know; raw sockets may bear these numbers too. */
static __always_inline bool is_stream(struct sock *sk, int protocol)
{
	int family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) &&
	       BPF_CORE_READ(sk, sk_protocol) == protocol &&
	       BPF_CORE_READ(sk, sk_type) == SOCK_STREAM;
}

/* Is it a subflow of an MPTCP socket? */
static __always_inline bool is_mptcp(struct tcp_sock *tp, int how)
{
	return bpf_core_field_exists(tp->is_mptcp) && READ(how, tp, is_mptcp);
}

/* Once the FIN is queued it has taken a sequence number too. */
static __always_inline bool fin_queued(int state)
{
	const __u32 states = 1 << BPF_TCP_FIN_WAIT1 | 1 << BPF_TCP_FIN_WAIT2 |
			     1 << BPF_TCP_CLOSING | 1 << BPF_TCP_LAST_ACK | 1 << BPF_TCP_TIME_WAIT;

	return states >> state & 1;
}

/* Bytes accepted from the application since the connection began, modulo its SYN and FIN. */
static __always_inline __u64 sent(struct tcp_sock *tp, struct socket_state *s, int state, int how)
{
	__u32 una = READ(how, tp, snd_una), syn = !!(s->flags & ACTIVE);
	__u64 acked = READ(how, tp, bytes_acked);

	s->origin = una - (__u32)acked + syn;
	s->flags |= ORIGIN;
	return acked + (__u32)(READ(how, tp, write_seq) - una) - syn - fin_queued(state);
}

/* The same without the lock: from the last count and what write_seq says. */
static __always_inline __u64 sent_unlocked(struct tcp_sock *tp, struct socket_state *s, __u64 before)
{
	return before + (__s32)(tp->write_seq - (s->origin + (__u32)before));
}

/* Bytes that the application has consumed; the peer's FIN counts as received but is no byte. */
static __always_inline __u64 received(struct sock *sk, struct tcp_sock *tp, int how)
{
	__u32 next = READ(how, tp, rcv_nxt), copied = READ(how, tp, copied_seq);
	__u64 bytes = READ(how, tp, bytes_received) - (__u32)(next - copied);

	return bytes - (next == copied && READ(how, sk, __sk_common.skc_flags) & SOCK_DONE_BIT);
}

/* -- the same for MPTCP: 64-bit sequence numbers that start anywhere -- */

static __always_inline __u64 mptcp_sent(struct sock *sk, int state)
{
	return BPF_CORE_READ((struct mptcp_sock *)sk, write_seq) - fin_queued(state);
}

static __always_inline struct sk_buff *queue_first(struct sk_buff_head *queue)
{
	struct sk_buff *first = BPF_CORE_READ(queue, next);

	return first == (struct sk_buff *)queue ? NULL : first;
}

/* Before 6.11: the sequence number of the next byte to read. Needs the lock. */
static __always_inline __u64 mptcp_position(struct sock *sk, int state)
{
	const __u32 fin_received = 1 << BPF_TCP_CLOSE_WAIT | 1 << BPF_TCP_LAST_ACK |
				   1 << BPF_TCP_CLOSING | 1 << BPF_TCP_CLOSE;
	struct mptcp_sock *msk = (struct mptcp_sock *)sk;
	struct sk_buff *skb = NULL;
	struct mptcp_skb_cb *cb;

	if (bpf_core_field_exists(msk->receive_queue))
		skb = queue_first(&msk->receive_queue);
	if (!skb)
		skb = queue_first(&sk->sk_receive_queue);
	if (!skb)
		return BPF_CORE_READ(msk, ack_seq) - (fin_received >> state & 1);
	cb = (struct mptcp_skb_cb *)&skb->cb;
	return BPF_CORE_READ(cb, map_seq); /* moves on as the skb is read */
}

static __always_inline __u64 mptcp_received(struct sock *sk, int state)
{
	struct mptcp_sock *msk = (struct mptcp_sock *)sk;

	if (bpf_core_field_exists(msk->bytes_consumed))
		return BPF_CORE_READ(msk, bytes_consumed);
	return mptcp_position(sk, state);
}

/* The counts with which a socket begins whose birth was not seen: the best that it can say. */
static __always_inline void mptcp_begin(struct sock *sk, struct socket_state *s, int state)
{
	struct mptcp_sock *msk = (struct mptcp_sock *)sk;
	bool told = bpf_core_field_exists(msk->bytes_acked) && baseline_done;

	s->tx_bytes = mptcp_sent(sk, state);
	s->rx_bytes = mptcp_received(sk, state);
	if (told)
		s->tx_bytes = BPF_CORE_READ(msk, snd_una) - BPF_CORE_READ(msk, bytes_acked);
	if (bpf_core_field_exists(msk->bytes_consumed) && baseline_done)
		s->rx_bytes = 0;
}

/* -- growth -- */

/* Growth that is not positive leaves things as they are: somebody else has counted further. */
static __always_inline __u64 growth(__u64 before, __u64 now)
{
	if ((__s64)(now - before) <= 0)
		return 0;
	if (now - before <= GROWTH_MAX)
		return now - before;
	add(self.lost_deltas, 1);
	return 0;
}

/* Moves a count up to `now`. Whoever beats us to the claim takes what we saw, or more. */
static __always_inline __u64 claim(__u64 *count, __u64 before, __u64 now, int how)
{
	__u64 grown = growth(before, now);

	if (!(how & SHARED)) {
		if (grown)
			*count = now;
		return grown;
	}
	return grown && __sync_val_compare_and_swap(count, before, now) == before ? grown : 0;
}

static __always_inline __u64 grow_tx(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				     int state, int how)
{
	__u64 before, now, grown = 0;

#pragma unroll
	for (int tries = 0; tries < (how & SHARED ? 3 : 1); tries++) {
		before = s->tx_bytes;
		if (how & MPTCP)
			now = mptcp_sent(sk, state);
		else
			now = how & UNLOCKED ? sent_unlocked(tp, s, before)
					     : sent(tp, s, state, how);
		grown = claim(&s->tx_bytes, before, now, how);
		if (grown)
			break;
	}
	return grown;
}

static __always_inline __u64 grow_rx(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				     int state, int how)
{
	__u64 before = s->rx_bytes;

	if (how & MPTCP)
		return claim(&s->rx_bytes, before, mptcp_received(sk, state), how);
	return claim(&s->rx_bytes, before, received(sk, tp, how), how & ~SHARED);
}

/* Adds growth to the row of the process at work, or else of the last one that was. */
static __always_inline void credit(struct socket_state *s, __u64 tx, __u64 rx, int how)
{
	struct tcp_row *row;

	if (how & OWN)
		own(s);
	if (!s->owner.row)
		s->owner.row = TCP_ROW_KERNEL;
	row = owner_row(&s->owner);
	if (!row)
		return;
	if (tx)
		add(row->counters.tx_bytes, tx);
	if (rx)
		add(row->counters.rx_bytes, rx);
}

/*
 * Brings a socket up to date. In a state change, what is queued for sending stands as the state
 * `before` left it, and what was received as the one `now` has it; else both are the same.
 */
static __always_inline void update(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				   int before, int now, int how)
{
	__u64 tx = 0, rx = 0;

	if (before == BPF_TCP_SYN_SENT || before == BPF_TCP_LISTEN)
		return;
	if (how & RX && !(how & MPTCP) && !(s->flags & ORIGIN) && before != BPF_TCP_CLOSE)
		sent(tp, s, before, how); /* so that unlocked triggers may begin */
	if (!(how & (OWN | LAST)) && !s->owner.row)
		return;
	/* tcp_disconnect() moves write_seq: once closed, nothing can be said about sent bytes */
	if (how & TX && before != BPF_TCP_CLOSE)
		tx = grow_tx(sk, tp, s, before, how);
	if (how & RX)
		rx = grow_rx(sk, tp, s, now, how);
	if (tx || rx)
		credit(s, tx, rx, how);
}

/* In these states a socket carries data. In CLOSE it may have been destroyed already. */
static __always_inline bool carries_data(int state)
{
	return state != BPF_TCP_CLOSE && state != BPF_TCP_LISTEN && state != BPF_TCP_SYN_SENT;
}

/*
 * The state of a socket whose birth was not seen. It starts from nothing, unless the older sockets
 * are not known yet: then what it moved before is not ours to report.
 */
static __always_inline struct socket_state *state_found(struct sock *sk, struct tcp_sock *tp,
							int state, int how)
{
	struct socket_state initial = {};

	if (!carries_data(state))
		return NULL;
	if (how & MPTCP) {
		mptcp_begin(sk, &initial, state);
	} else if (!baseline_done && !(how & UNLOCKED)) {
		initial.tx_bytes = sent(tp, &initial, state, how);
		initial.rx_bytes = received(sk, tp, how);
	}
	return state_add(sk, &initial);
}

/* A process, or the kernel for it, has moved data through the socket. */
static __always_inline void on_data(struct sock *sk, struct tcp_sock *tp, int how)
{
	int state = READ(how, sk, __sk_common.skc_state);
	struct socket_state *s;

	/* a subflow's sequence numbers are not the application's: those are its MPTCP socket's */
	if (!(how & MPTCP) && is_mptcp(tp, how))
		return;
	s = state_get(sk);
	if (!s)
		s = state_found(sk, tp, state, how);
	if (!s)
		return;
	/* without the lock, the FIN counts what came before it, and there is no count to begin from */
	if (how & UNLOCKED && (fin_queued(state) || !(how & MPTCP || s->flags & ORIGIN)))
		return;
	update(sk, tp, s, state, state, how);
}

/* Without the lock, only kernels that count for themselves (6.11) can be trusted. */
static __always_inline void on_mptcp_receive(struct sock *sk)
{
	if (bpf_core_field_exists(((struct mptcp_sock *)sk)->bytes_consumed))
		on_data(sk, NULL, RX | OWN | UNLOCKED | SHARED | MPTCP);
}

/* -- connects -- */

static __always_inline __u32 log2_of(__u64 n)
{
	__u32 log2 = 0;

#pragma unroll
	for (int step = 32; step; step >>= 1) {
		if (n >> step) {
			n >>= step;
			log2 += step;
		}
	}
	return log2;
}

static __always_inline __u32 latency_bucket(__u64 ns)
{
	__u32 log2 = log2_of(ns), step;

	if (log2 < TCP_LATENCY_MIN_LOG2)
		return 0;
	if (log2 >= TCP_LATENCY_MAX_LOG2)
		return TCP_LATENCY_BUCKETS - 1;
	step = ns >> (log2 - TCP_LATENCY_STEP_LOG2) & ((1 << TCP_LATENCY_STEP_LOG2) - 1);
	return 1 + ((log2 - TCP_LATENCY_MIN_LOG2) << TCP_LATENCY_STEP_LOG2) + step;
}

static __always_inline void latency_add(struct owner *o, struct tcp_row *row, __u64 ns)
{
	struct tcp_latency *latency = bpf_map_lookup_elem(&latencies, &o->row);
	__u32 bucket = latency_bucket(ns);

	add(row->counters.connect_ns, ns);
	add(row->counters.measured, 1);
	if (row->connect_max_ns < ns)
		row->connect_max_ns = ns;
	barrier_var(bucket); /* else 6.1's verifier forgets the bound */
	if (latency && bucket < TCP_LATENCY_BUCKETS)
		add(latency->buckets[bucket], 1);
}

static __always_inline enum tcp_reason reason_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return TCP_REASON_REFUSED;
	case ETIMEDOUT:
		return TCP_REASON_TIMEOUT;
	case EHOSTUNREACH:
	case ENETUNREACH:
		return TCP_REASON_UNREACHABLE;
	case ECONNRESET:
	case EPIPE:
		return TCP_REASON_RESET;
	case EACCES:
	case EPERM:
		return TCP_REASON_DENIED;
	case EADDRNOTAVAIL:
		return TCP_REASON_NO_PORT;
	}
	return TCP_REASON_OTHER;
}

static __always_inline void failure_add(struct owner *o, enum tcp_reason reason)
{
	struct tcp_row *row = owner_row(o);

	barrier_var(reason);
	if (row && reason < TCP_REASON_COUNT)
		add(row->counters.failed[reason], 1);
}

/* Without an error no port was ever given to the socket, or the application gave up. */
static __always_inline enum tcp_reason failure_of(struct sock *sk, struct tcp_sock *tp, int how)
{
	int error = READ(how, sk, sk_err);

	if (error)
		return reason_of(error);
	return READ(how, (struct inet_sock *)tp, inet_sport) ? TCP_REASON_ABORTED
							     : TCP_REASON_NO_PORT;
}

/* The connect under way has ended, well (`now` is ESTABLISHED) or not (CLOSE). */
static __always_inline void on_connect_end(struct sock *sk, struct tcp_sock *tp,
					   struct socket_state *s, int now, int how)
{
	__u64 started_ns = s->connect_ns;
	struct tcp_row *row;

	s->connect_ns = 0;
	if (now != BPF_TCP_ESTABLISHED) {
		failure_add(&s->owner, failure_of(sk, tp, how));
		return;
	}
	row = owner_row(&s->owner);
	if (!row)
		return;
	add(row->counters.connects, 1);
	latency_add(&s->owner, row, bpf_ktime_get_ns() - started_ns);
}

/* A connect that failed before its SYN: no state change tells of it. */
static __always_inline void on_connect_error(int error)
{
	struct socket_state nobody = {};

	if (error != ENETUNREACH && error != EHOSTUNREACH && error != EACCES && error != EPERM)
		return;
	own(&nobody);
	failure_add(&nobody.owner, reason_of(error));
}

/* The protocol's connect function returns; what got as far as SYN_SENT has its end elsewhere. */
static __always_inline void on_connect_return(struct sock *sk, int ret)
{
	struct socket_state *s = state_get(sk);

	if (s && s->flags & ATTEMPTED)
		s->flags &= ~ATTEMPTED;
	else if (ret < 0)
		on_connect_error(-ret);
}

/* The SYN leaves now: with a deferred Fast Open that is long after the application's connect. */
static __always_inline void on_syn(struct sock *sk)
{
	struct socket_state *s = state_get(sk);

	if (s && s->connect_ns)
		s->connect_ns = bpf_ktime_get_ns();
}

/* ::ffff:a.b.c.d goes through both functions: the inner one has told. */
static __always_inline bool is_mapped(const void *address)
{
	__be32 words[3] = {1};

	bpf_probe_read_kernel(words, sizeof(words), address + SIN6_ADDR);
	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff);
}

static __always_inline void on_state(struct sock *sk, struct tcp_sock *tp, int old, int now, int how)
{
	struct socket_state *s;

	if (now == BPF_TCP_SYN_SENT) {
		s = state_reset(sk, ACTIVE | ATTEMPTED);
		if (!s)
			return;
		own(s);
		s->connect_ns = bpf_ktime_get_ns();
		return;
	}
	if (old == BPF_TCP_LISTEN && now == BPF_TCP_SYN_RECV) {
		state_reset(sk, UNACCEPTED);
		return;
	}
	s = state_get(sk);
	if (!s && old == BPF_TCP_SYN_SENT && now == BPF_TCP_ESTABLISHED) {
		add(self.lost_latencies, 1);
		s = state_reset(sk, ACTIVE);
	}
	if (!s)
		return;
	if (s->connect_ns && (now == BPF_TCP_ESTABLISHED || now == BPF_TCP_CLOSE))
		on_connect_end(sk, tp, s, now, how);
	if (is_mptcp(tp, how))
		return;
	/* Closing without a word is a use too. */
	if (!s->owner.row && READ(how, sk, sk_lock.owned) &&
	    (fin_queued(now) || now == BPF_TCP_CLOSE))
		own(s);
	if (old != BPF_TCP_SYN_SENT)
		update(sk, tp, s, old, now, how);
	else if (now == BPF_TCP_ESTABLISHED) /* the handshake has no bytes, Fast Open has */
		update(sk, tp, s, now, now, how);
}

/* Connects are those of the first subflow; an MPTCP socket itself only carries data. */
static __always_inline void on_mptcp_state(struct sock *sk, int old, int now, int how)
{
	struct socket_state *s = state_get(sk);

	if (now == BPF_TCP_SYN_SENT) {
		s = state_reset(sk, 0);
		if (s)
			own(s);
	} else if (now == BPF_TCP_ESTABLISHED) {
		if (!s)
			s = state_reset(sk, old == BPF_TCP_LISTEN ? UNACCEPTED : 0);
		if (!s)
			return;
		s->tx_bytes = mptcp_sent(sk, now);
		s->rx_bytes = mptcp_received(sk, now);
	} else if (s && carries_data(old)) {
		if (!s->owner.row && READ(how, sk, sk_lock.owned) && fin_queued(now))
			own(s);
		update(sk, NULL, s, old, now, how | MPTCP);
	}
	/* it passes no tcp_destroy_sock; closed again means destroyed */
	if (s && now == BPF_TCP_CLOSE &&
	    (old == BPF_TCP_CLOSE || READ(how, sk, __sk_common.skc_flags) & SOCK_DEAD_BIT))
		state_remove(sk);
}

/* For sk pointers of any protocol that the tracepoint passes. */
static __always_inline void on_typed_state(struct sock *sk, int old, int now, int how)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_state(sk, tp, old, now, how);
	else if (sk->sk_protocol == IPPROTO_MPTCP)
		on_mptcp_state(sk, old, now, how);
}

/* -- the other events -- */

static __always_inline void on_destroy(struct sock *sk, struct tcp_sock *tp, int how)
{
	struct socket_state *s = state_get(sk);

	if (!s)
		return;
	if (!is_mptcp(tp, how))
		update(sk, tp, s, BPF_TCP_CLOSE, BPF_TCP_CLOSE, how);
	state_remove(sk);
}

static __always_inline struct tcp_row *leader_row(struct task_struct *leader, int how)
{
	struct tcp_process_key key = {
		.start_ns = READ(how, leader, start_boottime),
		.pid = READ(how, leader, tgid),
	};
	__u32 *number = bpf_map_lookup_elem(&processes, &key);

	return number ? row_at(*number) : NULL;
}

/* exec and prctl(PR_SET_NAME): the name of a process is that of its leader. */
static __always_inline void on_rename(struct task_struct *task, const char *comm, int how)
{
	struct tcp_row *row = NULL;

	if (READ(how, task, pid) == READ(how, task, tgid))
		row = leader_row(task, how);
	if (row)
		bpf_probe_read_kernel_str(row->comm, sizeof(row->comm), comm);
}

static __always_inline void on_exit(struct task_struct *task, int how)
{
	struct signal_struct *signal = READ(how, task, signal);
	struct tcp_row *row = NULL;

	if (!READ(how, signal, live.counter)) /* the last thread */
		row = leader_row(READ(how, task, group_leader), how);
	if (row)
		row->exited = 1;
}

/* What a socket that is older than the probes has moved so far, and who holds it. */
static __always_inline void on_older(struct sock *sk, int state, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct socket_state s = {};
	__u32 origin;

	s.owner.pid = BPF_CORE_READ(task, tgid);
	s.owner.start_ns = BPF_CORE_READ(leader, start_boottime);
	bpf_core_read(s.owner.comm, sizeof(s.owner.comm), &leader->comm);
	s.owner.row = TCP_ROW_OTHER; /* it gets a row of its own with its first event */
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP) {
		mptcp_begin(sk, &s, state);
		state_add(sk, &s);
		return;
	}
	if (state == BPF_TCP_SYN_SENT)
		s.flags = ACTIVE;
	for (int i = 0; state != BPF_TCP_SYN_SENT && i < 3; i++) {
		origin = s.origin;
		s.rx_bytes = received(sk, tp, PROBE);
		s.tx_bytes = sent(tp, &s, state, PROBE);
		if (i && s.origin == origin) /* no ACK came in between: we hold no lock here */
			break;
	}
	state_add(sk, &s);
}

/* -- entries: raw tracepoints with types -- */

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(traced_receive, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	/* Without an owner of the lock this is a softirq on top of some bystander (kTLS). */
	if (tp && sk->sk_lock.owned)
		on_data(sk, tp, RX | OWN);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(traced_destroy, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_destroy(sk, tp, RX | LAST);
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(traced_rename, struct task_struct *task, const char *comm)
{
	on_rename(task, comm, 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(traced_exit, struct task_struct *task)
{
	on_exit(task, 0);
	return 0;
}

/* For the backends in which every trigger holds the socket's lock. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(locked_state, struct sock *sk, int old, int now)
{
	on_typed_state(sk, old, now, TX | RX);
	return 0;
}

/* -- entries: fentry -- */

SEC("fexit/tcp_sendmsg_locked")
int BPF_PROG(fentry_send, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_data(sk, tp, TX | OWN);
	return 0;
}

/* Before 6.5: sendfile and splice do not pass tcp_sendmsg_locked. */
SEC("fexit/do_tcp_sendpages")
int BPF_PROG(fentry_sendpages, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_data(sk, tp, TX | OWN);
	return 0;
}

/* MPTCP: sends and receives have released the lock by then; 64-bit counters do not mind. */
SEC("fexit/mptcp_sendmsg")
int BPF_PROG(fentry_mptcp_send, struct sock *sk)
{
	on_data(sk, NULL, TX | OWN | UNLOCKED | SHARED | MPTCP);
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
	if (sk->sk_protocol == IPPROTO_MPTCP)
		on_data(sk, NULL, TX | RX | OWN | SHARED | MPTCP);
	return 0;
}

/* Connects that fail before there is a SYN: no state change tells of them. */
SEC("fexit/tcp_v4_connect")
int BPF_PROG(fentry_connect4, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	on_connect_return(sk, ret);
	return 0;
}

SEC("fexit/tcp_v6_connect")
int BPF_PROG(fentry_connect6, struct sock *sk, struct sockaddr *address, int size, int ret)
{
	if (!is_mapped(address))
		on_connect_return(sk, ret);
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
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_data(sk, tp, TX | OWN);
	return 0;
}

/* -- entries: kprobe. Nothing here needs BTF in the kernel: a file will do. -- */

SEC("kprobe/release_sock")
int BPF_KPROBE(kprobe_release, struct sock *sk)
{
	if (is_stream(sk, IPPROTO_TCP))
		on_data(sk, (struct tcp_sock *)sk, TX | RX | OWN | PROBE);
	else if (is_stream(sk, IPPROTO_MPTCP))
		on_data(sk, NULL, TX | RX | OWN | PROBE | MPTCP);
	return 0;
}

SEC("kprobe/tcp_connect")
int BPF_KPROBE(kprobe_syn, struct sock *sk)
{
	on_syn(sk);
	return 0;
}

SEC("kretprobe/tcp_v4_connect")
int BPF_KRETPROBE(kprobe_connect4, int ret)
{
	if (ret < 0)
		on_connect_error(-ret);
	return 0;
}

SEC("kprobe/tcp_v6_connect")
int BPF_KPROBE(kprobe_connect6_enter, struct sock *sk, void *address)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u8 yes = 1;

	if (is_mapped(address))
		bpf_map_update_elem(&mapped_connects, &thread, &yes, BPF_ANY);
	return 0;
}

SEC("kretprobe/tcp_v6_connect")
int BPF_KRETPROBE(kprobe_connect6, int ret)
{
	__u64 thread = bpf_get_current_pid_tgid();

	if (bpf_map_delete_elem(&mapped_connects, &thread) && ret < 0)
		on_connect_error(-ret);
	return 0;
}

SEC("raw_tp/inet_sock_set_state")
int kprobe_state(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];

	if (is_stream(sk, IPPROTO_TCP))
		on_state(sk, (struct tcp_sock *)sk, ctx->args[1], ctx->args[2], TX | RX | PROBE);
	else if (is_stream(sk, IPPROTO_MPTCP))
		on_mptcp_state(sk, ctx->args[1], ctx->args[2], TX | RX | PROBE);
	return 0;
}

SEC("raw_tp/tcp_destroy_sock")
int kprobe_destroy(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];

	on_destroy(sk, (struct tcp_sock *)sk, RX | LAST | PROBE);
	return 0;
}

SEC("raw_tp/task_rename")
int kprobe_rename(struct bpf_raw_tracepoint_args *ctx)
{
	on_rename((struct task_struct *)ctx->args[0], (const char *)ctx->args[1], PROBE);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int kprobe_exit(struct bpf_raw_tracepoint_args *ctx)
{
	on_exit((struct task_struct *)ctx->args[0], PROBE);
	return 0;
}

/* -- entries: rawtp, since 6.3: sock_send_length fires after the lock was released. -- */

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(shared_state, struct sock *sk, int old, int now)
{
	on_typed_state(sk, old, now, TX | RX | SHARED);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(rawtp_send, struct sock *sk, int ret)
{
	struct tcp_sock *tp;

	if (ret <= 0 || sk->sk_type != SOCK_STREAM)
		return 0;
	if (sk->sk_protocol == IPPROTO_MPTCP) {
		on_data(sk, NULL, TX | OWN | UNLOCKED | SHARED | MPTCP);
	} else if (sk->sk_protocol == IPPROTO_TCP) {
		tp = bpf_skc_to_tcp_sock(sk);
		if (tp)
			on_data(sk, tp, TX | OWN | UNLOCKED | SHARED);
	}
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(rawtp_mptcp_receive, struct sock *sk, int ret)
{
	if (ret > 0 && sk->sk_protocol == IPPROTO_MPTCP)
		on_mptcp_receive(sk);
	return 0;
}

/* Run at every tick: what blocked senders have sent so far. No tracepoint tells of them. */
SEC("iter/bpf_sk_storage_map")
int rawtp_progress(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	struct socket_state *s;
	struct tcp_sock *tp;
	int state;

	tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
	if (!tp || is_mptcp(tp, 0))
		return 0;
	state = sk->__sk_common.skc_state;
	s = state_get(sk);
	if (s && s->flags & ORIGIN && carries_data(state) && !fin_queued(state))
		update(sk, tp, s, state, state, TX | UNLOCKED | SHARED);
	return 0;
}

/* -- entries: rawtp before 6.3: the packet that a send causes, mostly in the sender's context. -- */

SEC("tp_btf/net_dev_queue")
int BPF_PROG(packet_send, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;

	if (!tp || sk->sk_type != SOCK_STREAM)
		return 0;
	if (sk->sk_lock.owned)
		on_data(sk, tp, TX | OWN);
	else
		on_data(sk, tp, TX);
	return 0;
}

/* -- run once by the loader, for the sockets that are older than the probes -- */

static __always_inline struct sock *sock_of(struct file *file)
{
	struct socket *socket;

	if (sock_storage) { /* needs a pointer that the verifier knows; the helper is of 5.11 too */
		socket = bpf_sock_from_file(file);
		return socket ? socket->sk : NULL;
	}
	socket = file->private_data;
	return socket ? BPF_CORE_READ(socket, sk) : NULL;
}

SEC("iter/task_file")
int always_baseline(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct sock *sk;
	int state;

	if (!task || !file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	sk = sock_of(file);
	if (!sk || (!is_stream(sk, IPPROTO_TCP) && !is_stream(sk, IPPROTO_MPTCP)))
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state != BPF_TCP_CLOSE && state != BPF_TCP_LISTEN && !state_get(sk))
		on_older(sk, state, task);
	return 0;
}
