/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* A process is looked at once, again after an exec, and within a budget. */
#include "check.h"
#include "match_world.h"
#include "memory.h"

/* -- the cache -- */

static void test_cache(void)
{
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_EXECUTABLE});
	struct snapshot_process p = row_of(&server, 33);
	const char *group;

	check_begin("match: a process is looked at once; without memory and without /proc");
	proc_write(&server);
	expect_group(m, &p, "server", "first");
	group = match_process(m, &p)->group;
	proc_remove(PID);
	memory_fail_at(1);
	for (int tick = 0; tick < 3; tick++) {
		match_begin(m);
		expect_group(m, &p, "server", "again");
	}
	p.last = true;
	expect(match_process(m, &p)->group == group, "the last one");
	memory_fail_at(0);
	check_end();

	check_begin("match: it is looked at again after a rename");
	p.renames = 1;
	expect_group(m, &p, "server", "its name");
	snprintf(p.comm, sizeof(p.comm), "new");
	expect_group(m, &p, "server", "a name alone is no sign");
	p.renames = 2;
	expect_group(m, &p, "new", "its new name");
	match_close(m);
	check_end();

	check_begin("match: a row that passes to another process");
	m = matcher_new((struct match_options){.group_by = MATCH_BY_PROCESS});
	p = row_of(&server, 33);
	expect_group(m, &p, "server", "first");
	p.start_ns++;
	snprintf(p.comm, sizeof(p.comm), "client");
	expect_group(m, &p, "client", "second");
	match_close(m);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

static void test_exec(void)
{
	struct rule *rules[] = {rule_of(RULE_PATTERN, "id-\\1", "--id=([0-9]+)")};
	struct matcher *m = matcher_new((struct match_options){.rules = rules, .rule_count = 1});
	struct snapshot_process p = row_of(&server, 33);
	struct proc next = server;

	check_begin("match: another program has another command line");
	proc_write(&server);
	expect_group(m, &p, "id-7", "first");
	expect_text(match_details(m, &p)->exe, "/usr/bin/server", "exe");
	next.cmdline = "client|--id=8|";
	next.exe = "/usr/bin/client";
	proc_write(&next);
	expect_group(m, &p, "id-7", "before the rename is seen");
	p.renames++;
	expect_group(m, &p, "id-8", "after it");
	expect_text(match_details(m, &p)->exe, "/usr/bin/client", "new exe");
	proc_remove(PID);
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

static void test_used(void)
{
	struct rule *rules[] = {rule_of(RULE_PROCESS, "none", "nobody"),
				rule_of(RULE_PROCESS, "some", "server"),
				rule_of(RULE_PROCESS, "late", "server")};
	struct matcher *m = matcher_new((struct match_options){.rules = rules, .rule_count = 3});
	struct snapshot_process p = row_of(&server, 33);

	check_begin("match: rules that have decided about a process are known");
	for (unsigned i = 0; i < 3; i++)
		expect(!match_used(m, i), "rule %u before", i);
	expect_group(m, &p, "some", "group");
	expect(!match_used(m, 0), "a rule that fits nobody");
	expect(match_used(m, 1), "the first that fits");
	expect(!match_used(m, 2), "one that comes too late");
	match_close(m);
	for (unsigned i = 0; i < 3; i++)
		rule_free(rules[i]);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

/* What is asked, a service manager did: its child gets a uid and a cgroup before it executes. */
static void test_exec_attributes(int by, const char *before, const char *after)
{
	struct rule *rules[] = {rule_of(RULE_PID_FILE, "none", proc_path("pid"))};
	struct matcher *m = matcher_new((struct match_options){
		.group_by = by, .rules = rules, .rule_count = 1, .report_unmatched = true});
	struct snapshot_process p = row_of(&server, 0);
	struct proc next = server;

	check_begin("match: GroupBy %s after an exec", naming_names()[by]);
	p.cgroup = CGROUP;
	next.cgroup = "0::/init.scope\n";
	proc_write(&next);
	expect_group(m, &p, before, "before it");
	next = server;
	next.uid = 33;
	proc_write(&next);
	p.renames++;
	expect_group(m, &p, after, "after it");
	expect_u64(match_details(m, &p)->uid, 33, "uid");
	expect_text(match_details(m, &p)->cgroup, "/system.slice/server.service", "cgroup");
	proc_file("pid", "1000003\n"); /* a pid that nobody has */
	match_begin(m);
	expect_group(m, &p, after, "when rules have changed");
	proc_remove(PID);
	p.renames++;
	expect_group(m, &p, before, "when it is gone");
	proc_write(&next);
	p.start_ns += 1; /* within the same tick of the clock */
	p.renames = 0;
	expect_group(m, &p, before, "of the next process of the row");
	p.start_ns -= 1;
	p.renames = 1; /* between its first event and our first look */
	expect_group(m, &p, after, "of one that was renamed before the first look");
	proc_remove(PID);
	proc_file("pid", NULL);
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

/* -- the budget -- */

#define BUDGET 7000 /* ns */

/* Each look takes so long, and so each match. */
static uint64_t now_ns, look_ns, looks;

static uint64_t clock_ns(void)
{
	looks++;
	now_ns += look_ns;
	return now_ns;
}

/* Rules, so that more than names are compared. */
static struct matcher *matcher_with_budget(struct rule **rules)
{
	look_ns = 1000;
	looks = 0;
	return matcher_new((struct match_options){.rules = rules,
						  .rule_count = 1,
						  .report_unmatched = true,
						  .clock_ns = clock_ns,
						  .budget_ns = BUDGET});
}

/* The process of row `n`, which is gone: its name is its row's. */
static struct snapshot_process nth(unsigned n, uint32_t uid)
{
	struct snapshot_process p = row_of(&server, uid);

	p.row = p.process_row = n;
	p.pid += n;
	snprintf(p.comm, sizeof(p.comm), "p%u", n);
	return p;
}

/* What match_again() tells of is matched, as the plugin does it. */
struct again {
	struct matcher *m;
	uint32_t uid;
	char rows[64]; /* "3 4 ", in the order in which they came */
};

static void visit_again(void *context, unsigned row, uint64_t start_ns)
{
	struct again *again = context;
	struct snapshot_process p = nth(row, again->uid);
	size_t used = strlen(again->rows);

	expect_u64(start_ns, p.start_ns, "start of row %u", row);
	snprintf(again->rows + used, sizeof(again->rows) - used, "%u ", row);
	match_process(again->m, &p);
}

static void expect_again(struct matcher *m, uint32_t uid, const char *want)
{
	struct again again = {.m = m, .uid = uid};

	match_begin(m);
	match_again(m, visit_again, &again);
	expect_text(again.rows, want, "rows that come again");
}

/* Which of the rows up to `end` have their group, asked in order: "1101", 0: other. */
static void expect_known(struct matcher *m, unsigned end, uint32_t uid, const char *want)
{
	char got[ROWS + 1] = "", name[8];

	for (unsigned n = TCP_ROW_FIRST; n < end; n++) {
		struct snapshot_process p = nth(n, uid);
		const char *group = match_process(m, &p)->group;

		snprintf(name, sizeof(name), "p%u", n);
		got[n - TCP_ROW_FIRST] = strcmp(group, name) == 0 ? '1' : '0';
		expect(strcmp(group, name) == 0 || strcmp(group, GROUP_OTHER) == 0, "row %u: %s", n,
		       group);
	}
	expect_text(got, want, "which are known");
}

static void test_budget(void)
{
	struct rule *rules[] = {rule_of(RULE_PROCESS, "none", "nobody")};
	struct matcher *m = matcher_with_budget(rules);

	check_begin("match: when the budget is spent the others wait in other, each for its turn");
	_Static_assert(TCP_ROW_FIRST == 3, "the rows below");
	expect_known(m, 16, 0, "1111111000000"); /* 7 of 13 */
	expect_known(m, 16, 0, "1111111000000");
	expect_u64(looks, 14, "looks at the clock, two for each that was matched");
	expect_u64(match_waits(m), 6, "waits, one for each process and tick");
	look_ns = 3000;
	expect_again(m, 0, "10 11 12 13 14 15 "); /* the third takes more than there is */
	expect_known(m, 16, 0, "1111111111000");
	expect_u64(match_waits(m), 9, "waits");
	look_ns = BUDGET + 1;
	expect_again(m, 0, "13 14 15 ");
	expect_known(m, 16, 0, "1111111111100");
	expect_again(m, 0, "14 15 ");
	expect_again(m, 0, "15 ");
	expect_known(m, 16, 0, "1111111111111");
	expect_again(m, 0, "");
	expect_u64(match_waits(m), 12, "waits");
	expect_u64((uint64_t)match_slowest_rule(m), (uint64_t)-1, "no rule");
	match_close(m);
	rule_free(rules[0]);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

static void test_budget_turns(void)
{
	struct rule *rules[] = {rule_of(RULE_PROCESS, "none", "nobody")};
	struct matcher *m = matcher_with_budget(rules);
	struct snapshot_process p = nth(3, 0);

	check_begin("match: those that wait come before who comes again and again");
	look_ns = BUDGET;
	expect_known(m, 6, 0, "100");
	for (unsigned i = 0; i < 3; i++) {
		static const char *const order[] = {"4 5 ", "5 3 ", "3 4 "};

		expect_again(m, 0, order[i]);
		p = nth(3 + i, 0);
		p.renames = 1; /* one that was matched: it executes a program */
		expect_group(m, &p, GROUP_OTHER, "renamed");
		p.renames = 0; /* and is what it was: the row cannot tell */
		expect_group(m, &p, GROUP_OTHER, "renamed again");
	}
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

static void test_budget_users(void)
{
	struct rule *rules[] = {rule_of(RULE_PROCESS, "none", "nobody")};
	struct matcher *m = matcher_with_budget(rules);
	struct snapshot_process p = nth(12, 1001);

	check_begin("match: one user has half of the budget, root all of it");
	expect_known(m, 10, 1000, "1111000"); /* the fourth begins before 3500 ns */
	expect_group(m, &p, "p12", "another user's");
	p = nth(13, TCP_UID_UNKNOWN);
	expect_group(m, &p, "p13", "whose it is nobody knows");
	p = nth(14, 0);
	expect_group(m, &p, "p14", "root's");
	p = nth(15, 0);
	expect_group(m, &p, GROUP_OTHER, "all is spent");
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

static void test_budget_rules_change(void)
{
	struct rule *rules[] = {rule_of(RULE_PID_FILE, "file", proc_path("pid"))};
	struct matcher *m = matcher_with_budget(rules);
	struct snapshot_process p = row_of(&server, 0);

	check_begin("match: when the rules change, those that wait keep their groups");
	proc_write(&server);
	expect_group(m, &p, "server", "before");
	look_ns = BUDGET;
	proc_file("pid", "4242\n");
	match_begin(m);
	expect_known(m, 4, 0, "1"); /* takes all */
	expect_group(m, &p, "server", "while it waits");
	expect_u64((uint64_t)match_process(m, &p)->rule, (uint64_t)-1, "rule");
	expect_u64(match_waits(m), 1, "waits");
	match_begin(m);
	expect_group(m, &p, "file", "then");
	expect_u64((uint64_t)match_slowest_rule(m), (uint64_t)-1, "the first that took so long");
	look_ns = BUDGET + 1;
	p.renames++;
	match_begin(m);
	expect_group(m, &p, "file", "again");
	expect_u64((uint64_t)match_slowest_rule(m), 0, "the slowest");
	proc_file("pid", NULL);
	proc_remove(PID);
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

static void test_budget_endpoints(void)
{
	struct rule *rules[] = {rule_of(RULE_PROCESS, "none", "nobody")};
	struct matcher *m = matcher_with_budget(rules);
	struct snapshot_process p = nth(9, 0), end = p;
	struct again again = {.m = m};

	check_begin("match: an endpoint waits with its process, and comes after it");
	end.row = 5; /* the kernel's tables have endpoints last: it must not depend on it */
	end.endpoint.kind = TCP_ENDPOINT_PORT;
	look_ns = BUDGET;
	expect_known(m, 4, 0, "1");
	expect_group(m, &p, GROUP_OTHER, "process");
	expect(match_process(m, &end) == match_process(m, &p), "it has its own");
	expect_u64(match_waits(m), 1, "waits: it is not a process");
	expect_known(m, 4, 0, "1");
	match_begin(m);
	match_again(m, visit_again, &again);
	expect_text(again.rows, "9 5 ", "rows that come again");
	expect_group(m, &end, "p9", "endpoint");
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

static void test_budget_endpoint_first(void)
{
	struct rule *rules[] = {rule_of(RULE_PROCESS, "none", "nobody")};
	struct matcher *m = matcher_with_budget(rules);
	struct snapshot_process p = nth(9, 0), end = p;
	struct again again = {.m = m};

	check_begin("match: an endpoint that is told of first waits, and its process with it");
	end.row = 5;
	end.endpoint.kind = TCP_ENDPOINT_PORT;
	look_ns = BUDGET;
	expect_known(m, 4, 0, "1");
	expect_group(m, &end, GROUP_OTHER, "endpoint");
	expect_u64(match_waits(m), 1, "waits");
	expect_group(m, &p, GROUP_OTHER, "process");
	expect_u64(match_waits(m), 1, "waits");
	match_begin(m);
	match_again(m, visit_again, &again);
	expect_text(again.rows, "9 5 ", "rows that come again");
	expect_group(m, &p, "p9", "process");
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

static void test_budget_unused(void)
{
	struct match_options options = {.clock_ns = clock_ns, .budget_ns = 1};
	struct matcher *m = matcher_new(options);

	check_begin("match: names alone are compared without a look at the clock");
	look_ns = 1000;
	looks = 0;
	expect_known(m, 16, 1000, "1111111111111");
	expect_u64(looks, 0, "looks");
	match_close(m);
	options.group_by = MATCH_BY_EXECUTABLE;
	m = matcher_new(options);
	expect_known(m, 5, 0, "10");
	expect_u64(looks, 2, "looks");
	match_close(m);
	check_end();
}

/* After 100 ms patterns begin anew, in the middle of a tick. */
static void test_budget_renews(void)
{
	struct rule *rules[] = {rule_of(RULE_PATTERN, "p-\\1", "^p([0-9]+)$")};
	struct ignore *ignores[] = {NULL};
	char why[128];
	struct matcher *m = NULL;
	struct snapshot_process p;

	expect(!ignore_new(&ignores[0], "/-7$/", why, sizeof(why)), "new");
	m = matcher_new((struct match_options){.rules = rules,
					       .rule_count = 1,
					       .ignores = ignores,
					       .ignore_count = 1,
					       .ignore_selected = true,
					       .clock_ns = clock_ns,
					       .budget_ns = UINT64_MAX});
	check_begin("match: patterns that are renewed tell the same");
	look_ns = 60000000;
	for (unsigned n = TCP_ROW_FIRST; n < ROWS; n++) {
		char want[16];

		p = nth(n, 0);
		snprintf(want, sizeof(want), n == 7 ? GROUP_OTHER : "p-%u", n);
		expect_group(m, &p, want, "group");
	}
	match_close(m);
	rule_free(rules[0]);
	ignore_free(ignores[0]);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

int main(void)
{
	proc_open();
	test_cache();
	test_exec();
	test_used();
	test_budget();
	test_budget_turns();
	test_budget_users();
	test_budget_rules_change();
	test_budget_endpoints();
	test_budget_endpoint_first();
	test_budget_unused();
	test_budget_renews();
	test_exec_attributes(MATCH_BY_USER, "root", "www-data");
	test_exec_attributes(MATCH_BY_UNIT, "init.scope", "server.service");
	proc_close();
	return check_status();
}
