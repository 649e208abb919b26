/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "collectd_api.h"

#include <ctype.h>

#include "base/process.h"
#include "config.h"
#include "option.h"

#define AT(field) false, offsetof(struct config, field), sizeof(((struct config *)0)->field)
#define IN_RULE(field)                                                                             \
	true, offsetof(struct config_report, field), sizeof(((struct config_report *)0)->field)
#define NOWHERE false, 0, 0

/* To add an option: one row here, one in conf/ebpf_tcp.conf and one in the man page. */
static const struct option options[] = {
	{"GroupBy", read_name_index, AT(match.group_by), 0, 0, naming_names, "Process"},
	{"ContainerName", read_name_index, AT(match.container_by), 0, 0, container_choices, "name"},
	{"Process", read_rule, NOWHERE, RULE_PROCESS, 0, NULL, NULL},
	{"ProcessMatch", read_rule, NOWHERE, RULE_PATTERN, 0, NULL, NULL},
	{"ContainerMatch", read_rule, NOWHERE, RULE_CONTAINER, 0, NULL, NULL},
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
	{"ReportByClient", read_bool, IN_RULE(group.by_client), 0, 0, NULL, "false"},
	{"ClientLimit", read_count, IN_RULE(group.client_limit), 1, PID_MAX, NULL, "50"},
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
	{"ReportResponses", read_bool, IN_RULE(metric.responses), 0, 0, NULL, "false"},
	{"ReportStates", read_bool, IN_RULE(metric.states), 0, 0, NULL, "false"},
	{"NotifySlowConnect", read_seconds, IN_RULE(event.slow_s), 0, 3600, NULL, "0"},
	{"NotifyFailedConnect", read_bool, IN_RULE(event.failed), 0, 0, NULL, "false"},
	{"NotifyLimit", read_count, AT(notify_limit), 1, 1000, NULL, "10"},
	{"ReportOwnCost", read_bool, AT(own_cost), 0, 0, NULL, "false"},
	{"LocalPort", read_ports, AT(probe.knobs.local_ports), 0, 0, NULL, NULL},
	{"RemotePort", read_ports, AT(probe.knobs.remote_ports), 0, 0, NULL, NULL},
	{"Loopback", read_bool, AT(probe.knobs.scopes[TCP_SCOPE_LOOPBACK]), 0, 0, NULL, "true"},
	{"Private", read_bool, AT(probe.knobs.scopes[TCP_SCOPE_PRIVATE]), 0, 0, NULL, "true"},
	{"Public", read_bool, AT(probe.knobs.scopes[TCP_SCOPE_PUBLIC]), 0, 0, NULL, "true"},
	{"Backend", read_name, AT(probe.backend), 0, 0, probe_backend_names, "auto"},
	{"MaxProcesses", read_count, AT(probe.max_processes), 16, PID_MAX, NULL, "16384"},
	{"MaxSockets", read_count, AT(probe.max_sockets), 16, 16777216, NULL, "65536"},
	{"MaxEndpoints", read_count, AT(probe.max_endpoints), 16, 1048576, NULL, "4096"},
	{"BTF", read_path, AT(probe.btf), 0, 0, NULL, NULL},
	{"HostRoot", read_path, AT(match.host_root), 0, 0, NULL, "/"},
	{"ProcRoot", read_path, AT(snapshot.proc_root), 0, 0, NULL, "/proc"},
	{"CgroupRoot", read_path, AT(match.cgroup_root), 0, 0, NULL, "/sys/fs/cgroup"},
};
#define OPTION_COUNT (sizeof(options) / sizeof(*options))
_Static_assert(OPTION_COUNT <= 64, "a bit of config_report.own for each");
_Static_assert(TCP_PORT_WORDS == PORT_WORDS, "sets of ports");

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

static int warn_unknown(const struct config *c, const oconfig_item_t *item, bool in_rule)
{
	const char *nearest = "";
	unsigned least = UINT_MAX;
	char block[192];

	for (size_t i = 0; i < OPTION_COUNT; i++) {
		unsigned far = option_distance(item->key, options[i].name);

		if (far < least && (options[i].in_rule || !in_rule)) {
			least = far;
			nearest = options[i].name;
		}
	}
	option_block(block, sizeof(block), c);
	WARNING(PLUGIN_NAME " plugin: unknown option %s%s: ignored; the nearest is %s", item->key,
		block, nearest);
	return 0;
}

/* The option that an item names, NULL if there is none here. */
static const struct option *option_of(const oconfig_item_t *item, bool in_rule)
{
	for (const struct option *o = options; o < options + OPTION_COUNT; o++)
		if (strcasecmp(o->name, item->key) == 0 && (o->in_rule || !in_rule))
			return o;
	return NULL;
}

static int read_value(struct config *c, const struct option *option, oconfig_item_t *item)
{
	const unsigned i = (unsigned)(option - options);

	c->again = c->current->own >> i & 1;
	if (option->read(c, option, item))
		return -1;
	c->current->own |= 1ULL << i;
	return 0;
}

static int read_in_rule(struct config *c, oconfig_item_t *item)
{
	const struct option *option = option_of(item, true);

	return option ? read_value(c, option, item) : warn_unknown(c, item, true);
}

/* The block of the rule that was added last. */
static int read_rule_block(struct config *c, oconfig_item_t *block)
{
	int status = 0;

	c->current = &c->reports[c->match.rule_count];
	c->rule = block;
	for (int i = 0; i < block->children_num; i++)
		if (read_in_rule(c, &block->children[i]))
			status = -1;
	c->current = c->reports;
	c->rule = NULL;
	return status;
}

static int read_option(struct config *c, oconfig_item_t *item)
{
	const struct option *option = option_of(item, false);

	if (!option)
		return warn_unknown(c, item, false);
	if (read_value(c, option, item))
		return -1;
	return option->read == read_rule ? read_rule_block(c, item) : 0;
}

int config_read(struct config *c, oconfig_item_t *block)
{
	int status = 0;

	for (int i = 0; i < block->children_num; i++)
		if (read_option(c, &block->children[i]))
			status = -1;
	return status;
}

static bool is_limit(const struct option *option)
{
	return option->read == read_count && option->min == 1;
}

/* A rule that sets no limit of its own has 0: all such rules share the general limit. */
static void inherit(struct config *c, struct config_report *to)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].in_rule && !(to->own >> i & 1) && !is_limit(&options[i]))
			memcpy((char *)to + options[i].at, (char *)c->reports + options[i].at,
			       options[i].size);
}

/* The probe must count what any of the reports wants. */
static void demand(struct tcp_knobs *knobs, const struct config_report *report)
{
	uint64_t slow_ns = (uint64_t)(report->event.slow_s * 1e9);

	knobs->by_scope |= report->metric.by_scope;
	knobs->by_destination |= report->group.by_destination;
	knobs->by_port |= report->group.by_port;
	knobs->by_client |= report->group.by_client;
	knobs->lifetimes |= report->metric.lifetime;
	knobs->health |= report->metric.health;
	knobs->listeners |= report->metric.listen || report->metric.states; /* half-open ones */
	knobs->responses |= report->metric.responses;
	knobs->states |= report->metric.states;
	knobs->failures |= report->event.failed;
	if (slow_ns && (!knobs->slow_connect_ns || slow_ns < knobs->slow_connect_ns))
		knobs->slow_connect_ns = slow_ns;
}

/* Paths that the user has not given are the host's. */
static int follow_host(struct config *c)
{
	int status = 0;

	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].read == read_path && options[i].fallback &&
		    options[i].at != offsetof(struct config, match.host_root) &&
		    !(c->reports->own >> i & 1))
			status |= option_below((char **)((char *)c + options[i].at),
					       c->match.host_root);
	return status;
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
		demand(&c->probe.knobs, &c->reports[i]);
	}
	if (follow_host(c))
		return -1;
	c->probe.knobs.hostnames = naming_by_container(&c->match);
	c->probe.knobs.cgroups = naming_by_cgroup(&c->match);
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
	free(c->match.host_root);
	free(c->subnets);
	free(c->reports);
	free(c->groups);
	free(c->probe.backend);
	free(c->probe.btf);
	free(c->snapshot.proc_root);
	*c = (struct config){0};
}
