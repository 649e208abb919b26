/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <arpa/inet.h>
#include <errno.h>

#include "check.h"
#include "memory.h"
#include "series/event.h"

#define MS 1000000ULL

static void address_of(uint8_t out[16], const char *text)
{
	static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

	memset(out, 0, 16);
	if (*text && inet_pton(AF_INET, text, out + 12) == 1)
		memcpy(out, v4_mapped, sizeof(v4_mapped));
	else if (*text)
		expect(inet_pton(AF_INET6, text, out) == 1, "address %s", text);
}

static struct match match_of(const char *group)
{
	return (struct match){.group = group, .rule = -1, .exe = "", .cgroup = "", .uid = 1009};
}

/* A connect of mysqld[4711] from 10.0.0.9:51234 to 10.0.0.5:3306. */
static struct tcp_event raw_of(uint32_t outcome, uint64_t took_ns)
{
	struct tcp_event raw = {
		.pid = 4711,
		.row = 3,
		.outcome = outcome,
		.took_ns = took_ns,
		.local_port = 51234,
		.remote_port = 3306,
		.comm = "mysqld",
	};

	address_of(raw.local, "10.0.0.9");
	address_of(raw.remote, "10.0.0.5");
	return raw;
}

/* What a process of group `db` did, with these options, as the only event of a tick. */
static struct event event_of(const struct tcp_event *raw, const struct event_options *options)
{
	const struct match match = match_of("db");
	struct event event = {.reason = ""};
	struct events *events = NULL;
	unsigned count = 0;

	expect(!events_open(&events, 1), "events_open failed");
	events_begin(events);
	events_add(events, &match, options, raw);
	events_list(events, &count);
	if (expect(count == 1, "%u events", count))
		event = *events_list(events, &count);
	events_close(events);
	return event;
}

/* -- texts -- */

struct text_case {
	const char *name;
	uint32_t outcome;
	const char *local, *remote;
	uint16_t local_port, remote_port;
	uint64_t took_ns;
	double slow_s;
	const char *want;
};

static const struct text_case texts[] = {
	{"slow, IPv4", TCP_REASON_COUNT, "10.0.0.9", "10.0.0.5", 51234, 3306, 251300000, 0.25,
	 "mysqld[4711] connect to 10.0.0.5:3306 from 10.0.0.9:51234 took 251.3 ms (limit 250 ms)"},
	{"slow, IPv6", TCP_REASON_COUNT, "2001:db8::9", "2001:db8::5", 51234, 443, 1000000000, 1,
	 "mysqld[4711] connect to [2001:db8::5]:443 from [2001:db8::9]:51234 took 1000.0 ms (limit "
	 "1000 ms)"},
	{"slow, without local end", TCP_REASON_COUNT, "", "10.0.0.5", 0, 3306, 3000000000, 0.0003,
	 "mysqld[4711] connect to 10.0.0.5:3306 took 3000.0 ms (limit 0.3 ms)"},
	{"refused", TCP_REASON_REFUSED, "10.0.0.9", "10.0.0.5", 51234, 3306, 130 * 1000, 0,
	 "mysqld[4711] connect to 10.0.0.5:3306 from 10.0.0.9:51234 failed: connection refused "
	 "after 0.1 ms"},
	{"timeout", TCP_REASON_TIMEOUT, "10.0.0.9", "10.0.0.5", 51234, 3306, 127007 * MS, 0,
	 "mysqld[4711] connect to 10.0.0.5:3306 from 10.0.0.9:51234 failed: timed out after "
	 "127007.0 ms"},
	{"unreachable, at once", TCP_REASON_UNREACHABLE, "", "2001:db8::5", 0, 443, 0, 0,
	 "mysqld[4711] connect to [2001:db8::5]:443 failed: host or network unreachable"},
	{"reset", TCP_REASON_RESET, "::1", "::1", 51234, 443, 11 * MS, 0,
	 "mysqld[4711] connect to [::1]:443 from [::1]:51234 failed: connection reset after "
	 "11.0 ms"},
	{"denied", TCP_REASON_DENIED, "", "10.0.0.5", 0, 3306, 0, 0,
	 "mysqld[4711] connect to 10.0.0.5:3306 failed: not permitted"},
	{"no port", TCP_REASON_NO_PORT, "", "10.0.0.5", 0, 3306, 0, 0,
	 "mysqld[4711] connect to 10.0.0.5:3306 failed: no local port left"},
	{"aborted", TCP_REASON_ABORTED, "10.0.0.9", "10.0.0.5", 51234, 3306, 503 * MS, 0.25,
	 "mysqld[4711] connect to 10.0.0.5:3306 from 10.0.0.9:51234 failed: closed by the "
	 "application before an answer after 503.0 ms"},
	{"other", TCP_REASON_OTHER, "10.0.0.9", "10.0.0.5", 51234, 3306, 0, 0,
	 "mysqld[4711] connect to 10.0.0.5:3306 from 10.0.0.9:51234 failed: other error"},
	{"a limit of an hour", TCP_REASON_COUNT, "10.0.0.9", "10.0.0.5", 51234, 3306, 3600007 * MS,
	 3600,
	 "mysqld[4711] connect to 10.0.0.5:3306 from 10.0.0.9:51234 took 3600007.0 ms (limit "
	 "3600000 ms)"},
};

static void test_texts(void)
{
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		const struct text_case *c = &texts[i];
		struct tcp_event raw = raw_of(c->outcome, c->took_ns);
		struct event event;
		char text[256];

		check_begin("event: text: %s", c->name);
		address_of(raw.local, c->local);
		address_of(raw.remote, c->remote);
		raw.local_port = c->local_port;
		raw.remote_port = c->remote_port;
		event = event_of(&raw,
				 &(struct event_options){.slow_s = c->slow_s, .failed = true});
		event_text(text, sizeof(text), &event);
		expect_text(text, c->want, "text");
		check_end();
	}
}

static void test_longest(void)
{
	struct tcp_event raw = raw_of(TCP_REASON_ABORTED, 3599999 * MS);
	struct event event;
	char text[256]; /* what collectd has room for */

	check_begin("event: the longest text has its end");
	address_of(raw.local, "2001:db8:1111:2222:3333:4444:5555:6666");
	address_of(raw.remote, "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff");
	raw.remote_port = 65535;
	raw.pid = 4194304;
	memcpy(raw.comm, "fifteen-letters", TCP_COMM_LEN);
	event = event_of(&raw, &(struct event_options){.failed = true});
	event_text(text, sizeof(text), &event);
	expect_text(text,
		    "fifteen-letters[4194304] connect to "
		    "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535 from "
		    "[2001:db8:1111:2222:3333:4444:5555:6666]:51234 failed: closed by the "
		    "application before an answer after 3599999.0 ms",
		    "text");
	event_text(text, 11, &event);
	expect_text(text, "fifteen-le", "text in little room");
	check_end();
}

/* -- what is kept -- */

static void test_fields(void)
{
	const struct tcp_event slow = raw_of(TCP_REASON_COUNT, 251300000);
	const struct event_options options = {.slow_s = 0.25, .failed = true};
	uint8_t local[16], remote[16];
	struct event event;

	check_begin("event: all that is known of a slow connect");
	address_of(local, "10.0.0.9");
	address_of(remote, "10.0.0.5");
	event = event_of(&slow, &options);
	expect_text(event.group, "db", "group");
	expect_text(event.comm, "mysqld", "comm");
	expect_u64(event.pid, 4711, "pid");
	expect_u64(event.uid, 1009, "uid");
	expect_double(event.took_s, 0.2513, "time");
	expect_double(event.limit_s, 0.25, "limit");
	expect(!event.failed, "it failed");
	expect_text(event.reason, "", "reason");
	expect(memcmp(event.local, local, 16) == 0, "local address");
	expect(memcmp(event.remote, remote, 16) == 0, "remote address");
	expect_u64(event.local_port, 51234, "local port");
	expect_u64(event.remote_port, 3306, "remote port");
	check_end();
}

static void test_reasons(void)
{
	static const char *const names[] = {"refused", "timeout", "unreachable", "reset",
					    "denied",  "no_port", "aborted",     "other"};

	check_begin("event: each reason has the name of its series");
	expect_u64(COUNT_OF(names), TCP_REASON_COUNT, "reasons");
	for (unsigned i = 0; i < TCP_REASON_COUNT; i++) {
		const struct tcp_event raw = raw_of(i, 7);
		struct event event = event_of(&raw, &(struct event_options){.failed = true});

		expect(event.failed, "%s is no failure", names[i]);
		expect_text(event.reason, names[i], "reason");
	}
	check_end();
}

static void test_comm(void)
{
	static const struct {
		const char comm[TCP_COMM_LEN + 1];
		const char *want;
	} cases[] = {
		{"a b/c;d\n", "a_b_c_d_"},
		{"\303\244\"\x01", "\303\244__"},
		{"\377", "_"},
		{"", "_"},
		{"all", "all_"},
		{"kernel", "kernel_"},
		{"sixteen-letters.", "sixteen-letters."}, /* all that there is, without an end */
	};

	check_begin("event: names of processes are cleaned");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct tcp_event raw = raw_of(TCP_REASON_REFUSED, 0);
		struct event event;

		memcpy(raw.comm, cases[i].comm, TCP_COMM_LEN);
		event = event_of(&raw, &(struct event_options){.failed = true});
		expect_text(event.comm, cases[i].want, "comm");
	}
	check_end();
}

/* -- what is wanted -- */

static void test_wanted(void)
{
	static const struct {
		uint32_t outcome;
		uint64_t took_ns;
		struct event_options options;
		const char *group;
		bool want;
	} cases[] = {
		{TCP_REASON_COUNT, 250 * MS, {0.25, false}, "db", true},
		{TCP_REASON_COUNT, 250 * MS - 1, {0.25, false}, "db", false},
		{TCP_REASON_COUNT, 250 * MS + 1, {0.25, false}, "db", true},
		{TCP_REASON_COUNT, 250 * MS, {0, true}, "db", false}, /* 0: never */
		{TCP_REASON_COUNT, 1, {1e-9, false}, "db", true},
		{TCP_REASON_COUNT, 3600000 * MS - 1, {3600, false}, "db", false},
		{TCP_REASON_COUNT, 3600000 * MS, {3600, false}, "db", true},
		{TCP_REASON_REFUSED, 250 * MS, {0.25, false}, "db", false}, /* slow, but failed */
		{TCP_REASON_REFUSED, 250 * MS, {0.25, true}, "db", true},
		{TCP_REASON_OTHER, 0, {0, true}, "db", true},
		{TCP_REASON_OTHER, 0, {0, false}, "db", false},
		{TCP_REASON_COUNT, 250 * MS, {0.25, true}, GROUP_OTHER, false},
		{TCP_REASON_REFUSED, 250 * MS, {0.25, true}, GROUP_OTHER, false},
		{TCP_REASON_REFUSED, 250 * MS, {0.25, true}, "other_", true},
		{TCP_REASON_REFUSED, 250 * MS, {0.25, true}, GROUP_KERNEL, false},
	};
	struct events *events = NULL;

	check_begin("event: what is told, by time, outcome, options and group");
	expect(!events_open(&events, 1), "events_open failed");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct match match = match_of(cases[i].group);
		const struct tcp_event raw = raw_of(cases[i].outcome, cases[i].took_ns);
		unsigned count = 7;

		events_begin(events);
		events_add(events, &match, &cases[i].options, &raw);
		events_list(events, &count);
		expect_u64(count, cases[i].want, "case %zu", i);
		/* what is not wanted is not counted as left out, either */
		events_add(events, &match, &cases[i].options, &raw);
		expect_u64(events_more(events), cases[i].want, "case %zu: more", i);
	}
	events_close(events);
	check_end();
}

static void test_rules(void)
{
	static const struct {
		const char *group;
		struct event_options options;
	} rules[] = {{"db", {0.1, false}}, {"web", {0.5, true}}, {"batch", {0, false}}};
	const struct tcp_event slow = raw_of(TCP_REASON_COUNT, 300 * MS);
	const struct tcp_event slower = raw_of(TCP_REASON_COUNT, 700 * MS);
	const struct tcp_event failed = raw_of(TCP_REASON_RESET, 7 * MS);
	static const struct {
		const char *group;
		double took_s, limit_s;
		const char *reason;
	} wants[] = {
		{"db", 0.3, 0.1, ""},
		{"db", 0.7, 0.1, ""},
		{"web", 0.7, 0.5, ""},
		{"web", 0.007, 0.5, "reset"},
	};
	struct events *events = NULL;
	const struct event *list;
	unsigned count = 0;

	check_begin("event: each rule has thresholds of its own; the order is kept");
	expect(!events_open(&events, 7), "events_open failed");
	events_begin(events);
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		const struct match match = match_of(rules[i].group);

		events_add(events, &match, &rules[i].options, &slow);
		events_add(events, &match, &rules[i].options, &slower);
		events_add(events, &match, &rules[i].options, &failed);
	}
	list = events_list(events, &count);
	expect_u64(count, COUNT_OF(wants), "events");
	for (size_t i = 0; i < COUNT_OF(wants) && i < count; i++) {
		expect_text(list[i].group, wants[i].group, "group");
		expect_double(list[i].took_s, wants[i].took_s, "time");
		expect_double(list[i].limit_s, wants[i].limit_s, "limit");
		expect_text(list[i].reason, wants[i].reason, "reason");
	}
	events_close(events);
	check_end();
}

static void test_limit(void)
{
	static const unsigned limits[] = {1, 2, 10, 1000};
	const struct event_options options = {.failed = true};
	const struct match match = match_of("db");

	check_begin("event: the first NotifyLimit ones of a tick are kept, the others counted");
	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		struct events *events = NULL;

		expect(!events_open(&events, limits[i]), "events_open failed");
		for (unsigned tick = 0; tick < 3; tick++) {
			unsigned count = 7, sent = limits[i] + 13 * tick;
			const struct event *list;

			events_begin(events);
			expect_u64(events_more(events), 0, "more, when a tick begins");
			events_list(events, &count);
			expect_u64(count, 0, "events, when a tick begins");
			for (unsigned n = 0; n < sent; n++) {
				struct tcp_event raw = raw_of(TCP_REASON_REFUSED, 0);

				raw.pid = 1 + n;
				events_add(events, &match, &options, &raw);
			}
			list = events_list(events, &count);
			expect_u64(count, limits[i], "events");
			expect_u64(events_more(events), 13 * tick, "more");
			for (unsigned n = 0; n < count; n++)
				expect_u64(list[n].pid, 1 + n, "pid of event %u", n);
		}
		events_close(events);
	}
	check_end();
}

static void test_memory(void)
{
	struct events *untouched = (struct events *)&texts, *events = untouched;
	long before = memory_live();

	check_begin("event: events_open without memory returns -ENOMEM and leaves nothing behind");
	memory_fail_at(1);
	expect(events_open(&events, 7) == -ENOMEM, "it does not fail");
	memory_fail_at(0);
	expect(events == untouched, "the out-parameter was written");
	expect(!events_open(&events, 7), "events_open failed");
	events_close(events);
	events_close(NULL);
	expect(memory_live() == before, "blocks are left");
	check_end();
}

int main(void)
{
	test_texts();
	test_longest();
	test_fields();
	test_reasons();
	test_comm();
	test_wanted();
	test_rules();
	test_limit();
	test_memory();
	return check_status();
}
