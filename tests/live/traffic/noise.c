/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What must count nothing. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <unistd.h>

#include "traffic.h"

#define NOISE 5000011

static void udp_noise(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int from = check(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	int to = check(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(bind(to, (struct sockaddr *)&address, size), "bind");
	check(getsockname(to, (struct sockaddr *)&address, &size), "getsockname");
	check(connect(from, (struct sockaddr *)&address, size), "connect");
	for (int done = 0; done < NOISE; done += 10007) {
		moved(send(from, payload, 10007, 0), "send of UDP");
		moved(recv(to, sink, sizeof(sink), MSG_DONTWAIT), "recv of UDP");
	}
	close(from);
	close(to);
}

static void unix_noise(void)
{
	int ends[2];

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
	for (int done = 0; done < NOISE; done += 10007) {
		moved(send(ends[0], payload, 10007, 0), "send on UNIX");
		moved(recv(ends[1], sink, 10007, MSG_WAITALL), "recv on UNIX");
	}
	close(ends[0]);
	close(ends[1]);
}

static void client_makes_noise(int fd, struct stage *stage)
{
	udp_noise();
	unix_noise();
	client_moves(fd, stage);
}

static void listen_server(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	pause_ms(20);
	close(stage->listener);
}

static void run_listen_only(struct stage *stage)
{
	start("server", listen_server, stage);
}

static const struct scenario scenarios[] = {
	PATH("udp_unix_noise", tx_send, rx_recv, 1013, .client = client_makes_noise),
	OTHER("listen_only", run_listen_only),
};

const struct scenario_set noise = SCENARIOS(scenarios);
