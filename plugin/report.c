/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "collectd_api.h"

#include "base/clean.h"
#include "identity/match.h"
#include "report.h"
#include "series/event.h"
#include "series/group.h"
#include "series/metric.h"
#include "utils/metadata/meta_data.h"

/* What is not known is left out. */
static void meta_add_text(meta_data_t *meta, const char *key, const char *text)
{
	char clean[PATH_MAX];

	if (!text || !*text)
		return;
	clean_text(clean, sizeof(clean), text);
	meta_data_add_string(meta, key, clean);
}

/* What is known of the process, for writers that pass it on. NULL without memory. */
static meta_data_t *meta_new(const struct group *process)
{
	meta_data_t *meta = meta_data_create();

	if (!meta)
		return NULL;
	meta_data_add_unsigned_int(meta, "pid", process->pid);
	meta_add_text(meta, "comm", process->comm);
	meta_add_text(meta, "exe", process->exe);
	meta_add_text(meta, "cgroup", process->cgroup);
	meta_add_text(meta, "container", process->container);
	meta_add_text(meta, "pod", process->pod);
	meta_add_text(meta, "namespace", process->namespace);
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

/* Adds a name to the list, if there is room. Returns false if it has it already. */
static bool list_add(char *list, size_t size, const char *name)
{
	size_t used = strlen(list), length = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += length)
		if ((at == list || at[-1] == ' ') && strchr(",", at[length]))
			return false;
	snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
	return true;
}

void report_type(void *context, const struct metric_sample *sample)
{
	struct report_types *types = context;
	const data_set_t *set;

	if (!list_add(types->asked, sizeof(types->asked), sample->type))
		return;
	set = plugin_get_ds(sample->type);
	if (!set || set->ds_num != sample->count)
		list_add(types->unknown, sizeof(types->unknown), sample->type);
}

static notification_t notification_new(const struct report *report, int severity,
				       const char *instance)
{
	notification_t n = {.severity = severity, .time = report->time};

	sstrncpy(n.host, hostname_g, sizeof(n.host));
	sstrncpy(n.plugin, PLUGIN_NAME, sizeof(n.plugin));
	sstrncpy(n.plugin_instance, instance, sizeof(n.plugin_instance));
	return n;
}

/* As NAME_address and NAME_port. */
static void meta_add_end(notification_t *n, const char *name, const uint8_t address[16],
			 uint16_t port)
{
	char key[32], text[ADDRESS_SIZE];

	address_text(text, sizeof(text), address);
	snprintf(key, sizeof(key), "%s_address", name);
	plugin_notification_meta_add_string(n, key, text);
	snprintf(key, sizeof(key), "%s_port", name);
	plugin_notification_meta_add_unsigned_int(n, key, port);
}

static void meta_add_event(notification_t *n, const struct event *event)
{
	plugin_notification_meta_add_unsigned_int(n, "pid", event->pid);
	plugin_notification_meta_add_string(n, "comm", event->comm);
	plugin_notification_meta_add_string(n, "group", event->group);
	if (event->uid != TCP_UID_UNKNOWN)
		plugin_notification_meta_add_unsigned_int(n, "uid", event->uid);
	if (event->local_port)
		meta_add_end(n, "local", event->local, event->local_port);
	meta_add_end(n, "remote", event->remote, event->remote_port);
	if (event->took_s > 0)
		plugin_notification_meta_add_double(n, "duration", event->took_s);
	if (event->failed)
		plugin_notification_meta_add_string(n, "reason", event->reason);
	else
		plugin_notification_meta_add_double(n, "limit", event->limit_s);
}

void report_event(const struct report *report, const struct event *event)
{
	notification_t n = notification_new(report, event->failed ? NOTIF_FAILURE : NOTIF_WARNING,
					    event->group);

	sstrncpy(n.type, event->failed ? "connections" : "latency", sizeof(n.type));
	snprintf(n.type_instance, sizeof(n.type_instance), "connect%s%s", event->failed ? "_" : "",
		 event->reason);
	event_text(n.message, sizeof(n.message), event);
	meta_add_event(&n, event);
	plugin_dispatch_notification(&n);
	plugin_notification_meta_free(n.meta);
}

void report_more(const struct report *report, uint64_t more)
{
	notification_t n = notification_new(report, NOTIF_WARNING, GROUP_SELF);

	sstrncpy(n.type, "connections", sizeof(n.type));
	sstrncpy(n.type_instance, "connect_more", sizeof(n.type_instance));
	snprintf(n.message, sizeof(n.message),
		 "%llu more connects were slow or failed in this interval",
		 (unsigned long long)more);
	plugin_dispatch_notification(&n);
}
