/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The reader against a kernel half in plain memory, and a /proc of the test's own. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/process.h"
#include "check.h"
#include "memory.h"
#include "probe/probe.h"
#include "probe/snapshot.h"

#define COUNTERS (sizeof(struct tcp_counters) / sizeof(uint64_t))
#define ROWS 97      /* of processes */
#define ENDPOINTS 31 /* rows after them */
#define ALL_ROWS (ROWS + ENDPOINTS)
#define SHARDS 3
#define SWEEP_LOOKS 64 /* within so many, every row was checked */
#define IDLE_LOOKS 6   /* more than so many quiet looks, and an endpoint may have to go */
#define INDEX_FD 101
#define FREE_ROWS_FD 103
#define ENDPOINTS_FD 107
#define FREE_ENDPOINTS_FD 109
#define PID_BASE 4194400 /* above PID_MAX_LIMIT: nobody has these, and kill() says so */
#define VISITS_MAX 256
#define TICK_NS 10000000ULL /* of /proc: the kernel's USER_HZ is 100 */

/* -- the kernel half -- */

/* A stack of free row numbers, of processes or of endpoints. */
struct free_rows {
	uint32_t numbers[ALL_ROWS];
	unsigned count;
};

static struct {
	struct tcp_row rows[ALL_ROWS];
	struct tcp_bytes bytes[SHARDS][ALL_ROWS];
	__u64 touched[ALL_ROWS], tick;
	struct tcp_row told[ALL_ROWS]; /* the rows when `touched` was last set */
	struct tcp_histogram times[TCP_TIME_COUNT][ALL_ROWS];
	bool absent[TCP_TIME_COUNT]; /* the reader has no such table */
	struct tcp_self self;
	__u32 endpoints_taken;
	struct {
		struct tcp_process_key key;
		uint32_t row;
	} index[ROWS];
	unsigned index_count;
	struct {
		struct tcp_endpoint_key key;
		uint32_t row;
	} endpoints[ENDPOINTS];
	unsigned endpoint_count;
	struct free_rows free, free_endpoints;
	struct tcp_counters truth[ALL_ROWS]; /* what the rows would hold if nobody else wrote */
	/* errno of the system calls, 0: they work; batch_error: before the first key */
	int delete_error, batch_error, push_error;
	uint64_t late_rx_bytes; /* a CPU adds so many while the reader deletes from the index */
	unsigned alive_asked, gone_asked;
	uint64_t
		rx_bytes_at_death; /* arrives right after the reader heard that a process is dead */
	unsigned row_at_death;
	const char *rename; /* the process in hand calls itself so while the reader asks */
} kernel;

bool __real_process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns);
bool __wrap_process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns);

bool __real_process_gone(const char *proc_root, uint32_t pid);
bool __wrap_process_gone(const char *proc_root, uint32_t pid);

static void add_rx(unsigned row, uint64_t bytes)
{
	static unsigned shard;

	kernel.bytes[shard++ % SHARDS][row].rx += bytes;
	kernel.touched[row] = kernel.tick;
}

/* Rows that have changed since the last look say so. */
static void kernel_touch(void)
{
	for (unsigned row = 0; row < ALL_ROWS; row++)
		if (memcmp(&kernel.told[row], &kernel.rows[row], sizeof(*kernel.told)) != 0)
			kernel.touched[row] = kernel.tick;
	memcpy(kernel.told, kernel.rows, sizeof(kernel.told));
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

/* As the kernel half does it, up to where it is interrupted for a moment. */
static void kernel_rename(struct tcp_row *row, const char *name)
{
	row->renames++;
	snprintf(row->comm, sizeof(row->comm), "%s", name);
}

static unsigned row_of_endpoint(const struct tcp_endpoint_key *key)
{
	for (unsigned i = 0; i < kernel.endpoint_count; i++)
		if (memcmp(&kernel.endpoints[i].key, key, sizeof(*key)) == 0)
			return i;
	return kernel.endpoint_count;
}

static int delete_process(const struct tcp_process_key *key)
{
	unsigned at = row_of_key(key);

	if (at == kernel.index_count)
		return fail(ENOENT);
	if (kernel.late_rx_bytes)
		add_rx(kernel.index[at].row, kernel.late_rx_bytes);
	kernel.index[at] = kernel.index[--kernel.index_count];
	return 0;
}

static int delete_endpoint(const struct tcp_endpoint_key *key)
{
	unsigned at = row_of_endpoint(key);

	if (at == kernel.endpoint_count)
		return fail(ENOENT);
	kernel.endpoints[at] = kernel.endpoints[--kernel.endpoint_count];
	return 0;
}

static int delete_key(int fd, const void *keys, unsigned i)
{
	if (kernel.delete_error)
		return fail(kernel.delete_error);
	return fd == ENDPOINTS_FD ? delete_endpoint((const struct tcp_endpoint_key *)keys + i)
				  : delete_process((const struct tcp_process_key *)keys + i);
}

/* As the kernel: the first that fails is the last that is tried, and `count` is how many did not.
 */
int bpf_map_delete_batch(int fd, const void *keys, __u32 *count,
			 const struct bpf_map_batch_opts *options)
{
	expect((fd == INDEX_FD || fd == ENDPOINTS_FD) && !options && *count, "delete from map %d",
	       fd);
	if (kernel.batch_error)
		return fail(kernel.batch_error);
	for (__u32 i = 0; i < *count; i++) {
		int err = delete_key(fd, keys, i);

		if (err) {
			*count = i;
			return err;
		}
	}
	return 0;
}

static bool stack_has(const struct free_rows *stack, uint32_t row)
{
	for (unsigned i = 0; i < stack->count; i++)
		if (stack->numbers[i] == row)
			return true;
	return false;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	struct free_rows *stack = fd == FREE_ENDPOINTS_FD ? &kernel.free_endpoints : &kernel.free;
	uint32_t row = *(const uint32_t *)value;
	bool endpoint = row >= ROWS;

	if (kernel.push_error)
		return fail(kernel.push_error);
	expect(fd == (endpoint ? FREE_ENDPOINTS_FD : FREE_ROWS_FD) && !key && !flags,
	       "row %u: update of map %d", row, fd);
	if (!expect(stack->count < ALL_ROWS, "the stack of free rows is full"))
		return fail(E2BIG);
	expect(row >= TCP_ROW_FIRST && row < ALL_ROWS, "row %u is freed", row);
	expect(!kernel.rows[row].start_ns, "row %u is freed while it has a process", row);
	expect(!stack_has(stack, row), "row %u is freed twice", row);
	stack->numbers[stack->count++] = row;
	return 0;
}

bool __wrap_process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns)
{
	bool alive = __real_process_alive(proc_root, pid, start_ns);

	kernel.alive_asked++;
	if (kernel.rename)
		kernel_rename(&kernel.rows[TCP_ROW_FIRST], kernel.rename);
	kernel.rename = NULL;
	if (!alive && kernel.rx_bytes_at_death) {
		add_rx(kernel.row_at_death, kernel.rx_bytes_at_death);
		kernel.rx_bytes_at_death = 0;
	}
	return alive;
}

bool __wrap_process_gone(const char *proc_root, uint32_t pid)
{
	kernel.gone_asked++;
	return __real_process_gone(proc_root, pid);
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
	if (!kernel.free.count) {
		kernel.self.lost_processes++;
		return TCP_ROW_OTHER;
	}
	kernel.index[at].key = key;
	kernel.index[at].row = kernel.free.numbers[--kernel.free.count];
	kernel.index_count++;
	row = &kernel.rows[kernel.index[at].row];
	row->pid = pid;
	row->start_ns = start_ns;
	row->uid = 1009;
	row->cgroup = 2003;
	row->parent = pid - 1;
	row->renames = 0;
	row->exited = 0;
	memset(row->comm, 0, sizeof(row->comm));
	memcpy(row->comm, comm, strnlen(comm, sizeof(row->comm)));
	return kernel.index[at].row;
}

/* An endpoint's row, or 0 if there is none: as endpoint_find() does. */
static unsigned kernel_endpoint(unsigned process_row, struct tcp_endpoint endpoint)
{
	const struct tcp_row *process = &kernel.rows[process_row];
	struct tcp_endpoint_key key = {
		.process = {.start_ns = process->start_ns, .pid = process->pid},
		.endpoint = endpoint,
	};
	unsigned at = row_of_endpoint(&key);
	struct tcp_row *row;

	if (at < kernel.endpoint_count)
		return kernel.endpoints[at].row;
	if (!kernel.free_endpoints.count) {
		kernel.self.lost_endpoints++;
		return TCP_ROW_NONE;
	}
	kernel.endpoints[at].key = key;
	kernel.endpoints[at].row = kernel.free_endpoints.numbers[--kernel.free_endpoints.count];
	kernel.endpoint_count++;
	kernel.endpoints_taken++;
	row = &kernel.rows[kernel.endpoints[at].row];
	row->pid = process->pid;
	row->uid = process->uid;
	row->cgroup = process->cgroup;
	row->parent = process->parent;
	row->renames = process->renames;
	row->endpoint = endpoint;
	row->process_row = process_row;
	memcpy(row->comm, process->comm, sizeof(row->comm));
	row->start_ns = process->start_ns;
	return kernel.endpoints[at].row;
}

static struct tcp_endpoint destination(uint8_t number, uint16_t port)
{
	return (struct tcp_endpoint){.kind = TCP_ENDPOINT_DESTINATION,
				     .port = port,
				     .address = {[10] = 0xff, 0xff, 10, 0, 0, number}};
}

static struct tcp_endpoint local_port(uint16_t port)
{
	return (struct tcp_endpoint){.kind = TCP_ENDPOINT_PORT, .port = port};
}

static void kernel_time(unsigned row, enum tcp_time time, uint64_t units, unsigned bucket)
{
	struct tcp_counters *both[] = {&kernel.rows[row].counters, &kernel.truth[row]};

	for (size_t i = 0; i < COUNT_OF(both); i++) {
		both[i]->times[time]++;
		both[i]->time_sum[time] += units;
	}
	if (kernel.rows[row].time_max[time] < units)
		kernel.rows[row].time_max[time] = units;
	kernel.times[time][row].buckets[bucket]++;
}

static void kernel_connect(unsigned row, uint64_t ns, unsigned bucket)
{
	kernel.rows[row].counters.connects++;
	kernel.truth[row].connects++;
	kernel_time(row, TCP_TIME_CONNECT, ns, bucket);
}

/* So many connections more are open. */
static void kernel_open(unsigned row, int64_t change)
{
	kernel.rows[row].counters.established += (uint64_t)change;
	kernel.truth[row].established += (uint64_t)change;
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
	proc_path(path, sizeof(path), pid, "/comm");
	unlink(path);
	proc_path(path, sizeof(path), pid, "");
	rmdir(path);
}

/* `state` and `threads`: as in its stat. */
static void proc_write(uint32_t pid, uint64_t start_ns, char state, unsigned threads)
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
		"%" PRIu32 " (fake) %c 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 %u 0 %" PRIu64 " 0 0\n",
		pid, state, threads, (uint64_t)(start_ns / TICK_NS));
	fclose(file);
}

static void proc_add(uint32_t pid, uint64_t start_ns)
{
	proc_write(pid, start_ns, 'S', 1);
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
	uint32_t buckets[TCP_LATENCY_BUCKETS];               /* of connects */
	uint32_t times[TCP_TIME_COUNT][TCP_LATENCY_BUCKETS]; /* of all */
};

static struct {
	struct snapshot *snapshot;
	struct visit visits[VISITS_MAX]; /* of the last look */
	unsigned count;
} reader;

static void kernel_reset(void)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.tick = 1;
	for (uint32_t row = ROWS - 1; row >= TCP_ROW_FIRST; row--)
		kernel.free.numbers[kernel.free.count++] = row;
	for (uint32_t row = ALL_ROWS - 1; row >= ROWS; row--)
		kernel.free_endpoints.numbers[kernel.free_endpoints.count++] = row;
}

static int try_open(struct snapshot **out)
{
	struct snapshot_options options = {.proc_root = root};
	struct probe_tables tables = {
		.rows = kernel.rows,
		.bytes = kernel.bytes[0],
		.touched = kernel.touched,
		.tick = &kernel.tick,
		.shard_count = SHARDS,
		.self = &kernel.self,
		.row_count = ALL_ROWS,
		.first_endpoint = ROWS,
		.endpoints_taken = &kernel.endpoints_taken,
		.processes_fd = INDEX_FD,
		.free_rows_fd = FREE_ROWS_FD,
		.endpoints_fd = ENDPOINTS_FD,
		.free_endpoints_fd = FREE_ENDPOINTS_FD,
	};

	for (unsigned i = 0; i < TCP_TIME_COUNT; i++)
		tables.histograms[i] = kernel.absent[i] ? NULL : kernel.times[i];
	return snapshot_open(out, &tables, &options);
}

static void reader_open(void)
{
	memset(&reader, 0, sizeof(reader));
	kernel_touch();
	expect(!try_open(&reader.snapshot), "snapshot_open failed");
}

static void take_times(struct visit *v, const struct snapshot_process *p)
{
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++) {
		expect(!p->buckets[i] == (kernel.absent[i] || !p->grown.times[i]),
		       "row %u: buckets without times %u, or none with", p->row, i);
		if (p->buckets[i])
			memcpy(v->times[i], p->buckets[i], sizeof(v->times[i]));
	}
	memcpy(v->buckets, v->times[TCP_TIME_CONNECT], sizeof(v->buckets));
}

static void take(void *context, const struct snapshot_process *p)
{
	struct visit *v = &reader.visits[reader.count];

	expect(context == &reader, "wrong context");
	if (!expect(reader.count < VISITS_MAX, "too many visits"))
		return;
	reader.count++;
	memset(v, 0, sizeof(*v));
	v->process = *p;
	take_times(v, p);
	expect(memchr(p->comm, 0, sizeof(p->comm)) != NULL, "comm of row %u has no end", p->row);
	expect(p->row < ALL_ROWS && p->row > TCP_ROW_NONE, "row %u", p->row);
	expect(reader.count == 1 || v[-1].process.row < p->row || p->row == TCP_ROW_OTHER,
	       "row %u after row %u", p->row, v[-1].process.row);
	expect((p->row >= ROWS) == (p->endpoint.kind != TCP_ENDPOINT_NONE), "endpoint of row %u",
	       p->row);
	expect(p->row >= ROWS ? p->process_row < ROWS : p->process_row == p->row,
	       "row %u: its process's row is %u", p->row, p->process_row);
}

static void look(void)
{
	reader.count = 0;
	kernel_touch();
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
	for (unsigned row = 0; row < ALL_ROWS; row++)
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
	return stack_has(row >= ROWS ? &kernel.free_endpoints : &kernel.free, row);
}

/* -- tests -- */

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
	end();
	proc_remove(PID_BASE + 1);
}

static void test_shards(void)
{
	const struct tcp_counters *grown;
	unsigned row;

	start("bytes are the sum of a row's shards, and of what its counters say");
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
	end();
	proc_remove(PID_BASE + 1);
}

/* The tick that a row tells may be the last one when its change is visible. */
static void test_touched(void)
{
	uint64_t late = 0;
	unsigned row;

	start("rows are read that were touched in the last tick, or in this one");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	look_times(3);
	for (unsigned age = 0; age < 4; age++) {
		bool seen = age <= 1;

		add_rx(row, 1009 + age);
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
	expect_u64(visit_of(row)->process.time_max[TCP_TIME_CONNECT], 40009, "maximum");
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
	expect_u64(visit_of(row)->process.time_max[TCP_TIME_CONNECT], 10007, "maximum");
	expect_u64(visit_of(row)->buckets[30], 1, "bucket 30");
	expect_u64(kernel.rows[row].time_max[TCP_TIME_CONNECT], 0, "maximum in the kernel");
	expect_u64(kernel.times[TCP_TIME_CONNECT][row].buckets[30], 0, "bucket 30 in the kernel");
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
	add_rx(row, 7);
	look();
	expect_only(row, 7, false, "without a connect");
	expect_u64(visit_of(row)->process.time_max[TCP_TIME_CONNECT], 0,
		   "maximum without a connect");
	end();
	proc_remove(PID_BASE + 1);
	proc_remove(PID_BASE + 2);
}

static void test_times(void)
{
	unsigned row;

	start("histograms: each time has its own, taken and swapped alone");
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
		expect_u64(kernel.times[i][row].buckets[30 + i], 0, "bucket in the kernel");
	}
	kernel_time(row, TCP_TIME_RTT, 7, 0);
	kernel.times[TCP_TIME_LIFETIME][row].buckets[9]++; /* its count is still to come */
	kernel.rows[row].time_max[TCP_TIME_LIFETIME] = 2003;
	look();
	expect_u64(visit_of(row)->times[TCP_TIME_RTT][0], 1, "round trip");
	expect_u64(visit_of(row)->process.grown.times[TCP_TIME_LIFETIME], 0, "lifetimes");
	expect_u64(visit_of(row)->process.time_max[TCP_TIME_LIFETIME], 0, "longest lifetime");
	expect_u64(kernel.times[TCP_TIME_LIFETIME][row].buckets[9], 1, "it waits");
	expect_u64(kernel.rows[row].time_max[TCP_TIME_LIFETIME], 2003, "its maximum, too");
	end();
	proc_remove(PID_BASE + 1);
}

/* A connect as row_time() writes it, up to where the writer loses the processor, and the rest. */
static void kernel_connect_begin(unsigned row, unsigned bucket, bool connects)
{
	kernel.times[TCP_TIME_CONNECT][row].buckets[bucket]++;
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

			start("a connect that is being written while the reader looks");
			row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
			look();
			for (unsigned i = 0; i < others; i++)
				kernel_connect(row, 10007, 30);
			kernel_connect_begin(row, 31, connects);
			add_rx(row, 1009);
			look();
			expect_connects(row, 0, 0, 1009);
			kernel_connect_end(row, 20011, connects);
			add_rx(row, 13);
			look();
			expect_connects(row, others + 1, others * 10007 + 20011, 13);
			expect_u64(visit_of(row)->process.time_max[TCP_TIME_CONNECT], 20011,
				   "maximum");
			kernel_connect(row, 503, 29);
			look();
			expect_connects(row, 1, 503, 0);
			expect_u64(visit_of(row)->process.time_max[TCP_TIME_CONNECT], 503,
				   "maximum, then");
			end();
			proc_remove(PID_BASE + 1);
		}
}

/* What cannot be is not waited for for ever, nor what ends. */
static void test_torn_for_ever(void)
{
	uint64_t connects = 0;
	unsigned row;

	start("a connect that is never written to its end");
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
	proc_remove(PID_BASE + 1);
	kernel.rows[row].exited = 1;
	connects = 0;
	for (unsigned i = 0; i < 4; i++) {
		look();
		for (unsigned k = 0; k < reader.count; k++)
			connects += reader.visits[k].process.grown.connects;
	}
	expect_u64(connects, 1, "connects of a process that ends");
	expect_u64(snapshot_processes(reader.snapshot), 0, "processes");
	end();
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
			expect_u64(kernel.times[i][row].buckets[31], !there,
				   "time %u in the kernel", i);
			expect_u64(kernel.rows[row].time_max[i], there ? 0 : 2003 + i,
				   "maximum %u in the kernel", i);
		}
		end();
		proc_remove(PID_BASE + 1);
	}
}

/* -- what is open -- */

static void expect_open(unsigned row, int64_t want)
{
	int64_t got = (int64_t)visit_of(row)->process.grown.established;

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
	add_rx(row, 1009);
	add_rx(idle, 1009);
	kernel_connect(row, 50021, 30);
	kernel_open(row, 5);
	kernel_open(endpoint, 3);
	kernel_open(TCP_ROW_OTHER, 7);
	kernel_open(TCP_ROW_KERNEL, 11);
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
	kernel_open(row, -2);
	kernel_open(idle, 1);
	look();
	expect_u64(reader.count, 2, "visits, then");
	expect_open(row, -2);
	expect_open(idle, 1);
	kernel_open(row, 1); /* and closed again */
	kernel_open(row, -1);
	look_times(1);
	end();
	proc_remove(PID_BASE + 1);
	proc_remove(PID_BASE + 2);
}

/* Rows that somebody else caused, as a socket that outlives its process does. */
static void test_exit_unknown(void)
{
	unsigned dead, live;

	start("whether the process of a late row lives is asked once, at the next look");
	dead = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	live = spawn(PID_BASE + 2, 78 * TICK_NS, "web");
	proc_remove(PID_BASE + 1);
	kernel.rows[dead].exited = kernel.rows[live].exited = TCP_EXIT_UNKNOWN;
	add_rx(dead, 1009);
	look();
	expect_only(dead, 1009, false, "first look");
	expect_u64(kernel.rows[live].exited, 0, "hint of the one that lives");
	look();
	expect_only(dead, 0, true, "second look");
	expect_u64(snapshot_processes(reader.snapshot), 1, "processes");
	end();
	proc_remove(PID_BASE + 2);
}

static void test_open_after(void)
{
	unsigned row;

	start("connections that outlive their process: each end is told, the late ones of other");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	kernel_open(row, 5);
	look();
	expect_open(row, 5);
	kernel_open(row, -1);
	kernel.rows[row].exited = 1;
	proc_remove(PID_BASE + 1);
	look();
	expect_only(row, 0, false, "first look");
	expect_open(row, -1);
	kernel_open(row, -1);
	look();
	expect_only(row, 0, true, "second look");
	expect_open(row, -1);
	kernel_open(row, -1); /* it has not seen that the row was freed */
	look();
	expect_only(TCP_ROW_OTHER, 0, false, "after the free");
	expect_open(TCP_ROW_OTHER, -1);
	expect_u64(spawn(PID_BASE + 2, 99 * TICK_NS, "wget"), row, "row");
	kernel_open(TCP_ROW_OTHER, -2); /* it has */
	kernel_open(row, 1);
	look();
	expect_u64(reader.count, 2, "visits");
	expect_open(TCP_ROW_OTHER, -2);
	expect_open(row, 1); /* of the new one alone */
	end();
	proc_remove(PID_BASE + 2);
}

/* -- who has a row -- */

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

	start("who has a row, for those who know no more than its number");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	add_rx(row, 1009);
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
	proc_remove(PID_BASE + 1);
	look_times(1);
	snapshot_who(&p, reader.snapshot, row, 77 * TICK_NS);
	expect_u64(p.row, row, "one that has ended, but whose row is not free yet");
	expect(p.last, "it has not ended");
	expect_u64(snapshot_start_ns(reader.snapshot, row), 0, "start after the end");
	look();
	expect_nobody(row, 77 * TICK_NS, TCP_ROW_OTHER, "one that is gone");
	end();
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
	kernel.rows[row].renames++;
	add_rx(row, 7);
	look();
	expect_text(visit_of(row)->process.comm, "abcdefghijklmno", "comm without end");
	expect_u64(visit_of(row)->process.renames, 1, "renames");
	end();
	proc_remove(PID_BASE + 1);
}

static void proc_name(uint32_t pid, const char *comm)
{
	char path[128];
	FILE *file;

	proc_path(path, sizeof(path), pid, "/comm");
	file = fopen(path, "w");
	if (expect(file != NULL, "fopen %s", path)) {
		fprintf(file, "%s\n", comm);
		fclose(file);
	}
}

/* The listener of a daemon that took its name later, or executed another program. */
static void test_late_name(void)
{
	struct snapshot_process p;
	unsigned row;

	start("a row that somebody else caused gets the name that its process has by now");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "wrapper");
	proc_name(PID_BASE + 1, "in two\nlines");
	kernel.rows[row].exited = TCP_EXIT_UNKNOWN;
	snapshot_who(&p, reader.snapshot, row, 77 * TICK_NS);
	expect_text(p.comm, "in two\nlines", "comm before the first look");
	expect_u64(p.renames, 1, "renames");
	add_rx(row, 7);
	look();
	expect_text(visit_of(row)->process.comm, "in two\nlines", "comm");
	expect_u64(visit_of(row)->process.renames, 1, "renames, once");
	proc_name(PID_BASE + 1, "later");
	add_rx(row, 7);
	look();
	expect_text(visit_of(row)->process.comm, "in two\nlines", "comm: asked once");
	end();
	proc_remove(PID_BASE + 1);
}

static void test_late_name_race(void)
{
	unsigned row;

	start("a late name: what the kernel tells meanwhile is newer");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "wrapper");
	expect_u64(row, TCP_ROW_FIRST, "row");
	proc_name(PID_BASE + 1, "server");
	kernel.rows[row].exited = TCP_EXIT_UNKNOWN;
	kernel.rename = "newest";
	add_rx(row, 7);
	look();
	expect_text(visit_of(row)->process.comm, "newest", "comm");
	end();
	proc_remove(PID_BASE + 1);
}

static void test_late_name_reused(void)
{
	unsigned row;

	start("a late name: not that of another process with the same pid");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "wrapper");
	proc_add(PID_BASE + 1, 78 * TICK_NS);
	proc_name(PID_BASE + 1, "other");
	kernel.rows[row].exited = TCP_EXIT_UNKNOWN;
	add_rx(row, 7);
	look();
	expect_text(visit_of(row)->process.comm, "wrapper", "comm");
	look();
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

static void test_zombies(void)
{
	unsigned row;

	start("its leader's end is not the end, the last thread's is: before its parent asks for "
	      "it");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	proc_write(PID_BASE + 1, 77 * TICK_NS, 'Z', 2);
	look_times(SWEEP_LOOKS + 1);
	add_rx(row, 1009);
	look();
	expect_only(row, 1009, false, "of the thread");
	proc_write(PID_BASE + 1, 77 * TICK_NS, 'Z', 1);
	kernel.rows[row].exited = 1;
	look_times(1);
	look();
	expect_only(row, 0, true, "in the end");
	expect(is_free(row), "the row is not free");
	end();

	start("zombies without a hint leave their rows within 64 looks");
	for (unsigned i = 0; i < ROWS - TCP_ROW_FIRST; i++)
		spawn(PID_BASE + i, (77 + i) * TICK_NS, "web");
	look();
	for (unsigned i = 0; i < ROWS - TCP_ROW_FIRST; i++)
		proc_write(PID_BASE + i, (77 + i) * TICK_NS, 'Z', 1);
	for (unsigned i = 0; i <= SWEEP_LOOKS; i++)
		look();
	expect_u64(kernel.free.count, ROWS - TCP_ROW_FIRST, "free rows");
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
	expect_u64(visit_of(row)->process.time_max[TCP_TIME_CONNECT], 40009, "maximum");
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
	expect_u64(kernel.free.count, ROWS - TCP_ROW_FIRST, "free rows");
	end();
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
	struct snapshot_options options = {.proc_root = root};
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
	proc_add(PID_BASE, 77 * TICK_NS);
	expect(!snapshot_open(&s, &tables, &options), "snapshot_open failed");
	large_sweep(s, rows, false);
	proc_remove(PID_BASE);
	large_sweep(s, rows, true);
	snapshot_close(s);
	free(touched);
	free(bytes);
	free(rows);
	check_end();
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
	expect_u64(kernel.free.count, ROWS - TCP_ROW_FIRST, "free rows");
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

static void test_delete_some(void)
{
	unsigned rows[5];

	start("of rows that leave together, each that fails is tried again, and holds up none");
	for (uint32_t i = 0; i < COUNT_OF(rows); i++) {
		rows[i] = spawn(PID_BASE + i, 77 * TICK_NS, "curl");
		kernel.rows[rows[i]].exited = 1;
		proc_remove(PID_BASE + i);
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

/* -- endpoints -- */

static void expect_endpoint(unsigned row, unsigned process_row, struct tcp_endpoint endpoint,
			    uint64_t rx_bytes, bool last)
{
	const struct snapshot_process *p = &visit_of(row)->process;

	expect(memcmp(&p->endpoint, &endpoint, sizeof(endpoint)) == 0, "endpoint of row %u", row);
	expect_u64(p->process_row, process_row, "process's row of row %u", row);
	expect_u64(p->grown.rx_bytes, rx_bytes, "bytes of row %u", row);
	expect_u64(p->last, last, "last of row %u", row);
	expect_u64(p->pid, kernel.rows[row].pid, "pid of row %u", row);
	expect_u64(p->uid, 1009, "uid of row %u", row);
	expect_u64(p->cgroup, 2003, "cgroup of row %u", row);
	expect_u64(p->parent, p->pid - 1, "parent of row %u", row);
}

static void expect_counts(unsigned processes, unsigned endpoints)
{
	expect_u64(snapshot_processes(reader.snapshot), processes, "processes");
	expect_u64(snapshot_endpoints(reader.snapshot), endpoints, "endpoints");
}

static void test_endpoints(void)
{
	unsigned first, second, rows[4];

	start("endpoints are told after all processes, with their process and its row");
	first = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	rows[0] = kernel_endpoint(first, destination(5, 443));
	rows[1] = kernel_endpoint(first, local_port(443));
	second = spawn(PID_BASE + 2, 99 * TICK_NS, "two");
	rows[2] = kernel_endpoint(second, destination(5, 443));
	rows[3] = kernel_endpoint(second, destination(5, 80));
	expect_counts(0, 0); /* not looked at yet */
	look_times(1);
	expect_counts(2, 4);
	add_rx(first, 1009);
	add_rx(second, 2003);
	for (unsigned i = 0; i < COUNT_OF(rows); i++)
		add_rx(rows[i], 11 + i);
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
	add_rx(rows[3], 7);
	look();
	expect_only(rows[3], 7, false, "an endpoint alone");
	kernel.alive_asked = 0;
	look_times(SWEEP_LOOKS); /* each process in its turn, no endpoint */
	expect_u64(kernel.alive_asked, 2, "processes asked for");
	expect_counts(2, 4);
	end();
	proc_remove(PID_BASE + 1);
	proc_remove(PID_BASE + 2);
}

static void test_endpoint_baseline(void)
{
	unsigned row, endpoint;

	check_begin("snapshot: what endpoints hold at the start is taken as seen");
	kernel_reset();
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "old");
	endpoint = kernel_endpoint(row, destination(5, 443));
	add_rx(endpoint, 1009);
	kernel.self.lost_endpoints = 7;
	reader_open();
	look_times(IDLE_LOOKS + 3);
	expect_counts(1, 1);
	add_rx(endpoint, 13);
	look();
	expect_only(endpoint, 13, false, "then");
	end();
	proc_remove(PID_BASE + 1);
}

static void test_endpoint_end(void)
{
	unsigned row, other, rows[2], stays;

	start("endpoints leave in the same look as their process, and are told once more");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	rows[0] = kernel_endpoint(row, destination(5, 443));
	rows[1] = kernel_endpoint(row, local_port(443));
	other = spawn(PID_BASE + 2, 77 * TICK_NS, "two"); /* of the same time */
	stays = kernel_endpoint(other, destination(5, 443));
	look_times(1);
	add_rx(row, 1009);
	add_rx(rows[0], 1009);
	kernel.rows[row].exited = 1;
	proc_remove(PID_BASE + 1);
	look();
	expect_u64(reader.count, 2, "visits of the first look");
	expect_endpoint(rows[0], row, destination(5, 443), 1009, false);
	expect_u64(kernel.endpoint_count, 1, "endpoints in the index");
	expect_u64(kernel.endpoints[0].row, stays, "endpoint that stays");
	expect_u64(kernel.rows[rows[0]].start_ns, 0, "start of the first endpoint");
	expect_u64(kernel.rows[rows[1]].start_ns, 0, "start of the second endpoint");
	expect(!is_free(rows[0]) && !is_free(rows[1]), "free before the second look");
	expect_counts(2, 3);
	add_rx(rows[1], 13); /* late */
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
	add_rx(stays, 7);
	look();
	expect_only(stays, 7, false, "the one that stays");
	end();
	proc_remove(PID_BASE + 2);
}

static void test_endpoint_after_free(void)
{
	unsigned row, endpoint;

	start("what arrives for a freed endpoint is told to nobody, and not to the next one");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	endpoint = kernel_endpoint(row, destination(5, 443));
	add_rx(endpoint, 7);
	kernel.rows[row].exited = 1;
	proc_remove(PID_BASE + 1);
	look();
	look();
	add_rx(endpoint, 1009);
	kernel_connect(endpoint, 50021, 30);
	look_times(2);
	row = spawn(PID_BASE + 2, 99 * TICK_NS, "wget");
	expect_u64(kernel_endpoint(row, local_port(80)), endpoint, "row");
	add_rx(endpoint, 13);
	kernel_connect(endpoint, 40009, 31);
	look();
	expect_u64(reader.count, 1, "visits");
	expect_endpoint(endpoint, row, local_port(80), 13, false);
	expect_u64(visit_of(endpoint)->buckets[30], 0, "connects of the one before");
	expect_u64(visit_of(endpoint)->buckets[31], 1, "its own connects");
	expect_u64(visit_of(endpoint)->process.time_max[TCP_TIME_CONNECT], 40009, "maximum");
	expect_counts(1, 1);
	end();
	proc_remove(PID_BASE + 2);
}

/* One look in which an event found no room for its endpoint. */
static void look_crowded(void)
{
	kernel.self.lost_endpoints++;
	look();
}

static void test_idle_endpoints(void)
{
	unsigned row, idle, busy;

	start("idle endpoints give way to others, and only then");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	idle = kernel_endpoint(row, destination(5, 443));
	busy = kernel_endpoint(row, destination(7, 443));
	add_rx(idle, 1009);
	look();
	for (unsigned i = 0; i < IDLE_LOOKS; i++) { /* crowded, but not idle for long enough */
		add_rx(busy, 13);
		look_crowded();
		expect_only(busy, 13, false, "while both stay");
	}
	expect_u64(kernel.endpoint_count, 2, "endpoints in the index");
	add_rx(idle, 1009);
	look();
	expect_only(idle, 1009, false, "it still counts");
	look_times(SWEEP_LOOKS + 7); /* idle for long, and there is room */
	expect_u64(kernel.endpoint_count, 2, "endpoints in the index when there is room");
	add_rx(busy, 17);
	look_crowded(); /* the busy one was idle for long, until now */
	expect_only(busy, 17, false, "when there is no room");
	expect_u64(kernel.endpoint_count, 1, "endpoints in the index when there is no room");
	expect_u64(kernel.endpoints[0].row, busy, "the one that stays");
	expect_counts(1, 2);
	add_rx(idle, 19);
	look();
	expect_u64(reader.count, 1, "visits");
	expect_endpoint(idle, row, destination(5, 443), 19, true);
	expect(is_free(idle), "it is not free");
	expect_u64(kernel.rows[idle].generation, 1, "generation");
	expect_counts(1, 1);
	expect_u64(kernel_endpoint(row, destination(5, 443)), idle, "row when it comes back");
	add_rx(idle, 23);
	look();
	expect_u64(reader.count, 1, "visits");
	expect_endpoint(idle, row, destination(5, 443), 23, false);
	expect_counts(1, 2);
	end();
	proc_remove(PID_BASE + 1);
}

static void test_open_endpoints(void)
{
	unsigned row, open, busy;

	start("an endpoint with open connections does not give way, however idle");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	open = kernel_endpoint(row, destination(5, 443));
	busy = kernel_endpoint(row, destination(7, 443));
	kernel_open(open, 2);
	look();
	expect_only(open, 0, false, "when they open");
	expect_open(open, 2);
	for (unsigned i = 0; i < 5 * IDLE_LOOKS; i++) {
		if (i == 3 * IDLE_LOOKS)
			kernel_open(open, -1);
		add_rx(busy, 13);
		look_crowded();
	}
	expect_u64(kernel.endpoint_count, 2, "endpoints in the index");
	kernel_open(open, -1);
	for (unsigned i = 0; i <= IDLE_LOOKS; i++) {
		add_rx(busy, 13);
		look_crowded();
		expect_u64(kernel.endpoint_count, 2, "endpoints %u looks after the end", i);
	}
	add_rx(busy, 13);
	look_crowded();
	expect_u64(kernel.endpoint_count, 1, "endpoints in the end");
	expect_u64(kernel.endpoints[0].row, busy, "the one that stays");
	end();
	proc_remove(PID_BASE + 1);
}

static void test_open_endpoint_before(void)
{
	unsigned row, endpoint;

	check_begin("snapshot: an endpoint that was open at the start gives way once it is closed");
	kernel_reset();
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "old");
	endpoint = kernel_endpoint(row, destination(5, 443));
	kernel_open(endpoint, 3);
	reader_open();
	look();
	expect_open(endpoint, 3);
	for (unsigned i = 0; i < 2 * IDLE_LOOKS; i++)
		look_crowded();
	expect_u64(kernel.endpoint_count, 1, "endpoints while it is open");
	kernel_open(endpoint, -3);
	for (unsigned i = 0; i < 2 * IDLE_LOOKS; i++)
		look_crowded();
	expect_u64(kernel.endpoint_count, 0, "endpoints in the end");
	end();
	proc_remove(PID_BASE + 1);
}

static void test_handed_on_balance(void)
{
	unsigned row, endpoint, busy;

	start("what was open in an endpoint's row before it was handed on does not keep it");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "old");
	endpoint = kernel_endpoint(row, destination(5, 443));
	kernel_open(endpoint, 3); /* they stay open for longer than the process lives */
	kernel.rows[row].exited = 1;
	proc_remove(PID_BASE + 1);
	look();
	look();
	expect(is_free(endpoint), "it is not free");
	row = spawn(PID_BASE + 2, 99 * TICK_NS, "new");
	expect_u64(kernel_endpoint(row, destination(7, 443)), endpoint, "row");
	busy = kernel_endpoint(row, destination(9, 443));
	kernel_open(endpoint, 1);
	look();
	expect_open(endpoint, 1);
	for (unsigned i = 0; i < 2 * IDLE_LOOKS; i++) {
		add_rx(busy, 13);
		look_crowded();
	}
	expect_u64(kernel.endpoint_count, 2, "endpoints while its own is open");
	kernel_open(endpoint, -1);
	for (unsigned i = 0; i < 2 * IDLE_LOOKS; i++) {
		add_rx(busy, 13);
		look_crowded();
	}
	expect_u64(kernel.endpoint_count, 1, "endpoints after it was closed");
	expect(is_free(endpoint), "it is not free in the end");
	end();
	proc_remove(PID_BASE + 2);
}

static void test_new_is_not_idle(void)
{
	unsigned row, quiet, busy;

	start("an endpoint in a row that was free for long is not idle");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	look_times(IDLE_LOOKS + 7);
	quiet = kernel_endpoint(row, destination(5, 443)); /* its bytes are on their way */
	busy = kernel_endpoint(row, destination(7, 443));
	add_rx(busy, 13);
	look_crowded();
	expect_only(busy, 13, false, "first look");
	expect_u64(kernel.endpoint_count, 2, "endpoints in the index");
	for (unsigned i = 1; i < IDLE_LOOKS; i++)
		look_crowded();
	expect_u64(kernel.endpoint_count, 2, "endpoints in the index after 6 looks");
	add_rx(busy, 17);
	look_crowded();
	look_crowded();
	expect_only(quiet, 0, true, "after 7 looks");
	expect_u64(kernel.endpoint_count, 1, "endpoints in the index after 7 looks");
	end();
	proc_remove(PID_BASE + 1);
}

static void test_slow_endpoint(void)
{
	unsigned row, endpoint;

	start("an endpoint that does something now and then is not idle");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	endpoint = kernel_endpoint(row, destination(5, 443));
	for (unsigned i = 0; i < 5 * IDLE_LOOKS; i++) {
		bool quiet = i % (IDLE_LOOKS + 1) != 0;

		if (!quiet)
			add_rx(endpoint, 13);
		look_crowded();
		expect_u64(reader.count, !quiet, "visits of look %u", i);
	}
	expect_u64(kernel.endpoint_count, 1, "endpoints in the index");
	end();
	proc_remove(PID_BASE + 1);
}

static void test_endpoints_full(void)
{
	struct tcp_endpoint more = destination(ENDPOINTS, 443);
	unsigned row, endpoint;

	start("when endpoints find no room, idle ones make some");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	for (uint8_t i = 0; i < ENDPOINTS; i++)
		add_rx(kernel_endpoint(row, destination(i, 443)), 1009);
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
	add_rx(endpoint, 13);
	look();
	expect_only(endpoint, 13, false, "one more");
	end();
	proc_remove(PID_BASE + 1);
}

static void test_unwanted_endpoints(void)
{
	unsigned row, other, to, at, unknown;

	start("endpoints that are not asked for go at once, also with open connections");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "web");
	other = spawn(PID_BASE + 2, 78 * TICK_NS, "not known yet");
	to = kernel_endpoint(row, destination(5, 443));
	at = kernel_endpoint(row, local_port(443));
	unknown = kernel_endpoint(other, destination(5, 443));
	look_times(1);
	expect_u64(kernel.rows[row].wants, 0, "wants before it is said");
	kernel_open(to, 3);
	kernel_open(at, 5);
	snapshot_want(reader.snapshot, row, true, false);
	expect_u64(kernel.rows[row].wants, TCP_WANTS_KNOWN | TCP_WANTS_DESTINATIONS, "wants");
	look();
	expect_u64(reader.count, 2, "visits");
	expect_counts(2, 3);
	look();
	expect_only(at, 0, true, "the port");
	expect_counts(2, 2);
	expect_u64(kernel.endpoints_taken, 2, "endpoints that are taken");
	expect(is_free(at) && !is_free(to) && !is_free(unknown), "one row is free");
	add_rx(to, 13);
	look();
	expect_only(to, 13, false, "the destination");
	snapshot_want(reader.snapshot, row, false, true);
	look();
	look();
	expect_only(to, 0, true, "the destination, by now not asked for");
	expect_u64(kernel.endpoints_taken, 1, "endpoints that are taken");
	end();
	proc_remove(PID_BASE + 1);
	proc_remove(PID_BASE + 2);
}

static void test_endpoint_trouble(void)
{
	unsigned row, endpoint;
	uint64_t rx_bytes = 0;

	start("an endpoint that cannot be taken from the index stays, with its process");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	endpoint = kernel_endpoint(row, local_port(80));
	kernel.rows[row].exited = 1;
	proc_remove(PID_BASE + 1);
	kernel.delete_error = EBUSY;
	look_times(3);
	expect_u64(kernel.rows[endpoint].start_ns, 77 * TICK_NS, "start");
	add_rx(endpoint, 1009);
	look();
	expect_only(endpoint, 1009, false, "meanwhile");
	kernel.delete_error = 0;
	look_times(1);
	kernel.push_error = EBUSY;
	for (unsigned i = 0; i < 4; i++) {
		if (i == 3)
			kernel.push_error = 0;
		add_rx(endpoint, 7);
		look();
		expect_u64(reader.count, 2, "visits");
		rx_bytes += visit_of(endpoint)->process.grown.rx_bytes;
		expect_counts(i < 3, i < 3);
	}
	expect_u64(rx_bytes, 28, "bytes");
	expect(is_free(endpoint), "it is not free");
	expect(kernel.rows[endpoint].generation > 0, "its generation is the same");
	end();

	start("an endpoint that is not in the index any more is freed");
	row = spawn(PID_BASE + 1, 77 * TICK_NS, "curl");
	endpoint = kernel_endpoint(row, local_port(80));
	kernel.rows[row].exited = 1;
	kernel.endpoint_count = 0;
	proc_remove(PID_BASE + 1);
	look_times(1);
	look();
	expect(is_free(endpoint), "it is not free");
	expect_counts(0, 0);
	end();
}

/* -- churn -- */

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
	add_rx(row, bytes);
	a->ends_done[number] += bytes;
	churn.reached++;
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
	proc_remove(a->pid);
}

static void actor_start(struct actor *a, unsigned number)
{
	a->pid = PID_BASE + number;
	a->start_ns = ++churn.starts * TICK_NS;
	a->done = a->seen = 0;
	memset(a->ends_done, 0, sizeof(a->ends_done));
	memset(a->ends_seen, 0, sizeof(a->ends_seen));
	proc_add(a->pid, a->start_ns);
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
	start("701 looks of churn, more processes and endpoints than rows: each to the byte");
	memset(&churn, 0, sizeof(churn));
	churn.random = 32452843;
	for (unsigned i = 0; i < 701 && !check.detail[0]; i++)
		churn_tick();
	expect(churn.other_done > 0, "the rows were never full");
	expect(kernel.self.lost_endpoints > 0, "the rows of endpoints were never full");
	expect(churn.reached > 701, "hardly an endpoint was reached");
	expect(churn.starts > 5 * (uint64_t)ACTORS, "no churn");
	for (unsigned i = 0; i < ACTORS; i++)
		proc_remove(PID_BASE + i);
	for (unsigned i = 0; i <= SWEEP_LOOKS; i++)
		look();
	expect_u64(kernel.free.count, ROWS - TCP_ROW_FIRST, "free rows in the end");
	expect_u64(kernel.index_count, 0, "processes in the index in the end");
	expect_u64(kernel.free_endpoints.count, ENDPOINTS, "free rows of endpoints in the end");
	expect_u64(kernel.endpoint_count, 0, "endpoints in the index in the end");
	expect_counts(0, 0);
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
	test_open_before();
	test_exit_unknown();
	test_open_after();
	test_describe();
	test_rename();
	test_late_name();
	test_late_name_race();
	test_late_name_reused();
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
	test_endpoints();
	test_endpoint_baseline();
	test_endpoint_end();
	test_endpoint_after_free();
	test_idle_endpoints();
	test_open_endpoints();
	test_open_endpoint_before();
	test_handed_on_balance();
	test_new_is_not_idle();
	test_slow_endpoint();
	test_endpoints_full();
	test_unwanted_endpoints();
	test_endpoint_trouble();
	test_churn();
	rmdir(root);
	return check_status();
}
