/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Sockets: their state, and the growth of their absolute counters. What arrives here is exact;
 * which process it belongs to is process.bpf.h's.
 */
#ifndef EBPF_TCP_SOCKET_BPF_H
#define EBPF_TCP_SOCKET_BPF_H

#include "event.bpf.h"
#include "health.bpf.h"
#include "listen.bpf.h"
#include "sequence.bpf.h"

/* The table of sockets: of all of them, or of those that got no storage. */
static __always_inline struct socket_state *tabled_get(struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&sockets, &key);
}

static __always_inline struct socket_state *state_get(struct sock *sk)
{
	struct socket_state *s;

	if (__builtin_expect(!sock_storage, false))
		return tabled_get(sk);
	s = bpf_sk_storage_get(&storage, sk, 0, 0);
	if (__builtin_expect(s || !tabled, true))
		return s;
	return tabled_get(sk);
}

static __always_inline struct socket_state *tabled_add(struct sock *sk,
						       struct socket_state *initial)
{
	__u64 key = (__u64)sk;

	if (!bpf_map_update_elem(&sockets, &key, initial, BPF_NOEXIST))
		add(tabled, 1);
	return bpf_map_lookup_elem(&sockets, &key);
}

/*
 * Storage counts against net.core.optmem_max, which a user may lower in a namespace, or use up by
 * options of the socket. That ends nobody's account: then the table has the state.
 */
static __noinline struct socket_state *storage_refused(struct sock *sk,
						       struct socket_state *initial)
{
	struct socket_state *s = bpf_sk_storage_get(&storage, sk, 0, 0);

	return s ? s : tabled_add(sk, initial); /* another CPU was faster */
}

/* The state is complete before anybody else can see it. */
static __always_inline struct socket_state *state_add(struct sock *sk, struct socket_state *initial)
{
	struct socket_state *s;

	if (sock_storage) {
		s = bpf_sk_storage_get(&storage, sk, initial, BPF_SK_STORAGE_GET_F_CREATE);
		if (!s)
			s = storage_refused(sk, initial);
	} else {
		s = tabled_add(sk, initial);
	}
	if (s)
		add(self.sockets_added, 1);
	else
		add(self.lost_sockets, 1);
	return s;
}

/* A socket that begins a new life: it may have a state from an earlier one. */
static __always_inline struct socket_state *state_reset(struct sock *sk, int flags, int uncounted)
{
	struct socket_state initial = {.flags = flags, .uncounted = uncounted};
	struct socket_state *s = state_get(sk);

	if (!s)
		return state_add(sk, &initial);
	*s = initial;
	return s;
}

/* The kernel frees the storage with the socket, soon and for less than it costs to do it here. */
static __always_inline void state_remove(struct sock *sk, struct socket_state *s)
{
	__u64 key = (__u64)sk;

	add(self.sockets_removed, 1);
	s->flags |= GONE;
	if ((!sock_storage || tabled) && !bpf_map_delete_elem(&sockets, &key))
		add(tabled, -1);
}

/* Growth that is not positive leaves things as they are: somebody else has counted further. */
static __always_inline __u64 growth_of(__u64 before, __u64 now)
{
	if ((__s64)(now - before) <= 0)
		return 0;
	if (now - before <= GROWTH_MAX)
		return now - before;
	add(self.lost_deltas, 1);
	return 0;
}

/* Moves a count up to `now`. False if somebody beats us to it, who takes what we saw, or more. */
static __always_inline bool claim(__u64 *grown, __u64 *count, __u64 before, __u64 now, int how)
{
	*grown = growth_of(before, now);
	if (!*grown)
		return true;
	if (!(how & SHARED)) {
		*count = now;
		return true;
	}
	if (__sync_val_compare_and_swap(count, before, now) == before)
		return true;
	*grown = 0;
	return false;
}

/* In these states a socket carries data. In CLOSE it may have been destroyed already. */
static __always_inline bool carries_data(int state)
{
	return state != BPF_TCP_CLOSE && state != BPF_TCP_LISTEN && state != BPF_TCP_SYN_SENT;
}

/* Without the lock: closing moves write_seq, and its event has counted all. */
static __always_inline bool may_send(int state)
{
	return carries_data(state) && !fin_queued(state);
}

/* Returns as claim(). `most`: see on_any_data(). */
static __always_inline bool claim_tx(__u64 *grown, struct sock *sk, struct tcp_sock *tp,
				     struct socket_state *s, int state, int how, __u32 most)
{
	__u64 before = s->tx_bytes, now;

	if (how & MPTCP)
		now = mptcp_sent(sk, state);
	else if (how & UNLOCKED)
		now = before + beyond(before, s->tx_origin, tp->write_seq);
	else
		now = sent(tp, s, state, how);
	if (most && s->flags & MANY && (__s64)(now - before) > most)
		now = before + most;
	if (how & UNLOCKED && !may_send(READ(how, sk, __sk_common.skc_state)))
		return true; /* a FIN or a disconnect may have moved write_seq meanwhile */
	return claim(grown, &s->tx_bytes, before, now, how);
}

/* No loop: clang may let its end fall through to its beginning, which 6.1 refuses. */
static __always_inline __u64 grow_tx(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				     int state, int how, __u32 most)
{
	__u64 grown = 0;

	if (!claim_tx(&grown, sk, tp, s, state, how, most) &&
	    !claim_tx(&grown, sk, tp, s, state, how, most))
		claim_tx(&grown, sk, tp, s, state, how, most);
	return grown;
}

static __always_inline __u64 grow_rx(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				     int state, int how)
{
	__u64 before = s->rx_bytes, grown;

	if (how & MPTCP)
		claim(&grown, &s->rx_bytes, before, mptcp_received(sk, state), how);
	else
		claim(&grown, &s->rx_bytes, before, received(sk, tp, how), how & ~SHARED);
	return grown;
}

static __always_inline void credit(struct account *a, const struct growth *grown)
{
	bytes_add(bytes_at(a->number), grown);
	if (a->endpoint)
		bytes_add(bytes_at(a->endpoint), grown);
	if (!by_scope || a->scope >= TCP_SCOPE_COUNT)
		return;
	if (grown->tx)
		count(a, scope_tx_bytes[a->scope], grown->tx);
	if (grown->rx)
		count(a, scope_rx_bytes[a->scope], grown->rx);
}

/*
 * Brings a socket up to date: has it grown? In a state change, what is queued for sending stands as
 * the state `before` left it, and what was received as the one `now` has it; else both are the
 * same.
 */
static __always_inline void grow(struct growth *out, struct sock *sk, struct tcp_sock *tp,
				 struct socket_state *s, int before, int now, int how, __u32 most)
{
	*out = (struct growth){};
	if (before == BPF_TCP_SYN_SENT || before == BPF_TCP_LISTEN)
		return;
	if (!(how & (UNLOCKED | MPTCP)) && !(s->flags & ORIGIN) && before != BPF_TCP_CLOSE)
		origins_set(tp, s, how);
	if (!(how & (OWN | LAST)) && !s->owner.row)
		return;
	/* tcp_disconnect() moves write_seq: once closed, nothing can be said about sent bytes */
	if (how & TX && before != BPF_TCP_CLOSE)
		out->tx = forget(grow_tx(sk, tp, s, before, how, most));
	if (how & RX)
		out->rx = forget(grow_rx(sk, tp, s, now, how));
}

static __always_inline bool has_grown(const struct growth *grown)
{
	return grown->tx || grown->rx;
}

/* May on_more_data() do, until the next tick? Not if more than bytes is asked for. */
static __always_inline void tick_set(struct socket_state *s, const struct account *a, int state,
				     int how)
{
	bool plain = !by_scope && !selective && !by_destination && !by_port;
	struct tcp_row *row;
	__u32 pid;

	if (!plain || how & MPTCP || (s->flags & (ORIGIN | MANY)) != ORIGIN ||
	    state != BPF_TCP_ESTABLISHED || (how & UNLOCKED && health_wanted))
		return;
	row = row_at(a->number);
	if (!row)
		return;
	pid = row->pid;
	if (!pid) /* nobody's alone: what has no row, until the next tick, and the kernel */
		pid = bpf_get_current_pid_tgid() >> 32;
	s->fast = (__u64)pid << 32 | bytes_at(a->number);
	s->tick = tick;
}

/* Written without the lock: atomically, so that flags of others stay. */
static __always_inline void sender_note(struct socket_state *s, __u32 last)
{
	if (last < TCP_ROW_FIRST || last == s->owner.row || s->flags & MANY)
		return;
	__sync_fetch_and_or(&s->flags, s->flags & HANDED ? MANY : HANDED);
	s->tick = 0;
}

/* Growth goes to the process at work, or else to the last one that was. */
static __always_inline void update(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				   int before, int now, int how, __u32 most)
{
	__u32 last = s->owner.row;
	struct growth grown;
	struct account a;

	grow(&grown, sk, tp, s, before, now, how, most);
	if (!has_grown(&grown))
		return;
	if (how & OWN)
		account_take(&a, sk, s, how);
	else
		account_open(&a, sk, s);
	credit(&a, &grown);
	if (how & SHARED && most)
		sender_note(s, last);
	if (how & OWN)
		tick_set(s, &a, before, how);
}

/* From now on it counts as established, where it belongs. */
static __always_inline void established_begin(struct sock *sk, struct socket_state *s)
{
	struct account a;

	if (s->process_place)
		return;
	account_open(&a, sk, s);
	places_set(s, &a, 0);
}

/*
 * The state of a socket whose birth was not seen. It starts from nothing, unless the older sockets
 * are not known yet: then what it moved before is not ours to report.
 */
static __always_inline struct socket_state *state_found(struct sock *sk, struct tcp_sock *tp,
							int state, int how)
{
	struct socket_state initial = {}, *s;

	if (!carries_data(state))
		return NULL;
	if (how & MPTCP) {
		initial.flags = SIDELESS;
		mptcp_begin(sk, &initial, state);
	} else if (!baseline_done) {
		if (how & UNLOCKED) /* it cannot say what it moved before */
			return NULL;
		initial.flags = SIDELESS;
		initial.tx_bytes = sent(tp, &initial, state, how);
		initial.rx_bytes = received(sk, tp, how);
		health_begin(tp, &initial, how);
	} else if (is_active(tp, state, how)) {
		initial.flags = ACTIVE;
		initial.uncounted = A_CONNECT;
	} else {
		initial.uncounted = AN_ACCEPT;
	}
	s = state_add(sk, &initial);
	if (s && initial.uncounted == A_CONNECT)
		add(self.lost_latencies, 1);
	if (s && state == BPF_TCP_ESTABLISHED && !(how & MPTCP))
		established_begin(sk, s);
	return s;
}

/*
 * The common case, for little: nothing is new since all of on_data() was done for this socket in
 * this tick, and nothing is left to count but bytes of the same process in an open connection.
 */
static __always_inline bool on_more_data(struct sock *sk, struct tcp_sock *tp,
					 struct socket_state *s, int how)
{
	__u64 task = bpf_get_current_pid_tgid(), tx_before, rx_before;
	__u64 fast = *(volatile __u64 *)&s->fast; /* another process may take the socket over */
	__u32 at = (__u32)fast;
	struct tcp_bytes *sum;
	__s32 tx = 0, rx = 0;

	if (__builtin_expect(s->tick != tick || (fast ^ task) >> 32, false))
		return false;
	sum = bpf_map_lookup_elem(&bytes, &at);
	if (!sum)
		return false;
	tx_before = s->tx_bytes;
	rx_before = s->rx_bytes;
	if (how & RX)
		rx = beyond(rx_before, s->rx_origin, READ(how, tp, copied_seq));
	if (how & TX && rx <= 0) /* a call either receives or sends; if not, it is counted later */
		tx = beyond(tx_before, s->tx_origin, READ(how, tp, write_seq));
	if (!(how & LOCKED) && READ(how, sk, __sk_common.skc_state) != BPF_TCP_ESTABLISHED)
		return false; /* a FIN is no byte */
	if (tx > 0 && how & SHARED &&
	    __sync_val_compare_and_swap(&s->tx_bytes, tx_before, tx_before + tx) != tx_before)
		return false;
	if (tx > 0 && !(how & SHARED))
		s->tx_bytes = tx_before + tx;
	if (tx > 0)
		add(sum->tx, tx);
	if (rx > 0) {
		s->rx_bytes = rx_before + rx;
		add(sum->rx, rx);
	}
	return true;
}

/*
 * The SYN of a deferred Fast Open leaves with the first send, long after the application's connect.
 */
static __always_inline void on_syn_data(struct tcp_sock *tp, struct socket_state *s, int how)
{
	bool fast_open = how & PROBE ? BPF_CORE_READ_BITFIELD_PROBED(tp, syn_fastopen)
				     : BPF_CORE_READ_BITFIELD(tp, syn_fastopen);

	if (!s->connect_ns || s->flags & SENDING || !fast_open)
		return;
	s->flags |= SENDING;
	s->connect_ns = bpf_ktime_get_ns();
}

/*
 * All of on_data(); `s` may be NULL. `most`: of what was sent, at most so many bytes are the
 * running process's own, if others send on the socket too; 0: nobody can say.
 */
static __always_inline void on_any_data(struct sock *sk, struct tcp_sock *tp,
					struct socket_state *s, int how, __u32 most)
{
	int state = READ(how, sk, __sk_common.skc_state);

	if (how & TASK && !READ(how, sk, sk_lock.owned))
		return;
	/* a subflow's sequence numbers are not the application's: those are its MPTCP socket's */
	if (!(how & MPTCP) && is_subflow(tp, how))
		return;
	if (!s)
		s = state_found(sk, tp, state, how);
	if (!s)
		return;
	if (how & TX && !(how & (UNLOCKED | MPTCP)) && state == BPF_TCP_SYN_SENT)
		on_syn_data(tp, s, how);
	/* without the lock: the FIN's event has counted all, or there is nothing to count from */
	if (how & UNLOCKED && (fin_queued(state) || !(how & MPTCP || s->flags & ORIGIN)))
		return;
	update(sk, tp, s, state, state, how, most);
	if (!(how & MPTCP))
		health_look(sk, tp, s, how);
}

static __noinline void on_shared_data(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				      int how, __u32 most)
{
	on_any_data(sk, tp, s, how | SHARED, most);
}

/* 5.10 refuses a program that has a compare-and-swap, even where it never gets to. */
static __noinline void on_locked_data(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				      int how)
{
	on_any_data(sk, tp, s, how & ~SHARED, 0);
}

/* Out of line: so the common case needs neither stack nor registers for it. */
static __always_inline void on_new_data(struct sock *sk, struct tcp_sock *tp,
					struct socket_state *s, int how, __u32 most)
{
	if (how & SHARED)
		on_shared_data(sk, tp, s, how, most);
	else
		on_locked_data(sk, tp, s, how);
}

/* A process, or the kernel for it, has moved data through the socket. `most`: see on_any_data(). */
static __always_inline void on_data_of(struct sock *sk, struct tcp_sock *tp, int how, __u32 most)
{
	struct socket_state *s = state_get(sk);
	bool done = __builtin_expect(s != NULL, true) && !(how & MPTCP) &&
		    __builtin_expect(on_more_data(sk, tp, s, how), true);

	if (!done)
		on_new_data(sk, tp, s, how, most);
}

static __always_inline void on_data(struct sock *sk, struct tcp_sock *tp, int how)
{
	on_data_of(sk, tp, how, 0);
}

/* Do several send on it? Then only who has sent knows how much, when the call returns. */
static __always_inline bool has_many(struct sock *sk)
{
	struct socket_state *s = state_get(sk);

	return s && s->flags & MANY;
}

/* Has the socket no room for more? Then its sender waits, as tcp_stream_memory_free() has it. */
static __always_inline bool must_wait(struct sock *sk, struct tcp_sock *tp)
{
	__u32 most = tp->notsent_lowat;

	if (sk->sk_wmem_queued >= sk->sk_sndbuf)
		return true;
	if (!most)
		most = sk->__sk_common.skc_net.net->ipv4.sysctl_tcp_notsent_lowat;
	return tp->write_seq - tp->snd_nxt >= most;
}

/* For sk pointers of any protocol that the hook passes. */
static __always_inline void on_typed_data(struct sock *sk, int how)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_data(sk, tp, how);
}

/* Without the lock, only kernels that count for themselves (6.11) can be trusted. */
static __always_inline void on_mptcp_receive(struct sock *sk)
{
	if (bpf_core_field_exists(((struct mptcp_sock *)sk)->bytes_consumed))
		on_data(sk, NULL, RX | OWN | UNLOCKED | SHARED | MPTCP);
}

/*
 * Do counts and origins agree with the sequence numbers as they are now? A packet, an
 * acknowledgement or a call that came in between has moved one of the numbers that they were made
 * of, not all.
 */
static __always_inline bool begun_well(struct sock *sk, struct tcp_sock *tp,
				       const struct socket_state *s, int state)
{
	__u32 next = BPF_CORE_READ(tp, rcv_nxt), copied = BPF_CORE_READ(tp, copied_seq);
	__u32 fin = fin_consumed(sk, next, copied, PROBE);

	return beyond(s->rx_bytes + fin, s->rx_origin, copied) == 0 &&
	       beyond(s->tx_bytes + fin_queued(state), s->tx_origin,
		      BPF_CORE_READ(tp, write_seq)) == 0;
}

/* What a TCP socket has moved so far. Returns whether nothing came in between. */
static __noinline bool begin_try(struct sock *sk, struct socket_state *s, int state)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	s->rx_bytes = received(sk, tp, PROBE);
	s->tx_bytes = sent(tp, s, state, PROBE);
	origins_set(tp, s, PROBE);
	return begun_well(sk, tp, s, state);
}

/* The same without its lock: a microsecond each, and a busy socket has a packet every few of them.
 * No loop, as in grow_tx(). */
static __always_inline void begin_unlocked(struct sock *sk, struct socket_state *s, int state)
{
	bool done;

	if ((by_destination || by_port) && is_active((struct tcp_sock *)sk, state, PROBE))
		s->flags = ACTIVE; /* else it does not matter */
	done = begin_try(sk, s, state) || begin_try(sk, s, state) || begin_try(sk, s, state) ||
	       begin_try(sk, s, state) || begin_try(sk, s, state);
	if (!done)
		begin_try(sk, s, state);
}

/* A socket that is older than the probes; `task` holds it, or is NULL. */
static __always_inline void on_older(struct sock *sk, struct task_struct *task)
{
	bool mptcp = is_mptcp(BPF_CORE_READ(sk, sk_protocol));
	int state = BPF_CORE_READ(sk, __sk_common.skc_state);
	struct socket_state initial = {}, *s;

	if (state == BPF_TCP_LISTEN && listeners_wanted && task && !mptcp)
		listener_add(sk, task, BPF_NOEXIST);
	if (state == BPF_TCP_CLOSE || state == BPF_TCP_LISTEN || state_get(sk))
		return;
	if (task) {
		owner_set(&initial.owner, task, PROBE);
		initial.owner.row = TCP_ROW_OTHER; /* it gets a row of its own when it counts */
	}
	if (mptcp) {
		initial.flags = SIDELESS;
		mptcp_begin(sk, &initial, state);
	} else if (state == BPF_TCP_SYN_SENT) {
		initial.flags = ACTIVE;
	} else {
		begin_unlocked(sk, &initial, state);
		health_begin((struct tcp_sock *)sk, &initial, PROBE);
	}
	s = state_add(sk, &initial);
	if (s && !mptcp && BPF_CORE_READ(sk, __sk_common.skc_state) == BPF_TCP_ESTABLISHED)
		established_begin(sk, s);
}

#endif
