/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* collectd's headers, in the order that they need: the first one sets feature macros. */
#ifndef EBPF_TCP_COLLECTD_API_H
#define EBPF_TCP_COLLECTD_API_H

#include "daemon/collectd.h"

#include "daemon/plugin.h"
#include "utils/common/common.h"

#define PLUGIN_NAME "ebpf_tcp"

#endif
