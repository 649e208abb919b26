/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The scenarios of connect, a file for each set of them, and what they share: targets, and a wire.
 */
#ifndef CONNECT_H
#define CONNECT_H

#include <errno.h>
#include <netinet/in.h>

#include "scenario.h"

#define AMOUNT 1009
#define REPLY 499
#define NEAR_ADDRESS "10.99.0.1"
#define FAR_ADDRESS "10.99.0.2"
#define NEAR_PORT 5001
#define FAR_PORT 5003

extern const struct scenario_set succeed, suffer, fail, deny, give_up;

/* --- targets --- */

/* Where a client connects to. */
struct target {
	struct sockaddr_storage address;
	socklen_t size;
};

struct target target_of(int listener, int family);
struct target target_at(const char *address, int port);
int target_connect(int fd, const struct target *target);

/* A socket with an address of its own. */
int bound_socket(const struct target *local);

/* The handshake lies between two readings of the clock: started_us and now. */
void connected(uint64_t started_us, uint64_t at_least_us);
void exchange(int fd);
void answer_on(int fd);
void answer(struct stage *stage);

/* A connect that cannot be answered at once. */
void begin(int fd, const struct target *target);

/* Waits for the answer to begin(); its errno. */
int await_answer(int fd);

/* Blocks in connect(), which has to fail in this way. */
void fail_with(int fd, const struct target *target, int error);
void near_fails(struct stage *stage);
void tool(const char *line);

/* --- the wire: a second network, and a process that carries the packets --- */

enum { NEAR, FAR };

/* What the wire does, and who lives at its ends. */
struct plan {
	void (*near)(struct stage *stage);
	void (*far)(struct stage *stage);   /* NULL: the far port refuses */
	void (*watch)(struct stage *stage); /* in the parent, while the processes run */
	unsigned int delay_ms;              /* one way */
	unsigned int lose_syns;             /* from the near end: the first so many */
	unsigned int lose_resets;
	unsigned int lose_data;  /* each so many-th segment with data, of both ends */
	int unreachable;         /* 1 + the ICMP code that answers a SYN */
	bool cross;              /* hold the SYNs until both ends have sent one */
	bool reset_half_open;    /* answer a SYN with a SYN, and what comes then with a RST */
	const char *syn_retries; /* sysctls, if set */
	const char *arp_retry_ms;
	const char *route; /* a type of `ip route`, NULL: none */
	int error;         /* that connect() must report */
};

#define ALL_SYNS 1000000

/* What the plan makes of it; 0 without one. */
uint64_t round_trip_us(const struct stage *stage);
int namespace_new(int end);

/* A device named wire in the present namespace; its packets are read from the descriptor. */
int wire_device(const char *address, short type);
void namespace_enter(int end);

/* Two namespaces and the wire's process. The parent, and what it starts then, is at the near end.
 */
void wire_open(struct stage *stage, const struct plan *plan);
void run_remote(struct stage *stage);
void wire_leave(void);
void await_syn(void);

#define PLANNED(called, runs, ...)                                                                 \
	{                                                                                          \
		.name = (called), .run = (runs), .plan = &(const struct plan)                      \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
/* Over the wire, from the near end. */
#define REMOTE(called, at_near, ...) PLANNED(called, run_remote, .near = (at_near), __VA_ARGS__)
#define LOST(called, at_near, ...) REMOTE(called, at_near, .lose_syns = ALL_SYNS, ##__VA_ARGS__)

#endif
