/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Control groups: that of a process, and paths, which nobody else tells once they are gone. */
#ifndef EBPF_TCP_CGROUP_BPF_H
#define EBPF_TCP_CGROUP_BPF_H

#include "maps.bpf.h"

/* Of all controllers of a process, or of a control group, that of memory. */
#define READ_MEMORY(out, holder)                                                                   \
	bpf_core_read(                                                                             \
		&(out), sizeof(out),                                                               \
		&(holder)->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)])

/* Where cgroup v2 is not used, what it would say is in the hierarchy of the memory controller. */
static __always_inline __u64 current_cgroup(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 id = bpf_get_current_cgroup_id(), v1;
	struct cgroup_subsys_state *memory;
	struct css_set *set;

	if (id > CGROUP_ROOT || !bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return id;
	set = BPF_CORE_READ(task, cgroups);
	READ_MEMORY(memory, set);
	v1 = BPF_CORE_READ(memory, cgroup, kn, id);
	return v1 > CGROUP_ROOT ? v1 | TCP_CGROUP_V1 : id;
}

/* Its id as current_cgroup() has it; 0: of a hierarchy whose ids nobody asks for. */
static __always_inline __u64 cgroup_id(struct cgroup *cgroup)
{
	__u64 id = BPF_CORE_READ(cgroup, kn, id);
	struct cgroup_subsys_state *memory = NULL;

	if (!BPF_CORE_READ(cgroup, root, hierarchy_id))
		return id;
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		READ_MEMORY(memory, cgroup);
	return memory ? id | TCP_CGROUP_V1 : 0;
}

/* Without room nobody is told: the path is then known for as long as the control group is there. */
static __always_inline void on_cgroup(struct cgroup *cgroup, const char *path)
{
	__u64 id = cgroup_id(cgroup);
	struct tcp_cgroup *told;
	long length;

	if (!id)
		return;
	told = bpf_ringbuf_reserve(&cgroups, sizeof(*told), 0);
	if (!told)
		return;
	told->id = id;
	length = bpf_probe_read_kernel_str(told->path, sizeof(told->path), path);
	if (length > 0 && length < (long)sizeof(told->path))
		bpf_ringbuf_submit(told, BPF_RB_NO_WAKEUP);
	else
		bpf_ringbuf_discard(told, BPF_RB_NO_WAKEUP);
}

#endif
