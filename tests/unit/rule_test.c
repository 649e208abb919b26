/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "identity/ignore.h"
#include "identity/rule.h"
#include "identity/subject.h"
#include "memory.h"
#include "probe/snapshot.h"
#include "proc.h"

#define PID 4242
#define START 7919

/* -- new rules -- */

static const struct {
	enum rule_kind kind;
	const char *name, *text, *why; /* NULL: it is a rule; else a part of what it says */
} news[] = {
	{RULE_PROCESS, "web", "nginx", NULL},
	{RULE_PROCESS, "web\\x", "nginx", NULL},
	{RULE_PROCESS, "web\\1", "nginx", "\\1 in the name, but 0 groups"},
	{RULE_PATTERN, "web", "^nginx", NULL},
	{RULE_PATTERN, "web-\\1", "nginx: (.*)", NULL},
	{RULE_PATTERN, "web-\\2", "nginx: (.*)", "\\2 in the name, but 1 groups"},
	{RULE_PATTERN, "\\3\\2", "(a)(b)", "\\3 in the name, but 2 groups"},
	{RULE_PATTERN, "\\9", "(a)(b)(c)(d)(e)(f)(g)(h)(i)", NULL},
	{RULE_PATTERN, "web\\0\\", "a", NULL},
	{RULE_PATTERN, "web", "(", "nmatched ("},
	{RULE_PATTERN, "web", "[z-a]", "nvalid range end"},
	{RULE_PID_FILE, "web", "/run/nowhere", NULL},
	{RULE_PID, "web", "1", NULL},
	{RULE_PID, "web", "4194304", NULL},
	{RULE_PID, "web", "4194305", "1 to 4194304"},
	{RULE_PID, "web", "0", "1 to 4194304"},
	{RULE_PID, "web", "-1", "1 to 4194304"},
	{RULE_PID, "web", "", "1 to 4194304"},
	{RULE_PID, "web", "12a", "1 to 4194304"},
	{RULE_PID, "web", "nginx", "1 to 4194304"},
	{RULE_PID, "web", "99999999999999999999999", "1 to 4194304"},
};

static void test_new(void)
{
	for (size_t i = 0; i < COUNT_OF(news); i++) {
		struct rule *rule = NULL;
		char why[128] = "";
		int err =
			rule_new(&rule, news[i].kind, news[i].name, news[i].text, why, sizeof(why));

		check_begin("rule: new: kind %d, name %s, text %s", news[i].kind, news[i].name,
			    news[i].text);
		expect(err == (news[i].why ? -EINVAL : 0), "returned %d: %s", err, why);
		expect(!rule == !!news[i].why, "there is a rule, or none");
		if (news[i].why)
			expect(strstr(why, news[i].why) != NULL, "why: %s", why);
		rule_free(rule);
		expect(memory_live() == 0, "%ld blocks are left", memory_live());
		check_end();
	}
}

/* -- which processes fit -- */

#define PG "^postgres: ([^ ]+: )?[^ ]+ ([^ ]+) [^ ]+\\([0-9]+\\)"

static const struct {
	enum rule_kind kind;
	const char *name, *text;
	const char *comm, *cmdline; /* of the process */
	const char *want;           /* NULL: it does not fit */
} fits[] = {
	{RULE_PROCESS, "web", "nginx", "nginx", "x", "web"},
	{RULE_PROCESS, "web", "nginx", "nginx2", "nginx", NULL},
	{RULE_PROCESS, "web", "nginx", "ngin", "nginx", NULL},
	{RULE_PROCESS, "web", "nginx", "Nginx", "nginx", NULL},
	{RULE_PROCESS, "web", "abcdefghijklmno", "abcdefghijklmno", "x", "web"},
	{RULE_PROCESS, "web", "abcdefghijklmnop-long", "abcdefghijklmno", "x", "web"},
	{RULE_PROCESS, "web", "abcdefghijklmnop", "abcdefghijklmn", "x", NULL},
	{RULE_PROCESS, "a\\b", "nginx", "nginx", "x", "a\\b"},
	{RULE_PATTERN, "db", "postgres: .* main", "p", "postgres: 16|main|", "db"},
	{RULE_PATTERN, "db", "main$", "p", "a|main|||", "db"},
	{RULE_PATTERN, "db", "^main", "p", "a|main|", NULL},
	{RULE_PATTERN, "db", "a b", "p", "a|b", "db"},
	{RULE_PATTERN, "db", "POSTGRES", "p", "postgres", NULL},
	{RULE_PATTERN, "shard-\\1", "--shard=([0-9]+)", "p", "db|--shard=12|x|", "shard-12"},
	{RULE_PATTERN, "\\2.\\1\\2", "([a-z]+)=([0-9]+)", "p", "x|ab=12|", "12.ab12"},
	{RULE_PATTERN, "x\\1y\\2z", "(a)|(b)", "p", "b", "xybz"},
	{RULE_PATTERN, "\\1", "x(.*)", "p", "x", ""},
	{RULE_PATTERN, "\\9-\\1", "(a)(b)(c)(d)(e)(f)(g)(h)(i)", "p", "abcdefghi", "i-a"},
	{RULE_PATTERN, "a\\0\\x\\", "b", "p", "b", "a\\0\\x\\"},
	{RULE_PATTERN, "a\\\\1", "(b)", "p", "b", "a\\b"},
	{RULE_PATTERN, "\\1", "(.*)", "p", "0123456789012345678901234567890",
	 "0123456789012345678"},
	{RULE_PATTERN, "0123456789\\1abc", "(.*)", "p", "ABCDEFGHIJKLMN", "0123456789ABCDEFGHI"},
	{RULE_PATTERN, "k-\\1", "^kworker/(.*)", "kworker/0:1", "", "k-0:1"},
	/* of the man page; titles of PostgreSQL 15 */
	{RULE_PATTERN, "pg-\\2", PG, "postgres",
	 "postgres: 15/main: app shop 127.0.0.1(582) idle   ", "pg-shop"},
	{RULE_PATTERN, "pg-\\2", PG, "postgres", "postgres: app shop ::1(58282) SELECT", "pg-shop"},
	{RULE_PATTERN, "pg-\\2", PG, "postgres", "postgres: 15/main: app shop [local] SELECT",
	 NULL},
	{RULE_PATTERN, "pg-\\2", PG, "postgres", "postgres: 15/main: background writer", NULL},
	{RULE_PATTERN, "pg-\\2", PG, "postgres", "/usr/lib/postgresql/15/bin/postgres|-D|/a(1)|",
	 NULL},
	{RULE_PID, "one", "4242", "p", "x", "one"},
	{RULE_PID, "one", "424", "p", "x", NULL},
	{RULE_PID, "one", "42420", "p", "x", NULL},
};

/* Asks the rule about the process; returns 1, 0 or -errno. */
static int ask(char *out, size_t size, const struct rule *rule, const struct snapshot_process *p)
{
	struct subject_source source = {.proc_root = proc_folder()};
	struct subject s;

	subject_init(&s, p, &source, false);
	return rule_fits(out, size, rule, &s);
}

static void test_fits(void)
{
	for (size_t i = 0; i < COUNT_OF(fits); i++) {
		const struct proc proc = {.pid = PID,
					  .start_ticks = START,
					  .comm = fits[i].comm,
					  .cmdline = fits[i].cmdline};
		struct snapshot_process p = {.pid = PID, .start_ns = START * PROC_TICK_NS};
		struct rule *rule = NULL;
		char out[20] = "", why[128];
		int status;

		check_begin("rule: kind %d %s: %s of %s", fits[i].kind, fits[i].text, fits[i].comm,
			    fits[i].cmdline);
		snprintf(p.comm, sizeof(p.comm), "%s", fits[i].comm);
		proc_write(&proc);
		if (expect(!rule_new(&rule, fits[i].kind, fits[i].name, fits[i].text, why,
				     sizeof(why)),
			   "new")) {
			expect(!rule_refresh(rule), "it changes");
			status = ask(out, sizeof(out), rule, &p);
			expect(status == (fits[i].want != NULL), "fits: %d", status);
			if (status == 1 && fits[i].want)
				expect_text(out, fits[i].want, "name");
		}
		rule_free(rule);
		proc_remove(PID);
		check_end();
	}
}

/* -- several texts -- */

static const struct {
	enum rule_kind kind;
	const char *name, *texts[3];
	const char *comm, *cmdline; /* of the process */
	const char *want;           /* NULL: it does not fit */
} several[] = {
	{RULE_PROCESS, "db", {"mysqld", "mariadbd"}, "mysqld", "x", "db"},
	{RULE_PROCESS, "db", {"mysqld", "mariadbd"}, "mariadbd", "x", "db"},
	{RULE_PROCESS, "db", {"mysqld", "mariadbd"}, "db", "mysqld", NULL},
	{RULE_PROCESS, "db", {"a", "b", "c"}, "c", "x", "db"},
	{RULE_PATTERN, "s-\\1", {"^a ([0-9])", "^b ([a-z])"}, "p", "b|x|", "s-x"},
	{RULE_PATTERN, "s-\\1", {"^a ([0-9])", "(.)$"}, "p", "a|7|", "s-7"},
	{RULE_PATTERN, "s-\\1", {"^a ([0-9])", "^b ([a-z])"}, "p", "b|7|", NULL},
	{RULE_PID, "ones", {"7", "4242"}, "p", "x", "ones"},
	{RULE_PID, "ones", {"7", "11"}, "p", "x", NULL},
};

static void test_several(void)
{
	for (size_t i = 0; i < COUNT_OF(several); i++) {
		const struct proc proc = {.pid = PID,
					  .start_ticks = START,
					  .comm = several[i].comm,
					  .cmdline = several[i].cmdline};
		struct snapshot_process p = {.pid = PID, .start_ns = START * PROC_TICK_NS};
		struct rule *rule = NULL;
		char out[20] = "", why[128];

		check_begin("rule: several texts: kind %d %s or %s: %s of %s", several[i].kind,
			    several[i].texts[0], several[i].texts[1], several[i].comm,
			    several[i].cmdline);
		snprintf(p.comm, sizeof(p.comm), "%s", several[i].comm);
		proc_write(&proc);
		expect(!rule_new(&rule, several[i].kind, several[i].name, several[i].texts[0], why,
				 sizeof(why)),
		       "new");
		for (unsigned n = 1; n < 3 && several[i].texts[n]; n++)
			expect(!rule_add(rule, several[i].texts[n], why, sizeof(why)), "add");
		expect(ask(out, sizeof(out), rule, &p) == (several[i].want != NULL), "fits");
		if (several[i].want)
			expect_text(out, several[i].want, "name");
		rule_free(rule);
		proc_remove(PID);
		check_end();
	}
}

static void test_add_bad(void)
{
	struct rule *rule = NULL;
	char why[128];

	check_begin("rule: a text that is none is not added, and each has what the name wants");
	expect(!rule_new(&rule, RULE_PATTERN, "a-\\1", "(x)", why, sizeof(why)), "new");
	expect(rule_add(rule, "(", why, sizeof(why)) == -EINVAL, "no expression");
	expect(strstr(why, "nmatched (") != NULL, "why: %s", why);
	expect(rule_add(rule, "x", why, sizeof(why)) == -EINVAL, "no groups");
	expect(strstr(why, "\\1 in the name, but 0 groups") != NULL, "why: %s", why);
	expect(!rule_add(rule, "(y)", why, sizeof(why)), "the right one");
	rule_free(rule);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

/* Each of the files may change alone. */
static void test_pid_files(void)
{
	const struct snapshot_process p = {.pid = 7}, q = {.pid = 11};
	struct rule *rule = NULL;
	char out[20], why[128];

	check_begin("rule: two PID files: the processes of both");
	expect(!rule_new(&rule, RULE_PID_FILE, "d", proc_path("pid"), why, sizeof(why)), "new");
	expect(!rule_add(rule, proc_path("pid2"), why, sizeof(why)), "add");
	expect(!rule_refresh(rule), "neither is there");
	proc_file("pid2", "11");
	expect(rule_refresh(rule) && !ask(out, sizeof(out), rule, &p), "the second alone");
	expect(ask(out, sizeof(out), rule, &q) == 1, "the second");
	proc_file("pid", "7");
	expect(rule_refresh(rule) && ask(out, sizeof(out), rule, &p) == 1, "the first");
	expect(ask(out, sizeof(out), rule, &q) == 1, "the second stays");
	proc_file("pid2", NULL);
	expect(rule_refresh(rule) && !ask(out, sizeof(out), rule, &q), "the second is gone");
	expect(!rule_refresh(rule), "it changes");
	rule_free(rule);
	proc_file("pid", NULL);
	check_end();
}

static void test_gone(void)
{
	const struct proc other = {
		.pid = PID, .start_ticks = START + 1, .comm = "new", .cmdline = "new|old|"};
	struct snapshot_process p = {.pid = PID, .start_ns = START * PROC_TICK_NS, .comm = "old"};
	struct rule *rule = NULL;
	char out[20] = "", why[128];

	check_begin("rule: the command line of a process that is gone is its name");
	expect(!rule_new(&rule, RULE_PATTERN, "is-\\1", "^(.*)$", why, sizeof(why)), "new");
	expect(ask(out, sizeof(out), rule, &p) == 1, "it does not fit");
	expect_text(out, "is-old", "name");
	check_end();

	check_begin("rule: nor is it that of another process with its pid");
	proc_write(&other);
	expect(ask(out, sizeof(out), rule, &p) == 1, "it does not fit");
	expect_text(out, "is-old", "name");
	rule_free(rule);
	proc_remove(PID);
	check_end();
}

static void test_long_cmdline(void)
{
	struct proc proc = {.pid = PID, .start_ticks = START, .comm = "p"};
	struct snapshot_process p = {.pid = PID, .start_ns = START * PROC_TICK_NS, .comm = "p"};
	struct rule *rule = NULL;
	char out[20] = "", why[128], text[5000];

	memset(text, 'a', sizeof(text));
	text[4095] = 'b';
	text[4096] = 'c';
	text[sizeof(text) - 1] = '\0';
	proc.cmdline = text;
	check_begin("rule: 4096 bytes of a command line are looked at");
	proc_write(&proc);
	expect(!rule_new(&rule, RULE_PATTERN, "\\1", "^a+(b)$", why, sizeof(why)), "new");
	expect(ask(out, sizeof(out), rule, &p) == 1, "it does not fit");
	expect_text(out, "b", "name");
	rule_free(rule);
	proc_remove(PID);
	check_end();
}

/* -- PID files -- */

static const struct {
	const char *text;
	bool want; /* 4242 is in it */
} files[] = {
	{"4242", true},      {"4242\n", true},    {"4242\r\n", true},
	{" 4242 \n", true},  {"4242\n1\n", true}, {"4242\n/var/lib/postgresql\nx\n", true},
	{"04242", true},     {"", false},         {"\n", false},
	{"4242a", false},    {"a4242", false},    {"4242 7\n", false},
	{"-4242", false},    {"0", false},        {"99999999999999999999", false},
	{"4242.0\n", false}, {"424", false},      {"18446744073709555858", false},
};

static void test_files(void)
{
	const struct snapshot_process p = {.pid = PID, .start_ns = START * PROC_TICK_NS};

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct rule *rule = NULL;
		char out[20], why[128];

		check_begin("rule: PID file %zu is %s", i, files[i].want ? "it" : "not it");
		proc_file("pid", files[i].text);
		expect(!rule_new(&rule, RULE_PID_FILE, "d", proc_path("pid"), why, sizeof(why)),
		       "new");
		expect(ask(out, sizeof(out), rule, &p) == 0, "it fits before it is read");
		rule_refresh(rule);
		expect(ask(out, sizeof(out), rule, &p) == files[i].want, "\"%s\"", files[i].text);
		expect(!rule_refresh(rule), "it changes");
		rule_free(rule);
		proc_file("pid", NULL);
		check_end();
	}
}

/* One step of a life: what the file holds, does the rule change, and which of the pids fit. */
static const struct {
	const char *name, *text;
	bool changed;
	const char *fits;
} steps[] = {
	{"it is not there yet", NULL, false, ""},
	{"it appears, empty", "", false, ""},
	{"it is written", "10\n", true, "10 20 21 30 31 32"},
	{"it stays", "10\n", false, "10 20 21 30 31 32"},
	{"another one of the same length", "20\n", true, "20 30 31"},
	{"a leaf", "31\n", true, "31"},
	{"one that is gone", "50\n", true, "51"},
	{"rubbish", "what?", true, ""},
	{"again", "21", true, "21 32"},
	{"it vanishes", NULL, true, ""},
	{"it stays away", NULL, false, ""},
	{"init's are all but those whose parent is gone", "1", true, "1 10 20 21 30 31 32 40"},
};

static const struct {
	uint32_t pid, parent;
	bool gone; /* the row alone knows its parent */
} family[] = {
	{1, 0, false},  {10, 1, false}, {20, 10, false}, {21, 10, false}, {30, 20, false},
	{31, 30, true}, {32, 21, true}, {40, 1, false},  {51, 50, true},
};

static void family_write(void)
{
	for (size_t i = 0; i < COUNT_OF(family); i++) {
		const struct proc proc = {.pid = family[i].pid,
					  .parent = family[i].parent,
					  .start_ticks = START + i,
					  .comm = "member"};

		if (!family[i].gone)
			proc_write(&proc);
	}
}

static void family_remove(void)
{
	for (size_t i = 0; i < COUNT_OF(family); i++)
		proc_remove(family[i].pid);
}

static void family_ask(const struct rule *rule, const char *want)
{
	char got[128] = "", out[20];
	size_t used = 0;

	for (size_t i = 0; i < COUNT_OF(family); i++) {
		const struct snapshot_process p = {.pid = family[i].pid,
						   .parent = family[i].gone ? family[i].parent : 0,
						   .start_ns = (START + i) * PROC_TICK_NS};

		if (ask(out, sizeof(out), rule, &p) == 1)
			used += (size_t)snprintf(got + used, sizeof(got) - used, "%s%u",
						 used ? " " : "", family[i].pid);
	}
	expect_text(got, want, "pids that fit");
}

static void test_family(void)
{
	struct rule *rule = NULL;
	char why[128];

	family_write();
	expect(!rule_new(&rule, RULE_PID_FILE, "d", proc_path("pid"), why, sizeof(why)), "new");
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		check_begin("rule: life of a PID file: %s", steps[i].name);
		proc_file("pid", steps[i].text);
		expect(rule_refresh(rule) == steps[i].changed, "changed");
		family_ask(rule, steps[i].fits);
		check_end();
	}
	rule_free(rule);
	family_remove();
	proc_file("pid", NULL);
}

static void test_young_parent(void)
{
	const struct proc young = {
		.pid = 10, .parent = 1, .start_ticks = START + 5, .comm = "young"};
	const struct snapshot_process p = {
		.pid = 20, .parent = 10, .start_ns = (START + 4) * PROC_TICK_NS};
	const struct snapshot_process q = {
		.pid = 20, .parent = 10, .start_ns = (START + 5) * PROC_TICK_NS};
	struct rule *rule = NULL;
	char out[20], why[128];

	check_begin("rule: a parent that is younger than its child is another process");
	proc_file("pid", "10");
	proc_write(&young);
	expect(!rule_new(&rule, RULE_PID_FILE, "d", proc_path("pid"), why, sizeof(why)), "new");
	rule_refresh(rule);
	expect(ask(out, sizeof(out), rule, &p) == 0, "it fits");
	expect(ask(out, sizeof(out), rule, &q) == 1, "one of the same tick does not");
	rule_free(rule);
	proc_remove(10);
	proc_file("pid", NULL);
	check_end();
}

static void chain_write(uint32_t pids)
{
	for (uint32_t pid = 1; pid <= pids; pid++) {
		const struct proc p = {.pid = pid, .parent = pid - 1, .comm = "link"};

		proc_write(&p);
	}
}

static void test_chain(void)
{
	const struct proc one = {.pid = 1, .parent = 2, .comm = "ring"};
	const struct snapshot_process p = {.pid = 66}, q = {.pid = 65};
	struct rule *rule = NULL;
	char out[20], why[128];

	check_begin("rule: 64 steps up, and no more; rings end");
	chain_write(66);
	proc_file("pid", "1");
	expect(!rule_new(&rule, RULE_PID_FILE, "d", proc_path("pid"), why, sizeof(why)), "new");
	rule_refresh(rule);
	expect(ask(out, sizeof(out), rule, &q) == 1, "64 steps");
	expect(ask(out, sizeof(out), rule, &p) == 0, "65 steps");
	proc_write(&one);
	proc_file("pid", "70");
	rule_refresh(rule);
	expect(ask(out, sizeof(out), rule, &q) == 0, "in a ring");
	rule_free(rule);
	for (uint32_t pid = 1; pid <= 66; pid++)
		proc_remove(pid);
	proc_file("pid", NULL);
	check_end();
}

static void test_pipe(void)
{
	struct rule *rule = NULL;
	char why[128];

	check_begin("rule: a pipe or a folder in the place of a PID file is no file");
	expect(!mkfifo(proc_path("pid"), 0600), "mkfifo");
	expect(!rule_new(&rule, RULE_PID_FILE, "d", proc_path("pid"), why, sizeof(why)), "new");
	expect(!rule_refresh(rule), "pipe");
	proc_file("pid", NULL);
	expect(!mkdir(proc_path("pid"), 0700), "mkdir");
	expect(!rule_refresh(rule), "folder");
	rmdir(proc_path("pid"));
	rule_free(rule);
	check_end();
}

/* -- ignores -- */

static const struct {
	const char *text, *group;
	int want; /* -1: it is no ignore */
} ignores[] = {
	{"nginx", "nginx", 1},   {"nginx", "nginx2", 0}, {"nginx", "Nginx", 0},
	{"/nginx/", "nginx", 1}, {"/gin/", "nginx", 1},  {"/^gin/", "nginx", 0},
	{"/^a|b$/", "cb", 1},    {"/^(a|b)$/", "cb", 0}, {"/[0-9]{2}/", "a12", 1},
	{"/[0-9]{2}/", "a1", 0}, {"/", "/", 1},          {"//", "//", 1},
	{"//", "a", 0},          {"/a", "/a", 1},        {"a/", "a/", 1},
	{"/(/", "a", -1},        {"/\\//", "a/b", 1},    {"", "a", 0},
};

static void test_ignores(void)
{
	for (size_t i = 0; i < COUNT_OF(ignores); i++) {
		struct ignore *ignore = NULL;
		char why[128] = "";
		int err = ignore_new(&ignore, ignores[i].text, why, sizeof(why));

		check_begin("rule: ignore %s: %s", ignores[i].text, ignores[i].group);
		if (ignores[i].want < 0) {
			expect(err == -EINVAL && *why && !ignore, "returned %d: %s", err, why);
		} else if (expect(!err, "returned %d: %s", err, why)) {
			expect(ignore_fits(ignore, ignores[i].group) == ignores[i].want, "fits");
		}
		ignore_free(ignore);
		expect(memory_live() == 0, "%ld blocks are left", memory_live());
		check_end();
	}
}

static void test_memory(void)
{
	static const enum rule_kind kinds[] = {RULE_PROCESS, RULE_PATTERN, RULE_PID_FILE, RULE_PID};
	struct rule *rule;
	struct ignore *ignore;
	char why[128];

	check_begin("rule: every allocation fails in turn");
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		int err = -1;

		for (unsigned n = 1; err; n++) {
			memory_fail_at(n);
			err = rule_new(&rule, kinds[i], "one", "1", why, sizeof(why));
			expect(err == (n <= (kinds[i] == RULE_PATTERN ? 7 : 4) ? -ENOMEM : 0),
			       "allocation %u of kind %d: %d", n, kinds[i], err);
			memory_fail_at(0);
			expect(!err || memory_live() == 0, "%ld blocks", memory_live());
		}
		rule_free(rule);
	}
	for (unsigned n = 1; n <= 5; n++) {
		memory_fail_at(n);
		expect(ignore_new(&ignore, "/1/", why, sizeof(why)) == -ENOMEM, "ignore, %u", n);
		memory_fail_at(0);
	}
	rule_free(NULL);
	ignore_free(NULL);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

int main(void)
{
	proc_open();
	test_new();
	test_fits();
	test_several();
	test_add_bad();
	test_pid_files();
	test_gone();
	test_long_cmdline();
	test_files();
	test_family();
	test_young_parent();
	test_chain();
	test_pipe();
	test_ignores();
	test_memory();
	proc_close();
	return check_status();
}
