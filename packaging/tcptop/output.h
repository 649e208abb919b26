/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Tables for scripts: plain text, or JSON, one object a line.
 */
#ifndef TCPTOP_OUTPUT_H
#define TCPTOP_OUTPUT_H

#include "source.h"
#include "view.h"

/* False: nobody reads them any more. */
bool output_text(const struct view *view, const struct model *m, const struct source *source,
		 size_t limit);
bool output_json(const struct view *view, const struct model *m, const struct source *source,
		 size_t limit);

#endif
