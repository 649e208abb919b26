/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Is what was counted what the scenario says? */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compare.h"

#define LOOK_MS 50
#define SETTLE_MS 20 /* what is right must stay so */
#define WIRE_SOCKETS 4
#define OTHERS_SOCKETS 1000 /* so many may come meanwhile, where we are not alone */

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
	{"senders by their packets", "in_parts lock_step_mptcp", "served sent service response",
	 false},
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

/* -- numbers -- */

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

void tabulate(const char *format, ...)
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

struct probe_usage usage_now(void)
{
	struct probe_usage now = {0};

	if (test.source->strict)
		probe_usage(&now, source.probe);
	return now;
}

/* Runs whose work nothing else does, and which the kernel has skipped by its own word. */
static uint64_t lost_runs(void)
{
	return usage_now().lost - test.usage.lost;
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
		test.excuse = limit->loss;
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
	unsigned units; /* so many counted are one of the truth; 0: 1 */
} fields[] = {
#define AT(counter) offsetof(struct tcp_counters, counter)
	{"tx", AT(tx_bytes), false, 0},
	{"rx", AT(rx_bytes), false, 0},
	{"connects", AT(connects), false, 0},
	{"accepts", AT(accepts), false, 0},
	{"retransmits", AT(retransmits), true, 0},
	{"resets_sent", AT(resets_sent), true, 0},
	{"resets_received", AT(resets_received), true, 0},
	{"served", AT(times[TCP_TIME_SERVICE]), true, 0},
	{"request_served", AT(time_sum[TCP_SIZE_REQUEST_SERVED]), true, TCP_SIZE_UNITS},
	{"response_served", AT(time_sum[TCP_SIZE_RESPONSE_SERVED]), true, TCP_SIZE_UNITS},
	{"sent", AT(times[TCP_TIME_RESPONSE]), true, 0},
	{"request_sent", AT(time_sum[TCP_SIZE_REQUEST_SENT]), true, TCP_SIZE_UNITS},
	{"response_received", AT(time_sum[TCP_SIZE_RESPONSE_RECEIVED]), true, TCP_SIZE_UNITS},
#define REASON(id, reason) {reason, AT(failed[id]), true, 0},
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
	static const char asked[] = "retransmits resets_sent resets_received served "
				    "request_served response_served sent request_sent "
				    "response_received";

	if (!test.by_endpoint && has_word(asked, field))
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

		if (fields[i].units)
			counted /= fields[i].units;
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

/* What a skipped program would have found, the next look finds: a turn begins or ends late then. */
static bool may_be_late(enum tcp_time time)
{
	uint64_t skips = usage_now().skips - test.usage.skips;

	if (time != TCP_TIME_SERVICE && time != TCP_TIME_RESPONSE)
		return false;
	if (skips)
		printf("# %llu programs skipped: times of turns have no bounds\n",
		       (unsigned long long)skips);
	return skips;
}

/* The sum of what was measured lies between the bounds of the program's own clock. */
static void compare_time(const struct line *line, const char *name, enum tcp_time time)
{
	const struct tcp_counters *c = &line->seen->counters;
	const struct limit *limit = limit_of(name);
	uint64_t least, most, us = c->time_sum[time] / 1000;
	char key[2][32];
	bool good;

	snprintf(key[0], sizeof(key[0]), "%s_us_min", name);
	snprintf(key[1], sizeof(key[1]), "%s_us_max", name);
	if (!number_of(&least, line->text, key[0]) || !number_of(&most, line->text, key[1]))
		return;
	good = c->times[time] && ((us >= least && us <= most) || may_be_late(time));
	if (good || (us < least && time == TCP_TIME_CONNECT)) /* no connect is ever shorter */
		limit = NULL;
	if (limit)
		test.excuse = limit->loss;
	else if (!good)
		complain(" %s %s %llu us, not within %llu..%llu", line->role, name,
			 (unsigned long long)us, (unsigned long long)least,
			 (unsigned long long)most);
	if (test.final)
		tabulate("%s %s %llu..%llu %llu %s", line->role, name, (unsigned long long)least,
			 (unsigned long long)most, (unsigned long long)us,
			 limit ? limit->loss : "");
}

static void compare_times(const struct line *line)
{
	compare_time(line, "latency", TCP_TIME_CONNECT);
	if (!test.by_endpoint)
		return;
	compare_time(line, "service", TCP_TIME_SERVICE);
	compare_time(line, "response", TCP_TIME_RESPONSE);
}

static void compare_sums(const struct line *line, const struct tcp_counters *all, const char *what,
			 const struct tcp_counters *parts, const char *of)
{
	const __u64 *a = (const __u64 *)all, *b = (const __u64 *)parts;

	for (unsigned i = 0; i < TCP_COUNTERS; i++)
		if (a[i] != b[i])
			complain(" %s %s %u is %llu, of its %s %llu", line->role, what, i,
				 (unsigned long long)a[i], of, (unsigned long long)b[i]);
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
	compare_sums(line, c, "counter", parts, "endpoints");
	compare_sums(line, &line->seen->ports, "of its ports counter", &line->seen->clients,
		     "clients");
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

/*
 * Nothing is established any more. What has been closed may outlive its process, in `other`, until
 * its peer answers.
 */
static void compare_open(const struct line *line)
{
	const struct tcp_counters *other = &seen_get(0)->counters, *c = &line->seen->counters;
	long long left = (long long)other->open[TCP_STATE_ESTABLISHED];

	if (c->open[TCP_STATE_ESTABLISHED] || (line->seen->left_open && left > 0))
		complain(" %s has %lld established, other %lld", line->role,
			 (long long)c->open[TCP_STATE_ESTABLISHED], left);
	if (line->seen->overdrawn)
		complain(" %s has left a state that it was not in", line->role);
}

/* What the truth has no number for, but must hold. */
static void compare_process(const struct line *line)
{
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
	if (line->pid == 0 || seen_idle(seen))
		return;
	if (test.by_endpoint) {
		compare_parts(line);
		compare_events(line);
	}
	compare_open(line);
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
	compare_times(&line);
	if (test.source->strict)
		compare_process(&line);
}

/* -- what nobody has told of -- */

/* Does a process that did something belong to the scenario, but not to the truth? */
static bool stray(const struct seen *seen)
{
	unsigned pid;

	for (size_t i = 0; i < test.truth_count; i++)
		if (sscanf(test.truths[i], "truth %u", &pid) == 1 && pid == seen->pid)
			return false;
	return !seen_idle(seen) &&
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

	if (test.unmeasured != lost || (lost && usage_now().skips == test.usage.skips))
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
		complain(" (skipped programs so far: %llu)", (unsigned long long)usage_now().skips);
}

/* -- all of it, again and again -- */

static void pause_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

static void compare_once(void)
{
	test.failure[0] = '\0';
	test.excuse = NULL;
	test.excused_truth = test.excused_counted = test.unmeasured = test.missing = 0;
	test.source->take(seen_add);
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

void compare(void)
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
