/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Two processes on one connection. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "turns.h"

/* When a call began, or what it took was there, and when it had returned. */
struct moment {
	uint64_t from, to;
};

/* The calls of one step. */
struct span {
	struct moment first, last;
};

/* The time between two calls is not known any better: what sees them does so somewhere inside. */
static struct {
	struct span said, heard;
	char last; /* what the process did last: s, h, or nothing since the observer came */
	uint64_t us_min, us_max;
} clocks;

static void note(struct span *span, bool first, uint64_t from)
{
	span->last = (struct moment){from, now_us()};
	if (first)
		span->first = span->last;
}

static void say(int fd, const struct step *step)
{
	size_t left = step->size;

	pause_ms(step->wait_ms);
	for (unsigned calls = step->calls; calls; calls--) {
		size_t part = left / calls;
		uint64_t from = now_us();

		send_all(fd, part);
		note(&clocks.said, calls == step->calls, from);
		left -= part;
	}
}

static void hear(int fd, const struct step *step)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	for (size_t left = step->size; left;) {
		uint64_t from;
		size_t part;

		check(poll(&ready, 1, -1), "poll");
		from = now_us();
		part = rx_recv(fd, smaller(left, BUFFER_SIZE));
		note(&clocks.heard, left == step->size, from);
		left -= part;
	}
}

/* From the last call of the request to the first of the response; now_us() cuts off. */
static void measure(const struct span *request, const struct span *response)
{
	uint64_t least = response->first.from - request->last.to;

	clocks.us_min += (int64_t)least > 0 ? least - 1 : 0;
	clocks.us_max += response->first.to - request->last.from + 1;
}

static void act(int fd, bool speaks, bool serves, const struct step *step)
{
	char now = speaks ? 's' : 'h';

	if (speaks)
		say(fd, step);
	else
		hear(fd, step);
	if (clocks.last && clocks.last != now && serves == speaks)
		measure(serves ? &clocks.heard : &clocks.said,
			serves ? &clocks.said : &clocks.heard);
	clocks.last = now;
}

void script_play(int fd, char who, struct stage *stage)
{
	const struct script *script = stage->scenario->plan;

	for (size_t i = 0; i < script->count; i++) {
		const struct step *step = &script->steps[i];

		if (step->who == 'E') {
			early_wait(stage);
			memset(&clocks, 0, sizeof(clocks));
		} else if (step->who != 'W') {
			act(fd, step->who == who, who == 'S', step);
		} else if (who == 'C') {
			check(shutdown(fd, SHUT_WR), "shutdown");
		}
	}
}

static void take(struct turns *turns, const struct script *script)
{
	self.turns = true;
	*turns = script->turns;
	turns->us_min = clocks.us_min;
	turns->us_max = clocks.us_max;
}

void script_served(const struct script *script)
{
	take(&self.served, script);
}

void script_asked(const struct script *script)
{
	take(&self.asked, script);
}

void script_client(struct stage *stage)
{
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	script_play(fd, 'C', stage);
	script_asked(stage->scenario->plan);
	close(fd);
}

void script_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	script_play(fd, 'S', stage);
	script_served(stage->scenario->plan);
	close(fd);
}

static const struct step lock_step[] = {SAYS('C', 101),   SAYS('S', 1009), SAYS('C', 211),
					SAYS('S', 20011), SAYS('C', 7),    SAYS('S', 3)};

/* One response in many sends, one request too; the sizes add up. */
static const struct step in_parts[] = {
	{'C', 5, 1013, 0}, {'S', 7, 100003, 0}, {'C', 3, 503, 0}, {'S', 11, 50021, 0}};

/* Databases say who they are before they are asked. */
static const struct step greeting[] = {SAYS('S', 89), SAYS('C', 101), SAYS('S', 1009),
				       SAYS('C', 103), SAYS('S', 2003)};

/* A server that goes on by itself before it is asked: still no response. */
static const struct step banner[] = {
	SAYS('S', 89), {'S', 1, 97, 20}, SAYS('C', 101), SAYS('S', 1009)};

static const struct step unanswered[] = {SAYS('C', 101), SAYS('S', 1009), SAYS('C', 5)};
static const struct step never[] = {SAYS('C', 101)};
static const struct step unasked[] = {SAYS('S', 1009)};
static const struct step half_closed[] = {SAYS('C', 211), {'W', 0, 0, 0}, SAYS('S', 30011)};

/* Three requests before the first answer. */
static const struct step pipelined[] = {SAYS('C', 101),  SAYS('C', 103),  SAYS('C', 107),
					SAYS('S', 3011), SAYS('S', 3019), SAYS('S', 3023),
					SAYS('C', 109),  SAYS('S', 4001)};

/* The sender blocks: its response begins long before its call returns. */
static const struct step large[] = {SAYS('C', 13), SAYS('S', 13000027), SAYS('C', 17),
				    SAYS('S', 19)};

static const struct step slow[] = {
	SAYS('C', 101), {'S', 1, 1009, 100}, SAYS('C', 103), {'S', 1, 2003, 150}};

/* The time of a server begins when it has the whole request. */
static const struct step halting[] = {SAYS('C', 101), {'C', 1, 103, 100}, SAYS('S', 1009)};

/* A client that takes its time is no slow server. */
static const struct step idle[] = {
	SAYS('C', 101), SAYS('S', 1009), {'C', 1, 103, 300}, SAYS('S', 2003)};

/* Of what was before, nothing is told: neither the first response, nor its request. */
static const struct step older[] = {SAYS('C', 101), SAYS('S', 1009), {'E', 0, 0, 0},
				    SAYS('C', 103), SAYS('S', 2003), SAYS('C', 107),
				    SAYS('S', 3001)};
static const struct step older_asked[] = {SAYS('S', 89),   SAYS('C', 101), {'E', 0, 0, 0},
					  SAYS('S', 1009), SAYS('C', 107), SAYS('S', 3001)};

#define V6 .dial.family = AF_INET6, .listen.family = AF_INET6
#define MPTCP .dial.protocol = IPPROTO_MPTCP, .listen.protocol = IPPROTO_MPTCP
#define TURNS(called, script, ...)                                                                 \
	TWO(called, script_server, script_client, .plan = (script), ##__VA_ARGS__)

static const struct scenario table[] = {
	TURNS("lock_step", SCRIPT(lock_step, 3, 319, 21023)),
	TURNS("lock_step_ipv6", SCRIPT(lock_step, 3, 319, 21023), V6),
	TURNS("lock_step_mapped", SCRIPT(lock_step, 3, 319, 21023), .dial.family = AF_INET6),
	TURNS("lock_step_mptcp", SCRIPT(lock_step, 3, 319, 21023), MPTCP),
	TURNS("in_parts", SCRIPT(in_parts, 2, 1516, 150024)),
	TURNS("greeting", SCRIPT(greeting, 2, 204, 3012)),
	TURNS("banner", SCRIPT(banner, 1, 101, 1009)),
	TURNS("unanswered", SCRIPT(unanswered, 1, 101, 1009)),
	TURNS("never", SCRIPT(never, 0, 0, 0)),
	TURNS("unasked", SCRIPT(unasked, 0, 0, 0)),
	TURNS("half_closed", SCRIPT(half_closed, 1, 211, 30011)),
	TURNS("pipelined", SCRIPT(pipelined, 2, 420, 13054)),
	TURNS("large", SCRIPT(large, 2, 30, 13000046)),
	TURNS("slow", SCRIPT(slow, 2, 204, 3012)),
	TURNS("halting", SCRIPT(halting, 1, 204, 1009)),
	TURNS("idle", SCRIPT(idle, 2, 204, 3012)),
	TURNS("older", SCRIPT(older, 2, 210, 5004), .early = 2, .seconds = 240),
	TURNS("older_asked", SCRIPT(older_asked, 1, 107, 3001), .early = 2, .seconds = 240),
};

const struct scenario_set scripts = SCENARIOS(table);
