/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Destinations, ports and clients as parts of groups, what is left over of them, and listeners. */
#include <arpa/inet.h>

#include "check.h"
#include "group_world.h"

static void test_destination(void)
{
	check_begin("group: a new destination is 0 first and has its growth in the next tick");
	world_open_endpoints(7, 7);
	tick_begin();
	feed_rx("web", 3, 101, 1009);
	feed_ends("web", 5, 1009);
	tick_end();
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.5:443", 0);
	expect_part_rx(GROUP_PORT, "web", "port-5", 0);
	tick_begin();
	feed_ends("web", 5, 13);
	tick_end();
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.5:443", 1022);
	expect_part_rx(GROUP_PORT, "web", "port-5", 1022);
	expect_rx("web", 0, 1009);
	expect_u64(world.all.total.rx_bytes, 1009, "all: an endpoint's bytes are its process's");
	quiet_ticks(9);
	expect_part_rx(GROUP_PORT, "web", "port-5", 1022);
	quiet_ticks(1); /* its activity is forgotten */
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.5:443", ABSENT);
	tick_begin();
	feed_ends("web", 5, 17);
	tick_end();
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.5:443", 1022);
	quiet_ticks(1);
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.5:443", 1039);
	world_close();
	check_end();
}

static void test_rest(void)
{
	check_begin("group: the busiest destinations are reported, the rest in part other of the "
		    "group");
	world_open_endpoints(1, 2);
	each_tick(3) {
		feed_rx("web", 3, 101, 1000003);
		feed_rx("hidden", 4, 103, 1009);
		for (unsigned i = 1; i <= 4; i++)
			feed_ends("web", i, i * 1000);
		feed_ends("hidden", 1, 7);
		feed_ends(GROUP_OTHER, 9, 11);
	}
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.4:443", 12000);
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.3:443", 9000);
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.2:443", ABSENT);
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, 9000);
	expect_part_rx(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER, 54);
	expect_part_rx(GROUP_PORT, "web", "port-4", 12000);
	expect_part_rx(GROUP_PORT, "web", PORTS_REST, 9000);
	expect_part_rx(GROUP_PORT, GROUP_OTHER, PORTS_REST, 54);
	expect_part_rx(GROUP_CLIENT, "web", "client-10.0.0.4", 12000);
	expect_part_rx(GROUP_CLIENT, "web", CLIENTS_REST, 9000);
	expect_part_rx(GROUP_CLIENT, GROUP_OTHER, CLIENTS_REST, 54);
	expect_u64(world.shown[GROUP_DESTINATION], 4, "destinations");
	expect_u64(world.shown[GROUP_PORT], 4, "ports");
	expect_u64(world.shown[GROUP_CLIENT], 4, "clients");
	each_tick(3) { /* the group gives its place to the other */
		feed_rx("hidden", 4, 103, 100000007);
		feed_ends("web", 1, 1);
		feed_ends("hidden", 1, 7);
	}
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, ABSENT);
	expect_part_rx(GROUP_DESTINATION, "hidden", "10.0.0.1:443", 21);
	expect_part_rx(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER, 57);
	quiet_ticks(40); /* forgotten; the total is not */
	expect_u64(world.shown[GROUP_DESTINATION], 0, "destinations in the end");
	tick_begin();
	feed_rx("web", 3, 101, 1009);
	feed_ends("web", 1, 5);
	feed_ends("web", 2, 6);
	feed_ends("web", 3, 7);
	feed_ends("hidden", 1, 1000);
	tick_end();
	quiet_ticks(1);
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, 9005);
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.2:443", 6);
	expect_part_rx(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER, 1057);
	world_close();
	check_end();
}

/* The part is busier than all of another group, which is beyond the limit less than its own. */
static void feed_parts(const char *busy, const char *beyond)
{
	for (unsigned i = 0; i < 3; i++)
		feed_rx(busy, 3 + i, 101 + i, 1000);
	feed_rx(beyond, 6, 104, 2000);
	for (unsigned i = 1; i <= 3; i++)
		feed_ends(busy, i, 800 - i * 100);
	feed_ends(beyond, 1, 2000);
}

static void test_hidden_parts(void)
{
	static const struct group_options options = {1,    true, 2,    0, true,   2,
						     true, 2,    true, 2, PLENTY, false};

	check_begin("group: parts of a group beyond GroupLimit are not reported and take no place");
	world_open_with(&options, 0, NULL, 0);
	for (unsigned tick = 0; tick < 4; tick++) {
		unsigned ticks = tick ? tick + 1 : 0; /* that can be seen */

		tick_begin();
		feed_parts("web", "hidden");
		tick_end();
		expect_rx("web", 102, 1000 * ticks);
		expect_rx("hidden", 104, ABSENT);
		expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.2:443", 600 * ticks);
		expect_part_rx(GROUP_PORT, "web", "port-2", 600 * ticks);
		expect_part_rx(GROUP_DESTINATION, "hidden", "10.0.0.1:443", ABSENT);
		expect_part_rx(GROUP_DESTINATION, "hidden", GROUP_OTHER, ABSENT);
	}
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, 4 * 500);
	expect_part_rx(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER, 4 * 2000);
	world_close();
	check_end();

	check_begin("group: the rest of a group that loses its place is the rest of other");
	world_open_with(&options, 0, NULL, 0);
	each_tick(2) {
		feed_rx("web", 3, 101, 1000);
		feed_rx("hidden", 6, 104, 1);
	}
	tick_begin();
	feed_parts("web", "hidden");
	tick_end(); /* all parts of web wait, also its rest */
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, 0);
	tick_rx("hidden", 6, 104, 1000003);
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, ABSENT);
	expect_part_rx(GROUP_PORT, "web", PORTS_REST, ABSENT);
	expect_part_rx(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER, 2000 + 700 + 600 + 500);
	world_close();
	check_end();
}

/* As a user writes an address, of any family, a process's bytes to it; port 0: from a client. */
static void feed_address(const char *group, const char *part, const char *address, uint16_t port,
			 uint64_t tx_bytes)
{
	struct match match = match_of(group, -1);
	struct snapshot_process p = {
		.row = ENDPOINT_ROW,
		.process_row = 3,
		.pid = 101,
		.start_ns = 7 * SECOND,
		.endpoint = {.kind = port ? TCP_ENDPOINT_DESTINATION : TCP_ENDPOINT_CLIENT,
			     .port = port},
		.grown.tx_bytes = tx_bytes,
	};

	if (inet_pton(AF_INET, address, p.endpoint.address + 12) == 1)
		p.endpoint.address[10] = p.endpoint.address[11] = 0xff;
	else
		inet_pton(AF_INET6, address, p.endpoint.address);
	p.row = end_row(&p);
	feed_endpoint(&match, part, &p);
}

/* A world with two networks, the first of which is the office. */
static void open_networks(struct subnet subnets[2], const char *name, const char *network,
			  const struct group_options *options)
{
	expect(!subnet_parse(&subnets[0], "office", "10.1.0.0/16"), "subnet_parse");
	expect(!subnet_parse(&subnets[1], name, network), "subnet_parse");
	world_open_with(options, 0, subnets, 2);
}

static void close_networks(struct subnet subnets[2])
{
	world_close();
	subnet_free(&subnets[0]);
	subnet_free(&subnets[1]);
}

static void test_subnets(void)
{
	static const struct group_options options = {.new_names_per_hour = PLENTY,
						     .group_limit = 7,
						     .by_destination = true,
						     .destination_limit = 7};
	struct subnet subnets[2] = {0};

	check_begin("group: destinations of a network with a name are one per port");
	open_networks(subnets, "lab", "2001:db8:7::/48", &options);
	each_tick(3) {
		feed_rx("web", 3, 101, 1009);
		feed_address("web", "office:443", "10.1.0.5", 443, 11);
		feed_address("web", "office:443", "10.1.255.7", 443, 13);
		feed_address("web", "office:80", "10.1.255.7", 80, 17);
		feed_address("web", "10.2.0.1:443", "10.2.0.1", 443, 19);
		feed_address("web", "lab:443", "2001:db8:7::1", 443, 23);
		feed_address("web", "[2001:db8::1]:443", "2001:db8::1", 443, 29);
	}
	expect_u64(due_of(GROUP_DESTINATION, "web", "office:443")->total.tx_bytes, 72, "office");
	expect_u64(world.shown[GROUP_DESTINATION], 5, "destinations");
	close_networks(subnets);
	check_end();
}

/* A client has no port, and is in the network of its address; whatever the networks are called, no
 * name is that of the rest. */
static void test_clients(void)
{
	static const struct group_options options = {.new_names_per_hour = PLENTY,
						     .group_limit = 7,
						     .by_client = true,
						     .client_limit = 4};
	struct subnet subnets[2] = {0};

	check_begin("group: clients by address and network, and a network called other");
	open_networks(subnets, GROUP_OTHER, "10.2.0.0/16", &options);
	each_tick(3) {
		feed_rx("web", 3, 101, 1009);
		feed_address("web", "client-office", "10.1.0.5", 0, 1103);
		feed_address("web", "client-office", "10.1.255.7", 0, 1301);
		feed_address("web", "", "10.2.0.1", 0, 19);
		feed_address("web", "client-10.3.0.9", "10.3.0.9", 0, 1709);
		feed_address("web", "client-2001:db8::9", "2001:db8::9", 0, 2303);
		feed_address("web", "client-::1", "::1", 0, 2903);
		feed_address("web", "client-10.4.0.9", "10.4.0.9", 0, 23);
	}
	expect_u64(due_of(GROUP_CLIENT, "web", "client-office")->total.tx_bytes, 3 * 2404,
		   "office");
	expect_u64(due_of(GROUP_CLIENT, "web", CLIENTS_REST)->total.tx_bytes, 3 * (19 + 23),
		   "rest");
	expect_u64(world.shown[GROUP_CLIENT], 4 + 1, "clients");
	close_networks(subnets);
	check_end();
}

/* The reader may see a connect's time before it sees that there was a connect. */
static void test_uneven(void)
{
	struct snapshot_process p = connects_of(3, 101, 10007, 3);

	check_begin("group: growth that is no activity counts all the same");
	world_open_endpoints(1, 1);
	p.grown.connects = 0;
	tick_begin();
	feed_rx("web", 4, 103, 1000003);
	feed_ends("web", 1, 1000003);
	feed_as("late", -1, &p);
	feed_endpoint_as("late", -1, TCP_ENDPOINT_DESTINATION, 2, &p);
	tick_end();
	expect_u64(world.other.seen_latency.count, 3, "in its tick");
	quiet_ticks(1);
	expect_u64(
		due_of(GROUP_DESTINATION, GROUP_OTHER, GROUP_OTHER)->total.times[TCP_TIME_CONNECT],
		3, "rest");
	p = (struct snapshot_process){.row = 3, .pid = 101, .start_ns = 7 * SECOND, .last = true};
	tick_begin();
	feed_as("late", -1, &p);
	tick_end();
	world_close();
	check_end();
}

/* -- endpoints that have no name -- */

/* What found no row of its own: a row of its process stands for all of that. */
static void feed_unnamed(const char *name, enum tcp_endpoint_kind kind, uint64_t rx_bytes,
			 int64_t opened)
{
	struct match match = match_of(name, -1);
	struct snapshot_process p = opens(3, 101, opened);

	p.process_row = 3;
	p.grown.rx_bytes = rx_bytes;
	p.endpoint = (struct tcp_endpoint){.kind = (uint16_t)kind, .rest = true};
	p.row = end_row(&p);
	feed_endpoint(&match, "", &p);
}

static void test_unnamed(void)
{
	check_begin("group: destinations, ports and clients without a row are in the rest, at any "
		    "limit");
	world_open_endpoints(2, 1009);
	each_tick(3) {
		feed_rx("web", 3, 101, 1000003);
		feed_open("web", 3, 101, tick ? 0 : 5 + 7);
		feed_ends("web", 1, 11);
		feed_unnamed("web", TCP_ENDPOINT_DESTINATION, 101, tick ? 0 : 5);
		feed_unnamed("web", TCP_ENDPOINT_PORT, 1013, tick ? 0 : 7);
		feed_unnamed("web", TCP_ENDPOINT_CLIENT, 1013, tick ? 0 : 7);
	}
	expect_part_rx(GROUP_DESTINATION, "web", "10.0.0.1:443", 3 * 11);
	expect_part_rx(GROUP_DESTINATION, "web", GROUP_OTHER, 3 * 101);
	expect_part_rx(GROUP_DESTINATION, "web", "", ABSENT);
	expect_part_rx(GROUP_PORT, "web", PORTS_REST, 3 * 1013);
	expect_part_rx(GROUP_PORT, "web", "", ABSENT);
	expect_part_rx(GROUP_CLIENT, "web", CLIENTS_REST, 3 * 1013);
	expect_part_rx(GROUP_CLIENT, "web", "", ABSENT);
	expect_open(GROUP_CLIENT, "web", CLIENTS_REST, 7);
	expect_open(GROUP_DESTINATION, "web", GROUP_OTHER, 5);
	expect_open(GROUP_PORT, "web", PORTS_REST, 7);
	quiet_ticks(40); /* what is open is told for as long as it is */
	expect_open(GROUP_DESTINATION, "web", GROUP_OTHER, 5);
	expect_open(GROUP_PORT, "web", PORTS_REST, 7);
	tick_begin();
	feed_open("web", 3, 101, -5);
	feed_unnamed("web", TCP_ENDPOINT_DESTINATION, 0, -5);
	tick_end();
	expect_open(GROUP_DESTINATION, "web", GROUP_OTHER, GONE);
	expect_open(GROUP_PORT, "web", PORTS_REST, 7);
	world_close();
	check_end();
}

/* -- listeners -- */

static void test_listeners(void)
{
	static const struct {
		enum group_kind kind;
		const char *name, *part;
		uint64_t queued, drops; /* in the tick; in the next one, as far as is shown */
	} wants[] = {
		{GROUP_WHOLE, "web", "", 5 + 7 + 11, 2 + 3 + 1},
		{GROUP_PROCESS, "web", "101", 5 + 7, 2 + 3},
		{GROUP_PROCESS, "web", "103", 11, 1},
		{GROUP_PORT, "web", "port-80", 5 + 11, 2 + 1},
		{GROUP_PORT, "web", "port-443", 7, 3},
	};

	check_begin("group: accept queues and listen drops, of processes, groups and ports");
	world_open_with(&(struct group_options){.new_names_per_hour = PLENTY,
						.group_limit = 7,
						.by_pid = true,
						.pid_limit = 7,
						.by_port = true,
						.port_limit = 7},
			0, NULL, 0);
	tick_begin();
	feed_listener_of("web", 3, 101, 80, 5, 2);
	feed_listener_of("web", 3, 101, 443, 7, 3);
	feed_listener_of("web", 4, 103, 80, 11, 1);
	feed_listener_of("", TCP_ROW_OTHER, 0, 22, 13, 4);
	feed_listener_of("", TCP_ROW_KERNEL, 0, 2049, 17, 5);
	tick_end();
	for (size_t i = 0; i < COUNT_OF(wants); i++) {
		const struct due *d = due_of(wants[i].kind, wants[i].name, wants[i].part);

		expect(d->was_shown, "%s/%s is missing", d->name, d->part);
		expect_u64(d->seen_queued, wants[i].queued, "waiting in %s/%s", d->name, d->part);
	}
	expect_u64(world.all.seen_queued, 5 + 7 + 11 + 13 + 17, "all");
	expect_u64(world.other.seen_queued, 13, "other");
	expect_u64(world.kernel.seen_queued, 17, "kernel");
	expect_u64(world.kernel.total.listen_drops, 5, "drops of kernel");
	expect_u64(world.other.total.listen_drops, 4, "drops of other");
	tick_begin(); /* one of them is told of again, and nothing waits there */
	feed_listener_of("web", 3, 101, 80, 0, 0);
	tick_end();
	for (size_t i = 0; i < COUNT_OF(wants); i++) {
		const struct due *d = due_of(wants[i].kind, wants[i].name, wants[i].part);

		expect_u64(d->seen_queued, 0, "waiting later in %s/%s", d->name, d->part);
		expect_u64(d->total.listen_drops, wants[i].drops, "drops of %s/%s", d->name,
			   d->part);
	}
	expect_u64(world.all.seen_queued, 0, "all, later");
	expect_u64(world.all.total.listen_drops, 2 + 3 + 1 + 4 + 5, "drops of all");
	world_close();
	check_end();
}

static void test_hidden_listeners(void)
{
	check_begin("group: what waits at ports beyond the limit is in the part other");
	world_open_endpoints(1, 1);
	for (unsigned i = 0; i < 2; i++) {
		tick_begin();
		feed_rx("web", 3, 101, 1000003);
		feed_ends("web", 80, 1009);
		feed_listener_of("web", 3, 101, 80, 2, 0);
		feed_listener_of("web", 3, 101, 81, 3, 1);
		feed_listener_of("web", 3, 101, 82, 5, 1);
		feed_listener_of("hidden", 4, 103, 83, 7, 1);
		tick_end();
		expect_u64(due_of(GROUP_PORT, "web", "port-80")->seen_queued, 2, "shown");
		expect_u64(due_of(GROUP_PORT, "web", PORTS_REST)->seen_queued, 3 + 5, "rest");
		expect_u64(due_of(GROUP_PORT, GROUP_OTHER, PORTS_REST)->seen_queued, 7, "other");
		expect_u64(due_of(GROUP_WHOLE, "web", "")->seen_queued, 10, "group");
		expect_u64(world.other.seen_queued, 7, "the hidden group");
	}
	quiet_ticks(1);
	expect_u64(due_of(GROUP_PORT, "web", PORTS_REST)->was_shown, false, "the rest stays");
	world_close();
	check_end();
}

int main(void)
{
	test_destination();
	test_rest();
	test_hidden_parts();
	test_subnets();
	test_clients();
	test_uneven();
	test_unnamed();
	test_listeners();
	test_hidden_listeners();
	return check_status();
}
