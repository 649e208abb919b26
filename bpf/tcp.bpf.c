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
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "tcp.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define SOCK_STREAM 1
#define SOCK_DONE_BIT (1UL << 1) /* enum sock_flags: the peer's FIN has arrived */
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define PF_KTHREAD 0x200000
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
};

/* One socket. Written under the socket's lock, but for tx, which SHARED triggers claim. */
struct socket_state {
	__u64 tx_bytes; /* counted so far, on the scale of sent() and received() */
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

/* -- absolute counters -- */

#define READ(how, pointer, field)                                                                  \
	((how) & PROBE ? BPF_CORE_READ(pointer, field) : (pointer)->field)

/* For pointers that the verifier does not know; raw sockets may bear TCP's number too. */
static __always_inline bool is_tcp(struct sock *sk)
{
	int family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) &&
	       BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP &&
	       BPF_CORE_READ(sk, sk_type) == SOCK_STREAM;
}

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

static __always_inline __u64 grow_tx(struct tcp_sock *tp, struct socket_state *s, int state, int how)
{
	__u64 before, now, grown;
	int i;

	for (i = 0; i < 3; i++) { /* whoever beats us to the claim takes what we saw or more */
		before = s->tx_bytes;
		now = how & UNLOCKED ? sent_unlocked(tp, s, before) : sent(tp, s, state, how);
		grown = growth(before, now);
		if (!grown)
			return 0;
		if (!(how & SHARED)) {
			s->tx_bytes = now;
			return grown;
		}
		if (__sync_val_compare_and_swap(&s->tx_bytes, before, now) == before)
			return grown;
	}
	return 0;
}

static __always_inline __u64 grow_rx(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				     int how)
{
	__u64 now = received(sk, tp, how), grown = growth(s->rx_bytes, now);

	if (grown)
		s->rx_bytes = now;
	return grown;
}

/* Brings a socket up to date. `state` is the one in which its counters stand. */
static __always_inline void update(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				   int state, int how)
{
	__u64 tx = 0, rx = 0;
	struct tcp_row *row;

	if (state == BPF_TCP_SYN_SENT || state == BPF_TCP_LISTEN)
		return;
	if (how & RX && !(s->flags & ORIGIN) && state != BPF_TCP_CLOSE)
		sent(tp, s, state, how); /* so that unlocked triggers may begin */
	if (!(how & (OWN | LAST)) && !s->owner.row)
		return;
	/* tcp_disconnect() moves write_seq: once closed, nothing can be said about sent bytes */
	if (how & TX && state != BPF_TCP_CLOSE)
		tx = grow_tx(tp, s, state, how);
	if (how & RX)
		rx = grow_rx(sk, tp, s, how);
	if (!tx && !rx)
		return;
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
 * The state of a socket that carries data. One without a state is new to us: it starts from nothing,
 * unless the older sockets are not known yet: then what it moved before is not ours to report.
 */
static __always_inline struct socket_state *state_of_user(struct sock *sk, struct tcp_sock *tp,
							  int state, int how)
{
	struct socket_state initial = {}, *s = state_get(sk);

	/* In CLOSE the socket may have been destroyed already: a new state would never go away. */
	if (s || state == BPF_TCP_CLOSE || state == BPF_TCP_LISTEN || state == BPF_TCP_SYN_SENT)
		return s;
	if (!baseline_done && !(how & UNLOCKED)) {
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

	if (is_mptcp(tp, how)) /* a subflow: its sequence numbers are not the application's */
		return;
	s = state_of_user(sk, tp, state, how);
	if (!s || (how & UNLOCKED && !(s->flags & ORIGIN)))
		return;
	if (how & UNLOCKED && fin_queued(state)) /* counted with the FIN */
		return;
	update(sk, tp, s, state, how);
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

static __always_inline enum tcp_reason reason_of(struct sock *sk, struct tcp_sock *tp, int how)
{
	switch (READ(how, sk, sk_err)) {
	case 0: /* no port was ever given to it, or the application gave up */
		return READ(how, (struct inet_sock *)tp, inet_sport) ? TCP_REASON_ABORTED
								     : TCP_REASON_NO_PORT;
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

/* The connect under way has ended, well (`now` is ESTABLISHED) or not (CLOSE). */
static __always_inline void on_connect_end(struct sock *sk, struct tcp_sock *tp,
					   struct socket_state *s, int now, int how)
{
	__u64 started_ns = s->connect_ns;
	struct tcp_row *row;
	enum tcp_reason reason;

	s->connect_ns = 0;
	row = owner_row(&s->owner);
	if (!row)
		return;
	if (now == BPF_TCP_ESTABLISHED) {
		add(row->counters.connects, 1);
		latency_add(&s->owner, row, bpf_ktime_get_ns() - started_ns);
		return;
	}
	reason = reason_of(sk, tp, how);
	barrier_var(reason);
	if (reason < TCP_REASON_COUNT)
		add(row->counters.failed[reason], 1);
}

static __always_inline void on_state(struct sock *sk, struct tcp_sock *tp, int old, int now, int how)
{
	struct socket_state *s;

	if (now == BPF_TCP_SYN_SENT) {
		s = state_reset(sk, ACTIVE);
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
	/* The counters still stand as the old state left them, and the handshake has no bytes. */
	if (old != BPF_TCP_SYN_SENT)
		update(sk, tp, s, old, how);
	else if (now == BPF_TCP_ESTABLISHED)
		update(sk, tp, s, now, how);
}

/* -- the other events -- */

static __always_inline void on_destroy(struct sock *sk, struct tcp_sock *tp, int how)
{
	struct socket_state *s = state_get(sk);
	__u64 key = (__u64)sk;

	if (!s)
		return;
	if (!is_mptcp(tp, how))
		update(sk, tp, s, READ(how, sk, __sk_common.skc_state), how);
	add(self.sockets_removed, 1);
	if (!sock_storage) /* sk_storage frees itself */
		bpf_map_delete_elem(&sockets, &key);
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
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_state(sk, tp, old, now, TX | RX);
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

/* -- entries: kprobe. Nothing here needs BTF in the kernel: a file will do. -- */

SEC("kprobe/release_sock")
int BPF_KPROBE(kprobe_release, struct sock *sk)
{
	if (is_tcp(sk))
		on_data(sk, (struct tcp_sock *)sk, TX | RX | OWN | PROBE);
	return 0;
}

SEC("raw_tp/inet_sock_set_state")
int kprobe_state(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];

	if (is_tcp(sk))
		on_state(sk, (struct tcp_sock *)sk, ctx->args[1], ctx->args[2], TX | RX | PROBE);
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
int BPF_PROG(rawtp_state, struct sock *sk, int old, int now)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_state(sk, tp, old, now, TX | RX | SHARED);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(rawtp_send, struct sock *sk, int ret)
{
	struct tcp_sock *tp;

	if (ret <= 0 || sk->sk_protocol != IPPROTO_TCP || sk->sk_type != SOCK_STREAM)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp)
		on_data(sk, tp, TX | OWN | UNLOCKED | SHARED);
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
	if (!sk || !is_tcp(sk))
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state != BPF_TCP_CLOSE && state != BPF_TCP_LISTEN && !state_get(sk))
		on_older(sk, state, task);
	return 0;
}
