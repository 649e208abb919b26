/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The scenarios of traffic, a file for each set of them. Each file ends with its table; most rows
 * are pairs: a client that moves an amount to a server, on one path.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include "scenario.h"

#define CHUNK 65536
#define REPLY 1009      /* what a server answers in most scenarios */
#define MAPPED AF_INET6 /* dialled at an IPv4 listener */

#define LONG_SECONDS 240 /* on an emulated machine, with an observer who takes his time */

/* A pair on one path: what the client calls, what the server calls, how many bytes go through. */
#define PATH(called, sends, receives, bytes, ...)                                                  \
	{                                                                                          \
		.name = (called), .run = run_pair, .tx = (sends), .rx = (receives),                \
		.amount = (bytes), ##__VA_ARGS__                                                   \
	}
/* A pair with ways of its own. */
#define PAIR(called, at_client, at_server, bytes, ...)                                             \
	{                                                                                          \
		.name = (called), .run = run_pair, .client = (at_client), .server = (at_server),   \
		.amount = (bytes), ##__VA_ARGS__                                                   \
	}
extern const struct scenario_set paths, uring, endings, special, sharing, older, starved, noise,
	kernel_sockets, stress;
size_t tx_sendfile(int fd, size_t size);
void wait_for(int fd, short events);

/* What stress mixes. */
#define PATHS 10
extern size_t (*const tx_paths[PATHS])(int fd, size_t size);
extern size_t (*const rx_paths[PATHS])(int fd, size_t size);
size_t chunk_of(const struct stage *stage);
void client_moves(int fd, struct stage *stage);
void server_takes(int fd, struct stage *stage);
void server_moves(int fd, struct stage *stage);
void run_pair(struct stage *stage);
void server_consumes(int fd, struct stage *stage);
void client_half_closes(int fd, struct stage *stage);

/* The connection that a forked child inherits. */
extern int shared_fd;

/* The child of exec_shared after its exec. */
int exec_helper(const char *fd, const char *words);

#endif
