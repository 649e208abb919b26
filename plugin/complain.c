/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "collectd_api.h"

#include "complain.h"
#include "config.h"
#include "probe/host.h"
#include "report.h"

#define UNUSED_READS 18 /* three minutes at collectd's default interval */

/* With a wrong /proc all works, but processes are taken for others, or for gone. */
void complain_view(const char *root)
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
void complain_types(const struct config *c)
{
	static const struct group whole = {.name = "", .part = ""};
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

static void complain_full(bool *complained, uint64_t lost, const char *what, const char *remedy)
{
	if (lost && !*complained)
		WARNING(PLUGIN_NAME " plugin: there is no room for all %s: raise %s", what, remedy);
	*complained = *complained || lost;
}

void complain_room(struct complaints *c, const struct metric_self *self, const char *socket_limit)
{
	complain_full(&c->processes, self->lost_processes, "processes", "MaxProcesses");
	complain_full(&c->sockets, self->lost_sockets, "sockets", socket_limit);
	complain_full(&c->endpoints, self->lost_endpoints, "destinations, ports and clients",
		      "MaxEndpoints");
}

void complain_names(struct complaints *c, const struct groups *groups)
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
		[GROUP_CLIENT] = {"new clients", "NewNamesPerHour, or name networks by Subnet"},
	};

	for (int kind = 0; kind < GROUP_KIND_COUNT; kind++)
		complain_full(&c->names[kind], groups_refused(groups, kind), names[kind].what,
			      names[kind].remedy);
}

void complain_waits(struct complaints *c, const struct matcher *matcher,
		    const struct config *config)
{
	uint64_t waits = match_waits(matcher);
	int rule = match_slowest_rule(matcher);

	if (waits && !c->waits)
		WARNING(PLUGIN_NAME " plugin: finding the groups of new processes takes too "
				    "long, some wait in other: begin regular expressions with ^, "
				    "make them shorter (slowest: %s)",
			rule < 0 ? "no rule" : config->reports[rule + 1].rule);
	c->waits = c->waits || waits;
}

/* A refused sample is passing trouble: a bad return value would slow the whole plugin down. */
void complain_refused(struct complaints *c, int errors)
{
	if (errors && !c->refused)
		WARNING(PLUGIN_NAME " plugin: collectd refused %d values, see its own messages",
			errors);
	c->refused = errors != 0;
}

/* Told once, when services have had the time to start: such a rule is most likely a mistake. */
void complain_unused(struct complaints *c, const struct matcher *matcher,
		     const struct config *config)
{
	if (c->reads == UNUSED_READS || ++c->reads < UNUSED_READS)
		return;
	for (unsigned i = 0; i < config->match.rule_count; i++)
		if (!match_used(matcher, i))
			INFO(PLUGIN_NAME " plugin: %s has matched no process that uses TCP so far: "
					 "compare it with the output of ps -eo pid,comm,args",
			     config->reports[i + 1].rule);
}
