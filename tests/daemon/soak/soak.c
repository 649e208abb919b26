/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Very many short-lived processes and connections, evenly over a time, WORKERS at once.
 *
 *     soak [-p PROCESSES] [-c CONNECTIONS] [-t SECONDS]
 *
 * Each connection moves a prime number of bytes both ways. One process in HEIR_EVERY inherits its
 * first connection from the process that starts it, one in REFUSED_EVERY is refused once besides,
 * every second one leaves it to its end to close its connections. Prints the truth, from what the
 * system calls returned, of all processes of a name together (NAME is our own):
 *     truth NAME[-ROLE] rx=N tx=N connects=N accepts=N failed=N
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 32
#define SERVERS 2
#define HEIR_EVERY 5
#define REFUSED_EVERY 10
#define SPARE_S 60 /* so much longer than asked for it may take */

enum role { STARTER, SERVER, CLIENT, HEIR, ROLES };

static const char *const role_names[ROLES] = {"", "-server", "-client", "-heir"};

struct moved {
	_Atomic uint64_t rx, tx, connects, accepts, failed;
};

static struct moved *truth; /* by role; shared by all processes */
static struct moved *mine;  /* that of our role */

static const size_t primes[] = {2, 101, 499, 1009, 4099, 16411, 65537};

#define PRIMES (sizeof(primes) / sizeof(*primes))

static struct {
	unsigned processes, connections, seconds;
	char name[16]; /* our own */
	struct sockaddr_in server, nobody;
	int listener;
	unsigned running;
} soak = {.processes = 50000, .connections = 200000, .seconds = 600};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void give_up(int number)
{
	(void)number; /* a handler, because the first process of a namespace has no default */
	_exit(1);
}

static void sleep_ns(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

	nanosleep(&t, NULL);
}

/* -- one connection -- */

static int bound(struct sockaddr_in *out)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(address);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) ||
	    getsockname(fd, (struct sockaddr *)&address, &size))
		die("bind");
	*out = address;
	return fd;
}

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&soak.server, sizeof(soak.server)))
		die("connect");
	mine->connects++;
	return fd;
}

static void be_refused(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&soak.nobody, sizeof(soak.nobody)) != -1 ||
	    errno != ECONNREFUSED)
		die("nobody listens there, but connect");
	mine->failed++;
	close(fd);
}

static void put(int fd, size_t bytes)
{
	static const char data[65537];

	while (bytes) {
		ssize_t n = send(fd, data, bytes, MSG_NOSIGNAL);

		if (n <= 0)
			die("send");
		mine->tx += (uint64_t)n;
		bytes -= (size_t)n;
	}
}

/* All until the end; returns which prime it was. */
static size_t get(int fd)
{
	static char data[65537];
	size_t sum = 0;
	ssize_t n;

	while ((n = recv(fd, data, sizeof(data), 0)) > 0) {
		mine->rx += (uint64_t)n;
		sum += (size_t)n;
	}
	for (size_t i = 0; !n && i < PRIMES; i++)
		if (primes[i] == sum)
			return i;
	die("recv");
	return 0;
}

static size_t answer_to(size_t prime)
{
	return (prime + PRIMES / 2) % PRIMES;
}

static void talk(int fd, unsigned number)
{
	put(fd, primes[number % PRIMES]);
	if (shutdown(fd, SHUT_WR) || get(fd) != answer_to(number % PRIMES))
		die("the answer");
}

/* -- processes -- */

static void assume(enum role role)
{
	char name[sizeof(soak.name) + 8];

	snprintf(name, sizeof(name), "%s%s", soak.name, role_names[role]);
	prctl(PR_SET_NAME, name);
	mine = &truth[role];
}

static pid_t start(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		alarm(soak.seconds + SPARE_S);
	return pid;
}

/* Until the listener is shut down. */
static void serve(void)
{
	int fd;

	assume(SERVER);
	while ((fd = accept(soak.listener, NULL, NULL)) >= 0) {
		mine->accepts++;
		put(fd, primes[answer_to(get(fd))]);
		close(fd);
	}
	if (errno != EINVAL)
		die("accept");
	exit(0);
}

/* Lasts as long as it must for that many workers to be needed. */
static void work(unsigned number, unsigned first, unsigned connections, int inherited)
{
	uint64_t pause_ns = soak.seconds * 1000000000ULL * WORKERS * 3 / 4 / soak.connections;

	assume(inherited < 0 ? CLIENT : HEIR);
	for (unsigned i = 0; i < connections; i++) {
		int fd = i || inherited < 0 ? dial() : inherited;

		talk(fd, first + i);
		if (number % 2)
			close(fd);
		sleep_ns(pause_ns);
	}
	if (number % REFUSED_EVERY == 0)
		be_refused();
	exit(0);
}

static void reap(int options)
{
	int status;

	while (soak.running && waitpid(-1, &status, options) > 0) {
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			die("a process failed");
		soak.running--;
		options = WNOHANG;
	}
}

static void hire(unsigned number, unsigned first, unsigned connections)
{
	int inherited = connections && number % HEIR_EVERY == 1 ? dial() : -1;

	if (!start())
		work(number, first, connections, inherited);
	close(inherited);
	soak.running++;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Every process opens one to twice the mean, less one, in turns; the last one what is missing. */
static void run(void)
{
	unsigned mean = soak.connections / soak.processes, opened = 0;
	uint64_t begin_ns = now_ns(), due_ns;

	for (unsigned i = 0; i < soak.processes; i++) {
		unsigned n = 1 + i % (2 * mean - 1);

		if (n > soak.connections - opened || i == soak.processes - 1)
			n = soak.connections - opened;
		due_ns = begin_ns + soak.seconds * 1000000000ULL * opened / soak.connections;
		while (now_ns() < due_ns)
			sleep_ns(due_ns - now_ns());
		reap(soak.running < SERVERS + WORKERS ? WNOHANG : 0);
		hire(i, opened, n);
		opened += n;
	}
	while (soak.running > SERVERS)
		reap(0);
	shutdown(soak.listener, SHUT_RD);
	while (soak.running)
		reap(0);
}

static void options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "c:p:t:")) != -1) {
		unsigned number = (unsigned)atoi(optarg ? optarg : "");

		if (option == 'c')
			soak.connections = number;
		else if (option == 'p')
			soak.processes = number;
		else if (option == 't')
			soak.seconds = number;
		else
			exit(2);
	}
	if (!soak.processes || soak.connections < soak.processes)
		exit(2);
}

static void tell(void)
{
	for (unsigned i = 0; i < ROLES; i++)
		printf("truth %s%s rx=%lu tx=%lu connects=%lu accepts=%lu failed=%lu\n", soak.name,
		       role_names[i], truth[i].rx, truth[i].tx, truth[i].connects, truth[i].accepts,
		       truth[i].failed);
}

int main(int argc, char **argv)
{
	options(argc, argv);
	prctl(PR_GET_NAME, soak.name);
	signal(SIGALRM, give_up);
	alarm(soak.seconds + SPARE_S);
	truth = mmap(NULL, ROLES * sizeof(*truth), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (truth == MAP_FAILED)
		die("mmap");
	mine = &truth[STARTER];
	soak.listener = bound(&soak.server);
	bound(&soak.nobody); /* nobody else gets its port */
	if (listen(soak.listener, SOMAXCONN))
		die("listen");
	for (unsigned i = 0; i < SERVERS; i++, soak.running++)
		if (!start())
			serve();
	run();
	tell();
	return 0;
}
