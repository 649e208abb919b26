/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#define _GNU_SOURCE /* memrchr */

#include <stdio.h>
#include <string.h>

#include "base/span.h"
#include "identity/cgroup.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* -- the container -- */

/* Are there so many hex digits, and nothing else but `_` and `-`? */
static bool has_digits(struct span p, size_t want)
{
	size_t digits = 0;

	for (size_t i = 0; i < p.length; i++)
		if (span_digit(p.at[i], 16) >= 0)
			digits++;
		else if (!strchr("_-", p.at[i]))
			return false;
	return digits == want;
}

/* "ID", "RUNTIME-ID.scope", "…:ID"; but not "…-conmon-ID.scope". Empty if it is none. */
static struct span id_of(struct span p)
{
	struct span before = span_ends(p, ".scope") ? span_between(p, "", ".scope") : p;
	struct span id = span_cut_tail(&before, CGROUP_ID_SIZE - 1);

	if (!span_digits(id, 16) || span_ends(before, "conmon-") ||
	    (before.length && !span_ends(before, "-") && !span_ends(before, ":")))
		id.length = 0;
	return id;
}

static bool put_id(char *out, size_t size, struct span p)
{
	struct span id = id_of(p);

	if (id.length)
		snprintf(out, size, "%.12s", id.at);
	return id.length;
}

/* A container of Fargate: the id of its task, and a number. */
static bool put_fargate(char *out, size_t size, struct span p)
{
	struct span number = p, task = span_cut(&number, '-');

	if (task.length != 32 || !span_digits(task, 16) || !span_digits(number, 10))
		return false;
	snprintf(out, size, "%.12s-%.*s", task.at, (int)number.length, number.at);
	return true;
}

/* A step of BuildKit: "buildkit/ID"; "SLICE:docker:ID" where dockerd leaves cgroups to systemd. */
static bool put_build(char *out, size_t size, struct span parent, struct span p)
{
	struct span before = p, id = span_cut_tail(&before, 25);

	if (!span_digits(id, 36) ||
	    !(before.length ? span_ends(before, ".slice:docker:") : span_is(parent, "buildkit")))
		return false;
	snprintf(out, size, "%.12s", id.at);
	return true;
}

/* "podUID", or "kubepods-…-podUID.slice" where `_` stands for `-`. Static pods have a hash. */
static bool put_pod(char *out, size_t size, struct span p)
{
	const char *dash = span_ends(p, ".slice") ? memrchr(p.at, '-', p.length) : NULL;
	size_t skip = dash ? (size_t)(dash + 1 - p.at) : 0;
	struct span uid = span_between((struct span){p.at + skip, p.length - skip}, "pod",
				       dash ? ".slice" : "");

	if (!has_digits(uid, 32) || (uid.length != 32 && uid.length != 36))
		return false;
	snprintf(out, size, "pod%.*s", (int)uid.length, uid.at);
	while (size && (out = strchr(out, '_')))
		*out = '-';
	return true;
}

static const struct {
	const char *parent, *before, *after;
} machines[] = {
	{"lxc", "", ""},
	{"lxc.payload", "", ""},
	{NULL, "lxc.payload.", ""}, /* LXC 4.0 */
	{NULL, "machine-", ".scope"},
	{NULL, "systemd-nspawn@", ".service"},
	{"garden", "", ""}, /* Cloud Foundry, Concourse */
};

static bool put_machine(char *out, size_t size, struct span parent, struct span p)
{
	for (size_t i = 0; i < COUNT_OF(machines); i++) {
		struct span name = span_between(p, machines[i].before, machines[i].after);

		if (!name.length || (machines[i].parent && !span_is(parent, machines[i].parent)))
			continue;
		span_unescape(out, size, name);
		return true;
	}
	return false;
}

/* Garden divides its containers by how much of the processors they have used. */
static struct span next_below(struct span *path, struct span parent)
{
	struct span p = span_next(path);

	return span_is(parent, "garden") && (span_is(p, "good") || span_is(p, "bad"))
		       ? span_next(path)
		       : p;
}

/*
 * The component that names it; empty if there is none. What is in "supervisor" watches a machine
 * from without.
 */
static struct span container(char *out, size_t size, struct span path)
{
	struct span parent = {path.at, 0}, found = parent, p;

	snprintf(out, size, "%s", CGROUP_NONE);
	for (; (p = next_below(&path, parent)).length; parent = p) {
		struct span below = path;

		if (put_id(out, size, p) || put_pod(out, size, p) || put_fargate(out, size, p) ||
		    put_build(out, size, parent, p) ||
		    (!span_is(span_next(&below), "supervisor") &&
		     put_machine(out, size, parent, p)))
			found = p;
	}
	return found;
}

void cgroup_container(char *out, size_t size, const char *path)
{
	container(out, size, span_of(path));
}

bool cgroup_container_id(char out[CGROUP_ID_SIZE], const char *path)
{
	char name[2];
	struct span id = id_of(container(name, sizeof(name), span_of(path)));

	if (id.length) {
		memcpy(out, id.at, id.length);
		out[id.length] = '\0';
	}
	return id.length;
}

/* -- the unit -- */

/*
 * What comes after the slices; empty if that is no unit. `slice` becomes the last slice. systemd
 * puts `_` before a name that looks like a file of the kernel's.
 */
static struct span next_unit(struct span *path, struct span *slice)
{
	/* the kinds of units that have processes, besides slices */
	static const char *const kinds[] = {".service", ".scope", ".socket", ".mount", ".swap"};
	struct span p;

	do {
		p = span_next(path);
		if (p.length && *p.at == '_')
			p = (struct span){p.at + 1, p.length - 1};
		if (span_ends(p, ".slice"))
			*slice = p;
	} while (span_ends(p, ".slice") ||
		 span_is(p, "..")); /* "..": seen from another namespace */
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (span_between(p, "", kinds[i]).length)
			return p;
	return (struct span){p.at, 0};
}

void cgroup_unit(char *out, size_t size, const char *path)
{
	struct span rest = span_of(path), slice = {path, 0}, unit = next_unit(&rest, &slice);
	struct span user = span_between(unit, "user@", ".service");
	size_t used = 0;

	if (user.length) {
		unit = next_unit(&rest, &slice);
		if (span_ends(unit, ".scope"))
			unit.length = 0;
		used = (size_t)snprintf(out, size, "user-%.*s%s", (int)user.length, user.at,
					unit.length ? ":" : ".slice");
	} else if (!unit.length ||
		   (span_ends(unit, ".scope") && span_between(slice, "user-", "").length)) {
		unit = slice.length ? slice : span_of(CGROUP_NONE);
	}
	if (used < size)
		span_unescape(out + used, size - used, unit);
}

/* -- the path -- */

/* Hierarchies in the order in which they are believed; that of cgroup v2 has no name. */
static const char *const hierarchies[] = {"", "name=systemd", "pids", "memory", "cpu"};

static size_t rank(struct span controllers)
{
	size_t best = COUNT_OF(hierarchies);

	do {
		struct span name = span_cut(&controllers, ',');

		for (size_t i = 0; i < best; i++)
			if (span_is(name, hierarchies[i]))
				best = i;
	} while (controllers.length);
	return best;
}

/* Without what the kernel appends when the cgroup is gone. */
static struct span trim(struct span path)
{
	while (path.length > 1 && (span_ends(path, "/") || span_ends(path, " (deleted)")))
		path.length -= span_ends(path, "/") ? 1 : strlen(" (deleted)");
	return path;
}

/* How much a path tells: 2 of a container, 1 of something else, 0 nothing. */
static size_t worth(struct span path)
{
	char name[2];

	return container(name, sizeof(name), path).length ? 2 : path.length > 1;
}

bool cgroup_path(char *out, size_t size, const char *text)
{
	struct span rest = span_of(text), best = {text, 0};
	size_t best_score = 0;

	while (rest.length) {
		struct span path = span_cut(&rest, '\n'), controllers;
		size_t score;

		span_cut(&path, ':'); /* the number of the hierarchy */
		controllers = span_cut(&path, ':');
		path = trim(path);
		if (!path.length || *path.at != '/')
			continue;
		score = (worth(path) + 1) * (COUNT_OF(hierarchies) + 1) - rank(controllers);
		if (score > best_score) {
			best_score = score;
			best = path;
		}
	}
	if (best.length >= size)
		best = trim((struct span){best.at, size ? size - 1 : 0});
	if (!best.length)
		return false;
	memcpy(out, best.at, best.length);
	out[best.length] = '\0';
	return true;
}
