/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What is open: balances, which the reader hands on and never loses. */
#include "check.h"
#include "snapshot_world.h"

static void expect_open(unsigned row, int64_t want)
{
	int64_t got = (int64_t)visit_of(row)->process.grown.open[TCP_STATE_ESTABLISHED];

	expect(got == want, "row %u: open: want %" PRId64 ", got %" PRId64, row, want, got);
}

static void test_open_before(void)
{
	unsigned row, endpoint, idle;

	check_begin("snapshot: what is open at the start is told by the first look, once");
	kernel_reset();
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "old");
	endpoint = kernel_endpoint(row, destination(5, 443));
	idle = spawn(PID_BASE + 2, 77 * TICK_NS, "idle");
	kernel_receive(row, 1009);
	kernel_receive(idle, 1009);
	kernel_connect(row, 50021, 30);
	kernel_establish(row, 5);
	kernel_establish(endpoint, 3);
	kernel_establish(TCP_ROW_OTHER, 7);
	kernel_establish(TCP_ROW_KERNEL, 11);
	reader_open();
	look();
	expect_u64(reader.count, 4, "visits");
	expect_open(row, 5);
	expect_u64(visit_of(row)->process.grown.rx_bytes, 0, "old bytes");
	expect_u64(visit_of(row)->process.grown.connects, 0, "old connects");
	expect_u64(visit_of(row)->buckets[30], 0, "old times");
	expect_open(endpoint, 3);
	expect_open(TCP_ROW_OTHER, 7);
	expect_open(TCP_ROW_KERNEL, 11);
	look_times(3);
	kernel_establish(row, -2);
	kernel_establish(idle, 1);
	look();
	expect_u64(reader.count, 2, "visits, then");
	expect_open(row, -2);
	expect_open(idle, 1);
	kernel_establish(row, 1); /* and closed again */
	kernel_establish(row, -1);
	look_times(1);
	reader_end();
	fake_remove(PID_BASE + 1);
	fake_remove(PID_BASE + 2);
}

/* Rows that somebody else caused, as a socket that outlives its process does. */
static void test_exit_unknown(void)
{
	unsigned dead, live;

	reader_begin("whether the process of a late row lives is asked once, at the next look");
	dead = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	live = spawn(PID_BASE + 2, 78 * TICK_NS, "web");
	fake_remove(PID_BASE + 1);
	kernel.rows[dead].exited = kernel.rows[live].exited = TCP_EXIT_UNKNOWN;
	kernel_receive(dead, 1009);
	look();
	expect_only(dead, 1009, false, "first look");
	expect_u64(kernel.rows[live].exited, 0, "hint of the one that lives");
	look();
	expect_only(dead, 0, true, "second look");
	expect_u64(snapshot_processes(reader.snapshot), 1, "processes");
	reader_end();
	fake_remove(PID_BASE + 2);
}

static void test_open_after(void)
{
	unsigned row;

	reader_begin(
		"connections that outlive their process: each end is told, the late ones of other");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel_establish(row, 5);
	look();
	expect_open(row, 5);
	kernel_establish(row, -1);
	kernel.rows[row].exited = 1;
	fake_remove(PID_BASE + 1);
	look();
	expect_only(row, 0, false, "first look");
	expect_open(row, -1);
	kernel_establish(row, -1);
	look();
	expect_only(row, 0, true, "second look");
	expect_open(row, -1);
	kernel_establish(row, -1); /* it has not seen that the row was freed */
	look();
	expect_only(TCP_ROW_OTHER, 0, false, "after the free");
	expect_open(TCP_ROW_OTHER, -1);
	expect_u64(spawn(PID_BASE + 2, 99 * TICK_NS, "wget"), row, "row");
	kernel_establish(TCP_ROW_OTHER, -2); /* it has */
	kernel_establish(row, 1);
	look();
	expect_u64(reader.count, 2, "visits");
	expect_open(TCP_ROW_OTHER, -2);
	expect_open(row, 1); /* of the new one alone */
	reader_end();
	fake_remove(PID_BASE + 2);
}

static void test_open_endpoints(void)
{
	unsigned row, open, busy;

	reader_begin("an endpoint with open connections does not give way, however idle");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	open = kernel_endpoint(row, destination(5, 443));
	busy = kernel_endpoint(row, destination(7, 443));
	kernel_establish(open, 2);
	look();
	expect_only(open, 0, false, "when they open");
	expect_open(open, 2);
	for (unsigned i = 0; i < 5 * IDLE_LOOKS; i++) {
		if (i == 3 * IDLE_LOOKS)
			kernel_establish(open, -1);
		kernel_receive(busy, 13);
		look_crowded();
	}
	expect_u64(kernel.endpoint_count, 2, "endpoints in the index");
	kernel_establish(open, -1);
	for (unsigned i = 0; i <= IDLE_LOOKS; i++) {
		kernel_receive(busy, 13);
		look_crowded();
		expect_u64(kernel.endpoint_count, 2, "endpoints %u looks after the end", i);
	}
	kernel_receive(busy, 13);
	look_crowded();
	expect_u64(kernel.endpoint_count, 1, "endpoints in the end");
	expect_u64(kernel.endpoints[0].row, busy, "the one that stays");
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_open_endpoint_before(void)
{
	unsigned row, endpoint;

	check_begin("snapshot: an endpoint that was open at the start gives way once it is closed");
	kernel_reset();
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "old");
	endpoint = kernel_endpoint(row, destination(5, 443));
	kernel_establish(endpoint, 3);
	reader_open();
	look();
	expect_open(endpoint, 3);
	for (unsigned i = 0; i < 2 * IDLE_LOOKS; i++)
		look_crowded();
	expect_u64(kernel.endpoint_count, 1, "endpoints while it is open");
	kernel_establish(endpoint, -3);
	for (unsigned i = 0; i < 2 * IDLE_LOOKS; i++)
		look_crowded();
	expect_u64(kernel.endpoint_count, 0, "endpoints in the end");
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_handed_on_balance(void)
{
	unsigned row, endpoint, busy;

	reader_begin("what was open in an endpoint's row before it was handed on does not keep it");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "old");
	endpoint = kernel_endpoint(row, destination(5, 443));
	kernel_establish(endpoint, 3); /* they stay open for longer than the process lives */
	kernel.rows[row].exited = 1;
	fake_remove(PID_BASE + 1);
	look();
	look();
	expect(is_free(endpoint), "it is not free");
	row = spawn(PID_BASE + 2, 99 * TICK_NS, "new");
	expect_u64(kernel_endpoint(row, destination(7, 443)), endpoint, "row");
	busy = kernel_endpoint(row, destination(9, 443));
	kernel_establish(endpoint, 1);
	look();
	expect_open(endpoint, 1);
	for (unsigned i = 0; i < 2 * IDLE_LOOKS; i++) {
		kernel_receive(busy, 13);
		look_crowded();
	}
	expect_u64(kernel.endpoint_count, 2, "endpoints while its own is open");
	kernel_establish(endpoint, -1);
	for (unsigned i = 0; i < 2 * IDLE_LOOKS; i++) {
		kernel_receive(busy, 13);
		look_crowded();
	}
	expect_u64(kernel.endpoint_count, 1, "endpoints after it was closed");
	expect(is_free(endpoint), "it is not free in the end");
	reader_end();
	fake_remove(PID_BASE + 2);
}

int main(void)
{
	if (!fake_open())
		return 2;
	test_open_before();
	test_exit_unknown();
	test_open_after();
	test_open_endpoints();
	test_open_endpoint_before();
	test_handed_on_balance();
	fake_close();
	return check_status();
}
