// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The kernel half. No hook carries a number: each one only brings a socket up to date, that is,
 * adds the growth of the absolute counters in struct tcp_sock since the last look to the owner's
 * row. A trigger that the kernel skips makes a number late, never wrong.
 *
 * Programs are named <set>_<event>, and each set has a file; the loader composes a backend from
 * sets.
 */
#include "always.bpf.h"
#include "fentry.bpf.h"
#include "kprobe.bpf.h"
#include "locked.bpf.h"
#include "packet.bpf.h"
#include "rawtp.bpf.h"
#include "shared.bpf.h"
#include "traced.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
