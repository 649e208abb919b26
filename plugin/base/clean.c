/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/clean.h"

/* Length of the valid UTF-8 sequence at `at`, 0 if there is none. Overlong forms are not valid. */
static size_t utf8_length(const unsigned char *at)
{
	static const struct {
		unsigned char first_low, first_high, second_low, second_high;
		size_t length;
	} forms[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		size_t n = 2;

		if (at[0] < forms[i].first_low || at[0] > forms[i].first_high ||
		    at[1] < forms[i].second_low || at[1] > forms[i].second_high)
			continue;
		while (n < forms[i].length && at[n] >= 0x80 && at[n] <= 0xbf)
			n++;
		return n == forms[i].length ? n : 0;
	}
	return 0;
}

static uint32_t utf8_decode(const unsigned char *at, size_t length)
{
	uint32_t code = at[0] & (0x7f >> length);

	for (size_t i = 1; i < length; i++)
		code = code << 6 | (at[i] & 0x3f);
	return code;
}

/*
 * Unicode's Cc, Cf, Zs, Zl and Zp, what is ignorable by default, and the blanks and noncharacters
 * of the basic plane: what steers (C1, bidirectional), cannot be seen, or only as a blank.
 */
static bool hidden(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x0080, 0x00a0},   {0x00ad, 0x00ad},   {0x034f, 0x034f},   {0x0600, 0x0605},
		{0x061c, 0x061c},   {0x06dd, 0x06dd},   {0x070f, 0x070f},   {0x0890, 0x0891},
		{0x08e2, 0x08e2},   {0x115f, 0x1160},   {0x1680, 0x1680},   {0x17b4, 0x17b5},
		{0x180b, 0x180f},   {0x2000, 0x200f},   {0x2028, 0x202f},   {0x205f, 0x206f},
		{0x2800, 0x2800},   {0x3000, 0x3000},   {0x3164, 0x3164},   {0xfdd0, 0xfdef},
		{0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
		{0xfffe, 0xffff},   {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f},
		{0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* Bytes of ASCII that stay. */
static bool in_name(unsigned char c)
{
	return isalnum(c) || strchr("_.:@+-", c);
}

static bool in_text(unsigned char c)
{
	return c >= ' ' && c <= '~';
}

/* Returns the length of the clean text. */
static size_t clean(char *out, size_t size, const char *text, bool (*stays)(unsigned char c))
{
	const unsigned char *in = (const unsigned char *)text;
	size_t used = 0, length;

	for (; *in && used + CLEAN_MARGIN < size; in += length) {
		length = *in < 0x80 ? stays(*in) : utf8_length(in);
		if (length > 1 && hidden(utf8_decode(in, length))) {
			out[used++] = '_';
		} else if (length) {
			memcpy(out + used, in, length);
			used += length;
		} else {
			out[used++] = '_';
			length = 1;
		}
	}
	out[used] = '\0';
	return used;
}

void clean_name(char *out, size_t size, const char *name)
{
	if (!clean(out, size, name, in_name))
		memcpy(out, "_", sizeof("_"));
}

void clean_text(char *out, size_t size, const char *text)
{
	clean(out, size, text, in_text);
}
