/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Where a client connects to, and how. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connect.h"

struct target target_of(int listener, int family)
{
	struct target target;

	target.size = tcp_address(listener, family, &target.address);
	return target;
}

struct target target_at(const char *address, int port)
{
	struct target target = {.size = sizeof(struct sockaddr_in)};
	struct sockaddr_in *four = (struct sockaddr_in *)&target.address;

	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	inet_pton(AF_INET, address, &four->sin_addr);
	return target;
}

int target_connect(int fd, const struct target *target)
{
	return connect(fd, (const struct sockaddr *)&target->address, target->size);
}

int bound_socket(const struct target *local)
{
	int fd = tcp_socket(&(struct kind){AF_INET, 0});
	int one = 1;

	check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	check(bind(fd, (const struct sockaddr *)&local->address, local->size), "bind");
	return fd;
}

void connected(uint64_t started_us, uint64_t at_least_us)
{
	self.connects++;
	self.measured = self.connects == 1;
	self.latency_us_min = at_least_us;
	self.latency_us_max = now_us() - started_us + 1;
	if (self.latency_us_max < at_least_us)
		broken("connected after %llu us, but it takes %llu us",
		       (unsigned long long)self.latency_us_max, (unsigned long long)at_least_us);
}

void exchange(int fd)
{
	send_all(fd, AMOUNT);
	receive_all(fd, REPLY);
}

void answer_on(int fd)
{
	receive_all(fd, AMOUNT);
	send_all(fd, REPLY);
}

void answer(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	answer_on(fd);
	close(fd);
}

static void set_nonblocking(int fd, bool on)
{
	check(fcntl(fd, F_SETFL, on ? O_RDWR | O_NONBLOCK : O_RDWR), "fcntl");
}

void begin(int fd, const struct target *target)
{
	set_nonblocking(fd, true);
	if (target_connect(fd, target) == 0 || errno != EINPROGRESS)
		broken("a non-blocking connect: %s, not EINPROGRESS", strerror(errno));
}

int await_answer(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof(error);

	check(poll(&ready, 1, -1), "poll");
	check(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), "SO_ERROR");
	set_nonblocking(fd, false);
	return error;
}

void fail_with(int fd, const struct target *target, int error)
{
	if (target_connect(fd, target) == 0)
		broken("connect succeeded, not: %s", strerror(error));
	if (errno != error)
		broken("connect: %s, not: %s", strerror(errno), strerror(error));
	connect_failed(errno);
}

void near_fails(struct stage *stage)
{
	const struct plan *plan = stage->scenario->plan;
	bool v6 = stage->scenario->dial.family == AF_INET6;
	struct target target = target_of(stage->listener, v6 ? AF_INET6 : AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);

	fail_with(fd, &target, plan->error);
}

void tool(const char *line)
{
	if (system(line))
		skip("%s: it fails", line);
}
