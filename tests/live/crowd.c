/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * More processes than rows: those that find none count together, to the byte and without asking at
 * each event; and when rows come back, they have them in the next tick.
 *
 *     crowd BACKEND
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "observer.h"

#define CROWD 11
#define ROWS 5   /* one is this process's own, for the self-test */
#define ENDING 2 /* processes that give their rows back */
#define OFTEN 20
#define LOOKS_MAX 8 /* after which a dead process must have left its row */
#define TRIES 3     /* natively, others may use TCP meanwhile */

/* Bytes at a time; no sum of some is a sum of others. */
static const uint64_t primes[CROWD] = {1009,  2017,   4019,   8053,   16067,  32117,
				       64171, 128189, 256189, 512009, 1024021};

struct order {
	unsigned member, times;
};

struct member {
	pid_t pid;
	int orders;    /* of the socket by which it is told what to do; -1: it has ended */
	uint64_t want; /* bytes each way in this tick */
	uint64_t tx, rx, connects, accepts;
};

static struct {
	struct member members[CROWD];
	struct member other; /* what nobody has by name */
	bool strangers;
	char wrong[256];
} test;

/* -- a member: a connection to itself -- */

static void connection_open(int *client, int *server)
{
	struct sockaddr_in address;
	int listener = loopback_listen(&address, 1);

	*client = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || connect(*client, (struct sockaddr *)&address, sizeof(address)))
		_exit(1);
	*server = accept(listener, NULL, NULL);
	close(listener);
}

/* In pieces that the sockets have room for. */
static void move(int from, int to, uint64_t size)
{
	static char memory[16384];

	while (size) {
		size_t piece = size < sizeof(memory) ? size : sizeof(memory);

		if (send(from, memory, piece, 0) != (ssize_t)piece ||
		    recv(to, memory, piece, MSG_WAITALL) != (ssize_t)piece)
			_exit(1);
		size -= piece;
	}
}

static void obey(int orders)
{
	int client = -1, server = -1;
	struct order order;

	alarm(300);
	while (read(orders, &order, sizeof(order)) == sizeof(order)) {
		if (client < 0)
			connection_open(&client, &server);
		for (unsigned i = 0; i < order.times; i++)
			move(client, server, primes[order.member]);
		if (write(orders, &order, sizeof(order)) != sizeof(order))
			break;
	}
	_exit(0);
}

static void crowd_start(void)
{
	for (unsigned i = 0; i < CROWD; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
			observer_die("no socket");
		fflush(stdout);
		test.members[i] = (struct member){.pid = fork(), .orders = pair[0]};
		if (test.members[i].pid < 0)
			observer_die("no process");
		if (!test.members[i].pid) {
			for (unsigned k = 0; k <= i; k++)
				close(test.members[k].orders);
			obey(pair[1]);
		}
		close(pair[1]);
	}
}

static void member_end(struct member *m)
{
	if (m->orders < 0)
		return;
	close(m->orders);
	m->orders = -1;
	waitpid(m->pid, NULL, 0);
}

/* -- the test -- */

static void move_some(unsigned first, unsigned times)
{
	for (unsigned i = first; i < CROWD; i++) {
		struct order order = {i, times};
		int orders = test.members[i].orders;

		if (orders < 0)
			continue;
		if (write(orders, &order, sizeof(order)) != sizeof(order) ||
		    read(orders, &order, sizeof(order)) != sizeof(order))
			observer_die("a process of the crowd failed");
		test.members[i].want += times * primes[i];
	}
}

static void add(void *context, const struct snapshot_process *p)
{
	struct member *m = p->row == TCP_ROW_OTHER ? &test.other : NULL;

	(void)context;
	for (unsigned i = 0; i < CROWD && !m; i++)
		if (p->row >= TCP_ROW_FIRST && p->pid == (uint32_t)test.members[i].pid)
			m = &test.members[i];
	if (!m) {
		test.strangers |= p->row >= TCP_ROW_FIRST && p->pid != (uint32_t)getpid();
		return;
	}
	m->tx += p->grown.tx_bytes;
	m->rx += p->grown.rx_bytes;
	m->connects += p->grown.connects;
	m->accepts += p->grown.accepts;
}

static bool fail(const char *when, const char *what, uint64_t want, uint64_t have)
{
	snprintf(test.wrong, sizeof(test.wrong), "%s: %s %llu, counted %llu", when, what,
		 (unsigned long long)want, (unsigned long long)have);
	return false;
}

/* All that was moved in this tick is where it belongs: with those that have rows, or in the other
 * one. Says how many have. */
static bool settle(const char *when, unsigned *named)
{
	uint64_t rest = 0, connects = 0;
	bool good = true;

	observer_look(add);
	*named = 0;
	for (unsigned i = 0; i < CROWD && good; i++) {
		struct member *m = &test.members[i];

		connects += m->connects + m->accepts;
		*named += m->tx != 0;
		rest += m->tx ? 0 : m->want;
		if ((m->tx || m->rx) && (m->tx != m->want || m->rx != m->want))
			good = fail(when, "bytes of one", m->want,
				    m->tx != m->want ? m->tx : m->rx);
		m->want = m->tx = m->rx = 0;
	}
	connects += test.other.connects + test.other.accepts;
	test.strangers |= test.other.tx > rest || test.other.rx > rest || connects > 2 * CROWD;
	if (good && (test.other.tx != rest || test.other.rx != rest))
		good = fail(when, "bytes of the others", rest,
			    test.other.tx != rest ? test.other.tx : test.other.rx);
	if (good && connects != 2 * CROWD)
		good = fail(when, "connects and accepts", 2 * CROWD, connects);
	test.other.tx = test.other.rx = 0;
	return good;
}

/* The first use of a connection in a tick has asked for a row; the others do not. */
static bool many_events(bool plain)
{
	uint64_t asked;
	unsigned named;

	move_some(0, 1);
	asked = observer.tables.self->lost_processes;
	move_some(0, OFTEN);
	if (plain && observer.tables.self->lost_processes != asked)
		return fail("many events", "were asked for rows", asked,
			    observer.tables.self->lost_processes);
	return settle("many events", &named) &&
	       (named == ROWS - 1 || fail("many events", "have names", ROWS - 1, named));
}

/* Some end. In the tick after their rows are free, others have them. */
static bool rows_return(void)
{
	unsigned named, free_rows = 0;

	for (unsigned i = 0; i < ENDING; i++)
		member_end(&test.members[i]);
	for (unsigned looks = 0; looks < LOOKS_MAX; looks++) {
		unsigned want = ROWS - 1 - ENDING + free_rows;

		move_some(0, 1);
		if (!settle("rows return", &named))
			return false;
		if (named != want)
			return fail("rows return", "have names", want, named);
		if (free_rows == ENDING)
			return true;
		free_rows = ROWS - snapshot_processes(observer.snapshot);
	}
	return fail("rows return", "free", ENDING, free_rows);
}

static bool play(bool plain)
{
	uint64_t lost = observer.tables.self->lost_processes;
	unsigned named;

	move_some(0, 1);
	if (!settle("begin", &named))
		return false;
	if (named != ROWS - 1)
		return fail("begin", "have names", ROWS - 1, named);
	if (observer.tables.self->lost_processes == lost)
		return fail("begin", "lost_processes above", lost, lost);
	return many_events(plain) && rows_return();
}

static bool run(bool plain)
{
	bool good;

	memset(&test.other, 0, sizeof(test.other));
	test.strangers = false;
	observer_open((struct probe_options){
		.max_processes = ROWS, .max_sockets = 1024, .knobs.by_scope = !plain});
	crowd_start();
	good = play(plain);
	for (unsigned i = 0; i < CROWD; i++)
		member_end(&test.members[i]);
	observer_close();
	return good;
}

static bool try(const char *name, bool plain)
{
	const char *sign = "ok";

	for (unsigned i = 0; i < TRIES; i++) {
		if (run(plain)) {
			observer_say("ok", ", %s", name);
			return true;
		}
		sign = test.strangers ? "skip" : "FAIL";
		if (!test.strangers)
			break;
	}
	observer_say(sign, ", %s: %s%s", name, test.strangers ? "others use TCP here: " : "",
		     test.wrong);
	return test.strangers;
}

int main(int argc, char **argv)
{
	bool good;

	if (argc != 2)
		return 2;
	observer_begin("crowd", argv[1]);
	good = try("by default", true);
	good &= try("with scopes", false);
	return good ? 0 : 1;
}
