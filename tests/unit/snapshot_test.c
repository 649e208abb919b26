/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The reader against a kernel half in plain memory, and a /proc of the test's own. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "check.h"
#include "memory.h"
#include "probe.h"
#include "process.h"
#include "snapshot.h"

#define COUNTERS (sizeof(struct tcp_counters) / sizeof(uint64_t))
#define ROWS 97
#define SWEEP_LOOKS 64 /* within so many, every row was checked */
#define INDEX_FD 101
#define FREE_ROWS_FD 103
#define ENDPOINTS_FD 107
#define FREE_ENDPOINTS_FD 109
#define PID_BASE 4194400 /* above PID_MAX_LIMIT: nobody has these, and kill() says so */
#define VISITS_MAX 256
#define TICK_NS 10000000ULL /* of /proc: the kernel's USER_HZ is 100 */

/* -- the kernel half -- */

static struct {
	struct tcp_row rows[ROWS];
	struct tcp_latency latencies[ROWS];
	struct tcp_self self;
	struct {
		struct tcp_process_key key;
		uint32_t row;
	} index[ROWS];
	unsigned index_count;
	uint32_t free_rows[ROWS];
	unsigned free_count;
	unsigned first_endpoint;          /* rows from here on are about endpoints */
	struct tcp_endpoint_key unlisted; /* taken from their index last */
	uint32_t free_endpoints[ROWS];
	unsigned free_endpoint_count;
	struct tcp_counters truth[ROWS]; /* what the rows would hold if nobody else wrote to them */
	int delete_error, push_error;    /* errno of the system calls, 0: they work */
	uint64_t late_rx_bytes; /* a CPU adds so many while the reader deletes from the index */
	unsigned alive_asked;
	uint64_t
		rx_bytes_at_death; /* arrives right after the reader heard that a process is dead */
	unsigned row_at_death;
} kernel;

bool __real_process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns);
bool __wrap_process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns);

static void add_rx(unsigned row, uint64_t bytes)
{
	kernel.rows[row].counters.rx_bytes += bytes;
	kernel.truth[row].rx_bytes += bytes;
}

static unsigned row_of_key(const struct tcp_process_key *key)
{
	for (unsigned i = 0; i < kernel.index_count; i++)
		if (memcmp(&kernel.index[i].key, key, sizeof(*key)) == 0)
			return i;
	return kernel.index_count;
}

/* libbpf 1.x: returns -errno and sets errno. */
static int fail(int error)
{
	errno = error;
	return -error;
}

int bpf_map_delete_elem(int fd, const void *key)
{
	unsigned at;

	if (fd == ENDPOINTS_FD) {
		memcpy(&kernel.unlisted, key, sizeof(kernel.unlisted));
		return 0;
	}
	at = row_of_key(key);
	expect(fd == INDEX_FD, "delete from map %d", fd);
	if (kernel.delete_error)
		return fail(kernel.delete_error);
	if (at == kernel.index_count)
		return fail(ENOENT);
	if (kernel.late_rx_bytes)
		add_rx(kernel.index[at].row, kernel.late_rx_bytes);
	kernel.index[at] = kernel.index[--kernel.index_count];
	return 0;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	uint32_t row = *(const uint32_t *)value;

	if (fd == FREE_ENDPOINTS_FD) {
		expect(row >= kernel.first_endpoint && row < ROWS, "endpoint %u is freed", row);
		expect(!kernel.rows[row].start_ns, "endpoint %u is freed too early", row);
		kernel.free_endpoints[kernel.free_endpoint_count++] = row;
		return 0;
	}
	expect(fd == FREE_ROWS_FD && !key && !flags, "update of map %d", fd);
	if (kernel.push_error)
		return fail(kernel.push_error);
	if (!expect(kernel.free_count < ROWS, "the stack of free rows is full"))
		return fail(E2BIG);
	expect(row >= TCP_ROW_FIRST && row < ROWS, "row %u is freed", row);
	expect(!kernel.rows[row].start_ns, "row %u is freed while it has a process", row);
	for (unsigned i = 0; i < kernel.free_count; i++)
		expect(kernel.free_rows[i] != row, "row %u is freed twice", row);
	kernel.free_rows[kernel.free_count++] = row;
	return 0;
}

bool __wrap_process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns)
{
	bool alive = __real_process_alive(proc_root, pid, start_ns);

	kernel.alive_asked++;
	if (!alive && kernel.rx_bytes_at_death) {
		add_rx(kernel.row_at_death, kernel.rx_bytes_at_death);
		kernel.rx_bytes_at_death = 0;
	}
	return alive;
}

/* The process's row, a new one if need be; TCP_ROW_OTHER if there is none: as process_find() does.
 */
static unsigned kernel_row(uint32_t pid, uint64_t start_ns, const char *comm)
{
	struct tcp_process_key key = {.start_ns = start_ns, .pid = pid};
	unsigned at = row_of_key(&key);
	struct tcp_row *row;

	if (at < kernel.index_count)
		return kernel.index[at].row;
	if (!kernel.free_count) {
		kernel.self.lost_processes++;
		return TCP_ROW_OTHER;
	}
	kernel.index[at].key = key;
	kernel.index[at].row = kernel.free_rows[--kernel.free_count];
	kernel.index_count++;
	row = &kernel.rows[kernel.index[at].row];
	row->pid = pid;
	row->start_ns = start_ns;
	row->uid = 1009;
	row->cgroup = 2003;
	row->exited = 0;
	memset(row->comm, 0, sizeof(row->comm));
	memcpy(row->comm, comm, strnlen(comm, sizeof(row->comm)));
	return kernel.index[at].row;
}

static void kernel_connect(unsigned row, uint64_t ns, unsigned bucket)
{
	struct tcp_counters *both[] = {&kernel.rows[row].counters, &kernel.truth[row]};

	for (size_t i = 0; i < COUNT_OF(both); i++) {
		both[i]->connects++;
		both[i]->measured++;
		both[i]->connect_ns += ns;
	}
	if (kernel.rows[row].connect_max_ns < ns)
		kernel.rows[row].connect_max_ns = ns;
	kernel.latencies[row].buckets[bucket]++;
}

/* -- /proc -- */

static char root[64];

static void proc_path(char *out, size_t size, uint32_t pid, const char *file)
{
	snprintf(out, size, "%s/%" PRIu32 "%s", root, pid, file);
}

static void proc_remove(uint32_t pid)
{
	char path[128];

	proc_path(path, sizeof(path), pid, "/stat");
	unlink(path);
	proc_path(path, sizeof(path), pid, "");
	rmdir(path);
}

static void proc_add(uint32_t pid, uint64_t start_ns)
{
	char path[128];
	FILE *file;

	proc_path(path, sizeof(path), pid, "");
	mkdir(path, 0755);
	proc_path(path, sizeof(path), pid, "/stat");
	file = fopen(path, "w");
	if (!file) {
		check_complain("fopen %s", path);
		return;
	}
	fprintf(file,
		"%" PRIu32 " (fake) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %" PRIu64 " 0 0\n", pid,
		(uint64_t)(start_ns / TICK_NS));
	fclose(file);
}

/* A process that does something for the first time. Returns its row. */
static unsigned spawn(uint32_t pid, uint64_t start_ns, const char *comm)
{
	proc_add(pid, start_ns);
	return kernel_row(pid, start_ns, comm);
}

/* -- the reader -- */

struct visit {
	struct snapshot_process process;
	uint32_t buckets[TCP_LATENCY_BUCKETS];
};

static struct {
	struct snapshot *snapshot;
	struct visit visits[VISITS_MAX]; /* of the last look */
	unsigned count;
} reader;

static void kernel_reset(void)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.first_endpoint = ROWS;
	for (uint32_t row = ROWS - 1; row >= TCP_ROW_FIRST; row--)
		kernel.free_rows[kernel.free_count++] = row;
}

static int try_open(struct snapshot **out)
{
	struct snapshot_options options = {.proc_root = root};
	struct probe_tables tables = {
		.rows = kernel.rows,
		.latencies = kernel.latencies,
		.self = &kernel.self,
		.row_count = ROWS,
		.processes_fd = INDEX_FD,
		.first_endpoint = kernel.first_endpoint,
		.free_rows_fd = FREE_ROWS_FD,
		.endpoints_fd = ENDPOINTS_FD,
		.free_endpoints_fd = FREE_ENDPOINTS_FD,
	};

	return snapshot_open(out, &tables, &options);
}

static void reader_open(void)
{
	memset(&reader, 0, sizeof(reader));
	expect(!try_open(&reader.snapshot), "snapshot_open failed");
}

static void take(void *context, const struct snapshot_process *p)
{
	struct visit *v = &reader.visits[reader.count];

	expect(context == &reader, "wrong context");
	if (!expect(reader.count < VISITS_MAX, "too many visits"))
		return;
	reader.count++;
	v->process = *p;
	if (p->buckets)
		memcpy(v->buckets, p->buckets, sizeof(v->buckets));
	expect(memchr(p->comm, 0, sizeof(p->comm)) != NULL, "comm of row %u has no end", p->row);
	expect(p->row < ROWS && p->row > TCP_ROW_NONE, "row %u", p->row);
	expect(!p->buckets == !p->grown.measured, "row %u: buckets without connects, or none with",
	       p->row);
}

static void look(void)
{
	reader.count = 0;
	snapshot_take(reader.snapshot, take, &reader);
}

static void look_times(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		look();
		expect_u64(reader.count, 0, "visits in quiet look %u", i);
	}
}

static void reader_close(void)
{
	for (unsigned row = 0; row < ROWS; row++)
		for (unsigned i = 0; i < COUNTERS; i++)
			expect_u64(((uint64_t *)&kernel.rows[row].counters)[i],
				   ((uint64_t *)&kernel.truth[row])[i],
				   "the reader has written to row %u, counter %u", row, i);
	snapshot_close(reader.snapshot);
}

static void start(const char *name)
{
	check_begin("snapshot: %s", name);
	kernel_reset();
	reader_open();
}

static void end(void)
{
	reader_close();
	check_end();
}

/* The last look's visit of a row; an empty one if it was not visited. */
static const struct visit *visit_of(unsigned row)
{
	static const struct visit none;

	for (unsigned i = 0; i < reader.count; i++)
		if (reader.visits[i].process.row == row)
			return &reader.visits[i];
	check_complain("row %u was not visited", row);
	return &none;
}

static void expect_only(unsigned row, uint64_t rx_bytes, bool last, const char *when)
{
	const struct snapshot_process *p;

	expect_u64(reader.count, 1, "visits, %s", when);
	p = &visit_of(row)->process;
	expect_u64(p->grown.rx_bytes, rx_bytes, "bytes, %s", when);
	expect_u64(p->last, last, "last, %s", when);
}

static bool is_free(unsigned row)
{
	for (unsigned i = 0; i < kernel.free_count; i++)
		if (kernel.free_rows[i] == row)
			return true;
	return false;
}

/* -- tests -- */

static void test_growth(void)
{
	static const uint64_t steps[] = {1009, 1, 4294967311, 7, 1099511627791};
	unsigned row;

	start("growth since the last look, every counter");
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
		expect_text(p->comm, "web", "comm");
		expect(!p->last, "last");
		look_times(3);
	}
	end();
	proc_remove(PID_BASE + 1);
}

static void test_wrap(void)
{
	unsigned row;

	start("a 64-bit counter that wraps");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	add_rx(row, UINT64_MAX - 12);
	look();
	add_rx(row, 1009);
	look();
	expect_only(row, 1009, false, "over the end");
	end();
	proc_remove(PID_BASE + 1);
}

static void test_baseline(void)
{
	unsigned row;

	check_begin("snapshot: what the tables hold at the start is taken as seen");
	kernel_reset();
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "old");
	add_rx(row, 1009);
	add_rx(TCP_ROW_OTHER, 2003);
	kernel_connect(row, 50021, 30);
	reader_open();
	look_times(2);
	expect_u64(snapshot_processes(reader.snapshot), 1, "processes");
	add_rx(row, 13);
	kernel_connect(row, 40009, 31);
	look();
	expect_only(row, 13, false, "then");
	expect_u64(visit_of(row)->process.connect_max_ns, 40009, "maximum");
	expect_u64(visit_of(row)->buckets[30], 0, "the old connect");
	expect_u64(visit_of(row)->buckets[31], 1, "the new connect");
	end();
	proc_remove(PID_BASE + 1);
}

static void test_fixed_rows(void)
{
	start("the fixed rows grow without a process; row 0 is nobody's");
	add_rx(TCP_ROW_NONE, 101);
	add_rx(TCP_ROW_OTHER, 1009);
	add_rx(TCP_ROW_KERNEL, 2003);
	kernel_connect(TCP_ROW_OTHER, 50021, 30);
	look();
	expect_u64(reader.count, 2, "visits");
	expect_u64(visit_of(TCP_ROW_OTHER)->process.grown.rx_bytes, 1009, "other");
	expect_u64(visit_of(TCP_ROW_OTHER)->buckets[30], 1, "connects of other");
	expect_u64(visit_of(TCP_ROW_KERNEL)->process.grown.rx_bytes, 2003, "kernel");
	expect_u64(snapshot_processes(reader.snapshot), 0, "processes");
	look_times(SWEEP_LOOKS + 1);
	expect_u64(kernel.alive_asked, 0, "processes asked for");
	end();
}

static void test_latency(void)
{
	unsigned row, second;

	start("histograms: buckets and maximum swapped for 0");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	second = spawn(PID_BASE + 2, 77 * TICK_NS, "two");
	kernel_connect(row, 10007, 30);
	look();
	expect_u64(visit_of(row)->process.connect_max_ns, 10007, "maximum");
	expect_u64(visit_of(row)->buckets[30], 1, "bucket 30");
	expect_u64(kernel.rows[row].connect_max_ns, 0, "maximum in the kernel");
	expect_u64(kernel.latencies[row].buckets[30], 0, "bucket 30 in the kernel");
	for (unsigned i = 0; i < 11; i++)
		kernel_connect(row, 20011 + i, 30);
	kernel_connect(row, 9001, 29);
	kernel_connect(second, 30011, 31);
	look();
	expect_u64(visit_of(row)->process.connect_max_ns, 20021, "second maximum");
	expect_u64(visit_of(row)->buckets[30], 11, "bucket 30");
	expect_u64(visit_of(row)->buckets[29], 1, "bucket 29");
	expect_u64(visit_of(second)->buckets[31], 1, "bucket 31 of the second row");
	expect_u64(visit_of(second)->buckets[30], 0, "bucket 30 of the second row");
	add_rx(row, 7);
	look();
	expect_only(row, 7, false, "without a connect");
	expect_u64(visit_of(row)->process.connect_max_ns, 0, "maximum without a connect");
	end();
	proc_remove(PID_BASE + 1);
	proc_remove(PID_BASE + 2);
}

static void test_rename(void)
{
	unsigned row;

	start("a row's name may change at any time, and may lack its end");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "sh");
	add_rx(row, 7);
	look();
	expect_text(visit_of(row)->process.comm, "sh", "comm");
	memcpy(kernel.rows[row].comm, "abcdefghijklmnop", TCP_COMM_LEN);
	add_rx(row, 7);
	look();
	expect_text(visit_of(row)->process.comm, "abcdefghijklmno", "comm without end");
	end();
	proc_remove(PID_BASE + 1);
}

/* -- ends -- */

static void test_hinted_end(void)
{
	unsigned row;

	start("a hinted end: its bytes at once, one more look, then the row is free");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	add_rx(row, 1009);
	kernel.rows[row].exited = 1;
	proc_remove(PID_BASE + 1);
	look();
	expect_only(row, 1009, false, "first look");
	expect_u64(kernel.index_count, 0, "processes in the index");
	expect_u64(kernel.rows[row].start_ns, 0, "start");
	expect(!is_free(row), "the row is free before the second look");
	expect_u64(snapshot_processes(reader.snapshot), 1, "processes");
	look();
	expect_only(row, 0, true, "second look");
	expect_u64(visit_of(row)->process.pid, PID_BASE + 1, "pid");
	expect_u64(visit_of(row)->process.start_ns, 77 * TICK_NS, "start");
	expect_text(visit_of(row)->process.comm, "curl", "comm");
	expect(is_free(row), "the row is not free");
	expect_u64(snapshot_processes(reader.snapshot), 0, "processes");
	look_times(SWEEP_LOOKS + 1);
	end();
}

static void test_early_hint(void)
{
	unsigned row;

	start("a hint alone is no end: the process still closes its files");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel.rows[row].exited = 1;
	look_times(3);
	add_rx(row, 1009);
	look();
	expect_only(row, 1009, false, "after the hint");
	expect_u64(kernel.index_count, 1, "processes in the index");
	proc_remove(PID_BASE + 1);
	look_times(1);
	look();
	expect_only(row, 0, true, "in the end");
	end();
}

static void test_dead_before_read(void)
{
	unsigned row;

	start("the counters are read after the process was found dead");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel.rows[row].exited = 1;
	kernel.row_at_death = row;
	kernel.rx_bytes_at_death = 1009;
	proc_remove(PID_BASE + 1);
	look();
	expect_only(row, 1009, false, "bytes that came with the answer");
	end();

	start("what arrives while the row is taken away is in the second look");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	add_rx(row, 7);
	kernel.rows[row].exited = 1;
	kernel.late_rx_bytes = 1009;
	proc_remove(PID_BASE + 1);
	look();
	expect_only(row, 7, false, "first look");
	add_rx(row, 13);
	look();
	expect_only(row, 1022, true, "second look");
	look_times(1);
	end();
}

static void test_after_free(void)
{
	unsigned row;

	start("what arrives for a freed row is other's");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	add_rx(row, 7);
	kernel.rows[row].exited = 1;
	proc_remove(PID_BASE + 1);
	look();
	look();
	add_rx(row, 1009);
	kernel_connect(row, 50021, 30);
	look();
	expect_only(TCP_ROW_OTHER, 1009, false, "after the free");
	expect_u64(visit_of(TCP_ROW_OTHER)->buckets[30], 1, "connect after the free");
	look_times(1);
	end();
}

static void test_handed_on(void)
{
	unsigned row, again;

	start("a row that is handed on keeps its counters, and starts from them");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	add_rx(row, 1000003);
	kernel_connect(row, 50021, 30);
	kernel.rows[row].exited = 1;
	proc_remove(PID_BASE + 1);
	look();
	look();
	again = spawn(PID_BASE + 2, 99 * TICK_NS, "wget");
	expect_u64(again, row, "row");
	add_rx(row, 13);
	kernel_connect(row, 40009, 31);
	look();
	expect_only(row, 13, false, "its first look");
	expect_u64(visit_of(row)->process.pid, PID_BASE + 2, "pid");
	expect_u64(visit_of(row)->process.start_ns, 99 * TICK_NS, "start");
	expect_text(visit_of(row)->process.comm, "wget", "comm");
	expect_u64(visit_of(row)->buckets[30], 0, "connects of the one before");
	expect_u64(visit_of(row)->buckets[31], 1, "its own connects");
	expect_u64(visit_of(row)->process.connect_max_ns, 40009, "maximum");
	expect_u64(snapshot_processes(reader.snapshot), 1, "processes");
	end();
	proc_remove(PID_BASE + 2);
}

static void test_pid_reuse(void)
{
	unsigned first, second;

	start("a pid that is used again: the start time tells the two apart");
	first = spawn(PID_BASE + 1, 77 * TICK_NS, "old");
	add_rx(first, 1009);
	look();
	second = spawn(PID_BASE + 1, 99 * TICK_NS, "new");
	kernel.rows[first].exited = 1;
	expect(first != second, "same row");
	add_rx(first, 7);
	add_rx(second, 2003);
	look();
	expect_u64(reader.count, 2, "visits");
	expect_u64(visit_of(first)->process.grown.rx_bytes, 7, "bytes of the old one");
	expect_u64(visit_of(second)->process.grown.rx_bytes, 2003, "bytes of the new one");
	look();
	expect_only(first, 0, true, "end of the old one");
	add_rx(second, 13);
	look();
	expect_only(second, 13, false, "the new one lives");
	look_times(SWEEP_LOOKS + 1);
	expect_u64(snapshot_processes(reader.snapshot), 1, "processes");
	end();
	proc_remove(PID_BASE + 1);
}

static void test_sweep(void)
{
	unsigned ended = 0;

	start("ends without a hint are found within 64 looks, in turns");
	for (unsigned i = 0; i < ROWS - TCP_ROW_FIRST; i++)
		spawn(PID_BASE + i, (77 + i) * TICK_NS, "web");
	look_times(SWEEP_LOOKS);
	for (unsigned i = 0; i < ROWS - TCP_ROW_FIRST; i++)
		proc_remove(PID_BASE + i);
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
	expect_u64(kernel.free_count, ROWS - TCP_ROW_FIRST, "free rows");
	end();
}

static void test_full(void)
{
	start("when the kernel ran out of rows, all are checked at once");
	for (unsigned i = 0; i < ROWS - TCP_ROW_FIRST; i++)
		spawn(PID_BASE + i, (77 + i) * TICK_NS, "web");
	look_times(1);
	for (unsigned i = 0; i < ROWS - TCP_ROW_FIRST; i++)
		proc_remove(PID_BASE + i);
	add_rx(kernel_row(PID_BASE + ROWS, 1009 * TICK_NS, "one more"), 13);
	look();
	expect_only(TCP_ROW_OTHER, 13, false, "the one without a row");
	expect_u64(kernel.index_count, 0, "processes in the index");
	look();
	expect_u64(kernel.free_count, ROWS - TCP_ROW_FIRST, "free rows");
	kernel.alive_asked = 0;
	look_times(1);
	expect_u64(kernel.alive_asked, 0, "processes asked for once there is room again");
	end();
}

/* -- trouble -- */

static void test_delete_fails(void)
{
	unsigned row;

	start("a row that cannot be taken from the index stays until it can");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel.rows[row].exited = 1;
	proc_remove(PID_BASE + 1);
	kernel.delete_error = EBUSY;
	look_times(3);
	expect_u64(kernel.rows[row].start_ns, 77 * TICK_NS, "start");
	add_rx(row, 1009);
	look();
	expect_only(row, 1009, false, "meanwhile");
	kernel.delete_error = 0;
	look_times(1);
	look();
	expect_only(row, 0, true, "in the end");
	expect(is_free(row), "the row is not free");
	end();

	start("a row that is not in the index any more is freed");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel.rows[row].exited = 1;
	kernel.index_count = 0;
	proc_remove(PID_BASE + 1);
	look_times(1);
	look();
	expect(is_free(row), "the row is not free");
	end();
}

static void test_push_fails(void)
{
	unsigned row;
	uint64_t rx_bytes = 0;

	start("a row that cannot be given back is given back later, and loses nothing");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel.rows[row].exited = 1;
	proc_remove(PID_BASE + 1);
	kernel.push_error = EBUSY;
	look_times(1);
	for (unsigned i = 0; i < 5; i++) {
		if (i == 3)
			kernel.push_error = 0;
		add_rx(row, 7);
		look();
		expect_u64(reader.count, 1, "visits");
		rx_bytes += reader.visits[0].process.grown.rx_bytes;
	}
	expect_u64(rx_bytes, 35, "bytes");
	expect(is_free(row), "the row is not free");
	expect_u64(snapshot_processes(reader.snapshot), 0, "processes");
	end();
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

/* -- churn -- */

#define ACTORS 113 /* more than there are rows */

/* A process of the test, and what it has done and was seen to do. */
struct actor {
	uint64_t start_ns; /* 0: it does not live */
	uint32_t pid;
	uint64_t done, seen;
};

static struct {
	struct actor actors[ACTORS];
	uint64_t other_done, other_seen;
	uint64_t random, starts;
} churn;

static struct actor *actor_of(uint32_t pid, uint64_t start_ns)
{
	for (unsigned i = 0; i < ACTORS; i++)
		if (churn.actors[i].pid == pid && churn.actors[i].start_ns == start_ns)
			return &churn.actors[i];
	return NULL;
}

static void actor_act(struct actor *a)
{
	uint64_t bytes = check_random(&churn.random) % 1000003 + 1;
	unsigned row = kernel_row(a->pid, a->start_ns, "churn");

	add_rx(row, bytes);
	if (row == TCP_ROW_OTHER)
		churn.other_done += bytes;
	else
		a->done += bytes;
}

/* Another process may have the pid before the reader knows that this one is gone. */
static void actor_end(struct actor *a)
{
	struct tcp_process_key key = {.start_ns = a->start_ns, .pid = a->pid};
	unsigned at = row_of_key(&key);

	if (at < kernel.index_count)
		kernel.rows[kernel.index[at].row].exited = !check_chance(&churn.random, 3);
	a->start_ns = 0;
	proc_remove(a->pid);
}

static void actor_start(struct actor *a, unsigned number)
{
	a->pid = PID_BASE + number;
	a->start_ns = ++churn.starts * TICK_NS;
	a->done = a->seen = 0;
	proc_add(a->pid, a->start_ns);
}

static void churn_see(void *context, const struct snapshot_process *p)
{
	struct actor *a = actor_of(p->pid, p->start_ns);

	(void)context;
	if (p->row == TCP_ROW_OTHER)
		churn.other_seen += p->grown.rx_bytes;
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
	snapshot_take(reader.snapshot, churn_see, NULL);
	for (unsigned i = 0; i < ACTORS; i++) {
		struct actor *a = &churn.actors[i];

		expect_u64(a->seen, a->done, "bytes of actor %u", i);
		if (a->start_ns && check_chance(&churn.random, 19))
			actor_end(a);
	}
	expect_u64(churn.other_seen, churn.other_done, "bytes of other");
}

static void test_churn(void)
{
	start("701 looks of churn, more processes than rows: every process to the byte");
	memset(&churn, 0, sizeof(churn));
	churn.random = 32452843;
	for (unsigned i = 0; i < 701 && !check.detail[0]; i++)
		churn_tick();
	expect(churn.other_done > 0, "the rows were never full");
	expect(churn.starts > 5 * (uint64_t)ACTORS, "no churn");
	for (unsigned i = 0; i < ACTORS; i++)
		proc_remove(PID_BASE + i);
	for (unsigned i = 0; i <= SWEEP_LOOKS; i++)
		look();
	expect_u64(kernel.free_count, ROWS - TCP_ROW_FIRST, "free rows in the end");
	expect_u64(kernel.index_count, 0, "processes in the index in the end");
	expect_u64(snapshot_processes(reader.snapshot), 0, "processes in the end");
	end();
}

/* -- endpoints -- */

#define ENDPOINT 83

static const struct tcp_endpoint https = {.address = {[10] = 0xff, [11] = 0xff, [12] = 10},
					  .port = 443,
					  .kind = TCP_ENDPOINT_DESTINATION};

/* Begins with a process that has one endpoint. Returns the process's row. */
static unsigned start_endpoint(const char *name)
{
	struct tcp_row *row = &kernel.rows[ENDPOINT];
	unsigned process;

	check_begin("snapshot: %s", name);
	kernel_reset();
	kernel.first_endpoint = ENDPOINT;
	reader_open();
	process = spawn(PID_BASE, 7 * TICK_NS, "client");
	row->pid = PID_BASE;
	row->uid = 33;
	row->cgroup = 4001;
	row->parent = 11;
	row->process_row = process;
	row->endpoint = https;
	memcpy(row->comm, "client", sizeof("client"));
	row->start_ns = 7 * TICK_NS;
	return process;
}

static void expect_endpoint(const struct snapshot_process *p, unsigned process)
{
	expect_u64(p->row, ENDPOINT, "row");
	expect_u64(p->process_row, process, "row of its process");
	expect_u64(p->pid, PID_BASE, "pid");
	expect_u64(p->start_ns, 7 * TICK_NS, "start");
	expect_u64(p->uid, 33, "uid");
	expect_u64(p->cgroup, 4001, "cgroup");
	expect_u64(p->parent, 11, "parent");
	expect_text(p->comm, "client", "name");
	expect(memcmp(&p->endpoint, &https, sizeof(https)) == 0, "endpoint");
}

static void test_endpoint_told(void)
{
	unsigned process = start_endpoint("an endpoint is told after its process");

	add_rx(process, 1009);
	add_rx(ENDPOINT, 1009);
	kernel_connect(ENDPOINT, 5003, 2);
	look();
	expect_u64(reader.count, 2, "visits");
	expect_u64(reader.visits[0].process.row, process, "row of the first");
	expect_u64(reader.visits[0].process.process_row, process, "and of its process");
	expect_u64(reader.visits[0].process.endpoint.kind, TCP_ENDPOINT_NONE, "kind");
	expect_endpoint(&reader.visits[1].process, process);
	expect_u64(reader.visits[1].process.grown.rx_bytes, 1009, "bytes");
	expect_u64(reader.visits[1].process.connect_max_ns, 5003, "slowest");
	expect_u64(reader.visits[1].buckets[2], 1, "bucket");
	expect_u64(snapshot_processes(reader.snapshot), 1, "processes");
	expect_u64(snapshot_endpoints(reader.snapshot), 1, "endpoints");
	proc_remove(PID_BASE);
	end();
}

static void test_endpoint_leaves(void)
{
	unsigned process = start_endpoint("an endpoint leaves with its process, and loses nothing");

	look();
	proc_remove(PID_BASE);
	kernel.rows[process].exited = 1;
	look();
	expect_u64(kernel.rows[ENDPOINT].start_ns, 0, "start of the row that left");
	expect_u64(kernel.unlisted.process.start_ns, 7 * TICK_NS, "start in the index");
	expect_u64(kernel.unlisted.process.pid, PID_BASE, "pid in the index");
	expect(memcmp(&kernel.unlisted.endpoint, &https, sizeof(https)) == 0, "its index");
	expect_u64(kernel.free_endpoint_count, 0, "free endpoints");
	add_rx(ENDPOINT, 2003);
	look();
	expect_u64(reader.count, 2, "visits");
	expect_endpoint(&reader.visits[1].process, process);
	expect_u64(reader.visits[1].process.grown.rx_bytes, 2003, "bytes that came late");
	expect_u64(reader.visits[1].process.last, 1, "last");
	expect_u64(kernel.free_endpoint_count, 1, "free endpoints");
	expect_u64(kernel.free_endpoints[0], ENDPOINT, "free endpoint");
	expect_u64(kernel.rows[ENDPOINT].generation, 1, "generation");
	expect_u64(snapshot_endpoints(reader.snapshot), 0, "endpoints");
	expect_u64(snapshot_processes(reader.snapshot), 0, "processes");
	add_rx(ENDPOINT, 3001);
	look();
	expect_u64(reader.count, 0, "visits: its process has those bytes already");
	end();
}

static void test_endpoint_idle(void)
{
	static const unsigned idle = 6;

	start_endpoint("an idle endpoint gives way when others found no room, and only then");
	look_times(3 * idle);
	expect_u64(snapshot_endpoints(reader.snapshot), 1, "endpoints, while there is room");
	add_rx(ENDPOINT, 1009);
	look();
	kernel.self.lost_endpoints = 7;
	look_times(1);
	expect_u64(snapshot_endpoints(reader.snapshot), 1, "endpoints: it was busy just now");
	look_times(idle);
	kernel.self.lost_endpoints = 11;
	look_times(1);
	expect_u64(kernel.rows[ENDPOINT].start_ns, 0, "start of the row that left");
	look();
	expect_u64(reader.count, 1, "visits: the last one");
	expect_u64(snapshot_endpoints(reader.snapshot), 0, "endpoints");
	expect_u64(snapshot_processes(reader.snapshot), 1, "processes");
	proc_remove(PID_BASE);
	end();
}

int main(void)
{
	snprintf(root, sizeof(root), "/tmp/snapshot_test.XXXXXX");
	if (!mkdtemp(root)) {
		perror(root);
		return 2;
	}
	test_growth();
	test_wrap();
	test_baseline();
	test_fixed_rows();
	test_latency();
	test_rename();
	test_hinted_end();
	test_early_hint();
	test_dead_before_read();
	test_after_free();
	test_handed_on();
	test_pid_reuse();
	test_sweep();
	test_full();
	test_delete_fails();
	test_push_fails();
	test_without_memory();
	test_churn();
	test_endpoint_told();
	test_endpoint_leaves();
	test_endpoint_idle();
	rmdir(root);
	return check_status();
}
