/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Rows of endpoints: theirs is their process, and they go before it or with it. */
#include <errno.h>

#include "check.h"
#include "snapshot_world.h"

static void expect_endpoint(unsigned row, unsigned process_row, struct tcp_endpoint endpoint,
			    uint64_t rx_bytes, bool last)
{
	const struct snapshot_process *p = &visit_of(row)->process;

	expect(!p->hostname, "the hostname of row %u", row);
	expect(memcmp(&p->endpoint, &endpoint, sizeof(endpoint)) == 0, "endpoint of row %u", row);
	expect_u64(p->process_row, process_row, "process's row of row %u", row);
	expect_u64(p->grown.rx_bytes, rx_bytes, "bytes of row %u", row);
	expect_u64(p->last, last, "last of row %u", row);
	expect_u64(p->pid, kernel.rows[row].pid, "pid of row %u", row);
	expect_u64(p->uid, 1009, "uid of row %u", row);
	expect_u64(p->cgroup, 2003, "cgroup of row %u", row);
	expect_u64(p->parent, p->pid - 1, "parent of row %u", row);
}

static void test_endpoints(void)
{
	unsigned first, second, rows[4];

	reader_begin("endpoints are told after all processes, with their process and its row");
	first = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	rows[0] = kernel_endpoint(first, destination(5, 443));
	rows[1] = kernel_endpoint(first, local_port(443));
	second = spawn(PID_BASE + 2, 99 * TICK_NS, "two");
	rows[2] = kernel_endpoint(second, destination(5, 443));
	rows[3] = kernel_endpoint(second, destination(5, 80));
	expect_counts(0, 0); /* not looked at yet */
	look_times(1);
	expect_counts(2, 4);
	kernel_receive(first, 1009);
	kernel_receive(second, 2003);
	for (unsigned i = 0; i < COUNT_OF(rows); i++)
		kernel_receive(rows[i], 11 + i);
	kernel_connect(rows[2], 50021, 30);
	look();
	expect_u64(reader.count, 6, "visits");
	expect_endpoint(rows[0], first, destination(5, 443), 11, false);
	expect_endpoint(rows[1], first, local_port(443), 12, false);
	expect_endpoint(rows[2], second, destination(5, 443), 13, false);
	expect_endpoint(rows[3], second, destination(5, 80), 14, false);
	expect_u64(visit_of(rows[0])->process.start_ns, 77 * TICK_NS, "start of the first");
	expect_u64(visit_of(rows[2])->process.start_ns, 99 * TICK_NS, "start of the second");
	expect_text(visit_of(rows[0])->process.comm, "web", "comm");
	expect_u64(visit_of(rows[2])->process.time_max[TCP_TIME_CONNECT], 50021, "maximum");
	expect_u64(visit_of(rows[2])->buckets[30], 1, "bucket");
	kernel_receive(rows[3], 7);
	look();
	expect_only(rows[3], 7, false, "an endpoint alone");
	kernel.alive_asked = 0;
	look_times(SWEEP_LOOKS); /* each process in its turn, no endpoint */
	expect_u64(kernel.alive_asked, 2, "processes asked for");
	expect_counts(2, 4);
	reader_end();
	fake_remove(PID_BASE + 1);
	fake_remove(PID_BASE + 2);
}

static void test_endpoint_baseline(void)
{
	unsigned row, endpoint;

	check_begin("snapshot: what endpoints hold at the start is taken as seen");
	kernel_reset();
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "old");
	endpoint = kernel_endpoint(row, destination(5, 443));
	kernel_receive(endpoint, 1009);
	kernel.self.lost_endpoints = 7;
	reader_open();
	look_times(IDLE_LOOKS + 3);
	expect_counts(1, 1);
	kernel_receive(endpoint, 13);
	look();
	expect_only(endpoint, 13, false, "then");
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_endpoint_end(void)
{
	unsigned row, other, rows[2], stays;

	reader_begin("endpoints leave in the same look as their process, and are told once more");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	rows[0] = kernel_endpoint(row, destination(5, 443));
	rows[1] = kernel_endpoint(row, local_port(443));
	other = spawn(PID_BASE + 2, 77 * TICK_NS, "two"); /* of the same time */
	stays = kernel_endpoint(other, destination(5, 443));
	look_times(1);
	kernel_receive(row, 1009);
	kernel_receive(rows[0], 1009);
	kernel.rows[row].exited = 1;
	fake_remove(PID_BASE + 1);
	look();
	expect_u64(reader.count, 2, "visits of the first look");
	expect_endpoint(rows[0], row, destination(5, 443), 1009, false);
	expect_u64(kernel.endpoint_count, 1, "endpoints in the index");
	expect_u64(kernel.endpoints[0].row, stays, "endpoint that stays");
	expect_u64(kernel.rows[rows[0]].start_ns, 0, "start of the first endpoint");
	expect_u64(kernel.rows[rows[1]].start_ns, 0, "start of the second endpoint");
	expect(!is_free(rows[0]) && !is_free(rows[1]), "free before the second look");
	expect_counts(2, 3);
	kernel_receive(rows[1], 13); /* late */
	look();
	expect_u64(reader.count, 3, "visits of the second look");
	expect_u64(visit_of(row)->process.last, true, "last of the process");
	expect_endpoint(rows[0], row, destination(5, 443), 0, true);
	expect_endpoint(rows[1], row, local_port(443), 13, true);
	expect(is_free(row) && is_free(rows[0]) && is_free(rows[1]), "not free");
	expect_u64(kernel.rows[rows[0]].generation, 1, "generation of the first endpoint");
	expect_u64(kernel.rows[rows[1]].generation, 1, "generation of the second endpoint");
	expect_u64(kernel.rows[stays].generation, 0, "generation of the one that stays");
	expect_counts(1, 1);
	look_times(SWEEP_LOOKS + 1);
	kernel_receive(stays, 7);
	look();
	expect_only(stays, 7, false, "the one that stays");
	reader_end();
	fake_remove(PID_BASE + 2);
}

static void test_endpoint_after_free(void)
{
	unsigned row, endpoint;

	reader_begin(
		"what arrives for a freed endpoint is told to nobody, and not to the next one");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	endpoint = kernel_endpoint(row, destination(5, 443));
	kernel_receive(endpoint, 7);
	kernel.rows[row].exited = 1;
	fake_remove(PID_BASE + 1);
	look();
	look();
	kernel_receive(endpoint, 1009);
	kernel_connect(endpoint, 50021, 30);
	look_times(2);
	row = spawn(PID_BASE + 2, 99 * TICK_NS, "wget");
	expect_u64(kernel_endpoint(row, local_port(80)), endpoint, "row");
	kernel_receive(endpoint, 13);
	kernel_connect(endpoint, 40009, 31);
	look();
	expect_u64(reader.count, 1, "visits");
	expect_endpoint(endpoint, row, local_port(80), 13, false);
	expect_u64(visit_of(endpoint)->buckets[30], 0, "connects of the one before");
	expect_u64(visit_of(endpoint)->buckets[31], 1, "its own connects");
	expect_u64(visit_of(endpoint)->process.time_max[TCP_TIME_CONNECT], 40009, "maximum");
	expect_counts(1, 1);
	reader_end();
	fake_remove(PID_BASE + 2);
}

static void test_idle_endpoints(void)
{
	unsigned row, idle, busy;

	reader_begin("idle endpoints give way to others, and only then");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	idle = kernel_endpoint(row, destination(5, 443));
	busy = kernel_endpoint(row, destination(7, 443));
	kernel_receive(idle, 1009);
	look();
	for (unsigned i = 0; i < IDLE_LOOKS; i++) { /* crowded, but not idle for long enough */
		kernel_receive(busy, 13);
		look_crowded();
		expect_only(busy, 13, false, "while both stay");
	}
	expect_u64(kernel.endpoint_count, 2, "endpoints in the index");
	kernel_receive(idle, 1009);
	look();
	expect_only(idle, 1009, false, "it still counts");
	look_times(SWEEP_LOOKS + 7); /* idle for long, and there is room */
	expect_u64(kernel.endpoint_count, 2, "endpoints in the index when there is room");
	kernel_receive(busy, 17);
	look_crowded(); /* the busy one was idle for long, until now */
	expect_only(busy, 17, false, "when there is no room");
	expect_u64(kernel.endpoint_count, 1, "endpoints in the index when there is no room");
	expect_u64(kernel.endpoints[0].row, busy, "the one that stays");
	expect_counts(1, 2);
	kernel_receive(idle, 19);
	look();
	expect_u64(reader.count, 1, "visits");
	expect_endpoint(idle, row, destination(5, 443), 19, true);
	expect(is_free(idle), "it is not free");
	expect_u64(kernel.rows[idle].generation, 1, "generation");
	expect_counts(1, 1);
	expect_u64(kernel_endpoint(row, destination(5, 443)), idle, "row when it comes back");
	kernel_receive(idle, 23);
	look();
	expect_u64(reader.count, 1, "visits");
	expect_endpoint(idle, row, destination(5, 443), 23, false);
	expect_counts(1, 2);
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_new_is_not_idle(void)
{
	unsigned row, quiet, busy;

	reader_begin("an endpoint in a row that was free for long is not idle");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	look_times(IDLE_LOOKS + 7);
	quiet = kernel_endpoint(row, destination(5, 443)); /* its bytes are on their way */
	busy = kernel_endpoint(row, destination(7, 443));
	kernel_receive(busy, 13);
	look_crowded();
	expect_only(busy, 13, false, "first look");
	expect_u64(kernel.endpoint_count, 2, "endpoints in the index");
	for (unsigned i = 1; i < IDLE_LOOKS; i++)
		look_crowded();
	expect_u64(kernel.endpoint_count, 2, "endpoints in the index after 6 looks");
	kernel_receive(busy, 17);
	look_crowded();
	look_crowded();
	expect_only(quiet, 0, true, "after 7 looks");
	expect_u64(kernel.endpoint_count, 1, "endpoints in the index after 7 looks");
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_slow_endpoint(void)
{
	unsigned row, endpoint;

	reader_begin("an endpoint that does something now and then is not idle");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	endpoint = kernel_endpoint(row, destination(5, 443));
	for (unsigned i = 0; i < 5 * IDLE_LOOKS; i++) {
		bool quiet = i % (IDLE_LOOKS + 1) != 0;

		if (!quiet)
			kernel_receive(endpoint, 13);
		look_crowded();
		expect_u64(reader.count, !quiet, "visits of look %u", i);
	}
	expect_u64(kernel.endpoint_count, 1, "endpoints in the index");
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_endpoints_full(void)
{
	struct tcp_endpoint more = destination(ENDPOINTS, 443);
	unsigned row, endpoint;

	reader_begin("when endpoints find no room, idle ones make some");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	for (uint8_t i = 0; i < ENDPOINTS; i++)
		kernel_receive(kernel_endpoint(row, destination(i, 443)), 1009);
	look();
	expect_u64(reader.count, ENDPOINTS, "visits");
	expect_counts(1, ENDPOINTS);
	for (unsigned i = 0; i < IDLE_LOOKS; i++) {
		expect_u64(kernel_endpoint(row, more), TCP_ROW_NONE, "row of one more");
		look_times(1);
	}
	expect_u64(kernel_endpoint(row, more), TCP_ROW_NONE, "row of one more");
	look_times(1);
	expect_u64(kernel.endpoint_count, 0, "endpoints in the index");
	look();
	expect_u64(reader.count, ENDPOINTS, "last visits");
	expect_counts(1, 0);
	expect_u64(kernel.free_endpoints.count, ENDPOINTS, "free rows of endpoints");
	endpoint = kernel_endpoint(row, more);
	kernel_receive(endpoint, 13);
	look();
	expect_only(endpoint, 13, false, "one more");
	reader_end();
	fake_remove(PID_BASE + 1);
}

static void test_unwanted_endpoints(void)
{
	unsigned row, other, to, at, from, unknown;

	reader_begin("endpoints that are not asked for go at once, also with open connections");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	other = spawn(PID_BASE + 2, 78 * TICK_NS, "not known yet");
	to = kernel_endpoint(row, destination(5, 443));
	at = kernel_endpoint(row, local_port(443));
	from = kernel_endpoint(row, client(7));
	unknown = kernel_endpoint(other, destination(5, 443));
	look_times(1);
	expect_u64(kernel.rows[row].wants, 0, "wants before it is said");
	kernel_establish(to, 3);
	kernel_establish(at, 5);
	kernel_establish(from, 5);
	snapshot_want(reader.snapshot, row, TCP_WANTS_DESTINATIONS | TCP_WANTS_CLIENTS);
	expect_u64(kernel.rows[row].wants,
		   TCP_WANTS_KNOWN | TCP_WANTS_DESTINATIONS | TCP_WANTS_CLIENTS, "wants");
	look();
	expect_u64(reader.count, 3, "visits");
	expect_counts(2, 4);
	look();
	expect_only(at, 0, true, "the port");
	expect_counts(2, 3);
	expect_u64(kernel.endpoints_taken, 3, "endpoints that are taken");
	expect(is_free(at) && !is_free(to) && !is_free(from) && !is_free(unknown),
	       "one row is free");
	kernel_receive(to, 13);
	look();
	expect_only(to, 13, false, "the destination");
	snapshot_want(reader.snapshot, row, TCP_WANTS_PORTS | TCP_WANTS_CLIENTS);
	look();
	look();
	expect_only(to, 0, true, "the destination, by now not asked for");
	kernel_receive(from, 17);
	look();
	expect_only(from, 17, false, "the client");
	snapshot_want(reader.snapshot, row, 0);
	look();
	look();
	expect_only(from, 0, true, "the client, by now not asked for");
	expect_u64(kernel.endpoints_taken, 1, "endpoints that are taken");
	reader_end();
	fake_remove(PID_BASE + 1);
	fake_remove(PID_BASE + 2);
}

static void test_endpoint_trouble(void)
{
	unsigned row, endpoint;
	uint64_t rx_bytes = 0;

	reader_begin("an endpoint that cannot be taken from the index stays, with its process");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	endpoint = kernel_endpoint(row, local_port(80));
	kernel.rows[row].exited = 1;
	fake_remove(PID_BASE + 1);
	kernel.delete_error = EBUSY;
	look_times(3);
	expect_u64(kernel.rows[endpoint].start_ns, 77 * TICK_NS, "start");
	kernel_receive(endpoint, 1009);
	look();
	expect_only(endpoint, 1009, false, "meanwhile");
	kernel.delete_error = 0;
	look_times(1);
	kernel.push_error = EBUSY;
	for (unsigned i = 0; i < 4; i++) {
		if (i == 3)
			kernel.push_error = 0;
		kernel_receive(endpoint, 7);
		look();
		expect_u64(reader.count, 2, "visits");
		rx_bytes += visit_of(endpoint)->process.grown.rx_bytes;
		expect_counts(i < 3, i < 3);
	}
	expect_u64(rx_bytes, 28, "bytes");
	expect(is_free(endpoint), "it is not free");
	expect(kernel.rows[endpoint].generation > 0, "its generation is the same");
	reader_end();

	reader_begin("an endpoint that is not in the index any more is freed");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	endpoint = kernel_endpoint(row, local_port(80));
	kernel.rows[row].exited = 1;
	kernel.endpoint_count = 0;
	fake_remove(PID_BASE + 1);
	look_times(1);
	look();
	expect(is_free(endpoint), "it is not free");
	expect_counts(0, 0);
	reader_end();
}

int main(void)
{
	if (!fake_open())
		return 2;
	test_endpoints();
	test_endpoint_baseline();
	test_endpoint_end();
	test_endpoint_after_free();
	test_idle_endpoints();
	test_new_is_not_idle();
	test_slow_endpoint();
	test_endpoints_full();
	test_unwanted_endpoints();
	test_endpoint_trouble();
	fake_close();
	return check_status();
}
