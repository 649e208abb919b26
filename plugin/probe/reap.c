/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/process.h"
#include "probe/rows.h"

#define IDLE_LOOKS 6 /* an endpoint that did nothing in so many looks may give way to others */

void reap_leave(struct snapshot *s, unsigned number)
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
	if (*count == all) /* the kernel has not told how many */
		*count = 0;
	return errno;
}

/* Takes the rows from those that have them. Together they cost a third of what single ones do. */
void reap_leave_all(struct snapshot *s)
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

void reap_free(struct snapshot *s, unsigned row)
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
 * A row that somebody else caused has the name that the process had when it was seen before, not
 * what it has called itself since. If the kernel renames it meanwhile, the next look asks again.
 */
void reap_ask_name(const struct snapshot *s, unsigned number)
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
	uint32_t hint = TCP_EXIT_UNKNOWN; /* /proc is asked about it once */
	bool asked = __atomic_compare_exchange_n(&row->exited, &hint, 0, false, __ATOMIC_RELAXED,
						 __ATOMIC_RELAXED);

	if (asked)
		reap_ask_name(s, number);
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
bool reap_gives_way(const struct snapshot *s, unsigned row)
{
	const struct seen *seen = &s->seen[row];

	return s->crowded && is_endpoint(s, row) && s->states[row] != FREE &&
	       s->looks - seen->grew > IDLE_LOOKS && !seen->open;
}

bool reap_ended(struct snapshot *s, unsigned number, uint64_t start_ns)
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
