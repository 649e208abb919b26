/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Connections that threads and processes share, pass on or inherit. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traffic.h"

/* --- threads --- */

#define THREADS 4
#define SOCKETS (1 + THREADS)

/* Eight jobs: four on the first socket together, four on one each of the rest. */
struct job {
	pthread_t thread;
	int fd;
	size_t amount;
	size_t (*move)(int fd, size_t size);
};

static struct job job_of(int i, const int fds[SOCKETS], struct stage *stage, bool sends)
{
	return (struct job){.fd = fds[i < THREADS ? 0 : i - THREADS + 1],
			    .amount = stage->amount + i * 2003,
			    .move = sends ? stage->scenario->tx : stage->scenario->rx};
}

static void *job_run(void *argument)
{
	struct job *job = argument;

	while (job->amount)
		job->amount -= job->move(job->fd, smaller(job->amount, CHUNK));
	return NULL;
}

static void jobs_in_threads(struct job job[2 * THREADS])
{
	for (int i = 0; i < 2 * THREADS; i++) {
		if (pthread_create(&job[i].thread, NULL, job_run, &job[i]))
			broken("pthread_create");
	}
	for (int i = 0; i < 2 * THREADS; i++)
		pthread_join(job[i].thread, NULL);
}

/* In small pieces, so that no socket of the other side's threads waits for another. */
static void jobs_in_turns(struct job job[2 * THREADS])
{
	bool busy = true;

	while (busy) {
		busy = false;
		for (int i = 0; i < 2 * THREADS; i++) {
			if (job[i].amount)
				job[i].amount -=
					job[i].move(job[i].fd, smaller(job[i].amount, 4096));
			busy |= job[i].amount > 0;
		}
	}
}

static void do_jobs(struct stage *stage, bool sends, void (*work)(struct job *job))
{
	int fds[SOCKETS];
	struct job job[2 * THREADS];

	for (size_t i = 0; i < SOCKETS; i++)
		fds[i] = sends ? tcp_dial(stage->listener, &stage->scenario->dial)
			       : tcp_accept(stage->listener);
	for (int i = 0; i < 2 * THREADS; i++)
		job[i] = job_of(i, fds, stage, sends);
	work(job);
	for (size_t i = 0; i < SOCKETS; i++)
		close(fds[i]);
}

static void threads_client(struct stage *stage)
{
	do_jobs(stage, true, jobs_in_threads);
}

static void threads_server(struct stage *stage)
{
	do_jobs(stage, false, jobs_in_threads);
}

static void turns_client(struct stage *stage)
{
	do_jobs(stage, true, jobs_in_turns);
}

static void turns_server(struct stage *stage)
{
	do_jobs(stage, false, jobs_in_turns);
}

/* --- sockets that change hands --- */

int shared_fd = -1;

static void fork_child(struct stage *stage)
{
	send_all(shared_fd, 104729);
	receive_all(shared_fd, 499);
	turn_give(stage->lane[1]);
	turn_take(stage->lane[1]);
	send_all(shared_fd, 7919);
}

static void fork_client(struct stage *stage)
{
	shared_fd = tcp_dial(stage->listener, &stage->scenario->dial);
	send_all(shared_fd, 1009);
	turn_open(stage->lane);
	start("child", fork_child, stage);
	turn_take(stage->lane[0]);
	send_all(shared_fd, 65537);
	receive_all(shared_fd, 4001 - 499);
	turn_give(stage->lane[0]);
	reap();
	send_all(shared_fd, 3);
}

static void fork_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	receive_all(fd, 1009);
	send_all(fd, 4001);
	receive_to_end(fd);
}

/* For three seconds: of a hundred thousand calls, one meets another one between its end and its
 * event.
 */
static void send_on(size_t size)
{
	uint64_t end = now_us() + 3000000;

	while (now_us() < end)
		for (int i = 0; i < 100; i++)
			tx_send(shared_fd, size);
}

/* Known to be two by now, both send at the same time, one byte or many in a call. */
static void crowding_child(struct stage *stage)
{
	turn_take(stage->lane[1]);
	send_all(shared_fd, 3);
	turn_give(stage->lane[1]);
	turn_take(stage->lane[1]);
	send_on(1009);
}

static void crowding_client(struct stage *stage)
{
	shared_fd = tcp_dial(stage->listener, &stage->scenario->dial);
	send_all(shared_fd, 1);
	turn_open(stage->lane);
	start("child", crowding_child, stage);
	turn_give(stage->lane[0]);
	turn_take(stage->lane[0]);
	send_all(shared_fd, 5);
	turn_give(stage->lane[0]);
	send_on(1);
	reap();
}

static void crowded_server(struct stage *stage)
{
	receive_to_end(tcp_accept(stage->listener));
}

static void fd_give(int lane, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = {0};
	struct iovec byte = {.iov_base = "", .iov_len = 1};
	struct msghdr message = {.msg_iov = &byte,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	moved(sendmsg(lane, &message, 0), "sendmsg of a file descriptor");
}

static int fd_take(int lane)
{
	char control[CMSG_SPACE(sizeof(int))];
	char byte;
	struct iovec into = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &into,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	int fd;

	moved(recvmsg(lane, &message, 0), "recvmsg of a file descriptor");
	if (!CMSG_FIRSTHDR(&message))
		broken("%s: no file descriptor came", self.role);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* Connects and uses the connection, then an unrelated process (the heir) goes on with it. */
static void rights_client(struct stage *stage)
{
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	send_all(fd, 1009);
	fd_give(stage->lane[0], fd);
}

static void rights_heir(struct stage *stage)
{
	int fd = fd_take(stage->lane[1]);

	send_all(fd, stage->amount);
	receive_all(fd, REPLY);
}

static int server_lane[2];

/* Accepts, but the first I/O is the worker's: the connection is the worker's. */
static void rights_acceptor(struct stage *stage)
{
	int fd = check(accept(stage->listener, NULL, NULL), "accept");

	fd_give(server_lane[0], fd);
	turn_take(server_lane[0]);
}

static void rights_worker(struct stage *stage)
{
	int fd = fd_take(server_lane[1]);

	self.accepts++;
	receive_all(fd, stage->amount + 1009);
	turn_give(server_lane[1]);
	send_all(fd, REPLY);
}

static void run_scm_rights(struct stage *stage)
{
	turn_open(server_lane);
	run_together(stage);
}

static void exec_child(struct stage *stage)
{
	char path[256] = "";
	char words[160];
	char number[16];
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	send_all(fd, 1009);
	self_to_words(words, sizeof(words));
	snprintf(number, sizeof(number), "%d", fd);
	moved(readlink("/proc/self/exe", path, sizeof(path) - 1), "readlink");
	execl(path, path, "--exec-helper", number, words, NULL);
	broken("exec of %s: %s", path, strerror(errno));
}

/* The same process after its exec, with nothing but a file descriptor. */
int exec_helper(const char *fd, const char *words)
{
	int connection = atoi(fd);

	self_from_words(words);
	send_all(connection, 104729);
	receive_all(connection, REPLY);
	report(&self);
	return EXIT_OK;
}

static void exec_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	receive_all(fd, 1009 + 104729);
	send_all(fd, REPLY);
}

#define WORKERS 4 /* and as many clients */

static void prefork_worker(struct stage *stage)
{
	(void)stage;
	self.accepts++; /* the acceptor only passes the connection on */
	receive_to_end(shared_fd);
	send_all(shared_fd, REPLY);
}

static void prefork_acceptor(struct stage *stage)
{
	for (int i = 0; i < WORKERS; i++) {
		shared_fd = check(accept(stage->listener, NULL, NULL), "accept");
		start("worker", prefork_worker, stage);
		close(shared_fd);
	}
	reap();
}

static void prefork_client(struct stage *stage)
{
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	client_half_closes(fd, stage);
}

static const struct scenario scenarios[] = {
	TWO("fork_shared", fork_server, fork_client),
	TWO("senders_shared", crowded_server, crowding_client, .seconds = LONG_SECONDS),
	OTHER("exec_shared", run_together,
	      .processes = {{"server", exec_server}, {"child", exec_child}}),
	OTHER("scm_rights", run_scm_rights, .amount = 104729, .lane = true,
	      .processes = {{"heir", rights_heir},
			    {"worker", rights_worker},
			    {"acceptor", rights_acceptor},
			    {"client", rights_client}}),
	TWO("threads_send", turns_server, threads_client, .tx = tx_send, .rx = rx_recv,
	    .amount = 200003),
	TWO("threads_receive", threads_server, turns_client, .tx = tx_send, .rx = rx_recv,
	    .amount = 200003),
	OTHER("preforked", run_together, .amount = 65537,
	      .processes = {{"acceptor", prefork_acceptor},
			    {"client", prefork_client},
			    {"client", prefork_client},
			    {"client", prefork_client},
			    {"client", prefork_client}}),
};

const struct scenario_set sharing = SCENARIOS(scenarios);
