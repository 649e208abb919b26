/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check.h"
#include "memory.h"

static struct {
	long live;
	unsigned until_failure; /* 0: off */
	unsigned often;         /* 0: off */
	uint64_t random;
} memory = {.random = 104729};

long memory_live(void)
{
	return memory.live;
}

void memory_fail_at(unsigned n)
{
	memory.until_failure = n;
}

void memory_fail_often(unsigned n)
{
	memory.often = n;
}

static bool fails(void)
{
	if (memory.until_failure == 1)
		return true;
	if (memory.until_failure)
		memory.until_failure--;
	return memory.often && check_chance(&memory.random, memory.often);
}

/* -Wl,--wrap gives calls of calloc() to __wrap_calloc(), and the true one the name __real_calloc().
 */
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *block);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *block);

static void *counted(void *block)
{
	memory.live += block != NULL;
	return block;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
	if (fails())
		return NULL;
	return block ? __real_realloc(block, size) : counted(__real_realloc(NULL, size));
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : counted(__real_strdup(text));
}

void __wrap_free(void *block)
{
	memory.live -= block != NULL;
	__real_free(block);
}
