/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#pragma GCC visibility push(default) /* a module that a test loads shall find them */

#include "collectd_stub.h"

struct stub stub;

void stub_reset(void)
{
	memset(&stub, 0, sizeof(stub));
}

void plugin_log(int level, const char *format, ...)
{
	unsigned at = stub.log_count++;
	va_list args;

	if (at >= STUB_LOGS_MAX)
		return;
	stub.logs[at].level = level;
	va_start(args, format);
	vsnprintf(stub.logs[at].text, sizeof(stub.logs[at].text), format, args);
	va_end(args);
}

int plugin_dispatch_values(const value_list_t *vl)
{
	unsigned at = stub.value_count++;

	if (at >= STUB_VALUES_MAX)
		return stub.dispatch_result;
	stub.values[at].list = *vl;
	if (vl->meta)
		snprintf(stub.values[at].meta, sizeof(stub.values[at].meta), "%s", vl->meta->text);
	for (size_t i = 0; i < vl->values_len && i < 2; i++)
		stub.values[at].values[i] = vl->values[i];
	return stub.dispatch_result;
}

const data_set_t *plugin_get_ds(const char *name)
{
	stub.sets_asked++;
	for (const data_set_t *set = stub.sets; set && *set->type; set++)
		if (strcmp(set->type, name) == 0)
			return set;
	return NULL;
}

char *hostname_g = "host";

/* As text: " name=value" each, a string in quotes. */
static void meta_text(char *out, size_t size, const notification_meta_t *meta)
{
	size_t used = 0;

	for (*out = '\0'; meta && used < size; meta = meta->next) {
		if (meta->type == NM_TYPE_STRING)
			used += snprintf(out + used, size - used, " %s=\"%s\"", meta->name,
					 meta->nm_value.nm_string);
		else if (meta->type == NM_TYPE_UNSIGNED_INT)
			used += snprintf(out + used, size - used, " %s=%llu", meta->name,
					 (unsigned long long)meta->nm_value.nm_unsigned_int);
		else
			used += snprintf(out + used, size - used, " %s=%.9f", meta->name,
					 meta->nm_value.nm_double);
	}
}

int plugin_dispatch_notification(const notification_t *n)
{
	unsigned at = stub.notification_count++;

	if (at >= STUB_NOTIFICATIONS_MAX)
		return 0;
	stub.notifications[at] = *n;
	stub.notifications[at].meta = NULL;
	meta_text(stub.notification_meta[at], sizeof(stub.notification_meta[at]), n->meta);
	return 0;
}

/* The last in the list of the notification, of that name; without a value. */
static notification_meta_t *notification_meta_add(notification_t *n, const char *name, int type)
{
	notification_meta_t **at = &n->meta, *meta = calloc(1, sizeof(*meta));

	if (!meta)
		return NULL;
	while (*at)
		at = &(*at)->next;
	*at = meta;
	stub.notification_metas++;
	sstrncpy(meta->name, name, sizeof(meta->name));
	meta->type = type;
	return meta;
}

int plugin_notification_meta_add_string(notification_t *n, const char *name, const char *value)
{
	notification_meta_t *meta = notification_meta_add(n, name, NM_TYPE_STRING);

	if (!meta)
		return -1;
	meta->nm_value.nm_string = strdup(value);
	return 0;
}

int plugin_notification_meta_add_unsigned_int(notification_t *n, const char *name, uint64_t value)
{
	notification_meta_t *meta = notification_meta_add(n, name, NM_TYPE_UNSIGNED_INT);

	if (!meta)
		return -1;
	meta->nm_value.nm_unsigned_int = value;
	return 0;
}

int plugin_notification_meta_add_double(notification_t *n, const char *name, double value)
{
	notification_meta_t *meta = notification_meta_add(n, name, NM_TYPE_DOUBLE);

	if (!meta)
		return -1;
	meta->nm_value.nm_double = value;
	return 0;
}

int plugin_notification_meta_free(notification_meta_t *n)
{
	notification_meta_t *next;

	for (; n; n = next) {
		next = n->next;
		if (n->type == NM_TYPE_STRING)
			free((char *)n->nm_value.nm_string);
		free(n);
		stub.notification_metas--;
	}
	return 0;
}

int plugin_register_complex_config(const char *type, int (*callback)(oconfig_item_t *))
{
	sstrncpy(stub.config_name, type, sizeof(stub.config_name));
	stub.config = callback;
	return 0;
}

int plugin_register_init(const char *name, plugin_init_cb callback)
{
	sstrncpy(stub.init_name, name, sizeof(stub.init_name));
	stub.init = callback;
	return 0;
}

int plugin_register_read(const char *name, int (*callback)(void))
{
	sstrncpy(stub.read_name, name, sizeof(stub.read_name));
	stub.read = callback;
	return 0;
}

int plugin_register_shutdown(const char *name, plugin_shutdown_cb callback)
{
	sstrncpy(stub.shutdown_name, name, sizeof(stub.shutdown_name));
	stub.shutdown = callback;
	return 0;
}

meta_data_t *meta_data_create(void)
{
	meta_data_t *meta = calloc(1, sizeof(*meta));

	stub.metas += meta != NULL;
	return meta;
}

void meta_data_destroy(meta_data_t *md)
{
	stub.metas -= md != NULL;
	free(md);
}

/* Adds "key=value ". */
__attribute__((format(printf, 2, 3))) static int meta_add(meta_data_t *meta, const char *format,
							  ...)
{
	size_t used = strlen(meta->text);
	va_list args;

	va_start(args, format);
	vsnprintf(meta->text + used, sizeof(meta->text) - used, format, args);
	va_end(args);
	return 0;
}

int meta_data_add_string(meta_data_t *md, const char *key, const char *value)
{
	return meta_add(md, "%s=\"%s\" ", key, value);
}

int meta_data_add_unsigned_int(meta_data_t *md, const char *key, uint64_t value)
{
	return meta_add(md, "%s=%llu ", key, (unsigned long long)value);
}

cdtime_t plugin_get_interval(void)
{
	return TIME_T_TO_CDTIME_T(10);
}

cdtime_t cdtime(void)
{
	return TIME_T_TO_CDTIME_T(1009);
}

char *sstrncpy(char *dest, const char *src, size_t n)
{
	snprintf(dest, n, "%s", src);
	return dest;
}
