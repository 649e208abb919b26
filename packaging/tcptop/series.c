/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <string.h>

#include "series.h"

#define PREFIX "ebpf_tcp-"
#define CLIENT_PREFIX "client-"
#define LOSS_PREFIX "lost_"

enum {
	GROUP = 1 << KIND_GROUP,
	PID = 1 << KIND_PID,
	DESTINATION = 1 << KIND_DESTINATION,
	CLIENT = 1 << KIND_CLIENT,
	LOSS = 1 << KIND_LOSS,
	WHOLE = GROUP | PID,
};

/* To show another series: one row. */
static const struct {
	const char *name;
	unsigned kinds;
	unsigned count;
	enum metric metrics[SERIES_VALUES];
} known[] = {
	{"if_octets", WHOLE | DESTINATION | CLIENT, 2, {METRIC_RX, METRIC_TX}},
	{"connections-connect", WHOLE | DESTINATION, 1, {METRIC_CONNECTS}},
	{"connections-accept", CLIENT, 1, {METRIC_CONNECTS}},
	{"connections-connect_failed", WHOLE | DESTINATION, 1, {METRIC_FAILURES}},
	{"protocol_counter-retransmits", WHOLE | DESTINATION | CLIENT, 1, {METRIC_RETRANSMITS}},
	{"latency-connect-average", WHOLE | DESTINATION, 1, {METRIC_LATENCY}},
	{"latency-connect-percentile-99", WHOLE | DESTINATION, 1, {METRIC_LATENCY_P99}},
	{"latency-service-average", WHOLE | CLIENT, 1, {METRIC_SERVICE}},
	{"latency-response-average", DESTINATION, 1, {METRIC_SERVICE}},
	{"total_events", LOSS, 1, {METRIC_LOST}},
};

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Moves a part behind its prefix. KIND_COUNT: ports and scopes, which the table does not show. */
static enum kind kind_of(const char **part)
{
	if (!**part)
		return KIND_GROUP;
	if ((*part)[strspn(*part, "0123456789")] == '\0')
		return KIND_PID;
	if (begins(*part, LOSS_PREFIX))
		return KIND_LOSS;
	if (begins(*part, CLIENT_PREFIX)) {
		*part += strlen(CLIENT_PREFIX);
		return **part ? KIND_CLIENT : KIND_COUNT;
	}
	if (!strcmp(*part, "other") || strchr(*part, ':'))
		return KIND_DESTINATION;
	return KIND_COUNT;
}

/* The part of a series of that name, or NULL. */
static const char *part_of(const char *series, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(series, name, length) != 0)
		return NULL;
	if (!series[length])
		return series + length;
	return series[length] == '-' && series[length + 1] ? series + length + 1 : NULL;
}

static bool find(struct series *out, const char *series)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		out->part = part_of(series, known[i].name);
		if (!out->part)
			continue;
		out->kind = kind_of(&out->part);
		out->count = known[i].count;
		memcpy(out->metrics, known[i].metrics, sizeof(out->metrics));
		if (known[i].kinds >> out->kind & 1)
			return true;
	}
	return false;
}

bool series_parse(struct series *out, char *identifier)
{
	char *plugin = strchr(identifier, '/');
	char *series = plugin ? strchr(plugin + 1, '/') : NULL;

	if (!series || plugin == identifier || strchr(series + 1, '/') ||
	    !begins(plugin + 1, PREFIX))
		return false;
	*plugin = *series = '\0';
	out->host = identifier;
	out->group = plugin + 1 + strlen(PREFIX);
	return *out->group && find(out, series + 1);
}
