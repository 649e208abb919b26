/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Data has moved through a socket: the fast look and the full look. */
#ifndef EBPF_TCP_DATA_BPF_H
#define EBPF_TCP_DATA_BPF_H

#include "event.bpf.h"
#include "grow.bpf.h"
#include "health.bpf.h"
#include "open.bpf.h"
#include "state.bpf.h"
#include "turn.bpf.h"

/* Which fast look may do is told by the tick: so the plain one need not ask whether turns are
 * measured. */
static __always_inline __u64 fast_tick(bool turns)
{
	return turns ? ~tick : tick;
}

/* May fast_look() do, until the next tick? Not if more than bytes is asked for. */
static __always_inline void fast_look_allow(struct socket_state *s, const struct account *a,
					    int state, int look)
{
	bool plain = !knobs.by_scope && !selective && !endpoint_count;
	struct tcp_row *row;
	__u32 pid;

	if (!plain || look & MPTCP || (s->flags & (ORIGIN | MANY)) != ORIGIN ||
	    state != BPF_TCP_ESTABLISHED || (look & LOCKLESS && knobs.health))
		return;
	row = row_at(a->number);
	if (!row)
		return;
	pid = row->pid;
	if (!pid) /* TCP_ROW_OTHER or _KERNEL: fast for the running process alone */
		pid = bpf_get_current_pid_tgid() >> 32;
	s->fast = (__u64)pid << 32 | bytes_at(a->number);
	s->tick = fast_tick(knobs.responses);
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
				   int before, int now, int look, __u32 most)
{
	__u32 last = s->owner.row;
	struct growth grown;
	struct account a;

	grow(&grown, sk, tp, s, before, now, both_ways(look), most);
	if (!has_grown(&grown))
		return;
	if (look & OWNER)
		account_take(&a, sk, s, look);
	else
		account_open(&a, sk, s);
	credit(&a, &grown);
	if (knobs.responses)
		turn_look(s, &a, forget(grown.tx), forget(grown.rx), look);
	if (look & RACING && most)
		sender_note(s, last);
	if (look & OWNER)
		fast_look_allow(s, &a, before, look);
}

/*
 * The state of a socket whose birth was not seen. It starts from nothing, unless the older sockets
 * are not known yet: then what it moved before is not ours to report. Out of line for its stack.
 */
static __noinline struct socket_state *state_found(struct sock *sk, struct tcp_sock *tp, int state,
						   int look)
{
	struct socket_state initial = {}, *s;

	if (!carries_data(state))
		return NULL;
	if (look & MPTCP) {
		initial.flags = SIDELESS;
		mptcp_begin(sk, &initial, state);
	} else if (!baseline_done) {
		if (look & LOCKLESS) /* it cannot say what it moved before */
			return NULL;
		initial.flags = SIDELESS;
		initial.tx_bytes = sent(tp, &initial, state, look);
		initial.rx_bytes = received(sk, tp, look);
		health_begin(tp, &initial, look);
	} else if (is_active(tp, state, look)) {
		initial.flags = ACTIVE;
		initial.uncounted = A_CONNECT;
	} else {
		initial.uncounted = AN_ACCEPT;
	}
	s = state_add(sk, &initial);
	if (s && initial.uncounted == A_CONNECT)
		add(self.lost_latencies, 1);
	return s;
}

/* The PID of the running process, by fewer instructions where the kernel can (5.11). */
static __always_inline __u32 running(int look)
{
	if (!(look & BY_HELPER) &&
	    bpf_core_enum_value_exists(enum bpf_func_id___kernel,
				       BPF_FUNC_get_current_task_btf___kernel))
		return bpf_get_current_task_btf()->tgid;
	return bpf_get_current_pid_tgid() >> 32;
}

/*
 * The common case, for little: nothing is new since all of on_data() was done for this socket in
 * this tick, and nothing is left to count but bytes of the same process in an open connection.
 * `turns` is a constant, as `look` is.
 */
static __always_inline bool fast_look_inline(struct sock *sk, struct tcp_sock *tp,
					     struct socket_state *s, int look, bool turns)
{
	__u32 pid = running(look); /* first: so nothing else has to outlive the call */
	__u64 fast = *(volatile __u64 *)&s->fast; /* another process may take the socket over */
	__u64 tx_before, rx_before;
	int ways = turns ? both_ways(look) : look;
	__u32 at = (__u32)fast;
	struct tcp_bytes *sum;
	__s32 tx = 0, rx = 0;

	if (__builtin_expect(s->tick != fast_tick(turns) || fast >> 32 != pid, false))
		return false;
	sum = bpf_map_lookup_elem(&bytes, &at);
	if (!sum)
		return false;
	tx_before = s->tx_bytes;
	rx_before = s->rx_bytes;
	if (ways & RX)
		rx = beyond(rx_before, s->rx_origin, READ(look, tp, copied_seq));
	/* a call either receives or sends; if not, it is counted later */
	if (ways & TX && (turns || rx <= 0))
		tx = beyond(tx_before, s->tx_origin, READ(look, tp, write_seq));
	if (tx <= 0 && rx <= 0)
		return true;
	/* a FIN is no byte, and the program that tells of it may have been skipped */
	if (READ(look, sk, __sk_common.skc_state) != BPF_TCP_ESTABLISHED)
		return false;
	if (tx > 0 && look & RACING &&
	    __sync_val_compare_and_swap(&s->tx_bytes, tx_before, tx_before + tx) != tx_before)
		return false;
	if (tx > 0 && !(look & RACING))
		s->tx_bytes = tx_before + tx;
	if (tx > 0)
		add(sum->tx, tx);
	if (rx > 0) {
		s->rx_bytes = rx_before + rx;
		add(sum->rx, rx);
	}
	if (turns)
		turn_fast(s, tx, rx, look);
	return true;
}

/* Out of line: so the plain one needs no more registers for them. Two: see full_look_locked(). */
static __noinline bool fast_turns_racing(struct sock *sk, struct tcp_sock *tp,
					 struct socket_state *s, int look)
{
	return fast_look_inline(sk, tp, s, look | RACING, true);
}

static __noinline bool fast_turns_locked(struct sock *sk, struct tcp_sock *tp,
					 struct socket_state *s, int look)
{
	return fast_look_inline(sk, tp, s, look & ~RACING, true);
}

static __always_inline bool fast_look(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				      int look)
{
	if (__builtin_expect(fast_look_inline(sk, tp, s, look, false), true))
		return true;
	return knobs.responses && (look & RACING ? fast_turns_racing(sk, tp, s, look)
						 : fast_turns_locked(sk, tp, s, look));
}

/*
 * All of on_data(); `s` may be NULL. `most`: of what was sent, at most so many bytes are the
 * running process's own, if others send on the socket too; 0: nobody can say.
 */
static __always_inline void full_look_inline(struct sock *sk, struct tcp_sock *tp,
					     struct socket_state *s, int look, __u32 most)
{
	int state = READ(look, sk, __sk_common.skc_state);

	if (look & TASK_ONLY && !READ(look, sk, sk_lock.owned))
		return;
	/* a subflow's sequence numbers are not the application's: those are its MPTCP socket's */
	if (!(look & MPTCP) && is_subflow(tp, look))
		return;
	if (!s) {
		s = state_found(sk, tp, state, look);
		if (s && !(look & MPTCP))
			open_begin(sk, s, state);
	}
	if (!s)
		return;
	/* without the lock: the FIN's event has counted all, or there is nothing to count from */
	if (look & LOCKLESS && (fin_queued(state) || !(look & MPTCP || s->flags & ORIGIN)))
		return;
	update(sk, tp, s, state, state, look, most);
	if (!(look & MPTCP))
		health_look(sk, tp, s, look);
}

static __noinline void full_look_racing(struct sock *sk, struct tcp_sock *tp,
					struct socket_state *s, int look, __u32 most)
{
	full_look_inline(sk, tp, s, look | RACING, most);
}

/* 5.10 refuses a program that has a compare-and-swap, even where it never gets to. */
static __noinline void full_look_locked(struct sock *sk, struct tcp_sock *tp,
					struct socket_state *s, int look)
{
	full_look_inline(sk, tp, s, look & ~RACING, 0);
}

/* Out of line: so the common case needs neither stack nor registers for it. */
static __always_inline void full_look(struct sock *sk, struct tcp_sock *tp, struct socket_state *s,
				      int look, __u32 most)
{
	if (look & RACING)
		full_look_racing(sk, tp, s, look, most);
	else
		full_look_locked(sk, tp, s, look);
}

/* A process, or the kernel for it, has moved data through the socket. `most`: see
 * full_look_inline(). */
static __always_inline void on_data_at_most(struct sock *sk, struct tcp_sock *tp, int look,
					    __u32 most)
{
	struct socket_state *s = state_get(sk);
	bool done = __builtin_expect(s != NULL, true) && !(look & MPTCP) &&
		    __builtin_expect(fast_look(sk, tp, s, look), true);

	if (!done)
		full_look(sk, tp, s, look, most);
}

static __always_inline void on_data(struct sock *sk, struct tcp_sock *tp, int look)
{
	on_data_at_most(sk, tp, look, 0);
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
static __always_inline void on_tcp_data(struct sock *sk, int look)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (tp)
		on_data(sk, tp, look);
}

/* Without the lock, only kernels that count for themselves (6.11) can be trusted. */
static __always_inline void on_mptcp_receive(struct sock *sk)
{
	if (bpf_core_field_exists(((struct mptcp_sock *)sk)->bytes_consumed))
		on_data(sk, NULL, RX | OWNER | LOCKLESS | RACING | MPTCP);
}

#endif
