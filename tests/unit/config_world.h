/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Options as collectd's parser hands them over, and what became of them. */
#ifndef EBPF_TCP_CONFIG_WORLD_H
#define EBPF_TCP_CONFIG_WORLD_H

#include "collectd_stub.h"
#include "config.h"

/* A value as collectd's parser hands it over. */
#define TEXT(text)                                                                                 \
	{                                                                                          \
		.value.string = (text), .type = OCONFIG_TYPE_STRING                                \
	}
#define NUMBER(n)                                                                                  \
	{                                                                                          \
		.value.number = (n), .type = OCONFIG_TYPE_NUMBER                                   \
	}
#define BOOLEAN(b)                                                                                 \
	{                                                                                          \
		.value.boolean = (b), .type = OCONFIG_TYPE_BOOLEAN                                 \
	}

#define BUCKET_ALLOWED                                                                             \
	"two bounds in seconds, from 0 to 3600, the lower one first; 0 as the upper one is no "    \
	"bound; at most 32 buckets"

#define SEVENTEEN                                                                                  \
	NUMBER(1), NUMBER(2), NUMBER(3), NUMBER(4), NUMBER(5), NUMBER(6), NUMBER(7), NUMBER(8),    \
		NUMBER(9), NUMBER(10), NUMBER(11), NUMBER(12), NUMBER(13), NUMBER(14), NUMBER(15), \
		NUMBER(16), NUMBER(17)

int read_values(struct config *c, const char *key, const oconfig_value_t *values, int count);
void config_start(struct config *c);
int read_a_bucket(struct config *c, double lower, double upper);
void expect_buckets(const struct metric_buckets *got, const double (*want)[2], unsigned count,
		    const char *whose);

/* A block of a rule with options. As with collectd itself, no item knows its parent. */
int read_block(struct config *c, const char *name, oconfig_item_t *options, int count);

#endif
