/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Sockets that the kernel itself uses: one that it was lent (nbd), and one of its own (9p). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nbd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "traffic.h"

/* --- nbd --- */

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

/* --- 9p --- */

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

static const struct scenario scenarios[] = {
	OTHER("kernel_nbd", run_together, .lane = true,
	      .processes = {{"server", disk_server}, {"disk", disk_client}}),
	OTHER("kernel_9p", run_together, .lane = true,
	      .processes = {{"server", p9_server}, {"mounter", p9_mount}}),
};

const struct scenario_set kernel_sockets = SCENARIOS(scenarios);
