/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <pwd.h>

#include "check.h"
#include "match_world.h"

/* -- users -- */

static const struct {
	uint32_t uid;
	const char *name;
	int error;
	size_t size; /* that it needs */
} users[] = {
	{0, "root", 0, 64},
	{33, "www-data", 0, 64},
	{161, "DOMAIN\\jane doe", 0, 64}, /* 161 % 128 is 33: they share a place */
	{1000, "self", 0, 64},
	{1001, "nobody hears it", EIO, 64},
	{1002, "large", 0, 65536},
	{1003, "too large", 0, 65537},
};

unsigned users_asked;
bool users_away;

/* Takes the place of the C library's. */
int getpwuid_r(uid_t uid, struct passwd *resultbuf, char *buffer, size_t buflen,
	       struct passwd **result)
{
	users_asked++;
	*result = NULL;
	for (size_t i = 0; i < COUNT_OF(users); i++)
		if (users[i].uid == uid) {
			if (users[i].error || users_away)
				return users_away ? EAGAIN : users[i].error;
			if (buflen < users[i].size)
				return ERANGE;
			snprintf(buffer, buflen, "%s", users[i].name);
			resultbuf->pw_name = buffer;
			*result = resultbuf;
			return 0;
		}
	return users_away ? EAGAIN : 0;
}

/* -- processes and matchers -- */

const struct proc server = {.pid = PID,
			    .parent = 1,
			    .start_ticks = START,
			    .comm = "server",
			    .exe = "/usr/bin/server",
			    .cmdline = "server|--id=7|",
			    .cgroup = "0::/system.slice/server.service\n"};

struct snapshot_process row_of(const struct proc *proc, uint32_t uid)
{
	struct snapshot_process p = {.row = ROW,
				     .process_row = ROW,
				     .pid = proc->pid,
				     .parent = proc->parent,
				     .uid = uid,
				     .start_ns = proc->start_ticks * PROC_TICK_NS + 1234567};

	snprintf(p.comm, sizeof(p.comm), "%s", proc->comm);
	return p;
}

struct matcher *matcher_new(struct match_options options)
{
	struct matcher *m = NULL;

	options.proc_root = proc_folder();
	options.cgroup_root = "/nonexistent";
	expect(!match_open(&m, ROWS, &options), "match_open");
	match_begin(m);
	return m;
}

void expect_group(struct matcher *m, const struct snapshot_process *p, const char *want,
		  const char *what)
{
	const struct match *match = match_process(m, p);

	expect_text(match->group, want, what);
	expect(match->exe && match->cgroup, "%s: a text is NULL", what);
}

struct rule *rule_of(enum rule_kind kind, const char *name, const char *text)
{
	struct rule *rule = NULL;
	char why[128] = "";

	expect(!rule_new(&rule, kind, name, text, why, sizeof(why)), "rule %s: %s", name, why);
	return rule;
}
