/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdio.h>
#include <string.h>

#include "identity/containers.h"
#include "identity/runtime.h"
#include "identity/subject.h"
#include "probe/snapshot.h"

enum attribute { ALIVE, EXE, CMDLINE, CGROUP, CONTAINER, CONTAINER_NAME, UID, ANCESTORS };

static bool first_look(struct subject *s, enum attribute attribute)
{
	unsigned bit = 1U << attribute;
	bool first = !(s->looked & bit);

	s->looked |= bit;
	return first;
}

void subject_init(struct subject *s, const struct snapshot_process *process,
		  struct subject_source *source, bool renamed)
{
	s->process = process;
	s->source = source;
	s->renamed = renamed;
	s->looked = 0;
	s->container = NULL;
}

/*
 * In doubt it is not: to take another process's attributes for its own would be worse. One that has
 * ended, but whose parent has not asked for it yet, has no program, and in v1 no control group.
 */
static bool alive(struct subject *s)
{
	const struct snapshot_process *p = s->process;
	const char *root = s->source->proc_root;

	if (!first_look(s, ALIVE))
		return s->alive;
	s->alive = !p->last && !process_stat(&s->stat, root, p->pid) &&
		   process_is(&s->stat, p->start_ns);
	if (s->alive)
		s->shown = s->stat.leader_ended ? process_thread(root, p->pid) : p->pid;
	return s->alive;
}

bool subject_gone(struct subject *s)
{
	const struct snapshot_process *p = s->process;

	return !alive(s) && (p->last || !process_alive(s->source->proc_root, p->pid, p->start_ns));
}

const char *subject_exe(struct subject *s)
{
	if (first_look(s, EXE) &&
	    (!alive(s) || process_exe(s->exe, sizeof(s->exe), s->source->proc_root, s->shown) < 0))
		s->exe[0] = '\0';
	return s->exe;
}

const char *subject_cmdline(struct subject *s)
{
	if (first_look(s, CMDLINE) &&
	    (!alive(s) ||
	     process_cmdline(s->cmdline, sizeof(s->cmdline), s->source->proc_root, s->shown) <= 0))
		snprintf(s->cmdline, sizeof(s->cmdline), "%s", s->process->comm);
	return s->cmdline;
}

/*
 * Looks for the path in /proc. If it is the path of the id in the row, it is kept for processes
 * that come later. With hierarchies of v1 it is not: many processes share one cgroup of v2 there.
 */
static bool read_cgroup(struct subject *s)
{
	struct subject_source *source = s->source;
	uint64_t id = s->renamed ? 0 : s->process->cgroup;
	char text[8192]; /* v1 has a path for each of a dozen controllers */

	if (!alive(s) ||
	    process_text(text, sizeof(text), source->proc_root, s->shown, "cgroup") < 0 ||
	    !cgroup_path(s->cgroup, sizeof(s->cgroup), text))
		return false;
	source->unified = strncmp(text, "0::", 3) == 0; /* v2 is the last line */
	if (source->unified && id)
		cgroups_add(source->cgroups, id, s->cgroup);
	return true;
}

/* The least work first: what is known, then a file of /proc, for the dead alone a walk. */
const char *subject_cgroup(struct subject *s)
{
	struct cgroups *cgroups = s->source->cgroups;
	uint64_t id = s->process->cgroup;
	const char *path = NULL;

	if (!first_look(s, CGROUP))
		return s->cgroup;
	if (s->source->unified && !s->renamed)
		path = cgroups_known(cgroups, id);
	if (!path && read_cgroup(s))
		return s->cgroup;
	if (!path)
		path = cgroups_find(cgroups, id);
	snprintf(s->cgroup, sizeof(s->cgroup), "%s", path ? path : "");
	return s->cgroup;
}

uint32_t subject_uid(struct subject *s)
{
	if (!first_look(s, UID))
		return s->uid;
	s->uid = s->process->uid;
	if ((s->uid == TCP_UID_UNKNOWN || s->renamed) && alive(s))
		process_uid(&s->uid, s->source->proc_root, s->process->pid); /* else unknown */
	return s->uid;
}

/* Up to the process that has no parent, or to one that is gone. */
static void read_ancestors(struct subject *s)
{
	uint64_t child_ticks = process_ticks(s->process->start_ns);
	uint32_t pid = alive(s) ? s->stat.parent : s->process->parent;
	struct process_stat stat = {0};
	int err = 0;

	if (!first_look(s, ANCESTORS))
		return;
	s->ancestor_count = 0;
	while (pid && !err && s->ancestor_count < SUBJECT_ANCESTORS) {
		err = process_stat(&stat, s->source->proc_root, pid);
		if (!err && stat.start_ticks > child_ticks)
			return; /* younger than its child: the pid is another one's by now */
		s->ancestors[s->ancestor_count++] = pid;
		child_ticks = stat.start_ticks;
		pid = stat.parent;
	}
}

bool subject_descends(struct subject *s, uint32_t pid)
{
	if (s->process->pid == pid)
		return true;
	read_ancestors(s);
	for (unsigned i = 0; i < s->ancestor_count; i++)
		if (s->ancestors[i] == pid)
			return true;
	return false;
}

/* Is that process a conmon which watches the container, or an ancestor of it? Then it tells. */
static bool ask_upwards(struct subject *s, struct container *k, uint32_t pid)
{
	struct process_stat stat = {.parent = pid};
	char cmdline[SUBJECT_CMDLINE_SIZE];
	struct container_names names;
	int err = 0;

	for (unsigned i = 0; stat.parent && !err && i < SUBJECT_ANCESTORS; i++) {
		pid = stat.parent;
		if (process_cmdline(cmdline, sizeof(cmdline), s->source->proc_root, pid) > 0 &&
		    runtime_conmon(&names, k->id, cmdline)) {
			containers_tell(k, &names);
			return true;
		}
		err = process_stat(&stat, s->source->proc_root, pid);
	}
	return false;
}

/*
 * With Podman and CRI-O a conmon is the parent of what the container begins with. Those between may
 * be gone with the process: then another one that is in there leads to it.
 */
static void ask_conmon(struct subject *s, struct container *k)
{
	uint32_t parent = alive(s) ? s->stat.parent : s->process->parent;

	if (!ask_upwards(s, k, parent) && !alive(s))
		ask_upwards(s, k, cgroups_member(s->source->cgroups, subject_cgroup(s)));
}

/*
 * How the container calls itself: in Kubernetes as its pod is called. Unless somebody says
 * otherwise, runtimes take digits of the id for it.
 */
static void ask_hostname(const struct subject *s, struct container *k)
{
	const struct tcp_hostname *hostname = s->process->hostname;
	struct container_names names = {0};

	if (!hostname)
		return;
	container_part(names.container, sizeof(names.container), hostname->name,
		       strnlen(hostname->name, sizeof(hostname->name)));
	if (strncmp(names.container, k->id, strlen(names.container)) != 0)
		containers_tell(k, &names);
}

const struct container *subject_container(struct subject *s)
{
	char id[CGROUP_ID_SIZE];

	if (!first_look(s, CONTAINER) || !cgroup_container_id(id, subject_cgroup(s)))
		return s->container;
	s->container = containers_find(s->source->containers, id);
	if (s->container && !container_known(&s->container->names))
		ask_conmon(s, s->container);
	if (s->container && !container_known(&s->container->names))
		ask_hostname(s, s->container);
	return s->container;
}

const char *subject_container_name(struct subject *s)
{
	const struct container *k = subject_container(s);
	char *out = s->container_name;

	if (!first_look(s, CONTAINER_NAME))
		return out;
	*out = '\0';
	if (k && container_known(&k->names))
		container_full(out, sizeof(s->container_name), &k->names);
	else if (*subject_cgroup(s))
		cgroup_container(out, sizeof(s->container_name), subject_cgroup(s));
	if (strcmp(out, CGROUP_NONE) == 0)
		*out = '\0';
	return out;
}
