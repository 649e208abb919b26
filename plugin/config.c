/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "collectd_api.h"

#include <ctype.h>

#include "config.h"

#define AT(field) offsetof(struct config, field)
#define PID_MAX 4194304 /* the kernel's PID_MAX_LIMIT: no host has more processes */

struct option;

/* Returns 0 or -1 after an ERROR. */
typedef int option_read(struct config *c, const struct option *option, const oconfig_item_t *item);

struct option {
	const char *name;
	option_read *read;
	size_t at; /* offset in struct config */
	long min, max;
	const char *const *(*names)(void);
	const char *fallback; /* default, as the user would write it */
};

static option_read read_bool, read_count, read_name_index, read_name, read_path, read_percentile;

/* To add an option: one row here, one in conf/ebpf_tcp.conf and one in the man page. */
static const struct option options[] = {
	{"GroupBy", read_name_index, AT(match.group_by), 0, 0, match_by_names, "Process"},
	{"ReportByPID", read_bool, AT(group.by_pid), 0, 0, NULL, "true"},
	{"PIDLimit", read_count, AT(group.pid_limit), 1, PID_MAX, NULL, "50"},
	{"PIDMinAge", read_count, AT(group.pid_min_age_s), 0, 86400, NULL, "60"},
	{"GroupLimit", read_count, AT(group.group_limit), 1, PID_MAX, NULL, "200"},
	{"ReportBytes", read_bool, AT(metric.bytes), 0, 0, NULL, "true"},
	{"ReportConnections", read_bool, AT(metric.connections), 0, 0, NULL, "true"},
	{"ReportConnectLatency", read_bool, AT(metric.connect_latency), 0, 0, NULL, "true"},
	{"LatencyPercentile", read_percentile, 0, 0, 0, NULL, "50 95 99"},
	{"Backend", read_name, AT(probe.backend), 0, 0, probe_backend_names, "auto"},
	{"MaxProcesses", read_count, AT(probe.max_processes), 16, PID_MAX, NULL, "16384"},
	{"MaxSockets", read_count, AT(probe.max_sockets), 16, 16777216, NULL, "65536"},
	{"BTF", read_path, AT(probe.btf), 0, 0, NULL, NULL},
	{"ProcRoot", read_path, AT(snapshot.proc_root), 0, 0, NULL, "/proc"},
};
#define OPTION_COUNT (sizeof(options) / sizeof(*options))

/* -- errors -- */

/* The values as the user wrote them, as far as collectd tells. */
static void value_text(char *out, size_t size, const oconfig_item_t *item)
{
	size_t used = snprintf(out, size, "%s", item->values_num ? "" : "nothing");

	for (int i = 0; i < item->values_num && used < size; i++) {
		const oconfig_value_t *value = &item->values[i];
		const char *space = i ? " " : "";

		if (value->type == OCONFIG_TYPE_STRING)
			used += snprintf(out + used, size - used, "%s\"%s\"", space,
					 value->value.string);
		else if (value->type == OCONFIG_TYPE_NUMBER)
			used += snprintf(out + used, size - used, "%s%.15g", space,
					 value->value.number);
		else
			used += snprintf(out + used, size - used, "%s%s", space,
					 value->value.boolean ? "true" : "false");
	}
}

static int refuse(const oconfig_item_t *item, const char *allowed)
{
	char value[256];

	value_text(value, sizeof(value), item);
	ERROR(PLUGIN_NAME " plugin: option %s: %s is not allowed: give %s", item->key, value,
	      allowed);
	return -1;
}

static int refuse_names(const oconfig_item_t *item, const char *const *names)
{
	char allowed[256] = "one of";
	size_t used = strlen(allowed);

	for (int i = 0; names[i] && used < sizeof(allowed); i++)
		used += snprintf(allowed + used, sizeof(allowed) - used, "%s \"%s\"", i ? "," : "",
				 names[i]);
	return refuse(item, allowed);
}

/* -- values -- */

static bool is_single(const oconfig_item_t *item, int type)
{
	return item->values_num == 1 && item->values[0].type == type && item->children_num == 0;
}

static void *field(struct config *c, const struct option *option)
{
	return (char *)c + option->at;
}

static int read_bool(struct config *c, const struct option *option, const oconfig_item_t *item)
{
	if (!is_single(item, OCONFIG_TYPE_BOOLEAN))
		return refuse(item, "true or false, without quotes");
	*(bool *)field(c, option) = item->values[0].value.boolean;
	return 0;
}

static int read_count(struct config *c, const struct option *option, const oconfig_item_t *item)
{
	char allowed[96];
	double number;

	if (is_single(item, OCONFIG_TYPE_NUMBER)) {
		number = item->values[0].value.number;
		if (number >= (double)option->min && number <= (double)option->max &&
		    number == (double)(long)number) {
			*(unsigned *)field(c, option) = (unsigned)number;
			return 0;
		}
	}
	snprintf(allowed, sizeof(allowed), "a whole number from %ld to %ld", option->min,
		 option->max);
	return refuse(item, allowed);
}

/* Index of the value in the option's names (case does not matter), -1 after an ERROR. */
static int name_index(const struct option *option, const oconfig_item_t *item)
{
	const char *const *names = option->names();

	if (is_single(item, OCONFIG_TYPE_STRING))
		for (int i = 0; names[i]; i++)
			if (strcasecmp(names[i], item->values[0].value.string) == 0)
				return i;
	return refuse_names(item, names);
}

static int read_name_index(struct config *c, const struct option *option,
			   const oconfig_item_t *item)
{
	int index = name_index(option, item);

	if (index < 0)
		return -1;
	*(int *)field(c, option) = index;
	return 0;
}

static int replace(char **string, const char *value)
{
	char *copy = strdup(value);

	if (!copy) {
		ERROR(PLUGIN_NAME " plugin: out of memory");
		return -1;
	}
	free(*string);
	*string = copy;
	return 0;
}

static int read_name(struct config *c, const struct option *option, const oconfig_item_t *item)
{
	int index = name_index(option, item);

	return index < 0 ? -1 : replace(field(c, option), option->names()[index]);
}

static int read_path(struct config *c, const struct option *option, const oconfig_item_t *item)
{
	if (!is_single(item, OCONFIG_TYPE_STRING) || item->values[0].value.string[0] != '/')
		return refuse(item, "an absolute path in quotes");
	return replace(field(c, option), item->values[0].value.string);
}

/* Two that are printed alike would be two samples of one series. */
static void add_percentile(struct metric_options *metric, double percent)
{
	char text[32], other[32];

	snprintf(text, sizeof(text), METRIC_PERCENTILE_FORMAT, percent);
	for (unsigned i = 0; i < metric->percentile_count; i++) {
		snprintf(other, sizeof(other), METRIC_PERCENTILE_FORMAT, metric->percentiles[i]);
		if (strcmp(text, other) == 0)
			return;
	}
	metric->percentiles[metric->percentile_count++] = percent;
}

static int read_percentile(struct config *c, const struct option *option,
			   const oconfig_item_t *item)
{
	struct metric_options *metric = &c->metric;

	(void)option;
	if (!c->own_percentiles)
		metric->percentile_count = 0;
	c->own_percentiles = true;
	for (int i = 0; i < item->values_num; i++) {
		const oconfig_value_t *value = &item->values[i];

		if (value->type != OCONFIG_TYPE_NUMBER || !(value->value.number > 0) ||
		    value->value.number > 100 || metric->percentile_count >= METRIC_PERCENTILES_MAX)
			return refuse(item, "numbers above 0 and up to 100, at most 16 in all");
		add_percentile(metric, value->value.number);
	}
	return item->values_num ? 0 : refuse(item, "a number above 0 and up to 100");
}

/* -- blocks -- */

/* Reads the default as if the user had written it. Returns 0 or -1. */
static int read_fallback(struct config *c, const struct option *option)
{
	oconfig_value_t values[METRIC_PERCENTILES_MAX];
	oconfig_item_t item = {.key = (char *)option->name, .values = values, .values_num = 1};
	bool yes = strcmp(option->fallback, "true") == 0;
	const char *at = option->fallback;
	char *end;

	if (yes || strcmp(option->fallback, "false") == 0) {
		values[0].type = OCONFIG_TYPE_BOOLEAN;
		values[0].value.boolean = yes;
	} else if (!isdigit((unsigned char)*at)) {
		values[0].type = OCONFIG_TYPE_STRING;
		values[0].value.string = (char *)option->fallback;
	} else {
		for (item.values_num = 0; *at; at = end) {
			oconfig_value_t *value = &values[item.values_num++];

			value->type = OCONFIG_TYPE_NUMBER;
			value->value.number = strtod(at, &end);
		}
	}
	return option->read(c, option, &item);
}

int config_defaults(struct config *c)
{
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].fallback && read_fallback(c, &options[i]))
			return -1;
	c->own_percentiles = false;
	return 0;
}

static int read_option(struct config *c, const oconfig_item_t *item)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (strcasecmp(options[i].name, item->key) == 0)
			return options[i].read(c, &options[i], item);
	WARNING(PLUGIN_NAME " plugin: unknown option %s: ignored", item->key);
	return 0;
}

int config_read(struct config *c, oconfig_item_t *block)
{
	int status = 0;

	for (int i = 0; i < block->children_num; i++)
		if (read_option(c, &block->children[i]))
			status = -1;
	return status;
}

void config_free(struct config *c)
{
	free(c->probe.backend);
	free(c->probe.btf);
	free(c->snapshot.proc_root);
	*c = (struct config){0};
}
