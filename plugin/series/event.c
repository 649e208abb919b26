/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "series/event.h"

struct events {
	unsigned limit;
	unsigned count;
	uint64_t more;
	struct event list[];
};

#define NAME(id, word) word,
static const char *const names[TCP_REASON_COUNT] = {TCP_REASONS(NAME)};
#undef NAME

/* What people read. */
static const char *const texts[TCP_REASON_COUNT] = {
	[TCP_REASON_REFUSED] = "connection refused",
	[TCP_REASON_TIMEOUT] = "timed out",
	[TCP_REASON_UNREACHABLE] = "host or network unreachable",
	[TCP_REASON_RESET] = "connection reset",
	[TCP_REASON_DENIED] = "not permitted",
	[TCP_REASON_NO_PORT] = "no local port left",
	[TCP_REASON_ABORTED] = "closed by the application before an answer",
	[TCP_REASON_OTHER] = "other error",
};

int events_open(struct events **out, unsigned limit)
{
	struct events *e = calloc(1, sizeof(*e) + limit * sizeof(*e->list));

	if (!e)
		return -ENOMEM;
	e->limit = limit;
	*out = e;
	return 0;
}

void events_close(struct events *e)
{
	free(e);
}

void events_begin(struct events *e)
{
	e->count = 0;
	e->more = 0;
}

static void describe(struct event *out, const struct match *match, const struct tcp_event *raw)
{
	char comm[TCP_COMM_LEN + 1];

	snprintf(comm, sizeof(comm), "%.*s", TCP_COMM_LEN, raw->comm);
	naming_clean(out->comm, sizeof(out->comm), comm);
	snprintf(out->group, sizeof(out->group), "%s", match->group);
	out->pid = raw->pid;
	out->uid = match->uid;
	out->took_s = (double)raw->took_ns / 1e9;
	memcpy(out->local, raw->local, sizeof(out->local));
	memcpy(out->remote, raw->remote, sizeof(out->remote));
	out->local_port = raw->local_port;
	out->remote_port = raw->remote_port;
}

void events_add(struct events *e, const struct match *match, const struct event_options *options,
		const struct tcp_event *raw)
{
	bool ours =
		strcmp(match->group, GROUP_OTHER) != 0 && strcmp(match->group, GROUP_KERNEL) != 0;
	bool failed = raw->outcome < TCP_REASON_COUNT;
	bool slow = options->slow_s > 0 && (double)raw->took_ns >= options->slow_s * 1e9;
	struct event *event;

	if (!ours || !(failed ? options->failed : slow))
		return;
	if (e->count == e->limit) {
		e->more++;
		return;
	}
	event = &e->list[e->count++];
	*event = (struct event){.failed = failed, .limit_s = options->slow_s};
	event->reason = failed ? names[raw->outcome] : "";
	event->reason_text = failed ? texts[raw->outcome] : "";
	describe(event, match, raw);
}

const struct event *events_list(const struct events *e, unsigned *count)
{
	*count = e->count;
	return e->list;
}

uint64_t events_more(const struct events *e)
{
	return e->more;
}

void event_text(char *out, size_t size, const struct event *event)
{
	char to[ENDPOINT_NAME_SIZE], from[ENDPOINT_NAME_SIZE] = "", after[48] = "";
	const char *separator = event->local_port ? " from " : "";

	endpoint_name(to, sizeof(to), event->remote, event->remote_port, NULL, 0);
	if (event->local_port)
		endpoint_name(from, sizeof(from), event->local, event->local_port, NULL, 0);
	if (event->took_s > 0)
		snprintf(after, sizeof(after), " after %.1f ms", event->took_s * 1e3);
	if (event->failed)
		snprintf(out, size, "%s[%u] connect to %s%s%s failed: %s%s", event->comm,
			 event->pid, to, separator, from, event->reason_text, after);
	else
		snprintf(out, size, "%s[%u] connect to %s%s%s took %.1f ms (limit %.10g ms)",
			 event->comm, event->pid, to, separator, from, event->took_s * 1e3,
			 event->limit_s * 1e3);
}
