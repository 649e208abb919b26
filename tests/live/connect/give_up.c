/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Connects that the application gives up before an answer comes. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "connect.h"

static int begun(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);

	begin(fd, &target);
	await_syn();
	return fd;
}

static void closing_client(struct stage *stage)
{
	close(begun(stage));
	connect_failed(0);
}

static void shutting_client(struct stage *stage)
{
	int fd = begun(stage);

	check(shutdown(fd, SHUT_RDWR), "shutdown");
	connect_failed(0);
	close(fd);
}

static void unspecifying_client(struct stage *stage)
{
	struct target nowhere = {.address.ss_family = AF_UNSPEC,
				 .size = sizeof(struct sockaddr_in)};
	int fd = begun(stage);

	check(target_connect(fd, &nowhere), "connect to AF_UNSPEC");
	connect_failed(0);
	close(fd);
}

/* connect() itself ends early with this error, then the application closes the socket. */
static void cut_short(struct stage *stage, int error)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	struct timeval patience = {.tv_usec = 100000};

	if (error == EINPROGRESS)
		check(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)),
		      "SO_SNDTIMEO");
	if (target_connect(fd, &target) == 0 || errno != error)
		broken("connect: %s, not: %s", strerror(errno), strerror(error));
	close(fd);
	connect_failed(0);
}

static void impatient_client(struct stage *stage)
{
	cut_short(stage, EINPROGRESS);
}

static void on_signal(int signal)
{
	(void)signal;
}

static void interrupted_client(struct stage *stage)
{
	struct sigaction action = {.sa_handler = on_signal};

	check(sigaction(SIGUSR1, &action, NULL), "sigaction");
	cut_short(stage, EINTR);
}

static void watch_interrupt(struct stage *stage)
{
	await_syn();
	check(kill(stage->child, SIGUSR1), "kill");
}

static void watch_kill(struct stage *stage)
{
	struct truth truth = {.pid = stage->child,
			      .role = "client",
			      .failed = 1,
			      .reason = {[REASON_ABORTED] = 1}};

	await_syn();
	kill_and_reap(stage->child);
	report(&truth);
}

static const struct scenario scenarios[] = {
	LOST("close_before_answer", closing_client),
	LOST("killed_before_answer", near_fails, .watch = watch_kill),
	LOST("interrupted", interrupted_client, .watch = watch_interrupt),
	LOST("sndtimeo", impatient_client),
	LOST("shutdown_before_answer", shutting_client),
	LOST("af_unspec", unspecifying_client),
};

const struct scenario_set give_up = SCENARIOS(scenarios);
