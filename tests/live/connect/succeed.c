/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Connects that succeed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "connect.h"

static void ok_client(struct stage *stage)
{
	const struct kind *kind = &stage->scenario->dial;
	struct target target = target_of(stage->listener, kind->family);
	int fd = tcp_socket(kind);
	uint64_t before = now_us();

	check(target_connect(fd, &target), "connect");
	connected(before, round_trip_us(stage));
	exchange(fd);
}

static void ok_nonblocking_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	uint64_t before = now_us();
	int error;

	begin(fd, &target);
	error = await_answer(fd);
	if (error)
		broken("SO_ERROR: %s", strerror(error));
	connected(before, round_trip_us(stage));
	exchange(fd);
}

/* Within a tick of the kernel's clock (at most 10 ms, twice). */
#define FIRST_RETRY_US 980000

static void retry_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	uint64_t before = now_us();

	check(target_connect(fd, &target), "connect");
	connected(before, FIRST_RETRY_US);
	exchange(fd);
}

/* The calls in between say EALREADY, and EISCONN in the end; one connect in all. */
static void repeating_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	uint64_t before = now_us();

	begin(fd, &target);
	if (target_connect(fd, &target) == 0 || errno != EALREADY)
		broken("the second connect: %s, not EALREADY", strerror(errno));
	if (await_answer(fd))
		broken("the connect failed");
	connected(before, round_trip_us(stage));
	check(target_connect(fd, &target), "connect after the answer");
	if (target_connect(fd, &target) == 0 || errno != EISCONN)
		broken("the last connect: %s, not EISCONN", strerror(errno));
	exchange(fd);
}

static void self_client(struct stage *stage)
{
	int fd = tcp_bind(&stage->scenario->dial);
	struct target target = target_of(fd, AF_INET);
	uint64_t before = now_us();

	check(target_connect(fd, &target), "connect to itself");
	connected(before, 0);
	send_all(fd, AMOUNT);
	receive_all(fd, AMOUNT);
}

static void run_self_connect(struct stage *stage)
{
	start("client", self_client, stage);
}

/* Both ends connect, nobody listens. */
static void crossing(struct stage *stage, int from_port, const char *from, int to_port,
		     const char *to)
{
	struct target local = target_at(from, from_port);
	struct target remote = target_at(to, to_port);
	int fd = bound_socket(&local);
	uint64_t before = now_us();

	check(target_connect(fd, &remote), "connect");
	connected(before, round_trip_us(stage));
	send_all(fd, AMOUNT);
	receive_all(fd, AMOUNT);
}

static void crossing_near(struct stage *stage)
{
	crossing(stage, NEAR_PORT, NEAR_ADDRESS, FAR_PORT + 1, FAR_ADDRESS);
}

static void crossing_far(struct stage *stage)
{
	crossing(stage, FAR_PORT + 1, FAR_ADDRESS, NEAR_PORT, NEAR_ADDRESS);
}

/*
 * A process goes without a word (its reset is lost), another one connects from the same port: the
 * server answers that SYN with a challenge ACK for the old connection. Being reset then, it takes
 * the next SYN.
 */
static void ghost(struct stage *stage)
{
	struct target local = target_at(NEAR_ADDRESS, NEAR_PORT);
	struct target target = target_of(stage->listener, AF_INET);
	int fd = bound_socket(&local);

	check(target_connect(fd, &target), "connect");
	self.connects++;
	exchange(fd);
	tcp_reset_at_close(fd);
	close(fd);
	turn_give(stage->lane[0]);
}

static void challenged_client(struct stage *stage)
{
	struct target local = target_at(NEAR_ADDRESS, NEAR_PORT);
	struct target target = target_of(stage->listener, AF_INET);
	int fd = bound_socket(&local);

	start("ghost", ghost, stage);
	turn_take(stage->lane[1]);
	uint64_t before = now_us();

	check(target_connect(fd, &target), "connect");
	connected(before, 2 * round_trip_us(stage));
	exchange(fd);
}

/* Keeps the first connection open, which the challenge is about. */
static void challenging_server(struct stage *stage)
{
	int first = tcp_accept(stage->listener);

	answer_on(first);
	answer(stage);
	close(first);
}

/* --- Fast Open: one process fetches the cookie, another one uses it --- */

/* Fast Open: one process fetches the cookie, another one uses it. */
static void cookie_client(struct stage *stage)
{
	int fd = fast_send(stage->listener, &stage->scenario->dial, AMOUNT);

	receive_all(fd, REPLY);
}

static void fastopen_client(struct stage *stage)
{
	int fd = fast_connect(stage->listener, &stage->scenario->dial), state;

	pause_ms(stage->amount); /* the handshake only begins with the first send */
	state = tcp_state(fd);
	if (state != TCP_SYN_SENT)
		broken("the connect was not deferred: state %d", state);
	uint64_t before = now_us();

	send_all(fd, AMOUNT);
	receive_all(fd, REPLY);
	connected(before, 0);
}

static void fastopen_server(struct stage *stage)
{
	answer(stage);
	answer(stage);
}

static void run_fastopen(struct stage *stage)
{
	stage->listener = fast_listen(&stage->scenario->listen);
	start("server", fastopen_server, stage);
	reap_one(start("cookie", cookie_client, stage));
	start("client", fastopen_client, stage);
}

/* One socket: refused five times, then accepted. */
static void reusing_client(struct stage *stage)
{
	struct target good = target_of(stage->listener, AF_INET);
	int refusing = tcp_bind(&stage->scenario->listen);
	struct target bad = target_of(refusing, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);

	for (int i = 0; i < 5; i++)
		fail_with(fd, &bad, ECONNREFUSED);
	uint64_t before = now_us();

	check(target_connect(fd, &good), "connect");
	connected(before, 0);
	exchange(fd);
}

/* --- a link of the kernel's own: veth and netem --- */

static void netem_server(struct stage *stage)
{
	namespace_enter(FAR);
	answer(stage);
}

static void run_ok_netem(struct stage *stage)
{
	struct target far = target_at(FAR_ADDRESS, FAR_PORT);
	char line[128];
	int far_namespace;

	far_namespace = namespace_new(FAR);
	namespace_new(NEAR);
	snprintf(line, sizeof(line),
		 "ip link add near type veth peer name far netns /proc/%d/fd/%d", getpid(),
		 far_namespace);
	tool(line);
	tool("ip addr add " NEAR_ADDRESS "/24 dev near && ip link set near up");
	tool("tc qdisc add dev near root netem delay 20ms 2>/dev/null");
	namespace_enter(FAR);
	tool("ip addr add " FAR_ADDRESS "/24 dev far && ip link set far up");
	tool("tc qdisc add dev far root netem delay 20ms 2>/dev/null");
	stage->listener = bound_socket(&far);
	check(listen(stage->listener, 16), "listen");
	namespace_enter(NEAR);
	start("server", netem_server, stage);
	start("client", ok_client, stage);
}

static const struct scenario scenarios[] = {
	TWO("ok_loopback", answer, ok_client),
	TWO("ok_ipv6", answer, ok_client, .dial = {AF_INET6, 0}, .listen = {AF_INET6, 0}),
	TWO("ok_mapped", answer, ok_client, .dial = {AF_INET6, 0}),
	TWO("ok_nonblocking", answer, ok_nonblocking_client),
	REMOTE("ok_delay", ok_client, .far = answer, .delay_ms = 20),
	REMOTE("ok_delay_nonblocking", ok_nonblocking_client, .far = answer, .delay_ms = 20),
	PLANNED("ok_netem", run_ok_netem, .delay_ms = 20),
	OTHER("self_connect", run_self_connect),
	REMOTE("simultaneous_open", crossing_near, .far = crossing_far, .delay_ms = 10,
	       .cross = true),
	OTHER("tfo_connect", run_fastopen),
	OTHER("tfo_deferred", run_fastopen, .amount = 300),
	REMOTE("syn_retransmit_once", retry_client, .far = answer, .lose_syns = 1),
	REMOTE("challenge_ack", challenged_client, .far = challenging_server, .delay_ms = 10,
	       .lose_resets = 1),
	REMOTE("repeated_connect", repeating_client, .far = answer, .delay_ms = 20),
	TWO("reuse_after_refusals", answer, reusing_client),
};

const struct scenario_set succeed = SCENARIOS(scenarios);
