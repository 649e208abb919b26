/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "collectd_api.h"

#include <ctype.h>

#include "config.h"

#define PID_MAX 4194304 /* the kernel's PID_MAX_LIMIT: no host has more processes */

struct option;

/* Returns 0 or -1 after an ERROR. */
typedef int option_read(struct config *c, const struct option *option, oconfig_item_t *item);

struct option {
	const char *name;
	option_read *read;
	bool in_rule; /* `at` is an offset in struct config_report, else in struct config */
	size_t at, size;
	long min, max; /* of a rule: min is its enum rule_kind */
	const char *const *(*names)(void);
	const char *fallback; /* default, as the user would write it */
};

#define AT(field) false, offsetof(struct config, field), sizeof(((struct config *)0)->field)
#define IN_RULE(field)                                                                             \
	true, offsetof(struct config_report, field), sizeof(((struct config_report *)0)->field)
#define NOWHERE false, 0, 0

static option_read read_bool, read_count, read_name_index, read_name, read_path, read_percentile,
	read_bucket, read_seconds, read_rule, read_ignore, read_ports, read_subnet;
static int read_items(struct config *c, oconfig_item_t *block, bool in_rule);

/* To add an option: one row here, one in conf/ebpf_tcp.conf and one in the man page. */
static const struct option options[] = {
	{"GroupBy", read_name_index, AT(match.group_by), 0, 0, match_by_names, "Process"},
	{"Process", read_rule, NOWHERE, RULE_PROCESS, 0, NULL, NULL},
	{"ProcessMatch", read_rule, NOWHERE, RULE_MATCH, 0, NULL, NULL},
	{"PIDFile", read_rule, NOWHERE, RULE_PID_FILE, 0, NULL, NULL},
	{"PID", read_rule, NOWHERE, RULE_PID, PID_MAX, NULL, NULL},
	{"ReportUnmatched", read_bool, AT(match.report_unmatched), 0, 0, NULL, "false"},
	{"Ignore", read_ignore, NOWHERE, 0, 0, NULL, NULL},
	{"IgnoreSelected", read_bool, AT(match.ignore_selected), 0, 0, NULL, "true"},
	{"GroupLimit", read_count, IN_RULE(group.group_limit), 1, PID_MAX, NULL, "200"},
	{"ReportByPID", read_bool, IN_RULE(group.by_pid), 0, 0, NULL, "true"},
	{"PIDLimit", read_count, IN_RULE(group.pid_limit), 1, PID_MAX, NULL, "50"},
	{"PIDMinAge", read_count, IN_RULE(group.pid_min_age_s), 0, 86400, NULL, "60"},
	{"ReportByDestination", read_bool, IN_RULE(group.by_destination), 0, 0, NULL, "false"},
	{"DestinationLimit", read_count, IN_RULE(group.destination_limit), 1, PID_MAX, NULL, "50"},
	{"Subnet", read_subnet, NOWHERE, 0, 0, NULL, NULL},
	{"ReportByPort", read_bool, IN_RULE(group.by_port), 0, 0, NULL, "false"},
	{"PortLimit", read_count, IN_RULE(group.port_limit), 1, PID_MAX, NULL, "50"},
	{"NewNamesPerHour", read_count, IN_RULE(group.new_names_per_hour), 0, PID_MAX, NULL, "60"},
	{"ReportBytes", read_bool, IN_RULE(metric.bytes), 0, 0, NULL, "true"},
	{"ReportByScope", read_bool, IN_RULE(metric.by_scope), 0, 0, NULL, "false"},
	{"ReportConnections", read_bool, IN_RULE(metric.connections), 0, 0, NULL, "true"},
	{"ReportConnectLatency", read_bool, IN_RULE(metric.connect_latency), 0, 0, NULL, "true"},
	{"LatencyPercentile", read_percentile, IN_RULE(metric.percentiles), 0, 0, NULL, "50 95 99"},
	{"LatencyBucket", read_bucket, IN_RULE(metric.buckets), 0, 0, NULL, NULL},
	{"ReportLifetime", read_bool, IN_RULE(metric.lifetime), 0, 0, NULL, "false"},
	{"ReportHealth", read_bool, IN_RULE(metric.health), 0, 0, NULL, "false"},
	{"ReportListen", read_bool, IN_RULE(metric.listen), 0, 0, NULL, "false"},
	{"NotifySlowConnect", read_seconds, IN_RULE(event.slow_s), 0, 3600, NULL, "0"},
	{"NotifyFailedConnect", read_bool, IN_RULE(event.failed), 0, 0, NULL, "false"},
	{"NotifyLimit", read_count, AT(notify_limit), 1, 1000, NULL, "10"},
	{"ReportOwnCost", read_bool, AT(own_cost), 0, 0, NULL, "false"},
	{"LocalPort", read_ports, AT(probe.local_ports), 0, 0, NULL, NULL},
	{"RemotePort", read_ports, AT(probe.remote_ports), 0, 0, NULL, NULL},
	{"Loopback", read_bool, AT(probe.scopes[TCP_SCOPE_LOOPBACK]), 0, 0, NULL, "true"},
	{"Private", read_bool, AT(probe.scopes[TCP_SCOPE_PRIVATE]), 0, 0, NULL, "true"},
	{"Public", read_bool, AT(probe.scopes[TCP_SCOPE_PUBLIC]), 0, 0, NULL, "true"},
	{"Backend", read_name, AT(probe.backend), 0, 0, probe_backend_names, "auto"},
	{"MaxProcesses", read_count, AT(probe.max_processes), 16, PID_MAX, NULL, "16384"},
	{"MaxSockets", read_count, AT(probe.max_sockets), 16, 16777216, NULL, "65536"},
	{"MaxEndpoints", read_count, AT(probe.max_endpoints), 16, 1048576, NULL, "4096"},
	{"BTF", read_path, AT(probe.btf), 0, 0, NULL, NULL},
	{"ProcRoot", read_path, AT(snapshot.proc_root), 0, 0, NULL, "/proc"},
	{"CgroupRoot", read_path, AT(match.cgroup_root), 0, 0, NULL, "/sys/fs/cgroup"},
};
#define OPTION_COUNT (sizeof(options) / sizeof(*options))
_Static_assert(OPTION_COUNT <= 64, "a bit of config_report.own for each");

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

/* " in <Process "mysqld">" for what is in the block of a rule, else "". collectd does not tell it:
 * it leaves `parent` NULL. */
static void block_text(char *out, size_t size, const struct config *c)
{
	char value[128];

	*out = '\0';
	if (!c->rule)
		return;
	value_text(value, sizeof(value), c->rule);
	snprintf(out, size, " in <%s %s>", c->rule->key, value);
}

static int refuse(const struct config *c, const oconfig_item_t *item, const char *allowed)
{
	char value[256], block[192];

	value_text(value, sizeof(value), item);
	block_text(block, sizeof(block), c);
	ERROR(PLUGIN_NAME " plugin: option %s%s: %s is not allowed: give %s", item->key, block,
	      value, allowed);
	return -1;
}

static int refuse_names(const struct config *c, const oconfig_item_t *item,
			const char *const *names)
{
	char allowed[256] = "one of";
	size_t used = strlen(allowed);

	for (int i = 0; names[i] && used < sizeof(allowed); i++)
		used += snprintf(allowed + used, sizeof(allowed) - used, "%s \"%s\"", i ? "," : "",
				 names[i]);
	return refuse(c, item, allowed);
}

/* -- values -- */

static bool is_single(const oconfig_item_t *item, int type)
{
	return item->values_num == 1 && item->values[0].type == type && item->children_num == 0;
}

static void *field(struct config *c, const struct option *option)
{
	return (option->in_rule ? (char *)c->current : (char *)c) + option->at;
}

static int read_bool(struct config *c, const struct option *option, oconfig_item_t *item)
{
	if (!is_single(item, OCONFIG_TYPE_BOOLEAN))
		return refuse(c, item, "true or false, without quotes");
	*(bool *)field(c, option) = item->values[0].value.boolean;
	return 0;
}

static int read_count(struct config *c, const struct option *option, oconfig_item_t *item)
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
	return refuse(c, item, allowed);
}

/* Index of the value in the option's names (case does not matter), -1 after an ERROR. */
static int name_index(const struct config *c, const struct option *option,
		      const oconfig_item_t *item)
{
	const char *const *names = option->names();

	if (is_single(item, OCONFIG_TYPE_STRING))
		for (int i = 0; names[i]; i++)
			if (strcasecmp(names[i], item->values[0].value.string) == 0)
				return i;
	return refuse_names(c, item, names);
}

static int read_name_index(struct config *c, const struct option *option, oconfig_item_t *item)
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

static int read_name(struct config *c, const struct option *option, oconfig_item_t *item)
{
	int index = name_index(c, option, item);

	return index < 0 ? -1 : replace(field(c, option), option->names()[index]);
}

static int read_path(struct config *c, const struct option *option, oconfig_item_t *item)
{
	if (!is_single(item, OCONFIG_TYPE_STRING) || item->values[0].value.string[0] != '/')
		return refuse(c, item, "an absolute path in quotes");
	return replace(field(c, option), item->values[0].value.string);
}

/* Two that are printed alike would be two samples of one series. */
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

static int read_percentile(struct config *c, const struct option *option, oconfig_item_t *item)
{
	struct metric_percentiles *all = field(c, option);

	if (!(c->current->own >> (option - options) & 1))
		all->count = 0; /* the user's replace the default ones */
	for (int i = 0; i < item->values_num; i++) {
		const oconfig_value_t *value = &item->values[i];

		if (value->type != OCONFIG_TYPE_NUMBER || !(value->value.number > 0) ||
		    value->value.number > 100 || all->count >= METRIC_PERCENTILES_MAX)
			return refuse(c, item, "numbers above 0 and up to 100, at most 16 in all");
		add_percentile(all, value->value.number);
	}
	return item->values_num && !item->children_num
		       ? 0
		       : refuse(c, item, "a number above 0 and up to 100");
}

/* As with percentiles: two that are printed alike would be one series. */
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

static int read_bucket(struct config *c, const struct option *option, oconfig_item_t *item)
{
	static const char allowed[] = "two bounds in seconds, from 0 to 3600, the lower one first; "
				      "0 as the upper one is no bound; at most 32 buckets";
	struct metric_buckets *all = field(c, option);
	struct metric_bucket bucket;

	if (item->values_num != 2 || item->children_num || !is_bound(item, 0) ||
	    !is_bound(item, 1) || all->count == METRIC_BUCKETS_MAX)
		return refuse(c, item, allowed);
	bucket.lower = item->values[0].value.number;
	bucket.upper = item->values[1].value.number;
	if (bucket.upper > 0 && bucket.upper <= bucket.lower)
		return refuse(c, item, allowed);
	add_bucket(all, &bucket);
	return 0;
}

static int read_seconds(struct config *c, const struct option *option, oconfig_item_t *item)
{
	char allowed[64];

	if (is_single(item, OCONFIG_TYPE_NUMBER) && item->values[0].value.number >= 0 &&
	    item->values[0].value.number <= (double)option->max) {
		*(double *)field(c, option) = item->values[0].value.number;
		return 0;
	}
	snprintf(allowed, sizeof(allowed), "seconds from 0 (never) to %ld", option->max);
	return refuse(c, item, allowed);
}

/* -- lists -- */

/* Room for one more; NULL after an ERROR. */
static void *grow(void *list, size_t count, size_t size)
{
	void *more = realloc(list, (count + 1) * size);

	if (!more)
		ERROR(PLUGIN_NAME " plugin: out of memory");
	return more;
}

static const char *string_at(const oconfig_item_t *item, int i)
{
	bool there = i < item->values_num && item->values[i].type == OCONFIG_TYPE_STRING;

	return there && *item->values[i].value.string ? item->values[i].value.string : NULL;
}

/* A value that tells processes of a rule, as text; NULL if it is none. */
static const char *rule_text(const struct option *option, const oconfig_item_t *item, int i,
			     char *number, size_t size)
{
	const oconfig_value_t *value = &item->values[i];
	const char *text = string_at(item, i);
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
	static const char *const kinds[] = {
		[RULE_PROCESS] = ("the name of a process in quotes, or that of the group and those "
				  "of its processes"),
		[RULE_MATCH] = "a name and a regular expression in quotes, or several",
		[RULE_PID_FILE] = "a name and an absolute path in quotes, or several",
		[RULE_PID] = "a name in quotes and a process id from 1 to 4194304, or several",
	};
	char number[32], why[128] = "out of memory", allowed[192];
	int at = option->min == RULE_PROCESS && item->values_num == 1 ? 0 : 1, err = 0;
	const char *name = string_at(item, 0), *text = NULL;
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
	refuse(c, item, err ? allowed : kinds[option->min]);
	rule_free(rule);
	return NULL;
}

/* As the user wrote it. NULL after an ERROR. */
static char *rule_title(const oconfig_item_t *item)
{
	char value[256], title[320], *copy;

	value_text(value, sizeof(value), item);
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
	c->reports = reports;
	title = rule_title(item);
	if (!title)
		return -1;
	reports[match->rule_count + 1] = (struct config_report){.rule = title};
	rules[match->rule_count++] = rule;
	return 0;
}

static int read_rule(struct config *c, const struct option *option, oconfig_item_t *item)
{
	struct rule *rule = make_rule(c, option, item);
	int status;

	for (unsigned i = 0; rule && i < c->match.rule_count; i++)
		if (strcmp(rule_name(c->match.rules[i]), rule_name(rule)) == 0) {
			rule_free(rule);
			return refuse(c, item, "each name once");
		}
	if (!rule || add_rule(c, rule, item)) {
		rule_free(rule);
		return -1;
	}
	c->current = &c->reports[c->match.rule_count];
	c->rule = item;
	status = read_items(c, item, true);
	c->current = c->reports;
	c->rule = NULL;
	return status;
}

static int read_ignore(struct config *c, const struct option *option, oconfig_item_t *item)
{
	struct match_options *match = &c->match;
	char why[128] = "out of memory", allowed[192];
	struct ignore **ignores;

	(void)option;
	if (!is_single(item, OCONFIG_TYPE_STRING) || !string_at(item, 0))
		return refuse(c, item, "the name of a group, or a /regular expression/, in quotes");
	ignores = grow(match->ignores, match->ignore_count, sizeof(*ignores));
	if (!ignores)
		return -1;
	match->ignores = ignores;
	if (ignore_new(&ignores[match->ignore_count], string_at(item, 0), why, sizeof(why))) {
		snprintf(allowed, sizeof(allowed), "something else (%s)", why);
		return refuse(c, item, allowed);
	}
	match->ignore_count++;
	return 0;
}

static int read_ports(struct config *c, const struct option *option, oconfig_item_t *item)
{
	static const char allowed[] = "ports from 1 to 65535, ranges like \"8000-8080\" or names "
				      "of services like \"https\"";

	for (int i = 0; i < item->values_num; i++) {
		const oconfig_value_t *value = &item->values[i];
		char number[32];

		snprintf(number, sizeof(number), "%.15g",
			 value->type == OCONFIG_TYPE_NUMBER ? value->value.number : -1);
		if (ports_parse(field(c, option), string_at(item, i) ? string_at(item, i) : number))
			return refuse(c, item, allowed);
	}
	return item->values_num && !item->children_num ? 0 : refuse(c, item, allowed);
}

static int read_subnet(struct config *c, const struct option *option, oconfig_item_t *item)
{
	char name[GROUP_NAME_SIZE / 2];
	struct subnet *subnets;

	(void)option;
	if (item->values_num != 2 || !string_at(item, 0) || !string_at(item, 1) ||
	    item->children_num)
		return refuse(c, item, "a name and a network like \"10.1.0.0/16\" in quotes");
	subnets = grow(c->subnets, c->subnet_count, sizeof(*subnets));
	if (!subnets)
		return -1;
	c->subnets = subnets;
	match_clean(name, sizeof(name), string_at(item, 0));
	if (subnet_parse(&subnets[c->subnet_count], name, string_at(item, 1)))
		return refuse(c, item,
			      "an address, or a network like \"10.1.0.0/16\" or "
			      "\"2001:db8::/32\" without bits beyond its prefix");
	c->subnet_count++;
	return 0;
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
	c->reports = calloc(1, sizeof(*c->reports));
	if (!c->reports) {
		ERROR(PLUGIN_NAME " plugin: out of memory");
		return -1;
	}
	c->current = c->reports;
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].fallback && read_fallback(c, &options[i]))
			return -1;
	return 0;
}

/* How many letters must be changed, added or left out. */
static unsigned distance(const char *a, const char *b)
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

static int warn_unknown(const struct config *c, const oconfig_item_t *item, bool in_rule)
{
	const char *nearest = "";
	unsigned least = UINT_MAX;
	char block[192];

	for (size_t i = 0; i < OPTION_COUNT; i++) {
		unsigned far = distance(item->key, options[i].name);

		if (far < least && (options[i].in_rule || !in_rule)) {
			least = far;
			nearest = options[i].name;
		}
	}
	block_text(block, sizeof(block), c);
	WARNING(PLUGIN_NAME " plugin: unknown option %s%s: ignored; the nearest is %s", item->key,
		block, nearest);
	return 0;
}

static int read_option(struct config *c, oconfig_item_t *item, bool in_rule)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (strcasecmp(options[i].name, item->key) != 0 || (in_rule && !options[i].in_rule))
			continue;
		if (options[i].read(c, &options[i], item))
			return -1;
		c->current->own |= 1ULL << i;
		return 0;
	}
	return warn_unknown(c, item, in_rule);
}

static int read_items(struct config *c, oconfig_item_t *block, bool in_rule)
{
	int status = 0;

	for (int i = 0; i < block->children_num; i++)
		if (read_option(c, &block->children[i], in_rule))
			status = -1;
	return status;
}

int config_read(struct config *c, oconfig_item_t *block)
{
	return read_items(c, block, false);
}

static bool is_limit(const struct option *option)
{
	return option->read == read_count && option->min == 1;
}

/* A limit that a rule does not set itself is 0: the general one is for all of them together. */
static void inherit(struct config *c, struct config_report *to)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].in_rule && !(to->own >> i & 1) && !is_limit(&options[i]))
			memcpy((char *)to + options[i].at, (char *)c->reports + options[i].at,
			       options[i].size);
}

/* What one of the reports wants, the probe must bring. */
static void demand(struct probe_options *probe, const struct config_report *report)
{
	uint64_t slow_ns = (uint64_t)(report->event.slow_s * 1e9);

	probe->by_scope |= report->metric.by_scope;
	probe->by_destination |= report->group.by_destination;
	probe->by_port |= report->group.by_port;
	probe->lifetimes |= report->metric.lifetime;
	probe->health |= report->metric.health;
	probe->listeners |= report->metric.listen;
	probe->failures |= report->event.failed;
	if (slow_ns && (!probe->slow_connect_ns || slow_ns < probe->slow_connect_ns))
		probe->slow_connect_ns = slow_ns;
}

int config_finish(struct config *c)
{
	unsigned count = c->match.rule_count + 1;

	c->groups = calloc(count, sizeof(*c->groups));
	if (!c->groups) {
		ERROR(PLUGIN_NAME " plugin: out of memory");
		return -1;
	}
	for (unsigned i = 0; i < count; i++) {
		if (i)
			inherit(c, &c->reports[i]);
		c->groups[i] = c->reports[i].group;
		c->groups[i].holds = i && !rule_captures(c->match.rules[i - 1]);
		demand(&c->probe, &c->reports[i]);
	}
	c->match.proc_root = c->snapshot.proc_root;
	return 0;
}

void config_free(struct config *c)
{
	for (unsigned i = 0; i < c->match.rule_count; i++) {
		rule_free(c->match.rules[i]);
		free(c->reports[i + 1].rule);
	}
	for (unsigned i = 0; i < c->match.ignore_count; i++)
		ignore_free(c->match.ignores[i]);
	for (unsigned i = 0; i < c->subnet_count; i++)
		subnet_free(&c->subnets[i]);
	free(c->match.rules);
	free(c->match.ignores);
	free(c->match.cgroup_root);
	free(c->subnets);
	free(c->reports);
	free(c->groups);
	free(c->probe.backend);
	free(c->probe.btf);
	free(c->snapshot.proc_root);
	*c = (struct config){0};
}
