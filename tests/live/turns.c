/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * A client and a server take turns, by a script per scenario, and print what each process knows of
 * its requests and responses:
 *	truth PID ROLE tx=N rx=N connects=N accepts=N failed=N served=N request_served=N
 *	response_served=N sent=N request_sent=N response_received=N [service_us_min=N
 *	service_us_max=N response_us_min=N response_us_max=N]
 */
#include "turns/turns.h"

static const struct scenario_set *const sets[] = {&scripts, &sharers, NULL};

static const struct program program = {.sets = sets};

int main(int argc, char **argv)
{
	return scenario_main(&program, argc, argv);
}
