/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Connections that many share: threads, workers, clients. */
#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>

#include "turns.h"

#define CLIENTS 7

/* -- one thread sends, another one receives -- */

static struct {
	int fd, lane[2];
	struct stage *stage;
} shared;

static void *receive_answers(void *unused)
{
	const struct script *script = shared.stage->scenario->plan;

	(void)unused;
	for (size_t i = 0; i < script->count; i++)
		if (script->steps[i].who == 'S') {
			receive_all(shared.fd, script->steps[i].size);
			turn_give(shared.lane[1]);
		}
	return NULL;
}

static void client_of_threads(struct stage *stage)
{
	const struct script *script = stage->scenario->plan;
	pthread_t thread;

	turn_open(shared.lane);
	shared.stage = stage;
	shared.fd = tcp_dial(stage->listener, &stage->scenario->dial);
	if (pthread_create(&thread, NULL, receive_answers, NULL))
		broken("no thread");
	for (size_t i = 0; i < script->count; i++)
		if (script->steps[i].who == 'C')
			send_all(shared.fd, script->steps[i].size);
		else
			turn_take(shared.lane[0]);
	pthread_join(thread, NULL);
	script_asked(script);
	close(shared.fd);
}

/* -- many clients, and a process that is both -- */

static void add(struct turns *sum, const struct turns *turns)
{
	self.turns = true;
	sum->count += turns->count;
	sum->request += turns->request;
	sum->response += turns->response;
}

static void server_of_many(struct stage *stage)
{
	const struct script *script = stage->scenario->plan;

	for (unsigned i = 0; i < CLIENTS; i++) {
		int fd = tcp_accept(stage->listener);

		script_play(fd, 'S', stage);
		add(&self.served, &script->turns);
		close(fd);
	}
}

static void client_of_many(struct stage *stage)
{
	const struct script *script = stage->scenario->plan;

	for (unsigned i = 0; i < CLIENTS; i++) {
		int fd = tcp_dial(stage->listener, &stage->scenario->dial);

		script_play(fd, 'C', stage);
		add(&self.asked, &script->turns);
		close(fd);
	}
}

/* A process between two others serves the one, and asks the other. */
static void proxy(struct stage *stage)
{
	const struct script *script = stage->scenario->plan;
	int in = tcp_accept(stage->listener), out;

	turn_give(stage->lane[1]);
	out = tcp_dial(stage->listener, &stage->scenario->dial);
	for (size_t i = 0; i < script->count; i++) {
		const struct step *step = &script->steps[i];
		bool up = step->who == 'C';

		receive_all(up ? in : out, step->size);
		send_all(up ? out : in, step->size);
	}
	script_served(script);
	script_asked(script);
	close(out);
	close(in);
}

static void server_behind(struct stage *stage)
{
	turn_take(stage->lane[0]); /* the first connection is the proxy's */
	script_server(stage);
}

static const struct step steps[] = {SAYS('C', 101), SAYS('S', 1009), SAYS('C', 211),
				    SAYS('S', 20011)};

#define PLAN .plan = SCRIPT(steps, 2, 312, 21020)

static const struct scenario table[] = {
	TWO("two_threads", script_server, client_of_threads, PLAN),
	TWO("many_clients", server_of_many, client_of_many, PLAN),
	{.name = "proxied",
	 .run = run_together,
	 .processes = {{"proxy", proxy}, {"client", script_client}, {"server", server_behind}},
	 .lane = true,
	 PLAN},
};

const struct scenario_set sharers = SCENARIOS(table);
