/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* One call that moves bytes, of each kind that there is. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "traffic.h"

static size_t tx_write(int fd, size_t size)
{
	return sent(write(fd, payload, size), "write");
}

static size_t rx_read(int fd, size_t size)
{
	return received(read(fd, sink, size), "read");
}

#define PARTS 3

/* The first part is the largest, so that it is never empty. */
static void split(struct iovec parts[PARTS], unsigned char *from, size_t size)
{
	for (size_t i = PARTS; i-- > 0;) {
		parts[i].iov_len = size / (i + 1);
		size -= parts[i].iov_len;
	}
	for (size_t i = 0; i < PARTS; i++) {
		parts[i].iov_base = from;
		from += parts[i].iov_len;
	}
}

static size_t tx_writev(int fd, size_t size)
{
	struct iovec parts[PARTS];

	split(parts, payload, size);
	return sent(writev(fd, parts, PARTS), "writev");
}

static size_t rx_readv(int fd, size_t size)
{
	struct iovec parts[PARTS];

	split(parts, sink, size);
	return received(readv(fd, parts, PARTS), "readv");
}

static size_t tx_sendmsg(int fd, size_t size)
{
	struct iovec parts[PARTS];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = PARTS};

	split(parts, payload, size);
	return sent(sendmsg(fd, &message, 0), "sendmsg");
}

static size_t rx_recvmsg(int fd, size_t size)
{
	struct iovec parts[PARTS];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = PARTS};

	split(parts, sink, size);
	return received(recvmsg(fd, &message, 0), "recvmsg");
}

static void split_messages(struct mmsghdr messages[PARTS], struct iovec parts[PARTS])
{
	for (int i = 0; i < PARTS; i++) {
		messages[i] = (struct mmsghdr){0};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

static size_t tx_sendmmsg(int fd, size_t size)
{
	struct mmsghdr messages[PARTS];
	struct iovec parts[PARTS];
	size_t total = 0;

	split(parts, payload, size);
	split_messages(messages, parts);
	int count = check(sendmmsg(fd, messages, PARTS, 0), "sendmmsg");

	for (int i = 0; i < count; i++)
		total += sent(messages[i].msg_len, "sendmmsg");
	return total;
}

static size_t rx_recvmmsg(int fd, size_t size)
{
	struct mmsghdr messages[PARTS];
	struct iovec parts[PARTS];
	int wanted = size < PARTS ? 1 : PARTS; /* no empty part: 0 would look like the end */
	size_t total = 0;

	split(parts, sink, size);
	split_messages(messages, parts);
	int count = check(recvmmsg(fd, messages, wanted, MSG_WAITFORONE, NULL), "recvmmsg");

	for (int i = 0; i < count; i++)
		total += received(messages[i].msg_len, "recvmmsg");
	return total;
}

/* A regular file with BUFFER_SIZE bytes, made once per process. */
static int data_file(void)
{
	static int fd = -1;

	if (fd < 0) {
		fd = check(memfd_create("data", MFD_CLOEXEC), "memfd_create");
		moved(write(fd, payload, sizeof(payload)), "write to memfd");
	}
	return fd;
}

size_t tx_sendfile(int fd, size_t size)
{
	off_t offset = 0;

	return sent(sendfile(fd, data_file(), &offset, size), "sendfile");
}

/* What fill() puts into a pipe, 1..size bytes, goes on to the socket. */
static size_t tx_through_pipe(int fd, size_t size, long (*fill)(int fd, size_t size))
{
	int ends[2];
	size_t filled;

	check(pipe(ends), "pipe");
	filled = moved(fill(ends[1], smaller(size, CHUNK)), "filling the pipe");
	for (size_t left = filled; left;)
		left -= sent(splice(ends[0], NULL, fd, NULL, left, 0), "splice to the socket");
	close(ends[0]);
	close(ends[1]);
	return filled;
}

static long fill_from_file(int fd, size_t size)
{
	loff_t offset = 0;

	return splice(data_file(), &offset, fd, NULL, size, 0);
}

static size_t tx_splice(int fd, size_t size)
{
	return tx_through_pipe(fd, size, fill_from_file);
}

/* The pages of this process itself. */
static long fill_with_memory(int fd, size_t size)
{
	struct iovec part = {.iov_base = payload, .iov_len = size};

	return vmsplice(fd, &part, 1, 0);
}

static size_t tx_vmsplice(int fd, size_t size)
{
	return tx_through_pipe(fd, size, fill_with_memory);
}

/* Whole pages that belong to nobody else: a receiver may map them. */
static long fill_with_copy(int fd, size_t size)
{
	return write(fd, payload, size);
}

static size_t tx_pages(int fd, size_t size)
{
	return tx_through_pipe(fd, size, fill_with_copy);
}

static size_t rx_splice(int fd, size_t size)
{
	loff_t offset = 0;
	int ends[2];
	size_t taken;
	size_t left;

	check(pipe(ends), "pipe");
	taken = received(splice(fd, NULL, ends[1], NULL, smaller(size, CHUNK), 0),
			 "splice from the socket");
	for (left = taken; left;)
		left -= moved(splice(ends[0], NULL, data_file(), &offset, left, 0),
			      "splice to the file");
	close(ends[0]);
	close(ends[1]);
	return taken;
}

static size_t rx_peek(int fd, size_t size)
{
	for (int i = 0; i < 3; i++)
		moved(recv(fd, sink, size, MSG_PEEK), "recv with MSG_PEEK");
	return rx_recv(fd, size);
}

static size_t rx_waitall(int fd, size_t size)
{
	return received(recv(fd, sink, size, MSG_WAITALL), "recv with MSG_WAITALL");
}

/* Looks at the whole piece first, and waits for it. */
static size_t rx_peek_waitall(int fd, size_t size)
{
	size_t seen = moved(recv(fd, sink, size, MSG_PEEK | MSG_WAITALL), "recv, peek and wait");

	if (seen != size)
		broken("MSG_PEEK with MSG_WAITALL: %zu bytes of %zu", seen, size);
	return rx_recv(fd, size);
}

/*
 * A reader that has already taken some of the bytes sleeps until the least amount is there again.
 * Half of the rest is safe: so much always comes.
 */
static size_t rx_lowat(int fd, size_t size)
{
	int least = (int)(size + 1) / 2;

	check(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(least)), "SO_RCVLOWAT");
	return rx_recv(fd, size);
}

/* The kernel drops the bytes instead of copying them: they are consumed. */
static size_t rx_trunc(int fd, size_t size)
{
	return received(recv(fd, NULL, size, MSG_TRUNC), "recv with MSG_TRUNC");
}

/* Pieces that are smaller than what the receiver waits for. */
static size_t tx_slow(int fd, size_t size)
{
	pause_ms(3);
	return tx_send(fd, smaller(size, 2003));
}

void wait_for(int fd, short events)
{
	struct pollfd ready = {.fd = fd, .events = events};

	check(poll(&ready, 1, -1), "poll");
}

/* Only for the one call: the file descriptor stays usable for the other paths. */
static size_t tx_nonblock(int fd, size_t size)
{
	ssize_t n;

	check(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK), "fcntl");
	while ((n = send(fd, payload, size, 0)) < 0 && errno == EAGAIN)
		wait_for(fd, POLLOUT);
	sent(n, "non-blocking send");
	check(fcntl(fd, F_SETFL, O_RDWR), "fcntl");
	return n;
}

static size_t rx_nonblock(int fd, size_t size)
{
	ssize_t n;

	check(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK), "fcntl");
	while ((n = recv(fd, sink, size, 0)) < 0 && errno == EAGAIN)
		wait_for(fd, POLLIN);
	received(n, "non-blocking recv");
	check(fcntl(fd, F_SETFL, O_RDWR), "fcntl");
	return n;
}

/* --- zero copy --- */

/* Reads one completion from the error queue, which carries no TCP bytes. */
static void completion_wait(int fd)
{
	char control[256];
	struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};

	wait_for(fd, 0); /* POLLERR needs no asking */
	moved(recvmsg(fd, &message, MSG_ERRQUEUE), "recvmsg with MSG_ERRQUEUE");
}

static size_t tx_zerocopy(int fd, size_t size)
{
	int one = 1;
	size_t n;

	check(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)), "SO_ZEROCOPY");
	n = sent(send(fd, payload, size, MSG_ZEROCOPY), "send with MSG_ZEROCOPY");
	completion_wait(fd);
	return n;
}

/* Segments of one page each keep pages whole; a timestamp takes 12 bytes. */
#define PAGE 4096

static size_t mapped_bytes;

/* Maps what it can of at most size bytes into the window; *copy: bytes to be read instead. */
static size_t receive_mapped(int fd, size_t size, size_t *copy)
{
	static void *window;
	struct tcp_zerocopy_receive request = {.length = size & ~(PAGE - 1UL)};
	socklen_t length = offsetof(struct tcp_zerocopy_receive, inq);

	if (!window)
		window = mmap(NULL, CHUNK, PROT_READ, MAP_SHARED, fd, 0);
	if (window == MAP_FAILED)
		skip("no mmap of a TCP socket: %s", strerror(errno));
	request.address = (uintptr_t)window;
	if (getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &request, &length) < 0)
		skip("no TCP_ZEROCOPY_RECEIVE: %s", strerror(errno));
	*copy = request.recv_skip_hint;
	return request.length;
}

static size_t rx_zerocopy(int fd, size_t size)
{
	size_t copy = size;
	size_t mapped = 0;

	wait_for(fd, POLLIN);
	if (size >= PAGE)
		mapped = receive_mapped(fd, size, &copy);
	if (mapped)
		received((ssize_t)mapped, "zero-copy receive");
	mapped_bytes += mapped;
	if (copy && mapped < size)
		mapped += rx_recv(fd, smaller(copy, size - mapped));
	return mapped;
}

static void server_zerocopy(int fd, struct stage *stage)
{
	server_moves(fd, stage);
	if (mapped_bytes == 0)
		skip("TCP_ZEROCOPY_RECEIVE maps none of these pages");
}

/* The small buffer makes sure that sends are partial. */
static void client_nonblock(int fd, struct stage *stage)
{
	int size = 65536;

	check(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), "SO_SNDBUF");
	client_moves(fd, stage);
}

size_t (*const tx_paths[PATHS])(int fd, size_t size) = {
	tx_send,     tx_write,  tx_writev,   tx_sendmsg, tx_sendmmsg,
	tx_sendfile, tx_splice, tx_vmsplice, tx_pages,   tx_nonblock,
};

size_t (*const rx_paths[PATHS])(int fd, size_t size) = {
	rx_recv,   rx_read, rx_readv,   rx_recvmsg, rx_recvmmsg,
	rx_splice, rx_peek, rx_waitall, rx_trunc,   rx_nonblock,
};

static const struct scenario scenarios[] = {
	PATH("sendrecv", tx_send, rx_recv, 1000003),
	PATH("readwrite", tx_write, rx_read, 104729),
	PATH("readv_writev", tx_writev, rx_readv, 1000003),
	PATH("sendmsg_recvmsg", tx_sendmsg, rx_recvmsg, 104729),
	PATH("sendmmsg_recvmmsg", tx_sendmmsg, rx_recvmmsg, 1000003),
	PATH("ipv6", tx_send, rx_recv, 104729, .dial = {AF_INET6, 0}, .listen = {AF_INET6, 0}),
	PATH("mapped", tx_send, rx_recv, 104729, .dial = {MAPPED, 0}),
	PATH("sendfile", tx_sendfile, rx_recv, 1000003, .chunk = BUFFER_SIZE),
	PATH("splice_out", tx_splice, rx_recv, 500009),
	PATH("splice_in", tx_send, rx_splice, 1000003),
	PATH("vmsplice", tx_vmsplice, rx_recv, 200003),
	PATH("peek", tx_send, rx_peek, 104729, .chunk = 10007),
	PATH("peek_waitall", tx_slow, rx_peek_waitall, 104729, .chunk = 10007),
	PATH("waitall", tx_slow, rx_waitall, 104729, .chunk = 10007),
	PATH("rcvlowat", tx_slow, rx_lowat, 104729, .chunk = 10007),
	PATH("trunc", tx_send, rx_trunc, 1000003),
	PATH("zerocopy_send", tx_zerocopy, rx_recv, 1000003),
	PATH("zerocopy_receive", tx_pages, rx_zerocopy, 1000003, .server = server_zerocopy,
	     .segment = PAGE + 12),
	PATH("nonblock_partial", tx_nonblock, rx_nonblock, 6000011, .client = client_nonblock,
	     .chunk = BUFFER_SIZE),
	PATH("big_transfer", tx_send, rx_recv, 67108859, .seconds = LONG_SECONDS),
};

const struct scenario_set paths = SCENARIOS(scenarios);
