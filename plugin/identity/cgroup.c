/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#define _GNU_SOURCE /* memrchr */

#include <stdio.h>
#include <string.h>

#include "identity/cgroup.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* -- parts of a text, which stay where they are -- */

struct part {
	const char *at;
	size_t length;
};

static struct part whole(const char *text)
{
	return (struct part){text, strlen(text)};
}

/* Takes from `rest` what comes before `end`, and `end` too. */
static struct part cut(struct part *rest, char end)
{
	const char *at = memchr(rest->at, end, rest->length);
	struct part head = {rest->at, at ? (size_t)(at - rest->at) : rest->length};
	size_t taken = head.length + (at != NULL);

	*rest = (struct part){rest->at + taken, rest->length - taken};
	return head;
}

/* The next component of a path; empty at its end. */
static struct part next(struct part *path)
{
	struct part p;

	do
		p = cut(path, '/');
	while (!p.length && path->length);
	return p;
}

static bool ends(struct part p, const char *with)
{
	size_t n = strlen(with);

	return p.length >= n && memcmp(p.at + p.length - n, with, n) == 0;
}

static bool is(struct part p, const char *text)
{
	return p.length == strlen(text) && ends(p, text);
}

/* What is left without `before` and `after`; empty if they are not there, or nothing else is. */
static struct part between(struct part p, const char *before, const char *after)
{
	size_t n = strlen(before), around = n + strlen(after);

	if (p.length <= around || memcmp(p.at, before, n) != 0 || !ends(p, after))
		return (struct part){p.at, 0};
	return (struct part){p.at + n, p.length - around};
}

/* The value of a digit of this base, as systemd and the runtimes write them; -1 if it is none. */
static int digit_value(char digit, int base)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	const char *at = memchr(digits, digit, (size_t)base);

	return at ? (int)(at - digits) : -1;
}

static int hex(char digit)
{
	return digit_value(digit, 16);
}

static bool are_digits(struct part p, int base)
{
	for (size_t i = 0; i < p.length; i++)
		if (digit_value(p.at[i], base) < 0)
			return false;
	return p.length > 0;
}

/* Takes the last `length` bytes and leaves what comes before; empty if there are not so many. */
static struct part cut_tail(struct part *rest, size_t length)
{
	size_t taken = rest->length < length ? 0 : length;

	rest->length -= taken;
	return (struct part){rest->at + rest->length, taken};
}

/* Undoes systemd's "\x2d". */
static void put(char *out, size_t size, struct part name)
{
	for (; name.length && size > 1; size--) {
		const char *at = name.at;
		bool escape = name.length >= 4 && memcmp(at, "\\x", 2) == 0 && hex(at[2]) >= 0 &&
			      hex(at[3]) >= 0 && hex(at[2]) + hex(at[3]) > 0;
		size_t taken = escape ? 4 : 1;

		*out++ = (char)(escape ? hex(at[2]) << 4 | hex(at[3]) : *at);
		name = (struct part){at + taken, name.length - taken};
	}
	if (size)
		*out = '\0';
}

/* -- the container -- */

/* Are there so many hex digits, and nothing else but `_` and `-`? */
static bool has_digits(struct part p, size_t want)
{
	size_t digits = 0;

	for (size_t i = 0; i < p.length; i++)
		if (hex(p.at[i]) >= 0)
			digits++;
		else if (!strchr("_-", p.at[i]))
			return false;
	return digits == want;
}

/* "ID", "RUNTIME-ID.scope", "…:ID"; but not "…-conmon-ID.scope". */
static bool put_id(char *out, size_t size, struct part p)
{
	struct part before = ends(p, ".scope") ? between(p, "", ".scope") : p;
	struct part id = cut_tail(&before, 64);

	if (!are_digits(id, 16) || ends(before, "conmon-") ||
	    (before.length && !ends(before, "-") && !ends(before, ":")))
		return false;
	snprintf(out, size, "%.12s", id.at);
	return true;
}

/* A container of Fargate: the id of its task, and a number. */
static bool put_fargate(char *out, size_t size, struct part p)
{
	struct part number = p, task = cut(&number, '-');

	if (task.length != 32 || !are_digits(task, 16) || !are_digits(number, 10))
		return false;
	snprintf(out, size, "%.12s-%.*s", task.at, (int)number.length, number.at);
	return true;
}

/* A step of BuildKit: "buildkit/ID"; "SLICE:docker:ID" where dockerd leaves cgroups to systemd. */
static bool put_build(char *out, size_t size, struct part parent, struct part p)
{
	struct part before = p, id = cut_tail(&before, 25);

	if (!are_digits(id, 36) ||
	    !(before.length ? ends(before, ".slice:docker:") : is(parent, "buildkit")))
		return false;
	snprintf(out, size, "%.12s", id.at);
	return true;
}

/* "podUID", or "kubepods-…-podUID.slice" where `_` stands for `-`. Static pods have a hash. */
static bool put_pod(char *out, size_t size, struct part p)
{
	const char *dash = ends(p, ".slice") ? memrchr(p.at, '-', p.length) : NULL;
	size_t skip = dash ? (size_t)(dash + 1 - p.at) : 0;
	struct part uid =
		between((struct part){p.at + skip, p.length - skip}, "pod", dash ? ".slice" : "");

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

static bool put_machine(char *out, size_t size, struct part parent, struct part p)
{
	for (size_t i = 0; i < COUNT_OF(machines); i++) {
		struct part name = between(p, machines[i].before, machines[i].after);

		if (!name.length || (machines[i].parent && !is(parent, machines[i].parent)))
			continue;
		put(out, size, name);
		return true;
	}
	return false;
}

/* Garden divides its containers by how much of the processors they have used. */
static struct part next_below(struct part *path, struct part parent)
{
	struct part p = next(path);

	return is(parent, "garden") && (is(p, "good") || is(p, "bad")) ? next(path) : p;
}

/* False if there is none. In "supervisor" is what watches a machine from without. */
static bool container(char *out, size_t size, struct part path)
{
	struct part parent = {path.at, 0}, p;
	bool found = false;

	snprintf(out, size, "%s", CGROUP_NONE);
	for (; (p = next_below(&path, parent)).length; parent = p) {
		struct part below = path;

		found |= put_id(out, size, p) || put_pod(out, size, p) ||
			 put_fargate(out, size, p) || put_build(out, size, parent, p) ||
			 (!is(next(&below), "supervisor") && put_machine(out, size, parent, p));
	}
	return found;
}

void cgroup_container(char *out, size_t size, const char *path)
{
	container(out, size, whole(path));
}

/* -- the unit -- */

/*
 * What comes after the slices; empty if that is no unit. `slice` becomes the last slice. systemd
 * puts `_` before a name that looks like a file of the kernel's.
 */
static struct part next_unit(struct part *path, struct part *slice)
{
	/* the kinds of units that have processes, besides slices */
	static const char *const kinds[] = {".service", ".scope", ".socket", ".mount", ".swap"};
	struct part p;

	do {
		p = next(path);
		if (p.length && *p.at == '_')
			p = (struct part){p.at + 1, p.length - 1};
		if (ends(p, ".slice"))
			*slice = p;
	} while (ends(p, ".slice") || is(p, "..")); /* "..": seen from another namespace */
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (between(p, "", kinds[i]).length)
			return p;
	return (struct part){p.at, 0};
}

void cgroup_unit(char *out, size_t size, const char *path)
{
	struct part rest = whole(path), slice = {path, 0}, unit = next_unit(&rest, &slice);
	struct part user = between(unit, "user@", ".service");
	size_t used = 0;

	if (user.length) {
		unit = next_unit(&rest, &slice);
		if (ends(unit, ".scope"))
			unit.length = 0;
		used = (size_t)snprintf(out, size, "user-%.*s%s", (int)user.length, user.at,
					unit.length ? ":" : ".slice");
	} else if (!unit.length || (ends(unit, ".scope") && between(slice, "user-", "").length)) {
		unit = slice.length ? slice : whole(CGROUP_NONE);
	}
	if (used < size)
		put(out + used, size - used, unit);
}

/* -- the path -- */

/* Hierarchies in the order in which they are believed; that of cgroup v2 has no name. */
static const char *const hierarchies[] = {"", "name=systemd", "pids", "memory", "cpu"};

static size_t rank(struct part controllers)
{
	size_t best = COUNT_OF(hierarchies);

	do {
		struct part name = cut(&controllers, ',');

		for (size_t i = 0; i < best; i++)
			if (is(name, hierarchies[i]))
				best = i;
	} while (controllers.length);
	return best;
}

/* Without what the kernel appends when the cgroup is gone. */
static struct part trim(struct part path)
{
	while (path.length > 1 && (ends(path, "/") || ends(path, " (deleted)")))
		path.length -= ends(path, "/") ? 1 : strlen(" (deleted)");
	return path;
}

/* What a path tells: of a container, of something, nothing. */
static size_t worth(struct part path)
{
	char name[2];

	return container(name, sizeof(name), path) ? 2 : path.length > 1;
}

bool cgroup_path(char *out, size_t size, const char *text)
{
	struct part rest = whole(text), best = {text, 0};
	size_t best_score = 0;

	while (rest.length) {
		struct part path = cut(&rest, '\n'), controllers;
		size_t score;

		cut(&path, ':'); /* the number of the hierarchy */
		controllers = cut(&path, ':');
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
		best = trim((struct part){best.at, size ? size - 1 : 0});
	if (!best.length)
		return false;
	memcpy(out, best.at, best.length);
	out[best.length] = '\0';
	return true;
}
