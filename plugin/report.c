/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "collectd_api.h"

#include "metric.h"
#include "report.h"

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
	sstrncpy(list.plugin, PLUGIN_NAME, sizeof(list.plugin));
	sstrncpy(list.plugin_instance, sample->group, sizeof(list.plugin_instance));
	sstrncpy(list.type, sample->type, sizeof(list.type));
	sstrncpy(list.type_instance, sample->instance, sizeof(list.type_instance));
	if (plugin_dispatch_values(&list))
		report->errors++;
}
