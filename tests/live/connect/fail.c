/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Connects that fail: refused, lost, or without a way or a port. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "connect.h"

/* A bound socket that does not listen: its port refuses. */
static void run_refused_local(struct stage *stage)
{
	stage->listener = tcp_bind(&stage->scenario->listen);
	start("client", near_fails, stage);
}

static void refused_later(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	int error;

	begin(fd, &target);
	error = await_answer(fd);
	if (error != ECONNREFUSED)
		broken("SO_ERROR: %s, not: %s", strerror(error), strerror(ECONNREFUSED));
	connect_failed(error);
}

static void run_refused_nonblocking(struct stage *stage)
{
	stage->listener = tcp_bind(&stage->scenario->listen);
	start("client", refused_later, stage);
}

/* Before any SYN: the address decides. */
static void route_client(struct stage *stage)
{
	struct target target = target_at("10.99.7.1", FAR_PORT);
	const struct plan *plan = stage->scenario->plan;

	fail_with(tcp_socket(&stage->scenario->dial), &target, plan->error);
}

static void add_route(const char *type)
{
	char line[80];

	snprintf(line, sizeof(line), "ip route add %s 10.99.7.0/24", type);
	tool(line);
}

static void run_route(struct stage *stage)
{
	const struct plan *plan = stage->scenario->plan;

	private_network();
	if (plan->route)
		add_route(plan->route);
	start("client", route_client, stage);
}

/* A rule that looks at ports: it refuses once the socket has one of its own, in SYN_SENT. */
static void rule_client(struct stage *stage)
{
	for (int i = 0; i < 3; i++)
		route_client(stage);
}

static void run_rule(struct stage *stage)
{
	const struct plan *plan = stage->scenario->plan;
	char line[128];

	private_network();
	tool("ip route add 10.99.7.0/24 dev lo");
	snprintf(line, sizeof(line), "ip rule add ipproto tcp sport 1024-65534 dport %d %s",
		 FAR_PORT, plan->route);
	tool(line);
	start("client", rule_client, stage);
}

static void arp_client(struct stage *stage)
{
	const struct plan *plan = stage->scenario->plan;
	struct target target = target_at(FAR_ADDRESS, FAR_PORT);

	fail_with(tcp_socket(&stage->scenario->dial), &target, plan->error);
}

/* An Ethernet device where nobody answers. Whoever gives up first, ARP or TCP, names the error. */
static void run_arp_failure(struct stage *stage)
{
	const struct plan *plan = stage->scenario->plan;

	private_network();
	wire_device(NEAR_ADDRESS, IFF_TAP);
	write_sysctl("net/ipv4/tcp_syn_retries", plan->syn_retries);
	write_sysctl("net/ipv4/neigh/wire/retrans_time_ms", plan->arp_retry_ms);
	start("client", arp_client, stage);
}

#define PORTS 4

static void exhausting_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);

	for (int i = 0; i < PORTS; i++)
		tcp_dial(stage->listener, &stage->scenario->dial);
	fail_with(tcp_socket(&stage->scenario->dial), &target, EADDRNOTAVAIL);
}

static void accepting_server(struct stage *stage)
{
	for (size_t i = 0; i < stage->amount; i++)
		tcp_accept(stage->listener);
}

static void run_port_exhaustion(struct stage *stage)
{
	private_network();
	stage->listener = tcp_listen(&stage->scenario->listen);
	write_sysctl("net/ipv4/ip_local_port_range", "40000 40003");
	start("server", accepting_server, stage);
	start("client", exhausting_client, stage);
}

/* A second socket with the same address: the same peer would know them for one. */
static void doubling_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	struct target local = target_at("127.0.0.1", 40000);
	int one = bound_socket(&local), two = bound_socket(&local);

	check(target_connect(one, &target), "connect");
	self.connects++;
	fail_with(two, &target, EADDRNOTAVAIL);
}

/* --- a crowd, of which many are preempted in the midst of a connect --- */

static void crowd_member(struct stage *stage)
{
	struct target target = target_at("10.99.7.1", FAR_PORT);
	int fd = tcp_socket(&stage->scenario->dial);

	for (size_t i = 0; i < stage->amount; i++)
		fail_with(fd, &target, ENETUNREACH);
}

static void run_crowd(struct stage *stage)
{
	char role[16];

	private_network();
	for (int i = 0; i < 12; i++) {
		snprintf(role, sizeof(role), "member%d", i);
		start(role, crowd_member, stage);
	}
}

/* --- many, of all kinds --- */

#define FAILURES 5000
#define KEPT 500 /* sockets that stay open after they failed */

/* In turns: refused, lost on the wire and given up, without a route, prohibited. */
static void fail_somehow(int kind, const struct target *refusing)
{
	struct target targets[] = {*refusing, target_at(FAR_ADDRESS, FAR_PORT),
				   target_at("10.99.8.1", FAR_PORT),
				   target_at("10.99.7.1", FAR_PORT)};
	static const int errors[] = {ECONNREFUSED, EINPROGRESS, ENETUNREACH, EACCES};
	static int kept;
	int fd = tcp_socket(&(struct kind){AF_INET, 0});

	if (errors[kind] != EINPROGRESS) {
		fail_with(fd, &targets[kind], errors[kind]);
		if (kept++ < KEPT)
			return;
	} else {
		begin(fd, &targets[kind]);
		connect_failed(0);
	}
	close(fd);
}

static void failing_client(struct stage *stage)
{
	int refusing_fd = tcp_bind(&stage->scenario->listen);
	struct target refusing = target_of(refusing_fd, AF_INET);

	for (int i = 0; i < FAILURES; i++)
		fail_somehow(i % 4, &refusing);
	for (size_t i = 0; i < stage->amount; i++) {
		int fd = tcp_dial(stage->listener, &stage->scenario->dial);

		exchange(fd);
		close(fd);
	}
}

static void patient_server(struct stage *stage)
{
	for (size_t i = 0; i < stage->amount; i++)
		answer(stage);
}

static void run_many_failing(struct stage *stage)
{
	static const struct plan lossy = {.lose_syns = ALL_SYNS};

	wire_open(stage, &lossy);
	add_route("prohibit");
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", patient_server, stage);
	start("client", failing_client, stage);
	wire_leave();
}

#define ROUTE(called, type, fails) PLANNED(called, run_route, .route = (type), .error = (fails))
#define RULE(called, type, fails) PLANNED(called, run_rule, .route = (type), .error = (fails))
#define ARP(called, fails, retry_ms, retries)                                                      \
	PLANNED(called, run_arp_failure, .error = (fails), .arp_retry_ms = (retry_ms),             \
		.syn_retries = (retries))
#define ICMP(called, code, fails)                                                                  \
	REMOTE(called, near_fails, .unreachable = 1 + (code), .error = (fails), .delay_ms = 1)

static const struct scenario scenarios[] = {
	PLANNED("refused_local", run_refused_local, .error = ECONNREFUSED),
	REMOTE("refused_remote", near_fails, .delay_ms = 5, .error = ECONNREFUSED),
	OTHER("refused_nonblocking", run_refused_nonblocking),
	REMOTE("refused_remote_nonblocking", refused_later, .delay_ms = 5),
	LOST("timeout", near_fails, .syn_retries = "1", .error = ETIMEDOUT),
	ICMP("icmp_net_unreachable", ICMP_NET_UNREACH, ENETUNREACH),
	ICMP("icmp_host_unreachable", ICMP_HOST_UNREACH, EHOSTUNREACH),
	ICMP("icmp_port_unreachable", ICMP_PORT_UNREACH, ECONNREFUSED),
	ICMP("icmp_admin_prohibited", ICMP_PKT_FILTERED, EHOSTUNREACH),
	REMOTE("reset_half_open", near_fails, .reset_half_open = true, .error = ECONNRESET),
	ARP("arp_failure", EHOSTUNREACH, "50", "5"),
	ARP("arp_failure_timeout", ETIMEDOUT, "20000", "1"),
	ROUTE("no_route", NULL, ENETUNREACH),
	ROUTE("prohibit_route", "prohibit", EACCES),
	ROUTE("unreachable_route", "unreachable", EHOSTUNREACH),
	RULE("prohibit_rule", "prohibit", EACCES),
	RULE("unreachable_rule", "unreachable", ENETUNREACH),
	OTHER("crowd_no_route", run_crowd, .amount = 1009),
	OTHER("port_exhaustion", run_port_exhaustion, .amount = PORTS),
	OTHER("many_failing", run_many_failing, .amount = 20),
	TWO("bound_no_port", accepting_server, doubling_client, .amount = 1, .alone = true),
};

const struct scenario_set fail = SCENARIOS(scenarios);
