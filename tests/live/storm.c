/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Many short-lived processes, or two with the same PID, that know what they moved.
 *
 *     storm [-n PROCESSES] [-p PORT] [-w SECONDS]
 *         each connects, sends TX_BYTES, receives RX_BYTES, waits and ends
 *     storm -z PROCESSES
 *         so many in turn, whose ends nobody asks for until the end of the input
 *     storm -r
 *         two processes with one PID, named `first' and `second'
 *
 * Prints the truth, of all processes of a name together:
 *     truth NAME rx=N tx=N connects=N accepts=N
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARALLEL 16
#define TX_BYTES 1009
#define RX_BYTES 499
#define FIRST_FACTOR 3 /* so many connections has the first of two with one PID, the second one */
#define TRIES 1000
#define EXIT_SKIP 77

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in address = {.sin_family = AF_INET};
static unsigned wait_s;

/* Moves as many bytes as were asked for, in any number of calls. */
static void move(int fd, size_t bytes, bool out)
{
	static char buffer[TX_BYTES];

	while (bytes) {
		ssize_t n =
			out ? send(fd, buffer, bytes, MSG_NOSIGNAL) : recv(fd, buffer, bytes, 0);

		if (n <= 0)
			die(out ? "send" : "recv");
		bytes -= (size_t)n;
	}
}

static void serve(int listener, unsigned connections)
{
	for (unsigned i = 0; i < connections; i++) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("accept");
		move(fd, TX_BYTES, false);
		move(fd, RX_BYTES, true);
		close(fd);
	}
	sleep(wait_s);
	exit(0);
}

static void talk(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		die("connect");
	move(fd, TX_BYTES, true);
	move(fd, RX_BYTES, false);
	close(fd);
}

static pid_t start(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	return pid;
}

static void reap(void)
{
	int status;

	if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		die("a process failed");
}

static int listen_at(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(port);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
	    bind(fd, (struct sockaddr *)&address, size) || listen(fd, PARALLEL) ||
	    getsockname(fd, (struct sockaddr *)&address, &size))
		die("listen");
	return fd;
}

static void truth(unsigned processes)
{
	unsigned long long bytes = (unsigned long long)processes * (TX_BYTES + RX_BYTES);

	printf("truth storm rx=%llu tx=%llu connects=%u accepts=%u\n", bytes, bytes, processes,
	       processes);
	fflush(stdout);
}

static void zombies(int listener, unsigned processes)
{
	siginfo_t ended;
	char byte;

	for (unsigned i = 0; i <= processes; i++) {
		pid_t pid = start();

		if (!pid && !i)
			serve(listener, processes);
		if (!pid) {
			talk();
			exit(0);
		}
		if (i && waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT))
			die("waitid");
	}
	truth(processes);
	while (read(0, &byte, 1) > 0)
		;
}

/* The server bears our own name, too. */
static void storm(int listener, unsigned processes)
{
	unsigned running = 1;

	if (!start())
		serve(listener, processes);
	close(listener);
	for (unsigned i = 0; i < processes; i++) {
		if (running > PARALLEL) {
			reap();
			running--;
		}
		if (!start()) {
			talk();
			sleep(wait_s);
			exit(0);
		}
		running++;
	}
	while (running--)
		reap();
	truth(processes);
}

/* The next process gets this PID, if nobody else comes first. */
static void aim(pid_t pid)
{
	FILE *file = fopen("/proc/sys/kernel/ns_last_pid", "we");

	if (!file || fprintf(file, "%d", pid - 1) < 0 || fclose(file)) {
		printf("ns_last_pid cannot be written: %s\n", strerror(errno));
		exit(EXIT_SKIP);
	}
}

static pid_t named(const char *name, unsigned connections, pid_t wanted)
{
	pid_t pid = start();

	if (pid) {
		reap();
		return pid;
	}
	if (wanted && getpid() != wanted)
		exit(0);
	prctl(PR_SET_NAME, name);
	for (unsigned i = 0; i < connections; i++)
		talk();
	exit(0);
}

static void reuse(int listener)
{
	pid_t first;

	if (!start())
		serve(listener, FIRST_FACTOR + 1);
	close(listener);
	first = named("first", FIRST_FACTOR, 0);
	for (unsigned i = 0;; i++) {
		aim(first);
		if (named("second", 1, first) == first)
			break;
		if (i == TRIES)
			die("the PID is not to be had again");
	}
	reap();
	printf("truth first rx=%d tx=%d connects=%d accepts=0\n", FIRST_FACTOR * RX_BYTES,
	       FIRST_FACTOR * TX_BYTES, FIRST_FACTOR);
	printf("truth second rx=%d tx=%d connects=1 accepts=0\n", RX_BYTES, TX_BYTES);
}

int main(int argc, char **argv)
{
	unsigned processes = 100;
	uint16_t port = 0;
	bool again = false, unasked = false;
	int option;

	while ((option = getopt(argc, argv, "n:p:rw:z:")) != -1) {
		unasked |= option == 'z';
		if (option == 'n' || option == 'z')
			processes = (unsigned)atoi(optarg);
		else if (option == 'p')
			port = (uint16_t)atoi(optarg);
		else if (option == 'w')
			wait_s = (unsigned)atoi(optarg);
		else if (option == 'r')
			again = true;
		else
			return 2;
	}
	alarm(300);
	if (again)
		reuse(listen_at(port));
	else if (unasked)
		zombies(listen_at(port), processes);
	else
		storm(listen_at(port), processes);
	return 0;
}
