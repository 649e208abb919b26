/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Moves bytes over loopback TCP on one path per scenario and prints what each process moved, as its
 * own system calls told it:
 *	truth PID ROLE tx=N rx=N connects=N accepts=N failed=N [plain=N] [note=WORD]
 * All amounts are primes or sums of primes, so that no accident makes two of them equal.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/io_uring.h>
#include <linux/mptcp.h>
#include <linux/nbd.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenario.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define CHUNK 65536
#define REPLY 1009      /* what a server answers in most scenarios */
#define MAPPED AF_INET6 /* dialled at an IPv4 listener */

/* --- paths: one call each, moves and counts 1..size bytes --- */

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

static size_t tx_sendfile(int fd, size_t size)
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

static void wait_for(int fd, short events)
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

/* --- io_uring, without a library: one request at a time --- */

struct ring {
	int fd;
	unsigned int setup; /* IORING_SETUP_* */
	unsigned int *sq_tail;
	unsigned int *sq_flags;
	unsigned int *sq_array;
	unsigned int *cq_head;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	unsigned int mask; /* of the completion queue */
};

static void *ring_map(const struct ring *ring, size_t size, off_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd,
			offset);

	if (at == MAP_FAILED)
		broken("mmap of io_uring: %s", strerror(errno));
	return at;
}

static void ring_open(struct ring *ring, unsigned int setup, int fd)
{
	struct io_uring_params params = {.flags = setup, .sq_thread_idle = 50};
	unsigned char *at;

	ring->setup = setup;
	ring->fd = (int)syscall(SYS_io_uring_setup, 2, &params);
	if (ring->fd < 0)
		skip("no io_uring: %s", strerror(errno));
	if (!(params.features & IORING_FEAT_SINGLE_MMAP))
		skip("io_uring without IORING_FEAT_SINGLE_MMAP");
	at = ring_map(ring, params.cq_off.cqes + params.cq_entries * sizeof(*ring->cqes),
		      IORING_OFF_SQ_RING);
	ring->sqes = ring_map(ring, params.sq_entries * sizeof(*ring->sqes), IORING_OFF_SQES);
	ring->sq_tail = (unsigned int *)(at + params.sq_off.tail);
	ring->sq_flags = (unsigned int *)(at + params.sq_off.flags);
	ring->sq_array = (unsigned int *)(at + params.sq_off.array);
	ring->cq_head = (unsigned int *)(at + params.cq_off.head);
	ring->cqes = (struct io_uring_cqe *)(at + params.cq_off.cqes);
	ring->mask = params.cq_entries - 1;
	/* Before 5.11 a polling ring takes registered files alone. */
	moved(syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_FILES, &fd, 1),
	      "IORING_REGISTER_FILES");
}

static void ring_enter(const struct ring *ring)
{
	bool polled = ring->setup & IORING_SETUP_SQPOLL;
	unsigned int flags = IORING_ENTER_GETEVENTS;
	long rc;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (polled && __atomic_load_n(ring->sq_flags, __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP)
		flags |= IORING_ENTER_SQ_WAKEUP;
	do {
		rc = syscall(SYS_io_uring_enter, ring->fd, polled ? 0 : 1, 1, flags, NULL, 0);
	} while (rc < 0 && errno == EINTR);
	moved(rc, "io_uring_enter");
}

/* Result of the operation on registered file 0, in the manner of a system call. */
static ssize_t ring_run(struct ring *ring, struct io_uring_sqe sqe)
{
	unsigned int head = *ring->cq_head;
	ssize_t rc;

	sqe.flags |= IOSQE_FIXED_FILE;
	ring->sqes[0] = sqe;
	ring->sq_array[*ring->sq_tail & 1] = 0;
	__atomic_store_n(ring->sq_tail, *ring->sq_tail + 1, __ATOMIC_RELEASE);
	ring_enter(ring);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	rc = ring->cqes[head & ring->mask].res;
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	errno = rc < 0 ? (int)-rc : 0;
	return rc < 0 ? -1 : rc;
}

static const struct uring_mode {
	const char *name;
	unsigned int setup;
	unsigned char flags; /* IOSQE_* */
} uring_modes[] = {
	{"uring_inline", 0, 0},
	{"uring_async", 0, IOSQE_ASYNC}, /* on a worker thread of the kernel's */
	{"uring_sqpoll", IORING_SETUP_SQPOLL, 0},
};

/* One ring per process, bound to its first socket; the scenario's name chooses the mode. */
static ssize_t uring_move(int fd, unsigned char opcode, void *at, size_t size)
{
	static struct ring ring = {.fd = -1};
	const struct uring_mode *mode = uring_modes;

	while (strcmp(mode->name, scenario_name()) != 0)
		mode++;
	if (ring.fd < 0)
		ring_open(&ring, mode->setup, fd);
	return ring_run(&ring, (struct io_uring_sqe){.opcode = opcode,
						     .flags = mode->flags,
						     .addr = (uintptr_t)at,
						     .len = size});
}

static size_t tx_uring(int fd, size_t size)
{
	return sent(uring_move(fd, IORING_OP_SEND, payload, size), "IORING_OP_SEND");
}

static size_t rx_uring(int fd, size_t size)
{
	return received(uring_move(fd, IORING_OP_RECV, sink, size), "IORING_OP_RECV");
}

/* --- a pair: the client moves an amount to the server, which answers --- */

static size_t chunk_of(const struct stage *stage)
{
	return stage->scenario->chunk ? stage->scenario->chunk : CHUNK;
}

static void client_moves(int fd, struct stage *stage)
{
	for (size_t left = stage->amount; left;)
		left -= stage->scenario->tx(fd, smaller(left, chunk_of(stage)));
	receive_all(fd, REPLY);
}

static void server_takes(int fd, struct stage *stage)
{
	for (size_t left = stage->amount; left;)
		left -= stage->scenario->rx(fd, smaller(left, chunk_of(stage)));
}

static void server_moves(int fd, struct stage *stage)
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

static void run_pair(struct stage *stage)
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

static void server_consumes(int fd, struct stage *stage)
{
	(void)stage;
	receive_to_end(fd);
}

static void server_zerocopy(int fd, struct stage *stage)
{
	server_moves(fd, stage);
	if (mapped_bytes == 0)
		skip("TCP_ZEROCOPY_RECEIVE maps none of these pages");
}

/* --- odd endings and small things --- */

static void client_connects(int fd, struct stage *stage)
{
	(void)fd;
	(void)stage;
}

static void client_half_closes(int fd, struct stage *stage)
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

static void linger_none(int fd)
{
	struct linger none = {.l_onoff = 1, .l_linger = 0};

	check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), "SO_LINGER");
}

/* The receiver sleeps meanwhile: part of this is never sent, part never read. */
static void client_lingers(int fd, struct stage *stage)
{
	size_t left = stage->amount;
	ssize_t n;

	while (left && (n = send(fd, payload, smaller(left, CHUNK), MSG_DONTWAIT)) > 0)
		left -= sent(n, "send");
	linger_none(fd);
}

static void client_resets(int fd, struct stage *stage)
{
	int unacknowledged = 1;

	send_all(fd, stage->amount);
	while (unacknowledged) {
		check(ioctl(fd, SIOCOUTQ, &unacknowledged), "SIOCOUTQ");
		pause_ms(1);
	}
	linger_none(fd);
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

/* --- urgent data: one byte in the middle --- */

#define BEFORE_URGENT 10007
#define URGENT 1009 /* sent in one call, its last byte is the urgent one */

static void client_urges(int fd, struct stage *stage)
{
	send_all(fd, BEFORE_URGENT);
	if (sent(send(fd, payload, URGENT, MSG_OOB), "send with MSG_OOB") != URGENT)
		broken("a partial send with MSG_OOB");
	send_all(fd, stage->amount - BEFORE_URGENT - URGENT);
	receive_all(fd, REPLY);
}

static void server_reads_urgent(int fd, struct stage *stage)
{
	wait_for(fd, POLLPRI);
	received(recv(fd, sink, 1, MSG_OOB), "recv with MSG_OOB");
	receive_all(fd, stage->amount - 1);
	send_all(fd, REPLY);
}

static void server_skips_urgent(int fd, struct stage *stage)
{
	wait_for(fd, POLLPRI);
	receive_all(fd, stage->amount - 1);
	self.rx++; /* by definition: the kernel has passed over it */
	snprintf(self.note, sizeof(self.note), "oob_skipped");
	send_all(fd, REPLY);
}

static void server_inlines_urgent(int fd, struct stage *stage)
{
	int one = 1;

	check(setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one)), "SO_OOBINLINE");
	turn_give(stage->lane[1]);
	server_moves(fd, stage);
}

static void client_urges_inline(int fd, struct stage *stage)
{
	turn_take(stage->lane[0]);
	client_urges(fd, stage);
}

/* --- transmit timestamps on the error queue --- */

static void client_timestamps(int fd, struct stage *stage)
{
	int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE |
		    SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK;
	char control[256];
	struct iovec part = {.iov_base = sink, .iov_len = sizeof(sink)};
	size_t bytes = 0;
	ssize_t n;

	check(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)),
	      "SO_TIMESTAMPING");
	client_moves(fd, stage);
	do {
		struct msghdr message = {.msg_iov = &part,
					 .msg_iovlen = 1,
					 .msg_control = control,
					 .msg_controllen = sizeof(control)};

		n = recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
		bytes += n > 0 ? n : 0;
	} while (n >= 0);
	if (bytes == 0)
		skip("no timestamp with data on the error queue");
}

/* --- kTLS: TCP carries the ciphertext, 29 bytes more per record --- */

#define TLS_OVERHEAD 29 /* TLS 1.2, AES-GCM-128: header 5, nonce 8, tag 16 */

static void tls_start(int fd, int direction)
{
	struct tls12_crypto_info_aes_gcm_128 keys = {
		.info = {TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128}};

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) < 0)
		skip("no CONFIG_TLS: setsockopt TCP_ULP: %s", strerror(errno));
	if (setsockopt(fd, SOL_TLS, direction, &keys, sizeof(keys)) < 0)
		skip("no kTLS with AES-GCM-128: %s", strerror(errno));
}

static struct tcp_info tcp_info(int fd)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	check(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
	return info;
}

/* Moves a count of plaintext aside; the kernel's own count of this direction takes its place. */
static void count_ciphertext(uint64_t *count, uint64_t ciphertext)
{
	if (ciphertext <= *count || (ciphertext - *count) % TLS_OVERHEAD)
		broken("%llu bytes of ciphertext for %llu of plaintext",
		       (unsigned long long)ciphertext, (unsigned long long)*count);
	self.plain = *count;
	*count = ciphertext;
	snprintf(self.note, sizeof(self.note), "ciphertext");
}

/* The server's reply says that it has received, and so acknowledged, everything. */
static void client_encrypts(int fd, struct stage *stage)
{
	struct tcp_info before = tcp_info(fd);

	tls_start(fd, TLS_TX);
	turn_take(stage->lane[0]);
	client_moves(fd, stage);
	count_ciphertext(&self.tx, tcp_info(fd).tcpi_bytes_acked - before.tcpi_bytes_acked);
}

/* Before the reply: the client's FIN, which comes after it, would be counted. */
static void server_decrypts(int fd, struct stage *stage)
{
	tls_start(fd, TLS_RX);
	turn_give(stage->lane[1]);
	server_takes(fd, stage);
	count_ciphertext(&self.rx, tcp_info(fd).tcpi_bytes_received);
	send_all(fd, REPLY);
}

/* Every send is a record of its own: the server can tell where the ciphertext ends. */
static void server_reads_ciphertext(int fd, struct stage *stage)
{
	size_t records = (stage->amount + chunk_of(stage) - 1) / chunk_of(stage);

	turn_give(stage->lane[1]);
	receive_all(fd, stage->amount + records * TLS_OVERHEAD);
	send_all(fd, REPLY);
}

/* --- MPTCP --- */

#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif

/* A connection that fell back to TCP answers as TCP does: it knows no such option. */
static bool speaks_mptcp(int fd)
{
	struct mptcp_info info = {0};
	socklen_t size = sizeof(info);

	return getsockopt(fd, SOL_MPTCP, MPTCP_INFO, &info, &size) == 0 &&
	       !(info.mptcpi_flags & MPTCP_INFO_FLAG_FALLBACK);
}

static void client_speaks_mptcp(int fd, struct stage *stage)
{
	client_moves(fd, stage);
	if (speaks_mptcp(fd) != (stage->scenario->listen.protocol == IPPROTO_MPTCP))
		broken("MPTCP %s fallen back to TCP", speaks_mptcp(fd) ? "has not" : "has");
}

/* --- TCP Fast Open: the first connection fetches the cookie --- */

#define TFO_CONNECTIONS 3

static int tfo_sendto(struct stage *stage)
{
	struct sockaddr_storage address;
	socklen_t size = tcp_address(stage->listener, AF_INET, &address);
	int fd = tcp_socket(&stage->scenario->dial);

	sent(sendto(fd, payload, 499, MSG_FASTOPEN, (struct sockaddr *)&address, size),
	     "sendto with MSG_FASTOPEN");
	return fd;
}

static int tfo_connect(struct stage *stage)
{
	struct sockaddr_storage address;
	socklen_t size = tcp_address(stage->listener, AF_INET, &address);
	int fd = tcp_socket(&stage->scenario->dial);
	int one = 1;

	check(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)),
	      "TCP_FASTOPEN_CONNECT");
	check(connect(fd, (struct sockaddr *)&address, size), "connect");
	send_all(fd, 499);
	return fd;
}

static void tfo_client(struct stage *stage, int (*dial)(struct stage *stage))
{
	bool early = false;

	for (int i = 0; i < TFO_CONNECTIONS; i++) {
		int fd = dial(stage);

		self.connects++;
		send_all(fd, stage->amount);
		check(shutdown(fd, SHUT_WR), "shutdown");
		receive_to_end(fd);
		early = tcp_info(fd).tcpi_options & TCPI_OPT_SYN_DATA;
		close(fd);
	}
	if (!early)
		broken("no data went with the last SYN");
}

static void tfo_sendto_client(struct stage *stage)
{
	tfo_client(stage, tfo_sendto);
}

static void tfo_connect_client(struct stage *stage)
{
	tfo_client(stage, tfo_connect);
}

static void tfo_server(struct stage *stage)
{
	for (int i = 0; i < TFO_CONNECTIONS; i++) {
		int fd = tcp_accept(stage->listener);

		receive_to_end(fd);
		send_all(fd, REPLY);
		close(fd);
	}
}

/* Answers at once, where it can before the handshake is over. */
static void tfo_data_server(struct stage *stage)
{
	for (int i = 0; i < TFO_CONNECTIONS; i++) {
		int fd = tcp_accept(stage->listener);

		send_all(fd, 30011);
		receive_to_end(fd);
		close(fd);
	}
}

static void run_tfo(struct stage *stage, void (*client)(struct stage *stage),
		    void (*server)(struct stage *stage))
{
	int queue = 16;

	private_network();
	write_sysctl("net/ipv4/tcp_fastopen", "3");
	stage->listener = tcp_listen(&stage->scenario->listen);
	check(setsockopt(stage->listener, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)),
	      "TCP_FASTOPEN");
	start("server", server, stage);
	start("client", client, stage);
}

static void run_tfo_sendto(struct stage *stage)
{
	run_tfo(stage, tfo_sendto_client, tfo_server);
}

static void run_tfo_connect(struct stage *stage)
{
	run_tfo(stage, tfo_connect_client, tfo_server);
}

static void run_tfo_data_server(struct stage *stage)
{
	run_tfo(stage, tfo_sendto_client, tfo_data_server);
}

/* --- non-blocking --- */

/* The small buffer makes sure that sends are partial. */
static void client_nonblock(int fd, struct stage *stage)
{
	int size = 65536;

	check(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), "SO_SNDBUF");
	client_moves(fd, stage);
}

/* --- threads --- */

#define THREADS 4
#define SOCKETS (1 + THREADS)

/* Eight jobs: four on the first socket together, four on one each of the rest. */
struct job {
	pthread_t thread;
	int fd;
	size_t amount;
	size_t (*move)(int fd, size_t size);
};

static struct job job_of(int i, const int fds[SOCKETS], struct stage *stage, bool sends)
{
	return (struct job){.fd = fds[i < THREADS ? 0 : i - THREADS + 1],
			    .amount = stage->amount + i * 2003,
			    .move = sends ? stage->scenario->tx : stage->scenario->rx};
}

static void *job_run(void *argument)
{
	struct job *job = argument;

	while (job->amount)
		job->amount -= job->move(job->fd, smaller(job->amount, CHUNK));
	return NULL;
}

static void jobs_in_threads(struct job job[2 * THREADS])
{
	for (int i = 0; i < 2 * THREADS; i++) {
		if (pthread_create(&job[i].thread, NULL, job_run, &job[i]))
			broken("pthread_create");
	}
	for (int i = 0; i < 2 * THREADS; i++)
		pthread_join(job[i].thread, NULL);
}

/* In small pieces, so that no socket of the other side's threads waits for another. */
static void jobs_in_turns(struct job job[2 * THREADS])
{
	bool busy = true;

	while (busy) {
		busy = false;
		for (int i = 0; i < 2 * THREADS; i++) {
			if (job[i].amount)
				job[i].amount -=
					job[i].move(job[i].fd, smaller(job[i].amount, 4096));
			busy |= job[i].amount > 0;
		}
	}
}

static void do_jobs(struct stage *stage, bool sends, void (*work)(struct job *job))
{
	int fds[SOCKETS];
	struct job job[2 * THREADS];

	for (size_t i = 0; i < SOCKETS; i++)
		fds[i] = sends ? tcp_dial(stage->listener, &stage->scenario->dial)
			       : tcp_accept(stage->listener);
	for (int i = 0; i < 2 * THREADS; i++)
		job[i] = job_of(i, fds, stage, sends);
	work(job);
	for (size_t i = 0; i < SOCKETS; i++)
		close(fds[i]);
}

static void threads_client(struct stage *stage)
{
	do_jobs(stage, true, jobs_in_threads);
}

static void threads_server(struct stage *stage)
{
	do_jobs(stage, false, jobs_in_threads);
}

static void turns_client(struct stage *stage)
{
	do_jobs(stage, true, jobs_in_turns);
}

static void turns_server(struct stage *stage)
{
	do_jobs(stage, false, jobs_in_turns);
}

static void run_threads_send(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", turns_server, stage);
	start("client", threads_client, stage);
}

static void run_threads_receive(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", threads_server, stage);
	start("client", turns_client, stage);
}

/* --- sockets that change hands --- */

static int shared_fd = -1; /* the connection that a forked child inherits */

static void fork_child(struct stage *stage)
{
	send_all(shared_fd, 104729);
	receive_all(shared_fd, 499);
	turn_give(stage->lane[1]);
	turn_take(stage->lane[1]);
	send_all(shared_fd, 7919);
}

static void fork_client(struct stage *stage)
{
	shared_fd = tcp_dial(stage->listener, &stage->scenario->dial);
	send_all(shared_fd, 1009);
	turn_open(stage->lane);
	start("child", fork_child, stage);
	turn_take(stage->lane[0]);
	send_all(shared_fd, 65537);
	receive_all(shared_fd, 4001 - 499);
	turn_give(stage->lane[0]);
	reap();
	send_all(shared_fd, 3);
}

static void fork_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	receive_all(fd, 1009);
	send_all(fd, 4001);
	receive_to_end(fd);
}

/* For three seconds: of a hundred thousand calls, one meets another one between its end and its
 * event.
 */
static void send_on(size_t size)
{
	uint64_t end = now_us() + 3000000;

	while (now_us() < end)
		for (int i = 0; i < 100; i++)
			tx_send(shared_fd, size);
}

/* Known to be two by now, both send at the same time, one byte or many in a call. */
static void crowding_child(struct stage *stage)
{
	turn_take(stage->lane[1]);
	send_all(shared_fd, 3);
	turn_give(stage->lane[1]);
	turn_take(stage->lane[1]);
	send_on(1009);
}

static void crowding_client(struct stage *stage)
{
	shared_fd = tcp_dial(stage->listener, &stage->scenario->dial);
	send_all(shared_fd, 1);
	turn_open(stage->lane);
	start("child", crowding_child, stage);
	turn_give(stage->lane[0]);
	turn_take(stage->lane[0]);
	send_all(shared_fd, 5);
	turn_give(stage->lane[0]);
	send_on(1);
	reap();
}

static void crowded_server(struct stage *stage)
{
	receive_to_end(tcp_accept(stage->listener));
}

static void run_senders_shared(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", crowded_server, stage);
	start("client", crowding_client, stage);
}

static void run_fork_shared(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", fork_server, stage);
	start("client", fork_client, stage);
}

static void fd_give(int lane, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = {0};
	struct iovec byte = {.iov_base = "", .iov_len = 1};
	struct msghdr message = {.msg_iov = &byte,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	moved(sendmsg(lane, &message, 0), "sendmsg of a file descriptor");
}

static int fd_take(int lane)
{
	char control[CMSG_SPACE(sizeof(int))];
	char byte;
	struct iovec into = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &into,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	int fd;

	moved(recvmsg(lane, &message, 0), "recvmsg of a file descriptor");
	if (!CMSG_FIRSTHDR(&message))
		broken("%s: no file descriptor came", self.role);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* Connects and uses the connection, then an unrelated process (the heir) goes on with it. */
static void rights_client(struct stage *stage)
{
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	send_all(fd, 1009);
	fd_give(stage->lane[0], fd);
}

static void rights_heir(struct stage *stage)
{
	int fd = fd_take(stage->lane[1]);

	send_all(fd, stage->amount);
	receive_all(fd, REPLY);
}

static int server_lane[2];

/* Accepts, but the first I/O is the worker's: the connection is the worker's. */
static void rights_acceptor(struct stage *stage)
{
	int fd = check(accept(stage->listener, NULL, NULL), "accept");

	fd_give(server_lane[0], fd);
	turn_take(server_lane[0]);
}

static void rights_worker(struct stage *stage)
{
	int fd = fd_take(server_lane[1]);

	self.accepts++;
	receive_all(fd, stage->amount + 1009);
	turn_give(server_lane[1]);
	send_all(fd, REPLY);
}

static void run_scm_rights(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	turn_open(stage->lane);
	turn_open(server_lane);
	start("heir", rights_heir, stage);
	start("worker", rights_worker, stage);
	start("acceptor", rights_acceptor, stage);
	start("client", rights_client, stage);
}

static void exec_child(struct stage *stage)
{
	char path[256] = "";
	char words[160];
	char number[16];
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	send_all(fd, 1009);
	self_to_words(words, sizeof(words));
	snprintf(number, sizeof(number), "%d", fd);
	moved(readlink("/proc/self/exe", path, sizeof(path) - 1), "readlink");
	execl(path, path, "--exec-helper", number, words, NULL);
	broken("exec of %s: %s", path, strerror(errno));
}

/* The same process after its exec, with nothing but a file descriptor. */
static int exec_helper(const char *fd, const char *words)
{
	int connection = atoi(fd);

	self_from_words(words);
	send_all(connection, 104729);
	receive_all(connection, REPLY);
	report(&self);
	return EXIT_OK;
}

static void exec_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	receive_all(fd, 1009 + 104729);
	send_all(fd, REPLY);
}

static void run_exec_shared(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", exec_server, stage);
	start("child", exec_child, stage);
}

#define WORKERS 4

static void prefork_worker(struct stage *stage)
{
	(void)stage;
	self.accepts++; /* the acceptor only passes the connection on */
	receive_to_end(shared_fd);
	send_all(shared_fd, REPLY);
}

static void prefork_acceptor(struct stage *stage)
{
	for (int i = 0; i < WORKERS; i++) {
		shared_fd = check(accept(stage->listener, NULL, NULL), "accept");
		start("worker", prefork_worker, stage);
		close(shared_fd);
	}
	reap();
}

static void prefork_client(struct stage *stage)
{
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	client_half_closes(fd, stage);
}

static void run_preforked(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("acceptor", prefork_acceptor, stage);
	for (int i = 0; i < WORKERS; i++)
		start("client", prefork_client, stage);
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

/* --- older than the observer --- */

static void older_client(struct stage *stage)
{
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	send_all(fd, 104729);
	receive_all(fd, 4001);
	early_wait(stage);
	send_all(fd, stage->amount);
	receive_all(fd, REPLY);
	close(fd);
	fd = tcp_dial(stage->listener, &stage->scenario->dial);
	send_all(fd, 7919);
}

/* Its listener is older, too: the second connection is not. */
static void older_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	receive_all(fd, 104729);
	send_all(fd, 4001);
	early_wait(stage);
	receive_all(fd, stage->amount);
	send_all(fd, REPLY);
	close(fd);
	fd = tcp_accept(stage->listener);
	receive_to_end(fd);
}

static void run_older_socket(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	early_open(stage);
	start("server", older_server, stage);
	start("client", older_client, stage);
	early_go(stage, 2);
}

/* What was sent before the observer came, but is read after: only the reader shows it. */
static void older_unread_client(struct stage *stage)
{
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	send_all(fd, 30011);
	early_wait(stage);
	send_all(fd, stage->amount);
	receive_all(fd, REPLY);
}

static void older_unread_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	receive_all(fd, 1009);
	early_wait(stage);
	receive_all(fd, 30011 - 1009 + stage->amount);
	send_all(fd, REPLY);
}

static void run_older_unread(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	early_open(stage);
	start("server", older_unread_server, stage);
	start("client", older_unread_client, stage);
	early_go(stage, 2);
}

/* Forked before the observer came; uses the parent's older connection first. */
static void older_child(struct stage *stage)
{
	early_wait(stage);
	send_all(shared_fd, stage->amount);
	receive_all(shared_fd, REPLY);
}

static void older_parent(struct stage *stage)
{
	shared_fd = tcp_dial(stage->listener, &stage->scenario->dial);
	send_all(shared_fd, 104729);
	receive_all(shared_fd, 4001);
	start("child", older_child, stage);
	early_wait(stage);
	reap();
	send_all(shared_fd, 499);
}

static void older_shared_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	receive_all(fd, 104729);
	send_all(fd, 4001);
	early_wait(stage);
	receive_all(fd, stage->amount);
	send_all(fd, REPLY);
	receive_to_end(fd);
}

static void run_older_shared(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	early_open(stage);
	start("server", older_shared_server, stage);
	start("client", older_parent, stage);
	early_go(stage, 3);
}

/* --- sockets that find no room for what the plugin would keep with them --- */

#define STARVED 3 /* connections, one after the other */

/* All that the kernel lets a socket have of it goes into keys for addresses that nobody uses. */
static void fill_with_keys(int fd)
{
	struct tcp_md5sig key = {.tcpm_keylen = 1, .tcpm_key = "k"};
	struct sockaddr_in *address = (struct sockaddr_in *)&key.tcpm_addr;
	uint32_t next = 10 << 24;

	address->sin_family = AF_INET;
	do
		address->sin_addr.s_addr = htonl(next++);
	while (setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)) == 0);
	if (errno != ENOMEM)
		skip("TCP_MD5SIG: %s", strerror(errno));
}

/* Fails, then connects, with the same socket. */
static int starved_dial(struct stage *stage, bool with_keys)
{
	int fd = tcp_socket(&stage->scenario->dial), nowhere = tcp_bind(&stage->scenario->dial);
	struct sockaddr_storage address;
	socklen_t size = tcp_address(nowhere, AF_INET, &address);

	if (with_keys)
		fill_with_keys(fd);
	if (connect(fd, (struct sockaddr *)&address, size) == 0)
		broken("a connect to nobody succeeded");
	connect_failed(errno);
	close(nowhere);
	size = tcp_address(stage->listener, AF_INET, &address);
	check(connect(fd, (struct sockaddr *)&address, size), "connect");
	self.connects++;
	return fd;
}

static void starved_talk(struct stage *stage, bool with_keys)
{
	for (int i = 0; i < STARVED; i++) {
		int fd = starved_dial(stage, with_keys);

		send_all(fd, stage->amount);
		receive_all(fd, REPLY);
		close(fd);
	}
}

static void starved_client(struct stage *stage)
{
	starved_talk(stage, false);
}

static void keys_client(struct stage *stage)
{
	starved_talk(stage, true);
}

static void starved_server(struct stage *stage)
{
	for (int i = 0; i < STARVED; i++) {
		int fd = tcp_accept(stage->listener);

		receive_all(fd, stage->amount);
		send_all(fd, REPLY);
		receive_to_end(fd);
		close(fd);
	}
}

static void run_starved(struct stage *stage, void (*client)(struct stage *stage))
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", starved_server, stage);
	start("client", client, stage);
	close(stage->listener);
}

/* Of an ordinary user, in a network of his own. */
static void run_starved_namespace(struct stage *stage)
{
	if (unshare(CLONE_NEWUSER) < 0)
		skip("no user namespace of our own: %s", strerror(errno));
	private_network();
	write_sysctl("net/core/optmem_max", "1"); /* per network since 6.8 */
	run_starved(stage, starved_client);
}

static void run_starved_keys(struct stage *stage)
{
	run_starved(stage, keys_client);
}

/* --- what must count nothing --- */

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

/* --- a socket that the kernel itself uses: nbd --- */

#define DISK_BLOCK 4096
#define DISK_BLOCKS 1024

struct disk_request {
	uint32_t magic;
	uint32_t command; /* low 16 bits; flags above */
	unsigned char cookie[8];
	uint64_t from;
	uint32_t length;
} __attribute__((packed));

struct disk_reply {
	uint32_t magic;
	uint32_t error;
	unsigned char cookie[8];
} __attribute__((packed));

static void disk_answer(int fd, const struct disk_request *request)
{
	struct disk_reply reply = {.magic = htonl(NBD_REPLY_MAGIC)};
	uint32_t command = ntohl(request->command) & 0xffff;

	if (command == NBD_CMD_WRITE)
		receive_all(fd, ntohl(request->length));
	memcpy(reply.cookie, request->cookie, sizeof(reply.cookie));
	sent(send(fd, &reply, sizeof(reply), 0), "send");
	if (command == NBD_CMD_READ)
		send_all(fd, ntohl(request->length));
}

/* Serves a disk of noise. Its counts, turned round, are what the kernel moved at the other end. */
static void disk_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);
	struct disk_request request;

	for (;;) {
		received(recv(fd, &request, sizeof(request), MSG_WAITALL), "recv of a request");
		if (request.magic != htonl(NBD_REQUEST_MAGIC))
			broken("a bad request from nbd");
		if ((ntohl(request.command) & 0xffff) == NBD_CMD_DISC)
			break;
		disk_answer(fd, &request);
	}
	check(write(stage->lane[0], &self, sizeof(self)), "write to the client");
}

static bool disk_runs(const char *path)
{
	char name[48];

	snprintf(name, sizeof(name), "/sys/block/%s/pid", path + strlen("/dev/"));
	return access(name, F_OK) == 0;
}

/* Loads the module the way the kernel would, and finds a free device. */
static int disk_open(char path[16])
{
	char loader[64] = "";
	int fd = open("/proc/sys/kernel/modprobe", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, loader, sizeof(loader) - 1) > 0 && access("/dev/nbd0", F_OK)) {
		loader[strcspn(loader, "\n")] = '\0';
		pid_t pid = check(fork(), "fork");

		if (pid == 0) {
			execl(loader, loader, "-q", "nbd", NULL);
			_exit(EXIT_OK);
		}
		check(waitpid(pid, NULL, 0), "waitpid");
	}
	close(fd);
	for (int i = 0; i < 16; i++) {
		snprintf(path, 16, "/dev/nbd%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			skip("no free nbd device: %s: %s", path, strerror(errno));
		if (!disk_runs(path) && ioctl(fd, NBD_SET_BLKSIZE, DISK_BLOCK) == 0)
			return fd;
		close(fd);
	}
	skip("all 16 nbd devices are in use");
}

static void *disk_run(void *argument)
{
	ioctl(*(int *)argument, NBD_DO_IT);
	return NULL;
}

static void disk_use(const char *path)
{
	int fd = check(open(path, O_RDWR | O_DIRECT | O_CLOEXEC), path);

	for (off_t at = 0; at < BUFFER_SIZE; at += CHUNK) {
		moved(pwrite(fd, payload + at, CHUNK, at), "pwrite to the disk");
		moved(pread(fd, sink + at, CHUNK, at), "pread from the disk");
	}
	close(fd);
}

/*
 * Connects, and lends the connection to the kernel: some of its traffic runs in this process's
 * context, some in kernel threads. All of it is the lender's.
 */
static void disk_client(struct stage *stage)
{
	struct truth server;
	char path[16];
	pthread_t thread;
	int disk = disk_open(path);
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	check(ioctl(disk, NBD_SET_SIZE_BLOCKS, DISK_BLOCKS), "NBD_SET_SIZE_BLOCKS");
	check(ioctl(disk, NBD_SET_SOCK, fd), "NBD_SET_SOCK");
	if (pthread_create(&thread, NULL, disk_run, &disk))
		broken("pthread_create");
	while (!disk_runs(path) || lseek(disk, 0, SEEK_END) != DISK_BLOCK * DISK_BLOCKS)
		pause_ms(5);
	disk_use(path);
	check(ioctl(disk, NBD_DISCONNECT), "NBD_DISCONNECT");
	pthread_join(thread, NULL);
	ioctl(disk, NBD_CLEAR_SOCK);
	if (read(stage->lane[1], &server, sizeof(server)) != sizeof(server))
		broken("the server did not tell its counts");
	self.tx = server.rx;
	self.rx = server.tx;
}

static void run_kernel_nbd(struct stage *stage)
{
	turn_open(stage->lane);
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", disk_server, stage);
	start("disk", disk_client, stage);
}

/* --- a socket that the kernel made for itself: 9p over TCP --- */

enum { P9_RLERROR = 7, P9_TVERSION = 100, P9_RVERSION = 101, P9_HEADER = 7 };

/* The mount that never succeeds: the file server refuses whoever attaches. */
static void p9_mount(struct stage *stage)
{
	struct sockaddr_storage address;
	char options[64];

	tcp_address(stage->listener, AF_INET, &address);
	snprintf(options, sizeof(options), "trans=tcp,port=%u,version=9p2000.L",
		 ntohs(((struct sockaddr_in *)&address)->sin_port));
	if (mount("127.0.0.1", "/proc/self/task", "9p", 0, options) == 0)
		broken("the refused mount succeeded");
	check(write(stage->lane[0], &errno, sizeof(errno)), "write of the error");
}

/* Reads a message and answers; false after the last one. */
static bool p9_answer(int fd)
{
	unsigned char message[256];
	uint32_t size;

	received(recv(fd, message, P9_HEADER, MSG_WAITALL), "recv of a header");
	memcpy(&size, message, sizeof(size));
	if (size < P9_HEADER || size > sizeof(message))
		broken("a 9p message of %u bytes", size);
	received(recv(fd, message + P9_HEADER, size - P9_HEADER, MSG_WAITALL), "recv of the rest");
	if (message[4] == P9_TVERSION) { /* agreed: the answer says the same */
		message[4] = P9_RVERSION;
		sent(send(fd, message, size, 0), "send of the version");
		return true;
	}
	memcpy(message, &(uint32_t){P9_HEADER + 4}, 4);
	message[4] = P9_RLERROR;
	memcpy(message + P9_HEADER, &(uint32_t){EACCES}, 4);
	sent(send(fd, message, P9_HEADER + 4, 0), "send of the error");
	return false;
}

/* The kernel's counts are this end's, turned round. */
static void p9_server(struct stage *stage)
{
	struct pollfd waiting[] = {{.fd = stage->listener, .events = POLLIN},
				   {.fd = stage->lane[1], .events = POLLIN}};
	struct truth kernel = {.role = "kernel", .connects = 1};
	int fd, error = 0;

	check(poll(waiting, 2, -1), "poll");
	if (!(waiting[0].revents & POLLIN)) {
		check(read(stage->lane[1], &error, sizeof(error)), "read of the error");
		skip("no 9p over TCP: mount: %s", strerror(error));
	}
	fd = tcp_accept(stage->listener);
	while (p9_answer(fd))
		;
	receive_to_end(fd);
	kernel.tx = self.rx;
	kernel.rx = self.tx;
	report(&kernel);
}

static void run_kernel_9p(struct stage *stage)
{
	turn_open(stage->lane);
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", p9_server, stage);
	start("mounter", p9_mount, stage);
}

/* --- stress: many processes, random mixtures of the paths --- */

static size_t (*const tx_paths[])(int fd, size_t size) = {
	tx_send,     tx_write,  tx_writev,   tx_sendmsg, tx_sendmmsg,
	tx_sendfile, tx_splice, tx_vmsplice, tx_pages,   tx_nonblock,
};
static size_t (*const rx_paths[])(int fd, size_t size) = {
	rx_recv,   rx_read, rx_readv,   rx_recvmsg, rx_recvmmsg,
	rx_splice, rx_peek, rx_waitall, rx_trunc,   rx_nonblock,
};

static struct {
	const char *name;
	unsigned long value;
} stress_options[] = {{"processes", 80}, {"megabytes", 70}, {"seed", 1}};

enum { STRESS_PROCESSES, STRESS_MEGABYTES, STRESS_SEED };

/* name=number, or the numbers in the table's order */
static void stress_option(int position, const char *word)
{
	const char *equals = strchr(word, '=');
	const char *digits = equals ? equals + 1 : word;
	char *end;
	unsigned long value = strtoul(digits, &end, 10);

	if (end == digits || *end)
		broken("%s is not a number", word);
	for (int i = 0; i < (int)COUNT(stress_options); i++) {
		size_t length = strlen(stress_options[i].name);

		if (equals ? (size_t)(equals - word) == length &&
				     strncmp(word, stress_options[i].name, length) == 0
			   : i == position) {
			stress_options[i].value = value;
			return;
		}
	}
	broken("stress has no option %s", word);
}

static uint64_t stress_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 11;
}

/* The paths depend on the seed, the pair and the side alone. */
static void stress_move(int fd, size_t amount, size_t (*const *paths)(int fd, size_t size),
			size_t count, uint64_t state)
{
	for (int i = 0; i < 8; i++)
		stress_random(&state);
	while (amount) {
		size_t range = stress_random(&state) % 4 ? CHUNK : 1009;
		size_t size = smaller(amount, 1 + stress_random(&state) % range);

		amount -= paths[stress_random(&state) % count](fd, size);
	}
}

static uint64_t stress_state(const struct stage *stage, int side)
{
	return (stress_options[STRESS_SEED].value * 1000003 + stage->index + 1) * 4 + side + 1;
}

static void stress_client(struct stage *stage)
{
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	stress_move(fd, stage->amount, tx_paths, COUNT(tx_paths), stress_state(stage, 0));
	stress_move(fd, stage->amount / 4, rx_paths, COUNT(rx_paths), stress_state(stage, 1));
}

static void stress_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	stress_move(fd, stage->amount, rx_paths, COUNT(rx_paths), stress_state(stage, 2));
	stress_move(fd, stage->amount / 4, tx_paths, COUNT(tx_paths), stress_state(stage, 3));
}

/* A pair of processes for each listener; every pair has an amount of its own. */
static void run_stress(struct stage *stage)
{
	for (int i = 0; i < stage->argc; i++)
		stress_option(i, stage->argv[i]);
	unsigned long pairs = (stress_options[STRESS_PROCESSES].value + 1) / 2;
	size_t bytes = stress_options[STRESS_MEGABYTES].value * 1000000;

	for (stage->index = 0; stage->index < (int)pairs; stage->index++) {
		/* A quarter of it comes back. */
		stage->amount = bytes / pairs * 4 / 5 + 4036UL * stage->index + 3;
		stage->listener = tcp_listen(&stage->scenario->listen);
		start("server", stress_server, stage);
		start("client", stress_client, stage);
		close(stage->listener);
	}
}

/* --- the table --- */

#define LONG_SECONDS 240 /* on an emulated machine, with an observer who takes his time */

/* A pair on one path: what the client calls, what the server calls, how many bytes go through. */
#define PATH(called, sends, receives, bytes, ...)                                                  \
	{                                                                                          \
		.name = (called), .run = run_pair, .tx = (sends), .rx = (receives),                \
		.amount = (bytes), ##__VA_ARGS__                                                   \
	}
/* A pair with ways of its own. */
#define PAIR(called, at_client, at_server, bytes, ...)                                             \
	{                                                                                          \
		.name = (called), .run = run_pair, .client = (at_client), .server = (at_server),   \
		.amount = (bytes), ##__VA_ARGS__                                                   \
	}
#define OTHER(called, runs, ...)                                                                   \
	{                                                                                          \
		.name = (called), .run = (runs), ##__VA_ARGS__                                     \
	}
#define EARLY(called, runs, more)                                                                  \
	{                                                                                          \
		.name = (called), .run = (runs), .amount = 65537,                                  \
		.flags = SCENARIO_EARLY | (more), .seconds = LONG_SECONDS                          \
	}

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
	PAIR("oob_read", client_urges, server_reads_urgent, 104729),
	PAIR("oob_inline", client_urges_inline, server_inlines_urgent, 104729, .rx = rx_recv,
	     .lane = true),
	PAIR("oob_skipped", client_urges, server_skips_urgent, 104729),
	PATH("zerocopy_send", tx_zerocopy, rx_recv, 1000003),
	PATH("zerocopy_receive", tx_pages, rx_zerocopy, 1000003, .server = server_zerocopy,
	     .segment = PAGE + 12),
	PATH("uring_inline", tx_uring, rx_uring, 1000003),
	PATH("uring_async", tx_uring, rx_uring, 1000003),
	PATH("uring_sqpoll", tx_uring, rx_uring, 1000003),
	PAIR("ktls_send", client_encrypts, server_reads_ciphertext, 104729, .tx = tx_send,
	     .chunk = 10007, .lane = true),
	PAIR("ktls_receive", client_encrypts, server_decrypts, 104729, .tx = tx_send, .rx = rx_recv,
	     .lane = true),
	PAIR("ktls_sendfile", client_encrypts, server_decrypts, 200003, .tx = tx_sendfile,
	     .rx = rx_recv, .lane = true),
	PATH("mptcp", tx_send, rx_recv, 1000003, .client = client_speaks_mptcp,
	     .dial = {AF_INET, IPPROTO_MPTCP}, .listen = {AF_INET, IPPROTO_MPTCP}),
	PATH("mptcp_fallback", tx_send, rx_recv, 1000003, .client = client_speaks_mptcp,
	     .dial = {AF_INET, IPPROTO_MPTCP}),
	OTHER("tfo_sendto", run_tfo_sendto, .amount = 104729),
	OTHER("tfo_connect", run_tfo_connect, .amount = 104729),
	OTHER("tfo_data_server", run_tfo_data_server, .amount = 7919),
	PATH("timestamps_errqueue", tx_send, rx_recv, 104729, .client = client_timestamps),
	PATH("nonblock_partial", tx_nonblock, rx_nonblock, 6000011, .client = client_nonblock,
	     .chunk = BUFFER_SIZE),
	PAIR("efault_iovec", client_faults, server_faults, 104729),
	PAIR("shutdown_unread", client_is_ignored, server_ignores, 30011, .lane = true,
	     .flags = SCENARIO_UNBALANCED),
	PAIR("linger0", client_lingers, server_reads_after_reset, 200003,
	     .flags = SCENARIO_UNBALANCED),
	PAIR("reset_then_read", client_resets, server_reads_after_reset, 30011,
	     .flags = SCENARIO_UNBALANCED),
	PAIR("exit_after_send", client_exits, server_consumes, 104729),
	OTHER("sigkill_in_send", run_sigkill_in_send),
	OTHER("fork_shared", run_fork_shared),
	OTHER("senders_shared", run_senders_shared, .seconds = LONG_SECONDS),
	OTHER("exec_shared", run_exec_shared),
	OTHER("scm_rights", run_scm_rights, .amount = 104729),
	OTHER("threads_send", run_threads_send, .tx = tx_send, .rx = rx_recv, .amount = 200003),
	OTHER("threads_receive", run_threads_receive, .tx = tx_send, .rx = rx_recv,
	      .amount = 200003),
	OTHER("short_process", run_short_process),
	OTHER("preforked", run_preforked, .amount = 65537),
	EARLY("older_socket", run_older_socket, 0),
	EARLY("older_unread", run_older_unread, SCENARIO_UNBALANCED),
	EARLY("older_shared", run_older_shared, 0),
	OTHER("starved_namespace", run_starved_namespace, .amount = 1000003),
	OTHER("starved_keys", run_starved_keys, .amount = 1000003),
	PATH("smc_client", tx_send, rx_recv, 1000003, .dial = {AF_SMC, 0}),
	PATH("smc_server", tx_send, rx_recv, 1000003, .listen = {AF_SMC, 0}),
	PATH("udp_unix_noise", tx_send, rx_recv, 1013, .client = client_makes_noise),
	OTHER("listen_only", run_listen_only),
	PAIR("connect_close", client_connects, server_consumes, 0),
	PAIR("half_close", client_half_closes, server_answers_end, 65537),
	PATH("big_transfer", tx_send, rx_recv, 67108859, .seconds = LONG_SECONDS),
	PAIR("pingpong", client_pings, server_pongs, 10007, .one_cpu = true,
	     .seconds = LONG_SECONDS),
	OTHER("kernel_nbd", run_kernel_nbd),
	OTHER("kernel_9p", run_kernel_9p),
	OTHER("stress", run_stress, .seconds = LONG_SECONDS),
};

static const struct program program = {
	.scenarios = scenarios,
	.count = COUNT(scenarios),
};

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--exec-helper") == 0)
		return exec_helper(argv[2], argv[3]);
	return scenario_main(&program, argc, argv);
}
