/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * What keys do to what is shown.
 */
#ifndef TCPTOP_KEYS_H
#define TCPTOP_KEYS_H

#include <stdbool.h>

#include "view.h"

/* Keys that are not characters. */
enum {
	KEYS_UP = 0x1000,
	KEYS_DOWN,
	KEYS_PAGE_UP,
	KEYS_PAGE_DOWN,
	KEYS_HOME,
	KEYS_BACKSPACE,
};

#define KEYS_ENTER '\n'
#define KEYS_ESCAPE 27

struct keys {
	struct view view;
	bool paused;
	bool typing; /* the filter */
	bool quit;
	int top;  /* the first row that is shown; no more of them than there are rows */
	int page; /* rows of a page */
};

void keys_press(struct keys *keys, int key);

extern const char keys_help[2][80]; /* what they are, for a person */

#endif
