/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* How rows come back: processes that end, sweeps, full tables, and system calls that fail. */
#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "memory.h"
#include "snapshot_world.h"

static void test_hinted_end(void)
{
	unsigned row;

	reader_begin("a hinted end: its bytes at once, one more look, then the row is free");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel_receive(row, 1009);
	kernel.rows[row].exited = 1;
	fake_remove(PID_BASE + 1);
	look();
	expect_only(row, 1009, false, "first look");
	expect_u64(kernel.index_count, 0, "processes in the index");
	expect_u64(kernel.rows[row].start_ns, 0, "start");
	expect(!is_free(row), "the row is free before the second look");
	expect_u64(kernel.rows[row].generation, 0, "generation before the free");
	expect_u64(snapshot_processes(reader.snapshot), 1, "processes");
	look();
	expect_only(row, 0, true, "second look");
	expect_u64(visit_of(row)->process.pid, PID_BASE + 1, "pid");
	expect_u64(visit_of(row)->process.start_ns, 77 * TICK_NS, "start");
	expect_text(visit_of(row)->process.comm, "curl", "comm");
	expect(is_free(row), "the row is not free");
	expect_u64(kernel.rows[row].generation, 1, "generation after the free");
	expect_u64(snapshot_processes(reader.snapshot), 0, "processes");
	look_times(SWEEP_LOOKS + 1);
	reader_end();
}

static void test_early_hint(void)
{
	unsigned row;

	reader_begin("a hint alone is no end: the process still closes its files");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel.rows[row].exited = 1;
	look_times(3);
	kernel_receive(row, 1009);
	look();
	expect_only(row, 1009, false, "after the hint");
	expect_u64(kernel.index_count, 1, "processes in the index");
	fake_remove(PID_BASE + 1);
	look_times(1);
	look();
	expect_only(row, 0, true, "in the end");
	reader_end();
}

static void test_zombies(void)
{
	unsigned row;

	reader_begin(
		"its leader's end is not the end, the last thread's is: before its parent asks for "
		"it");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	fake_write(PID_BASE + 1, 77 * TICK_NS, 'Z', 2);
	look_times(SWEEP_LOOKS + 1);
	kernel_receive(row, 1009);
	look();
	expect_only(row, 1009, false, "of the thread");
	fake_write(PID_BASE + 1, 77 * TICK_NS, 'Z', 1);
	kernel.rows[row].exited = 1;
	look_times(1);
	look();
	expect_only(row, 0, true, "in the end");
	expect(is_free(row), "the row is not free");
	reader_end();

	reader_begin("zombies without a hint leave their rows within 64 looks");
	for (unsigned i = 0; i < ROWS - TCP_ROW_FIRST; i++)
		spawn(PID_BASE + i, (77 + i) * TICK_NS, "web");
	look();
	for (unsigned i = 0; i < ROWS - TCP_ROW_FIRST; i++)
		fake_write(PID_BASE + i, (77 + i) * TICK_NS, 'Z', 1);
	for (unsigned i = 0; i <= SWEEP_LOOKS; i++)
		look();
	expect_u64(kernel.free.count, ROWS - TCP_ROW_FIRST, "free rows");
	reader_end();
}

static void test_dead_before_read(void)
{
	unsigned row;

	reader_begin("the counters are read after the process was found dead");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel.rows[row].exited = 1;
	kernel.row_at_death = row;
	kernel.rx_bytes_at_death = 1009;
	fake_remove(PID_BASE + 1);
	look();
	expect_only(row, 1009, false, "bytes that came with the answer");
	reader_end();

	reader_begin("what arrives while the row is taken away is in the second look");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel_receive(row, 7);
	kernel.rows[row].exited = 1;
	kernel.late_rx_bytes = 1009;
	fake_remove(PID_BASE + 1);
	look();
	expect_only(row, 7, false, "first look");
	kernel_receive(row, 13);
	look();
	expect_only(row, 1022, true, "second look");
	look_times(1);
	reader_end();
}

static void test_after_free(void)
{
	unsigned row;

	reader_begin("what arrives for a freed row is other's");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel_receive(row, 7);
	kernel.rows[row].exited = 1;
	fake_remove(PID_BASE + 1);
	look();
	look();
	kernel_receive(row, 1009);
	kernel_connect(row, 50021, 30);
	look();
	expect_only(TCP_ROW_OTHER, 1009, false, "after the free");
	expect_u64(visit_of(TCP_ROW_OTHER)->buckets[30], 1, "connect after the free");
	look_times(1);
	reader_end();
}

static void test_handed_on(void)
{
	unsigned row, again;

	reader_begin("a row that is handed on keeps its counters, and starts from them");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel_receive(row, 1000003);
	kernel_connect(row, 50021, 30);
	kernel.rows[row].exited = 1;
	fake_remove(PID_BASE + 1);
	look();
	look();
	again = spawn(PID_BASE + 2, 99 * TICK_NS, "wget");
	expect_u64(again, row, "row");
	kernel_receive(row, 13);
	kernel_connect(row, 40009, 31);
	look();
	expect_only(row, 13, false, "its first look");
	expect_u64(visit_of(row)->process.pid, PID_BASE + 2, "pid");
	expect_u64(visit_of(row)->process.start_ns, 99 * TICK_NS, "start");
	expect_text(visit_of(row)->process.comm, "wget", "comm");
	expect_u64(visit_of(row)->buckets[30], 0, "connects of the one before");
	expect_u64(visit_of(row)->buckets[31], 1, "its own connects");
	expect_u64(visit_of(row)->process.time_max[TCP_TIME_CONNECT], 40009, "maximum");
	expect_u64(snapshot_processes(reader.snapshot), 1, "processes");
	reader_end();
	fake_remove(PID_BASE + 2);
}

static void test_pid_reuse(void)
{
	unsigned first, second;

	reader_begin("a pid that is used again: the start time tells the two apart");
	first = spawn(PID_BASE + 1, 77 * TICK_NS, "old");
	kernel_receive(first, 1009);
	look();
	second = spawn(PID_BASE + 1, 99 * TICK_NS, "new");
	kernel.rows[first].exited = 1;
	expect(first != second, "same row");
	kernel_receive(first, 7);
	kernel_receive(second, 2003);
	look();
	expect_u64(reader.count, 2, "visits");
	expect_u64(visit_of(first)->process.grown.rx_bytes, 7, "bytes of the old one");
	expect_u64(visit_of(second)->process.grown.rx_bytes, 2003, "bytes of the new one");
	look();
	expect_only(first, 0, true, "end of the old one");
	kernel_receive(second, 13);
	look();
	expect_only(second, 13, false, "the new one lives");
	look_times(SWEEP_LOOKS + 1);
	expect_u64(snapshot_processes(reader.snapshot), 1, "processes");
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_sweep(void)
{
	unsigned ended = 0;

	reader_begin("ends without a hint are found within 64 looks, in turns");
	for (unsigned i = 0; i < ROWS - TCP_ROW_FIRST; i++)
		spawn(PID_BASE + i, (77 + i) * TICK_NS, "web");
	look_times(SWEEP_LOOKS);
	for (unsigned i = 0; i < ROWS - TCP_ROW_FIRST; i++)
		fake_remove(PID_BASE + i);
	for (unsigned i = 0; i < SWEEP_LOOKS; i++) {
		kernel.alive_asked = 0;
		look();
		expect(kernel.alive_asked <= (ROWS + SWEEP_LOOKS - 1) / SWEEP_LOOKS,
		       "%u processes were checked in one look", kernel.alive_asked);
		for (unsigned n = 0; n < reader.count; n++)
			expect(reader.visits[n].process.last, "a visit that is not the last");
		ended += reader.count;
	}
	expect_u64(kernel.index_count, 0, "processes in the index after 64 looks");
	look();
	expect_u64(ended + reader.count, ROWS - TCP_ROW_FIRST, "ended");
	expect_u64(kernel.free.count, ROWS - TCP_ROW_FIRST, "free rows");
	reader_end();
}

#define MANY 32768 /* rows of processes */

/* So many looks that each row had its turn. */
static void large_sweep(struct snapshot *s, const struct tcp_row *rows, bool end)
{
	unsigned held = MANY - TCP_ROW_FIRST;

	for (unsigned i = 0; i < MANY / 256; i++) {
		kernel.alive_asked = kernel.gone_asked = 0;
		snapshot_take(s, NULL, NULL);
		expect(kernel.alive_asked <= 16, "/proc read for %u", kernel.alive_asked);
		expect(kernel.gone_asked <= 256, "%u swept", kernel.gone_asked);
	}
	for (unsigned i = TCP_ROW_FIRST; i < MANY; i++)
		held -= !rows[i].start_ns;
	expect_u64(held, end ? 0 : MANY - TCP_ROW_FIRST, "processes with a row");
}

static void test_large_sweep(void)
{
	struct snapshot_options options = {.proc_root = fake_root};
	struct tcp_row *rows = calloc(MANY, sizeof(*rows));
	struct tcp_bytes *bytes = calloc(MANY, sizeof(*bytes));
	__u64 *touched = calloc(MANY, sizeof(*touched)), tick = 100;
	struct probe_tables tables = {
		.rows = rows,
		.bytes = bytes,
		.touched = touched,
		.tick = &tick,
		.self = &kernel.self,
		.row_count = MANY,
		.shard_count = 1,
		.first_endpoint = MANY,
		.processes_fd = INDEX_FD,
		.free_rows_fd = FREE_ROWS_FD,
	};
	struct snapshot *s = NULL;

	check_begin("snapshot: of many rows few processes are read about, and all ends are found");
	kernel_reset();
	kernel.push_error = EBUSY;
	for (unsigned i = TCP_ROW_FIRST; i < MANY; i++) {
		rows[i].pid = PID_BASE;
		rows[i].start_ns = 77 * TICK_NS;
		touched[i] = 1;
	}
	fake_add(PID_BASE, 77 * TICK_NS);
	expect(!snapshot_open(&s, &tables, &options), "snapshot_open failed");
	large_sweep(s, rows, false);
	fake_remove(PID_BASE);
	large_sweep(s, rows, true);
	snapshot_close(s);
	free(touched);
	free(bytes);
	free(rows);
	check_end();
}

static void test_full(void)
{
	reader_begin("when the kernel ran out of rows, all are checked at once");
	for (unsigned i = 0; i < ROWS - TCP_ROW_FIRST; i++)
		spawn(PID_BASE + i, (77 + i) * TICK_NS, "web");
	look_times(1);
	for (unsigned i = 0; i < ROWS - TCP_ROW_FIRST; i++)
		fake_remove(PID_BASE + i);
	kernel_receive(kernel_row(PID_BASE + ROWS, 1009 * TICK_NS, "one more"), 13);
	look();
	expect_only(TCP_ROW_OTHER, 13, false, "the one without a row");
	expect_u64(kernel.index_count, 0, "processes in the index");
	look();
	expect_u64(kernel.free.count, ROWS - TCP_ROW_FIRST, "free rows");
	kernel.alive_asked = 0;
	look_times(1);
	expect_u64(kernel.alive_asked, 0, "processes asked for once there is room again");
	reader_end();
}

/* -- trouble -- */

static void test_delete_fails(void)
{
	unsigned row;

	reader_begin("a row that cannot be taken from the index stays until it can");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel.rows[row].exited = 1;
	fake_remove(PID_BASE + 1);
	kernel.delete_error = EBUSY;
	look_times(3);
	expect_u64(kernel.rows[row].start_ns, 77 * TICK_NS, "start");
	kernel_receive(row, 1009);
	look();
	expect_only(row, 1009, false, "meanwhile");
	kernel.delete_error = 0;
	look_times(1);
	look();
	expect_only(row, 0, true, "in the end");
	expect(is_free(row), "the row is not free");
	reader_end();

	reader_begin("a row that is not in the index any more is freed");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel.rows[row].exited = 1;
	kernel.index_count = 0;
	fake_remove(PID_BASE + 1);
	look_times(1);
	look();
	expect(is_free(row), "the row is not free");
	reader_end();
}

static void test_delete_some(void)
{
	unsigned rows[5];

	reader_begin(
		"of rows that leave together, each that fails is tried again, and holds up none");
	for (uint32_t i = 0; i < COUNT_OF(rows); i++) {
		rows[i] = spawn(PID_BASE + i, 77 * TICK_NS, "curl");
		kernel.rows[rows[i]].exited = 1;
		fake_remove(PID_BASE + i);
	}
	kernel.index[1].key.zero = kernel.index[4].key.zero = 1; /* they are not found */
	kernel.batch_error = ENOMEM;
	look_times(1);
	for (unsigned i = 0; i < COUNT_OF(rows); i++)
		expect_u64(kernel.rows[rows[i]].start_ns, 77 * TICK_NS, "start of %u", i);
	kernel.batch_error = 0;
	look_times(1);
	expect_u64(kernel.index_count, 2, "processes in the index");
	look();
	expect_u64(reader.count, COUNT_OF(rows), "visits");
	for (unsigned i = 0; i < COUNT_OF(rows); i++)
		expect(is_free(rows[i]), "row %u is not free", rows[i]);
	reader_end();
}

static void test_push_fails(void)
{
	unsigned row;
	uint64_t rx_bytes = 0;

	reader_begin("a row that cannot be given back is given back later, and loses nothing");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel.rows[row].exited = 1;
	fake_remove(PID_BASE + 1);
	kernel.push_error = EBUSY;
	look_times(1);
	for (unsigned i = 0; i < 5; i++) {
		if (i == 3)
			kernel.push_error = 0;
		kernel_receive(row, 7);
		look();
		expect_u64(reader.count, 1, "visits");
		rx_bytes += reader.visits[0].process.grown.rx_bytes;
	}
	expect_u64(rx_bytes, 35, "bytes");
	expect(is_free(row), "the row is not free");
	expect_u64(snapshot_processes(reader.snapshot), 0, "processes");
	reader_end();
}

static void test_without_memory(void)
{
	struct snapshot *untouched = (struct snapshot *)&kernel, *s = untouched;
	long before = memory_live();
	unsigned n = 1;
	int err;

	check_begin("snapshot: snapshot_open without memory returns -ENOMEM and leaves nothing");
	kernel_reset();
	do {
		memory_fail_at(n++);
		err = try_open(&s);
		memory_fail_at(0);
		if (err) {
			expect(err == -ENOMEM, "returned %d", err);
			expect(s == untouched, "the out-parameter was written");
			expect(memory_live() == before, "blocks are left");
		}
	} while (err && n < 100);
	expect(!err && n > 3, "it succeeds at allocation %u", n);
	snapshot_close(err ? NULL : s);
	snapshot_close(NULL);
	expect(memory_live() == before, "blocks are left after snapshot_close");
	check_end();
}

int main(void)
{
	if (!fake_open())
		return 2;
	test_hinted_end();
	test_early_hint();
	test_zombies();
	test_dead_before_read();
	test_after_free();
	test_handed_on();
	test_pid_reuse();
	test_sweep();
	test_large_sweep();
	test_full();
	test_delete_fails();
	test_delete_some();
	test_push_fails();
	test_without_memory();
	fake_close();
	return check_status();
}
