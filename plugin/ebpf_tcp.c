/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The plugin: the only file that knows the order of the stages. */

#include "collectd_api.h"

#include "complain.h"
#include "config.h"
#include "cost.h"
#include "probe/host.h"
#include "report.h"
#include "self.h"

#define NAMES_NS 30000000000 /* after so long, names of containers are looked at again */
#define MATCH_SHARE 2        /* of the interval, one part may be spent on finding groups */

static struct {
	struct config config;
	struct probe *probe;
	struct snapshot *snapshot;
	struct matcher *matcher;
	struct groups *groups;
	struct events *events;
	uint64_t lost_events;  /* at the last read */
	uint64_t last_read_ns; /* 0: there was none */
	double tick_s;         /* from the last read to this one */
	double read_s;         /* how long the last read took */
	struct cost cost;
	struct complaints complaints;
	bool configured;
} plugin;

static uint64_t processor_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static int configure(void)
{
	if (plugin.configured)
		return 0;
	plugin.configured = true;
	return config_defaults(&plugin.config);
}

static int ebpf_tcp_config(oconfig_item_t *block)
{
	if (configure())
		return -1;
	return config_read(&plugin.config, block);
}

static void close_stages(void)
{
	events_close(plugin.events);
	plugin.events = NULL;
	groups_close(plugin.groups);
	plugin.groups = NULL;
	match_close(plugin.matcher);
	plugin.matcher = NULL;
	snapshot_close(plugin.snapshot);
	plugin.snapshot = NULL;
	probe_close(plugin.probe);
	plugin.probe = NULL;
}

static int open_stages(char *why, size_t why_size)
{
	struct config *c = &plugin.config;
	struct probe_tables tables;
	int err;

	if (configure() || config_finish(c))
		return -1;
	plugin.cost.wanted = c->own_cost;
	err = probe_open(&plugin.probe, why, why_size, &c->probe);
	if (err)
		return err;
	probe_tables(&tables, plugin.probe);
	c->match.clock_ns = processor_ns;
	c->match.budget_ns = CDTIME_T_TO_NS(plugin_get_interval()) / MATCH_SHARE;
	c->match.name_ticks = NAMES_NS / CDTIME_T_TO_NS(plugin_get_interval());
	err = snapshot_open(&plugin.snapshot, &tables, &c->snapshot);
	if (!err)
		err = match_open(&plugin.matcher, tables.row_count, &c->match);
	if (!err)
		err = groups_open(&plugin.groups, tables.row_count, c->groups, c->match.rule_count,
				  c->subnets, c->subnet_count);
	if (!err)
		err = events_open(&plugin.events, c->notify_limit);
	return err;
}

static int ebpf_tcp_init(void)
{
	char why[1024] = "out of memory";

	if (plugin.events) /* collectd calls once; be safe */
		return 0;
	if (open_stages(why, sizeof(why))) {
		ERROR(PLUGIN_NAME " plugin: nothing will be reported: %s", why);
		close_stages();
		return -1;
	}
	plugin.last_read_ns = 0;
	plugin.complaints.reads = 0;
	INFO(PLUGIN_NAME " plugin: %s", probe_summary(plugin.probe));
	complain_view(plugin.config.snapshot.proc_root);
	complain_types(&plugin.config);
	if (plugin.config.own_cost && !probe_timed())
		INFO(PLUGIN_NAME " plugin: kernel.bpf_stats_enabled is not 1: how long programs "
				 "run is not reported");
	return 0;
}

/* The details of a process that has ended are asked for now: later nobody knows them. */
static void add_to_groups(const struct match *match, const struct snapshot_process *p)
{
	struct group *ended = groups_add(plugin.groups, match, p);

	if (ended)
		group_detail(ended, match_details(plugin.matcher, p));
}

/* Of processes that are to be reported, if their rows are still theirs. */
static void ask_details(void *context, struct group *process)
{
	struct snapshot_process p;

	(void)context;
	snapshot_who(&p, plugin.snapshot, process->row, process->start_ns);
	if (p.row == process->row && p.renames == process->renames)
		group_detail(process, match_details(plugin.matcher, &p));
}

static void add_process(void *context, const struct snapshot_process *process)
{
	const struct group_options *options;
	const struct match *match;

	(void)context;
	cost_enter(&plugin.cost, METRIC_MATCH);
	match = match_process(plugin.matcher, process);
	options = &plugin.config.groups[match->rule + 1];
	if (process->row >= TCP_ROW_FIRST && !process->endpoint.kind)
		snapshot_want(plugin.snapshot, process->row, group_wants(options));
	cost_enter(&plugin.cost, METRIC_GROUP);
	add_to_groups(match, process);
	cost_enter(&plugin.cost, METRIC_SNAPSHOT);
}

/* A process that had to wait for its group: its open connections count there from now on. */
static void add_again(void *context, unsigned row, uint64_t start_ns)
{
	struct snapshot_process p;

	snapshot_who(&p, plugin.snapshot, row, start_ns);
	if (p.row == row && !p.last)
		add_process(context, &p);
}

static void add_cgroup(void *context, const struct tcp_cgroup *cgroup)
{
	(void)context;
	match_cgroup(plugin.matcher, cgroup->id, cgroup->path);
}

/* Of a process without a row only the name is known: its events are not told. */
static void add_event(void *context, const struct tcp_event *raw)
{
	struct snapshot_process p;
	const struct match *match;

	(void)context;
	snapshot_who(&p, plugin.snapshot, raw->row, raw->start_ns);
	match = match_process(plugin.matcher, &p);
	events_add(plugin.events, match, &plugin.config.reports[match->rule + 1].event, raw);
}

/* Connections that wait, or found no room, count for the process and for its port. */
static void add_listener(void *context, const struct tcp_listener *listener)
{
	struct snapshot_process p;
	const struct match *match;

	(void)context;
	snapshot_who(&p, plugin.snapshot, listener->row,
		     snapshot_start_ns(plugin.snapshot, listener->row));
	p.queued = listener->queued;
	p.half_open = listener->half_open;
	p.grown.listen_drops = listener->drops;
	match = match_process(plugin.matcher, &p);
	add_to_groups(match, &p);
	if (p.row < TCP_ROW_FIRST)
		return;
	p.endpoint =
		(struct tcp_endpoint){.kind = TCP_ENDPOINT_PORT, .port = (uint16_t)listener->port};
	add_to_groups(match, &p);
}

static void report_group(void *context, const struct group *group)
{
	const struct metric_options *options = &plugin.config.reports[group->rule + 1].metric;

	report_begin(context, group);
	metric_group(group, options, plugin.tick_s, report_sample, context);
	report_end(context);
}

static void report_self(struct report *report)
{
	struct metric_self self;

	self_read(&self, plugin.probe, plugin.snapshot, plugin.matcher, plugin.groups,
		  plugin.config.own_cost);
	self.read_s = plugin.read_s;
	memcpy(self.stage_s, plugin.cost.last_s, sizeof(self.stage_s));
	self.max_processes = plugin.config.probe.max_processes;
	metric_self(&self, report_sample, report);
	complain_room(&plugin.complaints, &self, probe_socket_limit(plugin.probe));
	complain_names(&plugin.complaints, plugin.groups);
	complain_waits(&plugin.complaints, plugin.matcher, &plugin.config);
}

/* After all values: the plugins that receive notifications may block. */
static void report_events(const struct report *report)
{
	struct probe_tables tables;
	const struct event *list;
	uint64_t lost, more;
	unsigned count;

	probe_tables(&tables, plugin.probe);
	lost = tables.self->lost_events;
	list = events_list(plugin.events, &count);
	for (unsigned i = 0; i < count; i++)
		report_event(report, &list[i]);
	more = events_more(plugin.events) + (lost - plugin.lost_events);
	plugin.lost_events = lost;
	if (more)
		report_more(report, more);
}

static int ebpf_tcp_read(void)
{
	struct report report = {.time = cdtime()};
	uint64_t started_ns = clock_ns(CLOCK_MONOTONIC);

	if (!plugin.events) /* init failed, and said why; `collectd -T` reads all the same */
		return -1;
	if (plugin.last_read_ns)
		plugin.tick_s = (double)(started_ns - plugin.last_read_ns) / 1e9;
	plugin.last_read_ns = started_ns;
	cost_begin(&plugin.cost, started_ns);
	groups_begin(plugin.groups, clock_ns(CLOCK_BOOTTIME));
	events_begin(plugin.events);
	probe_refresh(plugin.probe);
	match_begin(plugin.matcher);
	probe_cgroups(plugin.probe, add_cgroup, NULL);
	probe_events(plugin.probe, add_event, NULL);
	probe_listeners(plugin.probe, add_listener, NULL);
	cost_enter(&plugin.cost, METRIC_SNAPSHOT);
	match_again(plugin.matcher, add_again, NULL);
	snapshot_take(plugin.snapshot, add_process, NULL);
	cost_enter(&plugin.cost, METRIC_GROUP);
	groups_end(plugin.groups);
	groups_each_unknown(plugin.groups, ask_details, NULL);
	cost_enter(&plugin.cost, METRIC_REPORT);
	groups_each(plugin.groups, report_group, &report);
	report_self(&report);
	report_events(&report);
	complain_refused(&plugin.complaints, report.errors);
	complain_unused(&plugin.complaints, plugin.matcher, &plugin.config);
	cost_end(&plugin.cost);
	plugin.read_s = (double)(clock_ns(CLOCK_MONOTONIC) - started_ns) / 1e9;
	return 0;
}

static int ebpf_tcp_shutdown(void)
{
	close_stages();
	config_free(&plugin.config);
	plugin.configured = false;
	return 0;
}

__attribute__((visibility("default"))) void module_register(void)
{
	plugin_register_complex_config(PLUGIN_NAME, ebpf_tcp_config);
	plugin_register_init(PLUGIN_NAME, ebpf_tcp_init);
	plugin_register_read(PLUGIN_NAME, ebpf_tcp_read);
	plugin_register_shutdown(PLUGIN_NAME, ebpf_tcp_shutdown);
}
