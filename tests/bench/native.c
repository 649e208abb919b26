/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * What instructions do not price: time on the running kernel, on one processor, and on two at once.
 *
 *     native bodies      prints, ROUNDS times: body NAME PROCESSORS NS_PER_ITERATION
 *     native trips [WORKLOAD]
 *                        prints: cost WORKLOAD NS_OF_CPU_TIME_PER_ROUND_TRIP
 *                                truth PID TX_BYTES RX_BYTES CONNECTS ACCEPTS
 *
 * Bodies are the programs of body.bpf.c. Round trips of 1 byte are made by one thread on 1, 64 or
 * 4,096 connections in turn, and on a connection each by two threads of one process and by two
 * processes. Without WORKLOAD all of them are made.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "tcp.h"

#include "body.skel.h"

#define CREW_MAX 2
#define ROUNDS 50
#define SOCKETS_MAX 4096
#define TRIPS 2000
#define WARM_UP 200

struct member {
	int cpu;
	pid_t pid; /* of a process */
	pthread_t thread;
	int64_t begin_ns, end_ns;
};

/* Those who work at once; shared with processes. */
static struct crew {
	unsigned count, arrived;
	bool processes;
	void (*work)(struct member *);
	int program;      /* of bodies */
	unsigned sockets; /* of each of them, of trips */
	struct member members[CREW_MAX];
} * crew;

/* Nobody waits for the dead. */
__attribute__((noreturn)) static void die(const char *what)
{
	perror(what);
	if (crew)
		__atomic_store_n(&crew->arrived, CREW_MAX, __ATOMIC_SEQ_CST);
	_exit(1);
}

static int check(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* -- the crew -- */

/* A wait that sleeps would let one begin long before the other. */
static void meet(void)
{
	__atomic_add_fetch(&crew->arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&crew->arrived, __ATOMIC_SEQ_CST) < crew->count)
		;
}

static void *member_main(void *member)
{
	struct member *m = member;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(m->cpu, &set);
	check(sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
	crew->work(m);
	return NULL;
}

static void start(struct member *m)
{
	pid_t pid;

	if (!crew->processes) {
		if (pthread_create(&m->thread, NULL, member_main, m))
			die("pthread_create");
		return;
	}
	if (check(pid = fork(), "fork") == 0) {
		member_main(m);
		_exit(0);
	}
	m->pid = pid;
}

static void end(const struct member *m)
{
	int status = 0;

	if (!crew->processes)
		pthread_join(m->thread, NULL);
	else if (waitpid(m->pid, &status, 0) != m->pid || status)
		die("the other process");
}

static void run(unsigned count, bool processes, void (*work)(struct member *))
{
	crew->count = count;
	crew->arrived = 0;
	crew->processes = processes;
	crew->work = work;
	for (unsigned i = 0; i < count; i++)
		start(&crew->members[i]);
	for (unsigned i = 0; i < count; i++)
		end(&crew->members[i]);
}

static void choose_processors(void)
{
	unsigned found = 0;
	cpu_set_t set;

	check(sched_getaffinity(0, sizeof(set), &set), "sched_getaffinity");
	for (int cpu = 0; cpu < CPU_SETSIZE && found < CREW_MAX; cpu++)
		if (CPU_ISSET(cpu, &set))
			crew->members[found++].cpu = cpu;
	if (found < CREW_MAX)
		die("two processors are needed");
}

/* -- bodies -- */

static struct body *load(void)
{
	struct body *skeleton = body__open();

	if (!skeleton)
		die("open");
	skeleton->rodata->shard_mask = TCP_SHARDS_MAX - 1;
	skeleton->rodata->row_count = bpf_map__max_entries(skeleton->maps.bytes) / TCP_SHARDS_MAX;
	check(body__load(skeleton), "load");
	return skeleton;
}

static void run_body(struct member *m)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	meet();
	m->begin_ns = now_ns(CLOCK_MONOTONIC);
	check(bpf_prog_test_run_opts(crew->program, &options), "test run");
	m->end_ns = now_ns(CLOCK_MONOTONIC);
	if (options.retval)
		die("a body has failed");
}

/* From the first beginning to the last end: what did not run at once is not cheap. */
static int64_t took_ns(void)
{
	const struct member *a = &crew->members[0], *b = &crew->members[crew->count - 1];
	int64_t begin = a->begin_ns < b->begin_ns ? a->begin_ns : b->begin_ns;
	int64_t end = a->end_ns > b->end_ns ? a->end_ns : b->end_ns;

	return end - begin;
}

static void bodies(void)
{
	struct body *skeleton = load();
	struct bpf_program *program;

	for (unsigned round = 0; round < ROUNDS; round++)
		bpf_object__for_each_program(program, skeleton->obj)
			for (unsigned count = 1; count <= CREW_MAX; count++) {
				crew->program = bpf_program__fd(program);
				run(count, false, run_body);
				printf("body %s %u %.3f\n", bpf_program__name(program), count,
				       (double)took_ns() / skeleton->rodata->iterations);
			}
	body__destroy(skeleton);
}

/* -- round trips -- */

struct connection {
	int client, server;
};

static void connections_open(struct connection *out, unsigned count)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
	socklen_t size = sizeof(address);

	check(bind(listener, (struct sockaddr *)&address, size), "bind");
	check(listen(listener, 1), "listen");
	check(getsockname(listener, (struct sockaddr *)&address, &size), "getsockname");
	for (struct connection *c = out; c < out + count; c++) {
		c->client = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
		check(connect(c->client, (struct sockaddr *)&address, size), "connect");
		c->server = check(accept(listener, NULL, NULL), "accept");
	}
	close(listener);
}

/* Each has as many round trips to warm up as the others. */
static unsigned warm_up(void)
{
	return crew->sockets > WARM_UP ? crew->sockets : WARM_UP;
}

static unsigned trips_of(void)
{
	return crew->sockets > TRIPS ? crew->sockets : TRIPS;
}

static void move(int from, int to)
{
	char byte = 0;

	if (send(from, &byte, 1, 0) != 1 || recv(to, &byte, 1, 0) != 1)
		die("send and recv");
}

static void run_trips(struct member *m)
{
	struct connection *all = calloc(crew->sockets, sizeof(*all)), *c = all;

	if (!all)
		die("memory");
	connections_open(all, crew->sockets);
	for (unsigned i = 0; i < warm_up() + trips_of(); i++) {
		if (i == warm_up()) {
			meet();
			m->begin_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
		}
		move(c->client, c->server);
		move(c->server, c->client);
		if (++c == all + crew->sockets)
			c = all;
	}
	m->end_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
	for (c = all; c < all + crew->sockets; c++) {
		close(c->client);
		close(c->server);
	}
	free(all);
}

struct moved {
	unsigned bytes, connections;
};

static void moved_add(struct moved *to)
{
	to->bytes += (warm_up() + trips_of()) * 2;
	to->connections += crew->sockets;
}

static void tell(pid_t pid, const struct moved *moved)
{
	printf("truth %d %u %u %u %u\n", pid, moved->bytes, moved->bytes, moved->connections,
	       moved->connections);
}

static const struct workload {
	const char *name;
	unsigned sockets, count;
	bool processes;
} workloads[] = {
	{"sockets_1", 1, 1, false},
	{"sockets_64", 64, 1, false},
	{"sockets_4096", SOCKETS_MAX, 1, false},
	{"threads", 1, 2, false},
	{"processes", 1, 2, true},
};

static void work(const struct workload *w, struct moved *mine)
{
	int64_t spent_ns = 0;

	crew->sockets = w->sockets;
	run(w->count, w->processes, run_trips);
	for (const struct member *m = crew->members; m < crew->members + w->count; m++) {
		struct moved its = {0};

		spent_ns += m->end_ns - m->begin_ns;
		moved_add(w->processes ? &its : mine);
		if (w->processes)
			tell(m->pid, &its);
	}
	printf("cost %s %.1f\n", w->name, (double)spent_ns / w->count / trips_of());
}

static void trips(const char *only)
{
	const struct rlimit files = {3 * SOCKETS_MAX, 3 * SOCKETS_MAX};
	struct moved mine = {0};

	check(setrlimit(RLIMIT_NOFILE, &files), "RLIMIT_NOFILE");
	for (unsigned i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		if (!only || strcmp(only, workloads[i].name) == 0)
			work(&workloads[i], &mine);
	tell(getpid(), &mine);
}

int main(int argc, char **argv)
{
	crew = mmap(NULL, sizeof(*crew), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crew == MAP_FAILED)
		return 1;
	choose_processors();
	if (argc == 2 && strcmp(argv[1], "bodies") == 0)
		bodies();
	else if ((argc == 2 || argc == 3) && strcmp(argv[1], "trips") == 0)
		trips(argv[2]);
	else
		return 2;
	return 0;
}
