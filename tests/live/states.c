/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Connections to itself over loopback, so many in each state. Both ends are this process's, so one
 * that is shut down is two: one in FIN_WAIT2 and one in CLOSE_WAIT.
 *
 *     states
 *         begins with the first byte of its input, holds them until the end of that
 *
 * Prints the truth when all is as it shall be, as a whole and of each end:
 *     truth PID established=N syn_sent=N ... time_wait=N unused=N
 *     part 127.0.0.1:PORT established=N ...
 * `unused`: established, but neither accepted nor used.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPEN 11
#define HALF_CLOSED 7 /* CLOSE_WAIT here, FIN_WAIT2 there */
#define LEFT 2        /* LAST_ACK without a process, FIN_WAIT2 there */
#define STUCK 3       /* FIN_WAIT1 that the peer has no room for, ESTABLISHED there */
#define CROSSED 5     /* such a one that the peer has shut down too: CLOSING, FIN_WAIT2 there */
#define UNANSWERED 3  /* SYN_SENT */
#define DEFERRED 4    /* SYN_RECV, ESTABLISHED there */
#define LEFT_FIRST 13 /* TIME_WAIT of one that was closed... */
#define SHUT_FIRST 3  /* ...and of one that was shut down, first */
#define RESET 5       /* closed first, but then reset */

static struct listener {
	int fd;
	struct sockaddr_in address;
} plain, full, deferring;

static int check(int rc, const char *what)
{
	if (rc >= 0)
		return rc;
	perror(what);
	exit(1);
}

static int stream(int flags)
{
	return check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), "socket");
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = stream(0);

	check(ioctl(fd, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
	close(fd);
}

static void listen_at(struct listener *l, int backlog)
{
	socklen_t size = sizeof(l->address);

	l->fd = stream(0);
	l->address.sin_family = AF_INET;
	l->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(bind(l->fd, (struct sockaddr *)&l->address, size), "bind");
	check(listen(l->fd, backlog), "listen");
	check(getsockname(l->fd, (struct sockaddr *)&l->address, &size), "getsockname");
}

static int dial(const struct listener *l, int flags)
{
	int fd = stream(flags);
	int rc = connect(fd, (const struct sockaddr *)&l->address, sizeof(l->address));

	if (rc && !(flags && errno == EINPROGRESS))
		check(rc, "connect");
	return fd;
}

/* The accepted end is used, so it is ours. */
static void pair(int ends[2])
{
	ends[0] = dial(&plain, 0);
	ends[1] = check(accept(plain.fd, NULL, NULL), "accept");
	check((int)write(ends[1], "x", 1), "write");
	check((int)read(ends[0], &(char){0}, 1), "read");
}

static void shut(int fd)
{
	check(shutdown(fd, SHUT_WR), "shutdown");
}

/* Until the peer's FIN, or its reset, is here: a busy machine may take its time. */
static void await_end(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLRDHUP};

	check(poll(&end, 1, -1), "poll");
}

static void shut_and_await(int fd, int peer)
{
	shut(fd);
	await_end(peer);
}

/* Until the peer has no room, and a FIN has to wait. */
static void fill(int fd)
{
	static char block[65536];

	check(fcntl(fd, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
	while (write(fd, block, sizeof(block)) > 0)
		;
}

static void reset(int fd)
{
	check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)),
	      "SO_LINGER");
	close(fd);
}

static void hold_pairs(void)
{
	int ends[2];

	for (int i = 0; i < OPEN; i++)
		pair(ends);
	for (int i = 0; i < HALF_CLOSED; i++) {
		pair(ends);
		shut_and_await(ends[0], ends[1]);
	}
	for (int i = 0; i < LEFT; i++) {
		pair(ends);
		fill(ends[1]);
		shut_and_await(ends[0], ends[1]);
		close(ends[1]);
	}
	for (int i = 0; i < STUCK + CROSSED; i++) {
		pair(ends);
		fill(ends[1]);
		shut(ends[1]);
		if (i >= STUCK)
			shut_and_await(ends[0], ends[1]);
	}
}

static void end_pairs(void)
{
	int ends[2];

	for (int i = 0; i < LEFT_FIRST + SHUT_FIRST; i++) {
		pair(ends);
		shut_and_await(ends[0], ends[1]);
		if (i < LEFT_FIRST)
			close(ends[0]);
		close(ends[1]);
		if (i < LEFT_FIRST)
			continue;
		await_end(ends[0]);
		close(ends[0]);
	}
	for (int i = 0; i < RESET; i++) {
		pair(ends);
		shut_and_await(ends[0], ends[1]);
		reset(ends[1]);
		await_end(ends[0]);
		close(ends[0]);
	}
}

/* An accept queue of 1, which is full then; and one for those who have sent something. */
static void hold_handshakes(void)
{
	const int seconds = 3600;

	dial(&full, 0);
	for (int i = 0; i < UNANSWERED; i++)
		dial(&full, SOCK_NONBLOCK);
	check(setsockopt(deferring.fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)),
	      "TCP_DEFER_ACCEPT");
	for (int i = 0; i < DEFERRED; i++)
		dial(&deferring, 0);
}

static void print_whole(void)
{
	printf("truth %d established=%d syn_sent=%d syn_recv=%d fin_wait=%d close_wait=%d "
	       "last_ack=%d closing=%d time_wait=%d unused=1\n",
	       (int)getpid(), 2 * OPEN + STUCK + DEFERRED + 1, UNANSWERED, DEFERRED,
	       HALF_CLOSED + LEFT + STUCK + CROSSED, HALF_CLOSED, LEFT, CROSSED,
	       LEFT_FIRST + SHUT_FIRST);
}

static unsigned port_of(const struct listener *l)
{
	return ntohs(l->address.sin_port);
}

static void print_served(const char *kind, const char *end, const char *more)
{
	printf("part %s-%s established=%d fin_wait=%d close_wait=%d last_ack=%d closing=%d "
	       "time_wait=0 %s\n",
	       kind, end, OPEN, STUCK, HALF_CLOSED, LEFT, CROSSED, more);
}

static void print_parts(void)
{
	char port[8];

	printf("part 127.0.0.1:%u established=%d syn_sent=0 fin_wait=%d close_wait=0 last_ack=0 "
	       "closing=0 time_wait=%d\n",
	       port_of(&plain), OPEN + STUCK, HALF_CLOSED + LEFT + CROSSED,
	       LEFT_FIRST + SHUT_FIRST);
	printf("part 127.0.0.1:%u established=1 syn_sent=%d\n", port_of(&full), UNANSWERED);
	printf("part 127.0.0.1:%u established=%d syn_sent=0\n", port_of(&deferring), DEFERRED);
	snprintf(port, sizeof(port), "%u", port_of(&plain));
	print_served("port", port, "syn_recv=0");
	print_served("client", "127.0.0.1", "");
	printf("part port-%u established=0 syn_recv=%d\n", port_of(&deferring), DEFERRED);
	fflush(stdout);
}

int main(void)
{
	char byte;

	alarm(3600);
	loopback_up();
	listen_at(&plain, 8);
	listen_at(&full, 0);
	listen_at(&deferring, 8);
	check((int)read(0, &byte, 1), "input");
	hold_pairs();
	end_pairs();
	hold_handshakes();
	print_whole();
	print_parts();
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
