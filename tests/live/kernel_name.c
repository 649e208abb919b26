/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "kernel_name.h"

const char *kernel_name(void)
{
	static struct utsname name;
	const char *given = getenv("KERNEL_NAME");

	uname(&name);
	name.release[strcspn(name.release, "-")] = '\0';
	return given ? given : name.release;
}
