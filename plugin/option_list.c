/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "collectd_api.h"

#include "option.h"

/* Room for one more; NULL after an ERROR. */
static void *grow(void *list, size_t count, size_t size)
{
	void *more = realloc(list, (count + 1) * size);

	if (!more)
		ERROR(PLUGIN_NAME " plugin: out of memory");
	return more;
}

/* A value that tells processes of a rule, as text; NULL if it is none. */
static const char *rule_text(const struct option *option, const oconfig_item_t *item, int i,
			     char *number, size_t size)
{
	const oconfig_value_t *value = &item->values[i];
	const char *text = option_string(item, i);
	double pid;

	if (option->min == RULE_PID) {
		pid = value->type == OCONFIG_TYPE_NUMBER ? value->value.number : 0;
		snprintf(number, size, "%.0f", pid);
		return pid >= 1 && pid <= (double)option->max && pid == (double)(long)pid ? number
											  : NULL;
	}
	return text && (option->min != RULE_PID_FILE || *text == '/') ? text : NULL;
}

/* The first value is the name, and with Process, if it is alone, that of the processes too. NULL
 * after an ERROR. */
static struct rule *make_rule(const struct config *c, const struct option *option,
			      const oconfig_item_t *item)
{
	static const char pattern[] = "a name and a regular expression in quotes, or several";
	static const char *const kinds[] = {
		[RULE_PROCESS] = ("the name of a process in quotes, or that of the group and those "
				  "of its processes"),
		[RULE_PATTERN] = pattern,
		[RULE_CONTAINER] = pattern,
		[RULE_PID_FILE] = "a name and an absolute path in quotes, or several",
		[RULE_PID] = "a name in quotes and a process id from 1 to 4194304, or several",
	};
	char number[32], why[128] = "out of memory", allowed[192];
	int at = option->min == RULE_PROCESS && item->values_num == 1 ? 0 : 1, err = 0;
	const char *name = option_string(item, 0), *text = NULL;
	struct rule *rule = NULL;

	for (; name && !err && at < item->values_num; at++) {
		text = rule_text(option, item, at, number, sizeof(number));
		if (!text)
			break;
		err = rule ? rule_add(rule, text, why, sizeof(why))
			   : rule_new(&rule, (enum rule_kind)option->min, name, text, why,
				      sizeof(why));
	}
	if (text && !err)
		return rule;
	snprintf(allowed, sizeof(allowed), "something else (%s)", why);
	option_refuse(c, item, err ? allowed : kinds[option->min]);
	rule_free(rule);
	return NULL;
}

/* As the user wrote it. NULL after an ERROR. */
static char *rule_title(const oconfig_item_t *item)
{
	char value[256], title[320], *copy;

	option_value(value, sizeof(value), item);
	snprintf(title, sizeof(title), "%s %s", item->key, value);
	copy = strdup(title);
	if (!copy)
		ERROR(PLUGIN_NAME " plugin: out of memory");
	return copy;
}

static int add_rule(struct config *c, struct rule *rule, const oconfig_item_t *item)
{
	struct match_options *match = &c->match;
	struct config_report *reports;
	struct rule **rules;
	char *title;

	rules = grow(match->rules, match->rule_count, sizeof(*rules));
	if (!rules)
		return -1;
	match->rules = rules;
	reports = grow(c->reports, match->rule_count + 1, sizeof(*reports));
	if (!reports)
		return -1;
	c->current = c->reports = reports; /* a rule stands in no block */
	title = rule_title(item);
	if (!title)
		return -1;
	reports[match->rule_count + 1] = (struct config_report){.rule = title};
	rules[match->rule_count++] = rule;
	return 0;
}

int read_rule(struct config *c, const struct option *option, oconfig_item_t *item)
{
	struct rule *rule = make_rule(c, option, item);

	for (unsigned i = 0; rule && i < c->match.rule_count; i++)
		if (strcmp(rule_name(c->match.rules[i]), rule_name(rule)) == 0) {
			rule_free(rule);
			return option_refuse(c, item, "each name once");
		}
	if (!rule || add_rule(c, rule, item)) {
		rule_free(rule);
		return -1;
	}
	return 0;
}

int read_ignore(struct config *c, const struct option *option, oconfig_item_t *item)
{
	struct match_options *match = &c->match;
	char why[128] = "out of memory", allowed[192];
	struct ignore **ignores;

	(void)option;
	if (!option_is_single(item, OCONFIG_TYPE_STRING) || !option_string(item, 0))
		return option_refuse(c, item,
				     "the name of a group, or a /regular expression/, in quotes");
	ignores = grow(match->ignores, match->ignore_count, sizeof(*ignores));
	if (!ignores)
		return -1;
	match->ignores = ignores;
	if (ignore_new(&ignores[match->ignore_count], option_string(item, 0), why, sizeof(why))) {
		snprintf(allowed, sizeof(allowed), "something else (%s)", why);
		return option_refuse(c, item, allowed);
	}
	match->ignore_count++;
	return 0;
}

int read_subnet(struct config *c, const struct option *option, oconfig_item_t *item)
{
	char name[GROUP_NAME_SIZE / 2];
	struct subnet *subnets;

	(void)option;
	if (item->values_num != 2 || !option_string(item, 0) || !option_string(item, 1) ||
	    item->children_num)
		return option_refuse(c, item,
				     "a name and a network like \"10.1.0.0/16\" in quotes");
	subnets = grow(c->subnets, c->subnet_count, sizeof(*subnets));
	if (!subnets)
		return -1;
	c->subnets = subnets;
	naming_clean(name, sizeof(name), option_string(item, 0));
	if (subnet_parse(&subnets[c->subnet_count], name, option_string(item, 1)))
		return option_refuse(c, item,
				     "an address, or a network like \"10.1.0.0/16\" or "
				     "\"2001:db8::/32\" without bits beyond its prefix");
	c->subnet_count++;
	return 0;
}
