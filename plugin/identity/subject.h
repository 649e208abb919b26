/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The process that is being matched: what can be known of it. Each attribute is looked at when it
 * is first asked for, and once. Of a process that has ended, also if its parent has not asked for
 * it yet, or whose pid belongs to another one by now, only what its row tells is known.
 */
#ifndef EBPF_TCP_SUBJECT_H
#define EBPF_TCP_SUBJECT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/process.h"
#include "identity/cgroup.h"
#include "identity/container.h"

#define SUBJECT_CMDLINE_SIZE 4097
#define SUBJECT_ANCESTORS 64

struct container;
struct containers;
struct snapshot_process;

/* Where attributes come from. */
struct subject_source {
	const char *proc_root;
	struct cgroups *cgroups;
	struct containers *containers;
	bool unified; /* /proc has told that there is cgroup v2 alone: ids tell paths */
};

/* Read it with the functions below. */
struct subject {
	const struct snapshot_process *process;
	struct subject_source *source;
	bool renamed;    /* see subject_init() */
	unsigned looked; /* bits: what was looked at */
	bool alive;
	struct process_stat stat; /* if it is alive */
	uint32_t shown; /* whom /proc is asked about: the process, or a thread that lives on */
	uint32_t uid;
	uint32_t ancestors[SUBJECT_ANCESTORS]; /* pids, the parent first */
	unsigned ancestor_count;
	char exe[PATH_MAX];
	char cmdline[SUBJECT_CMDLINE_SIZE];
	char cgroup[CGROUP_PATH_SIZE];
	struct container *container; /* NULL: none, or nobody has asked for it */
	char container_name[CONTAINER_FULL_SIZE];
};

/*
 * Both must stay for as long as the subject is asked. `renamed`: it may have executed a program
 * since its row got uid and cgroup, and with the program these may have changed. While it lives,
 * /proc is asked for them.
 */
void subject_init(struct subject *s, const struct snapshot_process *process,
		  struct subject_source *source, bool renamed);

/* Is it gone for good? In doubt it is not. */
bool subject_gone(struct subject *s);

/* The path of its program, "" if unknown. */
const char *subject_exe(struct subject *s);

/* Its command line; its name if there is none. */
const char *subject_cmdline(struct subject *s);

/* The path of its control group, "" if unknown. */
const char *subject_cgroup(struct subject *s);

/* The container that a runtime has given an id; NULL if there is none. */
const struct container *subject_container(struct subject *s);

/* All names of its container, as container_full() puts them; of one without names what
 * cgroup_container() says; "" if it is in none. */
const char *subject_container_name(struct subject *s);

/* TCP_UID_UNKNOWN if unknown. */
uint32_t subject_uid(struct subject *s);

/* Is it that process, or a descendant of it? */
bool subject_descends(struct subject *s, uint32_t pid);

#endif
