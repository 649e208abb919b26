/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "output.h"

/* Names of the members; an amount is named like the rate, without what is behind the stroke. */
static const struct {
	enum metric metric;
	const char *amount; /* in the interval; NULL: it has only a value */
	const char *value;
} members[] = {
	{METRIC_RX, "rx_bytes", "rx_bytes_per_second"},
	{METRIC_TX, "tx_bytes", "tx_bytes_per_second"},
	{METRIC_CONNECTS, "connects", "connects_per_second"},
	{METRIC_FAILURES, "connects_failed", "connects_failed_per_second"},
	{METRIC_RETRANSMITS, "retransmits", "retransmits_per_second"},
	{METRIC_LATENCY, NULL, "connect_seconds_average"},
	{METRIC_LATENCY_P99, NULL, "connect_seconds_p99"},
	{METRIC_SERVICE, NULL, "service_seconds_average"},
};

static void add_number(struct json_object *to, const char *name, double value)
{
	if (!isnan(value))
		json_object_object_add(to, name, json_object_new_double(value));
}

static void add_text(struct json_object *to, const char *name, const char *text)
{
	json_object_object_add(to, name, json_object_new_string(text));
}

/* What is not known is left out. */
static struct json_object *row_object(const struct row *row)
{
	struct json_object *out = json_object_new_object();

	add_text(out, "kind", kind_name(row->kind));
	add_text(out, "group", row->group);
	if (row->kind == KIND_PID)
		json_object_object_add(out, "pid", json_object_new_int64(atoll(row->part)));
	else if (*row->part)
		add_text(out, kind_name(row->kind), row->part);
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		enum metric metric = members[i].metric;
		const char *value = members[i].value;

		if (members[i].amount && !isnan(row->amount[metric]))
			json_object_object_add(out, members[i].amount,
					       json_object_new_int64((int64_t)row->amount[metric]));
		if (metric == METRIC_SERVICE && row->kind == KIND_DESTINATION)
			value = "response_seconds_average";
		add_number(out, value, row->value[metric]);
	}
	return out;
}

bool output_json(const struct view *view, const struct model *m, const struct source *source,
		 size_t limit)
{
	struct json_object *table = json_object_new_object();
	struct json_object *list = json_object_new_array();
	const struct row **rows;
	size_t count;

	add_number(table, "time", m->time);
	add_number(table, "seconds", m->seconds);
	add_text(table, "source", source->about);
	if (view_loss(m))
		add_text(table, "lost", view_loss(m));
	json_object_object_add(table, "total", row_object(model_total(m)));
	rows = view_rows(view, m, &count);
	for (size_t i = 0; rows && i < count && i < limit; i++)
		json_object_array_add(list, row_object(rows[i]));
	free(rows);
	json_object_object_add(table, "rows", list);
	puts(json_object_to_json_string_ext(table, JSON_C_TO_STRING_PLAIN));
	json_object_put(table);
	return fflush(stdout) == 0;
}
