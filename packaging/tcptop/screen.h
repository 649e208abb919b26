/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The table in a terminal.
 */
#ifndef TCPTOP_SCREEN_H
#define TCPTOP_SCREEN_H

#include "keys.h"
#include "source.h"

/* 0, or -1 if it is no terminal that one can write on anywhere: the reason was said. */
int screen_open(void);
/* The terminal is as it was before. */
void screen_close(void);

void screen_draw(struct keys *keys, const struct model *m, const struct source *source);
/* Takes all keys that were pressed. False if the terminal has gone. */
bool screen_keys(struct keys *keys);

#endif
