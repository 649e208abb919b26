/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Names: what is left of a process's own for a series. */
#include "check.h"
#include "identity/match.h"

/* A row without `want` is the name of those that follow. */
static const struct {
	const char *name, *want;
} cases[] = {
	{"common names", NULL},
	{"nginx", "nginx"},
	{"php-fpm7.4", "php-fpm7.4"},
	{"user@host:1+2_3", "user@host:1+2_3"},
	{"kworker/0:1", "kworker_0:1"},
	{"tmux: server", "tmux:_server"},
	{"a\"b\\c'd", "a_b_c_d"},
	{"(sd-pam)", "_sd-pam_"},
	{"tab\there", "tab_here"},
	{"empty and reserved names", NULL},
	{"", "_"},
	{"/", "_"},
	{"all", "all_"},
	{"other", "other_"},
	{"kernel", "kernel_"},
	{"self", "self_"},
	{"all_", "all_"},
	{"All", "All"},
	{"allx", "allx"},
	{"al", "al"},
	{"selfish", "selfish"},
	{"visible UTF-8 stays: the first and the last of each length", NULL},
	{"\xc2\xa1", "\xc2\xa1"},
	{"\xdf\xbf", "\xdf\xbf"},
	{"\xe0\xa0\x80", "\xe0\xa0\x80"},
	{"\xef\xbf\xbd", "\xef\xbf\xbd"},
	{"\xf0\x90\x80\x80", "\xf0\x90\x80\x80"},
	{"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
	{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9d", "caf\xc3\xa9_\xe2\x82\xac_\xf0\x9f\x90\x9d"},
	{"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"}, /* around the surrogates */
	{"overlong UTF-8", NULL},
	{"\xc0\x80", "__"},
	{"\xc0\xaf", "__"},
	{"\xc1\xbf", "__"},
	{"\xe0\x80\xaf", "___"},
	{"\xe0\x9f\xbf", "___"},
	{"\xf0\x80\x80\xaf", "____"},
	{"\xf0\x8f\xbf\xbf", "____"},
	{"surrogates", NULL},
	{"\xed\xa0\x80", "___"},
	{"\xed\xbf\xbf", "___"},
	{"\xed\xa0\xbd\xed\xb0\x9d", "______"},
	{"beyond U+10FFFF", NULL},
	{"\xf4\x90\x80\x80", "____"},
	{"\xf5\x80\x80\x80", "____"},
	{"\xf8\x88\x80\x80\x80", "_____"},
	{"\xfe", "_"},
	{"\xff", "_"},
	{"sequences cut short, at the end and before something else", NULL},
	{"a\xc3", "a_"},
	{"a\xe2\x82", "a__"},
	{"a\xf0\x9f\x90", "a___"},
	{"\xc3z", "_z"},
	{"\xe2\x82z", "__z"},
	{"\xf0\x9f\x90z", "___z"},
	{"\xc3\xc3\xa9", "_\xc3\xa9"},
	{"\xe2\xc3\xa9", "_\xc3\xa9"},
	{"a continuation alone", NULL},
	{"\x80", "_"},
	{"\xbf", "_"},
	{"\xa9z", "_z"},
	/* NOLINTBEGIN(misc-misleading-bidirectional): that is what they are for */
	{"names that a hostile process gives itself", NULL},
	{"nl\nFAKE", "nl_FAKE"},
	{"\x1b[31mred\x1b[0m", "__31mred__0m"},
	{"../../../etc/x", ".._.._.._etc_x"},
	{"a/b", "a_b"},
	{"a_b", "a_b"},
	{"%n%s%n%s", "_n_s_n_s"},
	{"\xc2\x9b"
	 "31mC1csi",
	 "_31mC1csi"},
	{"nel\xc2\x85x", "nel_x"},
	{"x\xe2\x80\xae"
	 "fdp",
	 "x_fdp"},
	{"zero\xe2\x80\x8bw", "zero_w"},
	{"\xe2\x80\xa8ls", "_ls"},
	{"iso\xe2\x81\xa6lt", "iso_lt"},
	{"bom\xef\xbb\xbfx", "bom_x"},
	{"all", "all_"},
	{"all_", "all_"},
	{"other", "other_"},
	{"kernel", "kernel_"},
	{"self", "self_"},
	{"nul\0hid", "nul"},
	{"\xff\xfe\xfd", "___"},
	{"\x7f\x01\x02", "___"},
	{"-", "-"},
	{"", "_"},
	{"a-b-1234", "a-b-1234"},
	{"if_octets-1", "if_octets-1"},
	{"UPPER", "UPPER"},
	{"upper", "upper"},
	{"q\"uo'te\\", "q_uo_te_"},
	{"sp ace", "sp_ace"},
	{"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
	{".", "."},
	{"..", ".."},
	{"port-80", "port-80"},
	{"{json:1}", "_json:1_"},
	{"a=b,c d", "a_b_c_d"},
	/* NOLINTEND(misc-misleading-bidirectional) */
};

static void test_cases(void)
{
	char out[GROUP_NAME_SIZE];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (!cases[i].want) {
			if (i)
				check_end();
			check_begin("match: %s", cases[i].name);
			continue;
		}
		naming_clean(out, sizeof(out), cases[i].name);
		expect_text(out, cases[i].want, cases[i].want);
	}
	check_end();
}

static void test_bytes(void)
{
	static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				   "_.:@+-";

	check_begin("match: each byte from 1 to 255 alone: 68 stay, the others become _");
	for (unsigned byte = 1; byte <= 255; byte++) {
		char name[2] = {(char)byte, '\0'}, want[2] = {'_', '\0'}, out[GROUP_NAME_SIZE];

		if (memchr(kept, (int)byte, sizeof(kept) - 1))
			want[0] = (char)byte;
		naming_clean(out, sizeof(out), name);
		expect(strcmp(out, want) == 0, "byte 0x%02x became \"%s\"", byte, out);
	}
	check_end();
}

/* Straight from the definition of UTF-8: the scalar value that the bytes encode, or -1. */
static long decode(const unsigned char *in, size_t length)
{
	static const long least[] = {0, 0, 0x80, 0x800, 0x10000};
	long value = in[0] & (0x7f >> length);

	for (size_t i = 1; i < length; i++) {
		if ((in[i] & 0xc0) != 0x80)
			return -1;
		value = value << 6 | (in[i] & 0x3f);
	}
	if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return -1;
	return value;
}

/*
 * A sequence after which nothing may follow: kept if it is valid, else no byte of it is. A
 * character that must not be seen is one `_`: returns 1 then, else 0.
 */
static unsigned expect_sequence(const unsigned char *in, size_t length)
{
	char out[GROUP_NAME_SIZE], want[8] = "____";
	bool valid = decode(in, length) >= 0;

	naming_clean(out, sizeof(out), (const char *)in);
	if (valid && strcmp(out, "_") == 0)
		return 1;
	if (valid)
		memcpy(want, in, length);
	want[length] = '\0';
	expect(strcmp(out, want) == 0, "%02x %02x %02x %02x", in[0], in[1], in[2], in[3]);
	return 0;
}

/* How many must not be seen is known from Unicode's tables, see hidden() in clean.c. */
static void test_utf8(void)
{
	unsigned char in[8] = {0};
	unsigned hidden = 0;

	check_begin("match: all sequences of two bytes from 0x80 as the definition has it");
	for (unsigned a = 0xc0; a <= 0xdf; a++)
		for (unsigned b = 0x80; b <= 0xff; b++) {
			in[0] = (unsigned char)a;
			in[1] = (unsigned char)b;
			if (b < 0xc0)
				hidden += expect_sequence(in, 2);
		}
	expect_u64(hidden, 44, "characters that are not seen");
	check_end();

	check_begin("match: all sequences of three bytes");
	hidden = 0;
	for (unsigned n = 0; n < 16 * 64 * 64; n++) {
		in[0] = (unsigned char)(0xe0 | n >> 12);
		in[1] = (unsigned char)(0x80 | (n >> 6 & 0x3f));
		in[2] = (unsigned char)(0x80 | (n & 0x3f));
		hidden += expect_sequence(in, 3);
	}
	expect_u64(hidden, 121, "characters that are not seen");
	check_end();

	check_begin("match: all sequences of four bytes");
	hidden = 0;
	for (unsigned n = 0; n < 8 * 64 * 64 * 64; n++) {
		in[0] = (unsigned char)(0xf0 | n >> 18);
		in[1] = (unsigned char)(0x80 | (n >> 12 & 0x3f));
		in[2] = (unsigned char)(0x80 | (n >> 6 & 0x3f));
		in[3] = (unsigned char)(0x80 | (n & 0x3f));
		hidden += expect_sequence(in, 4);
	}
	expect_u64(hidden, 4126, "characters that are not seen");
	check_end();
}

/* Writes no more than `size` bytes. Returns the length of the name. */
static size_t clean_within(char *out, size_t size, const char *name)
{
	size_t length;

	memset(out, 0x55, GROUP_NAME_SIZE + 8);
	naming_clean(out, size, name);
	for (size_t i = size; i < GROUP_NAME_SIZE + 8; i++)
		expect(out[i] == 0x55, "size %zu: byte %zu was written", size, i);
	length = strnlen(out, size);
	expect(length < size && length > 0, "size %zu: length %zu", size, length);
	return length;
}

static void test_sizes(void)
{
	static const char *const sequences[] = {"a", "\xc3\xa9", "\xe2\x82\xac",
						"\xf0\x9f\x90\x9d"};
	static const char *const reserved[] = {"all", "other", "kernel", "self", "kernels", ""};
	char name[256], out[GROUP_NAME_SIZE + 8];

	check_begin("match: a long name fits into every size, and no sequence is cut");
	for (size_t i = 0; i < COUNT_OF(sequences); i++) {
		for (size_t used = 0; used + 8 < sizeof(name); used += strlen(sequences[i]))
			snprintf(name + used, sizeof(name) - used, "%s", sequences[i]);
		for (size_t size = 2; size <= GROUP_NAME_SIZE; size++) {
			size_t length = clean_within(out, size, name);

			expect(length % strlen(sequences[i]) == 0 || strcmp(out, "_") == 0,
			       "size %zu: \"%s\"", size, out);
		}
	}
	check_end();

	check_begin("match: a reserved name and its tag fit into every size");
	for (size_t i = 0; i < COUNT_OF(reserved); i++)
		for (size_t size = 2; size <= 16; size++)
			clean_within(out, size, reserved[i]);
	clean_within(out, 9, "allure"); /* what is left of it is a reserved name */
	expect_text(out, "all_", "allure in 9 bytes");
	check_end();
}

int main(void)
{
	test_cases();
	test_bytes();
	test_utf8();
	test_sizes();
	return check_status();
}
