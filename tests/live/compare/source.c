/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What counts: the plugin, or the classic recipe; and for whom it has counted what. */
#include <string.h>

#include "compare.h"

struct plugin_tables source;

static void plugin_open(void)
{
	struct probe_options options = {.backend = (char *)test.backend,
					.max_processes = 4096,
					.max_sockets = 16384,
					.knobs.scopes = {true, true, true},
					.max_endpoints = 4096,
					.knobs.by_scope = test.by_endpoint,
					.knobs.by_destination = test.by_endpoint,
					.knobs.by_port = test.by_endpoint,
					.knobs.by_client = test.by_endpoint,
					.knobs.lifetimes = test.by_endpoint,
					.knobs.health = test.by_endpoint,
					.knobs.listeners = test.by_endpoint,
					.knobs.responses = test.by_endpoint,
					.knobs.states = test.by_endpoint,
					.knobs.failures = test.by_endpoint,
					.knobs.slow_connect_ns = test.by_endpoint};
	struct snapshot_options snapshot_options = {.proc_root = "/proc"};
	char why[512];

	if (probe_open(&source.probe, why, sizeof(why), &options))
		die(why);
	probe_tables(&source.tables, source.probe);
	if (snapshot_open(&source.snapshot, &source.tables, &snapshot_options))
		die("no memory");
}

static void plugin_close(void)
{
	snapshot_close(source.snapshot);
	probe_close(source.probe);
	source.snapshot = NULL;
	source.probe = NULL;
}

static void add_event(void *context, const struct tcp_event *event)
{
	(void)context;
	seen_get(event->pid)->events[event->outcome]++;
}

static void plugin_take(snapshot_visit *visit)
{
	probe_refresh(source.probe);
	probe_events(source.probe, add_event, NULL);
	snapshot_take(source.snapshot, visit, NULL);
}

static const char *plugin_describe(void)
{
	return probe_summary(source.probe);
}

static void recipe_open(void)
{
	int err = classic_open(&source.classic);

	if (err)
		die(strerror(-err));
}

static void recipe_close(void)
{
	classic_close(source.classic);
	source.classic = NULL;
}

static void recipe_take(snapshot_visit *visit)
{
	classic_take(source.classic, visit, NULL);
}

static const char *recipe_describe(void)
{
	return "the classic recipe";
}

const struct source plugin = {
	.strict = true,
	.patience_ms = 8000,
	.open = plugin_open,
	.close = plugin_close,
	.take = plugin_take,
	.describe = plugin_describe,
};

const struct source recipe = {
	.fields = "tx rx connects failed",
	.patience_ms = 100,
	.open = recipe_open,
	.close = recipe_close,
	.take = recipe_take,
	.describe = recipe_describe,
};

struct seen *seen_find(uint32_t pid)
{
	for (size_t i = 0; i < test.seen_count; i++)
		if (test.seen[i].pid == pid)
			return &test.seen[i];
	return NULL;
}

struct seen *seen_get(uint32_t pid)
{
	struct seen *seen = seen_find(pid);

	if (seen)
		return seen;
	if (test.seen_count == SEEN_MAX)
		die("too many processes");
	seen = &test.seen[test.seen_count++];
	*seen = (struct seen){.pid = pid};
	return seen;
}

/* What is open when the row goes is `other`'s: io_uring lets go of a socket after its process. */
static void give_up(struct seen *seen)
{
	struct tcp_counters *c = &seen->counters;

	seen->left_open |= c->open[TCP_STATE_ESTABLISHED] != 0;
	for (unsigned i = 0; i < TCP_STATE_COUNT; i++) {
		seen->overdrawn |= (long long)c->open[i] < 0;
		if (c->open[i])
			seen_get(0)->counters.open[i] += c->open[i];
		c->open[i] = 0;
	}
}

static void counters_add(struct tcp_counters *to, const struct tcp_counters *from)
{
	for (size_t i = 0; i < TCP_COUNTERS; i++)
		((__u64 *)to)[i] += ((const __u64 *)from)[i];
}

static void add_endpoint(struct seen *seen, const struct snapshot_process *p)
{
	if (p->endpoint.kind == TCP_ENDPOINT_CLIENT)
		counters_add(&seen->clients, &p->grown);
	else
		counters_add(&seen->parts, &p->grown);
	if (p->endpoint.kind == TCP_ENDPOINT_PORT)
		counters_add(&seen->ports, &p->grown);
	if (!seen->ended)
		return;
	memset(seen->parts.open, 0, sizeof(seen->parts.open));
	memset(seen->ports.open, 0, sizeof(seen->ports.open));
	memset(seen->clients.open, 0, sizeof(seen->clients.open));
}

void seen_add(void *context, const struct snapshot_process *p)
{
	struct seen *seen = seen_get(p->pid);

	(void)context;
	if (p->endpoint.kind) {
		add_endpoint(seen, p);
		return;
	}
	counters_add(&seen->counters, &p->grown);
	seen->start_ns = p->start_ns;
	memcpy(seen->comm, p->comm, sizeof(seen->comm));
	for (size_t i = 0; p->buckets[TCP_TIME_CONNECT] && i < TCP_LATENCY_BUCKETS; i++)
		seen->in_buckets += p->buckets[TCP_TIME_CONNECT][i];
	if (seen->connect_max_ns < p->time_max[TCP_TIME_CONNECT])
		seen->connect_max_ns = p->time_max[TCP_TIME_CONNECT];
	seen->ended |= p->last;
	if (p->last)
		give_up(seen);
}

bool seen_idle(const struct seen *seen)
{
	static const struct tcp_counters nothing;
	struct tcp_counters c = seen->counters;

	c.time_wait = c.segments = c.retransmits = c.resets_sent = c.resets_received =
		c.listen_drops = 0;
	memset(c.open, 0, sizeof(c.open));
	memset(c.times, 0, sizeof(c.times));
	memset(c.time_sum, 0, sizeof(c.time_sum));
	return memcmp(&c, &nothing, sizeof(nothing)) == 0;
}
