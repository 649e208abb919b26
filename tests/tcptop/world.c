/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <string.h>

#include "check.h"
#include "protocol.h"
#include "world.h"

void world_tick(struct model *m, double time, enum reading reading, const char *const *lines)
{
	for (; *lines; lines++) {
		int length = (int)strcspn(*lines, " ");
		struct series series;
		struct value value;
		char line[256];

		snprintf(line, sizeof(line), "PUTVAL h/ebpf_tcp-%.*s interval=2 %.3f:%s", length,
			 *lines, time, *lines + length + 1);
		if (!expect(protocol_putval(&value, line), "not taken: %s", *lines) ||
		    !expect(series_parse(&series, value.identifier), "no series: %s", *lines))
			return;
		model_add(m, &series, value.time, value.values, reading);
	}
}

const struct row *world_row(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct row *row = m->rows[i];
		char have[256];

		snprintf(have, sizeof(have), "%s/%s", row->group, row->part);
		if (row->shown && !strcmp(have, name))
			return row;
	}
	return NULL;
}
