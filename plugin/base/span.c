/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <string.h>

#include "base/span.h"

struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

struct span span_cut(struct span *rest, char end)
{
	const char *at = memchr(rest->at, end, rest->length);
	struct span head = {rest->at, at ? (size_t)(at - rest->at) : rest->length};
	size_t taken = head.length + (at != NULL);

	*rest = (struct span){rest->at + taken, rest->length - taken};
	return head;
}

struct span span_next(struct span *path)
{
	struct span s;

	do
		s = span_cut(path, '/');
	while (!s.length && path->length);
	return s;
}

bool span_ends(struct span s, const char *with)
{
	size_t n = strlen(with);

	return s.length >= n && memcmp(s.at + s.length - n, with, n) == 0;
}

bool span_is(struct span s, const char *text)
{
	return s.length == strlen(text) && span_ends(s, text);
}

struct span span_between(struct span s, const char *before, const char *after)
{
	size_t n = strlen(before), around = n + strlen(after);

	if (s.length <= around || memcmp(s.at, before, n) != 0 || !span_ends(s, after))
		return (struct span){s.at, 0};
	return (struct span){s.at + n, s.length - around};
}

int span_digit(char digit, int base)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	const char *at = memchr(digits, digit, (size_t)base);

	return at ? (int)(at - digits) : -1;
}

static int hex(char digit)
{
	return span_digit(digit, 16);
}

bool span_digits(struct span s, int base)
{
	for (size_t i = 0; i < s.length; i++)
		if (span_digit(s.at[i], base) < 0)
			return false;
	return s.length > 0;
}

struct span span_cut_tail(struct span *rest, size_t length)
{
	size_t taken = rest->length < length ? 0 : length;

	rest->length -= taken;
	return (struct span){rest->at + rest->length, taken};
}

void span_unescape(char *out, size_t size, struct span s)
{
	for (; s.length && size > 1; size--) {
		const char *at = s.at;
		bool escape = s.length >= 4 && memcmp(at, "\\x", 2) == 0 && hex(at[2]) >= 0 &&
			      hex(at[3]) >= 0 && hex(at[2]) + hex(at[3]) > 0;
		size_t taken = escape ? 4 : 1;

		*out++ = (char)(escape ? hex(at[2]) << 4 | hex(at[3]) : *at);
		s = (struct span){at + taken, s.length - taken};
	}
	if (size)
		*out = '\0';
}
