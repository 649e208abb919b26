/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The plugin: the only file that knows the order of the stages. */

#include "collectd_api.h"

#include "config.h"
#include "probe/host.h"
#include "report.h"

#define UNUSED_READS 18 /* three minutes at collectd's default interval */
#define MATCH_SHARE 2   /* of the interval, one part may be spent on finding groups */

static struct {
	struct config config;
	struct probe *probe;
	struct snapshot *snapshot;
	struct matcher *matcher;
	struct groups *groups;
	struct events *events;
	unsigned reads;        /* up to UNUSED_READS */
	uint64_t lost_events;  /* at the last read */
	uint64_t last_read_ns; /* 0: there was none */
	double tick_s;         /* from the last read to this one */
	double read_s;         /* how long the last read took */
	struct {
		enum metric_stage stage;
		uint64_t since_ns;
		double spent_s[METRIC_STAGE_COUNT]; /* in this read */
		double last_s[METRIC_STAGE_COUNT];  /* in the last one */
	} cost;
	bool configured;
	bool complained; /* each complaint comes once: the numbers are in `self` */
	bool complained_processes;
	bool complained_sockets;
	bool complained_endpoints;
	bool complained_names[GROUP_KIND_COUNT];
	bool complained_waits;
} plugin;

/* CLOCK_BOOTTIME is the clock of the processes' start times. */
static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t = {0};

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

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

static const struct match *find_details(void *context, unsigned row, uint64_t start_ns,
					uint32_t renames)
{
	struct snapshot_process p;

	(void)context;
	snapshot_who(&p, plugin.snapshot, row, start_ns);
	return p.row == row && p.renames == renames ? match_details(plugin.matcher, &p) : NULL;
}

static int open_stages(char *why, size_t why_size)
{
	struct config *c = &plugin.config;
	struct probe_tables tables;
	int err;

	if (configure() || config_finish(c))
		return -1;
	err = probe_open(&plugin.probe, why, why_size, &c->probe);
	if (err)
		return err;
	probe_tables(&tables, plugin.probe);
	c->match.clock_ns = processor_ns;
	c->match.budget_ns = CDTIME_T_TO_NS(plugin_get_interval()) / MATCH_SHARE;
	err = snapshot_open(&plugin.snapshot, &tables, &c->snapshot);
	if (!err)
		err = match_open(&plugin.matcher, tables.row_count, &c->match);
	if (!err)
		err = groups_open(&plugin.groups, tables.row_count, c->groups, c->match.rule_count,
				  c->subnets, c->subnet_count);
	if (!err)
		err = events_open(&plugin.events, c->notify_limit);
	if (!err)
		groups_ask(plugin.groups, find_details, NULL);
	return err;
}

/* All works, but processes are taken for others, or for gone. */
static void warn_of_view(const char *root)
{
	static const char lost[] = "seem to have ended after a while, and their command lines and "
				   "programs are not found";

	switch (host_view(root)) {
	case HOST_NOT_PROC:
		WARNING(PLUGIN_NAME " plugin: ProcRoot \"%s\" shows no processes: they %s; "
				    "name where /proc of the host is",
			root, lost);
		break;
	case HOST_OWN_PIDS:
		WARNING(PLUGIN_NAME " plugin: collectd runs in a PID namespace of its own, and "
				    "ProcRoot \"%s\" shows no others: those of the host %s; share "
				    "the host's PID namespace, or mount its /proc and name that as "
				    "ProcRoot",
			root, lost);
		break;
	case HOST_OWN_TIME:
		WARNING(PLUGIN_NAME " plugin: collectd runs in a time namespace of its own, by "
				    "which processes have started at other times: they %s; run it "
				    "in the host's",
			lost);
		break;
	case HOST_SEEN:
		break;
	}
}

/* collectd complains of each value in each interval, but does not say what to do. */
static void warn_of_types(void)
{
	static const struct group whole = {.name = "", .part = ""};
	const struct config *c = &plugin.config;
	const struct metric_self self = {.extras = c->own_cost ? ~0U : 0};
	struct report_types types = {0};

	for (unsigned i = 0; i <= c->match.rule_count; i++)
		metric_group(&whole, &c->reports[i].metric, 0, report_type, &types);
	metric_self(&self, report_type, &types);
	if (*types.unknown)
		WARNING(PLUGIN_NAME " plugin: collectd's types.db does not know %s: these values "
				    "are lost; let TypesDB name the types.db of collectd 5.12 too",
			types.unknown);
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
	plugin.reads = 0;
	INFO(PLUGIN_NAME " plugin: %s", probe_summary(plugin.probe));
	warn_of_view(plugin.config.snapshot.proc_root);
	warn_of_types();
	if (plugin.config.own_cost && !probe_timed())
		INFO(PLUGIN_NAME " plugin: kernel.bpf_stats_enabled is not 1: how long programs "
				 "run is not reported");
	return 0;
}

/* From here on, time is that of this stage. */
static void enter(enum metric_stage stage)
{
	uint64_t now_ns;

	if (!plugin.config.own_cost)
		return;
	now_ns = clock_ns(CLOCK_MONOTONIC);
	plugin.cost.spent_s[plugin.cost.stage] += (double)(now_ns - plugin.cost.since_ns) / 1e9;
	plugin.cost.since_ns = now_ns;
	plugin.cost.stage = stage;
}

static void begin_cost(uint64_t now_ns)
{
	memset(plugin.cost.spent_s, 0, sizeof(plugin.cost.spent_s));
	plugin.cost.since_ns = now_ns;
	plugin.cost.stage = METRIC_REFRESH;
}

static void end_cost(void)
{
	enter(METRIC_REFRESH);
	memcpy(plugin.cost.last_s, plugin.cost.spent_s, sizeof(plugin.cost.last_s));
}

static void add_process(void *context, const struct snapshot_process *process)
{
	const struct group_options *options;
	const struct match *match;

	(void)context;
	enter(METRIC_MATCH);
	match = match_process(plugin.matcher, process);
	options = &plugin.config.groups[match->rule + 1];
	if (process->row >= TCP_ROW_FIRST && !process->endpoint.kind)
		snapshot_want(plugin.snapshot, process->row, options->by_destination,
			      options->by_port);
	enter(METRIC_GROUP);
	groups_add(plugin.groups, match, process);
	enter(METRIC_SNAPSHOT);
}

/* One that had to wait in the last tick: what is open is its group's from now on. */
static void add_again(void *context, unsigned row, uint64_t start_ns)
{
	struct snapshot_process p;

	snapshot_who(&p, plugin.snapshot, row, start_ns);
	if (p.row == row && !p.last)
		add_process(context, &p);
}

/* Of processes that have no row nothing is known but the name: they are not told of. */
static void add_event(void *context, const struct tcp_event *raw)
{
	struct snapshot_process p;
	const struct match *match;

	(void)context;
	snapshot_who(&p, plugin.snapshot, raw->row, raw->start_ns);
	match = match_process(plugin.matcher, &p);
	events_add(plugin.events, match, &plugin.config.reports[match->rule + 1].event, raw);
}

/* What waits and what found no room is the process's, and its port's. */
static void add_listener(void *context, const struct tcp_listener *listener)
{
	struct snapshot_process p;
	const struct match *match;

	(void)context;
	snapshot_who(&p, plugin.snapshot, listener->row,
		     snapshot_start_ns(plugin.snapshot, listener->row));
	p.queued = listener->queued;
	p.grown.listen_drops = listener->drops;
	match = match_process(plugin.matcher, &p);
	groups_add(plugin.groups, match, &p);
	if (p.row < TCP_ROW_FIRST)
		return;
	p.endpoint =
		(struct tcp_endpoint){.kind = TCP_ENDPOINT_PORT, .port = (uint16_t)listener->port};
	groups_add(plugin.groups, match, &p);
}

static void report_group(void *context, const struct group *group)
{
	const struct metric_options *options = &plugin.config.reports[group->rule + 1].metric;

	report_begin(context, group);
	metric_group(group, options, plugin.tick_s, report_sample, context);
	report_end(context);
}

static void complain_full(bool *complained, uint64_t lost, const char *what, const char *remedy)
{
	if (lost && !*complained)
		WARNING(PLUGIN_NAME " plugin: there is no room for all %s: raise %s", what, remedy);
	*complained = *complained || lost;
}

/* Names that had to wait, ever. */
static uint64_t refused_names(void)
{
	uint64_t refused = 0;

	for (int kind = 0; kind < GROUP_KIND_COUNT; kind++)
		refused += groups_refused(plugin.groups, kind);
	return refused;
}

static void complain_names(void)
{
	static const struct {
		const char *what, *remedy;
	} names[] = {
		[GROUP_WHOLE] = {"new groups",
				 "NewNamesPerHour, or set GroupBy \"Unit\" or \"User\""},
		[GROUP_PROCESS] = {"new PIDs",
				   "NewNamesPerHour or PIDMinAge, or set ReportByPID false"},
		[GROUP_DESTINATION] = {"new destinations",
				       "NewNamesPerHour, or name networks by Subnet"},
		[GROUP_PORT] = {"new ports", "NewNamesPerHour, or set ReportByPort false"},
	};

	for (int kind = 0; kind < GROUP_KIND_COUNT; kind++)
		complain_full(&plugin.complained_names[kind], groups_refused(plugin.groups, kind),
			      names[kind].what, names[kind].remedy);
}

static void complain_waits(uint64_t waits)
{
	int rule = match_slowest_rule(plugin.matcher);

	if (waits && !plugin.complained_waits)
		WARNING(PLUGIN_NAME " plugin: finding the groups of new processes takes too "
				    "long, some wait in other: begin regular expressions with ^, "
				    "make them shorter (slowest: %s)",
			rule < 0 ? "no rule" : plugin.config.reports[rule + 1].rule);
	plugin.complained_waits = plugin.complained_waits || waits;
}

static void add_cost(struct metric_self *self, const struct probe_tables *tables,
		     const struct probe_usage *usage)
{
	self->extras = METRIC_COST | (probe_timed() ? METRIC_RUNS : 0) |
		       (tables->socket_count ? METRIC_SOCKET_LIMIT : 0);
	memcpy(self->stage_s, plugin.cost.last_s, sizeof(self->stage_s));
	self->max_processes = plugin.config.probe.max_processes;
	self->max_endpoints = tables->row_count - tables->first_endpoint;
	self->max_sockets = tables->socket_count;
	self->runs = usage->runs;
	self->run_ms = usage->run_ns / 1000000;
}

static void report_self(struct report *report)
{
	const char *socket_limit = probe_socket_limit(plugin.probe);
	struct probe_tables tables;
	struct probe_usage usage;
	struct metric_self self;

	probe_tables(&tables, plugin.probe);
	probe_usage(&usage, plugin.probe);
	self = (struct metric_self){
		.lost_processes = tables.self->lost_processes,
		.lost_sockets = tables.self->lost_sockets,
		.lost_bytes = tables.self->lost_bytes,
		.lost_deltas = tables.self->lost_deltas,
		.lost_latencies = tables.self->lost_latencies,
		.lost_endpoints = tables.self->lost_endpoints,
		.lost_events = tables.self->lost_events,
		.lost_listeners = tables.self->lost_listeners,
		.lost_runs = usage.lost,
		.recursion_misses = usage.skips,
		.refused_names = refused_names(),
		.match_waits = match_waits(plugin.matcher),
		.processes = snapshot_processes(plugin.snapshot),
		.endpoints = snapshot_endpoints(plugin.snapshot),
		.sockets = (double)(tables.self->sockets_added - tables.self->sockets_removed),
		.read_s = plugin.read_s,
	};
	if (plugin.config.own_cost)
		add_cost(&self, &tables, &usage);
	metric_self(&self, report_sample, report);
	complain_full(&plugin.complained_processes, self.lost_processes, "processes",
		      "MaxProcesses");
	complain_full(&plugin.complained_sockets, self.lost_sockets, "sockets", socket_limit);
	complain_full(&plugin.complained_endpoints, self.lost_endpoints, "destinations and ports",
		      "MaxEndpoints");
	complain_names();
	complain_waits(self.match_waits);
}

/* After all values: who listens may block. */
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

/* A refused sample is passing trouble: a bad return value would slow the whole plugin down. */
static void complain(const struct report *report)
{
	if (report->errors && !plugin.complained)
		WARNING(PLUGIN_NAME " plugin: collectd refused %d values, see its own messages",
			report->errors);
	plugin.complained = report->errors != 0;
}

/* Once, when services have had the time to start: most likely the rule is not what was meant. */
static void tell_unused_rules(void)
{
	if (plugin.reads == UNUSED_READS || ++plugin.reads < UNUSED_READS)
		return;
	for (unsigned i = 0; i < plugin.config.match.rule_count; i++)
		if (!match_used(plugin.matcher, i))
			INFO(PLUGIN_NAME " plugin: %s has matched no process that uses TCP so far: "
					 "compare it with the output of ps -eo pid,comm,args",
			     plugin.config.reports[i + 1].rule);
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
	begin_cost(started_ns);
	groups_begin(plugin.groups, clock_ns(CLOCK_BOOTTIME));
	events_begin(plugin.events);
	probe_refresh(plugin.probe);
	match_begin(plugin.matcher);
	probe_events(plugin.probe, add_event, NULL);
	probe_listeners(plugin.probe, add_listener, NULL);
	enter(METRIC_SNAPSHOT);
	match_again(plugin.matcher, add_again, NULL);
	snapshot_take(plugin.snapshot, add_process, NULL);
	enter(METRIC_GROUP);
	groups_end(plugin.groups);
	enter(METRIC_REPORT);
	groups_each(plugin.groups, report_group, &report);
	report_self(&report);
	report_events(&report);
	complain(&report);
	tell_unused_rules();
	end_cost();
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
