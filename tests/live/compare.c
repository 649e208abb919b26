/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Runs scenarios that know the truth (traffic, connect) beside the plugin's own probe and snapshot,
 * and demands that every process's counters equal it.
 *
 *     compare [-e] [-b BACKEND] [-t TABLE] [-w MILLISECONDS] PROGRAM [SCENARIO...]
 *
 * BACKEND classic is the classic recipe instead of the probe: its wrong numbers are no failures.
 * -e also counts by endpoint and scope, and demands that their sums are the processes' numbers.
 * -t appends a line per compared number to TABLE, and one for each scenario that was not compared:
 *     kernel backend program/scenario role field truth counted [note]
 *     kernel backend program/scenario - skip|broken - - reason
 * -w is how long numbers may be late.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "classic.h"
#include "probe/probe.h"
#include "probe/snapshot.h"

#define SEEN_MAX 4096
#define TRUTHS_MAX 1024
#define SCENARIOS_MAX 256
#define LINE_SIZE 1024
#define LOOK_MS 50
#define SETTLE_MS 20 /* what is right must stay so */
#define EXIT_SKIP 77
#define WIRE_SOCKETS 4
#define OTHERS_SOCKETS 1000 /* so many may come meanwhile, where we are not alone */

/* What has been counted for one pid in the current scenario. */
struct seen {
	uint32_t pid;
	uint64_t start_ns;
	char comm[TCP_COMM_LEN];
	struct tcp_counters counters;
	struct tcp_counters parts; /* the same, of its endpoints */
	uint64_t connect_max_ns;
	uint64_t in_buckets;                   /* of the histogram: how many connects */
	uint64_t events[TCP_REASON_COUNT + 1]; /* told one by one, by outcome */
	bool ended;                            /* its row is free again */
	bool left_open;                        /* a connection of its outlived it */
};

struct limit;
struct source;

static struct {
	const char *kernel;
	bool alone;       /* on a kernel where nobody else uses TCP */
	char version[16]; /* of the kernel, for the table */
	const char *backend;
	bool by_endpoint;
	const struct source *source;
	char folder[32];      /* our own */
	char program[64];     /* a link to it in the folder */
	const char *comm;     /* the link's name, and so the processes': nobody else bears it */
	const char *own_comm; /* the program's own name: what an exec makes of it */
	FILE *table;
	const char *scenario;
	struct seen seen[SEEN_MAX];
	size_t seen_count;
	char truths[TRUTHS_MAX][LINE_SIZE];
	size_t truth_count;
	struct tcp_self self;     /* of the probe, when the scenario began */
	struct probe_usage usage; /* of its programs, then */
	uint64_t missing;         /* failed connects */
	uint64_t unmeasured;      /* connects */
	char failure[2 * LINE_SIZE];
	const struct limit *limit; /* that excused a number of the scenario */
	uint64_t excused_truth, excused_counted;
	bool final;        /* this comparison goes to the table */
	bool right;        /* was the last scenario's verdict */
	uint64_t since_ns; /* what is older belongs to a scenario that was not right */
	unsigned patience_ms;
	unsigned failed;
} test;

static void die(const char *what)
{
	printf("FAIL compare: %s\n", what);
	exit(1);
}

/* On the clock of the processes' start. */
static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void pause_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

/* -- sources: what counts -- */

static struct {
	struct probe *probe;
	struct snapshot *snapshot;
	struct probe_tables tables;
	struct classic_reader *classic;
} source;

static void plugin_open(void)
{
	struct probe_options options = {.backend = (char *)test.backend,
					.max_processes = 4096,
					.max_sockets = 16384,
					.scopes = {true, true, true},
					.max_endpoints = 4096,
					.by_scope = test.by_endpoint,
					.by_destination = test.by_endpoint,
					.by_port = test.by_endpoint,
					.lifetimes = test.by_endpoint,
					.health = test.by_endpoint,
					.listeners = test.by_endpoint,
					.failures = test.by_endpoint,
					.slow_connect_ns = test.by_endpoint};
	struct snapshot_options snapshot_options = {.proc_root = "/proc"};
	char why[512];

	if (probe_open(&source.probe, why, sizeof(why), &options))
		die(why);
	probe_tables(&source.tables, source.probe);
	if (snapshot_open(&source.snapshot, &source.tables, &snapshot_options))
		die("no memory");
}

static void plugin_close(void)
{
	snapshot_close(source.snapshot);
	probe_close(source.probe);
	source.snapshot = NULL;
	source.probe = NULL;
}

static struct seen *seen_get(uint32_t pid);

static void add_event(void *context, const struct tcp_event *event)
{
	(void)context;
	seen_get(event->pid)->events[event->outcome]++;
}

static void plugin_take(snapshot_visit *visit)
{
	probe_refresh(source.probe);
	probe_events(source.probe, add_event, NULL);
	snapshot_take(source.snapshot, visit, NULL);
}

static const char *plugin_describe(void)
{
	return probe_summary(source.probe);
}

static void recipe_open(void)
{
	int err = classic_open(&source.classic);

	if (err)
		die(strerror(-err));
}

static void recipe_close(void)
{
	classic_close(source.classic);
	source.classic = NULL;
}

static void recipe_take(snapshot_visit *visit)
{
	classic_take(source.classic, visit, NULL);
}

static const char *recipe_describe(void)
{
	return "the classic recipe";
}

static const struct source {
	const char *fields;   /* that it counts, NULL: all */
	bool strict;          /* it must be right, and leave nothing behind */
	unsigned patience_ms; /* for what closes after its process: FIN, TIME_WAIT */
	void (*open)(void);
	void (*close)(void);
	void (*take)(snapshot_visit *visit);
	const char *(*describe)(void);
} plugin =
	{
		.strict = true,
		.patience_ms = 8000,
		.open = plugin_open,
		.close = plugin_close,
		.take = plugin_take,
		.describe = plugin_describe,
},
  recipe = {
	  .fields = "tx rx connects failed",
	  .patience_ms = 100,
	  .open = recipe_open,
	  .close = recipe_close,
	  .take = recipe_take,
	  .describe = recipe_describe,
};

static struct seen *seen_find(uint32_t pid)
{
	for (size_t i = 0; i < test.seen_count; i++)
		if (test.seen[i].pid == pid)
			return &test.seen[i];
	return NULL;
}

static struct seen *seen_get(uint32_t pid)
{
	struct seen *seen = seen_find(pid);

	if (seen)
		return seen;
	if (test.seen_count == SEEN_MAX)
		die("too many processes");
	seen = &test.seen[test.seen_count++];
	*seen = (struct seen){.pid = pid};
	return seen;
}

/* What is open when the row goes is `other`'s: io_uring lets go of a socket after its process. */
static void give_up(struct seen *seen)
{
	__u64 open = seen->counters.established;

	seen->left_open |= open != 0;
	seen->counters.established = 0;
	if (open)
		seen_get(0)->counters.established += open;
}

static void add(void *context, const struct snapshot_process *p)
{
	struct seen *seen = seen_get(p->pid);
	const __u64 *from = (const __u64 *)&p->grown;
	__u64 *to;

	(void)context;
	to = (__u64 *)(p->endpoint.kind ? &seen->parts : &seen->counters);
	for (size_t i = 0; i < sizeof(p->grown) / sizeof(*from); i++)
		to[i] += from[i];
	if (p->endpoint.kind) {
		if (seen->ended)
			seen->parts.established = 0;
		return;
	}
	seen->start_ns = p->start_ns;
	memcpy(seen->comm, p->comm, sizeof(seen->comm));
	for (size_t i = 0; p->buckets[TCP_TIME_CONNECT] && i < TCP_LATENCY_BUCKETS; i++)
		seen->in_buckets += p->buckets[TCP_TIME_CONNECT][i];
	if (seen->connect_max_ns < p->time_max[TCP_TIME_CONNECT])
		seen->connect_max_ns = p->time_max[TCP_TIME_CONNECT];
	seen->ended |= p->last;
	if (p->last)
		give_up(seen);
}

/* Segments are sent, and connections end, also when no process does anything. */
static bool idle(const struct seen *seen)
{
	static const struct tcp_counters nothing;
	struct tcp_counters c = seen->counters;

	c.established = c.segments = c.retransmits = c.resets_sent = c.resets_received =
		c.listen_drops = 0;
	memset(c.times, 0, sizeof(c.times));
	memset(c.time_sum, 0, sizeof(c.time_sum));
	return memcmp(&c, &nothing, sizeof(nothing)) == 0;
}

/* -- what may differ from the truth -- */

/*
 * What a backend says of itself that it cannot see (probe_summary), and which numbers of which
 * scenarios may be too small for that, or a latency too long. `summed`: each number may be
 * anything, but all together are right.
 */
static const struct limit {
	const char *loss;
	const char *scenarios;
	const char *fields;
	bool summed;
} limits[] = {
	{"connects that fail before a SYN",
	 "no_route prohibit_route unreachable_route many_failing denied_cgroup denied_cgroup_ipv6 "
	 "denied_landlock crowd_no_route",
	 "unreachable denied failed", false},
	{"connects that fail before a SYN", "prohibit_rule unreachable_rule bound_no_port",
	 "unreachable denied no_port other", true},
	{"when the SYN of a deferred Fast Open leaves", "tfo_connect tfo_deferred", "latency",
	 false},
	{"who sent what on a socket that processes share",
	 "fork_shared senders_shared exec_shared scm_rights preforked older_shared", "tx", true},
};

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += length)
		if ((at == words || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	return false;
}

/* The limit that concerns a number, NULL if there is none. */
static const struct limit *limit_of(const char *field)
{
	const char *description = test.source->describe();

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (strstr(description, limits[i].loss) &&
		    has_word(limits[i].scenarios, test.scenario) &&
		    has_word(limits[i].fields, field))
			return &limits[i];
	return NULL;
}

/* -- comparing -- */

/* One line of the truth, and what was counted for its process. */
struct line {
	const char *text;
	const struct seen *seen;
	uint32_t pid;
	char role[32];
	char note[32];
};

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
	size_t used = strlen(test.failure);
	va_list args;

	va_start(args, format);
	vsnprintf(test.failure + used, sizeof(test.failure) - used, format, args);
	va_end(args);
}

__attribute__((format(printf, 1, 2))) static void tabulate(const char *format, ...)
{
	va_list args;

	if (!test.table)
		return;
	fprintf(test.table, "%s %s %s/%s ", test.version, test.backend, test.own_comm,
		test.scenario);
	va_start(args, format);
	vfprintf(test.table, format, args);
	va_end(args);
	putc('\n', test.table);
}

static bool number_of(uint64_t *out, const char *line, const char *name)
{
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), " %.28s=", name);
	at = strstr(line, key);
	if (!at)
		return false;
	*out = strtoull(at + strlen(key), NULL, 10);
	return true;
}

static struct probe_usage usage(void)
{
	struct probe_usage now = {0};

	if (test.source->strict)
		probe_usage(&now, source.probe);
	return now;
}

/* Runs whose work nothing else does, and which the kernel has skipped by its own word. */
static uint64_t lost_runs(void)
{
	return usage().lost - test.usage.lost;
}

/* Failed connects that nothing else tells of may be missing then: compare_once() adds them up. */
static bool may_miss(const char *field, uint64_t truth, uint64_t counted)
{
	if (counted >= truth || !has_word("failed unreachable denied", field) || !lost_runs())
		return false;
	if (strcmp(field, "failed") == 0)
		test.missing += truth - counted;
	return true;
}

static void compare_number(const struct line *line, const char *field, uint64_t truth,
			   uint64_t counted)
{
	const struct limit *limit = limit_of(field);

	if (limit && limit->summed) {
		test.excused_truth += truth;
		test.excused_counted += counted;
	}
	if (truth == counted || (limit && !limit->summed && counted > truth))
		limit = NULL;
	if (limit)
		test.limit = limit;
	else if (truth != counted && !may_miss(field, truth, counted))
		complain(" %s %s %llu counted %llu (%+lld)", line->role, field,
			 (unsigned long long)truth, (unsigned long long)counted,
			 (long long)(counted - truth));
	if (test.final)
		tabulate("%s %s %llu %llu %s", line->role, field, (unsigned long long)truth,
			 (unsigned long long)counted, limit ? limit->loss : line->note);
}

/* The numbers of a truth line, and where they are counted. */
static const struct field {
	const char *name;
	size_t at; /* in struct tcp_counters */
	bool optional;
} fields[] = {{"tx", offsetof(struct tcp_counters, tx_bytes), false},
	      {"rx", offsetof(struct tcp_counters, rx_bytes), false},
	      {"connects", offsetof(struct tcp_counters, connects), false},
	      {"accepts", offsetof(struct tcp_counters, accepts), false},
	      {"retransmits", offsetof(struct tcp_counters, retransmits), true},
	      {"resets_sent", offsetof(struct tcp_counters, resets_sent), true},
	      {"resets_received", offsetof(struct tcp_counters, resets_received), true},
#define REASON(id, reason) {reason, offsetof(struct tcp_counters, failed[id]), true},
	      TCP_REASONS(REASON)
#undef REASON
};

static uint64_t failed_sum(const struct tcp_counters *c)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TCP_REASON_COUNT; i++)
		sum += c->failed[i];
	return sum;
}

static bool counts(const char *field)
{
	static const char health[] = "retransmits resets_sent resets_received";

	if (!test.by_endpoint && has_word(health, field))
		return false; /* nobody asked for it */
	return !test.source->fields || has_word(test.source->fields, field);
}

static void compare_numbers(const struct line *line)
{
	const struct tcp_counters *counters = &line->seen->counters;
	uint64_t truth;

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		const char *name = fields[i].name;
		uint64_t counted = *(const __u64 *)((const char *)counters + fields[i].at);

		if (!number_of(&truth, line->text, name)) {
			if (!fields[i].optional)
				complain(" %s does not tell its %s", line->role, name);
		} else if (counts(name)) {
			compare_number(line, name, truth, counted);
		}
	}
	if (number_of(&truth, line->text, "failed"))
		compare_number(line, "failed", truth, failed_sum(counters));
	else
		complain(" %s does not tell its failed", line->role);
}

/* The mean of what was measured lies between the bounds of the program's own clock. */
static void compare_latency(const struct line *line)
{
	const struct tcp_counters *c = &line->seen->counters;
	const struct limit *limit = limit_of("latency");
	uint64_t least, most,
		us = c->times[TCP_TIME_CONNECT]
			     ? c->time_sum[TCP_TIME_CONNECT] / c->times[TCP_TIME_CONNECT] / 1000
			     : 0;

	if (!number_of(&least, line->text, "latency_us_min") ||
	    !number_of(&most, line->text, "latency_us_max"))
		return;
	if (!c->times[TCP_TIME_CONNECT] || us < least || us <= most)
		limit = NULL;
	if (limit)
		test.limit = limit;
	else if (!c->times[TCP_TIME_CONNECT] || us < least || us > most)
		complain(" %s latency %llu us, not within %llu..%llu", line->role,
			 (unsigned long long)us, (unsigned long long)least,
			 (unsigned long long)most);
	if (test.final)
		tabulate("%s latency %llu..%llu %llu %s", line->role, (unsigned long long)least,
			 (unsigned long long)most, (unsigned long long)us,
			 limit ? limit->loss : "");
}

static void compare_parts(const struct line *line)
{
	const struct tcp_counters *c = &line->seen->counters, *parts = &line->seen->parts;
	struct tcp_counters sums = *parts;

	for (unsigned i = 0; i < TCP_SCOPE_COUNT; i++) {
		sums.tx_bytes -= parts->scope_tx_bytes[i];
		sums.rx_bytes -= parts->scope_rx_bytes[i];
	}
	if (sums.tx_bytes || sums.rx_bytes)
		complain(" %s scopes differ from endpoints by tx %lld rx %lld", line->role,
			 (long long)sums.tx_bytes, (long long)sums.rx_bytes);
	for (unsigned i = 0; i < TCP_COUNTERS; i++)
		if (((const __u64 *)c)[i] != ((const __u64 *)parts)[i])
			complain(" %s counter %u is %llu, of its endpoints %llu", line->role, i,
				 (unsigned long long)((const __u64 *)c)[i],
				 (unsigned long long)((const __u64 *)parts)[i]);
}

static uint64_t lost_events(void)
{
	return source.tables.self->lost_events - test.self.lost_events;
}

/* Each failure is told, and each connect that was measured: all are slow enough. */
static void compare_events(const struct line *line)
{
	const struct tcp_counters *c = &line->seen->counters;
	const uint64_t *events = line->seen->events;

	if (lost_events())
		return; /* see compare_all_events() */
	if (events[TCP_REASON_COUNT] != c->times[TCP_TIME_CONNECT] ||
	    memcmp(events, c->failed, sizeof(c->failed)) != 0)
		complain(" %s events: %llu connects, %llu refused, %llu timeout", line->role,
			 (unsigned long long)events[TCP_REASON_COUNT],
			 (unsigned long long)events[TCP_REASON_REFUSED],
			 (unsigned long long)events[TCP_REASON_TIMEOUT]);
}

/* What found no room in the ring was counted; whose it was is not known. */
static void compare_all_events(void)
{
	uint64_t told = 0, due = 0;

	if (!test.by_endpoint || !lost_events())
		return;
	for (size_t i = 0; i < test.seen_count; i++) {
		const struct tcp_counters *c = &test.seen[i].counters;

		due += c->times[TCP_TIME_CONNECT] + failed_sum(c);
		for (unsigned n = 0; n <= TCP_REASON_COUNT; n++)
			told += test.seen[i].events[n];
	}
	if (told + lost_events() != due)
		complain(" events: %llu told, %llu lost, of %llu", (unsigned long long)told,
			 (unsigned long long)lost_events(), (unsigned long long)due);
}

/* What the truth has no number for, but must hold. */
static void compare_process(const struct line *line)
{
	const struct tcp_counters *other = &seen_get(0)->counters;
	const struct seen *seen = line->seen;
	const struct tcp_counters *c = &seen->counters;

	if (c->connects > c->times[TCP_TIME_CONNECT])
		test.unmeasured += c->connects - c->times[TCP_TIME_CONNECT];
	if (c->times[TCP_TIME_CONNECT] > c->connects ||
	    seen->in_buckets != c->times[TCP_TIME_CONNECT])
		complain(" %s connects %llu measured %llu in buckets %llu", line->role,
			 (unsigned long long)c->connects,
			 (unsigned long long)c->times[TCP_TIME_CONNECT],
			 (unsigned long long)seen->in_buckets);
	if (seen->connect_max_ns > c->time_sum[TCP_TIME_CONNECT] ||
	    seen->connect_max_ns * c->times[TCP_TIME_CONNECT] < c->time_sum[TCP_TIME_CONNECT])
		complain(" %s longest connect %llu ns of %llu in all", line->role,
			 (unsigned long long)seen->connect_max_ns,
			 (unsigned long long)c->time_sum[TCP_TIME_CONNECT]);
	if (line->pid == 0 || idle(seen))
		return;
	if (test.by_endpoint) {
		compare_parts(line);
		compare_events(line);
	}
	if (c->established || (seen->left_open && (long long)other->established > 0))
		complain(" %s has %lld established, other %lld", line->role,
			 (long long)c->established, (long long)other->established);
	if (strcmp(seen->comm, test.comm) != 0 && strcmp(seen->comm, test.own_comm) != 0)
		complain(" %s is named %s", line->role, seen->comm);
	if (!seen->ended)
		complain(" %s keeps its row", line->role);
}

static void compare_line(const char *text)
{
	static const struct seen nothing;
	struct line line = {.text = text};
	const char *note = strstr(text, " note=");

	if (sscanf(text, "truth %u %31s", &line.pid, line.role) != 2)
		die(text);
	if (line.pid == 0 && !test.source->strict)
		return; /* the recipe has no row for the kernel */
	if (note)
		sscanf(note, " note=%31s", line.note);
	line.seen = seen_find(line.pid);
	if (!line.seen)
		line.seen = &nothing;
	compare_numbers(&line);
	compare_latency(&line);
	if (test.source->strict)
		compare_process(&line);
}

/* Does a process that did something belong to the scenario, but not to the truth? */
static bool stray(const struct seen *seen)
{
	unsigned pid;

	for (size_t i = 0; i < test.truth_count; i++)
		if (sscanf(test.truths[i], "truth %u", &pid) == 1 && pid == seen->pid)
			return false;
	return !idle(seen) &&
	       (seen->pid == 0 || seen->pid == (uint32_t)getpid() ||
		(strcmp(seen->comm, test.comm) == 0 && seen->start_ns >= test.since_ns));
}

static void compare_strays(void)
{
	for (size_t i = 0; i < test.seen_count; i++) {
		const struct seen *seen = &test.seen[i];
		const struct tcp_counters *c = &seen->counters;

		if (stray(seen))
			complain(" stray pid %u tx %llu rx %llu connects %llu accepts %llu "
				 "failed %llu",
				 seen->pid, (unsigned long long)c->tx_bytes,
				 (unsigned long long)c->rx_bytes, (unsigned long long)c->connects,
				 (unsigned long long)c->accepts, (unsigned long long)failed_sum(c));
	}
}

/* How many have a state. */
static long long sockets(const struct tcp_self *self)
{
	return (long long)(self->sockets_added - self->sockets_removed);
}

/* The wire ends with its scenario: what is under way then keeps the sockets of both ends. */
static long long sockets_may_be_left(void)
{
	if (!test.alone)
		return OTHERS_SOCKETS;
	for (size_t i = 0; i < test.truth_count; i++)
		if (strstr(test.truths[i], " wire tx="))
			return WIRE_SOCKETS;
	return 0;
}

/* Each connect is measured, or lost by name: but only if the kernel has skipped programs. */
static void compare_unmeasured(void)
{
	uint64_t lost = source.tables.self->lost_latencies - test.self.lost_latencies;

	if (test.unmeasured != lost || (lost && usage().skips == test.usage.skips))
		complain(" connects not measured %llu, lost latencies %llu",
			 (unsigned long long)test.unmeasured, (unsigned long long)lost);
}

/* What the probe says of itself: nothing was lost, nothing is left. */
static void compare_self(void)
{
	static const struct {
		const char *name;
		size_t at; /* in struct tcp_self */
	} losses[] = {
		{"sockets", offsetof(struct tcp_self, lost_sockets)},
		{"bytes", offsetof(struct tcp_self, lost_bytes)},
		{"processes", offsetof(struct tcp_self, lost_processes)},
		{"deltas", offsetof(struct tcp_self, lost_deltas)},
		{"listeners", offsetof(struct tcp_self, lost_listeners)},
		{"endpoints", offsetof(struct tcp_self, lost_endpoints)},
	};
	const char *before = (const char *)&test.self, *now = (const char *)source.tables.self;
	long long left;

	for (size_t i = 0; i < sizeof(losses) / sizeof(*losses); i++) {
		uint64_t lost = *(const __u64 *)(now + losses[i].at) -
				*(const __u64 *)(before + losses[i].at);

		if (lost)
			complain(" lost %s %llu", losses[i].name, (unsigned long long)lost);
	}
	compare_unmeasured();
	compare_all_events();
	left = sockets(source.tables.self) - sockets(&test.self);
	if (left > sockets_may_be_left())
		complain(" sockets left %lld", left);
	if (test.failure[0])
		complain(" (skipped programs so far: %llu)", (unsigned long long)usage().skips);
}

static void compare_once(void)
{
	test.failure[0] = '\0';
	test.limit = NULL;
	test.excused_truth = test.excused_counted = test.unmeasured = test.missing = 0;
	test.source->take(add);
	for (size_t i = 0; i < test.truth_count; i++)
		compare_line(test.truths[i]);
	if (test.missing > lost_runs())
		complain(" missing %llu failed connects, lost runs %llu",
			 (unsigned long long)test.missing, (unsigned long long)lost_runs());
	if (test.excused_truth != test.excused_counted)
		complain(" all together %llu counted %llu", (unsigned long long)test.excused_truth,
			 (unsigned long long)test.excused_counted);
	compare_strays();
	if (test.source->strict)
		compare_self();
}

/* Numbers may be late, but what has been right stays so. */
static void compare(void)
{
	compare_once();
	for (unsigned ms = 0; test.failure[0] && ms < test.patience_ms; ms += LOOK_MS) {
		pause_ms(LOOK_MS);
		compare_once();
	}
	if (!test.failure[0])
		pause_ms(SETTLE_MS);
	test.final = true;
	compare_once();
	test.final = false;
}

/* -- scenarios -- */

struct child {
	pid_t pid;
	FILE *out;
	FILE *in;
};

static struct child run(const char *scenario)
{
	int out[2], in[2];
	struct child child;

	if (pipe(out) || pipe(in))
		die("pipe");
	fflush(NULL);
	child.pid = fork();
	if (child.pid < 0)
		die("fork");
	if (child.pid == 0) {
		dup2(out[1], 1);
		dup2(in[0], 0);
		close(out[0]);
		close(in[1]);
		execl(test.program, test.comm, scenario, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	close(in[0]);
	child.out = fdopen(out[0], "r");
	child.in = fdopen(in[1], "w");
	if (!child.out || !child.in)
		die("fdopen");
	return child;
}

/* Returns the program's exit status. */
static int child_end(struct child *child)
{
	int status = 0;

	fclose(child->in);
	fclose(child->out);
	if (waitpid(child->pid, &status, 0) != child->pid)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reads up to the line "ready" or to the end; keeps truth lines, and the last of the others. */
static void read_lines(struct child *child, char *reason)
{
	char line[LINE_SIZE];

	while (fgets(line, sizeof(line), child->out)) {
		if (!strchr(line, '\n'))
			die("a line of the program is too long");
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "ready") == 0)
			return;
		if (strncmp(line, "truth ", 6) != 0)
			snprintf(reason, LINE_SIZE, "%s", line);
		else if (test.truth_count < TRUTHS_MAX)
			snprintf(test.truths[test.truth_count++], LINE_SIZE, "%s", line);
		else
			die("too many lines of truth");
	}
}

/* Of what was before, only how many connections are open. */
static void keep_established(struct seen *seen)
{
	*seen = (struct seen){
		.pid = seen->pid,
		.counters.established = seen->counters.established,
		.parts.established = seen->parts.established,
	};
}

/* What comes late for a scenario that was right is not forgotten: it is a stray of the next one. */
static void forget(bool everything)
{
	test.seen_count = 0;
	if (everything)
		test.source->take(add);
	for (size_t i = 0; i < test.seen_count; i++)
		keep_established(&test.seen[i]);
	test.truth_count = 0;
	if (test.source->strict) {
		test.self = *source.tables.self;
		test.usage = usage();
	}
}

/* Returns the program's exit status. */
static int play(bool early, char *reason)
{
	struct child child;

	if (!test.right)
		test.since_ns = now_ns();
	if (early)
		test.source->close();
	else
		forget(!test.right);
	child = run(test.scenario);
	if (early) {
		test.truth_count = 0;
		read_lines(&child, reason);
		test.source->open();
		forget(true);
		fputs("\n", child.in);
		fflush(child.in);
	}
	read_lines(&child, reason);
	return child_end(&child);
}

static void verdict(const char *word, const char *separator, const char *text)
{
	printf("%s %s %s %s%s%s\n", word, test.kernel, test.backend, test.scenario, separator,
	       text);
	fflush(stdout);
}

static void not_compared(const char *word, const char *what, const char *reason)
{
	tabulate("- %s - - %s", what, reason);
	verdict(word, ": ", reason);
}

static void judge(void)
{
	compare();
	test.right = !test.failure[0];
	if (test.right)
		verdict("ok", test.limit ? ", but not: " : "", test.limit ? test.limit->loss : "");
	else
		verdict(test.source->strict ? "FAIL" : "wrong", ":", test.failure);
	test.failed += !test.right && test.source->strict;
}

static void scenario_run(const char *scenario, bool early)
{
	char line[LINE_SIZE] = "", reason[LINE_SIZE + 64];
	int status;

	test.scenario = scenario;
	status = play(early, line);
	test.right = false;
	if (status == EXIT_SKIP && strncmp(line, "skip: ", 6) == 0) {
		not_compared("skip", "skip", line + 6);
	} else if (status || !test.truth_count) {
		snprintf(reason, sizeof(reason), "exit status %d, %zu lines of truth: %s", status,
			 test.truth_count, line);
		not_compared("FAIL", "broken", reason);
		test.failed++;
	} else {
		judge();
	}
}

struct listed {
	char name[64];
	bool early;
};

/* Returns how many scenarios the program has. */
static size_t list(struct listed *out)
{
	struct child child = run("--list");
	char line[LINE_SIZE], name[64], flag[64];
	size_t count = 0;

	while (fgets(line, sizeof(line), child.out)) {
		int words = sscanf(line, "%63s %63s", name, flag);

		if (words < 1)
			continue;
		if (count == SCENARIOS_MAX)
			die("too many scenarios");
		snprintf(out[count].name, sizeof(out[count].name), "%s", name);
		out[count++].early = words == 2;
	}
	if (child_end(&child) || !count)
		die("the program does not list its scenarios");
	return count;
}

/* All of them if no names are given. */
static void run_all(char **names)
{
	static struct listed all[SCENARIOS_MAX];
	size_t count = list(all);
	bool known = true;

	for (size_t i = 0; i < count && !*names; i++)
		scenario_run(all[i].name, all[i].early);
	for (; *names && known; names++) {
		known = false;
		for (size_t i = 0; i < count && !known; i++) {
			known = strcmp(all[i].name, *names) == 0;
			if (known)
				scenario_run(all[i].name, all[i].early);
		}
		if (!known)
			die(*names);
	}
}

/* -- the beginning and the end -- */

static void unlink_program(void)
{
	unlink(test.program);
	rmdir(test.folder);
}

static void link_program(const char *path)
{
	char target[PATH_MAX];

	snprintf(test.folder, sizeof(test.folder), "/tmp/compare.XXXXXX");
	if (!realpath(path, target) || !mkdtemp(test.folder))
		die(path);
	snprintf(test.program, sizeof(test.program), "%s/truth-%d", test.folder, getpid());
	test.comm = strrchr(test.program, '/') + 1;
	test.own_comm = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	atexit(unlink_program);
	if (symlink(target, test.program))
		die(test.program);
}

static void kernel_name(void)
{
	static struct utsname name;
	unsigned major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	snprintf(test.version, sizeof(test.version), "%u.%u", major, minor);
	name.release[strcspn(name.release, "-")] = '\0';
	test.alone = getenv("KERNEL_NAME") != NULL; /* a guest of tests/kernels/run */
	test.kernel = test.alone ? getenv("KERNEL_NAME") : name.release;
}

static void options(int argc, char **argv)
{
	const char *table = NULL;
	int option, patience_ms = -1;

	test.backend = "auto";
	while ((option = getopt(argc, argv, "eb:t:w:")) != -1) {
		if (option == 'e')
			test.by_endpoint = true;
		else if (option == 'b')
			test.backend = optarg;
		else if (option == 't')
			table = optarg;
		else if (option == 'w')
			patience_ms = atoi(optarg);
		else
			exit(2);
	}
	if (optind == argc)
		exit(2);
	test.source = strcmp(test.backend, "classic") == 0 ? &recipe : &plugin;
	test.patience_ms = patience_ms < 0 ? test.source->patience_ms : (unsigned)patience_ms;
	test.table = table ? fopen(table, "ae") : NULL;
	if (table && !test.table)
		die(table);
}

int main(int argc, char **argv)
{
	options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	kernel_name();
	link_program(argv[optind]);
	test.source->open();
	printf("# %s: %s\n", test.kernel, test.source->describe());
	run_all(argv + optind + 1);
	test.source->close();
	if (test.table && fclose(test.table))
		die("the table cannot be written");
	return test.failed ? 1 : 0;
}
