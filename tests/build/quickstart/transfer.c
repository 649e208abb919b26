/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * transfer BYTES SECONDS: sends BYTES over one loopback connection to a child, which sends all of
 * them back, evenly over the time. Both stay three seconds longer, for an observer to see the end.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS_PER_SECOND 20
#define STAY_S 3

static char buffer[1 << 16];

static long check(long rc, const char *what)
{
	if (rc >= 0)
		return rc;
	perror(what);
	exit(1);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int listen_anywhere(struct sockaddr_in *out)
{
	socklen_t size = sizeof(*out);
	int fd = (int)check(socket(AF_INET, SOCK_STREAM, 0), "socket");

	*out = (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	check(bind(fd, (struct sockaddr *)out, size), "bind");
	check(listen(fd, 1), "listen");
	check(getsockname(fd, (struct sockaddr *)out, &size), "getsockname");
	return fd;
}

static void send_all(int fd, size_t size)
{
	while (size)
		size -= (size_t)check(write(fd, buffer, smaller(size, sizeof(buffer))), "write");
}

static size_t receive(int fd, size_t size)
{
	return (size_t)check(read(fd, buffer, smaller(size, sizeof(buffer))), "read");
}

/* One buffer's length at a time, so that neither side's window fills up. */
static void exchange(int fd, size_t size)
{
	while (size) {
		size_t part = smaller(size, sizeof(buffer)), got = 0;

		send_all(fd, part);
		while (got < part) {
			size_t more = receive(fd, part - got);

			if (!more)
				exit(1); /* the child has gone, and said why */
			got += more;
		}
		size -= part;
	}
}

static void echo(int listener)
{
	int fd;
	size_t size;

	prctl(PR_SET_NAME, "qs-peer");
	fd = (int)check(accept(listener, NULL, NULL), "accept");
	while ((size = receive(fd, sizeof(buffer))))
		send_all(fd, size);
}

int main(int argc, char **argv)
{
	size_t bytes = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	size_t steps = argc > 2 ? strtoul(argv[2], NULL, 10) * STEPS_PER_SECOND : 0;
	struct sockaddr_in address;
	int listener, fd;

	if (!bytes || !steps) {
		fprintf(stderr, "usage: transfer BYTES SECONDS\n");
		return 2;
	}
	listener = listen_anywhere(&address);
	if (!check(fork(), "fork")) {
		echo(listener);
		sleep(STAY_S);
		return 0;
	}
	fd = (int)check(socket(AF_INET, SOCK_STREAM, 0), "socket");
	check(connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
	for (size_t step = 0; step < steps; step++) {
		exchange(fd, bytes * (step + 1) / steps - bytes * step / steps);
		usleep(1000000 / STEPS_PER_SECOND);
	}
	close(fd);
	wait(NULL);
	return 0;
}
