/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>

#include "check.h"
#include "table.h"
#include "text.h"

static struct row row = {
	.kind = KIND_PID,
	.group = "postgres",
	.part = "12115",
	.value = {[METRIC_RX] = 8.8e6,
		  [METRIC_TX] = 0,
		  [METRIC_CONNECTS] = 0.5,
		  [METRIC_FAILURES] = NAN,
		  [METRIC_RETRANSMITS] = 3,
		  [METRIC_LATENCY] = 30e-6,
		  [METRIC_LATENCY_P99] = NAN,
		  [METRIC_SERVICE] = 2.5e-3},
};

static const struct {
	int width;
	struct view view;
	const char *heading;
	const char *line;
} cases[] = {
	{80,
	 {WHAT_ALL, METRIC_RX, ""},
	 "NAME                  PID  RX/s  TX/s CONN/s FAIL/s CONNECT   P99 RETR/s SERVICE",
	 "postgres            12115  8.8M     0    0.5      -    30us     -      3   2.5ms"},
	{60,
	 {WHAT_ALL, METRIC_RX, ""},
	 "NAME             PID  RX/s  TX/s CONN/s FAIL/s CONNECT   P99",
	 NULL},
	{60,
	 {WHAT_ALL, METRIC_SERVICE, ""},
	 "NAME                   PID  RX/s  TX/s CONN/s FAIL/s SERVICE",
	 NULL},
	{20, {WHAT_ALL, METRIC_RX, ""}, "NAME       PID  RX/s", NULL},
	{80,
	 {WHAT_CLIENTS, METRIC_RX, ""},
	 "NAME                        CLIENT              RX/s  TX/s CONN/s RETR/s SERVICE",
	 NULL},
	{80,
	 {WHAT_DESTINATIONS, METRIC_RX, ""},
	 "NAME              DESTINATION             RX/s  TX/s CONN/s FAIL/s CONNECT   P99",
	 NULL},
};

int main(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char line[TABLE_LINE];
		struct layout layout;

		check_begin("tcptop table: case %zu", i);
		table_layout(&layout, &cases[i].view, cases[i].width);
		table_heading(line, &layout);
		expect_text(line, cases[i].heading, "heading");
		table_row(line, &layout, &row);
		if (cases[i].line)
			expect_text(line, cases[i].line, "line");
		expect_u64((uint64_t)text_width(line), strlen(cases[i].heading), "width");
		check_end();
	}
	return check_status();
}
