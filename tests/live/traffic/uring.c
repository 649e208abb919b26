/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* io_uring, without a library: one request at a time. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "traffic.h"

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

static const struct scenario scenarios[] = {
	PATH("uring_inline", tx_uring, rx_uring, 1000003),
	PATH("uring_async", tx_uring, rx_uring, 1000003),
	PATH("uring_sqpoll", tx_uring, rx_uring, 1000003),
};

const struct scenario_set uring = SCENARIOS(scenarios);
