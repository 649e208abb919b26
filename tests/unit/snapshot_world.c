/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/process.h"
#include "check.h"
#include "snapshot_world.h"

struct kernel_half kernel;
struct reader reader;

/* -- the kernel half -- */

bool __real_process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns);
bool __wrap_process_alive(const char *proc_root, uint32_t pid, uint64_t start_ns);

bool __real_process_gone(const char *proc_root, uint32_t pid);
bool __wrap_process_gone(const char *proc_root, uint32_t pid);

void kernel_receive(unsigned row, uint64_t bytes)
{
	static unsigned shard;

	kernel.bytes[shard++ % SHARDS][row].rx += bytes;
	kernel.touched[row] = kernel.tick;
}

void kernel_touch(void)
{
	for (unsigned row = 0; row < ALL_ROWS; row++)
		if (memcmp(&kernel.told[row], &kernel.rows[row], sizeof(*kernel.told)) != 0)
			kernel.touched[row] = kernel.tick;
	memcpy(kernel.told, kernel.rows, sizeof(kernel.told));
}

unsigned row_of_key(const struct tcp_process_key *key)
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
		kernel_receive(kernel.index[at].row, kernel.late_rx_bytes);
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
		kernel_receive(kernel.row_at_death, kernel.rx_bytes_at_death);
		kernel.rx_bytes_at_death = 0;
	}
	return alive;
}

bool __wrap_process_gone(const char *proc_root, uint32_t pid)
{
	kernel.gone_asked++;
	return __real_process_gone(proc_root, pid);
}

unsigned kernel_row(uint32_t pid, uint64_t start_ns, const char *comm)
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

unsigned kernel_endpoint(unsigned process_row, struct tcp_endpoint endpoint)
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

struct tcp_endpoint destination(uint8_t number, uint16_t port)
{
	return (struct tcp_endpoint){.kind = TCP_ENDPOINT_DESTINATION,
				     .port = port,
				     .address = {[10] = 0xff, 0xff, 10, 0, 0, number}};
}

struct tcp_endpoint client(uint8_t number)
{
	struct tcp_endpoint from = destination(number, 0);

	from.kind = TCP_ENDPOINT_CLIENT;
	return from;
}

struct tcp_endpoint local_port(uint16_t port)
{
	return (struct tcp_endpoint){.kind = TCP_ENDPOINT_PORT, .port = port};
}

struct tcp_histogram *kernel_histogram(unsigned time, unsigned row)
{
	return time < TCP_TIME_SERVICE ? &kernel.times[time][row]
				       : &kernel.turns[row][time - TCP_TIME_SERVICE];
}

void kernel_time(unsigned row, enum tcp_time time, uint64_t units, unsigned bucket)
{
	struct tcp_counters *both[] = {&kernel.rows[row].counters, &kernel.truth[row]};

	for (size_t i = 0; i < COUNT_OF(both); i++) {
		both[i]->times[time]++;
		both[i]->time_sum[time] += units;
	}
	if (kernel.rows[row].time_max[time] < units)
		kernel.rows[row].time_max[time] = units;
	kernel_histogram(time, row)->buckets[bucket]++;
}

void kernel_connect(unsigned row, uint64_t ns, unsigned bucket)
{
	kernel.rows[row].counters.connects++;
	kernel.truth[row].connects++;
	kernel_time(row, TCP_TIME_CONNECT, ns, bucket);
}

void kernel_establish(unsigned row, int64_t change)
{
	kernel.rows[row].counters.open[TCP_STATE_ESTABLISHED] += (uint64_t)change;
	kernel.truth[row].open[TCP_STATE_ESTABLISHED] += (uint64_t)change;
}

/* -- /proc -- */

char fake_root[64];

bool fake_open(void)
{
	snprintf(fake_root, sizeof(fake_root), "/tmp/snapshot_test.XXXXXX");
	if (mkdtemp(fake_root))
		return true;
	perror(fake_root);
	return false;
}

void fake_close(void)
{
	rmdir(fake_root);
}

static void fake_path(char *out, size_t size, uint32_t pid, const char *file)
{
	snprintf(out, size, "%s/%" PRIu32 "%s", fake_root, pid, file);
}

void fake_remove(uint32_t pid)
{
	char path[128];

	fake_path(path, sizeof(path), pid, "/stat");
	unlink(path);
	fake_path(path, sizeof(path), pid, "/comm");
	unlink(path);
	fake_path(path, sizeof(path), pid, "");
	rmdir(path);
}

void fake_write(uint32_t pid, uint64_t start_ns, char state, unsigned threads)
{
	char path[128];
	FILE *file;

	fake_path(path, sizeof(path), pid, "");
	mkdir(path, 0755);
	fake_path(path, sizeof(path), pid, "/stat");
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

void fake_add(uint32_t pid, uint64_t start_ns)
{
	fake_write(pid, start_ns, 'S', 1);
}

unsigned spawn(uint32_t pid, uint64_t start_ns, const char *comm)
{
	fake_add(pid, start_ns);
	return kernel_row(pid, start_ns, comm);
}

void fake_name(uint32_t pid, const char *comm)
{
	char path[128];
	FILE *file;

	fake_path(path, sizeof(path), pid, "/comm");
	file = fopen(path, "w");
	if (expect(file != NULL, "fopen %s", path)) {
		fprintf(file, "%s\n", comm);
		fclose(file);
	}
}

/* -- the reader -- */

void kernel_reset(void)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.tick = 1;
	for (uint32_t row = ROWS - 1; row >= TCP_ROW_FIRST; row--)
		kernel.free.numbers[kernel.free.count++] = row;
	for (uint32_t row = ALL_ROWS - 1; row >= ROWS; row--)
		kernel.free_endpoints.numbers[kernel.free_endpoints.count++] = row;
}

int try_open(struct snapshot **out)
{
	struct snapshot_options options = {.proc_root = fake_root};
	struct probe_tables tables = {
		.rows = kernel.rows,
		.bytes = kernel.bytes[0],
		.touched = kernel.touched,
		.hostnames = kernel.hostnames,
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
		tables.histograms[i] = kernel.absent[i] ? NULL : kernel_histogram(i, 0);
	return snapshot_open(out, &tables, &options);
}

void reader_open(void)
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
	uint32_t before = reader.count ? v[-1].process.row : TCP_ROW_NONE;

	expect(context == &reader, "wrong context");
	if (!expect(reader.count < VISITS_MAX, "too many visits"))
		return;
	reader.count++;
	memset(v, 0, sizeof(*v));
	v->process = *p;
	take_times(v, p);
	expect(memchr(p->comm, 0, sizeof(p->comm)) != NULL, "comm of row %u has no end", p->row);
	expect(p->row < ALL_ROWS && p->row > TCP_ROW_NONE, "row %u", p->row);
	expect(before < p->row || p->row == TCP_ROW_OTHER, "row %u after row %u", p->row, before);
	expect((p->row >= ROWS) == (p->endpoint.kind != TCP_ENDPOINT_NONE), "endpoint of row %u",
	       p->row);
	expect(p->row >= ROWS ? p->process_row < ROWS : p->process_row == p->row,
	       "row %u: its process's row is %u", p->row, p->process_row);
}

void look(void)
{
	reader.count = 0;
	kernel_touch();
	snapshot_take(reader.snapshot, take, &reader);
}

void look_times(unsigned n)
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

void reader_begin(const char *name)
{
	check_begin("snapshot: %s", name);
	kernel_reset();
	reader_open();
}

void reader_end(void)
{
	reader_close();
	check_end();
}

const struct visit *visit_of(unsigned row)
{
	static const struct visit none;

	for (unsigned i = 0; i < reader.count; i++)
		if (reader.visits[i].process.row == row)
			return &reader.visits[i];
	check_complain("row %u was not visited", row);
	return &none;
}

void expect_only(unsigned row, uint64_t rx_bytes, bool last, const char *when)
{
	const struct snapshot_process *p;

	expect_u64(reader.count, 1, "visits, %s", when);
	p = &visit_of(row)->process;
	expect_u64(p->grown.rx_bytes, rx_bytes, "bytes, %s", when);
	expect_u64(p->last, last, "last, %s", when);
}

bool is_free(unsigned row)
{
	return stack_has(row >= ROWS ? &kernel.free_endpoints : &kernel.free, row);
}

void expect_counts(unsigned processes, unsigned endpoints)
{
	expect_u64(snapshot_processes(reader.snapshot), processes, "processes");
	expect_u64(snapshot_endpoints(reader.snapshot), endpoints, "endpoints");
}

void look_crowded(void)
{
	kernel.self.lost_endpoints++;
	look();
}
