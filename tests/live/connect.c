/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Makes connect() end in one way per scenario and prints what each process knows about it:
 *	truth PID ROLE tx=N rx=N connects=N accepts=N failed=N refused=N timeout=N unreachable=N
 *	reset=N denied=N no_port=N aborted=N other=N [latency_us_min=N latency_us_max=N]
 * Remote ends live in a second network namespace, behind a wire: connect/wire.c.
 */
#include "connect/connect.h"

static const struct scenario_set *const sets[] = {&succeed, &fail, &deny, &give_up, &suffer, NULL};

static const struct program program = {.sets = sets, .reasons = true};

int main(int argc, char **argv)
{
	return scenario_main(&program, argc, argv);
}
