/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Scripts of turns. Each file ends with its table of scenarios. */
#ifndef TURNS_H
#define TURNS_H

#include "scenario.h"

/* One side says something, in so many calls, after it has waited. */
struct step {
	char who; /* C: the client, S: the server; E: the observer comes; W: the client shuts down
		   */
	unsigned calls;
	size_t size;
	unsigned wait_ms;
};

/* What is said, and what turns it makes: the same numbers on both sides. */
struct script {
	const struct step *steps;
	size_t count;
	struct turns turns;
};

#define SAYS(who, size)                                                                            \
	{                                                                                          \
		who, 1, size, 0                                                                    \
	}
#define SCRIPT(list, turns, asked, answered)                                                       \
	(&(const struct script){list, COUNT(list), {turns, asked, answered, 0, 0}})

void script_play(int fd, char who, struct stage *stage);

/* One connection, by the script. */
void script_client(struct stage *stage);
void script_server(struct stage *stage);

/* The scenario's turns are this process's, as a server or as a client. */
void script_served(const struct script *script);
void script_asked(const struct script *script);

extern const struct scenario_set scripts, sharers;

#endif
