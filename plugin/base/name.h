/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Names: one copy of each text, shared by all that hold it. */
#ifndef EBPF_TCP_NAME_H
#define EBPF_TCP_NAME_H

#include <stdint.h>

struct names;

#define NAME_HASH 2166136261U /* the hash of no text */

/* The hash of a text. `hash` is NAME_HASH, or the hash of the texts before. */
uint32_t name_hash(uint32_t hash, const char *text);

/* `expected`: how many different ones there may be; more are only slower. Returns 0 or -ENOMEM. */
int names_open(struct names **out, unsigned expected);

/* NULL is allowed. Names that are still held go, too. */
void names_close(struct names *n);

/* The copy of that text, to be given back with names_put(); NULL without memory. */
const char *names_get(struct names *n, const char *text);

/* Texts that are not of names_get(), and NULL, are left alone. */
void names_put(struct names *n, const char *text);

#endif
