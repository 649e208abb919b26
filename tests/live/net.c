/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Loopback sockets, time and namespaces of scenarios. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "scenario.h"

unsigned char payload[BUFFER_SIZE] __attribute__((aligned(4096)));
unsigned char sink[BUFFER_SIZE] __attribute__((aligned(4096)));

/* --- sockets --- */

int tcp_socket(const struct kind *kind)
{
	int fd = socket(kind->family ? kind->family : AF_INET, SOCK_STREAM, kind->protocol);

	if (fd < 0 && (errno == EPROTONOSUPPORT || errno == ENOPROTOOPT || errno == EAFNOSUPPORT))
		skip("no socket of family %d, protocol %d: %s", kind->family, kind->protocol,
		     strerror(errno));
	return check(fd, "socket");
}

static socklen_t loopback_address(int family, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (family == AF_INET6) {
		struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;

		six->sin6_family = AF_INET6;
		six->sin6_addr = in6addr_loopback;
		return sizeof(*six);
	}
	struct sockaddr_in *four = (struct sockaddr_in *)out;

	four->sin_family = AF_INET;
	four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(*four);
}

int tcp_bind(const struct kind *kind)
{
	struct sockaddr_storage address;
	socklen_t size = loopback_address(kind->family, &address);
	int fd = tcp_socket(kind);

	if (bind(fd, (struct sockaddr *)&address, size) < 0) {
		if (errno == EADDRNOTAVAIL)
			skip("no loopback address of family %d", kind->family);
		broken("bind: %s", strerror(errno));
	}
	return fd;
}

int tcp_listen(const struct kind *kind)
{
	int fd = tcp_bind(kind);

	check(listen(fd, 128), "listen");
	return fd;
}

/* An IPv4 address for an IPv6 socket becomes ::ffff:a.b.c.d. */
static socklen_t map_address(struct sockaddr_storage *address)
{
	struct sockaddr_in four = *(struct sockaddr_in *)address;
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = four.sin_port};

	six.sin6_addr.s6_addr[10] = 0xff;
	six.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&six.sin6_addr.s6_addr[12], &four.sin_addr, sizeof(four.sin_addr));
	memcpy(address, &six, sizeof(six));
	return sizeof(six);
}

socklen_t tcp_address(int listener, int family, struct sockaddr_storage *out)
{
	socklen_t size = sizeof(*out);

	memset(out, 0, sizeof(*out));
	check(getsockname(listener, (struct sockaddr *)out, &size), "getsockname");
	if (family == AF_INET6 && out->ss_family == AF_INET)
		return map_address(out);
	return size;
}

int tcp_dial(int listener, const struct kind *kind)
{
	struct sockaddr_storage address;
	socklen_t size = tcp_address(listener, kind->family, &address);
	int fd = tcp_socket(kind);

	check(connect(fd, (struct sockaddr *)&address, size), "connect");
	self.connects++;
	return fd;
}

int tcp_accept(int listener)
{
	int fd = check(accept(listener, NULL, NULL), "accept");

	self.accepts++;
	return fd;
}

size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t tx_send(int fd, size_t size)
{
	return sent(send(fd, payload, smaller(size, sizeof(payload)), 0), "send");
}

size_t rx_recv(int fd, size_t size)
{
	return received(recv(fd, sink, smaller(size, sizeof(sink)), 0), "recv");
}

void send_all(int fd, size_t amount)
{
	while (amount)
		amount -= tx_send(fd, amount);
}

void receive_all(int fd, size_t amount)
{
	while (amount)
		amount -= rx_recv(fd, amount);
}

size_t receive_to_end(int fd)
{
	size_t total = 0;
	ssize_t n;

	while ((n = recv(fd, sink, sizeof(sink), 0)) != 0)
		total += received(n, "recv");
	return total;
}

void tcp_reset_at_close(int fd)
{
	static const struct linger none = {.l_onoff = 1, .l_linger = 0};

	check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), "SO_LINGER");
}

int tcp_state(int fd)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	check(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
	return info.tcpi_state;
}

/* --- Fast Open --- */

int fast_listen(const struct kind *kind)
{
	int queue = 16, fd;

	private_network();
	write_sysctl("net/ipv4/tcp_fastopen", "3");
	fd = tcp_listen(kind);
	check(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)), "TCP_FASTOPEN");
	return fd;
}

int fast_send(int listener, const struct kind *kind, size_t size)
{
	struct sockaddr_storage address;
	socklen_t length = tcp_address(listener, AF_INET, &address);
	int fd = tcp_socket(kind);

	sent(sendto(fd, payload, size, MSG_FASTOPEN, (struct sockaddr *)&address, length),
	     "sendto with MSG_FASTOPEN");
	self.connects++;
	return fd;
}

int fast_connect(int listener, const struct kind *kind)
{
	struct sockaddr_storage address;
	socklen_t length = tcp_address(listener, AF_INET, &address);
	int fd = tcp_socket(kind), one = 1;

	check(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)),
	      "TCP_FASTOPEN_CONNECT");
	check(connect(fd, (struct sockaddr *)&address, length), "connect");
	return fd;
}

/* --- time and namespaces --- */

uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void pause_ms(unsigned int ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

void private_network(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	if (unshare(CLONE_NEWNET) < 0)
		skip("no network namespace of our own: %s", strerror(errno));
	int fd = check(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	check(ioctl(fd, SIOCSIFFLAGS, &request), "lo up");
	close(fd);
}

void write_sysctl(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		skip("%s: %s", path, strerror(errno));
	moved(write(fd, value, strlen(value)), path);
	close(fd);
}
