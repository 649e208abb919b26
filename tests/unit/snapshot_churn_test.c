/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Processes and endpoints that come, act and go at random: nothing is lost. */
#include "check.h"
#include "snapshot_world.h"

#define ACTORS 113 /* more than there are rows */
#define ENDS 5     /* destinations that each may have */

/* A process of the test, and what it has done and was seen to do. */
struct actor {
	uint64_t start_ns; /* 0: it does not live */
	uint32_t pid;
	uint64_t done, seen;
	uint64_t ends_done[ENDS], ends_seen[ENDS]; /* by the number of the endpoint */
};

static struct {
	struct actor actors[ACTORS];
	uint64_t other_done, other_seen;
	uint64_t random, starts, reached;
} churn;

static struct actor *actor_of(uint32_t pid, uint64_t start_ns)
{
	for (unsigned i = 0; i < ACTORS; i++)
		if (churn.actors[i].pid == pid && churn.actors[i].start_ns == start_ns)
			return &churn.actors[i];
	return NULL;
}

/* What finds no row for its endpoint is known of the process alone. */
static void actor_reach(struct actor *a, unsigned process_row, uint64_t bytes)
{
	uint8_t number = (uint8_t)(check_random(&churn.random) % ENDS);
	unsigned row = kernel_endpoint(process_row, destination(number, 443));

	if (row == TCP_ROW_NONE)
		return;
	kernel_receive(row, bytes);
	a->ends_done[number] += bytes;
	churn.reached++;
}

static void actor_act(struct actor *a)
{
	uint64_t bytes = check_random(&churn.random) % 1000003 + 1;
	unsigned row = kernel_row(a->pid, a->start_ns, "churn");

	kernel_receive(row, bytes);
	if (row == TCP_ROW_OTHER)
		churn.other_done += bytes;
	else
		a->done += bytes;
	if (row != TCP_ROW_OTHER)
		actor_reach(a, row, bytes);
}

/* Another process may have the pid before the reader knows that this one is gone. */
static void actor_end(struct actor *a)
{
	struct tcp_process_key key = {.start_ns = a->start_ns, .pid = a->pid};
	unsigned at = row_of_key(&key);

	if (at < kernel.index_count)
		kernel.rows[kernel.index[at].row].exited = !check_chance(&churn.random, 3);
	a->start_ns = 0;
	fake_remove(a->pid);
}

static void actor_start(struct actor *a, unsigned number)
{
	a->pid = PID_BASE + number;
	a->start_ns = ++churn.starts * TICK_NS;
	a->done = a->seen = 0;
	memset(a->ends_done, 0, sizeof(a->ends_done));
	memset(a->ends_seen, 0, sizeof(a->ends_seen));
	fake_add(a->pid, a->start_ns);
}

static void churn_see(void *context, const struct snapshot_process *p)
{
	struct actor *a = actor_of(p->pid, p->start_ns);

	(void)context;
	if (p->row == TCP_ROW_OTHER)
		churn.other_seen += p->grown.rx_bytes;
	else if (a && p->endpoint.kind)
		a->ends_seen[p->endpoint.address[15]] += p->grown.rx_bytes;
	else if (a)
		a->seen += p->grown.rx_bytes;
	else if (expect(p->start_ns != 0, "a visit of nobody"))
		expect_u64(p->grown.rx_bytes, 0, "bytes of a process that was settled");
}

/* A process that has ended may only go once the reader has seen all of it. */
static void churn_tick(void)
{
	for (unsigned i = 0; i < ACTORS; i++) {
		struct actor *a = &churn.actors[i];

		if (!a->start_ns && check_chance(&churn.random, 7))
			actor_start(a, i);
		if (a->start_ns && check_chance(&churn.random, 3))
			actor_act(a);
	}
	kernel_touch();
	snapshot_take(reader.snapshot, churn_see, NULL);
	for (unsigned i = 0; i < ACTORS; i++) {
		struct actor *a = &churn.actors[i];

		expect_u64(a->seen, a->done, "bytes of actor %u", i);
		for (unsigned n = 0; n < ENDS; n++)
			expect_u64(a->ends_seen[n], a->ends_done[n], "bytes of end %u of actor %u",
				   n, i);
		if (a->start_ns && check_chance(&churn.random, 19))
			actor_end(a);
	}
	expect_u64(churn.other_seen, churn.other_done, "bytes of other");
}

static void test_churn(void)
{
	reader_begin(
		"701 looks of churn, more processes and endpoints than rows: each to the byte");
	memset(&churn, 0, sizeof(churn));
	churn.random = 32452843;
	for (unsigned i = 0; i < 701 && !check_failed(); i++)
		churn_tick();
	expect(churn.other_done > 0, "the rows were never full");
	expect(kernel.self.lost_endpoints > 0, "the rows of endpoints were never full");
	expect(churn.reached > 701, "hardly an endpoint was reached");
	expect(churn.starts > 5 * (uint64_t)ACTORS, "no churn");
	for (unsigned i = 0; i < ACTORS; i++)
		fake_remove(PID_BASE + i);
	for (unsigned i = 0; i <= SWEEP_LOOKS; i++)
		look();
	expect_u64(kernel.free.count, ROWS - TCP_ROW_FIRST, "free rows in the end");
	expect_u64(kernel.index_count, 0, "processes in the index in the end");
	expect_u64(kernel.free_endpoints.count, ENDPOINTS, "free rows of endpoints in the end");
	expect_u64(kernel.endpoint_count, 0, "endpoints in the index in the end");
	expect_counts(0, 0);
	reader_end();
}

int main(void)
{
	if (!fake_open())
		return 2;
	test_churn();
	fake_close();
	return check_status();
}
