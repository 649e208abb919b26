/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "collectd_api.h"

#include <ctype.h>

#include "base/address.h"
#include "option.h"

void option_value(char *out, size_t size, const oconfig_item_t *item)
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

void option_block(char *out, size_t size, const struct config *c)
{
	char value[128];

	*out = '\0';
	if (!c->rule)
		return;
	option_value(value, sizeof(value), c->rule);
	snprintf(out, size, " in <%s %s>", c->rule->key, value);
}

int option_refuse(const struct config *c, const oconfig_item_t *item, const char *allowed)
{
	char value[256], block[192];

	option_value(value, sizeof(value), item);
	option_block(block, sizeof(block), c);
	ERROR(PLUGIN_NAME " plugin: option %s%s: %s is not allowed: give %s", item->key, block,
	      value, allowed);
	return -1;
}

unsigned option_distance(const char *a, const char *b)
{
	unsigned row[64], left, corner;
	size_t length = strlen(b);

	if (length >= sizeof(row) / sizeof(*row))
		return UINT_MAX;
	for (unsigned i = 0; i <= length; i++)
		row[i] = i;
	for (unsigned n = 1; *a; a++, n++) {
		corner = row[0];
		left = row[0] = n;
		for (size_t i = 1; i <= length; i++) {
			unsigned same = corner + (tolower((unsigned char)*a) !=
						  tolower((unsigned char)b[i - 1]));

			corner = row[i];
			left = left < corner ? left + 1 : corner + 1;
			row[i] = left = left < same ? left : same;
		}
	}
	return row[length];
}

bool option_is_single(const oconfig_item_t *item, int type)
{
	return item->values_num == 1 && item->values[0].type == type && item->children_num == 0;
}

const char *option_string(const oconfig_item_t *item, int i)
{
	bool there = i < item->values_num && item->values[i].type == OCONFIG_TYPE_STRING;

	return there && *item->values[i].value.string ? item->values[i].value.string : NULL;
}

static int refuse_names(const struct config *c, const oconfig_item_t *item,
			const char *const *names)
{
	char allowed[256] = "one of";
	size_t used = strlen(allowed);

	for (int i = 0; names[i] && used < sizeof(allowed); i++)
		used += snprintf(allowed + used, sizeof(allowed) - used, "%s \"%s\"", i ? "," : "",
				 names[i]);
	return option_refuse(c, item, allowed);
}

static void *field(struct config *c, const struct option *option)
{
	return (option->in_rule ? (char *)c->current : (char *)c) + option->at;
}

int read_bool(struct config *c, const struct option *option, oconfig_item_t *item)
{
	if (!option_is_single(item, OCONFIG_TYPE_BOOLEAN))
		return option_refuse(c, item, "true or false, without quotes");
	*(bool *)field(c, option) = item->values[0].value.boolean;
	return 0;
}

int read_count(struct config *c, const struct option *option, oconfig_item_t *item)
{
	char allowed[96];
	double number;

	if (option_is_single(item, OCONFIG_TYPE_NUMBER)) {
		number = item->values[0].value.number;
		if (number >= (double)option->min && number <= (double)option->max &&
		    number == (double)(long)number) {
			*(unsigned *)field(c, option) = (unsigned)number;
			return 0;
		}
	}
	snprintf(allowed, sizeof(allowed), "a whole number from %ld to %ld", option->min,
		 option->max);
	return option_refuse(c, item, allowed);
}

/* Index of the value in the option's names (case does not matter), -1 after an ERROR. */
static int name_index(const struct config *c, const struct option *option,
		      const oconfig_item_t *item)
{
	const char *const *names = option->names();

	if (option_is_single(item, OCONFIG_TYPE_STRING))
		for (int i = 0; names[i]; i++)
			if (strcasecmp(names[i], item->values[0].value.string) == 0)
				return i;
	return refuse_names(c, item, names);
}

int read_name_index(struct config *c, const struct option *option, oconfig_item_t *item)
{
	int index = name_index(c, option, item);

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

int option_below(char **path, const char *folder)
{
	char below[PATH_MAX];

	if (strcmp(folder, "/") == 0)
		return 0;
	snprintf(below, sizeof(below), "%s%s", folder, *path);
	return replace(path, below);
}

int read_name(struct config *c, const struct option *option, oconfig_item_t *item)
{
	int index = name_index(c, option, item);

	return index < 0 ? -1 : replace(field(c, option), option->names()[index]);
}

int read_path(struct config *c, const struct option *option, oconfig_item_t *item)
{
	if (!option_is_single(item, OCONFIG_TYPE_STRING) || item->values[0].value.string[0] != '/')
		return option_refuse(c, item, "an absolute path in quotes");
	return replace(field(c, option), item->values[0].value.string);
}

/* Two percentiles that are printed alike would be two samples of one series. */
static void add_percentile(struct metric_percentiles *all, double percent)
{
	char text[32], other[32];

	snprintf(text, sizeof(text), METRIC_PERCENTILE_FORMAT, percent);
	for (unsigned i = 0; i < all->count; i++) {
		snprintf(other, sizeof(other), METRIC_PERCENTILE_FORMAT, all->list[i]);
		if (strcmp(text, other) == 0)
			return;
	}
	all->list[all->count++] = percent;
}

int read_percentile(struct config *c, const struct option *option, oconfig_item_t *item)
{
	struct metric_percentiles *all = field(c, option);

	if (!c->again)
		all->count = 0; /* the user's replace the default ones */
	for (int i = 0; i < item->values_num; i++) {
		const oconfig_value_t *value = &item->values[i];

		if (value->type != OCONFIG_TYPE_NUMBER || !(value->value.number > 0) ||
		    value->value.number > 100 || all->count >= METRIC_PERCENTILES_MAX)
			return option_refuse(c, item,
					     "numbers above 0 and up to 100, at most 16 in all");
		add_percentile(all, value->value.number);
	}
	return item->values_num && !item->children_num
		       ? 0
		       : option_refuse(c, item, "a number above 0 and up to 100");
}

/* As with percentiles, two buckets that are printed alike would be one series. */
static void add_bucket(struct metric_buckets *all, const struct metric_bucket *bucket)
{
	char text[32], other[32];

	snprintf(text, sizeof(text), METRIC_BUCKET_FORMAT, bucket->lower, bucket->upper);
	for (unsigned i = 0; i < all->count; i++) {
		snprintf(other, sizeof(other), METRIC_BUCKET_FORMAT, all->list[i].lower,
			 all->list[i].upper);
		if (strcmp(text, other) == 0)
			return;
	}
	all->list[all->count++] = *bucket;
}

static bool is_bound(const oconfig_item_t *item, int i)
{
	return item->values[i].type == OCONFIG_TYPE_NUMBER && item->values[i].value.number >= 0 &&
	       item->values[i].value.number <= 3600;
}

int read_bucket(struct config *c, const struct option *option, oconfig_item_t *item)
{
	static const char allowed[] = "two bounds in seconds, from 0 to 3600, the lower one first; "
				      "0 as the upper one is no bound; at most 32 buckets";
	struct metric_buckets *all = field(c, option);
	struct metric_bucket bucket;

	if (item->values_num != 2 || item->children_num || !is_bound(item, 0) ||
	    !is_bound(item, 1) || all->count == METRIC_BUCKETS_MAX)
		return option_refuse(c, item, allowed);
	bucket.lower = item->values[0].value.number;
	bucket.upper = item->values[1].value.number;
	if (bucket.upper > 0 && bucket.upper <= bucket.lower)
		return option_refuse(c, item, allowed);
	add_bucket(all, &bucket);
	return 0;
}

int read_seconds(struct config *c, const struct option *option, oconfig_item_t *item)
{
	char allowed[64];

	if (option_is_single(item, OCONFIG_TYPE_NUMBER) && item->values[0].value.number >= 0 &&
	    item->values[0].value.number <= (double)option->max) {
		*(double *)field(c, option) = item->values[0].value.number;
		return 0;
	}
	snprintf(allowed, sizeof(allowed), "seconds from 0 (never) to %ld", option->max);
	return option_refuse(c, item, allowed);
}

int read_ports(struct config *c, const struct option *option, oconfig_item_t *item)
{
	static const char allowed[] = "ports from 1 to 65535, ranges like \"8000-8080\" or names "
				      "of services like \"https\"";

	for (int i = 0; i < item->values_num; i++) {
		const oconfig_value_t *value = &item->values[i];
		char number[32];

		snprintf(number, sizeof(number), "%.15g",
			 value->type == OCONFIG_TYPE_NUMBER ? value->value.number : -1);
		if (ports_parse(field(c, option),
				option_string(item, i) ? option_string(item, i) : number))
			return option_refuse(c, item, allowed);
	}
	return item->values_num && !item->children_num ? 0 : option_refuse(c, item, allowed);
}
