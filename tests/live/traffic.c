/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Moves bytes over loopback TCP on one path per scenario and prints what each process moved, as its
 * own system calls told it:
 *	truth PID ROLE tx=N rx=N connects=N accepts=N failed=N [plain=N] [note=WORD]
 * All amounts are primes or sums of primes, so that no accident makes two of them equal.
 */
#include <string.h>

#include "traffic/traffic.h"

static const struct scenario_set *const sets[] = {
	&paths,   &uring, &special,        &endings, &sharing, &older,
	&starved, &noise, &kernel_sockets, &stress,  NULL,
};

static const struct program program = {.sets = sets};

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--exec-helper") == 0)
		return exec_helper(argv[2], argv[3]);
	return scenario_main(&program, argc, argv);
}
