/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Traffic whose price is known to the instruction: under `-icount shift=0,sleep=off`, qemu's time
 * stamp counter counts what the guest executes.
 *
 *     rounds [-r REPETITIONS] [-s SOCKETS_MAX] [-w tcp|connect|unix|udp]
 *
 * Each repetition has connections of its own on a heap that was shaken, because the state of the
 * slab allocator can make all rounds of a connection dearer by a few hundred instructions. Prints
 * what a round cost, on the average of a repetition, and at the end what each process moved:
 *     cost WORKLOAD INSTRUCTIONS
 *     truth PID TX_BYTES RX_BYTES CONNECTS ACCEPTS
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#define SOCKETS_MAX 4096
#define PROCESSES_MAX 256
#define SMALL_ROUNDS 2000
#define LARGE_ROUNDS 250
#define CONNECTS 1500
#define CLIENT_PORT 5000 /* below the ephemeral ones: no search for a free port is measured */
#define SIZE_MAX_BYTES 16384

static const size_t sizes[] = {1, SIZE_MAX_BYTES};

/* What a process has moved. */
struct moved {
	pid_t pid;
	uint64_t tx, rx, connects, accepts;
};

static struct {
	unsigned repetitions, sockets_max;
	const char *only; /* one kind of workload; NULL: all */
	struct moved mine;
	struct moved *all; /* shared with the children, who leave theirs there */
	unsigned processes;
	char data[SIZE_MAX_BYTES];
} bench = {.repetitions = 9, .sockets_max = SOCKETS_MAX};

/* Connections that take turns. In two processes, the other one holds the servers. */
struct set {
	unsigned count;
	bool two_processes;
	pid_t child;
	int clients[SOCKETS_MAX], servers[SOCKETS_MAX];
};

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static int check(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

static void cost(const char *workload, uint64_t start, unsigned rounds)
{
	printf("cost %s %.1f\n", workload, (double)(__rdtsc() - start) / rounds);
	fflush(stdout);
}

/* -- bytes -- */

static void put(int fd, size_t size)
{
	if (send(fd, bench.data, size, 0) != (ssize_t)size)
		die("send");
}

static void get(int fd, size_t size)
{
	for (size_t have = 0; have < size;) {
		ssize_t n = recv(fd, bench.data, size - have, 0);

		if (n <= 0)
			die("recv");
		have += (size_t)n;
	}
}

static void tcp_put(int fd, size_t size)
{
	put(fd, size);
	bench.mine.tx += size;
}

static void tcp_get(int fd, size_t size)
{
	get(fd, size);
	bench.mine.rx += size;
}

/* Leaves other pages of the slab allocator half full than the last time, and some objects held. */
static void shake(void)
{
	static int held[2] = {-1, -1};
	static unsigned shakes;

	close(held[0]);
	close(held[1]);
	for (unsigned i = 0; i < 16; i++) {
		int pair[2];

		check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), "socketpair");
		for (unsigned k = 0; k < 61 + shakes * 37 % 101; k++) {
			if (send(pair[0], bench.data, 1 + (k * 611 + i) % 3000, MSG_DONTWAIT) < 0)
				break;
			if (k % 3 == shakes % 3)
				recv(pair[1], bench.data, sizeof(bench.data), MSG_DONTWAIT);
		}
		close(pair[0]);
		close(pair[1]);
	}
	check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, held), "socketpair");
	for (unsigned k = 0; k < shakes * 7 % 31; k++)
		put(held[0], 1);
	shakes++;
}

/* -- connections -- */

static int listener_open(struct sockaddr_in *out)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(*out);
	int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");

	check(bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
	check(listen(fd, SOCKETS_MAX), "listen");
	check(getsockname(fd, (struct sockaddr *)out, &size), "getsockname");
	return fd;
}

/* From a port of its own, or any. */
static int client_open(const struct sockaddr_in *server, uint16_t port)
{
	struct sockaddr_in address = *server;
	int on = 1, fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");

	address.sin_port = htons(port);
	if (port) {
		check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
		check(bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
	}
	check(connect(fd, (const struct sockaddr *)server, sizeof(*server)), "connect");
	bench.mine.connects++;
	return fd;
}

static int server_open(int listener)
{
	int fd = check(accept(listener, NULL, NULL), "accept");

	bench.mine.accepts++;
	return fd;
}

static pid_t child_start(void)
{
	pid_t pid;

	if (!bench.all || bench.processes == PROCESSES_MAX)
		die("no room for another process");
	pid = check(fork(), "fork");
	if (pid)
		bench.processes++;
	else
		bench.mine = (struct moved){.pid = getpid()};
	return pid;
}

static void child_end(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		die("the other process");
}

/* -- round trips over TCP -- */

/* Large messages are dear: of very many sockets only so many have one. */
static unsigned rounds_of(const struct set *s, size_t size)
{
	if (size > 1)
		return LARGE_ROUNDS;
	return s->count < SMALL_ROUNDS ? SMALL_ROUNDS : s->count;
}

/* A connection's first rounds are different. */
static unsigned warm_up_of(const struct set *s, size_t size)
{
	return size > 1 || s->count < LARGE_ROUNDS ? LARGE_ROUNDS : s->count;
}

/* Whose turn it is. */
static unsigned turn(const struct set *s, unsigned round)
{
	return s->count > 1 ? round % s->count : 0;
}

static void serve(const struct set *s, size_t size, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		tcp_get(s->servers[turn(s, i)], size);
		tcp_put(s->servers[turn(s, i)], size);
	}
}

static void ask(const struct set *s, size_t size, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		int client = s->clients[turn(s, i)], server = s->servers[turn(s, i)];

		tcp_put(client, size);
		if (!s->two_processes) {
			tcp_get(server, size);
			tcp_put(server, size);
		}
		tcp_get(client, size);
	}
}

/* What the other process does. */
static void serve_all(struct set *s, int listener)
{
	for (unsigned i = 0; i < s->count; i++)
		s->servers[i] = server_open(listener);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		serve(s, sizes[i], warm_up_of(s, sizes[i]));
		serve(s, sizes[i], rounds_of(s, sizes[i]));
	}
	bench.all[bench.processes] = bench.mine;
	_exit(0);
}

static void set_open(struct set *s)
{
	struct sockaddr_in address;
	int listener = listener_open(&address);

	if (s->two_processes)
		s->child = child_start();
	if (s->two_processes && !s->child)
		serve_all(s, listener);
	for (unsigned i = 0; i < s->count; i++) {
		s->clients[i] = client_open(&address, 0);
		s->servers[i] = s->two_processes ? -1 : server_open(listener);
	}
	close(listener);
}

static void set_close(struct set *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		close(s->clients[i]);
		if (!s->two_processes)
			close(s->servers[i]);
	}
	if (s->two_processes)
		child_end(s->child);
}

static void tcp_rounds(unsigned sockets, bool two_processes)
{
	static struct set s;
	char name[64];

	s = (struct set){.count = sockets, .two_processes = two_processes};
	set_open(&s);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		unsigned rounds = rounds_of(&s, sizes[i]);
		uint64_t start;

		snprintf(name, sizeof(name), "tcp_%zu_%u_%d", sizes[i], sockets,
			 two_processes ? 2 : 1);
		ask(&s, sizes[i], warm_up_of(&s, sizes[i]));
		start = __rdtsc();
		ask(&s, sizes[i], rounds);
		cost(name, start, rounds);
	}
	set_close(&s);
}

/* -- the others -- */

static void connect_rounds(unsigned repetition)
{
	struct sockaddr_in address;
	int listener = listener_open(&address);
	uint64_t start = 0;

	for (unsigned i = 0; i < 2 * CONNECTS; i++) {
		int client, server;

		if (i == CONNECTS)
			start = __rdtsc();
		client = client_open(&address,
				     (uint16_t)(CLIENT_PORT + repetition * 2 * CONNECTS + i));
		server = server_open(listener);
		close(client);
		close(server);
	}
	cost("connect", start, CONNECTS);
	close(listener);
}

static void exchange(const char *workload, const int pair[2])
{
	uint64_t start = 0;

	for (unsigned i = 0; i < 2 * SMALL_ROUNDS; i++) {
		if (i == SMALL_ROUNDS)
			start = __rdtsc();
		put(pair[0], 1);
		get(pair[1], 1);
		put(pair[1], 1);
		get(pair[0], 1);
	}
	cost(workload, start, SMALL_ROUNDS);
	close(pair[0]);
	close(pair[1]);
}

static void unix_rounds(void)
{
	int pair[2];

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	exchange("unix", pair);
}

static void udp_rounds(void)
{
	struct sockaddr_in addresses[2];
	int pair[2];

	for (int i = 0; i < 2; i++) {
		socklen_t size = sizeof(addresses[i]);

		addresses[i] = (struct sockaddr_in){.sin_family = AF_INET,
						    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		pair[i] = check(socket(AF_INET, SOCK_DGRAM, 0), "socket");
		check(bind(pair[i], (struct sockaddr *)&addresses[i], size), "bind");
		check(getsockname(pair[i], (struct sockaddr *)&addresses[i], &size), "getsockname");
	}
	for (int i = 0; i < 2; i++)
		check(connect(pair[i], (struct sockaddr *)&addresses[1 - i], sizeof(*addresses)),
		      "connect");
	exchange("udp", pair);
}

static bool has_kind(const char *kind)
{
	return !bench.only || strcmp(bench.only, kind) == 0;
}

/* Very many sockets average over the states of the heap by themselves: fewer repetitions. */
static bool is_wanted(unsigned sockets, unsigned repetition)
{
	return has_kind("tcp") && sockets <= bench.sockets_max &&
	       (sockets < SOCKETS_MAX || repetition % 4 == 0);
}

static void repeat(unsigned repetition)
{
	static const unsigned counts[] = {1, 64, SOCKETS_MAX};

	for (unsigned i = 0; i < 2 * sizeof(counts) / sizeof(*counts); i++) {
		if (!is_wanted(counts[i / 2], repetition))
			continue;
		shake();
		tcp_rounds(counts[i / 2], i % 2);
	}
	shake();
	if (has_kind("connect"))
		connect_rounds(repetition);
	shake();
	if (has_kind("unix"))
		unix_rounds();
	shake();
	if (has_kind("udp"))
		udp_rounds();
}

static void tell(const struct moved *m)
{
	printf("truth %d %lu %lu %lu %lu\n", m->pid, m->tx, m->rx, m->connects, m->accepts);
}

static void options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "r:s:w:")) != -1) {
		unsigned number = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;

		if (option == 'r')
			bench.repetitions = number;
		else if (option == 's')
			bench.sockets_max = number;
		else if (option == 'w')
			bench.only = optarg;
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files = {3 * SOCKETS_MAX, 3 * SOCKETS_MAX};

	options(argc, argv);
	check(setrlimit(RLIMIT_NOFILE, &files), "RLIMIT_NOFILE");
	bench.all = mmap(NULL, PROCESSES_MAX * sizeof(*bench.all), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (bench.all == MAP_FAILED)
		die("mmap");
	bench.mine.pid = getpid();
	for (unsigned i = 0; i < bench.repetitions; i++)
		repeat(i);
	tell(&bench.mine);
	for (unsigned i = 0; i < bench.processes; i++)
		tell(&bench.all[i]);
	return 0;
}
