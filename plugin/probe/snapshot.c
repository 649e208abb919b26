/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/process.h"
#include "probe/probe.h"
#include "probe/snapshot.h"

#define LATE_TICKS 1   /* a row that has changed since the last look may still say so old a tick */
#define SWEEP_LOOKS 64 /* a row whose end was not hinted at is swept once in so many looks... */
#define SWEEP_MOST 256 /* ...but never more rows in one, at 0.5 us each... */
#define SWEEP_READS 16 /* ...and for so few that seem to live, at 12 us, /proc is read */
#define BATCH 64       /* rows that are looked at together */
#define IDLE_LOOKS 6   /* an endpoint that did nothing in so many may give way to others */
#define TORN_TRIES 16  /* a time that is being written is there after a few reads... */
#define TORN_LOOKS 3   /* ...or, if its writer has lost the processor, after a look or two */

/* What a row is to us. */
enum state {
	FREE,
	HELD,
	SWEPT,  /* it has its turn: is there such a pid? */
	DUE,    /* looked at, whether it has changed or not: has its process ended? */
	LEAVING /* dead and out of the index: one more look, then the row is free */
};

/* What we know of a row from the last look. Who it is about is in the row until it is free. */
struct seen {
	struct tcp_counters counters;
	uint64_t start_ns;
	int64_t open;  /* connections of whom the row is about; others may have left some */
	unsigned grew; /* the look in which it last did, or was taken */
	uint8_t torn;  /* in so many looks in turn, a time was being written */
};

struct snapshot {
	struct probe_tables tables;
	char *proc_root;
	struct seen *seen;
	uint8_t *states; /* enum state; apart: those that have not changed are not read */
	uint64_t since;  /* rows that were touched in this tick or later are looked at */
	unsigned looks;
	struct turn {
		unsigned first, count;
	} sweep, reads; /* rows that had their turn in the last look */
	unsigned processes;
	unsigned endpoints;
	uint64_t lost_processes;
	uint64_t lost_endpoints;
	struct leaving {
		unsigned count;
		unsigned rows[BATCH];
		struct tcp_process_key processes[BATCH];  /* of rows of the one kind... */
		struct tcp_endpoint_key endpoints[BATCH]; /* ...or of the other */
	} leaving;
	/* since the last look */
	bool full;    /* processes found no room */
	bool crowded; /* endpoints found none */
	bool left;    /* a process did, or is asked for less, and its endpoints follow */
	uint32_t grown_buckets[TCP_TIME_COUNT][TCP_LATENCY_BUCKETS];
	uint64_t grown_max[TCP_TIME_COUNT];
};

/*
 * The kernel writes while we read: every counter is taken once. How many times were measured comes
 * first: what belongs to them is in all that is read later.
 */
static void read_counters(struct tcp_counters *out, const struct probe_tables *tables,
			  unsigned number)
{
	const struct tcp_counters *row = &tables->rows[number].counters;
	const volatile __u64 *now = (const volatile __u64 *)row;
	struct tcp_bytes bytes = probe_bytes(tables, number);
	__u64 times[TCP_TIME_COUNT];

	for (unsigned i = 0; i < TCP_TIME_COUNT; i++)
		times[i] = __atomic_load_n(&row->times[i], __ATOMIC_ACQUIRE);
	for (unsigned i = 0; i < TCP_COUNTERS; i++)
		((__u64 *)out)[i] = now[i];
	memcpy(out->times, times, sizeof(times));
	out->tx_bytes += bytes.tx;
	out->rx_bytes += bytes.rx;
}

/*
 * Is a time just being written? Its bucket comes first and its count last, so the buckets have more
 * then. They are but copied: to keep what was seen would double the table.
 */
static bool is_torn(struct snapshot *s, unsigned row, unsigned time, const struct tcp_counters *now)
{
	const struct tcp_counters *before = &s->seen[row].counters;
	const struct tcp_histogram *histogram = s->tables.histograms[time];
	__u64 count = now->times[time] - before->times[time], sum = 0;
	uint32_t *out = s->grown_buckets[time];

	if (!histogram)
		return false;
	if (!count && (time != TCP_TIME_CONNECT || now->connects == before->connects))
		return false;
	s->grown_max[time] = __atomic_load_n(&s->tables.rows[row].time_max[time], __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	for (unsigned i = 0; i < TCP_LATENCY_BUCKETS; i++) {
		out[i] = __atomic_load_n(&histogram[row].buckets[i], __ATOMIC_RELAXED);
		sum += out[i];
	}
	return sum != count;
}

/* All times of which this can be said, as bits. */
static unsigned torn_times(struct snapshot *s, unsigned row, const struct tcp_counters *now)
{
	unsigned torn = 0;

	for (unsigned i = 0; i < TCP_TIME_COUNT; i++)
		torn |= (unsigned)is_torn(s, row, i, now) << i;
	return torn;
}

/* What is to be seen together waits for the next look, with a sum whose count is still to come. */
static void wait_for(struct tcp_counters *now, const struct tcp_counters *before, unsigned torn)
{
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++) {
		if (torn >> i & 1)
			now->times[i] = before->times[i];
		if (now->times[i] == before->times[i])
			now->time_sum[i] = before->time_sum[i];
	}
	if (torn >> TCP_TIME_CONNECT & 1)
		now->connects = before->connects;
}

static bool take_counters(struct tcp_counters *grown, struct snapshot *s, unsigned number)
{
	struct seen *seen = &s->seen[number];
	__u64 *before = (__u64 *)&seen->counters, *out = (__u64 *)grown, any = 0;
	struct tcp_counters now = {0};
	unsigned torn = 1;

	for (unsigned i = 0; torn && i < TORN_TRIES; i++) {
		read_counters(&now, &s->tables, number);
		torn = torn_times(s, number, &now);
	}
	if (s->states[number] == LEAVING || seen->torn == TORN_LOOKS)
		torn = 0; /* it is late enough */
	seen->torn = torn ? seen->torn + 1 : 0;
	wait_for(&now, &seen->counters, torn);
	for (unsigned i = 0; i < TCP_COUNTERS; i++) {
		out[i] = ((__u64 *)&now)[i] - before[i];
		any |= out[i];
	}
	seen->open += (int64_t)(now.established - seen->counters.established);
	seen->counters = now;
	return any != 0;
}

/* Takes the growth of a histogram out of the row. What has come meanwhile stays. */
static const uint32_t *take_buckets(struct snapshot *s, unsigned row, unsigned time)
{
	uint32_t *now = s->tables.histograms[time][row].buckets;
	const uint32_t *grown = s->grown_buckets[time];

	for (unsigned i = 0; i < TCP_LATENCY_BUCKETS; i++)
		if (grown[i])
			__atomic_sub_fetch(&now[i], grown[i], __ATOMIC_RELAXED);
	return grown;
}

static void take_times(struct snapshot *s, unsigned row, struct snapshot_process *p)
{
	__u64 *max = s->tables.rows[row].time_max;

	for (unsigned i = 0; i < TCP_TIME_COUNT; i++) {
		__u64 seen = s->grown_max[i];

		if (!p->grown.times[i] || !s->tables.histograms[i])
			continue;
		p->buckets[i] = take_buckets(s, row, i);
		p->time_max[i] = seen;
		__atomic_compare_exchange_n(&max[i], &seen, 0, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
	}
}

static bool is_endpoint(const struct snapshot *s, unsigned row)
{
	return row >= s->tables.first_endpoint;
}

static void leave(struct snapshot *s, unsigned number)
{
	const struct tcp_row *row = &s->tables.rows[number];
	struct tcp_process_key key = {.start_ns = s->seen[number].start_ns, .pid = row->pid};
	struct leaving *l = &s->leaving;

	s->states[number] = DUE; /* what fails is tried again by the next look */
	l->processes[l->count] = key;
	l->endpoints[l->count] = (struct tcp_endpoint_key){key, row->endpoint};
	l->rows[l->count++] = number;
}

/* What still arrives for the row is seen by the next look. */
static void vacate(struct snapshot *s, unsigned row)
{
	__atomic_store_n(&s->tables.rows[row].start_ns, 0, __ATOMIC_RELEASE);
	s->states[row] = LEAVING;
	s->left = s->left || !is_endpoint(s, row);
}

/* Takes the first keys from the index. Returns 0, or errno for the one after those `*count`. */
static int unlist(const struct snapshot *s, unsigned first, unsigned *count)
{
	const struct leaving *l = &s->leaving;
	unsigned all = *count;
	int err;

	if (is_endpoint(s, l->rows[first]))
		err = bpf_map_delete_batch(s->tables.endpoints_fd, &l->endpoints[first], count,
					   NULL);
	else
		err = bpf_map_delete_batch(s->tables.processes_fd, &l->processes[first], count,
					   NULL);
	if (!err)
		return 0;
	if (*count == all) /* it did not get to tell */
		*count = 0;
	return errno;
}

/* Takes the rows from who has them, at a third of what one after the other costs. */
static void leave_all(struct snapshot *s)
{
	struct leaving *l = &s->leaving;
	unsigned count;
	int err;

	for (unsigned first = 0; first < l->count; first += count + 1) {
		count = l->count - first;
		err = unlist(s, first, &count);
		for (unsigned i = 0; i < count + (err == ENOENT); i++)
			vacate(s, l->rows[first + i]);
	}
	l->count = 0;
}

static void free_row(struct snapshot *s, unsigned row)
{
	bool endpoint = is_endpoint(s, row);
	uint32_t number = row;

	__atomic_add_fetch(&s->tables.rows[row].generation, 1, __ATOMIC_RELAXED);
	if (bpf_map_update_elem(endpoint ? s->tables.free_endpoints_fd : s->tables.free_rows_fd,
				NULL, &number, BPF_ANY))
		return;
	s->states[row] = FREE;
	s->seen[row].start_ns = 0;
	if (!endpoint) {
		s->processes--;
		return;
	}
	s->endpoints--;
	__atomic_sub_fetch(s->tables.endpoints_taken, 1, __ATOMIC_RELAXED);
}

/*
 * A row that somebody else caused has the name by which the process was seen before: what it has
 * called itself since, no row was told. If the kernel renames it meanwhile, the next look asks
 * again.
 */
static void ask_name(const struct snapshot *s, unsigned number)
{
	struct tcp_row *row = &s->tables.rows[number];
	uint32_t renames = __atomic_load_n(&row->renames, __ATOMIC_ACQUIRE);
	char name[TCP_COMM_LEN];

	if (process_comm(name, sizeof(name), s->proc_root, row->pid) < 0 ||
	    !process_alive(s->proc_root, row->pid, row->start_ns) ||
	    strncmp(row->comm, name, sizeof(name)) == 0 ||
	    renames != __atomic_load_n(&row->renames, __ATOMIC_ACQUIRE))
		return;
	memcpy(row->comm, name, sizeof(name));
	if (__atomic_fetch_add(&row->renames, 1, __ATOMIC_ACQ_REL) != renames)
		__atomic_store_n(&row->exited, TCP_EXIT_UNKNOWN, __ATOMIC_RELAXED);
}

/* Has the process ended? Asked before its counters are read: nothing can be added afterwards. */
static bool dead(struct snapshot *s, unsigned number)
{
	struct tcp_row *row = &s->tables.rows[number];
	enum state state = s->states[number];
	uint32_t hint = TCP_EXIT_UNKNOWN; /* asked about once */
	bool asked = __atomic_compare_exchange_n(&row->exited, &hint, 0, false, __ATOMIC_RELAXED,
						 __ATOMIC_RELAXED);

	if (asked)
		ask_name(s, number);
	s->states[number] = !asked && hint ? DUE : HELD; /* it may still close its files */
	if (hint || state == DUE)
		return !process_alive(s->proc_root, row->pid, s->seen[number].start_ns);
	return (s->full || state == SWEPT) && process_gone(s->proc_root, row->pid);
}

/* An endpoint goes with its process, whose row was looked at before... */
static bool orphaned(const struct snapshot *s, unsigned row)
{
	const struct tcp_row *rows = s->tables.rows;

	return rows[rows[row].process_row].start_ns != s->seen[row].start_ns;
}

/* ...or if nobody asks for it... */
static bool unwanted(const struct snapshot *s, unsigned number)
{
	const struct tcp_row *row = &s->tables.rows[number];
	uint32_t wants = s->tables.rows[row->process_row].wants;

	return wants && !(wants >> row->endpoint.kind & 1);
}

/* ...or if others need its room. Asked after its counters are read: it may just have grown. */
static bool gives_way(const struct snapshot *s, unsigned row)
{
	const struct seen *seen = &s->seen[row];

	return s->crowded && is_endpoint(s, row) && s->states[row] != FREE &&
	       s->looks - seen->grew > IDLE_LOOKS && !seen->open;
}

static bool ended(struct snapshot *s, unsigned number, uint64_t start_ns)
{
	struct seen *seen = &s->seen[number];

	if (!start_ns || s->states[number] == LEAVING)
		return false;
	if (s->states[number] == FREE) {
		s->states[number] = HELD;
		seen->grew = s->looks - 1;
		seen->open = 0;
		*(is_endpoint(s, number) ? &s->endpoints : &s->processes) += 1;
	}
	seen->start_ns = start_ns;
	if (!is_endpoint(s, number))
		return dead(s, number);
	s->states[number] = HELD;
	return orphaned(s, number) || unwanted(s, number);
}

static void describe(struct snapshot_process *p, const struct tcp_row *row)
{
	p->pid = row->pid;
	p->uid = row->uid;
	p->cgroup = row->cgroup;
	p->parent = row->parent;
	p->renames = row->renames;
	p->endpoint = row->endpoint;
	memcpy(p->comm, row->comm, sizeof(p->comm)); /* it may change at any time */
	p->comm[TCP_COMM_LEN - 1] = '\0';
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

	take_times(s, number, &p);
	if (number >= TCP_ROW_FIRST && !p.start_ns) {
		if (is_endpoint(s, number))
			return;
		p.row = p.process_row = TCP_ROW_OTHER; /* late for one that is gone already */
	} else if (number >= TCP_ROW_FIRST) {
		describe(&p, row);
	}
	if (visit)
		visit(context, &p);
}

static void look(struct snapshot *s, unsigned number, snapshot_visit *visit, void *context)
{
	const struct tcp_row *row = &s->tables.rows[number];
	uint64_t start_ns = __atomic_load_n(&row->start_ns, __ATOMIC_ACQUIRE);
	bool last = s->states[number] == LEAVING, end = ended(s, number, start_ns), grown;
	struct tcp_counters growth = {0};

	grown = take_counters(&growth, s, number);
	if (grown && !start_ns && !last) /* it may just have been taken: before it grew */
		end = ended(s, number, __atomic_load_n(&row->start_ns, __ATOMIC_ACQUIRE));
	if (grown)
		s->seen[number].grew = s->looks;
	if (grown || last)
		tell(s, number, &growth, last, visit, context);
	else
		end = end || gives_way(s, number);
	if (last)
		free_row(s, number);
	else if (end)
		leave(s, number);
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
		leave_all(s);
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

/* What the tables hold now is seen, but for the connections that are open: they still are. */
static void take_baseline(struct snapshot *s)
{
	s->states[TCP_ROW_OTHER] = s->states[TCP_ROW_KERNEL] = DUE; /* for ever */
	snapshot_take(s, NULL, NULL);
	for (unsigned row = 0; row < s->tables.row_count; row++) {
		if (s->states[row] == FREE && !s->tables.touched[row])
			continue;
		s->seen[row].counters.established = 0;
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

void snapshot_want(struct snapshot *s, unsigned row, bool destinations, bool ports)
{
	uint32_t *now = &s->tables.rows[row].wants;
	uint32_t wants = TCP_WANTS_KNOWN | (destinations ? TCP_WANTS_DESTINATIONS : 0) |
			 (ports ? TCP_WANTS_PORTS : 0);

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

void snapshot_describe(struct snapshot_process *out, const struct snapshot *s, unsigned row,
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
			ask_name(s, row);
		describe(&p, &s->tables.rows[row]);
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
