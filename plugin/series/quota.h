/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Quotas: the places that a limit has in each tick, and the names that may begin. A name that was
 * never reported before is a new file for some writers, for ever. So as many as the limit may begin
 * at once, and then so many in an hour.
 */
#ifndef EBPF_TCP_QUOTA_H
#define EBPF_TCP_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "series/group.h"

struct member;
struct quotas;

/* `options` as groups_open() has them; they must stay. Returns 0 or -ENOMEM. */
int quotas_open(struct quotas **out, const struct group_options *options, unsigned rule_count);

/* NULL is allowed. */
void quotas_close(struct quotas *q);

/* A tick begins; `now_ns` never falls. */
void quotas_begin(struct quotas *q, uint64_t now_ns);

/* All places are free again: a table is to be settled. */
void quotas_free_places(struct quotas *q);

/* Takes a place for the member, and begins its name if it is new. False if one of both is missing.
 */
bool quotas_take(struct quotas *q, struct member *m);

/* How many names, ever, had a place and could not begin. */
uint64_t quotas_refused(const struct quotas *q, enum group_kind kind);

/* All places of a kind together. */
uint64_t quotas_places(const struct quotas *q, enum group_kind kind);

#endif
