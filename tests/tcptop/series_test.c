/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "check.h"
#include "series.h"

static const struct {
	const char *identifier;
	const char *want; /* "HOST GROUP PART kind metric"; NULL: not shown */
} cases[] = {
	{"h/ebpf_tcp-a/if_octets", "h a  0 0"},
	{"h/ebpf_tcp-a-1-2/if_octets", "h a-1-2  0 0"},
	{"h/ebpf_tcp-a-1-2/if_octets-12", "h a-1-2 12 1 0"},
	{"h/ebpf_tcp-a/if_octets-10.0.0.5:5432", "h a 10.0.0.5:5432 2 0"},
	{"h/ebpf_tcp-a/if_octets-[2001:db8::1]:443", "h a [2001:db8::1]:443 2 0"},
	{"h/ebpf_tcp-a/if_octets-office:5432", "h a office:5432 2 0"},
	{"h/ebpf_tcp-a/if_octets-other", "h a other 2 0"},
	{"h/ebpf_tcp-a/if_octets-client-10.0.0.9", "h a 10.0.0.9 3 0"},
	{"h/ebpf_tcp-a/if_octets-client-2001:db8::9", "h a 2001:db8::9 3 0"},
	{"h/ebpf_tcp-a/if_octets-client-other", "h a other 3 0"},
	{"h/ebpf_tcp-a/if_octets-client-", NULL},
	{"h/ebpf_tcp-a/if_octets-port-443", NULL},
	{"h/ebpf_tcp-a/if_octets-port-other", NULL},
	{"h/ebpf_tcp-a/if_octets-loopback", NULL},
	{"h/ebpf_tcp-a/if_octets-", NULL},
	{"h/ebpf_tcp-a/connections-connect", "h a  0 2"},
	{"h/ebpf_tcp-a/connections-connect-7", "h a 7 1 2"},
	{"h/ebpf_tcp-a/connections-connect_failed-7", "h a 7 1 3"},
	{"h/ebpf_tcp-a/connections-connect_refused-7", NULL},
	{"h/ebpf_tcp-a/connections-accept", NULL},
	{"h/ebpf_tcp-a/connections-accept-client-::1", "h a ::1 3 2"},
	{"h/ebpf_tcp-a/connections-accept-port-80", NULL},
	{"h/ebpf_tcp-a/protocol_counter-retransmits-7", "h a 7 1 4"},
	{"h/ebpf_tcp-a/protocol_counter-segments", NULL},
	{"h/ebpf_tcp-a/latency-connect-average", "h a  0 6"},
	{"h/ebpf_tcp-a/latency-connect-percentile-99", "h a  0 7"},
	{"h/ebpf_tcp-a/latency-connect-percentile-99-12", "h a 12 1 7"},
	{"h/ebpf_tcp-a/latency-connect-percentile-99.9", NULL},
	{"h/ebpf_tcp-a/latency-connect-percentile-95-99", NULL},
	{"h/ebpf_tcp-a/latency-service-average-12", "h a 12 1 8"},
	{"h/ebpf_tcp-a/latency-service-average-client-10.0.0.9", "h a 10.0.0.9 3 8"},
	{"h/ebpf_tcp-a/latency-response-average", NULL},
	{"h/ebpf_tcp-a/latency-response-average-db:5432", "h a db:5432 2 8"},
	{"h/ebpf_tcp-self/total_events-lost_processes", "h self lost_processes 4 5"},
	{"h/ebpf_tcp-self/total_events-refused_names", NULL},
	{"h/ebpf_tcp-self/cache_size-processes", NULL},
	{"h/ebpf_tcp-/if_octets", NULL},
	{"h/interface-eth0/if_octets", NULL},
	{"/ebpf_tcp-a/if_octets", NULL},
	{"h/ebpf_tcp-a/b/if_octets", NULL},
	{"h/ebpf_tcp-a", NULL},
	{"h", NULL},
	{"", NULL},
};

int main(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct series series;
		char identifier[128], got[200] = "not shown";

		check_begin("tcptop series '%s'", cases[i].identifier);
		snprintf(identifier, sizeof(identifier), "%s", cases[i].identifier);
		if (series_parse(&series, identifier))
			snprintf(got, sizeof(got), "%s %s %s %d %d", series.host, series.group,
				 series.part, series.kind, series.metrics[0]);
		expect_text(got, cases[i].want ? cases[i].want : "not shown", "series");
		check_end();
	}
	return check_status();
}
