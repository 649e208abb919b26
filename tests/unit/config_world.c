/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "config_world.h"
#include "check.h"

int read_values(struct config *c, const char *key, const oconfig_value_t *values, int count)
{
	oconfig_item_t item = {
		.key = (char *)key, .values = (oconfig_value_t *)values, .values_num = count};
	oconfig_item_t block = {.key = "Plugin", .children = &item, .children_num = 1};

	return config_read(c, &block);
}

void config_start(struct config *c)
{
	stub_reset();
	expect(config_defaults(c) == 0, "config_defaults failed");
	expect_u64(stub.log_count, 0, "log lines of the defaults");
}

int read_a_bucket(struct config *c, double lower, double upper)
{
	const oconfig_value_t values[] = {NUMBER(lower), NUMBER(upper)};

	return read_values(c, "LatencyBucket", values, 2);
}

void expect_buckets(const struct metric_buckets *got, const double (*want)[2], unsigned count,
		    const char *whose)
{
	expect_u64(got->count, count, "buckets %s", whose);
	for (unsigned i = 0; i < count && i < got->count; i++) {
		expect_double(got->list[i].lower, want[i][0], "lower bound");
		expect_double(got->list[i].upper, want[i][1], "upper bound");
	}
}

int read_block(struct config *c, const char *name, oconfig_item_t *options, int count)
{
	oconfig_value_t value = TEXT((char *)name);
	oconfig_item_t rule = {.key = "Process",
			       .values = &value,
			       .values_num = 1,
			       .children = options,
			       .children_num = count};
	oconfig_item_t block = {.key = "Plugin", .children = &rule, .children_num = 1};

	return config_read(c, &block);
}
