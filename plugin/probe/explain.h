/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The explanation: from what is known of a failed start to its cause and its remedy. */
#ifndef EBPF_TCP_EXPLAIN_H
#define EBPF_TCP_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "probe/host.h"

#define ENOTSUPP 524 /* the kernel's own, which some calls return all the same */

#define EXPLAIN_ATTEMPTS 8
#define EXPLAIN_REASON_SIZE 160

/* A backend that was tried. */
struct explain_attempt {
	const char *backend;
	int err;                          /* -errno, or one of libbpf's */
	bool loaded;                      /* it failed after it was loaded */
	char reason[EXPLAIN_REASON_SIZE]; /* in the kernel's or libbpf's own words */
};

struct explain_facts {
	struct host host;
	const char *backend;   /* as the option says */
	const char *btf;       /* as the option says, or NULL... */
	const char *btf_error; /* ...and what is wrong with that file; NULL: nothing */
	unsigned attempt_count;
	struct explain_attempt attempts[EXPLAIN_ATTEMPTS];
};

void explain(char *out, size_t size, const struct explain_facts *facts);

/* Does this error say that something ran out, so that trying anything else is no use? */
bool explain_shortage(int err);

#endif
