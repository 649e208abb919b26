/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Connections that suffer: bytes are lost, resets come, or an administrator ends them. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "connect.h"

#define LOSSY_BYTES 300007

/* The kernel's own count for the namespace: nobody else uses TCP in it. */
static uint64_t own_retransmits(void)
{
	char text[8192], *at;
	unsigned long long found;
	FILE *file = fopen("/proc/thread-self/net/snmp", "re");
	size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	if (file)
		fclose(file);
	text[size] = '\0';
	at = strstr(text, "Tcp: ");
	at = at ? strstr(at + 1, "Tcp: ") : NULL; /* the second line has the numbers */
	/* algorithm, least and most RTO, most connections, opened twice, failed, reset, open,
	 * segments in and out */
	if (!at || sscanf(at, "Tcp: %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %llu", &found) != 1)
		broken("no TCP counters");
	return found;
}

static void suffered(void)
{
	self.health = true;
	self.retransmits = own_retransmits();
}

/* Until nothing can be sent again: the ends of both streams are acknowledged. */
static void ended(int fd)
{
	do {
		pause_ms(1);
	} while (tcp_state(fd) != TCP_CLOSE);
	suffered();
	close(fd);
}

static void lossy_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	uint64_t before = now_us();

	check(target_connect(fd, &target), "connect");
	connected(before, 0);
	send_all(fd, LOSSY_BYTES);
	check(shutdown(fd, SHUT_WR), "shutdown");
	if (receive_to_end(fd) != LOSSY_BYTES)
		broken("not all bytes came back");
	ended(fd);
}

static void lossy_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	if (receive_to_end(fd) != LOSSY_BYTES)
		broken("not all bytes came");
	send_all(fd, LOSSY_BYTES);
	check(shutdown(fd, SHUT_WR), "shutdown");
	ended(fd);
	if (!self.retransmits)
		broken("nothing was sent again");
}

static void reset_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	uint64_t before = now_us();

	check(target_connect(fd, &target), "connect");
	connected(before, 0);
	send_all(fd, AMOUNT);
	if (recv(fd, sink, 1, 0) >= 0 || errno != ECONNRESET)
		broken("no reset came");
	close(fd);
	suffered();
	self.resets_received = 1;
}

static void reset_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	receive_all(fd, AMOUNT);
	tcp_reset_at_close(fd);
	close(fd);
	suffered();
	self.resets_sent = 1;
}

/* --- connections that nobody uses --- */

static void idle_client(struct stage *stage)
{
	for (size_t i = 0; i < stage->amount; i++)
		tcp_dial(stage->listener, &stage->scenario->dial);
	pause_ms(200);
}

static void idle_server(struct stage *stage)
{
	int last = -1;

	for (size_t i = 0; i < stage->amount; i++)
		last = tcp_accept(stage->listener);
	receive_to_end(last);
}

/* The peer resets what the server has accepted, but not used: it closes it then. */
static void resetting_client(struct stage *stage)
{
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	turn_take(stage->lane[0]);
	tcp_reset_at_close(fd);
	close(fd);
	turn_give(stage->lane[0]);
}

static void unlucky_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	turn_give(stage->lane[1]);
	turn_take(stage->lane[1]);
	close(fd);
}

/* --- connections that an administrator ends: who does that has used none of them --- */

#define ENDED 5

/* It is the first to use three of them, by closing them; nobody ever had the others. */
static void ended_server(struct stage *stage)
{
	struct target here = target_of(stage->listener, AF_INET);
	char line[96];
	int fds[ENDED];

	for (int i = 0; i < ENDED; i++)
		turn_take(stage->lane[1]);
	for (size_t i = 0; i < stage->amount; i++)
		fds[i] = tcp_accept(stage->listener);
	snprintf(line, sizeof(line), "ss -K state established sport = :%d >/dev/null 2>&1",
		 ntohs(((struct sockaddr_in *)&here.address)->sin_port));
	tool(line);
	for (size_t i = 0; i < stage->amount; i++)
		close(fds[i]);
}

static void ended_client(struct stage *stage)
{
	for (int i = 0; i < ENDED; i++) {
		tcp_dial(stage->listener, &stage->scenario->dial);
		turn_give(stage->lane[0]);
	}
	pause_ms(500);
}

static const struct scenario scenarios[] = {
	REMOTE("lossy", lossy_client, .far = lossy_server, .delay_ms = 2, .lose_data = 17),
	REMOTE("reset_by_server", reset_client, .far = reset_server),
	TWO("idle_close", idle_server, idle_client, .amount = 20),
	TWO("reset_unused", unlucky_server, resetting_client, .lane = true),
	TWO("ended_by_ss", ended_server, ended_client, .amount = 3, .alone = true, .lane = true),
};

const struct scenario_set suffer = SCENARIOS(scenarios);
