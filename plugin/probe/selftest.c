/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#define _GNU_SOURCE /* accept4 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/selftest.h"

static const struct timeval patience = {.tv_sec = 2};

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Fills in `address` with the port that the kernel has chosen. */
static int listen_on_loopback(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	*address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    bind(fd, (struct sockaddr *)address, size) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)address, &size)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int connect_to(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    connect(fd, (const struct sockaddr *)address, sizeof(*address))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int transfer(int from, int to)
{
	char bytes[SELFTEST_BYTES] = {0};
	ssize_t n;

	if (setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		return -errno;
	n = send(from, bytes, sizeof(bytes), MSG_NOSIGNAL);
	if (n != (ssize_t)sizeof(bytes))
		return n < 0 ? -errno : -EIO;
	n = recv(to, bytes, sizeof(bytes), MSG_WAITALL);
	if (n != (ssize_t)sizeof(bytes))
		return n < 0 ? -errno : -EIO;
	return 0;
}

int selftest_open(struct selftest *out)
{
	struct selftest test = {.client = -1, .server = -1};
	struct sockaddr_in address;
	int err;

	test.listener = listen_on_loopback(&address);
	if (test.listener < 0)
		return test.listener;
	err = test.client = connect_to(&address);
	if (err < 0)
		goto fail;
	err = test.server = accept4(test.listener, NULL, NULL, SOCK_CLOEXEC);
	if (err < 0) {
		err = -errno;
		goto fail;
	}
	err = transfer(test.client, test.server);
	if (err)
		goto fail;
	*out = test;
	return 0;
fail:
	selftest_close(&test);
	return err;
}

void selftest_close(struct selftest *test)
{
	close_fd(test->server);
	close_fd(test->client);
	close_fd(test->listener);
}
