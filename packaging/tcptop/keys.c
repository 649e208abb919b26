/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <string.h>

#include "keys.h"

const char keys_help[2][80] = {
	"show: All Groups Pids Destinations Clients   / filter   space pause   Q quit",
	"sort: Bytes Rx Tx coNnects Failures Latency rEtransmits Service",
};

static const struct {
	int key;
	enum what what;
} whats[] = {
	{'a', WHAT_ALL},          {'g', WHAT_GROUPS},  {'p', WHAT_PIDS},
	{'d', WHAT_DESTINATIONS}, {'c', WHAT_CLIENTS},
};

static const struct {
	int key;
	enum metric sort;
} sorts[] = {
	{'b', METRIC_BYTES},       {'r', METRIC_RX},       {'t', METRIC_TX},
	{'n', METRIC_CONNECTS},    {'f', METRIC_FAILURES}, {'l', METRIC_LATENCY},
	{'e', METRIC_RETRANSMITS}, {'s', METRIC_SERVICE},
};

/* UTF-8: the bytes that go on belong to the character before them. */
static void erase(char *text)
{
	size_t length = strlen(text);

	while (length && ((unsigned char)text[--length] & 0xc0) == 0x80)
		;
	text[length] = '\0';
}

static void type(struct keys *keys, int key)
{
	char *filter = keys->view.filter;
	size_t length = strlen(filter);

	keys->top = 0;
	if (key == KEYS_ENTER || key == KEYS_ESCAPE)
		keys->typing = false;
	if (key == KEYS_ESCAPE)
		*filter = '\0';
	if (key == KEYS_BACKSPACE)
		erase(filter);
	if (key < ' ' || key > 0xff || key == 0x7f || length + 1 >= sizeof(keys->view.filter))
		return;
	filter[length] = (char)key;
	filter[length + 1] = '\0';
}

static void scroll(struct keys *keys, int key)
{
	int rows = key == KEYS_UP          ? -1
		   : key == KEYS_DOWN      ? 1
		   : key == KEYS_PAGE_UP   ? -keys->page
		   : key == KEYS_PAGE_DOWN ? keys->page
		   : key == KEYS_HOME      ? -keys->top
					   : 0;

	keys->top = keys->top + rows > 0 ? keys->top + rows : 0;
}

static void choose(struct keys *keys, int key)
{
	for (size_t i = 0; i < sizeof(whats) / sizeof(*whats); i++)
		if (whats[i].key == key) {
			keys->view.what = whats[i].what;
			keys->top = 0;
		}
	for (size_t i = 0; i < sizeof(sorts) / sizeof(*sorts); i++)
		if (sorts[i].key == key) {
			keys->view.sort = sorts[i].sort;
			keys->top = 0;
		}
}

void keys_press(struct keys *keys, int key)
{
	if (keys->typing) {
		type(keys, key);
		return;
	}
	if (key >= 'A' && key <= 'Z')
		key += 'a' - 'A';
	if (key == 'q')
		keys->quit = true;
	if (key == ' ')
		keys->paused = !keys->paused;
	if (key == '/')
		keys->typing = true;
	if (key == KEYS_ESCAPE)
		*keys->view.filter = '\0';
	choose(keys, key);
	scroll(keys, key);
}
