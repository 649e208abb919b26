/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "probe/explain.h"
#include "probe/kernel.h"
#include "probe/probe.h"
#include "probe/selftest.h"
#include "tcp.h"
#include "tcp.skel.h"

#define LOG_SIZE 4096
#define PROOFS 2
#define PROGRAMS_MAX 64
#define RING_SIZE (256 * 1024)
#define LISTENERS_MAX 4096
#define EVENTS_MAX 8192 /* in one call: more than the ring holds */

#define FAILED_EARLY "connects that fail before a SYN is sent"
#define DENIED "connects that are not permitted"
#define DEFERRED "when the SYN of a deferred Fast Open leaves"
#define LATE "who sent what on a socket that processes share (kernel before 6.3)"

#define UNSEEN FAILED_EARLY ", " DEFERRED

#define IN_TABLE "sockets in a table"
#define NO_FPROBE "no fprobe"
#define BY_PACKET "senders by their packets"

#define RETRANSMITS "retransmitted segments"
#define RESETS "resets"

/*
 * A backend is some sets of programs; a program belongs to the set that its name starts with. Set
 * "always_" is part of every backend. Tried in this order: first what they use, by a few
 * instructions, then by really loading them. A kprobe by way of fprobe costs less, so the one that
 * each send and receive passes is one where that can be.
 */
static const struct backend {
	const char *name;
	const char *sets[3];
	unsigned uses;       /* enum kernel_use */
	const char *variant; /* what tells it from the first of its name */
	const char *loss;    /* what it cannot see at all */
} backends[] = {
	{"fentry",
	 {"fentry_", "traced_", "shared_"},
	 KERNEL_TRAMPOLINE | KERNEL_SOCK_STORAGE | KERNEL_EXCHANGE,
	 NULL,
	 NULL},
	{"fentry", {"fentry_", "traced_", "locked_"}, KERNEL_TRAMPOLINE, IN_TABLE, NULL},
	{"kprobe", {"kprobe_"}, KERNEL_KPROBE | KERNEL_FPROBE, NULL, NULL},
	{"kprobe", {"kprobe_"}, KERNEL_KPROBE, NO_FPROBE, NULL},
	{"rawtp",
	 {"rawtp_", "traced_", "shared_"},
	 KERNEL_SOCK_STORAGE | KERNEL_EXCHANGE,
	 NULL,
	 UNSEEN}, /* 6.3 */
	{"rawtp",
	 {"packet_", "traced_", "locked_"},
	 KERNEL_SOCK_STORAGE,
	 BY_PACKET,
	 UNSEEN ", " LATE},
	{"rawtp", {"packet_", "traced_", "locked_"}, 0, BY_PACKET ", " IN_TABLE, UNSEEN ", " LATE},
};
#define BACKEND_COUNT (sizeof(backends) / sizeof(*backends))
_Static_assert(BACKEND_COUNT <= EXPLAIN_ATTEMPTS, "what each of them says can be told");

#define IF(field) offsetof(struct probe_options, field)

/* Programs that may be missing alone, and what is missing then; NULL if nothing is. */
static const struct {
	const char *program;
	const char *loss;
	size_t option; /* a bool that asks for it; 0: it is always wanted */
} optional[] = {
	{"fentry_sendpages", NULL, 0}, /* gone in 6.5, with the path that it watched */
	{"fentry_mptcp_send", "MPTCP", 0},
	{"fentry_mptcp_receive", NULL, 0}, /* goes with fentry_mptcp_send */
	{"fentry_mptcp_release", NULL, 0},
	{"fentry_connect4", FAILED_EARLY, 0},
	{"fentry_connect4_again", NULL, 0},
	{"fentry_connect6", NULL, 0}, /* no IPv6 */
	{"fentry_connect6_again", NULL, 0},
	{"fentry_syn", DEFERRED, 0},
	{"fentry_permit", DENIED, 0},
	{"fentry_permit4", DENIED, 0},
	{"fentry_permit6", NULL, 0},
	{"fentry_wait", "progress of blocked senders", 0},
	{"kprobe_syn", DEFERRED, 0},
	{"kprobe_connect4_enter", FAILED_EARLY, 0},
	{"kprobe_connect4", FAILED_EARLY, 0},
	{"kprobe_connect6_enter", NULL, 0}, /* no IPv6 */
	{"kprobe_connect6", NULL, 0},
	{"kprobe_permit_enter", DENIED, 0},
	{"kprobe_permit", DENIED, 0},
	{"kprobe_permit4_enter", DENIED, 0},
	{"kprobe_permit4", DENIED, 0},
	{"kprobe_permit6_enter", NULL, 0},
	{"kprobe_permit6", NULL, 0},
	{"rawtp_mptcp_receive", "MPTCP", 0},
	{"rawtp_wait", NULL, 0}, /* 6.16 */
	{"rawtp_progress", "progress of blocked senders", 0},
	{"traced_rename", "names of processes after exec", 0},
	{"traced_exit", NULL, 0}, /* a hint only */
	{"kprobe_rename", "names of processes after exec", 0},
	{"kprobe_exit", NULL, 0},
	{"traced_retransmit", RETRANSMITS, IF(health)},
	{"traced_synack", RETRANSMITS, IF(health)},
	{"traced_reset_sent", RESETS, IF(health)},
	{"traced_reset_received", RESETS, IF(health)},
	{"kprobe_retransmit", RETRANSMITS, IF(health)},
	{"kprobe_synack", RETRANSMITS, IF(health)},
	{"kprobe_reset_sent", RESETS, IF(health)},
	{"kprobe_reset_received", RESETS, IF(health)},
	{"always_listeners", "accept queues in other network namespaces", IF(listeners)},
	{"always_listening", "accept queues", IF(listeners)},
	{"always_baseline", "the first bytes of connections older than the plugin", 0},
	{"always_unheld", NULL, 0}, /* of those, the few that no process holds */
};
#define OPTIONAL_COUNT (sizeof(optional) / sizeof(*optional))

/* Programs that do the work of another one, as well as they can, where that is missing. */
static const struct {
	const char *program;
	const char *instead;
} spares[] = {
	{"rawtp_progress", "rawtp_wait"},
	{"always_listening", "always_listeners"},
};
#define SPARE_COUNT (sizeof(spares) / sizeof(*spares))

/* Programs that count what nothing else tells of, and their twins. */
static const struct {
	const char *program;
	const char *twin;
} alone[] = {
	{"fentry_connect4", "fentry_connect4_again"},
	{"fentry_connect6", "fentry_connect6_again"},
	{"fentry_permit", NULL},
	{"fentry_permit4", NULL},
	{"fentry_permit6", NULL},
	{"kprobe_connect4_enter", NULL},
	{"kprobe_connect4", NULL},
	{"kprobe_connect6_enter", NULL},
	{"kprobe_connect6", NULL},
	{"kprobe_permit_enter", NULL},
	{"kprobe_permit", NULL},
	{"kprobe_permit4_enter", NULL},
	{"kprobe_permit4", NULL},
	{"kprobe_permit6_enter", NULL},
	{"kprobe_permit6", NULL},
	{"traced_synack", NULL},
	{"traced_reset_sent", NULL},
	{"traced_reset_received", NULL},
	{"kprobe_synack", NULL},
	{"kprobe_reset_sent", NULL},
	{"kprobe_reset_received", NULL},
};
#define ALONE_COUNT (sizeof(alone) / sizeof(*alone))

struct probe {
	const struct backend *backend;
	const struct kernel *kernel; /* until it is open */
	struct tcp *skeleton;
	struct bpf_program *programs[PROGRAMS_MAX];
	struct bpf_link *links[PROGRAMS_MAX];
	unsigned program_count;
	unsigned row_count;
	unsigned shard_count;
	unsigned first_endpoint;
	struct tcp_row *rows;
	struct tcp_bytes *bytes;
	__u64 *touched;
	struct tcp_histogram *histograms[TCP_TIME_COUNT];
	struct ring_buffer *ring; /* of events; NULL: nobody asked for them */
	probe_visit_event *visit; /* during probe_events() */
	void *context;
	unsigned events;
	bool late_attached;
	bool dropped[OPTIONAL_COUNT];
	char description[512];
};

/* What libbpf says while we load: the user sees it only if everything fails. */
static __thread char log_text[LOG_SIZE];

__attribute__((format(printf, 2, 0))) static int log_take(enum libbpf_print_level level,
							  const char *format, va_list args)
{
	size_t used = strlen(log_text);

	if (level == LIBBPF_WARN)
		vsnprintf(log_text + used, sizeof(log_text) - used, format, args);
	return 0;
}

static void error_text(char *out, size_t size, int err)
{
	if (err == -ENOTSUPP)
		err = -EOPNOTSUPP;
	libbpf_strerror(err, out, size); /* it knows its own ones, too */
}

/* The kernel's or libbpf's own words about a failure: the first line that names a program, or map.
 */
static void log_reason(char *out, size_t size, int err)
{
	const char *program = strstr(log_text, "prog '"), *map = strstr(log_text, "map '");
	char text[64];

	error_text(text, sizeof(text), err);
	if (program)
		snprintf(out, size, "%.*s", (int)strcspn(program, "\n"), program);
	else if (map)
		snprintf(out, size, "%.*s: %s", (int)strcspn(map, ":\n"), map, text);
	else
		snprintf(out, size, "%s", text);
}

/* The same words of our own. */
static void complain(const char *program, const char *step, int err)
{
	char text[64];

	error_text(text, sizeof(text), err);
	snprintf(log_text, sizeof(log_text), "prog '%s': %s: %s\n", program, step, text);
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int optional_index(const char *program)
{
	for (unsigned i = 0; i < OPTIONAL_COUNT; i++)
		if (strcmp(optional[i].program, program) == 0)
			return (int)i;
	return -1;
}

/* -- loading -- */

static bool is_dropped(const struct probe *p, const char *program)
{
	return p->dropped[optional_index(program)];
}

/* Does it only stand in for one that is there? */
static bool is_spare(const struct probe *p, const char *program)
{
	for (unsigned i = 0; i < SPARE_COUNT; i++)
		if (strcmp(spares[i].program, program) == 0)
			return !is_dropped(p, spares[i].instead);
	return false;
}

static bool wanted(const struct probe *p, const char *program, const struct probe_options *options)
{
	int index = optional_index(program);
	size_t option = index < 0 ? 0 : optional[index].option;

	if (index >= 0 && (p->dropped[index] || is_spare(p, program)))
		return false;
	if (option && !*(const bool *)((const char *)options + option))
		return false;
	if (starts_with(program, "always_"))
		return true;
	for (int i = 0; i < 3 && p->backend->sets[i]; i++)
		if (starts_with(program, p->backend->sets[i]))
			return true;
	return false;
}

/* Can the program be had? An optional one is dropped if not, before anything large is loaded. */
static int look_for_hook(struct probe *p, const struct bpf_program *program)
{
	const char *name = bpf_program__name(program),
		   *section = bpf_program__section_name(program);
	int index = optional_index(name), err = kernel_hook(p->kernel, section);

	if (!err)
		return 0;
	if (index < 0 || explain_shortage(err)) {
		complain(name, section, err);
		return err;
	}
	p->dropped[index] = true;
	return 0;
}

static int select_programs(struct probe *p, const struct probe_options *options)
{
	struct bpf_program *program;
	int err;

	p->program_count = 0;
	bpf_object__for_each_program(program, p->skeleton->obj) {
		const char *name = bpf_program__name(program);

		bpf_program__set_autoload(program, false);
		if (!wanted(p, name, options))
			continue;
		err = look_for_hook(p, program);
		if (err)
			return err;
		if (!wanted(p, name, options) || p->program_count == PROGRAMS_MAX)
			continue;
		bpf_program__set_autoload(program, true);
		p->programs[p->program_count++] = program;
	}
	return 0;
}

/* Which of those that are loaded; -1: it is not. */
static int program_index(const struct probe *p, const char *program)
{
	for (unsigned i = 0; i < p->program_count; i++)
		if (strcmp(bpf_program__name(p->programs[i]), program) == 0)
			return (int)i;
	return -1;
}

static bool is_selected(const struct probe *p, const char *program)
{
	return program_index(p, program) >= 0;
}

static bool is_empty(const uint64_t ports[PORT_WORDS])
{
	for (unsigned i = 0; i < PORT_WORDS; i++)
		if (ports[i])
			return false;
	return true;
}

/* Are the states of sockets in the sockets, and not in a table? */
static bool uses_storage(const struct probe *p)
{
	return p->backend->uses & KERNEL_SOCK_STORAGE;
}

/* One for each processor, to a point: they cost memory. */
static unsigned count_shards(void)
{
	int processors = libbpf_num_possible_cpus();
	unsigned shards = 1;

	while (shards < TCP_SHARDS_MAX && (int)shards < processors)
		shards *= 2;
	return shards;
}

/* What is counted, and how finely. */
static void set_knobs(struct probe *p, const struct probe_options *options)
{
	struct tcp__rodata *knobs = p->skeleton->rodata;
	bool all = true;

	knobs->sock_storage = uses_storage(p);
	knobs->lifetimes_wanted = options->lifetimes;
	knobs->health_wanted = options->health;
	knobs->listeners_wanted = options->listeners;
	knobs->returns_seen =
		is_selected(p, "fentry_connect4") || is_selected(p, "kprobe_connect4");
	knobs->failures_wanted = options->failures;
	knobs->slow_connect_ns = options->slow_connect_ns;
	knobs->by_scope = options->by_scope;
	knobs->by_destination = options->by_destination;
	knobs->by_port = options->by_port;
	knobs->endpoint_count = p->row_count - p->first_endpoint;
	knobs->row_count = p->row_count;
	knobs->shard_mask = p->shard_count - 1;
	for (unsigned i = 0; i < TCP_SCOPE_COUNT; i++) {
		knobs->scopes |= (uint32_t)options->scopes[i] << i;
		all = all && options->scopes[i];
	}
	knobs->any_port = is_empty(options->local_ports) && is_empty(options->remote_ports);
	knobs->selective = !all || !knobs->any_port;
	memcpy(knobs->local_ports, options->local_ports, sizeof(knobs->local_ports));
	memcpy(knobs->remote_ports, options->remote_ports, sizeof(knobs->remote_ports));
}

static bool wants_events(const struct probe_options *options)
{
	return options->failures || options->slow_connect_ns;
}

static int size_maps(struct probe *p, const struct probe_options *options)
{
	bool by_endpoint = options->by_destination || options->by_port;
	const unsigned endpoints = by_endpoint ? options->max_endpoints : 1;
	const unsigned first_endpoint = TCP_ROW_FIRST + options->max_processes;
	const unsigned row_count = first_endpoint + (by_endpoint ? endpoints : 0);
	const unsigned shard_count = count_shards();
	struct tcp *skeleton = p->skeleton;
	const struct {
		struct bpf_map *map;
		unsigned entries;
	} sizes[] = {
		{skeleton->maps.sockets, options->max_sockets},
		{skeleton->maps.processes, options->max_processes},
		{skeleton->maps.free_rows, options->max_processes},
		{skeleton->maps.endpoints, endpoints},
		{skeleton->maps.free_endpoints, endpoints},
		{skeleton->maps.rows, row_count},
		{skeleton->maps.bytes, row_count * shard_count},
		{skeleton->maps.touched, row_count},
		{skeleton->maps.connect_times, row_count},
		{skeleton->maps.lifetimes, options->lifetimes ? row_count : 1},
		{skeleton->maps.round_trips, options->health ? row_count : 1},
		{skeleton->maps.listeners, options->listeners ? LISTENERS_MAX : 1},
		{skeleton->maps.events,
		 wants_events(options) ? RING_SIZE : (unsigned)sysconf(_SC_PAGESIZE)},
	};
	int err;

	p->row_count = row_count;
	p->shard_count = shard_count;
	p->first_endpoint = first_endpoint;
	err = bpf_map__set_autocreate(skeleton->maps.storage, uses_storage(p));
	if (!err && uses_storage(p)) /* hardly ever used: memory for it is taken then */
		err = bpf_map__set_map_flags(skeleton->maps.sockets, BPF_F_NO_PREALLOC);
	for (unsigned i = 0; !err && i < sizeof(sizes) / sizeof(*sizes); i++)
		err = bpf_map__set_max_entries(sizes[i].map, sizes[i].entries);
	return err;
}

static int load_once(struct probe *p, const struct probe_options *options)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_options, .btf_custom_path = options->btf);
	int err;

	log_text[0] = '\0';
	p->skeleton = tcp__open_opts(&open_options);
	if (!p->skeleton)
		return -errno;
	err = select_programs(p, options);
	if (p->backend->uses & KERNEL_FPROBE)
		bpf_program__set_expected_attach_type(p->skeleton->progs.kprobe_release,
						      BPF_TRACE_KPROBE_MULTI);
	if (!err)
		err = size_maps(p, options);
	set_knobs(p, options);
	if (!err)
		err = tcp__load(p->skeleton);
	if (err) {
		tcp__destroy(p->skeleton);
		p->skeleton = NULL;
	}
	return err;
}

/* Gives up the optional program that libbpf's log blames. Returns false if it blames none. */
static bool drop_blamed(struct probe *p)
{
	char name[64];
	int index;

	for (const char *at = log_text; (at = strstr(at, "prog '")); at++) {
		if (sscanf(at, "prog '%63[^']'", name) != 1)
			continue;
		index = optional_index(name);
		if (index >= 0 && !p->dropped[index]) {
			p->dropped[index] = true;
			return true;
		}
	}
	return false;
}

static int load(struct probe *p, const struct probe_options *options)
{
	int err = load_once(p, options);

	while (err && !explain_shortage(err) && drop_blamed(p))
		err = load_once(p, options);
	return err;
}

/* -- tables -- */

static int map_table(void **out, struct bpf_map *map, size_t value_size, size_t count)
{
	void *memory = mmap(NULL, value_size * count, PROT_READ | PROT_WRITE, MAP_SHARED,
			    bpf_map__fd(map), 0);

	if (memory == MAP_FAILED)
		return -errno;
	*out = memory;
	return 0;
}

static int map_tables(struct probe *p, const struct probe_options *options)
{
	struct bpf_map *const maps[TCP_TIME_COUNT] = {
		[TCP_TIME_CONNECT] = p->skeleton->maps.connect_times,
		[TCP_TIME_LIFETIME] = options->lifetimes ? p->skeleton->maps.lifetimes : NULL,
		[TCP_TIME_RTT] = options->health ? p->skeleton->maps.round_trips : NULL,
	};
	int err = map_table((void **)&p->rows, p->skeleton->maps.rows, sizeof(*p->rows),
			    p->row_count);

	if (!err)
		err = map_table((void **)&p->bytes, p->skeleton->maps.bytes, sizeof(*p->bytes),
				(size_t)p->row_count * p->shard_count);
	if (!err)
		err = map_table((void **)&p->touched, p->skeleton->maps.touched,
				sizeof(*p->touched), p->row_count);
	for (unsigned i = 0; !err && i < TCP_TIME_COUNT; i++)
		if (maps[i])
			err = map_table((void **)&p->histograms[i], maps[i],
					sizeof(*p->histograms[i]), p->row_count);
	return err;
}

/* The lowest rows are taken first: the reader's pages stay few. */
static int fill_stack(const struct bpf_map *stack, uint32_t first, uint32_t end)
{
	for (uint32_t row = end; row-- > first;)
		if (bpf_map_update_elem(bpf_map__fd(stack), NULL, &row, BPF_ANY))
			return -errno;
	return 0;
}

static int fill_free_rows(struct probe *p)
{
	int err = fill_stack(p->skeleton->maps.free_rows, TCP_ROW_FIRST, p->first_endpoint);

	return err ? err
		   : fill_stack(p->skeleton->maps.free_endpoints, p->first_endpoint, p->row_count);
}

/* -- events -- */

static int take_event(void *context, void *data, size_t size)
{
	struct probe *p = context;

	(void)size;
	p->visit(p->context, data);
	return ++p->events < EVENTS_MAX ? 0 : -E2BIG;
}

void probe_events(struct probe *p, probe_visit_event *visit, void *context)
{
	if (!p->ring)
		return;
	p->visit = visit;
	p->context = context;
	p->events = 0;
	ring_buffer__consume(p->ring);
}

static int open_ring(struct probe *p)
{
	p->ring = ring_buffer__new(bpf_map__fd(p->skeleton->maps.events), take_event, p, NULL);
	return p->ring ? 0 : -errno;
}

/* -- attaching -- */

/* The table that an iterator program visits; NULL for all other programs. */
static const struct bpf_map *iterated_map(const struct probe *p, const char *program)
{
	if (strcmp(program, "rawtp_progress") == 0)
		return p->skeleton->maps.storage;
	return strcmp(program, "always_listeners") == 0 ? p->skeleton->maps.listeners : NULL;
}

/* By its name: for a pattern, libbpf would read all of /proc/kallsyms, which hides addresses. */
static struct bpf_link *attach_fprobe(const struct bpf_program *program)
{
	const char *function = strchr(bpf_program__section_name(program), '/') + 1;
	LIBBPF_OPTS(bpf_kprobe_multi_opts, options, .syms = &function, .cnt = 1);

	return bpf_program__attach_kprobe_multi_opts(program, NULL, &options);
}

static struct bpf_link *attach_one(const struct probe *p, struct bpf_program *program)
{
	const struct bpf_map *map = iterated_map(p, bpf_program__name(program));
	union bpf_iter_link_info info = {0};
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info,
		    .link_info_len = sizeof(info));

	if (bpf_program__expected_attach_type(program) == BPF_TRACE_KPROBE_MULTI)
		return attach_fprobe(program);
	if (!map)
		return bpf_program__attach(program);
	info.map.map_fd = bpf_map__fd(map);
	return bpf_program__attach_iter(program, &options);
}

/* Is it attached only once there is an MPTCP socket? All others pass it too, for nothing. */
static bool is_late(const char *program)
{
	return strcmp(program, "rawtp_mptcp_receive") == 0 ||
	       strcmp(program, "fentry_mptcp_release") == 0;
}

/* What was received until then is not lost: it is counted with what comes next. */
static void attach_late(struct probe *p)
{
	if (p->late_attached || !p->skeleton->bss->mptcp_seen)
		return;
	p->late_attached = true;
	for (unsigned i = 0; i < p->program_count; i++)
		if (is_late(bpf_program__name(p->programs[i])))
			p->links[i] = bpf_program__attach(p->programs[i]);
}

static int attach(struct probe *p)
{
	for (unsigned i = 0; i < p->program_count; i++) {
		const char *name = bpf_program__name(p->programs[i]);
		int err, index = optional_index(name);

		if (is_late(name))
			continue;
		p->links[i] = attach_one(p, p->programs[i]);
		if (p->links[i])
			continue;
		err = -errno;
		if (index < 0 || explain_shortage(err)) {
			complain(name, "attach", err);
			return err;
		}
		p->dropped[index] = true;
	}
	return 0;
}

/* Opens an iterator program, whose text is what it tells. -ENOENT if it is not there. */
static int iterator_open(const struct probe *p, const char *name)
{
	int index = program_index(p, name), fd;
	const struct bpf_link *link = index < 0 ? NULL : p->links[index];

	if (!link)
		return -ENOENT;
	fd = bpf_iter_create(bpf_link__fd(link));
	return fd < 0 ? -errno : fd;
}

/* Reads on. Returns how many bytes there are, 0 at the end, or -errno. */
static ssize_t iterator_read(int fd, void *out, size_t size)
{
	ssize_t n;

	do {
		n = read(fd, out, size);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Lets an iterator program that tells nothing visit everything once. */
static int iterate(const struct probe *p, const char *name)
{
	int fd = iterator_open(p, name);
	char nothing[64];
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = iterator_read(fd, nothing, sizeof(nothing));
	} while (n > 0 || n == -EAGAIN); /* the kernel rests after a million */
	close(fd);
	return (int)n;
}

/* Without a baseline, a socket that we have not seen before begins with what it shows then. */
static void take_baseline(struct probe *p)
{
	bool done = iterate(p, "always_baseline") == 0;

	iterate(p, "always_unheld");
	p->skeleton->bss->baseline_done = done;
	p->dropped[optional_index("always_baseline")] = !done;
}

/* Has a process by our name at least the self-test's traffic? If the table is full: have others? */
static bool selftest_counted(const struct probe *p)
{
	char name[TCP_COMM_LEN] = "";
	FILE *file = fopen("/proc/self/comm", "re");
	struct probe_tables tables;

	probe_tables(&tables, p);
	if (file) {
		if (fgets(name, sizeof(name), file))
			name[strcspn(name, "\n")] = '\0';
		fclose(file);
	}
	for (unsigned i = TCP_ROW_OTHER; i < p->row_count; i++) {
		const struct tcp_row *row = &p->rows[i];
		struct tcp_bytes bytes = probe_bytes(&tables, i);

		if (bytes.tx >= SELFTEST_BYTES && bytes.rx >= SELFTEST_BYTES &&
		    row->counters.connects &&
		    (i == TCP_ROW_OTHER || strncmp(row->comm, name, sizeof(name)) == 0))
			return true;
	}
	return false;
}

/*
 * Sends known traffic and looks for the row that has it, before its close could help. Once more, if
 * need be: the kernel may have skipped a program.
 */
static int prove(struct probe *p)
{
	struct selftest tests[PROOFS];
	unsigned count = 0;
	bool counted = false;
	int err = 0;

	log_text[0] = '\0';
	while (!err && !counted && count < PROOFS) {
		err = selftest_open(&tests[count]);
		if (!err)
			count++;
		counted = !err && selftest_counted(p);
	}
	for (unsigned i = 0; i < count; i++)
		selftest_close(&tests[i]);
	if (explain_shortage(err))
		return err;
	if (counted || !count) /* no loopback here: nothing is proven, nothing is wrong */
		return 0;
	snprintf(log_text, sizeof(log_text),
		 "prog '*': loaded and attached, but saw nothing of "
		 "%d bytes over loopback\n",
		 SELFTEST_BYTES);
	return -ENODATA;
}

/* -- telling the user -- */

/* Is what stands in for it missing too? Then that is the greater loss. */
static bool is_outdone(const struct probe *p, const char *program)
{
	for (unsigned i = 0; i < SPARE_COUNT; i++)
		if (strcmp(spares[i].instead, program) == 0)
			return is_dropped(p, spares[i].program);
	return false;
}

static void describe(struct probe *p)
{
	size_t size = sizeof(p->description), used;
	const char *separator = "; missing: ";

	used = snprintf(p->description, size, "backend %s", p->backend->name);
	if (p->backend->variant)
		used += snprintf(p->description + used, size - used, " (%s)", p->backend->variant);
	if (p->backend->loss) {
		used += snprintf(p->description + used, size - used, "%s%s", separator,
				 p->backend->loss);
		separator = ", ";
	}
	for (unsigned i = 0; i < OPTIONAL_COUNT; i++) {
		if (!p->dropped[i] || !optional[i].loss || used >= size ||
		    is_outdone(p, optional[i].program) || strstr(p->description, optional[i].loss))
			continue;
		used += snprintf(p->description + used, size - used, "%s%s", separator,
				 optional[i].loss);
		separator = ", ";
	}
}

/* -- the life of a probe -- */

static void reset(struct probe *p)
{
	for (unsigned i = 0; i < p->program_count; i++)
		bpf_link__destroy(p->links[i]);
	if (p->rows)
		munmap(p->rows, sizeof(*p->rows) * p->row_count);
	if (p->bytes)
		munmap(p->bytes, sizeof(*p->bytes) * p->row_count * p->shard_count);
	if (p->touched)
		munmap(p->touched, sizeof(*p->touched) * p->row_count);
	for (unsigned i = 0; i < TCP_TIME_COUNT; i++)
		if (p->histograms[i])
			munmap(p->histograms[i], sizeof(*p->histograms[i]) * p->row_count);
	ring_buffer__free(p->ring);
	tcp__destroy(p->skeleton);
	memset(p, 0, sizeof(*p));
}

/* Is there MPTCP, and does the kernel not count by itself what it received (6.11)? */
static bool mptcp_needs_lock(const struct kernel *k)
{
	return kernel_has_member(k, "mptcp_sock", "write_seq") &&
	       !kernel_has_member(k, "mptcp_sock", "bytes_consumed");
}

static int try_backend(struct probe *p, const struct backend *backend, struct kernel *kernel,
		       const struct probe_options *options)
{
	const char *what;
	int err = kernel_can(&what, kernel, backend->uses);

	if (err) {
		complain(backend->name, what, err);
		return err;
	}
	p->backend = backend;
	p->kernel = kernel;
	p->dropped[optional_index("fentry_mptcp_release")] = !mptcp_needs_lock(kernel);
	err = load(p, options);
	if (!err)
		err = map_tables(p, options);
	if (!err)
		err = fill_free_rows(p);
	if (!err && wants_events(options))
		err = open_ring(p);
	if (!err)
		err = attach(p);
	if (err)
		return err;
	take_baseline(p);
	attach_late(p);
	return prove(p);
}

/* From 6.14 to 6.18 they go through the function graph, which costs more than kprobes do. */
static bool fprobes_pay(void)
{
	struct utsname kernel = {0};

	uname(&kernel);
	return host_older_than(kernel.release, 6, 14) || !host_older_than(kernel.release, 6, 19);
}

/* What failed is added to the facts. Where something ran out, others would only hide that. */
static int try_backends(struct probe *p, struct explain_facts *facts, struct kernel *kernel,
			const struct probe_options *options)
{
	bool any = strcmp(options->backend, "auto") == 0;
	int err = -EINVAL;

	for (unsigned i = 0; i < BACKEND_COUNT && !explain_shortage(err); i++) {
		struct explain_attempt *attempt = &facts->attempts[facts->attempt_count];

		if (!any && strcmp(backends[i].name, options->backend) != 0)
			continue;
		if (backends[i].uses & KERNEL_FPROBE && !fprobes_pay())
			continue;
		err = try_backend(p, &backends[i], kernel, options);
		if (!err)
			return 0;
		attempt->backend = backends[i].name;
		attempt->err = err;
		attempt->loaded = p->skeleton;
		log_reason(attempt->reason, sizeof(attempt->reason), err);
		facts->attempt_count++;
		reset(p);
	}
	return err;
}

/* May libbpf be given this file? It would wait for who writes into a FIFO. */
static int check_btf(char *out, size_t size, const char *path)
{
	struct stat file;
	struct btf *btf;
	int err;

	if (stat(path, &file) || access(path, R_OK)) {
		err = -errno;
		error_text(out, size, err);
		return err;
	}
	if (!S_ISREG(file.st_mode)) {
		snprintf(out, size, "it is not a regular file");
		return -EINVAL;
	}
	btf = btf__parse(path, NULL);
	if (btf) {
		btf__free(btf);
		return 0;
	}
	err = -errno; /* of the kernel's, only that the file ended too early */
	snprintf(out, size, "there is no BTF in it");
	if (err <= -__LIBBPF_ERRNO__START)
		error_text(out, size, err);
	return err;
}

const char *const *probe_backend_names(void)
{
	static const char *const names[] = {"auto", "fentry", "kprobe", "rawtp", NULL};

	return names;
}

/* Of glibc: other C libraries have none. */
extern int malloc_trim(size_t pad) __attribute__((weak));

/* Each try parses the kernel's BTF anew; that is 10 MB and more, which the heap would keep. */
static void return_memory(void)
{
	if (malloc_trim)
		malloc_trim(0);
}

/* What failed is in the facts; an error of the option's BTF file in `btf_error`. */
static int open_any(struct probe *p, struct explain_facts *facts, struct kernel *kernel,
		    char *btf_error, size_t size, const struct probe_options *options)
{
	libbpf_print_fn_t print = libbpf_set_print(log_take);
	int err = options->btf ? check_btf(btf_error, size, options->btf) : 0;

	if (err)
		facts->btf_error = btf_error;
	else
		err = try_backends(p, facts, kernel, options);
	libbpf_set_print(print);
	p->kernel = NULL;
	return err;
}

int probe_open(struct probe **out, char *why, size_t why_size, const struct probe_options *options)
{
	struct explain_facts facts = {.backend = options->backend, .btf = options->btf};
	struct probe *p = calloc(1, sizeof(*p));
	struct kernel *kernel = kernel_open();
	char btf_error[128];
	int err = -ENOMEM;

	if (p && kernel)
		err = open_any(p, &facts, kernel, btf_error, sizeof(btf_error), options);
	kernel_close(kernel);
	return_memory();
	if (!p || !kernel) {
		snprintf(why, why_size, "out of memory");
		free(p);
		return err;
	}
	if (err) {
		host_read(&facts.host);
		explain(why, why_size, &facts);
		free(p);
		return err;
	}
	describe(p);
	*out = p;
	return 0;
}

void probe_close(struct probe *p)
{
	if (!p)
		return;
	reset(p);
	free(p);
}

const char *probe_describe(const struct probe *p)
{
	return p->description;
}

void probe_listeners(const struct probe *p, probe_visit_listener *visit, void *context)
{
	int fd = iterator_open(p, "always_listeners");
	struct tcp_listener listeners[64];
	ssize_t n;

	if (fd < 0)
		fd = iterator_open(p, "always_listening");
	if (fd < 0)
		return;
	/* the kernel gives whole records only, as many as fit; -EAGAIN: no more sockets listen */
	while ((n = iterator_read(fd, listeners, sizeof(listeners))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(*listeners); i++)
			visit(context, &listeners[i]);
	close(fd);
}

void probe_refresh(struct probe *p)
{
	attach_late(p);
	iterate(p, "rawtp_progress");
}

void probe_tables(struct probe_tables *out, const struct probe *p)
{
	*out = (struct probe_tables){
		.rows = p->rows,
		.bytes = p->bytes,
		.touched = p->touched,
		.tick = &p->skeleton->data->tick,
		.self = &p->skeleton->bss->self,
		.endpoints_taken = &p->skeleton->bss->endpoints_taken,
		.row_count = p->row_count,
		.shard_count = p->shard_count,
		.socket_count =
			uses_storage(p) ? 0 : bpf_map__max_entries(p->skeleton->maps.sockets),
		.first_endpoint = p->first_endpoint,
		.processes_fd = bpf_map__fd(p->skeleton->maps.processes),
		.free_rows_fd = bpf_map__fd(p->skeleton->maps.free_rows),
		.endpoints_fd = bpf_map__fd(p->skeleton->maps.endpoints),
		.free_endpoints_fd = bpf_map__fd(p->skeleton->maps.free_endpoints),
	};
	memcpy(out->histograms, p->histograms, sizeof(out->histograms));
}

const char *probe_socket_limit(const struct probe *p)
{
	return uses_storage(p) ? "MaxSockets, or MemoryMax of the service" : "MaxSockets";
}

/* How often a program was skipped; 0 if there is no such program. */
static uint64_t skips_of(const struct probe *p, const char *program, const uint64_t *skips)
{
	int index = program_index(p, program);

	return index < 0 ? 0 : skips[index];
}

/* Only if both twins are skipped at once, something is lost. */
static uint64_t lost_runs(const struct probe *p, const uint64_t *skips)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < ALONE_COUNT; i++) {
		uint64_t one = skips_of(p, alone[i].program, skips), other = one;

		if (alone[i].twin)
			other = skips_of(p, alone[i].twin, skips);
		sum += one < other ? one : other;
	}
	return sum;
}

void probe_usage(struct probe_usage *out, const struct probe *p)
{
	uint64_t skips[PROGRAMS_MAX] = {0};

	*out = (struct probe_usage){0};
	for (unsigned i = 0; i < p->program_count; i++) {
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_program__fd(p->programs[i]), &info, &size))
			continue;
		skips[i] = info.recursion_misses;
		out->skips += info.recursion_misses;
		out->runs += info.run_cnt;
		out->run_ns += info.run_time_ns;
	}
	out->lost = lost_runs(p, skips);
}

bool probe_timed(void)
{
	FILE *file = fopen("/proc/sys/kernel/bpf_stats_enabled", "re");
	int answer = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return answer == '1';
}
