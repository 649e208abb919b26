/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * What a series of the plugin is about, by its name: HOST/ebpf_tcp-GROUP/TYPE[-INSTANCE][-PART].
 */
#ifndef TCPTOP_SERIES_H
#define TCPTOP_SERIES_H

#include <stdbool.h>

/* What a row of the table is. */
enum kind {
	KIND_GROUP,
	KIND_PID,
	KIND_DESTINATION,
	KIND_CLIENT,
	KIND_LOSS, /* what the plugin says that it has lost */
	KIND_COUNT,
};

enum metric {
	METRIC_RX, /* bytes */
	METRIC_TX,
	METRIC_CONNECTS, /* of a client: those that it opened, which were accepted */
	METRIC_FAILURES,
	METRIC_RETRANSMITS,
	METRIC_LOST,
	METRIC_COUNTERS,
	METRIC_LATENCY = METRIC_COUNTERS, /* seconds */
	METRIC_LATENCY_P99,
	METRIC_SERVICE, /* until an answer begins; of a destination: until its answer arrives */
	METRIC_BYTES,   /* rx and tx per second: not a series, but made of two */
	METRIC_COUNT,
};

#define SERIES_VALUES 2 /* at most, of a series */

struct series {
	const char *host;
	const char *group;
	const char *part; /* PID, destination, client, or loss; "" of a group */
	enum kind kind;
	unsigned count; /* of its values, which are these */
	enum metric metrics[SERIES_VALUES];
};

/* Cuts the identifier into pieces, to which `out` points. False if it is none that the table shows.
 */
bool series_parse(struct series *out, char *identifier);

#endif
