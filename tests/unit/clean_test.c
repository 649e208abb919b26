/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "base/clean.h"
#include "check.h"

/* What stays: as a name, and as a text. */
static const struct {
	const char *what, *in, *name, *text;
} cases[] = {
	{"printable ASCII", " ~/a[0]", "___a_0_", " ~/a[0]"},
	{"visible letters", "\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac"},
	{"nothing", "", "_", ""},
	{"ASCII's controls", "\x01\x1f\x7f", "___", "___"},
	{"no UTF-8", "\xe2\x82(\xff", "____", "__(_"},
};

/* The first and the last of each kind, and one beside each that is seen. */
/* NOLINTBEGIN(misc-misleading-bidirectional): that is what they are for */
static const struct {
	const char *what, *first, *last, *beside;
} hidden[] = {
	{"C1 controls", "\xc2\x80", "\xc2\x9f", "\u00a1"},
	{"a soft hyphen", "\u00ad", "\u00ad", "\u00ae"},
	{"a mark of Arabic text", "\u061c", "\u061c", "\u061b"},
	{"separators of vowels", "\u180b", "\u180f", "\u1810"},
	{"zero-width, and marks of direction", "\u200b", "\u200f", "\u2010"},
	{"line ends, embeddings and overrides", "\u2028", "\u202e", "\u2027"},
	{"invisible operators", "\u2060", "\u2064", "\u2070"},
	{"isolates", "\u2066", "\u2069", "\u2070"},
	{"blanks", "\u2000", "\u200a", "\u2010"},
	{"a byte order mark", "\ufeff", "\ufeff", "\ufefc"},
	{"annotations", "\ufff9", "\ufffb", "\ufffd"},
	{"selectors of variants", "\ufe00", "\ufe0f", "\ufe10"},
	{"tags", "\U000e0000", "\U000e007f", "\U0001f41d"},
};
/* NOLINTEND(misc-misleading-bidirectional) */

static void expect_both(const char *in, const char *name, const char *text)
{
	char out[64];

	clean_name(out, sizeof(out), in);
	expect_text(out, name, "name");
	clean_text(out, sizeof(out), in);
	expect_text(out, text, "text");
}

static void test_cases(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		check_begin("clean: %s", cases[i].what);
		expect_both(cases[i].in, cases[i].name, cases[i].text);
		check_end();
	}
}

static void test_hidden(void)
{
	for (size_t i = 0; i < COUNT_OF(hidden); i++) {
		check_begin("clean: %s", hidden[i].what);
		expect_both(hidden[i].first, "_", "_");
		expect_both(hidden[i].last, "_", "_");
		expect_both(hidden[i].beside, hidden[i].beside, hidden[i].beside);
		check_end();
	}
}

int main(void)
{
	test_cases();
	test_hidden();
	return check_status();
}
