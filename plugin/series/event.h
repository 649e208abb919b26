/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Events: slow and failed connects that are to be told one by one, but not too many in a tick. */
#ifndef EBPF_TCP_EVENT_H
#define EBPF_TCP_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "identity/match.h"
#include "tcp.h"

struct events;

/* What is told: in general, or of the processes of one rule. */
struct event_options {
	double slow_s; /* connects that take at least so long; 0: none */
	bool failed;
};

struct event {
	char group[GROUP_NAME_SIZE];
	char comm[GROUP_NAME_SIZE]; /* cleaned */
	uint32_t pid;
	uint32_t uid;   /* or TCP_UID_UNKNOWN */
	double took_s;  /* 0: it failed at once */
	double limit_s; /* that it exceeded */
	bool failed;
	const char *reason;            /* of a failure, as in the names of series; else "" */
	const char *reason_text;       /* the same for people */
	uint8_t local[16], remote[16]; /* IPv6, or v4-mapped */
	uint16_t local_port;           /* 0: it has no local end yet */
	uint16_t remote_port;
};

/* At most `limit` events are kept in a tick. Returns 0 or -ENOMEM. */
int events_open(struct events **out, unsigned limit);

/* NULL is allowed. */
void events_close(struct events *e);

/* A tick begins; what was kept is forgotten. */
void events_begin(struct events *e);

/* Keeps the event, or counts it, if the rule that `match` tells of wants it. */
void events_add(struct events *e, const struct match *match, const struct event_options *options,
		const struct tcp_event *raw);

/* What was kept, in order; and how many were not. */
const struct event *events_list(const struct events *e, unsigned *count);
uint64_t events_more(const struct events *e);

/* "mysqld[4711] connect to 10.0.0.5:3306 from 10.0.0.9:51234 took 251.3 ms (limit 250 ms)" */
void event_text(char *out, size_t size, const struct event *event);

#endif
