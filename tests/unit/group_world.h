/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The groups, and beside them what each series was fed. Every tick of every test passes through
 * tick_end(), which holds the reported totals against that: conservation, growth to the byte,
 * limits, the ranking. A test is: open, then ticks (tick_begin(), feed_…(), tick_end()), close.
 */
#ifndef EBPF_TCP_GROUP_WORLD_H
#define EBPF_TCP_GROUP_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "identity/match.h"
#include "probe/snapshot.h"
#include "series/group.h"

#define COUNTERS (sizeof(struct tcp_counters) / sizeof(uint64_t))
#define ROWS 67
#define ENDS 1021 /* rows of endpoints, after those of processes */
#define ALL_ROWS (ROWS + ENDS)
#define ENDPOINT_ROW ROWS /* for those who need but one */
#define RULES_MAX 4
#define SERIES_MAX 2100 /* that one test may ever name */
#define SECOND ((uint64_t)1000000000)
#define TICK_NS (10 * SECOND)
#define CONNECTION_WEIGHT 1024  /* bytes, in the ranking */
#define PLENTY 4194304          /* names an hour: at least as many as any limit, in each tick */
#define PORTS_REST "port-other" /* the part that takes what is left over of ports */
#define CLIENTS_REST "client-other"

/* For each established connection so many are in state `i`; for each that waits, so many half-open.
 */
#define STATE_FACTOR(i) ((i) + 1)
#define ABSENT UINT64_MAX /* of counters, and of what is open: not reported */
#define GONE INT64_MIN

/* What a series is due in a tick, and how it stood after the one before. */
struct due {
	enum group_kind kind;
	char name[GROUP_NAME_SIZE];
	char part[ENDPOINT_NAME_SIZE];
	struct match match; /* as it was fed last; its texts are the test's */
	char comm[TCP_COMM_LEN];
	unsigned row; /* of the process that was fed last, as are these */
	uint64_t start_ns;
	uint32_t pid, renames;
	bool rest; /* takes what is left over */
	uint64_t score;
	uint16_t history;                 /* a bit for each of the last ticks, 1: it was fed */
	struct tcp_counters fed, waiting; /* in this tick; in the one before, not shown yet */
	struct histogram latency, waiting_latency, seen_latency;
	struct tcp_counters total; /* last seen */
	struct tcp_counters before;
	int64_t open, seen_open;      /* connections: what should be there, and what is reported */
	uint64_t queued, seen_queued; /* the same of connections that wait */
	bool shown, was_shown, known;
};

/* A row, and what is open there: a state is where its process was last told to be. */
struct holder {
	uint64_t start_ns; /* 0: nobody's */
	uint32_t pid;
	struct tcp_endpoint endpoint;
	int64_t open;
	struct due *group, *process; /* NULL: in `other`; not reported alone */
};

struct world {
	struct groups *groups;
	struct group_options options[1 + RULES_MAX];
	unsigned rule_count;
	uint64_t now_ns;
	unsigned due_count;
	struct tcp_counters fed;          /* in all, ever */
	struct tcp_counters forgotten;    /* totals of groups that began anew */
	uint64_t connects, connects_seen; /* measured, ever: fed, and visible in `all` */
	struct due all, other, kernel;
	struct holder holders[ALL_ROWS];
	struct known {
		uint64_t start_ns;
		uint32_t renames;
		struct match match;
	} known[ALL_ROWS]; /* who was fed last, by row */
	unsigned asked;    /* how often for details */
	int64_t left_open; /* connections of processes that have ended */
	unsigned seen, shown[GROUP_KIND_COUNT], changes; /* by the tick that just ended */
	enum group_kind last_kind;
	bool out_of_memory; /* growth may be in `other` instead, or late */
	bool may_forget;    /* more names than are remembered */
	bool name_samples;  /* no two in a tick have one name */
	struct due due[SERIES_MAX];
};

extern struct world world;

/* --- open and close --- */

/* The rules' options come after the general ones. */
void world_open_with(const struct group_options *options, unsigned rule_count,
		     const struct subnet *subnets, unsigned subnet_count);
void world_open(unsigned group_limit, unsigned pid_limit, unsigned pid_min_age_s);

/* Groups, and so many destinations, ports and clients. */
void world_open_endpoints(unsigned group_limit, unsigned limit);
/* Feeds a process to the groups, and ends a tick: who is to have details gets them. */
void world_add(const struct match *match, const struct snapshot_process *p);
void world_end(void);
void world_close(void);
struct due *due_of(enum group_kind kind, const char *name, const char *part);
struct due *due_of_pid(const char *name, uint32_t pid);

/* --- a tick: begin, feed, end --- */

void tick_begin(void);
void feed(const struct match *match, const struct snapshot_process *p);

/* The row of the endpoint; a free one if it has none. */
unsigned end_row(const struct snapshot_process *p);

/* `part`: how the endpoint is to be called. */
void feed_endpoint(const struct match *match, const char *part, const struct snapshot_process *p);
struct match match_of(const char *group, int rule);
void feed_as(const char *name, int rule, const struct snapshot_process *p);

/* Received bytes, by a process that started at 7 s. */
void feed_rx(const char *name, unsigned row, uint32_t pid, uint64_t rx_bytes);
void feed_last(const char *name, unsigned row, uint32_t pid, uint64_t rx_bytes);

/* An endpoint of 10.0.x.y, port 443, of local port `number`, or a client 10.0.x.y. */
struct tcp_endpoint endpoint_of(enum tcp_endpoint_kind kind, unsigned number);

/* Adds what `p` says to destination 10.0.x.y:443, to a port, or to a client. */
void feed_endpoint_as(const char *name, int rule, enum tcp_endpoint_kind kind, unsigned number,
		      const struct snapshot_process *process);

/* Received bytes of a destination, and of a port and a client of the same number. */
void feed_ends(const char *name, unsigned number, uint64_t rx_bytes);

/* As the plugin tells of a listening socket: nothing but what waits there and what found no room.
 */
void feed_listener(const struct match *match, const struct snapshot_process *listener,
		   uint16_t port);
void feed_listener_of(const char *name, unsigned row, uint32_t pid, uint16_t port, uint64_t queued,
		      uint64_t drops);

/* The first rule reports no processes. */
void feed_group(const char *name, uint64_t rx_bytes);
struct snapshot_process connects_of(unsigned row, uint32_t pid, uint64_t ns, unsigned count);

/* `change`: so many more are open. */
struct snapshot_process opens(unsigned row, uint32_t pid, int64_t change);
void feed_open(const char *name, unsigned row, uint32_t pid, int64_t change);
void feed_open_end(const char *name, enum tcp_endpoint_kind kind, unsigned number, int64_t change);

/* As likely small as large: any number of bits up to 41. */
uint64_t skewed(uint64_t *random);

/* --- counters and histograms --- */

void counters_add(struct tcp_counters *to, const struct tcp_counters *from);
bool counters_are_zero(const struct tcp_counters *c);
void latency_clear(struct histogram *h);
bool still_known(unsigned row, uint64_t start_ns, uint32_t renames);

/* --- what must hold after each tick --- */

extern const char *const kind_names[];

/* Is no counter above that of the bound? */
void expect_within(const struct tcp_counters *c, const struct tcp_counters *bound, const char *what,
		   const char *name, const char *part);
void tick_end(void);

/* `n` ticks: what is fed in each comes after it, in braces. */
#define each_tick(n) for (unsigned tick = 0; tick < (n) && (tick_begin(), true); tick_end(), tick++)

/* A tick with nothing but this. */
void tick_rx(const char *name, unsigned row, uint32_t pid, uint64_t rx_bytes);
void quiet_ticks(unsigned n);

/* Two quiet ticks: whatever waited has arrived. */
void calm(void);

/* The received bytes of a group, or of one of its processes, after this tick. */
void expect_rx(const char *name, uint32_t pid, uint64_t want);
void expect_part_rx(enum group_kind kind, const char *name, const char *part, uint64_t want);
void expect_open(enum group_kind kind, const char *name, const char *part, int64_t want);

#endif
