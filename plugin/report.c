/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "collectd_api.h"

#include "group.h"
#include "match.h"
#include "metric.h"
#include "report.h"
#include "utils/metadata/meta_data.h"

/* What is known of the process, for writers that pass it on. NULL without memory: it is an extra.
 */
static meta_data_t *meta_new(const struct group *process)
{
	meta_data_t *meta = meta_data_create();

	if (!meta)
		return NULL;
	meta_data_add_unsigned_int(meta, "pid", process->pid);
	meta_data_add_string(meta, "comm", process->comm);
	if (process->exe && *process->exe)
		meta_data_add_string(meta, "exe", process->exe);
	if (process->cgroup && *process->cgroup)
		meta_data_add_string(meta, "cgroup", process->cgroup);
	if (process->uid != TCP_UID_UNKNOWN)
		meta_data_add_unsigned_int(meta, "uid", process->uid);
	return meta;
}

void report_sample(void *context, const struct metric_sample *sample)
{
	struct report *report = context;
	value_list_t list = VALUE_LIST_INIT;
	value_t values[2];

	if (sample->gauge)
		values[0].gauge = sample->value;
	for (unsigned i = 0; !sample->gauge && i < sample->count; i++)
		values[i].derive = (derive_t)sample->derive[i];
	list.values = values;
	list.values_len = sample->count;
	list.time = report->time;
	list.meta = report->meta;
	sstrncpy(list.plugin, PLUGIN_NAME, sizeof(list.plugin));
	sstrncpy(list.plugin_instance, sample->group ? sample->group->name : GROUP_SELF,
		 sizeof(list.plugin_instance));
	sstrncpy(list.type, sample->type, sizeof(list.type));
	sstrncpy(list.type_instance, sample->instance, sizeof(list.type_instance));
	if (plugin_dispatch_values(&list))
		report->errors++;
}

void report_begin(struct report *report, const struct group *group)
{
	report->meta = group->kind == GROUP_PROCESS ? meta_new(group) : NULL;
}

void report_end(struct report *report)
{
	meta_data_destroy(report->meta);
	report->meta = NULL;
}
