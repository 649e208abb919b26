/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/clean.h"
#include "base/name.h"
#include "identity/match.h"
#include "identity/subject.h"
#include "probe/snapshot.h"

#define RAW_SIZE CGROUP_PATH_SIZE
#define USERS 128
#define RENEW_NS 100000000 /* patterns take up to 130 kB in a ms, see pattern_renew() */
#define USER_SIZE 65536    /* of all that is known of a user; most take a few hundred bytes */

/* A user's name, or the number if there is none. */
struct user {
	bool known;
	uint32_t uid;
	char name[GROUP_NAME_SIZE];
};

/* What is known of a row's process. */
struct entry {
	struct match match;
	uint64_t start_ns;
	uint32_t renames;
	uint32_t generation; /* of the matcher when this was found out; 0: not at all */
	bool detailed;
	bool renamed; /* since its row was taken */
	bool waits;   /* for the next tick, to be matched */
	bool part;    /* it is an endpoint's */
};

struct matcher {
	struct match_options options;
	struct subject_source source;
	struct names *names;      /* all texts in entries */
	struct subject subject;   /* the process in hand */
	struct user users[USERS]; /* each has one place, by its uid */
	bool *used;               /* by rule: it has decided about a process */
	struct budget budget;
	uint64_t old_ns;     /* processor time since patterns were renewed */
	uint64_t slowest_ns; /* what the process took that took longest */
	int slowest_rule;    /* and which rule has decided about it, or -1 */
	uint64_t waits;      /* how often a process had to wait */
	bool waiting;        /* some entry waits */
	unsigned first;      /* the row whose turn it is */
	unsigned row_count;
	uint32_t generation;    /* another number: what the rules said is no longer true */
	struct entry entries[]; /* by row */
};

static const struct match nobody = {GROUP_OTHER, -1, "", "", TCP_UID_UNKNOWN};
static const struct match the_kernel = {GROUP_KERNEL, -1, "", "", TCP_UID_UNKNOWN};

/* -- clean names -- */

void match_clean(char *out, size_t size, const char *name)
{
	static const char *const reserved[] = {GROUP_ALL, GROUP_OTHER, GROUP_KERNEL, GROUP_SELF};
	size_t used;

	clean_name(out, size, name);
	used = strlen(out);
	for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
		if (strcmp(out, reserved[i]) == 0)
			memcpy(out + used, "_", sizeof("_")); /* in CLEAN_MARGIN */
}

/* -- names by attribute -- */

static void name_process(char *out, size_t size, struct matcher *m)
{
	snprintf(out, size, "%s", m->subject.process->comm);
}

static void name_executable(char *out, size_t size, struct matcher *m)
{
	const char *exe = subject_exe(&m->subject), *slash = strrchr(exe, '/');

	snprintf(out, size, "%s", slash && slash[1] ? slash + 1 : m->subject.process->comm);
}

static void name_by_path(char *out, size_t size, struct matcher *m,
			 void (*name)(char *out, size_t size, const char *path))
{
	const char *path = subject_cgroup(&m->subject);

	if (*path)
		name(out, size, path);
	else
		snprintf(out, size, CGROUP_NONE);
}

static void name_unit(char *out, size_t size, struct matcher *m)
{
	name_by_path(out, size, m, cgroup_unit);
}

static void name_container(char *out, size_t size, struct matcher *m)
{
	name_by_path(out, size, m, cgroup_container);
}

/* The path without its slash, of a long one the end. */
static void cgroup_tail(char *out, size_t size, const char *path)
{
	const size_t most = GROUP_NAME_SIZE - CLEAN_MARGIN;
	size_t length;

	path += *path == '/';
	length = strlen(path);
	if (length > most)
		for (path += length - most; (*path & 0xc0) == 0x80; path++)
			; /* a UTF-8 sequence is not cut */
	snprintf(out, size, "%s", *path ? path : CGROUP_NONE);
}

static void name_cgroup(char *out, size_t size, struct matcher *m)
{
	name_by_path(out, size, m, cgroup_tail);
}

/*
 * Whether a user has a name is asked once: the answer may come from a server far away. If there was
 * none, the next process of the user asks again.
 */
static void look_up(struct user *user, uint32_t uid)
{
	struct passwd entry, *found = NULL;
	char *text = calloc(1, USER_SIZE);
	int err = text ? getpwuid_r(uid, &entry, text, USER_SIZE, &found) : ENOMEM;

	user->known = !err || err == ERANGE; /* one that is too large stays so */
	user->uid = uid;
	if (!err && found)
		snprintf(user->name, sizeof(user->name), "%s", found->pw_name);
	else
		snprintf(user->name, sizeof(user->name), "%u", uid);
	free(text);
}

static void name_user(char *out, size_t size, struct matcher *m)
{
	uint32_t uid = subject_uid(&m->subject);
	struct user *user = &m->users[uid % USERS];

	if (uid == TCP_UID_UNKNOWN) {
		snprintf(out, size, "unknown");
		return;
	}
	if (!user->known || user->uid != uid)
		look_up(user, uid);
	snprintf(out, size, "%s", user->name);
}

/* To add a way to group: one row here and in the names. */
static void (*const namings[])(char *out, size_t size, struct matcher *m) = {
	[MATCH_BY_PROCESS] = name_process, [MATCH_BY_EXECUTABLE] = name_executable,
	[MATCH_BY_UNIT] = name_unit,       [MATCH_BY_CONTAINER] = name_container,
	[MATCH_BY_CGROUP] = name_cgroup,   [MATCH_BY_USER] = name_user,
};

const char *const *match_by_names(void)
{
	static const char *const names[] = {
		[MATCH_BY_PROCESS] = "Process",
		[MATCH_BY_EXECUTABLE] = "Executable",
		[MATCH_BY_UNIT] = "Unit",
		[MATCH_BY_CONTAINER] = "Container",
		[MATCH_BY_CGROUP] = "Cgroup",
		[MATCH_BY_USER] = "User",
		NULL,
	};

	_Static_assert(sizeof(names) == sizeof(namings) + sizeof(*names), "one name each");
	return names;
}

/* -- matching -- */

/* Returns 1 and a name, 0 if the process is not to be reported, or -ENOMEM. */
static int choose(char *out, size_t size, int *rule, struct matcher *m)
{
	const struct match_options *options = &m->options;
	int fits;

	for (unsigned i = 0; i < options->rule_count; i++) {
		fits = rule_fits(out, size, options->rules[i], &m->subject);
		if (fits > 0)
			*rule = (int)i;
		if (fits)
			return fits;
	}
	if (options->rule_count && !options->report_unmatched)
		return 0;
	namings[options->group_by](out, size, m);
	return 1;
}

/* Returns as choose(). */
static int pass_ignores(const char *group, const struct match_options *options)
{
	int fits;

	if (!options->ignore_count)
		return 1;
	for (unsigned i = 0; i < options->ignore_count; i++) {
		fits = ignore_fits(options->ignores[i], group);
		if (fits)
			return fits < 0 ? fits : !options->ignore_selected;
	}
	return options->ignore_selected;
}

/* The group of the process in hand. Returns 0 or -ENOMEM. */
static int find_group(char out[GROUP_NAME_SIZE], int *rule, struct matcher *m)
{
	char raw[RAW_SIZE];
	int status = choose(raw, sizeof(raw), rule, m);

	if (status > 0) {
		match_clean(out, GROUP_NAME_SIZE, raw);
		status = pass_ignores(out, &m->options);
	}
	if (status == 0)
		snprintf(out, GROUP_NAME_SIZE, GROUP_OTHER);
	return status < 0 ? status : 0;
}

/* Puts a copy of the text in the place of another one. False without memory: that one stays. */
static bool keep(struct matcher *m, const char **at, const char *text)
{
	const char *copy = names_get(m->names, text);

	if (!copy)
		return false;
	names_put(m->names, *at);
	*at = copy;
	return true;
}

static void forget(struct matcher *m, struct entry *e)
{
	names_put(m->names, e->match.group);
	names_put(m->names, e->match.exe);
	names_put(m->names, e->match.cgroup);
	*e = (struct entry){.match = nobody};
}

/*
 * Of a process that is gone, rules that have changed since would find less than before. It keeps
 * its group.
 */
static bool keeps_group(struct matcher *m, const struct entry *e, const struct snapshot_process *p)
{
	return e->generation && e->start_ns == p->start_ns && e->renames == p->renames &&
	       subject_gone(&m->subject);
}

/* -- the budget -- */

static void renew(struct matcher *m)
{
	for (unsigned i = 0; i < m->options.rule_count; i++)
		rule_renew(m->options.rules[i]);
	for (unsigned i = 0; i < m->options.ignore_count; i++)
		ignore_renew(m->options.ignores[i]);
	m->old_ns = 0;
}

static void charge(struct matcher *m, const struct snapshot_process *p, int rule)
{
	uint64_t took_ns = budget_stop(&m->budget, p->uid);

	if (took_ns > m->slowest_ns) {
		m->slowest_ns = took_ns;
		m->slowest_rule = rule;
	}
	m->old_ns += took_ns;
	if (m->old_ns >= RENEW_NS)
		renew(m);
}

void match_again(struct matcher *m, match_visit *visit, void *context)
{
	const unsigned end = 2 * m->row_count; /* parts after processes */
	unsigned first = m->first, next = m->row_count;

	if (!m->waiting || !m->row_count)
		return;
	m->waiting = false;
	for (unsigned i = 0; i < end; i++) {
		unsigned row = (first + i) % m->row_count;
		struct entry *e = &m->entries[row];

		if (!e->waits || e->part != (i >= m->row_count))
			continue;
		e->waits = false;
		visit(context, row, e->start_ns);
		if (e->waits && next == m->row_count)
			next = row;
	}
	m->first = next % m->row_count;
}

uint64_t match_waits(const struct matcher *m)
{
	return m->waits;
}

int match_slowest_rule(const struct matcher *m)
{
	return m->slowest_rule;
}

/* -- entries -- */

static bool was_renamed(const struct entry *e, const struct snapshot_process *p)
{
	return p->renames || (e->start_ns == p->start_ns && e->renamed);
}

/* From here on the entry is this process's, of which nothing is known yet. */
static void take_entry(struct matcher *m, struct entry *e, const struct snapshot_process *p)
{
	bool renamed = was_renamed(e, p);

	forget(m, e);
	e->renamed = renamed;
	e->start_ns = p->start_ns;
	e->renames = p->renames;
	e->match.uid = p->uid;
}

/* If only the rules have changed, it keeps what they said before. */
static void wait_entry(struct matcher *m, struct entry *e, const struct snapshot_process *p)
{
	if (!e->match.group || e->start_ns != p->start_ns || e->renames != p->renames)
		take_entry(m, e, p);
	e->part = p->endpoint.kind;
	m->waits += !e->waits && !e->part;
	e->waits = m->waiting = true;
}

/* Without memory the generation stays 0, and the next look tries again. */
static void match_anew(struct matcher *m, struct entry *e, const struct snapshot_process *p)
{
	char group[GROUP_NAME_SIZE];
	int rule = nobody.rule;

	take_entry(m, e, p);
	if (find_group(group, &rule, m) || !keep(m, &e->match.group, group))
		return;
	e->match.rule = rule;
	e->generation = m->generation;
	if (rule >= 0)
		m->used[rule] = true;
}

static void match_entry(struct matcher *m, struct entry *e, const struct snapshot_process *p)
{
	if (!budget_allows(&m->budget, p->uid)) {
		wait_entry(m, e, p);
		return;
	}
	e->waits = false;
	budget_start(&m->budget);
	subject_init(&m->subject, p, &m->source, was_renamed(e, p));
	if (keeps_group(m, e, p))
		e->generation = m->generation;
	else
		match_anew(m, e, p);
	charge(m, p, e->match.rule);
}

/* Is what is known of the row about this process, and as the rules are now? */
static bool valid(const struct matcher *m, const struct entry *e, const struct snapshot_process *p)
{
	return e->generation == m->generation && e->start_ns == p->start_ns;
}

/* The matched entry: for an endpoint the process's, if it has one. It waits if that waits. */
static struct entry *entry_of(struct matcher *m, const struct snapshot_process *p)
{
	unsigned row = p->endpoint.kind && p->process_row < m->row_count ? p->process_row : p->row;
	struct entry *e = &m->entries[row];
	bool waits = row != p->row && e->waits && e->start_ns == p->start_ns;

	if (waits)
		wait_entry(m, &m->entries[p->row], p);
	if (waits || (row != p->row && valid(m, e, p)))
		return e;
	e = &m->entries[p->row];
	if (!valid(m, e, p) || e->renames != p->renames)
		match_entry(m, e, p);
	return e;
}

/* Rows with a fixed meaning are no process. */
static const struct match *fixed_match(unsigned row)
{
	return row == TCP_ROW_KERNEL ? &the_kernel : &nobody;
}

const struct match *match_process(struct matcher *m, const struct snapshot_process *p)
{
	return p->row < TCP_ROW_FIRST ? fixed_match(p->row) : &entry_of(m, p)->match;
}

const struct match *match_details(struct matcher *m, const struct snapshot_process *p)
{
	struct entry *e;

	if (p->row < TCP_ROW_FIRST)
		return fixed_match(p->row);
	e = entry_of(m, p);
	if (e->detailed)
		return &e->match;
	subject_init(&m->subject, p, &m->source, e->renamed);
	e->match.uid = subject_uid(&m->subject);
	e->detailed = keep(m, &e->match.exe, subject_exe(&m->subject)) &&
		      keep(m, &e->match.cgroup, subject_cgroup(&m->subject));
	return &e->match;
}

bool match_used(const struct matcher *m, unsigned rule)
{
	return m->used[rule];
}

/* -- life -- */

void match_begin(struct matcher *m)
{
	bool changed = false;

	budget_begin(&m->budget);
	cgroups_begin(m->source.cgroups);
	for (unsigned i = 0; i < m->options.rule_count; i++)
		changed |= rule_refresh(m->options.rules[i]);
	m->generation += changed;
}

static bool compares_names(const struct match_options *options)
{
	return options->group_by == MATCH_BY_PROCESS && !options->rule_count &&
	       !options->ignore_count;
}

int match_open(struct matcher **out, unsigned row_count, const struct match_options *options)
{
	struct matcher *m = calloc(1, sizeof(*m) + row_count * sizeof(struct entry));

	if (!m)
		return -ENOMEM;
	m->options = *options;
	m->source.proc_root = options->proc_root;
	m->row_count = row_count;
	m->generation = 1;
	m->slowest_rule = nobody.rule;
	m->budget.limit_ns = options->budget_ns;
	if (!compares_names(options)) /* that takes less time than to look at the clock */
		m->budget.clock_ns = options->clock_ns;
	m->used = calloc(options->rule_count + 1, sizeof(*m->used));
	if (!m->used || names_open(&m->names, row_count) ||
	    cgroups_open(&m->source.cgroups, options->cgroup_root)) {
		match_close(m);
		return -ENOMEM;
	}
	*out = m;
	return 0;
}

void match_close(struct matcher *m)
{
	if (!m)
		return;
	names_close(m->names);
	cgroups_close(m->source.cgroups);
	free(m->used);
	free(m);
}
