/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * More connections than the table has room for, in a network whose sockets can keep nothing: what
 * closes leaves its room to others, and bytes of those that get none are told as lost.
 *
 *     full BACKEND
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "probe/probe.h"
#include "probe/snapshot.h"

#define ROOM 16
#define CONNECTIONS 61 /* both ends need room */
#define BYTES 1009     /* each way, and one more for each connection */
#define ROUNDS 3

static struct {
	const char *kernel;
	const char *backend;
	struct probe *probe;
	struct snapshot *snapshot;
	struct probe_tables tables;
	uint64_t bytes; /* counted so far, of this process */
	int listener;
	struct sockaddr_in address;
} test;

static void die(const char *what)
{
	printf("FAIL %s %s full: %s: %s\n", test.kernel, test.backend, what, strerror(errno));
	exit(1);
}

/* False if this kernel has but one limit for all: then only a table can be full. */
static bool starve(void)
{
	const char *path = "/proc/sys/net/core/optmem_max"; /* per network since 6.8 */
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (unshare(CLONE_NEWNET))
		die("unshare");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		die("lo");
	close(fd);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (write(fd, "1", 1) != 1)
		die(path);
	close(fd);
	return true;
}

static void open_all(void)
{
	struct probe_options options = {.backend = (char *)test.backend,
					.max_processes = 1024,
					.max_sockets = ROOM,
					.scopes = {true, true, true}};
	struct snapshot_options snapshot_options = {.proc_root = "/proc"};
	socklen_t size = sizeof(test.address);
	char why[512];

	if (probe_open(&test.probe, why, sizeof(why), &options))
		die(why);
	probe_tables(&test.tables, test.probe);
	if (snapshot_open(&test.snapshot, &test.tables, &snapshot_options))
		die("snapshot");
	test.address.sin_family = AF_INET;
	test.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	test.listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(test.listener, (struct sockaddr *)&test.address, size) ||
	    listen(test.listener, CONNECTIONS) ||
	    getsockname(test.listener, (struct sockaddr *)&test.address, &size))
		die("listen");
}

static void pass(int from, int to, size_t bytes)
{
	static char buffer[2 * BYTES];

	if (send(from, buffer, bytes, 0) != (ssize_t)bytes ||
	    recv(to, buffer, bytes, MSG_WAITALL) != (ssize_t)bytes)
		die("send and recv");
}

/* What both ends of a connection send and receive. */
static uint64_t bytes_of(unsigned connection)
{
	return 2 * (BYTES + connection + BYTES);
}

static uint64_t talk(unsigned connections, bool last_first)
{
	int near[CONNECTIONS], far[CONNECTIONS];
	uint64_t bytes = 0;

	for (unsigned i = 0; i < connections; i++) {
		near[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(near[i], (struct sockaddr *)&test.address, sizeof(test.address)))
			die("connect");
		far[i] = accept(test.listener, NULL, NULL);
		pass(near[i], far[i], BYTES + i);
		pass(far[i], near[i], BYTES);
		bytes += bytes_of(i);
	}
	for (unsigned i = 0; i < connections; i++) {
		unsigned at = last_first ? connections - 1 - i : i;

		close(near[at]);
		close(far[at]);
	}
	return bytes;
}

static void add(void *context, const struct snapshot_process *p)
{
	(void)context;
	if (p->pid == (uint32_t)getpid())
		test.bytes += p->grown.tx_bytes + p->grown.rx_bytes;
}

static bool run(const char *name, unsigned connections, bool last_first)
{
	uint64_t to_lose = 0;
	uint64_t lost = test.tables.self->lost_bytes, latencies = test.tables.self->lost_latencies;
	uint64_t truth = talk(connections, last_first);
	bool good;

	for (unsigned i = ROOM / 2; last_first && i < connections; i++)
		to_lose += bytes_of(i);
	test.bytes = 0;
	snapshot_take(test.snapshot, add, NULL);
	lost = test.tables.self->lost_bytes - lost;
	latencies = test.tables.self->lost_latencies - latencies;
	good = test.bytes + lost == truth && lost == to_lose && latencies <= connections;
	printf("%s %s %s full: %s: %llu bytes counted and %llu lost of %llu, %llu latencies\n",
	       good ? "ok" : "FAIL", test.kernel, test.backend, name,
	       (unsigned long long)test.bytes, (unsigned long long)lost, (unsigned long long)truth,
	       (unsigned long long)latencies);
	return good;
}

int main(int argc, char **argv)
{
	static struct utsname name;
	bool good = true, starved;

	if (argc != 2)
		return 2;
	uname(&name);
	name.release[strcspn(name.release, "-")] = '\0';
	test.kernel = getenv("KERNEL_NAME") ? getenv("KERNEL_NAME") : name.release;
	test.backend = argv[1];
	starved = starve();
	open_all();
	if (!starved && !test.tables.socket_count) {
		printf("skip %s %s full: %s\n", test.kernel, test.backend,
		       "no optmem_max of a network's own (6.8)");
		return 0;
	}
	snapshot_take(test.snapshot, add, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		good &= run("who finds room when others close", CONNECTIONS, false);
		good &= run("who closes before there is room", CONNECTIONS, true);
	}
	snapshot_close(test.snapshot);
	probe_close(test.probe);
	return good ? 0 : 1;
}
