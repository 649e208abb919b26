/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <ctype.h>
#include <string.h>

#include "match.h"
#include "snapshot.h"

static const char *const reserved[] = {GROUP_ALL, GROUP_OTHER, GROUP_KERNEL, GROUP_SELF};

const char *const *match_by_names(void)
{
	static const char *const names[] = {[MATCH_BY_PROCESS] = "Process", NULL};

	return names;
}

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

static int keep_byte(unsigned char c)
{
	return (c < 0x80 && isalnum(c)) || (c && strchr("_.:@+-", c));
}

void match_clean(char *out, size_t size, const char *name)
{
	const unsigned char *in = (const unsigned char *)name;
	size_t used = 0, length;

	for (; *in && used + 6 < size; in += length) { /* room for a sequence, a tag and the end */
		length = utf8_length(in);
		if (length) {
			memcpy(out + used, in, length);
			used += length;
			continue;
		}
		length = 1;
		out[used++] = (char)(keep_byte(*in) ? *in : '_');
	}
	if (!used)
		out[used++] = '_';
	out[used] = '\0';
	for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
		if (strcmp(out, reserved[i]) == 0)
			memcpy(out + used, "_", sizeof("_"));
}

void match_group(char *out, const struct snapshot_process *p, const struct match_options *options)
{
	switch (options->group_by) {
	case MATCH_BY_PROCESS:
	default:
		match_clean(out, GROUP_NAME_SIZE, p->comm);
	}
}
