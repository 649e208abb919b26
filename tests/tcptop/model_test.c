/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>

#include "check.h"
#include "world.h"

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct model m;

static void begin(const char *name)
{
	check_begin("tcptop model: %s", name);
	model_open(&m);
}

static void end(void)
{
	model_close(&m);
	check_end();
}

/* value and amount of a counter */
static void expect_row(const char *name, enum metric metric, double value, double amount)
{
	const struct row *row = world_row(&m, name);

	if (!row) {
		check_complain("%s is not in the table", name);
		return;
	}
	expect_double(row->value[metric], value, name);
	if (metric < METRIC_COUNTERS)
		expect_double(row->amount[metric], amount, name);
}

static void tick(double time, const char *const *lines)
{
	world_tick(&m, time, READING_SUM, lines);
}

static void test_sums(void)
{
	begin("sums become amounts and rates");
	tick(100, LINES("all/if_octets 0:0", "a/if_octets-7 0:0", "all/connections-connect 5"));
	expect(!model_tick(&m), "one tick is no table");
	tick(102, LINES("all/if_octets 1000003:13", "a/if_octets-7 1000003:0",
			"all/connections-connect 8", "a/latency-connect-average-7 0.25"));
	expect(model_tick(&m), "two ticks are a table");
	expect_double(m.seconds, 2, "seconds");
	expect_row("all/", METRIC_RX, 500001.5, 1000003);
	expect_row("all/", METRIC_TX, 6.5, 13);
	expect_row("all/", METRIC_CONNECTS, 1.5, 3);
	expect_row("all/", METRIC_FAILURES, NAN, NAN);
	expect_row("a/7", METRIC_RX, 500001.5, 1000003);
	expect_row("a/7", METRIC_LATENCY, 0.25, 0);
	end();
}

/* Such a collectd has made rates already, and the first tick is a table. */
static void test_rates(void)
{
	begin("rates are taken as they are");
	world_tick(&m, 100, READING_RATE, LINES("all/if_octets 8.5:nan"));
	expect(model_tick(&m), "one tick is a table");
	expect_double(m.seconds, NAN, "seconds");
	expect_row("all/", METRIC_RX, 8.5, NAN);
	expect_row("all/", METRIC_TX, NAN, NAN);
	end();
}

/* What came too late for its table is in the next one. */
static void test_late(void)
{
	begin("a late value is not lost");
	tick(100, LINES("all/if_octets 0:0", "a/if_octets 0:0"));
	model_tick(&m);
	tick(102, LINES("all/if_octets 17:0"));
	model_tick(&m);
	expect(!world_row(&m, "a/"), "a is in the table without a value");
	tick(102, LINES("a/if_octets 17:0"));
	expect(!model_tick(&m), "a late value alone is a table");
	expect_row("all/", METRIC_RX, 8.5, 17);
	tick(104, LINES("all/if_octets 40:0", "a/if_octets 40:0"));
	model_tick(&m);
	expect_row("all/", METRIC_RX, 11.5, 23);
	expect_row("a/", METRIC_RX, 20, 40);
	end();
}

/* Ticks that were no table, as while the screen is paused. */
static void test_pause(void)
{
	begin("a table covers all ticks since the last one");
	tick(100, LINES("all/if_octets 0:0"));
	model_tick(&m);
	tick(102, LINES("all/if_octets 3:0"));
	tick(104, LINES("all/if_octets 10:0"));
	tick(106, LINES("all/if_octets 31:0"));
	model_tick(&m);
	expect_double(m.seconds, 6, "seconds");
	expect_row("all/", METRIC_RX, 31 / 6.0, 31);
	end();
}

static void test_ends(void)
{
	begin("a row without values goes, and comes back with what is new");
	tick(100, LINES("all/if_octets 0:0", "a/if_octets-7 0:0"));
	model_tick(&m);
	for (unsigned i = 1; i <= 3; i++) {
		tick(100 + 2 * i, LINES("all/if_octets 0:0"));
		model_tick(&m);
		expect(!world_row(&m, "a/7"), "it is in table %u", i);
	}
	expect_u64(m.count, 1, "rows");
	tick(108, LINES("all/if_octets 0:0", "a/if_octets-7 1009:0"));
	model_tick(&m);
	expect_row("a/7", METRIC_RX, 0, 0);
	tick(110, LINES("all/if_octets 0:0", "a/if_octets-7 1013:0"));
	model_tick(&m);
	expect_row("a/7", METRIC_RX, 2, 4);
	end();
}

/* The same name as group, PID, destination and client, and many of them. */
static void test_names(void)
{
	begin("names are told apart");
	tick(100, LINES("all/if_octets 0:0", "a/if_octets 1:0", "a/if_octets-7 2:0",
			"a/if_octets-other 3:0", "a/if_octets-client-other 4:0"));
	expect_u64(m.count, 5, "rows");
	for (unsigned i = 0; i < 1009; i++) {
		char line[64];

		snprintf(line, sizeof(line), "n%u/if_octets %u:0", i, i);
		tick(100, LINES(line));
		tick(100, LINES(line));
	}
	expect_u64(m.count, 1014, "rows");
	end();
}

int main(void)
{
	test_sums();
	test_rates();
	test_late();
	test_pause();
	test_ends();
	test_names();
	return check_status();
}
