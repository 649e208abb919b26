/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Scenarios that know the truth. The test programs traffic and connect are each a table of
 * scenarios; this is what they share: processes that report their own counts to the parent, which
 * prints them, and loopback sockets. Processes coordinate over pipes, never over TCP.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum reason {
	REASON_REFUSED,
	REASON_TIMEOUT,
	REASON_UNREACHABLE,
	REASON_RESET,
	REASON_DENIED,
	REASON_NO_PORT,
	REASON_ABORTED, /* the application gave up before an answer: no errno belongs to it */
	REASON_OTHER,
	REASON_COUNT,
};

/* What one process knows about its own TCP. Threads add with sent() and received(). */
struct truth {
	pid_t pid;
	char role[16];
	uint64_t tx; /* bytes that the kernel accepted */
	uint64_t rx; /* bytes consumed */
	uint64_t connects;
	uint64_t accepts; /* of connections that this process is the first to use, or closes */
	uint64_t failed;
	uint64_t reason[REASON_COUNT]; /* parts of failed */
	bool measured;                 /* the two bounds below hold for the only connect */
	uint64_t latency_us_min;
	uint64_t latency_us_max;
	bool health; /* the next three hold */
	uint64_t retransmits, resets_sent, resets_received;
	bool turns; /* the next six hold, and the bounds unless they are 0 */
	struct turns {
		uint64_t count, request, response; /* bytes */
		uint64_t us_min, us_max;           /* all service, or response, times together */
	} served, asked;
	uint64_t plain; /* what the application moved, where tx and rx are ciphertext */
	char note[24];  /* why the application's view differs, a word */
	int verdict;    /* EXIT_OK, or why the scenario ends here */
	char why[160];
};

enum { EXIT_OK = 0, EXIT_BROKEN = 1, EXIT_SKIP = 77 };

extern struct truth self;

struct kind {
	int family;   /* 0: AF_INET */
	int protocol; /* 0: TCP */
};

struct stage;

/* By design not every sent byte is consumed and reported. */
enum { SCENARIO_UNBALANCED = 1 };

#define PROCESSES_MAX 5

struct process {
	const char *role;
	void (*run)(struct stage *stage);
};

struct scenario {
	const char *name;
	void (*run)(struct stage *stage); /* in the parent; starts the processes */
	struct process
		processes[PROCESSES_MAX + 1]; /* of run_together(), in the order of their start */
	void (*client)(int fd, struct stage *stage); /* one end of run_pair */
	void (*server)(int fd, struct stage *stage);
	size_t (*tx)(int fd, size_t size); /* one call that sends 1..size bytes */
	size_t (*rx)(int fd, size_t size);
	size_t amount;    /* bytes from client to server */
	size_t chunk;     /* at most so many a call; 0: 64 KiB */
	const void *plan; /* what only the program itself understands */
	struct kind dial;
	struct kind listen;
	int segment; /* TCP_MAXSEG of the listener */
	int early; /* so many processes wait for the observer: it says "ready", and waits for a line
		      on stdin */
	bool lane; /* client and server take turns over stage->lane */
	bool alone;   /* in a network of its own */
	bool one_cpu; /* all processes */
	unsigned int flags;
	unsigned int seconds; /* life of each process; 0: 60 */
};

/* What the processes of one running scenario have in common. */
struct stage {
	const struct scenario *scenario;
	int argc; /* what follows the scenario's name */
	char **argv;
	int listener;    /* servers accept here, clients dial its address */
	int lane[2];     /* a socket pair: turns between two processes */
	int prepared[2]; /* early: each process says that it is ready */
	int go[2];       /* early: closed when the observer is there */
	int index;
	size_t amount;
	pid_t child; /* one that the parent has to watch */
};

/* Scenarios that belong together: the table at the end of a file. */
struct scenario_set {
	const struct scenario *scenarios;
	size_t count;
};

struct program {
	const struct scenario_set *const *sets; /* the last is NULL */
	bool reasons;                           /* print the parts of failed */
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define SCENARIOS(table)                                                                           \
	{                                                                                          \
		(table), COUNT(table)                                                              \
	}
/* A server and a client, each with ways of its own. */
#define TWO(called, at_server, at_client, ...)                                                     \
	{                                                                                          \
		.name = (called), .run = run_together,                                             \
		.processes = {{"server", (at_server)}, {"client", (at_client)}}, ##__VA_ARGS__     \
	}
#define OTHER(called, runs, ...)                                                                   \
	{                                                                                          \
		.name = (called), .run = (runs), ##__VA_ARGS__                                     \
	}

const char *scenario_name(void);
int scenario_main(const struct program *program, int argc, char **argv);

/* End the scenario; never return. In a child the parent learns why. */
_Noreturn void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* rc, unless it is negative: then errno tells what broke. */
int check(int rc, const char *what);
size_t moved(ssize_t rc, const char *what);

/* The same, and counts; the end of the stream is an error for received(). */
size_t sent(ssize_t rc, const char *what);
size_t received(ssize_t rc, const char *what);

/* Counts a failed connect under the reason that belongs to error; 0: aborted. */
void connect_failed(int error);

/* Forks; the child runs, reports self, reaps its children and exits. */
pid_t start(const char *role, void (*run)(struct stage *), struct stage *stage);
void reap(void);
void reap_one(pid_t pid);
void report(const struct truth *truth);
void kill_and_reap(pid_t pid);

/* self and the report pipe survive an exec: the words to append to its arguments, and back. */
void self_to_words(char *words, size_t size);
void self_from_words(const char *words);

/* Listens, and starts the processes of the scenario. */
void run_together(struct stage *stage);

void turn_open(int lane[2]);
void turn_give(int fd);
void turn_take(int fd);

/* In each of the parent's processes: wait for the observer, then forget what was counted. */
void early_wait(struct stage *stage);
int tcp_socket(const struct kind *kind);
int tcp_bind(const struct kind *kind); /* loopback, any port */
int tcp_listen(const struct kind *kind);
int tcp_dial(int listener, const struct kind *kind);
int tcp_accept(int listener);
socklen_t tcp_address(int listener, int family, struct sockaddr_storage *out);

void tcp_reset_at_close(int fd);
int tcp_state(int fd); /* TCP_ESTABLISHED, … */

/* Fast Open, in a network of its own. The first connection fetches a cookie, the others use it. */
int fast_listen(const struct kind *kind);
int fast_send(int listener, const struct kind *kind, size_t size);
int fast_connect(int listener, const struct kind *kind); /* with the first send; not counted */

/* What is sent, and where received bytes go: nobody looks at them. */
enum { BUFFER_SIZE = 1 << 20 };
extern unsigned char payload[BUFFER_SIZE];
extern unsigned char sink[BUFFER_SIZE];

size_t smaller(size_t a, size_t b);

/* One call each: moves and counts 1..size bytes. */
size_t tx_send(int fd, size_t size);
size_t rx_recv(int fd, size_t size);
void send_all(int fd, size_t amount);
void receive_all(int fd, size_t amount);
size_t receive_to_end(int fd);

uint64_t now_us(void);
void pause_ms(unsigned int ms);

/* A network namespace of this process's own, with lo up. */
void private_network(void);
void write_sysctl(const char *name, const char *value);

#endif
