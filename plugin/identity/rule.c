/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pattern.h"
#include "base/process.h"
#include "identity/rule.h"
#include "identity/subject.h"
#include "probe/snapshot.h"

#define CAPTURES 10 /* all of the match, and \1 to \9 */

/* One of the texts of a rule. */
struct term {
	char *text;
	struct pattern *pattern; /* of RULE_PATTERN and RULE_CONTAINER, else NULL */
	size_t captures; /* that the name wants, the one of the whole text among them; 0: none */
	uint32_t pid;    /* of RULE_PID, and what the file of RULE_PID_FILE says; 0: nobody's */
};

struct rule {
	enum rule_kind kind;
	char *name;
	struct term *terms;
	unsigned count;
};

/* -- names with captures -- */

/* 1 to 9 if \1 to \9 is here, else 0. */
static unsigned capture_number(const char *at)
{
	return at[0] == '\\' && at[1] >= '1' && at[1] <= '9' ? (unsigned)(at[1] - '0') : 0;
}

static unsigned highest_capture(const char *name)
{
	unsigned highest = 0;

	for (; *name; name++)
		if (capture_number(name) > highest)
			highest = capture_number(name);
	return highest;
}

/* Puts what was captured from the text into the name. */
static void expand(char *out, size_t size, const char *name, const char *text,
		   const regmatch_t *captures)
{
	size_t used = 0;

	for (; *name && used + 1 < size; name++) {
		const regmatch_t *capture = &captures[capture_number(name)];
		size_t length = (size_t)(capture->rm_eo - capture->rm_so); /* 0 if it is unused */

		if (capture == captures) { /* a byte like any other */
			out[used++] = *name;
			continue;
		}
		if (length > size - 1 - used)
			length = size - 1 - used;
		memcpy(out + used, text + (length ? capture->rm_so : 0), length);
		used += length;
		name++;
	}
	out[used] = '\0';
}

/* -- pids -- */

/* The number in the first line; blanks around it do not matter. */
static bool parse_pid(uint32_t *out, const char *text)
{
	unsigned long pid;
	char *end;

	pid = strtoul(text, &end, 10);
	end += strspn(end, " \t\r");
	if ((*end && *end != '\n') || pid < 1 || pid > PID_MAX)
		return false;
	*out = (uint32_t)pid;
	return true;
}

/* 0 if there is no file, or no pid in it. */
static uint32_t read_pid_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not stop us */
	uint32_t pid = 0;
	char text[64];
	ssize_t length;

	if (fd < 0)
		return 0;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	parse_pid(&pid, text);
	return pid;
}

/*
 * It is read at every tick: that costs no more than to ask whether it has changed, and the clock of
 * file systems may stand still between two changes.
 */
bool rule_refresh(struct rule *rule)
{
	bool changed = false;

	for (unsigned i = 0; rule->kind == RULE_PID_FILE && i < rule->count; i++) {
		uint32_t before = rule->terms[i].pid;

		rule->terms[i].pid = read_pid_file(rule->terms[i].text);
		changed |= rule->terms[i].pid != before;
	}
	return changed;
}

/* -- kinds of rules -- */

static int parse_pattern(struct term *term, char *why, size_t why_size)
{
	return pattern_new(&term->pattern, term->text, why, why_size);
}

static int parse_number(struct term *term, char *why, size_t why_size)
{
	if (parse_pid(&term->pid, term->text))
		return 0;
	snprintf(why, why_size, "a pid is a number from 1 to %d", PID_MAX);
	return -EINVAL;
}

static int fits_process(const struct term *term, struct subject *s, regmatch_t *captures)
{
	(void)captures;
	return strncmp(s->process->comm, term->text, TCP_COMM_LEN - 1) == 0;
}

static int fits_pattern(const struct term *term, struct subject *s, regmatch_t *captures)
{
	return pattern_find(term->pattern, subject_cmdline(s), term->captures, captures);
}

static int fits_container(const struct term *term, struct subject *s, regmatch_t *captures)
{
	const char *name = subject_container_name(s);

	return *name ? pattern_find(term->pattern, name, term->captures, captures) : 0;
}

static int fits_pid_file(const struct term *term, struct subject *s, regmatch_t *captures)
{
	(void)captures;
	return term->pid && subject_descends(s, term->pid);
}

static int fits_pid(const struct term *term, struct subject *s, regmatch_t *captures)
{
	(void)captures;
	return s->process->pid == term->pid;
}

/* To add a kind: one row. */
static const struct {
	int (*parse)(struct term *term, char *why, size_t why_size); /* NULL: any text will do */
	int (*fits)(const struct term *term, struct subject *s, regmatch_t *captures);
	const char *(*text)(struct subject *s); /* in which captures are */
} kinds[] = {
	[RULE_PROCESS] = {NULL, fits_process, NULL},
	[RULE_PATTERN] = {parse_pattern, fits_pattern, subject_cmdline},
	[RULE_PID_FILE] = {NULL, fits_pid_file, NULL},
	[RULE_PID] = {parse_number, fits_pid, NULL},
	[RULE_CONTAINER] = {parse_pattern, fits_container, subject_container_name},
};

int rule_fits(char *name, size_t size, const struct rule *rule, struct subject *s)
{
	regmatch_t captures[CAPTURES] = {0};
	int fits = 0;

	for (unsigned i = 0; i < rule->count && !fits; i++) {
		const struct term *term = &rule->terms[i];

		fits = kinds[rule->kind].fits(term, s, captures);
		if (fits > 0)
			expand(name, size, rule->name,
			       term->captures ? kinds[rule->kind].text(s) : "", captures);
	}
	return fits;
}

/* -- life -- */

/* Has the term as many groups as the name wants? */
static int check_name(const struct rule *rule, struct term *term, char *why, size_t why_size)
{
	unsigned highest = highest_capture(rule->name);
	size_t groups = term->pattern ? pattern_groups(term->pattern) : 0;

	term->captures = highest ? highest + 1 : 0;
	if (highest <= groups)
		return 0;
	snprintf(why, why_size, "\\%u in the name, but %zu groups in the regular expression",
		 highest, groups);
	return -EINVAL;
}

static void term_free(struct term *term)
{
	pattern_free(term->pattern);
	free(term->text);
}

int rule_add(struct rule *rule, const char *text, char *why, size_t why_size)
{
	struct term *terms = realloc(rule->terms, (rule->count + 1) * sizeof(*terms));
	struct term term = {.text = strdup(text)};
	int err = -ENOMEM;

	if (terms)
		rule->terms = terms;
	if (terms && term.text)
		err = kinds[rule->kind].parse ? kinds[rule->kind].parse(&term, why, why_size) : 0;
	if (!err)
		err = check_name(rule, &term, why, why_size);
	if (err)
		term_free(&term);
	else
		terms[rule->count++] = term;
	return err;
}

int rule_new(struct rule **out, enum rule_kind kind, const char *name, const char *text, char *why,
	     size_t why_size)
{
	struct rule *rule = calloc(1, sizeof(*rule));
	int err = -ENOMEM;

	if (!rule)
		return -ENOMEM;
	rule->kind = kind;
	rule->name = strdup(name);
	if (rule->name)
		err = rule_add(rule, text, why, why_size);
	if (err)
		rule_free(rule);
	else
		*out = rule;
	return err;
}

const char *rule_name(const struct rule *rule)
{
	return rule->name;
}

bool rule_captures(const struct rule *rule)
{
	return highest_capture(rule->name) > 0;
}

bool rule_by_container(const struct rule *rule)
{
	return rule->kind == RULE_CONTAINER;
}

void rule_renew(struct rule *rule)
{
	for (unsigned i = 0; i < rule->count; i++)
		if (rule->terms[i].pattern)
			pattern_renew(rule->terms[i].pattern);
}

void rule_free(struct rule *rule)
{
	if (!rule)
		return;
	for (unsigned i = 0; i < rule->count; i++)
		term_free(&rule->terms[i]);
	free(rule->terms);
	free(rule->name);
	free(rule);
}
