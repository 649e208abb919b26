/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * A kernel half in plain memory, a /proc of the test's own, and a reader of both. A test is:
 * reader_begin(), then what the kernel half does (kernel_…()) and look(), then reader_end().
 */
#ifndef EBPF_TCP_SNAPSHOT_WORLD_H
#define EBPF_TCP_SNAPSHOT_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/probe.h"
#include "probe/snapshot.h"

#define COUNTERS (sizeof(struct tcp_counters) / sizeof(uint64_t))
#define ROWS 97      /* of processes */
#define ENDPOINTS 31 /* rows after them */
#define ALL_ROWS (ROWS + ENDPOINTS)
#define SHARDS 3
#define SWEEP_LOOKS 64 /* within so many, every row was checked */
#define IDLE_LOOKS 6   /* more than so many quiet looks, and an endpoint may have to go */
#define INDEX_FD 101
#define FREE_ROWS_FD 103
#define ENDPOINTS_FD 107
#define FREE_ENDPOINTS_FD 109
#define PID_BASE 4194400 /* above PID_MAX_LIMIT: nobody has these, and kill() says so */
#define VISITS_MAX 256
#define TICK_NS 10000000ULL /* of /proc: the kernel's USER_HZ is 100 */

/* A stack of free row numbers, of processes or of endpoints. */
struct free_rows {
	uint32_t numbers[ALL_ROWS];
	unsigned count;
};

struct kernel_half {
	struct tcp_row rows[ALL_ROWS];
	struct tcp_bytes bytes[SHARDS][ALL_ROWS];
	__u64 touched[ALL_ROWS], tick;
	struct tcp_hostname hostnames[ALL_ROWS];
	struct tcp_row told[ALL_ROWS]; /* the rows when `touched` was last set */
	struct tcp_histogram times[TCP_TIME_SERVICE][ALL_ROWS];
	struct tcp_histogram turns[ALL_ROWS][TCP_TURN_TIMES]; /* the other times of each row */
	bool absent[TCP_TIME_COUNT];                          /* the reader has no such table */
	struct tcp_self self;
	__u32 endpoints_taken;
	struct {
		struct tcp_process_key key;
		uint32_t row;
	} index[ROWS];
	unsigned index_count;
	struct {
		struct tcp_endpoint_key key;
		uint32_t row;
	} endpoints[ENDPOINTS];
	unsigned endpoint_count;
	struct free_rows free, free_endpoints;
	struct tcp_counters truth[ALL_ROWS]; /* what the rows would hold if nobody else wrote */
	/* errno of the system calls, 0: they work; batch_error: before the first key */
	int delete_error, batch_error, push_error;
	uint64_t late_rx_bytes; /* a CPU adds so many while the reader deletes from the index */
	unsigned alive_asked, gone_asked;
	uint64_t
		rx_bytes_at_death; /* arrives right after the reader heard that a process is dead */
	unsigned row_at_death;
	const char *rename; /* the process in hand calls itself so while the reader asks */
};

extern struct kernel_half kernel;

struct visit {
	struct snapshot_process process;
	uint32_t buckets[TCP_LATENCY_BUCKETS];               /* of connects */
	uint32_t times[TCP_TIME_COUNT][TCP_LATENCY_BUCKETS]; /* of all */
};

struct reader {
	struct snapshot *snapshot;
	struct visit visits[VISITS_MAX]; /* of the last look */
	unsigned count;
};

extern struct reader reader;

/* --- what the kernel half does --- */

void kernel_receive(unsigned row, uint64_t bytes);

/* Rows that have changed since the last look say so. */
void kernel_touch(void);
unsigned row_of_key(const struct tcp_process_key *key);

/* The process's row, a new one if need be; TCP_ROW_OTHER if there is none: as process_find() does.
 */
unsigned kernel_row(uint32_t pid, uint64_t start_ns, const char *comm);

/* An endpoint's row, or 0 if there is none: as endpoint_find() does. */
unsigned kernel_endpoint(unsigned process_row, struct tcp_endpoint endpoint);
struct tcp_endpoint destination(uint8_t number, uint16_t port);
struct tcp_endpoint client(uint8_t number);
struct tcp_endpoint local_port(uint16_t port);
void kernel_time(unsigned row, enum tcp_time time, uint64_t units, unsigned bucket);
void kernel_connect(unsigned row, uint64_t ns, unsigned bucket);

/* So many connections more are open. */
void kernel_establish(unsigned row, int64_t change);

/* --- /proc --- */

extern char fake_root[64]; /* its folder */

void fake_remove(uint32_t pid);

/* `state` and `threads`: as in its stat. */
void fake_write(uint32_t pid, uint64_t start_ns, char state, unsigned threads);
void fake_add(uint32_t pid, uint64_t start_ns);

/* A process that does something for the first time. Returns its row. */
unsigned spawn(uint32_t pid, uint64_t start_ns, const char *comm);
void fake_name(uint32_t pid, const char *comm);

/* --- the reader --- */

void kernel_reset(void);
int try_open(struct snapshot **out);
void reader_open(void);
void look(void);
struct tcp_histogram *kernel_histogram(unsigned time, unsigned row);

void look_times(unsigned n);
void reader_begin(const char *name);
void reader_end(void);

/* The last look's visit of a row; an empty one if it was not visited. */
const struct visit *visit_of(unsigned row);
void expect_only(unsigned row, uint64_t rx_bytes, bool last, const char *when);
bool is_free(unsigned row);
void expect_counts(unsigned processes, unsigned endpoints);

/* One look in which an event found no room for its endpoint. */
void look_crowded(void);

/* False, and a word, if there can be no folder. */
bool fake_open(void);
void fake_close(void);

#endif
