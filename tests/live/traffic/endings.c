/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Odd ways to end, and small things: half-closed, reset, killed, or with bytes that nobody reads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "traffic.h"

static void client_connects(int fd, struct stage *stage)
{
	(void)fd;
	(void)stage;
}

void client_half_closes(int fd, struct stage *stage)
{
	send_all(fd, stage->amount);
	check(shutdown(fd, SHUT_WR), "shutdown");
	receive_to_end(fd);
}

static void server_answers_end(int fd, struct stage *stage)
{
	(void)stage;
	receive_to_end(fd);
	send_all(fd, 200003);
}

static void client_pings(int fd, struct stage *stage)
{
	for (size_t i = 0; i < stage->amount; i++) {
		send_all(fd, 1);
		receive_all(fd, 1);
	}
}

static void server_pongs(int fd, struct stage *stage)
{
	for (size_t i = 0; i < stage->amount; i++) {
		receive_all(fd, 1);
		send_all(fd, 1);
	}
}

/* The line comes first, so that nothing stands between the last byte and the exit. */
static void client_exits(int fd, struct stage *stage)
{
	self.tx = stage->amount;
	report(&self);
	_exit(send(fd, payload, stage->amount, 0) == (ssize_t)stage->amount ? 0 : EXIT_BROKEN);
}

/* The receiver sleeps meanwhile: part of this is never sent, part never read. */
static void client_lingers(int fd, struct stage *stage)
{
	size_t left = stage->amount;
	ssize_t n;

	while (left && (n = send(fd, payload, smaller(left, CHUNK), MSG_DONTWAIT)) > 0)
		left -= sent(n, "send");
	tcp_reset_at_close(fd);
}

static void client_resets(int fd, struct stage *stage)
{
	int unacknowledged = 1;

	send_all(fd, stage->amount);
	while (unacknowledged) {
		check(ioctl(fd, SIOCOUTQ, &unacknowledged), "SIOCOUTQ");
		pause_ms(1);
	}
	tcp_reset_at_close(fd);
}

/* What can still be read after the peer's reset. */
static void server_reads_after_reset(int fd, struct stage *stage)
{
	ssize_t n;

	(void)stage;
	wait_for(fd, 0);
	while ((n = recv(fd, sink, 10007, 0)) > 0)
		received(n, "recv");
}

/* Leaves most of it unread, which makes the close a reset. */
static void server_ignores(int fd, struct stage *stage)
{
	turn_take(stage->lane[1]);
	receive_all(fd, 1009);
	check(shutdown(fd, SHUT_RD), "shutdown");
	receive_all(fd, 499); /* what is queued can still be read */
	check(shutdown(fd, SHUT_RDWR), "shutdown");
}

static void client_is_ignored(int fd, struct stage *stage)
{
	send_all(fd, stage->amount);
	turn_give(stage->lane[0]);
	if (recv(fd, sink, 1, 0) > 0)
		broken("the server answered");
}

/* The second part of the iovec is at an address that nobody has. */
static void bad_iovec(struct iovec parts[2], unsigned char *good, size_t size)
{
	parts[0].iov_base = good;
	parts[0].iov_len = size;
	parts[1].iov_base = (void *)16;
	parts[1].iov_len = CHUNK;
}

static void client_faults(int fd, struct stage *stage)
{
	static const size_t good[] = {1009, 104729, 500009};
	struct iovec parts[2];
	ssize_t n;

	for (size_t i = 0; i < COUNT(good); i++) {
		bad_iovec(parts, payload, good[i]);
		n = writev(fd, parts, 2);
		if (n >= 0 || errno != EFAULT)
			sent(n, "writev with a bad part");
	}
	send_all(fd, stage->amount);
	check(shutdown(fd, SHUT_WR), "shutdown");
	receive_to_end(fd);
}

static void server_faults(int fd, struct stage *stage)
{
	struct iovec parts[2];
	ssize_t n;

	(void)stage;
	do {
		bad_iovec(parts, sink, 1009);
		n = readv(fd, parts, 2);
		if (n < 0 && errno == EFAULT)
			n = recv(fd, sink, 10007, 0);
		if (n != 0)
			received(n, "readv with a bad part, or recv");
	} while (n != 0);
	send_all(fd, REPLY);
}

/* --- short lives --- */

#define SHORT_LIVES 100

static void short_server(struct stage *stage)
{
	for (int i = 0; i < SHORT_LIVES; i++) {
		int fd = tcp_accept(stage->listener);

		receive_to_end(fd);
		close(fd);
	}
}

static const unsigned short short_primes[] = {1009, 1013, 1019, 1021, 1031, 1033, 1039,
					      1049, 1051, 1061, 1063, 1069, 1087, 1091};

static void short_client(struct stage *stage)
{
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	send_all(fd, short_primes[stage->index % COUNT(short_primes)]);
}

static void run_short_process(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", short_server, stage);
	for (stage->index = 0; stage->index < SHORT_LIVES; stage->index++)
		reap_one(start("client", short_client, stage));
}

/* --- killed --- */

static void kill_victim(struct stage *stage)
{
	static unsigned char big[16777259];
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	moved(send(fd, big, sizeof(big), 0), "send");
	broken("a send of %zu bytes to a process that does not read came back", sizeof(big));
}

/* Waits until the sender sleeps (nothing more arrives) before it asks for the kill. */
static void wait_until_full(int fd)
{
	int before = -1;
	int now = 0;

	while (now == 0 || now != before) {
		before = now;
		pause_ms(50);
		check(ioctl(fd, FIONREAD, &now), "FIONREAD");
	}
}

static pid_t victim;

static void kill_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	wait_until_full(fd);
	turn_give(stage->lane[1]);
	turn_take(stage->lane[1]);
	receive_to_end(fd);
	/* The receiver alone knows what the kernel had accepted from the killed sender. */
	struct truth truth = {.pid = victim, .role = "client", .tx = self.rx, .connects = 1};

	report(&truth);
}

static void run_sigkill_in_send(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	turn_open(stage->lane);
	victim = start("client", kill_victim, stage);
	start("server", kill_server, stage);
	turn_take(stage->lane[0]);
	kill_and_reap(victim);
	turn_give(stage->lane[0]);
}

static const struct scenario scenarios[] = {
	PAIR("efault_iovec", client_faults, server_faults, 104729),
	PAIR("shutdown_unread", client_is_ignored, server_ignores, 30011, .lane = true,
	     .flags = SCENARIO_UNBALANCED),
	PAIR("linger0", client_lingers, server_reads_after_reset, 200003,
	     .flags = SCENARIO_UNBALANCED),
	PAIR("reset_then_read", client_resets, server_reads_after_reset, 30011,
	     .flags = SCENARIO_UNBALANCED),
	PAIR("exit_after_send", client_exits, server_consumes, 104729),
	OTHER("sigkill_in_send", run_sigkill_in_send),
	OTHER("short_process", run_short_process),
	PAIR("connect_close", client_connects, server_consumes, 0),
	PAIR("half_close", client_half_closes, server_answers_end, 65537),
	PAIR("pingpong", client_pings, server_pongs, 10007, .one_cpu = true,
	     .seconds = LONG_SECONDS),
};

const struct scenario_set endings = SCENARIOS(scenarios);
