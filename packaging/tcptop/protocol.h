/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Lines of collectd's plain text protocol. Each function cuts the line that it is given, of which
 * no line end is left, and is false if the line is not as it should be.
 */
#ifndef TCPTOP_PROTOCOL_H
#define TCPTOP_PROTOCOL_H

#include <stdbool.h>

#include "series.h"

struct value {
	char *identifier;
	double time; /* seconds since 1970 */
	unsigned count;
	double values[SERIES_VALUES]; /* NAN: unknown */
};

/* PUTVAL IDENTIFIER interval=SECONDS TIME:VALUE[:VALUE] */
bool protocol_putval(struct value *out, char *line);
/* TIME IDENTIFIER: a line of the answer to LISTVAL; it has no values. */
bool protocol_listval(struct value *out, char *line);
/* NAME=VALUE: a line of the answer to GETVAL. */
bool protocol_getval(double *out, char *line);
/* NUMBER TEXT: the first line of an answer says how many follow. A negative number is an error. */
bool protocol_status(long *out, const char *line);

#endif
