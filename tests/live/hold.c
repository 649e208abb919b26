/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Connections to itself over loopback, of a known number.
 *
 *     hold [-c OPEN] [-a ACCEPTED] [-x EXTRA] [-t]
 *         opens so many, accepts and uses some of them, holds them until the end of its input;
 *         EXTRA more find no room in the accept queue; -t: by a thread that outlives the first one
 *     hold -b CONNECTS
 *         connects and closes, one after the other
 *
 * Prints the truth when all is as it shall be, and again at the end:
 *     truth PID port=N established=N queued=N listen_drops=N
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_US 100000

static struct sockaddr_in address = {.sin_family = AF_INET};

static int check(int rc, const char *what)
{
	if (rc >= 0)
		return rc;
	perror(what);
	exit(1);
}

/* The queue takes one more than its backlog. */
static int listen_for(unsigned backlog)
{
	int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(bind(fd, (struct sockaddr *)&address, size), "bind");
	check(listen(fd, (int)backlog), "listen");
	check(getsockname(fd, (struct sockaddr *)&address, &size), "getsockname");
	return fd;
}

static int dial(int flags)
{
	int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), "socket");
	int rc = connect(fd, (struct sockaddr *)&address, sizeof(address));

	if (rc && !(flags && errno == EINPROGRESS))
		check(rc, "connect");
	return fd;
}

/* Of this network namespace. */
static unsigned long long listen_drops(void)
{
	char names[8192], numbers[8192], *name, *number, *name_end, *number_end;
	FILE *file = fopen("/proc/thread-self/net/netstat", "re");
	unsigned long long found = 0;

	check(file ? 0 : -1, "/proc/thread-self/net/netstat");
	if (!fgets(names, sizeof(names), file) || !fgets(numbers, sizeof(numbers), file))
		check(-1, "/proc/thread-self/net/netstat");
	fclose(file);
	name = strtok_r(names, " \n", &name_end);
	number = strtok_r(numbers, " \n", &number_end);
	while (name && number) {
		if (strcmp(name, "ListenDrops") == 0)
			found = strtoull(number, NULL, 10);
		name = strtok_r(NULL, " \n", &name_end);
		number = strtok_r(NULL, " \n", &number_end);
	}
	return found;
}

static void truth(unsigned opened, unsigned taken)
{
	printf("truth %d port=%u established=%u queued=%u listen_drops=%llu\n", (int)getpid(),
	       ntohs(address.sin_port), opened + taken, opened - taken, listen_drops());
	fflush(stdout);
}

static unsigned open = 1, accepted, extra;

static void hold(void)
{
	int listener = listen_for(extra ? open - accepted - 1 : open);
	char byte = 'x';

	for (unsigned i = 0; i < open; i++) {
		dial(0);
		if (i >= accepted)
			continue;
		check((int)write(check(accept(listener, NULL, NULL), "accept"), &byte, 1), "write");
	}
	usleep(WAIT_US); /* the last handshake is over on both sides */
	for (unsigned i = 0; i < extra; i++)
		dial(SOCK_NONBLOCK);
	usleep(WAIT_US);
	truth(open, accepted);
	while (read(0, &byte, 1) > 0)
		;
	truth(open, accepted);
}

static void *outlive(void *first)
{
	check(-pthread_join(*(pthread_t *)first, NULL), "pthread_join");
	hold();
	exit(0);
}

static void hand_over(void)
{
	static pthread_t first, next;

	first = pthread_self();
	check(-pthread_create(&next, NULL, outlive, &first), "pthread_create");
	pthread_exit(NULL);
}

/* A reset leaves no port behind in TIME_WAIT. */
static void burst(unsigned connects)
{
	static const struct linger now = {.l_onoff = 1};
	int listener = listen_for(1024);
	pid_t server = check(fork(), "fork");

	for (unsigned i = 0; !server && i < connects; i++)
		close(check(accept(listener, NULL, NULL), "accept"));
	if (!server)
		_exit(0);
	for (unsigned i = 0; i < connects; i++) {
		int fd = dial(0);
		char byte;

		/* the server closes first: a reset before that would hide its accept */
		check((int)read(fd, &byte, 1), "read");
		check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), "SO_LINGER");
		close(fd);
	}
	check(waitpid(server, NULL, 0), "wait");
	truth(0, 0);
}

int main(int argc, char **argv)
{
	unsigned connects = 0;
	bool over = false;
	int option;

	while ((option = getopt(argc, argv, "a:b:c:tx:")) != -1) {
		unsigned n = (unsigned)atoi(optarg ? optarg : "");

		if (option == 'a')
			accepted = n;
		else if (option == 'b')
			connects = n;
		else if (option == 'c')
			open = n;
		else if (option == 't')
			over = true;
		else if (option == 'x')
			extra = n;
		else
			return 2;
	}
	alarm(300);
	if (connects)
		burst(connects);
	else if (over)
		hand_over();
	else
		hold();
	return 0;
}
