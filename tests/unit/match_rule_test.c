/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Rules and ignores: the first that fits names the group, or none does. */
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "match_world.h"
#include "memory.h"

static const struct {
	enum rule_kind kind;
	const char *name, *text;
} rule_texts[] = {
	{RULE_PROCESS, "web", "nginx"},  {RULE_PATTERN, "shard-\\1", "--shard=([^ ]*)"},
	{RULE_PID, "one", "4242"},       {RULE_PATTERN, "all", "^everything"},
	{RULE_PROCESS, "late", "nginx"},
};

static const struct {
	const char *name, *comm, *cmdline;
	uint32_t pid;
	int rule;
	const char *want; /* NULL: none fits */
} ruled[] = {
	{"the first that fits", "nginx", "nginx|--shard=3|", 4242, 0, "web"},
	{"the second", "db", "db|--shard=3|", 4242, 1, "shard-3"},
	{"with something to clean", "db", "db|--shard=a/b|", 4242, 1, "shard-a_b"},
	{"with an empty group", "db", "db|--shard=|", 4242, 1, "shard-"},
	{"the third", "db", "db|", 4242, 2, "one"},
	{"the fourth; a reserved name", "db", "everything|", 4243, 3, "all_"},
	{"none", "db", "db|", 4243, -1, NULL},
	{"none, of a kernel thread", "kworker/0:1", "", 4243, -1, NULL},
};

static void test_rules(void)
{
	struct rule *rules[COUNT_OF(rule_texts)];
	struct match_options options = {.rules = rules, .rule_count = COUNT_OF(rules)};

	for (size_t i = 0; i < COUNT_OF(rules); i++)
		rules[i] = rule_of(rule_texts[i].kind, rule_texts[i].name, rule_texts[i].text);
	for (size_t i = 0; i < 2 * COUNT_OF(ruled); i++) {
		size_t n = i / 2;
		struct proc proc = {.pid = ruled[n].pid,
				    .start_ticks = START,
				    .comm = ruled[n].comm,
				    .cmdline = ruled[n].cmdline};
		struct snapshot_process p = row_of(&proc, 33);
		char cleaned[GROUP_NAME_SIZE];
		struct matcher *m;

		options.report_unmatched = i % 2;
		check_begin("match: rules: %s%s", ruled[n].name,
			    options.report_unmatched ? ", and the rest is reported" : "");
		naming_clean(cleaned, sizeof(cleaned), ruled[n].comm);
		m = matcher_new(options);
		proc_write(&proc);
		expect_group(m, &p,
			     ruled[n].want              ? ruled[n].want
			     : options.report_unmatched ? cleaned
							: "other",
			     "group");
		expect(match_process(m, &p)->rule == ruled[n].rule, "rule %d",
		       match_process(m, &p)->rule);
		proc_remove(proc.pid);
		match_close(m);
		check_end();
	}
	for (size_t i = 0; i < COUNT_OF(rules); i++)
		rule_free(rules[i]);
}

/* One tick each: what the PID file holds, and the groups of a parent, its child, a grandchild that
 * is gone already, and a stranger. */
static const struct {
	const char *name, *text, *want[4];
} ticks[] = {
	{"no file yet", NULL, {"other", "other", "other", "other"}},
	{"it appears", "4242\n", {"daemon", "daemon", "daemon", "other"}},
	{"nothing changes", "4242\n", {"daemon", "daemon", "daemon", "other"}},
	{"the child's", "4243\n", {"other", "daemon", "daemon", "other"}},
	{"the stranger's", "4245\n", {"other", "other", "other", "daemon"}},
	{"it vanishes", NULL, {"other", "other", "other", "other"}},
};

static void test_pid_file(void)
{
	struct proc family[] = {{.pid = 4242, .parent = 1, .comm = "parent"},
				{.pid = 4243, .parent = 4242, .comm = "child"},
				{.pid = 4244, .parent = 4243, .comm = "grandchild"},
				{.pid = 4245, .parent = 1, .comm = "stranger"}};
	struct rule *rules[] = {rule_of(RULE_PID_FILE, "daemon", proc_path("pid"))};
	struct matcher *m = matcher_new((struct match_options){.rules = rules, .rule_count = 1});

	for (size_t i = 0; i < COUNT_OF(family); i++)
		if (i != 2)
			proc_write(&family[i]);
	for (size_t tick = 0; tick < COUNT_OF(ticks); tick++) {
		check_begin("match: PID file: %s", ticks[tick].name);
		proc_file("pid", ticks[tick].text);
		match_begin(m);
		for (size_t i = 0; i < COUNT_OF(family); i++) {
			struct snapshot_process p = row_of(&family[i], 33);

			p.row = p.process_row = ROW + (unsigned)i;
			p.start_ns += i == 2 ? tick : 0; /* another one each time */
			expect_group(m, &p, ticks[tick].want[i], family[i].comm);
		}
		check_end();
	}
	for (size_t i = 0; i < COUNT_OF(family); i++)
		proc_remove(family[i].pid);
	match_close(m);
	rule_free(rules[0]);
}

/* What is asked of the child when the file has changed, and it was known already. */
static void test_pid_file_gone(void)
{
	struct proc child = {.pid = 4243,
			     .parent = 4242,
			     .start_ticks = START,
			     .comm = "child",
			     .cmdline = "child|--id=7|"},
		    other = child;
	struct rule *rules[] = {rule_of(RULE_PID_FILE, "daemon", proc_path("pid")),
				rule_of(RULE_PATTERN, "id-\\1", "--id=([0-9]+)")};
	struct matcher *m = matcher_new((struct match_options){.rules = rules, .rule_count = 2});
	struct snapshot_process p = row_of(&child, 33), end = p;

	check_begin("match: PID file changes: who is gone by then keeps its group");
	proc_write(&child);
	expect_group(m, &p, "id-7", "alive");
	proc_remove(child.pid);
	proc_file("pid", "1000003\n");
	match_begin(m);
	expect_group(m, &p, "id-7", "gone");
	expect(match_process(m, &p)->rule == 1, "rule %d", match_process(m, &p)->rule);
	end.row++;
	end.endpoint.kind = TCP_ENDPOINT_PORT;
	expect(match_process(m, &end) == match_process(m, &p), "its endpoint");
	other.start_ticks++;
	proc_write(&other);
	proc_file("pid", "1000033\n");
	match_begin(m);
	expect_group(m, &p, "id-7", "its pid is another one's");
	proc_write(&child);
	p.last = true;
	proc_file("pid", "1000037\n");
	match_begin(m);
	expect_group(m, &p, "id-7", "alive, and then the last of it");
	check_end();

	check_begin("match: PID file changes: who lives is looked at again");
	p.last = false;
	proc_file("pid", "4242\n");
	match_begin(m);
	expect_group(m, &p, "daemon", "alive");
	proc_file("4243/stat", "");
	proc_file("pid", "1000039\n");
	match_begin(m);
	expect_group(m, &p, "other", "in doubt");
	proc_remove(child.pid);
	proc_file("pid", NULL);
	match_close(m);
	rule_free(rules[0]);
	rule_free(rules[1]);
	check_end();
}

static void test_pid_file_exec(void)
{
	const struct proc child = {
		.pid = 4243, .parent = 4242, .start_ticks = START, .comm = "child"};
	struct rule *rules[] = {rule_of(RULE_PID_FILE, "daemon", proc_path("pid"))};
	struct matcher *m = matcher_new((struct match_options){.rules = rules, .rule_count = 1});
	struct snapshot_process p = row_of(&child, 33);

	check_begin("match: PID file changes: who is gone after an exec is looked at again");
	proc_write(&child);
	proc_file("pid", "4242\n");
	match_begin(m);
	expect_group(m, &p, "daemon", "alive");
	proc_remove(child.pid);
	proc_file("pid", "1000003\n");
	match_begin(m);
	p.renames++;
	expect_group(m, &p, "other", "gone");
	proc_file("pid", NULL);
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

/* -- ignores -- */

static const struct {
	const char *name, *texts[2], *comm;
	bool selected;
	const char *want;
} ignores[] = {
	{"none, not selected", {NULL}, "nginx", false, "nginx"},
	{"none, selected", {NULL}, "nginx", true, "nginx"},
	{"a name", {"nginx"}, "nginx", true, "other"},
	{"another name", {"nginx"}, "apache", true, "apache"},
	{"the second", {"apache", "nginx"}, "nginx", true, "other"},
	{"a regex", {"/^ng/"}, "nginx", true, "other"},
	{"only this name", {"nginx"}, "nginx", false, "nginx"},
	{"only that name", {"nginx"}, "apache", false, "other"},
	{"only these", {"apache", "/^ng/"}, "nginx", false, "nginx"},
	{"the cleaned name", {"tmux:_server"}, "tmux: server", true, "other"},
	{"not the name before", {"tmux: server"}, "tmux: server", true, "tmux:_server"},
	{"a reserved name", {"all_"}, "all", true, "other"},
};

static void test_ignores(void)
{
	for (size_t i = 0; i < COUNT_OF(ignores); i++) {
		struct ignore *list[2] = {NULL};
		struct match_options options = {.ignores = list,
						.ignore_selected = ignores[i].selected};
		const struct proc proc = {.pid = PID, .comm = ignores[i].comm};
		const struct snapshot_process p = row_of(&proc, 33);
		struct matcher *m;
		char why[128];

		check_begin("match: ignore%s: %s, %s", ignores[i].selected ? "" : " all but",
			    ignores[i].name, ignores[i].comm);
		for (size_t n = 0; n < 2 && ignores[i].texts[n]; n++, options.ignore_count++)
			expect(!ignore_new(&list[n], ignores[i].texts[n], why, sizeof(why)), "new");
		m = matcher_new(options);
		expect_group(m, &p, ignores[i].want, "group");
		match_close(m);
		ignore_free(list[0]);
		ignore_free(list[1]);
		check_end();
	}
}

static void test_ignored_rule(void)
{
	struct rule *rules[] = {rule_of(RULE_PROCESS, "web", "nginx")};
	struct ignore *list[1] = {NULL};
	struct match_options options = {.rules = rules,
					.rule_count = 1,
					.ignores = list,
					.ignore_count = 1,
					.ignore_selected = true};
	const struct proc proc = {.pid = PID, .comm = "nginx"};
	const struct snapshot_process p = row_of(&proc, 33);
	struct matcher *m;
	char why[128];

	check_begin("match: a rule's group can be ignored, too");
	expect(!ignore_new(&list[0], "web", why, sizeof(why)), "new");
	m = matcher_new(options);
	expect_group(m, &p, "other", "group");
	match_close(m);
	ignore_free(list[0]);
	rule_free(rules[0]);
	check_end();
}

int main(void)
{
	proc_open();
	test_rules();
	test_pid_file();
	test_pid_file_gone();
	test_pid_file_exec();
	test_ignores();
	test_ignored_rule();
	proc_close();
	return check_status();
}
