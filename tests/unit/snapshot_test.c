/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What the reader makes of rows: growth, times, and sums that are torn while it reads. */
#include "check.h"
#include "snapshot_world.h"

static void test_growth(void)
{
	static const uint64_t steps[] = {1009, 1, 4294967311, 7, 1099511627791};
	unsigned row;

	check_begin("snapshot: growth since the last look, every counter");
	kernel_reset();
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++)
		kernel.absent[i] = true; /* that they agree with their buckets is for others */
	reader_open();
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	for (size_t n = 0; n < COUNT_OF(steps); n++) {
		const struct snapshot_process *p;

		for (unsigned i = 0; i < COUNTERS; i++) {
			((uint64_t *)&kernel.rows[row].counters)[i] += steps[n] * (i + 1);
			((uint64_t *)&kernel.truth[row])[i] += steps[n] * (i + 1);
		}
		look();
		p = &visit_of(row)->process;
		for (unsigned i = 0; i < COUNTERS; i++)
			expect_u64(((const uint64_t *)&p->grown)[i], steps[n] * (i + 1),
				   "step %zu, counter %u", n, i);
		expect_u64(p->pid, PID_BASE + 1, "pid");
		expect_u64(p->start_ns, 77 * TICK_NS, "start");
		expect_u64(p->uid, 1009, "uid");
		expect_u64(p->cgroup, 2003, "cgroup");
		expect_u64(p->parent, PID_BASE, "parent");
		expect_u64(p->renames, 0, "renames");
		expect_text(p->comm, "web", "comm");
		expect(!p->last, "last");
		look_times(3);
	}
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_shards(void)
{
	const struct tcp_counters *grown;
	unsigned row;

	reader_begin("bytes are the sum of a row's shards, and of what its counters say");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	for (unsigned shard = 0; shard < SHARDS; shard++)
		kernel.bytes[shard][row] = (struct tcp_bytes){.tx = 101 << shard, .rx = 1 << shard};
	kernel.bytes[SHARDS - 1][row + 1].tx = kernel.bytes[0][row - 1].rx = 2003; /* not its own */
	look();
	grown = &visit_of(row)->process.grown;
	expect_u64(grown->tx_bytes, 101 * ((1 << SHARDS) - 1), "sent");
	expect_u64(grown->rx_bytes, (1 << SHARDS) - 1, "received");
	kernel.bytes[SHARDS - 1][row].rx += 4294967311;
	kernel.touched[row] = kernel.tick;
	look();
	expect_u64(visit_of(row)->process.grown.rx_bytes, 4294967311, "received, then");
	expect_u64(visit_of(row)->process.grown.tx_bytes, 0, "sent, then");
	reader_end();
	fake_remove(PID_BASE + 1);
}

/* The tick that a row tells may be the last one when its change is visible. */
static void test_touched(void)
{
	uint64_t late = 0;
	unsigned row;

	reader_begin("rows are read that were touched in the last tick, or in this one");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	look_times(3);
	for (unsigned age = 0; age < 4; age++) {
		bool seen = age <= 1;

		kernel_receive(row, 1009 + age);
		kernel.touched[row] = kernel.tick - age;
		look();
		expect_u64(reader.count, seen, "visits at age %u", age);
		if (seen)
			expect_u64(visit_of(row)->process.grown.rx_bytes, 1009 + age, "bytes");
		else
			late += 1009 + age;
	}
	kernel.touched[row] = kernel.tick;
	look();
	expect_only(row, late, false, "in the end");
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_wrap(void)
{
	unsigned row;

	reader_begin("a 64-bit counter that wraps");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	kernel_receive(row, UINT64_MAX - 12);
	look();
	kernel_receive(row, 1009);
	look();
	expect_only(row, 1009, false, "over the end");
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_baseline(void)
{
	unsigned row;

	check_begin("snapshot: what the tables hold at the start is taken as seen");
	kernel_reset();
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "old");
	kernel_receive(row, 1009);
	kernel_receive(TCP_ROW_OTHER, 2003);
	kernel_connect(row, 50021, 30);
	reader_open();
	look_times(2);
	expect_u64(snapshot_processes(reader.snapshot), 1, "processes");
	kernel_receive(row, 13);
	kernel_connect(row, 40009, 31);
	look();
	expect_only(row, 13, false, "then");
	expect_u64(visit_of(row)->process.time_max[TCP_TIME_CONNECT], 40009, "maximum");
	expect_u64(visit_of(row)->buckets[30], 0, "the old connect");
	expect_u64(visit_of(row)->buckets[31], 1, "the new connect");
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_fixed_rows(void)
{
	reader_begin("the fixed rows grow without a process; row 0 is nobody's");
	kernel_receive(TCP_ROW_NONE, 101);
	kernel_receive(TCP_ROW_OTHER, 1009);
	kernel_receive(TCP_ROW_KERNEL, 2003);
	kernel_connect(TCP_ROW_OTHER, 50021, 30);
	look();
	expect_u64(reader.count, 2, "visits");
	expect_u64(visit_of(TCP_ROW_OTHER)->process.grown.rx_bytes, 1009, "other");
	expect_u64(visit_of(TCP_ROW_OTHER)->buckets[30], 1, "connects of other");
	expect_u64(visit_of(TCP_ROW_KERNEL)->process.grown.rx_bytes, 2003, "kernel");
	expect_u64(snapshot_processes(reader.snapshot), 0, "processes");
	look_times(SWEEP_LOOKS + 1);
	expect_u64(kernel.alive_asked, 0, "processes asked for");
	reader_end();
}

static void test_latency(void)
{
	unsigned row, second;

	reader_begin("histograms: buckets and maximum swapped for 0");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	second = spawn(PID_BASE + 2, 77 * TICK_NS, "two");
	kernel_connect(row, 10007, 30);
	look();
	expect_u64(visit_of(row)->process.time_max[TCP_TIME_CONNECT], 10007, "maximum");
	expect_u64(visit_of(row)->buckets[30], 1, "bucket 30");
	expect_u64(kernel.rows[row].time_max[TCP_TIME_CONNECT], 0, "maximum in the kernel");
	expect_u64(kernel_histogram(TCP_TIME_CONNECT, row)->buckets[30], 0,
		   "bucket 30 in the kernel");
	for (unsigned i = 0; i < 11; i++)
		kernel_connect(row, 20011 + i, 30);
	kernel_connect(row, 9001, 29);
	kernel_connect(second, 30011, 31);
	look();
	expect_u64(visit_of(row)->process.time_max[TCP_TIME_CONNECT], 20021, "second maximum");
	expect_u64(visit_of(row)->buckets[30], 11, "bucket 30");
	expect_u64(visit_of(row)->buckets[29], 1, "bucket 29");
	expect_u64(visit_of(second)->buckets[31], 1, "bucket 31 of the second row");
	expect_u64(visit_of(second)->buckets[30], 0, "bucket 30 of the second row");
	kernel_receive(row, 7);
	look();
	expect_only(row, 7, false, "without a connect");
	expect_u64(visit_of(row)->process.time_max[TCP_TIME_CONNECT], 0,
		   "maximum without a connect");
	reader_end();
	fake_remove(PID_BASE + 1);
	fake_remove(PID_BASE + 2);
}

static void test_times(void)
{
	unsigned row;

	reader_begin("histograms: each time has its own, taken and swapped alone");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++) {
		kernel_time(row, i, 1009 * (i + 1), 30 + i);
		kernel_time(row, i, 503, 20 + i);
	}
	look();
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++) {
		const struct visit *v = visit_of(row);

		expect_u64(v->process.grown.times[i], 2, "count %u", i);
		expect_u64(v->process.grown.time_sum[i], 1009 * (i + 1) + 503, "sum %u", i);
		expect_u64(v->process.time_max[i], 1009 * (i + 1), "maximum %u", i);
		for (unsigned b = 0; b < TCP_LATENCY_BUCKETS; b++)
			expect_u64(v->times[i][b], b == 30 + i || b == 20 + i,
				   "bucket %u of time %u", b, i);
		expect_u64(kernel.rows[row].time_max[i], 0, "maximum %u in the kernel", i);
		expect_u64(kernel_histogram(i, row)->buckets[30 + i], 0, "bucket in the kernel");
	}
	kernel_time(row, TCP_TIME_RTT, 7, 0);
	kernel_histogram(TCP_TIME_LIFETIME, row)->buckets[9]++; /* its count is still to come */
	kernel.rows[row].time_max[TCP_TIME_LIFETIME] = 2003;
	look();
	expect_u64(visit_of(row)->times[TCP_TIME_RTT][0], 1, "round trip");
	expect_u64(visit_of(row)->process.grown.times[TCP_TIME_LIFETIME], 0, "lifetimes");
	expect_u64(visit_of(row)->process.time_max[TCP_TIME_LIFETIME], 0, "longest lifetime");
	expect_u64(kernel_histogram(TCP_TIME_LIFETIME, row)->buckets[9], 1, "it waits");
	expect_u64(kernel.rows[row].time_max[TCP_TIME_LIFETIME], 2003, "its maximum, too");
	reader_end();
	fake_remove(PID_BASE + 1);
}

/* A connect as row_time() writes it, up to where the writer loses the processor, and the rest. */
static void kernel_connect_begin(unsigned row, unsigned bucket, bool connects)
{
	kernel_histogram(TCP_TIME_CONNECT, row)->buckets[bucket]++;
	kernel.rows[row].counters.connects += connects;
	kernel.touched[row] = kernel.tick;
}

static void kernel_connect_end(unsigned row, uint64_t ns, bool connects)
{
	struct tcp_row *r = &kernel.rows[row];

	r->counters.connects += !connects;
	r->time_max[TCP_TIME_CONNECT] =
		r->time_max[TCP_TIME_CONNECT] < ns ? ns : r->time_max[TCP_TIME_CONNECT];
	r->counters.time_sum[TCP_TIME_CONNECT] += ns;
	r->counters.times[TCP_TIME_CONNECT]++;
	kernel.truth[row].connects++;
	kernel.truth[row].times[TCP_TIME_CONNECT]++;
	kernel.truth[row].time_sum[TCP_TIME_CONNECT] += ns;
}

static uint64_t buckets_of(const struct visit *v)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TCP_LATENCY_BUCKETS; i++)
		sum += v->buckets[i];
	return sum;
}

/* Connects, their times and their buckets come together; `bytes` came in the same look. */
static void expect_connects(unsigned row, uint64_t count, uint64_t sum, uint64_t bytes)
{
	const struct visit *v = visit_of(row);

	expect_u64(v->process.grown.connects, count, "connects");
	expect_u64(v->process.grown.times[TCP_TIME_CONNECT], count, "times");
	expect_u64(v->process.grown.time_sum[TCP_TIME_CONNECT], sum, "sum");
	expect_u64(buckets_of(v), count, "in buckets");
	expect_u64(v->process.grown.rx_bytes, bytes, "bytes");
}

static void test_torn(void)
{
	for (unsigned others = 0; others < 3; others++)
		for (unsigned connects = 0; connects < 2; connects++) {
			unsigned row;

			reader_begin("a connect that is being written while the reader looks");
			row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
			look();
			for (unsigned i = 0; i < others; i++)
				kernel_connect(row, 10007, 30);
			kernel_connect_begin(row, 31, connects);
			kernel_receive(row, 1009);
			look();
			expect_connects(row, 0, 0, 1009);
			kernel_connect_end(row, 20011, connects);
			kernel_receive(row, 13);
			look();
			expect_connects(row, others + 1, others * 10007 + 20011, 13);
			expect_u64(visit_of(row)->process.time_max[TCP_TIME_CONNECT], 20011,
				   "maximum");
			kernel_connect(row, 503, 29);
			look();
			expect_connects(row, 1, 503, 0);
			expect_u64(visit_of(row)->process.time_max[TCP_TIME_CONNECT], 503,
				   "maximum, then");
			reader_end();
			fake_remove(PID_BASE + 1);
		}
}

/* What cannot be is not waited for for ever, nor what ends. */
static void test_torn_for_ever(void)
{
	uint64_t connects = 0;
	unsigned row;

	reader_begin("a connect that is never written to its end");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	kernel_connect_begin(row, 31, true);
	kernel.truth[row].connects++;
	for (unsigned i = 0; i < 8; i++) {
		kernel.touched[row] = kernel.tick;
		look();
		for (unsigned k = 0; k < reader.count; k++)
			connects += reader.visits[k].process.grown.connects;
	}
	expect_u64(connects, 1, "connects in the end");
	kernel_connect_begin(row, 31, true);
	kernel.truth[row].connects++;
	fake_remove(PID_BASE + 1);
	kernel.rows[row].exited = 1;
	connects = 0;
	for (unsigned i = 0; i < 4; i++) {
		look();
		for (unsigned k = 0; k < reader.count; k++)
			connects += reader.visits[k].process.grown.connects;
	}
	expect_u64(connects, 1, "connects of a process that ends");
	expect_u64(snapshot_processes(reader.snapshot), 0, "processes");
	reader_end();
}

static void test_absent(void)
{
	for (unsigned absent = 0; absent < TCP_TIME_COUNT; absent++) {
		const struct visit *v;
		unsigned row;

		check_begin("snapshot: the table of time %u is not there, and not touched", absent);
		kernel_reset();
		kernel.absent[absent] = true;
		row = spawn(PID_BASE + 1, 77 * TICK_NS, "old");
		for (unsigned i = 0; i < TCP_TIME_COUNT; i++)
			kernel_time(row, i, 1009, 30);
		reader_open();
		for (unsigned i = 0; i < TCP_TIME_COUNT; i++)
			kernel_time(row, i, 2003 + i, 31);
		look();
		v = visit_of(row);
		for (unsigned i = 0; i < TCP_TIME_COUNT; i++) {
			bool there = i != absent;

			expect_u64(v->process.grown.times[i], 1, "count %u", i);
			expect_u64(v->process.grown.time_sum[i], 2003 + i, "sum %u", i);
			expect_u64(v->process.time_max[i], there ? 2003 + i : 0, "maximum %u", i);
			expect_u64(v->times[i][31], there, "bucket of time %u", i);
			expect_u64(v->times[i][30], 0, "old bucket of time %u", i);
			expect_u64(kernel_histogram(i, row)->buckets[31], !there,
				   "time %u in the kernel", i);
			expect_u64(kernel.rows[row].time_max[i], there ? 0 : 2003 + i,
				   "maximum %u in the kernel", i);
		}
		reader_end();
		fake_remove(PID_BASE + 1);
	}
}

int main(void)
{
	if (!fake_open())
		return 2;
	test_growth();
	test_shards();
	test_touched();
	test_wrap();
	test_baseline();
	test_fixed_rows();
	test_latency();
	test_times();
	test_torn();
	test_torn_for_ever();
	test_absent();
	fake_close();
	return check_status();
}
