/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <locale.h>
#include <math.h>

#include "check.h"
#include "text.h"

static const struct {
	void (*print)(char out[TEXT_CELL], double value);
	double value;
	const char *want;
} numbers[] = {
	{text_number, 0, "0"},
	{text_number, 0.04, "0.0"},
	{text_number, 0.5, "0.5"},
	{text_number, 7, "7"},
	{text_number, 9.94, "9.9"},
	{text_number, 9.96, "10"},
	{text_number, 999.4, "999"},
	{text_number, 999.6, "1.0k"},
	{text_number, 45300, "45.3k"},
	{text_number, 99940, "99.9k"},
	{text_number, 99960, "100k"},
	{text_number, 8.8e6, "8.8M"},
	{text_number, 40e9, "40.0G"},
	{text_number, 1e300, "9999E"},
	{text_number, INFINITY, "9999E"},
	{text_number, NAN, "-"},
	{text_seconds, 0, "0us"},
	{text_seconds, 84e-6, "84us"},
	{text_seconds, 0.0009994, "999us"},
	{text_seconds, 0.0009996, "1.0ms"},
	{text_seconds, 0.0025, "2.5ms"},
	{text_seconds, 0.251, "251ms"},
	{text_seconds, 0.9996, "1.0s"},
	{text_seconds, 1.5, "1.5s"},
	{text_seconds, 100, "100s"},
	{text_seconds, NAN, "-"},
};

/* NOLINTBEGIN(misc-misleading-bidirectional): that is what they are for */
static const struct {
	const char *name;
	int columns;
	const char *want;
} names[] = {
	{"nginx", 8, "nginx   "},
	{"nginx", 5, "nginx"},
	{"nginx", 4, "ngi+"},
	{"nginx", 1, "+"},
	{"nginx", 0, ""},
	{"naïve", 6, "naïve "},
	{"naïve", 4, "naï+"},
	{"日本語", 6, "日本語"},
	{"日本語", 5, "日本+"},
	{"日本語", 4, "日 +"}, /* half of a character is none */
	{"a\033[31m", 6, "a_[31m"},
	{"b\302\23331m", 5, "b_31m"},
	{"c\177", 2, "c_"},
	{"d\302\205", 2, "d_"},
	{"e\342\200\256fdp", 5, "e_fdp"},
	{"f\342\200\213w", 3, "f_w"},
	{"g\342\200\250ls", 4, "g_ls"},
	{"h\342\201\246lt", 4, "h_lt"},
	{"i\357\273\277x", 3, "i_x"},
	{"j\363\240\201\201", 2, "j_"},
	{"k\330\234", 2, "k_"},
	{"l\302\255", 2, "l_"},
	{"m\377\376", 3, "m__"},
	{"n\303", 2, "n_"},
	{"o\ne\tr", 5, "o_e_r"},
};
/* NOLINTEND(misc-misleading-bidirectional) */

/* What does not fit into the bytes is left out, never half of a character. */
static void test_small(void)
{
	char out[64];

	check_begin("tcptop text: little room");
	for (size_t size = 1; size < 20; size++) {
		text_fit(out, size, "日本語日本語", 12);
		expect(strlen(out) < size, "%zu bytes in %zu", strlen(out), size);
		expect(text_width(out) <= 12, "too wide in %zu", size);
		expect(!strchr(out, '_'), "half a character in %zu: %s", size, out);
	}
	check_end();
}

int main(void)
{
	char out[256];

	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		check_begin("tcptop text: %s", numbers[i].want);
		numbers[i].print(out, numbers[i].value);
		expect_text(out, numbers[i].want, "text");
		check_end();
	}
	if (!setlocale(LC_CTYPE, "C.UTF-8")) {
		check_skip("tcptop text: names: there is no locale C.UTF-8");
		return check_status();
	}
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		check_begin("tcptop text: name %zu in %d columns", i, names[i].columns);
		text_fit(out, sizeof(out), names[i].name, names[i].columns);
		expect_text(out, names[i].want, "text");
		check_end();
	}
	test_small();
	return check_status();
}
