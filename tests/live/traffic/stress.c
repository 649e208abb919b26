/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Many processes, and random mixtures of the paths. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traffic.h"

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
static void stress_move(int fd, size_t amount, size_t (*const *mix)(int fd, size_t size),
			size_t count, uint64_t state)
{
	for (int i = 0; i < 8; i++)
		stress_random(&state);
	while (amount) {
		size_t range = stress_random(&state) % 4 ? CHUNK : 1009;
		size_t size = smaller(amount, 1 + stress_random(&state) % range);

		amount -= mix[stress_random(&state) % count](fd, size);
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

static const struct scenario scenarios[] = {
	OTHER("stress", run_stress, .seconds = LONG_SECONDS),
};

const struct scenario_set stress = SCENARIOS(scenarios);
