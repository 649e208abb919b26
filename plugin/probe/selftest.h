/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Traffic of a known size from this process to itself, by which the loader proves its probes. */
#ifndef EBPF_TCP_SELFTEST_H
#define EBPF_TCP_SELFTEST_H

#define SELFTEST_BYTES 1021 /* a prime: nothing else comes out equal by accident */

struct selftest {
	int listener, client, server;
};

/*
 * Connects to itself over 127.0.0.1, sends and receives SELFTEST_BYTES, and leaves the connection
 * open. Returns 0, or -errno if this host has no usable loopback.
 */
int selftest_open(struct selftest *out);

void selftest_close(struct selftest *test);

#endif
