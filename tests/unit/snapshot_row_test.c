/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Who has a row: what is told of a process, and how it is called. */
#include "check.h"
#include "snapshot_world.h"

static void expect_nobody(unsigned row, uint64_t start_ns, unsigned want, const char *who)
{
	static const struct tcp_counters nothing;
	struct snapshot_process p;

	memset(&p, 0xff, sizeof(p));
	snapshot_who(&p, reader.snapshot, row, start_ns);
	expect_u64(p.row, want, "row: %s", who);
	expect_u64(p.process_row, want, "process's row: %s", who);
	expect(!p.pid && !p.start_ns && !p.endpoint.kind && !p.last && !p.queued && !*p.comm,
	       "%s is described", who);
	expect(memcmp(&p.grown, &nothing, sizeof(nothing)) == 0, "%s has grown", who);
}

static void test_describe(void)
{
	struct snapshot_process p;
	unsigned row, end_row;

	reader_begin("who has a row, for those who know no more than its number");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	kernel_receive(row, 1009);
	memset(&p, 0xff, sizeof(p));
	snapshot_who(&p, reader.snapshot, row, 77 * TICK_NS);
	expect_u64(p.row, row, "row");
	expect_u64(p.process_row, row, "process's row");
	expect_u64(p.pid, PID_BASE + 1, "pid");
	expect_u64(p.uid, 1009, "uid");
	expect_u64(p.parent, PID_BASE, "parent");
	expect_u64(p.cgroup, 2003, "cgroup");
	expect_u64(p.start_ns, 77 * TICK_NS, "start");
	expect_text(p.comm, "web", "comm");
	expect(!p.grown.rx_bytes && !p.queued && !p.last && !p.endpoint.kind, "it has grown");
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++)
		expect(!p.buckets[i] && !p.time_max[i], "it has times");
	expect_u64(snapshot_start_ns(reader.snapshot, row), 77 * TICK_NS, "start of the row");
	expect_u64(snapshot_start_ns(reader.snapshot, row + 1), 0, "start of a free row");
	expect_u64(snapshot_start_ns(reader.snapshot, ALL_ROWS), 0, "start of no row");
	expect_u64(snapshot_start_ns(reader.snapshot, UINT32_MAX), 0, "start of the last number");
	expect_nobody(row, 78 * TICK_NS, TCP_ROW_OTHER, "one that was there before");
	expect_nobody(row, 0, TCP_ROW_OTHER, "one without a start");
	expect_nobody(row + 1, 0, TCP_ROW_OTHER, "a free row");
	expect_nobody(ALL_ROWS, 77 * TICK_NS, TCP_ROW_OTHER, "no row");
	expect_nobody(TCP_ROW_NONE, 0, TCP_ROW_OTHER, "none");
	expect_nobody(TCP_ROW_OTHER, 0, TCP_ROW_OTHER, "other");
	expect_nobody(TCP_ROW_KERNEL, 0, TCP_ROW_KERNEL, "kernel");
	end_row = kernel_endpoint(row, destination(7, 443));
	snapshot_who(&p, reader.snapshot, end_row, 77 * TICK_NS);
	expect_u64(p.row, end_row, "an endpoint's row");
	expect_u64(p.process_row, row, "that of its process");
	expect_u64(p.endpoint.port, 443, "its port");
	look();
	expect_only(row, 1009, false, "in the look");
	kernel.rows[row].exited = 1;
	fake_remove(PID_BASE + 1);
	look_times(1);
	snapshot_who(&p, reader.snapshot, row, 77 * TICK_NS);
	expect_u64(p.row, row, "one that has ended, but whose row is not free yet");
	expect(p.last, "it has not ended");
	expect_u64(snapshot_start_ns(reader.snapshot, row), 0, "start after the end");
	look();
	expect_nobody(row, 77 * TICK_NS, TCP_ROW_OTHER, "one that is gone");
	reader_end();
}

static void test_rename(void)
{
	unsigned row;

	reader_begin("a row's name may change at any time, and may lack its end");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "sh");
	kernel_receive(row, 7);
	look();
	expect_text(visit_of(row)->process.comm, "sh", "comm");
	memcpy(kernel.rows[row].comm, "abcdefghijklmnop", TCP_COMM_LEN);
	kernel.rows[row].renames++;
	kernel_receive(row, 7);
	look();
	expect_text(visit_of(row)->process.comm, "abcdefghijklmno", "comm without end");
	expect_u64(visit_of(row)->process.renames, 1, "renames");
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_hostname(void)
{
	struct snapshot_process p;
	unsigned row;

	reader_begin("how its host calls itself is told with a process");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "sh");
	kernel_receive(row, 7);
	look();
	expect(visit_of(row)->process.hostname == &kernel.hostnames[row], "in a look");
	snapshot_who(&p, reader.snapshot, row, 77 * TICK_NS);
	expect(p.hostname == &kernel.hostnames[row], "asked for");
	snapshot_who(&p, reader.snapshot, row, 78 * TICK_NS);
	expect(!p.hostname, "of another process");
	reader_end();
	fake_remove(PID_BASE + 1);
}

/* The listener of a daemon that took its name later, or executed another program. */
static void test_late_name(void)
{
	struct snapshot_process p;
	unsigned row;

	reader_begin("a row that somebody else caused gets the name that its process has by now");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "wrapper");
	fake_name(PID_BASE + 1, "in two\nlines");
	kernel.rows[row].exited = TCP_EXIT_UNKNOWN;
	snapshot_who(&p, reader.snapshot, row, 77 * TICK_NS);
	expect_text(p.comm, "in two\nlines", "comm before the first look");
	expect_u64(p.renames, 1, "renames");
	kernel_receive(row, 7);
	look();
	expect_text(visit_of(row)->process.comm, "in two\nlines", "comm");
	expect_u64(visit_of(row)->process.renames, 1, "renames, once");
	fake_name(PID_BASE + 1, "later");
	kernel_receive(row, 7);
	look();
	expect_text(visit_of(row)->process.comm, "in two\nlines", "comm: asked once");
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_late_name_race(void)
{
	unsigned row;

	reader_begin("a late name: what the kernel tells meanwhile is newer");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "wrapper");
	expect_u64(row, TCP_ROW_FIRST, "row");
	fake_name(PID_BASE + 1, "server");
	kernel.rows[row].exited = TCP_EXIT_UNKNOWN;
	kernel.rename = "newest";
	kernel_receive(row, 7);
	look();
	expect_text(visit_of(row)->process.comm, "newest", "comm");
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_late_name_reused(void)
{
	unsigned row;

	reader_begin("a late name: not that of another process with the same pid");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "wrapper");
	fake_add(PID_BASE + 1, 78 * TICK_NS);
	fake_name(PID_BASE + 1, "other");
	kernel.rows[row].exited = TCP_EXIT_UNKNOWN;
	kernel_receive(row, 7);
	look();
	expect_text(visit_of(row)->process.comm, "wrapper", "comm");
	look();
	reader_end();
	fake_remove(PID_BASE + 1);
}

int main(void)
{
	if (!fake_open())
		return 2;
	test_describe();
	test_rename();
	test_hostname();
	test_late_name();
	test_late_name_race();
	test_late_name_reused();
	fake_close();
	return check_status();
}
