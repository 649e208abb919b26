/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/rows.h"

#define LATE_TICKS 1   /* a row that has changed since the last look may still say so old a tick */
#define SWEEP_LOOKS 64 /* a row whose end was not hinted at is swept once in so many looks... */
#define SWEEP_MOST 256 /* ...but never more rows in one look, at 0.5 us each... */
#define SWEEP_READS 16 /* ...and /proc is read for so many that seem to live, at 12 us each */

static void fill_in(struct snapshot_process *p, const struct snapshot *s, unsigned number)
{
	const struct tcp_row *row = &s->tables.rows[number];

	p->pid = row->pid;
	p->uid = row->uid;
	p->cgroup = row->cgroup;
	p->parent = row->parent;
	p->renames = row->renames;
	p->endpoint = row->endpoint;
	memcpy(p->comm, row->comm, sizeof(p->comm)); /* it may change at any time */
	p->comm[TCP_COMM_LEN - 1] = '\0';
	if (s->tables.hostnames && !is_endpoint(s, number))
		p->hostname = &s->tables.hostnames[number];
}

/* Tells of a row that grew or is seen for the last time. */
static void tell(struct snapshot *s, unsigned number, const struct tcp_counters *grown, bool last,
		 snapshot_visit *visit, void *context)
{
	const struct tcp_row *row = &s->tables.rows[number];
	struct snapshot_process p = {
		.row = number,
		.process_row = is_endpoint(s, number) ? row->process_row : number,
		.start_ns = s->seen[number].start_ns,
		.grown = *grown,
		.last = last,
	};

	growth_take_times(s, number, &p);
	if (number >= TCP_ROW_FIRST && !p.start_ns) {
		if (is_endpoint(s, number))
			return;
		p.row = p.process_row = TCP_ROW_OTHER; /* late growth: the process is gone */
	} else if (number >= TCP_ROW_FIRST) {
		fill_in(&p, s, number);
	}
	if (visit)
		visit(context, &p);
}

static void look(struct snapshot *s, unsigned number, snapshot_visit *visit, void *context)
{
	const struct tcp_row *row = &s->tables.rows[number];
	uint64_t start_ns = __atomic_load_n(&row->start_ns, __ATOMIC_ACQUIRE);
	bool last = s->states[number] == LEAVING, end = reap_ended(s, number, start_ns), grown;
	struct tcp_counters growth = {0};

	grown = growth_take(&growth, s, number);
	if (grown && !start_ns && !last) /* it may just have been taken, before it grew */
		end = reap_ended(s, number, __atomic_load_n(&row->start_ns, __ATOMIC_ACQUIRE));
	if (grown)
		s->seen[number].grew = s->looks;
	if (grown || last)
		tell(s, number, &growth, last, visit, context);
	else
		end = end || reap_gives_way(s, number);
	if (last)
		reap_free(s, number);
	else if (end)
		reap_leave(s, number);
}

/* Rows that are looked at lie far apart: the processor is told of them before. */
static void prefetch(const struct snapshot *s, unsigned row)
{
	for (size_t at = 0; at < sizeof(struct tcp_row); at += 64)
		__builtin_prefetch((const char *)&s->tables.rows[row] + at);
	for (size_t at = 0; at < sizeof(struct seen); at += 64)
		__builtin_prefetch((const char *)&s->seen[row] + at, 1);
	for (unsigned i = 0; i < s->tables.shard_count; i++)
		__builtin_prefetch(&s->tables.bytes[i * s->tables.row_count + row]);
}

/* Of the rows that have not changed and have a lower state, nothing else is read. */
static void look_at(struct snapshot *s, unsigned first, unsigned end, enum state least,
		    snapshot_visit *visit, void *context)
{
	unsigned due[BATCH], count = 0;

	for (unsigned row = first; row < end; row++) {
		if (__atomic_load_n(&s->tables.touched[row], __ATOMIC_RELAXED) >= s->since ||
		    s->states[row] >= least) {
			prefetch(s, row);
			due[count++] = row;
		}
		if (count < BATCH && row + 1 < end)
			continue;
		for (unsigned i = 0; i < count; i++)
			look(s, due[i], visit, context);
		reap_leave_all(s);
		count = 0;
	}
}

/* Have more events found no room than at the last look? */
static bool lost_more(uint64_t *before, const __u64 *counter)
{
	uint64_t now = __atomic_load_n(counter, __ATOMIC_RELAXED);
	bool more = now != *before;

	*before = now;
	return more;
}

static void give_turn(struct snapshot *s, struct turn *turn, enum state state)
{
	turn->first += turn->count;
	if (turn->first >= s->tables.row_count)
		turn->first = 0;
	for (unsigned i = 0; i < turn->count && turn->first + i < s->tables.row_count; i++)
		if (s->states[turn->first + i] == HELD)
			s->states[turn->first + i] = (uint8_t)state;
}

static void begin(struct snapshot *s)
{
	uint64_t tick = __atomic_load_n(s->tables.tick, __ATOMIC_RELAXED);

	s->since = s->looks && tick > LATE_TICKS ? tick - LATE_TICKS : 1;
	s->full = lost_more(&s->lost_processes, &s->tables.self->lost_processes);
	s->crowded = lost_more(&s->lost_endpoints, &s->tables.self->lost_endpoints);
	s->looks++;
	give_turn(s, &s->reads, DUE);
	give_turn(s, &s->sweep, SWEPT);
}

void snapshot_take(struct snapshot *s, snapshot_visit *visit, void *context)
{
	const unsigned middle = s->tables.first_endpoint, end = s->tables.row_count;

	begin(s);
	look_at(s, TCP_ROW_OTHER, middle, s->full ? HELD : SWEPT, visit, context);
	look_at(s, middle, end, s->left || s->crowded ? HELD : SWEPT, visit, context);
	s->left = false;
	__atomic_add_fetch(s->tables.tick, 1,
			   __ATOMIC_RELAXED); /* what changes from here on is newer */
}

/* What the tables hold now is seen, but for open connections: they are still open. */
static void take_baseline(struct snapshot *s)
{
	s->states[TCP_ROW_OTHER] = s->states[TCP_ROW_KERNEL] = DUE; /* for ever */
	snapshot_take(s, NULL, NULL);
	for (unsigned row = 0; row < s->tables.row_count; row++) {
		if (s->states[row] == FREE && !s->tables.touched[row])
			continue;
		memset(s->seen[row].counters.open, 0, sizeof(s->seen[row].counters.open));
		s->seen[row].open = 0;
	}
}

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

int snapshot_open(struct snapshot **out, const struct probe_tables *tables,
		  const struct snapshot_options *options)
{
	const unsigned rows = tables->row_count;
	const unsigned sweep = min((rows + SWEEP_LOOKS - 1) / SWEEP_LOOKS, SWEEP_MOST);
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->tables = *tables;
	s->sweep.count = sweep;
	s->reads.count = min(sweep, SWEEP_READS);
	s->proc_root = strdup(options->proc_root);
	s->seen = calloc(rows, sizeof(*s->seen));
	s->states = calloc(rows, sizeof(*s->states));
	if (!s->proc_root || !s->seen || !s->states) {
		snapshot_close(s);
		return -ENOMEM;
	}
	take_baseline(s);
	*out = s;
	return 0;
}

void snapshot_close(struct snapshot *s)
{
	if (!s)
		return;
	free(s->seen);
	free(s->states);
	free(s->proc_root);
	free(s);
}

void snapshot_want(struct snapshot *s, unsigned row, unsigned wants)
{
	uint32_t *now = &s->tables.rows[row].wants;

	wants |= TCP_WANTS_KNOWN;
	if (*now == wants)
		return;
	s->left = true;
	__atomic_store_n(now, wants, __ATOMIC_RELAXED);
}

uint64_t snapshot_start_ns(const struct snapshot *s, unsigned row)
{
	return row < s->tables.row_count
		       ? __atomic_load_n(&s->tables.rows[row].start_ns, __ATOMIC_ACQUIRE)
		       : 0;
}

void snapshot_who(struct snapshot_process *out, const struct snapshot *s, unsigned row,
		  uint64_t start_ns)
{
	struct snapshot_process p = {.row = TCP_ROW_OTHER, .process_row = TCP_ROW_OTHER};

	if (row == TCP_ROW_KERNEL)
		p.row = p.process_row = TCP_ROW_KERNEL;
	if (row >= TCP_ROW_FIRST && row < s->tables.row_count && start_ns &&
	    (snapshot_start_ns(s, row) == start_ns ||
	     (s->states[row] == LEAVING && s->seen[row].start_ns == start_ns))) {
		p.row = row;
		p.process_row = is_endpoint(s, row) ? s->tables.rows[row].process_row : row;
		p.start_ns = start_ns;
		p.last = s->states[row] == LEAVING;
		if (s->tables.rows[row].exited == TCP_EXIT_UNKNOWN)
			reap_ask_name(s, row);
		fill_in(&p, s, row);
	}
	*out = p;
}

unsigned snapshot_processes(const struct snapshot *s)
{
	return s->processes;
}

unsigned snapshot_endpoints(const struct snapshot *s)
{
	return s->endpoints;
}
