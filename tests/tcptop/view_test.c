/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdlib.h>

#include "check.h"
#include "view.h"
#include "world.h"

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct {
	const char *name;
	struct view view;
	const char *want; /* rows in their order */
} cases[] = {
	{"all by rx", {WHAT_ALL, METRIC_RX, ""}, "web/ web/12 db/ db/7 slow/"},
	{"groups by bytes", {WHAT_GROUPS, METRIC_BYTES, ""}, "web/ db/ slow/"},
	{"groups by tx", {WHAT_GROUPS, METRIC_TX, ""}, "db/ web/ slow/"},
	{"PIDs by connects", {WHAT_PIDS, METRIC_CONNECTS, ""}, "db/7 web/12"},
	{"groups by failures", {WHAT_GROUPS, METRIC_FAILURES, ""}, "slow/ web/ db/"},
	{"groups by latency, unknown last", {WHAT_GROUPS, METRIC_LATENCY, ""}, "slow/ db/ web/"},
	{"groups by retransmits", {WHAT_GROUPS, METRIC_RETRANSMITS, ""}, "db/ web/ slow/"},
	{"groups by service", {WHAT_GROUPS, METRIC_SERVICE, ""}, "web/ slow/ db/"},
	{"destinations", {WHAT_DESTINATIONS, METRIC_RX, ""}, "web/10.0.0.5:5432"},
	{"clients", {WHAT_CLIENTS, METRIC_CONNECTS, ""}, "db/10.0.0.9 db/other"},
	{"filter", {WHAT_ALL, METRIC_RX, "web"}, "web/ web/12"},
	{"filter in capitals", {WHAT_ALL, METRIC_RX, "DB"}, "db/ db/7"},
	{"filter on a PID", {WHAT_ALL, METRIC_RX, "12"}, "web/12"},
	{"filter on an address", {WHAT_CLIENTS, METRIC_RX, "0.9"}, "db/10.0.0.9"},
	{"filter on none", {WHAT_ALL, METRIC_RX, "x"}, ""},
	{"filter is no pattern", {WHAT_ALL, METRIC_RX, ".*"}, ""},
};

static void test(const struct model *m, size_t i)
{
	const struct row **rows;
	char have[256] = "";
	size_t count;

	check_begin("tcptop view: %s", cases[i].name);
	rows = view_rows(&cases[i].view, m, &count);
	for (size_t n = 0; n < count; n++)
		snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s%s/%s", n ? " " : "",
			 rows[n]->group, rows[n]->part);
	expect_text(have, cases[i].want, "rows");
	free(rows);
	check_end();
}

/* A loss is a warning in the table in which it rises. */
static void test_loss(struct model *m)
{
	check_begin("tcptop view: losses");
	expect(!view_loss(m), "there is none");
	world_tick(m, 104, READING_SUM,
		   LINES("all/if_octets 0:0", "self/total_events-lost_sockets 3"));
	model_tick(m);
	expect_text(view_loss(m), "lost_sockets", "loss");
	world_tick(m, 106, READING_SUM,
		   LINES("all/if_octets 0:0", "self/total_events-lost_sockets 3"));
	model_tick(m);
	expect(!view_loss(m), "it does not rise any more");
	check_end();
}

int main(void)
{
	struct model m;

	model_open(&m);
	for (unsigned i = 0; i < 2; i++) {
		const char *const zero[] = {"all/if_octets 0:0",
					    "web/if_octets 0:0",
					    "web/if_octets-12 0:0",
					    "db/if_octets 0:0",
					    "db/if_octets-7 0:0",
					    "slow/if_octets 0:0",
					    "idle/if_octets 3:3",
					    "web/if_octets-10.0.0.5:5432 0:0",
					    "db/if_octets-client-10.0.0.9 0:0",
					    "db/connections-accept-client-10.0.0.9 0",
					    "db/if_octets-client-other 0:0",
					    "web/connections-connect-12 0",
					    "db/connections-connect-7 0",
					    "web/connections-connect_failed 0",
					    "slow/connections-connect_failed 0",
					    "db/protocol_counter-retransmits 0",
					    "self/total_events-lost_sockets 0",
					    "gone/if_octets 0:0",
					    NULL};
		const char *const busy[] = {"all/if_octets 900:900",
					    "web/if_octets 500:1",
					    "web/if_octets-12 500:1",
					    "db/if_octets 100:7",
					    "db/if_octets-7 100:7",
					    "slow/if_octets 1:0",
					    "idle/if_octets 3:3",
					    "web/if_octets-10.0.0.5:5432 5:0",
					    "db/if_octets-client-10.0.0.9 1:0",
					    "db/connections-accept-client-10.0.0.9 2",
					    "db/if_octets-client-other 70:0",
					    "web/connections-connect-12 1",
					    "db/connections-connect-7 2",
					    "web/connections-connect_failed 1",
					    "slow/connections-connect_failed 2",
					    "db/protocol_counter-retransmits 1",
					    "slow/latency-connect-average 1.5",
					    "db/latency-connect-average 0.5",
					    "web/latency-service-average 0.01",
					    "slow/latency-service-average 0.002",
					    "self/total_events-lost_sockets 0",
					    NULL};

		world_tick(&m, 100 + 2 * i, READING_SUM, i ? busy : zero);
		model_tick(&m);
	}
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		test(&m, i);
	test_loss(&m);
	model_close(&m);
	return check_status();
}
