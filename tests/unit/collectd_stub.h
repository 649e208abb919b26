/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The few functions of the daemon that the plugin calls: they write down what they were told. */
#ifndef EBPF_TCP_COLLECTD_STUB_H
#define EBPF_TCP_COLLECTD_STUB_H

#include "collectd_api.h"

#include "utils/metadata/meta_data.h"

#define STUB_LOGS_MAX 16
#define STUB_VALUES_MAX 64
#define STUB_NOTIFICATIONS_MAX 16

/* What is behind collectd's meta_data_t. */
struct meta_data_s {
	char text[512];
};

struct stub {
	struct {
		int level; /* LOG_ERR, ... */
		char text[512];
	} logs[STUB_LOGS_MAX];
	unsigned log_count; /* all of them, also those beyond the array */

	struct {
		value_list_t list;
		value_t values[2];
		char meta[512]; /* key=value for each, with a blank after it */
	} values[STUB_VALUES_MAX];
	unsigned value_count;
	notification_t notifications[STUB_NOTIFICATIONS_MAX];
	char notification_meta[STUB_NOTIFICATIONS_MAX][512]; /* " name=value" each */
	unsigned notification_count;
	int notification_metas; /* that were made and not freed */
	int metas;              /* that were made and not destroyed */
	const data_set_t *sets; /* that collectd knows; the last one has no name */
	unsigned sets_asked;
	int dispatch_result; /* what plugin_dispatch_values() returns */

	/* Under which name each callback was registered; "" before that. */
	char config_name[64], init_name[64], read_name[64], shutdown_name[64];
	int (*config)(oconfig_item_t *block);
	int (*init)(void);
	int (*read)(void);
	int (*shutdown)(void);
};

extern struct stub stub;

void stub_reset(void);

#endif
