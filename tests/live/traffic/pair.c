/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* A pair: the client moves an amount to the server, which answers. */
#define _GNU_SOURCE
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <unistd.h>

#include "traffic.h"

size_t chunk_of(const struct stage *stage)
{
	return stage->scenario->chunk ? stage->scenario->chunk : CHUNK;
}

void client_moves(int fd, struct stage *stage)
{
	for (size_t left = stage->amount; left;)
		left -= stage->scenario->tx(fd, smaller(left, chunk_of(stage)));
	receive_all(fd, REPLY);
}

void server_takes(int fd, struct stage *stage)
{
	for (size_t left = stage->amount; left;)
		left -= stage->scenario->rx(fd, smaller(left, chunk_of(stage)));
}

void server_moves(int fd, struct stage *stage)
{
	server_takes(fd, stage);
	send_all(fd, REPLY);
}

static void pair_client(struct stage *stage)
{
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	(stage->scenario->client ? stage->scenario->client : client_moves)(fd, stage);
	close(fd);
}

static void pair_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	(stage->scenario->server ? stage->scenario->server : server_moves)(fd, stage);
	close(fd);
}

/* Wakeups across CPUs are slow where these are emulated. */
static void stay_on_one_cpu(void)
{
	cpu_set_t allowed;
	int first = 0;

	check(sched_getaffinity(0, sizeof(allowed), &allowed), "sched_getaffinity");
	while (!CPU_ISSET(first, &allowed))
		first++;
	CPU_ZERO(&allowed);
	CPU_SET(first, &allowed);
	check(sched_setaffinity(0, sizeof(allowed), &allowed), "sched_setaffinity");
}

void run_pair(struct stage *stage)
{
	const struct scenario *scenario = stage->scenario;

	stage->listener = tcp_listen(&scenario->listen);
	if (scenario->segment)
		check(setsockopt(stage->listener, IPPROTO_TCP, TCP_MAXSEG, &scenario->segment,
				 sizeof(scenario->segment)),
		      "TCP_MAXSEG");
	if (scenario->lane)
		turn_open(stage->lane);
	if (scenario->one_cpu)
		stay_on_one_cpu();
	start("server", pair_server, stage);
	start("client", pair_client, stage);
	close(stage->listener);
}

void server_consumes(int fd, struct stage *stage)
{
	(void)stage;
	receive_to_end(fd);
}
