/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>

#include "base/name.h"
#include "check.h"
#include "memory.h"

static void test_sharing(void)
{
	char text[] = "web";
	struct names *n = NULL;
	const char *one, *two;

	check_begin("name: one copy for all that hold it");
	expect(!names_open(&n, 1), "open");
	one = names_get(n, text);
	text[0] = 'W';
	expect_text(one, "web", "a copy");
	two = names_get(n, "web");
	expect(one == two, "another copy");
	expect(names_get(n, "Web") != one, "of another text");
	expect_u64((uint64_t)memory_live(), 3, "blocks");
	names_put(n, one);
	expect_text(two, "web", "it is still held");
	names_put(n, two);
	expect_u64((uint64_t)memory_live(), 2, "blocks without it");
	check_end();

	check_begin("name: foreign texts and NULL are left alone");
	names_put(n, "Web");
	names_put(n, "db");
	names_put(n, NULL);
	expect_u64((uint64_t)memory_live(), 2, "blocks");
	names_close(n);
	names_close(NULL);
	expect_u64((uint64_t)memory_live(), 0, "blocks after all");
	check_end();
}

static void test_chain(void)
{
	const char *copies[100];
	struct names *n = NULL;
	char text[16];

	check_begin("name: many in one bucket, given back in another order");
	expect(!names_open(&n, 0), "open");
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "name %u", i);
		copies[i] = names_get(n, text);
	}
	for (unsigned i = 0; i < 100; i++) {
		unsigned turn = i * 37 % 100;

		snprintf(text, sizeof(text), "name %u", turn);
		expect_text(copies[turn], text, "copy");
		names_put(n, copies[turn]);
		expect_u64((uint64_t)memory_live(), 1 + 99 - i, "blocks");
	}
	names_close(n);
	check_end();
}

static void test_memory(void)
{
	struct names *n = NULL;

	check_begin("name: without memory");
	memory_fail_at(1);
	expect(names_open(&n, 1000) == -ENOMEM && !n, "open");
	memory_fail_at(0);
	expect(!names_open(&n, 1000), "open");
	memory_fail_at(1);
	expect(!names_get(n, "web"), "get");
	memory_fail_at(0);
	expect_text(names_get(n, "web"), "web", "get");
	names_close(n);
	expect_u64((uint64_t)memory_live(), 0, "blocks");
	check_end();
}

int main(void)
{
	test_sharing();
	test_chain();
	test_memory();
	return check_status();
}
