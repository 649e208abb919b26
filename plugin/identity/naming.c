/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "identity/containers.h"
#include "identity/match.h"
#include "identity/naming.h"
#include "identity/subject.h"
#include "probe/snapshot.h"

#define RAW_SIZE CGROUP_PATH_SIZE
#define USER_SIZE 65536 /* bytes for one user's entry of passwd; most take a few hundred */

/* -- clean names -- */

void naming_clean(char *out, size_t size, const char *name)
{
	static const char *const reserved[] = {GROUP_ALL, GROUP_OTHER, GROUP_KERNEL, GROUP_SELF};
	size_t used;

	clean_name(out, size, name);
	used = strlen(out);
	for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
		if (strcmp(out, reserved[i]) == 0)
			memcpy(out + used, "_", sizeof("_")); /* there is room: CLEAN_MARGIN */
}

/* -- names by attribute -- */

static void name_process(char *out, size_t size, struct naming *n)
{
	snprintf(out, size, "%s", n->subject->process->comm);
}

static void name_executable(char *out, size_t size, struct naming *n)
{
	const char *exe = subject_exe(n->subject), *slash = strrchr(exe, '/');

	snprintf(out, size, "%s", slash && slash[1] ? slash + 1 : n->subject->process->comm);
}

static void name_by_path(char *out, size_t size, struct naming *n,
			 void (*name)(char *out, size_t size, const char *path))
{
	const char *path = subject_cgroup(n->subject);

	if (*path)
		name(out, size, path);
	else
		snprintf(out, size, CGROUP_NONE);
}

static void name_unit(char *out, size_t size, struct naming *n)
{
	name_by_path(out, size, n, cgroup_unit);
}

static void name_container(char *out, size_t size, struct naming *n)
{
	enum container_by by = (enum container_by)n->options->container_by;
	const struct container *k = by == CONTAINER_BY_ID ? NULL : subject_container(n->subject);

	if (k && container_known(&k->names))
		container_name(out, size, &k->names, by);
	else
		name_by_path(out, size, n, cgroup_container);
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

static void name_cgroup(char *out, size_t size, struct naming *n)
{
	name_by_path(out, size, n, cgroup_tail);
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

	user->known = !err || err == ERANGE; /* an entry that is too large stays so */
	user->uid = uid;
	if (!err && found)
		snprintf(user->name, sizeof(user->name), "%s", found->pw_name);
	else
		snprintf(user->name, sizeof(user->name), "%u", uid);
	free(text);
}

static void name_user(char *out, size_t size, struct naming *n)
{
	uint32_t uid = subject_uid(n->subject);
	struct user *user = &n->users[uid % NAMING_USERS];

	if (uid == TCP_UID_UNKNOWN) {
		snprintf(out, size, "unknown");
		return;
	}
	if (!user->known || user->uid != uid)
		look_up(user, uid);
	snprintf(out, size, "%s", user->name);
}

/* To add a way to group: one row here and in the names. */
static void (*const namings[])(char *out, size_t size, struct naming *n) = {
	[MATCH_BY_PROCESS] = name_process, [MATCH_BY_EXECUTABLE] = name_executable,
	[MATCH_BY_UNIT] = name_unit,       [MATCH_BY_CONTAINER] = name_container,
	[MATCH_BY_CGROUP] = name_cgroup,   [MATCH_BY_USER] = name_user,
};

const char *const *naming_names(void)
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

/* -- the choice -- */

/* Returns 1 and a name, 0 if the process is not to be reported, or -ENOMEM. */
static int choose(char *out, size_t size, int *rule, struct naming *n)
{
	const struct match_options *options = n->options;
	int fits;

	for (unsigned i = 0; i < options->rule_count; i++) {
		fits = rule_fits(out, size, options->rules[i], n->subject);
		if (fits > 0)
			*rule = (int)i;
		if (fits)
			return fits;
	}
	if (options->rule_count && !options->report_unmatched)
		return 0;
	namings[options->group_by](out, size, n);
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

int naming_find(char out[GROUP_NAME_SIZE], int *rule, struct naming *n, struct subject *subject)
{
	char raw[RAW_SIZE];
	int status;

	n->subject = subject;
	status = choose(raw, sizeof(raw), rule, n);
	if (status > 0) {
		naming_clean(out, GROUP_NAME_SIZE, raw);
		status = pass_ignores(out, n->options);
	}
	if (status == 0)
		snprintf(out, GROUP_NAME_SIZE, GROUP_OTHER);
	return status < 0 ? status : 0;
}

static bool has_container_rule(const struct match_options *options)
{
	for (unsigned i = 0; i < options->rule_count; i++)
		if (rule_by_container(options->rules[i]))
			return true;
	return false;
}

bool naming_by_cgroup(const struct match_options *options)
{
	return options->group_by == MATCH_BY_UNIT || options->group_by == MATCH_BY_CONTAINER ||
	       options->group_by == MATCH_BY_CGROUP || has_container_rule(options);
}

bool naming_by_container(const struct match_options *options)
{
	return (options->group_by == MATCH_BY_CONTAINER &&
		options->container_by != CONTAINER_BY_ID) ||
	       has_container_rule(options);
}

void naming_renew(struct naming *n)
{
	for (unsigned i = 0; i < n->options->rule_count; i++)
		rule_renew(n->options->rules[i]);
	for (unsigned i = 0; i < n->options->ignore_count; i++)
		ignore_renew(n->options->ignores[i]);
}

bool naming_refresh(struct naming *n)
{
	bool changed = false;

	for (unsigned i = 0; i < n->options->rule_count; i++)
		changed |= rule_refresh(n->options->rules[i]);
	return changed;
}
