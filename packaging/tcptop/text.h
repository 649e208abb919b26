/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Numbers and names as a person reads them, in so many columns of a terminal.
 */
#ifndef TCPTOP_TEXT_H
#define TCPTOP_TEXT_H

#include <stddef.h>

#define TEXT_CELL 16 /* bytes that a number takes, with its end */

void text_number(char out[TEXT_CELL], double value);  /* 0.5, 999, 45.3k, 160k; "-": unknown */
void text_seconds(char out[TEXT_CELL], double value); /* 84us, 2.5ms, 251ms, 1.5s */

/*
 * Names are clean when they come from the plugin. All the same, nothing that steers a terminal, has
 * no width or turns the direction of writing gets through: it becomes "_".
 */
int text_width(const char *name);
/* Left-aligned; "+" is at the end of what was cut. Of `size` bytes it takes what it needs. */
void text_fit(char *out, size_t size, const char *name, int columns);

#endif
