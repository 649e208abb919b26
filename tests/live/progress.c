/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * One call that moves a lot, slowly: every look must show what has moved by then, within what the
 * sockets can hold, not all of it at the end.
 *
 *     progress BACKEND MEGABYTES
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe/probe.h"
#include "probe/snapshot.h"

#define STEP 1048583  /* bytes that the slow side moves at a time, a prime */
#define BUFFER 131072 /* of each socket; the kernel takes twice as much */
#define SLACK (2 * BUFFER + 2 * BUFFER + STEP) /* both buffers, and a step that is under way */
#define LOOKS 16

/* What both ends and the observer see: how far the slow side is, and when it may go on. */
struct stage {
	_Atomic uint64_t moved;
	_Atomic uint64_t allowed;
};

static struct {
	const char *kernel;
	const char *backend;
	size_t size;
	struct stage *stage;
	struct probe *probe;
	struct snapshot *snapshot;
	uint64_t tx_bytes, rx_bytes; /* counted so far */
	pid_t sender, receiver;
	char *memory;
} test;

static void die(const char *what)
{
	printf("FAIL %s %s progress: %s\n", test.kernel, test.backend, what);
	exit(1);
}

static void pause_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static int listen_here(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), size = BUFFER;
	socklen_t length = sizeof(*address);

	*address = (struct sockaddr_in){.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) ||
	    bind(fd, (struct sockaddr *)address, length) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)address, &length))
		die("cannot listen");
	return fd;
}

static int connect_to(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), size = BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		_exit(1);
	return fd;
}

/* The slow side: a step whenever the observer allows it. */
static void step_by_step(int fd, bool sends)
{
	size_t done = 0;

	while (done < test.size) {
		size_t size = test.size - done < STEP ? test.size - done : STEP;
		ssize_t n;

		while (test.stage->allowed <= done)
			pause_ms(1);
		n = sends ? send(fd, test.memory, size, 0) : recv(fd, test.memory, size, 0);
		if (n <= 0)
			_exit(1);
		done += (size_t)n;
		test.stage->moved = done;
	}
	_exit(0);
}

/* The other side: everything in one call. */
static void at_once(int fd, bool sends)
{
	ssize_t n = sends ? send(fd, test.memory, test.size, 0)
			  : recv(fd, test.memory, test.size, MSG_WAITALL);

	_exit(n != (ssize_t)test.size);
}

static pid_t start_sender(void (*run)(int, bool), const struct sockaddr_in *address)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	alarm(300);
	run(connect_to(address), true);
	_exit(1);
}

static pid_t start_receiver(void (*run)(int, bool), int listener)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	alarm(300);
	run(accept(listener, NULL, NULL), false);
	_exit(1);
}

static void add(void *context, const struct snapshot_process *p)
{
	(void)context;
	if (p->pid == (uint32_t)test.sender)
		test.tx_bytes += p->grown.tx_bytes;
	if (p->pid == (uint32_t)test.receiver)
		test.rx_bytes += p->grown.rx_bytes;
}

static void look(void)
{
	probe_refresh(test.probe);
	snapshot_take(test.snapshot, add, NULL);
}

static bool near(uint64_t counted, uint64_t least, uint64_t most, uint64_t slack)
{
	return counted + slack >= least && counted <= most + slack;
}

/* Lets the slow side go a few steps on, then looks. Returns the worst error. */
static const char *watch(uint64_t slack, char *text, size_t size)
{
	unsigned looks = 0;

	while (test.stage->moved < test.size) {
		uint64_t goal = test.stage->allowed + test.size / LOOKS, before;

		goal = goal < test.size ? goal : test.size;
		test.stage->allowed = goal;
		for (int ms = 0; test.stage->moved < goal; ms++) {
			if (ms > 60000)
				return "it does not move";
			pause_ms(1);
		}
		pause_ms(50); /* the fast side fills the buffers again */
		before = test.stage->moved;
		look();
		looks++;
		if (near(test.tx_bytes, before, test.stage->moved, slack) &&
		    near(test.rx_bytes, before, test.stage->moved, slack))
			continue;
		snprintf(text, size, "look %u: moved %llu, counted tx %llu rx %llu, buffers %llu",
			 looks, (unsigned long long)before, (unsigned long long)test.tx_bytes,
			 (unsigned long long)test.rx_bytes, (unsigned long long)slack);
		return text;
	}
	return looks < LOOKS ? "too few looks to tell" : NULL;
}

static bool ended_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool run(const char *name, bool sends_at_once)
{
	struct sockaddr_in address;
	int listener = listen_here(&address);
	const char *wrong;
	char text[256];

	test.tx_bytes = test.rx_bytes = 0;
	test.stage->moved = test.stage->allowed = 0;
	look();
	fflush(stdout);
	test.sender = start_sender(sends_at_once ? at_once : step_by_step, &address);
	test.receiver = start_receiver(sends_at_once ? step_by_step : at_once, listener);
	close(listener);
	wrong = watch(SLACK, text, sizeof(text));
	if (!ended_well(test.sender) || !ended_well(test.receiver))
		wrong = wrong ? wrong : "an end failed";
	look();
	if (!wrong && (test.tx_bytes != test.size || test.rx_bytes != test.size)) {
		snprintf(text, sizeof(text), "%zu bytes, counted tx %llu rx %llu", test.size,
			 (unsigned long long)test.tx_bytes, (unsigned long long)test.rx_bytes);
		wrong = text;
	}
	printf("%s %s %s progress of %s%s%s\n", wrong ? "FAIL" : "ok", test.kernel, test.backend,
	       name, wrong ? ": " : "", wrong ? wrong : "");
	return !wrong;
}

static void open_all(void)
{
	struct probe_options options = {.backend = (char *)test.backend,
					.max_processes = 1024,
					.max_sockets = 1024,
					.scopes = {true, true, true}};
	struct snapshot_options snapshot_options = {.proc_root = "/proc"};
	struct probe_tables tables;
	char why[512];

	test.stage = mmap(NULL, sizeof(*test.stage), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	test.memory = mmap(NULL, test.size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (test.stage == MAP_FAILED || test.memory == MAP_FAILED)
		die("no memory");
	if (probe_open(&test.probe, why, sizeof(why), &options))
		die(why);
	probe_tables(&tables, test.probe);
	if (snapshot_open(&test.snapshot, &tables, &snapshot_options))
		die("no memory");
}

int main(int argc, char **argv)
{
	static struct utsname name;
	bool good;

	if (argc != 3)
		return 2;
	uname(&name);
	name.release[strcspn(name.release, "-")] = '\0';
	test.kernel = getenv("KERNEL_NAME") ? getenv("KERNEL_NAME") : name.release;
	test.backend = argv[1];
	test.size = strtoul(argv[2], NULL, 10) << 20 | 3;
	open_all();
	good = run("one send to a slow reader", true);
	good &= run("one recv from a slow writer", false);
	snapshot_close(test.snapshot);
	probe_close(test.probe);
	return good ? 0 : 1;
}
