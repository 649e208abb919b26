/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "base/budget.h"
#include "check.h"

static uint64_t now_ns;

static uint64_t clock_ns(void)
{
	return now_ns;
}

static void work(struct budget *b, uint32_t uid, uint64_t ns)
{
	budget_start(b);
	now_ns += ns;
	expect_u64(budget_stop(b, uid), b->clock_ns ? ns : 0, "what it took");
}

static void test_budget(void)
{
	struct budget b = {.clock_ns = clock_ns, .limit_ns = 1009};

	check_begin("budget: work begins until it is spent, and again in the next tick");
	for (unsigned tick = 0; tick < 3; tick++) {
		budget_begin(&b);
		work(&b, 0, 1008);
		expect(budget_allows(&b, 0), "1008 ns of 1009");
		work(&b, 0, 1);
		expect(!budget_allows(&b, 0) && !budget_allows(&b, 7), "1009 ns of 1009");
	}
	budget_begin(&b);
	work(&b, 0, 100003);
	expect(!budget_allows(&b, 0), "more than all, at once");
	check_end();
}

static void test_users(void)
{
	struct budget b = {.clock_ns = clock_ns, .limit_ns = 2000};

	check_begin("budget: half of it for each user but root");
	budget_begin(&b);
	work(&b, 1000, 999);
	expect(budget_allows(&b, 1000), "999 ns of 1000");
	work(&b, 1000, 1);
	expect(!budget_allows(&b, 1000), "1000 ns of 1000");
	expect(!budget_allows(&b, 1000 + BUDGET_USERS), "who shares its place");
	expect(budget_allows(&b, 1001) && budget_allows(&b, UINT32_MAX), "others");
	work(&b, 0, 999);
	expect(budget_allows(&b, 0) && budget_allows(&b, 1001), "1999 ns of 2000");
	work(&b, 1001, 1);
	expect(!budget_allows(&b, 0) && !budget_allows(&b, 1001), "2000 ns of 2000");
	check_end();
}

static void test_none(void)
{
	struct budget b = {.limit_ns = 0};

	check_begin("budget: without a clock there is no bound");
	budget_begin(&b);
	work(&b, 1000, 1000003);
	expect(budget_allows(&b, 1000), "it does not allow");
	check_end();
}

int main(void)
{
	test_budget();
	test_users();
	test_none();
	return check_status();
}
