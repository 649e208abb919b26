/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "probe/explain.h"
#include "probe/log.h"

#define LOG_SIZE 4096

static __thread char said[LOG_SIZE];
static __thread libbpf_print_fn_t before; /* what libbpf printed with before */

__attribute__((format(printf, 2, 0))) static int take(enum libbpf_print_level level,
						      const char *format, va_list args)
{
	size_t used = strlen(said);

	if (level == LIBBPF_WARN)
		vsnprintf(said + used, sizeof(said) - used, format, args);
	return 0;
}

void log_start(void)
{
	before = libbpf_set_print(take);
}

void log_stop(void)
{
	libbpf_set_print(before);
}

void log_clear(void)
{
	said[0] = '\0';
}

void log_put(const char *line)
{
	snprintf(said, sizeof(said), "%s", line);
}

const char *log_text(void)
{
	return said;
}

void log_error(char *out, size_t size, int err)
{
	if (err == -ENOTSUPP)
		err = -EOPNOTSUPP;
	libbpf_strerror(err, out, size); /* libbpf knows its own errors, too */
}

void log_reason(char *out, size_t size, int err)
{
	const char *program = strstr(said, "prog '"), *map = strstr(said, "map '");
	char text[64];

	log_error(text, sizeof(text), err);
	if (program)
		snprintf(out, size, "%.*s", (int)strcspn(program, "\n"), program);
	else if (map)
		snprintf(out, size, "%.*s: %s", (int)strcspn(map, ":\n"), map, text);
	else
		snprintf(out, size, "%s", text);
}

void log_blame(const char *program, const char *step, int err)
{
	char text[64];

	log_error(text, sizeof(text), err);
	snprintf(said, sizeof(said), "prog '%s': %s: %s\n", program, step, text);
}
