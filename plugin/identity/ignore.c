/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/pattern.h"
#include "identity/ignore.h"

struct ignore {
	char *text;
	struct pattern *pattern; /* NULL: the text is a name */
};

static int parse_ignore(struct ignore *ignore, char *why, size_t why_size)
{
	size_t length = strlen(ignore->text);
	char *text = ignore->text;

	if (length < 3 || text[0] != '/' || text[length - 1] != '/')
		return 0;
	text[length - 1] = '\0'; /* what remains is not compared with names */
	return pattern_new(&ignore->pattern, text + 1, why, why_size);
}

int ignore_new(struct ignore **out, const char *text, char *why, size_t why_size)
{
	struct ignore *ignore = calloc(1, sizeof(*ignore));
	int err = -ENOMEM;

	if (!ignore)
		return -ENOMEM;
	ignore->text = strdup(text);
	if (ignore->text)
		err = parse_ignore(ignore, why, why_size);
	if (err)
		ignore_free(ignore);
	else
		*out = ignore;
	return err;
}

void ignore_free(struct ignore *ignore)
{
	if (!ignore)
		return;
	pattern_free(ignore->pattern);
	free(ignore->text);
	free(ignore);
}

void ignore_renew(struct ignore *ignore)
{
	if (ignore->pattern)
		pattern_renew(ignore->pattern);
}

int ignore_fits(const struct ignore *ignore, const char *group)
{
	if (ignore->pattern)
		return pattern_find(ignore->pattern, group, 0, NULL);
	return strcmp(ignore->text, group) == 0;
}
