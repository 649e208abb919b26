/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pattern.h"

struct pattern {
	char *text;
	regex_t any;   /* "^.*(text)": tells only whether it fits */
	regex_t first; /* the text: tells where it fits */
};

/* -- what is not allowed -- */

/* What comes after the bracket expression at `at`: "[]a]", "[^]a]", "[[:alpha:]]". A backslash is a
 * byte like any other there. */
static const char *skip_bracket(const char *at)
{
	at += at[1] == '^' ? 2 : 1;
	for (at += *at == ']'; *at && *at != ']'; at++) {
		const char end[] = {at[1], ']', '\0'}, *closed = NULL;

		if (*at == '[' && at[1] && strchr(":.=", at[1]))
			closed = strstr(at + 2, end);
		if (closed)
			at = closed + 1;
	}
	return at + (*at == ']');
}

/* Returns NULL, or what is wrong with it though regcomp() takes it. */
static const char *objection(const char *text)
{
	unsigned open = 0;

	for (const char *at = text; *at;) {
		if (*at == '[') {
			at = skip_bracket(at);
			continue;
		}
		if (*at == '\\' && at[1] >= '1' && at[1] <= '9')
			return "it refers back to a group, which may take for ever: write out what "
			       "the group may be";
		if (*at == ')' && !open--)
			return "Unmatched )";
		open += *at == '(';
		at += *at == '\\' && at[1] ? 2 : 1;
	}
	return NULL;
}

/* -- compiling -- */

/* Returns 0, or an error for regerror() with what it is about in `first`. */
static int compile(regex_t *any, regex_t *first, const char *text)
{
	size_t size = strlen(text) + sizeof("^.*()");
	char *whole = calloc(1, size);
	int code;

	if (!whole)
		return REG_ESPACE;
	snprintf(whole, size, "^.*(%s)", text);
	code = regcomp(first, text, REG_EXTENDED);
	if (!code) {
		code = regcomp(any, whole, REG_EXTENDED | REG_NOSUB);
		if (code)
			regfree(first);
	}
	free(whole);
	return code;
}

int pattern_new(struct pattern **out, const char *text, char *why, size_t why_size)
{
	const char *wrong = objection(text);
	struct pattern *p;
	int code;

	if (wrong) {
		snprintf(why, why_size, "%s", wrong);
		return -EINVAL;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->text = strdup(text);
	code = p->text ? compile(&p->any, &p->first, text) : REG_ESPACE;
	if (!code) {
		*out = p;
		return 0;
	}
	regerror(code, &p->first, why, why_size);
	free(p->text);
	free(p);
	return code == REG_ESPACE ? -ENOMEM : -EINVAL;
}

static void regexes_free(struct pattern *p)
{
	regfree(&p->any);
	regfree(&p->first);
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	regexes_free(p);
	free(p->text);
	free(p);
}

void pattern_renew(struct pattern *p)
{
	regex_t any, first;

	if (compile(&any, &first, p->text))
		return;
	regexes_free(p);
	p->any = any;
	p->first = first;
}

/* -- looking -- */

size_t pattern_groups(const struct pattern *p)
{
	return p->first.re_nsub;
}

int pattern_find(const struct pattern *p, const char *text, size_t count, regmatch_t *captures)
{
	int code = regexec(&p->any, text, 0, NULL, 0);

	if (!code && count)
		code = regexec(&p->first, text, count, captures, 0);
	return code == REG_ESPACE ? -ENOMEM : !code;
}
