/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The life of a matcher, and what it says of itself. */
#include <errno.h>
#include <stdlib.h>

#include "identity/matcher.h"

bool match_used(const struct matcher *m, unsigned rule)
{
	return m->used[rule];
}

void match_begin(struct matcher *m)
{
	budget_begin(&m->budget);
	cgroups_begin(m->source.cgroups);
	containers_begin(m->source.containers);
	m->generation += naming_refresh(&m->naming);
}

void match_cgroup(struct matcher *m, uint64_t id, const char *path)
{
	cgroups_tell(m->source.cgroups, id, path);
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
	m->naming.options = &m->options;
	m->source.proc_root = options->proc_root;
	m->row_count = row_count;
	m->generation = 1;
	m->slowest_rule = -1;
	m->budget.limit_ns = options->budget_ns;
	if (!compares_names(options)) /* that takes less time than to look at the clock */
		m->budget.clock_ns = options->clock_ns;
	m->used = calloc(options->rule_count + 1, sizeof(*m->used));
	if (!m->used || names_open(&m->names, row_count) ||
	    cgroups_open(&m->source.cgroups, options->cgroup_root) ||
	    containers_open(&m->source.containers, options->host_root ? options->host_root : "",
			    options->name_ticks)) {
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
	containers_close(m->source.containers);
	free(m->used);
	free(m);
}

uint64_t match_waits(const struct matcher *m)
{
	return m->waits;
}

int match_slowest_rule(const struct matcher *m)
{
	return m->slowest_rule;
}
