/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Connections that are older than the observer. */
#define _GNU_SOURCE
#include <unistd.h>

#include "traffic.h"

static void older_client(struct stage *stage)
{
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	send_all(fd, 104729);
	receive_all(fd, 4001);
	early_wait(stage);
	send_all(fd, stage->amount);
	receive_all(fd, REPLY);
	close(fd);
	fd = tcp_dial(stage->listener, &stage->scenario->dial);
	send_all(fd, 7919);
}

/* A connection that was there before the observer came, and is used after that. */
static int older_accept(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	receive_all(fd, 104729);
	send_all(fd, 4001);
	early_wait(stage);
	receive_all(fd, stage->amount);
	send_all(fd, REPLY);
	return fd;
}

/* Its listener is older, too: the second connection is not. */
static void older_server(struct stage *stage)
{
	int fd = older_accept(stage);

	close(fd);
	fd = tcp_accept(stage->listener);
	receive_to_end(fd);
}

/* What was sent before the observer came, but is read after: only the reader shows it. */
static void older_unread_client(struct stage *stage)
{
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	send_all(fd, 30011);
	early_wait(stage);
	send_all(fd, stage->amount);
	receive_all(fd, REPLY);
}

static void older_unread_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	receive_all(fd, 1009);
	early_wait(stage);
	receive_all(fd, 30011 - 1009 + stage->amount);
	send_all(fd, REPLY);
}

/* Forked before the observer came; uses the parent's older connection first. */
static void older_child(struct stage *stage)
{
	early_wait(stage);
	send_all(shared_fd, stage->amount);
	receive_all(shared_fd, REPLY);
}

static void older_parent(struct stage *stage)
{
	shared_fd = tcp_dial(stage->listener, &stage->scenario->dial);
	send_all(shared_fd, 104729);
	receive_all(shared_fd, 4001);
	start("child", older_child, stage);
	early_wait(stage);
	reap();
	send_all(shared_fd, 499);
}

static void older_shared_server(struct stage *stage)
{
	receive_to_end(older_accept(stage));
}

#define OLDER(called, at_server, at_client, count, ...)                                            \
	TWO(called, at_server, at_client, .amount = 65537, .early = (count),                       \
	    .seconds = LONG_SECONDS, ##__VA_ARGS__)

static const struct scenario scenarios[] = {
	OLDER("older_socket", older_server, older_client, 2),
	OLDER("older_unread", older_unread_server, older_unread_client, 2,
	      .flags = SCENARIO_UNBALANCED),
	OLDER("older_shared", older_shared_server, older_parent, 3),
};

const struct scenario_set older = SCENARIOS(scenarios);
