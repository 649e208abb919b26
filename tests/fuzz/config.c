/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The options, from text in the form of collectd.conf. Whatever it says: the daemon survives, a
 * refusal has an ERROR, and what was taken can be finished, used and freed.
 */
#include <ctype.h>
#include <stdlib.h>

#include "collectd_stub.h"
#include "config.h"

#define ITEMS_MAX 64
#define VALUES_MAX 20

struct text {
	char *at;
};

static struct {
	oconfig_item_t items[ITEMS_MAX];
	oconfig_value_t values[ITEMS_MAX][VALUES_MAX];
	int count;
} tree;

static char *word(struct text *t, const char *ends)
{
	char *start = t->at;

	t->at += strcspn(t->at, ends);
	if (*t->at)
		*t->at++ = '\0';
	return start;
}

static oconfig_value_t value_of(char *text)
{
	oconfig_value_t value = {.type = OCONFIG_TYPE_NUMBER};
	char *end;

	value.value.number = strtod(text, &end);
	if (*text && !*end)
		return value;
	value.type = OCONFIG_TYPE_BOOLEAN;
	value.value.boolean = strcmp(text, "true") == 0;
	if (value.value.boolean || strcmp(text, "false") == 0)
		return value;
	value.type = OCONFIG_TYPE_STRING;
	value.value.string = text;
	return value;
}

/* "Key value "quoted value"" */
static void parse_line(oconfig_item_t *item, char *line)
{
	oconfig_value_t *values = tree.values[item - tree.items];
	struct text t;

	t.at = line;
	*item = (oconfig_item_t){.key = word(&t, " \t"), .values = values};
	while (*t.at && item->values_num < VALUES_MAX) {
		oconfig_value_t *value = &values[item->values_num];

		t.at += strspn(t.at, " \t");
		if (*t.at == '"') {
			t.at++;
			value->type = OCONFIG_TYPE_STRING;
			value->value.string = word(&t, "\"");
		} else if (*t.at) {
			*value = value_of(word(&t, " \t"));
		} else {
			break;
		}
		item->values_num++;
	}
}

/* A line that begins with `<` opens a block, `</` closes it; there is one level of them. */
static void parse(oconfig_item_t *block, char *text)
{
	oconfig_item_t *parent = NULL;
	struct text t;

	t.at = text;
	tree.count = 0;
	*block = (oconfig_item_t){.key = "Plugin", .children = tree.items};
	while (*t.at && tree.count < ITEMS_MAX) {
		char *line = word(&t, "\n");

		line += strspn(line, " \t#");
		if (strncmp(line, "</", 2) == 0) {
			parent = NULL;
		} else if (*line) {
			oconfig_item_t *item = &tree.items[tree.count++];

			parse_line(item, line + (*line == '<'));
			item->parent = parent;
			if (*line == '<')
				parent = item;
		}
	}
}

/* The children of an item must lie in a row: one with children is read as a block of its own. */
static int read_all(struct config *c, oconfig_item_t *block)
{
	int status = 0;

	for (int i = 0; i < tree.count; i++) {
		oconfig_item_t *item = &tree.items[i], part = *block;

		while (i + 1 < tree.count && tree.items[i + 1].parent == item) {
			item->children = item + 1;
			item->children_num++;
			i++;
		}
		part.children = item;
		part.children_num = 1;
		if (config_read(c, &part))
			status = -1;
	}
	return status;
}

static bool has_error(void)
{
	for (unsigned i = 0; i < stub.log_count && i < STUB_LOGS_MAX; i++)
		if (stub.logs[i].level == LOG_ERR)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);
	oconfig_item_t block;
	struct config c;
	int status;

	memcpy(text, data, size);
	stub_reset();
	if (config_defaults(&c))
		abort();
	parse(&block, text);
	status = read_all(&c, &block);
	if (stub.log_count <= STUB_LOGS_MAX && (status != 0) != has_error())
		abort();
	if (config_finish(&c))
		abort();
	for (unsigned i = 0; i <= c.match.rule_count; i++)
		if (c.reports[i].metric.percentiles.count > METRIC_PERCENTILES_MAX)
			abort();
	config_free(&c);
	free(text);
	return 0;
}
