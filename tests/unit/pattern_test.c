/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <malloc.h>

#include "base/pattern.h"
#include "check.h"
#include "memory.h"

#define CMDLINE 4096 /* bytes of a command line that are looked at */

/* -Wl,--wrap: each search is counted. */
static unsigned searches;

int __real_regexec(const regex_t *regex, const char *text, size_t count, regmatch_t captures[],
		   int flags);
int __wrap_regexec(const regex_t *regex, const char *text, size_t count, regmatch_t captures[],
		   int flags);

int __wrap_regexec(const regex_t *regex, const char *text, size_t count, regmatch_t captures[],
		   int flags)
{
	searches++;
	return __real_regexec(regex, text, count, captures, flags);
}

/* -- what is a pattern -- */

static const struct {
	const char *text, *why; /* NULL: it is one */
} news[] = {
	{"a", NULL},
	{"(a)\\1", "it refers back to a group"},
	{"(a)(b)\\2x", "it refers back to a group"},
	{"(a)|\\9", "it refers back to a group"},
	{"(a)\\\\\\1", "it refers back to a group"},
	{"(a)\\\\1", NULL}, /* a backslash, and a 1 */
	{"(a)\\0", NULL},
	{"(a)[\\1]", NULL}, /* one of the bytes \ and 1 */
	{"(a)[]\\1]", NULL},
	{"(a)[^]\\1]", NULL},
	{"(a)[^\\1]", NULL},
	{"(a)[[:alpha:]\\1]", NULL},
	{"(a)[[.].]\\1]", NULL},
	{"(a)[[=]=]\\1]", NULL},
	{"(a)[a[]\\1", "it refers back to a group"},
	{"(a)[]]\\1", "it refers back to a group"},
	{"(a)[[:alpha:]]\\1", "it refers back to a group"},
	{"(a)\\[\\1", "it refers back to a group"},
	{"a)", "Unmatched )"},
	{"(a))", "Unmatched )"},
	{"a)(", "Unmatched )"},
	{"(", "nmatched ("},
	{"((a)", "nmatched ("},
	{"\\(a\\)", NULL},
	{"a\\)", NULL},
	{"[)]", NULL},
	{"[", "nvalid regular expression"},
	{"[a", "nmatched ["},
	{"[[:alpha:]", "nmatched ["},
	{"[z-a]", "nvalid range end"},
	{"*a", "nvalid preceding"},
	{"a\\", "railing backslash"},
	{"a{2", "nmatched "},
};

static void test_new(void)
{
	for (size_t i = 0; i < COUNT_OF(news); i++) {
		struct pattern *p = NULL;
		char why[128] = "";
		int err = pattern_new(&p, news[i].text, why, sizeof(why));

		check_begin("pattern: new: %s", news[i].text);
		expect(err == (news[i].why ? -EINVAL : 0), "returned %d: %s", err, why);
		expect(!p == !!news[i].why, "there is a pattern, or none");
		if (news[i].why)
			expect(strstr(why, news[i].why) != NULL, "why: %s", why);
		pattern_free(p);
		expect(memory_live() == 0, "%ld blocks are left", memory_live());
		check_end();
	}
}

/* -- looking -- */

static struct pattern *pattern_of(const char *text)
{
	struct pattern *p = NULL;
	char why[128] = "";

	expect(!pattern_new(&p, text, why, sizeof(why)), "%s: %s", text, why);
	return p;
}

static void fill(char out[CMDLINE + 1], const char *unit)
{
	size_t length = strlen(unit), used = 0;

	for (; used + length <= CMDLINE; used += length)
		memcpy(out + used, unit, length);
	out[used] = '\0';
}

static void test_one_pass(void)
{
	struct pattern *p = pattern_of("([a-z]*) ([a-z]*) .*worker-([0-9]+)");
	regmatch_t captures[4] = {0};
	char text[CMDLINE + 1];

	check_begin("pattern: what does not fit is not searched for, nor what need not be known");
	fill(text, "a a a ");
	searches = 0;
	expect(pattern_find(p, text, 4, captures) == 0, "it fits");
	expect_u64(searches, 1, "passes over what does not fit");
	expect(pattern_find(p, "a b worker-7", 0, NULL) == 1, "it does not fit");
	expect_u64(searches, 2, "passes without captures");
	expect(pattern_find(p, "a b worker-7", 4, captures) == 1, "it does not fit");
	expect_u64(searches, 4, "passes with captures");
	expect_u64((uint64_t)captures[3].rm_so, 11, "where the number begins");
	expect_u64(pattern_groups(p), 3, "groups");
	pattern_free(p);
	check_end();
}

/* The C library's search alone, without the pass that comes first. */
static bool same_as_library(const char *expression, const char *text)
{
	struct pattern *p = pattern_of(expression);
	regmatch_t want[3] = {0}, got[3] = {0};
	regex_t regex;
	bool fits, same;

	if (!p || !expect(!regcomp(&regex, expression, REG_EXTENDED), "%s", expression))
		return false;
	fits = !__real_regexec(&regex, text, 3, want, 0);
	same = pattern_find(p, text, 0, NULL) == fits && pattern_find(p, text, 3, got) == fits &&
	       (!fits || memcmp(got, want, sizeof(got)) == 0);
	pattern_renew(p);
	same = same && pattern_find(p, text, 3, got) == fits &&
	       (!fits || memcmp(got, want, sizeof(got)) == 0);
	regfree(&regex);
	pattern_free(p);
	return same;
}

/* One after the other, so that groups are closed and nothing is repeated that is not there. */
static void expression_random(char *out, size_t size, uint64_t *random)
{
	static const char *const parts[] = {"a",  "b",    "(a|b)",  ".",           "[^a]",
					    "a*", "(b+)", "x?y",    "[[:alpha:]]", "^a",
					    "b$", "|",    "a{1,2}", "\xff"};

	size_t used = 0;

	for (uint64_t n = 1 + check_random(random) % 5; n; n--)
		used += (size_t)snprintf(out + used, size - used, "%s",
					 parts[check_random(random) % COUNT_OF(parts)]);
}

static void test_library(void)
{
	static const char bytes[] = "aabbxy \xff\xc3\xa9";
	uint64_t random = 7919;
	char expression[128], text[16];

	check_begin("pattern: 20,000 at random find what the C library's search finds");
	for (unsigned i = 0; i < 20000; i++) {
		size_t length = check_random(&random) % sizeof(text);

		expression_random(expression, sizeof(expression), &random);
		for (size_t at = 0; at < length; at++)
			text[at] = bytes[check_random(&random) % (sizeof(bytes) - 1)];
		text[length] = '\0';
		expect(same_as_library(expression, text), "%s in \"%s\"", expression, text);
	}
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

/* -- memory -- */

static void test_renew(void)
{
	const char *name = "pattern: the states that a text has led to are given back";
	struct pattern *p = pattern_of("x.{40}y");
	const size_t before = mallinfo2().uordblks;
	long grown;
	uint64_t random = 104729;
	char text[CMDLINE + 1];

	for (unsigned i = 0; i < CMDLINE; i++)
		text[i] = check_chance(&random, 2) ? 'x' : 'a';
	text[CMDLINE] = '\0';
	check_begin("%s", name);
	expect(pattern_find(p, text, 0, NULL) == 0, "it fits");
	grown = (long)(mallinfo2().uordblks - before);
	pattern_renew(p);
	if (grown) {
		expect(grown > 4 << 20, "only %ld bytes were taken", grown);
		grown = (long)(mallinfo2().uordblks - before);
		expect(grown < 1 << 20, "%ld bytes are left", grown);
		check_end();
	} else {
		check_skip("%s: mallinfo2() tells nothing", name);
	}
	pattern_free(p);
}

static void test_memory(void)
{
	struct pattern *p = pattern_of("(a)b");
	regmatch_t captures[2] = {0};
	char why[128];

	check_begin("pattern: without memory there is none, and an old one stays");
	memory_fail_at(1);
	pattern_renew(p);
	memory_fail_at(0);
	expect(pattern_find(p, "xab", 2, captures) == 1, "it does not fit");
	expect_u64((uint64_t)captures[1].rm_so, 1, "where");
	pattern_free(p);
	for (unsigned n = 1; n <= 3; n++) {
		memory_fail_at(n);
		expect(pattern_new(&p, "a", why, sizeof(why)) == -ENOMEM, "allocation %u", n);
		memory_fail_at(0);
	}
	pattern_free(NULL);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

int main(void)
{
	test_new();
	test_one_pass();
	test_library();
	test_renew();
	test_memory();
	return check_status();
}
