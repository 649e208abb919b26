/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdio.h>

#include "probe/loader.h"

/* Programs that count what nothing else tells of, and their twins. */
static const struct {
	size_t program;
	size_t twin; /* itself: it has none */
} alone[] = {
	{PROGRAM(fentry_connect4), PROGRAM(fentry_connect4_again)},
	{PROGRAM(fentry_connect6), PROGRAM(fentry_connect6_again)},
	{PROGRAM(fentry_permit), PROGRAM(fentry_permit)},
	{PROGRAM(fentry_permit4), PROGRAM(fentry_permit4)},
	{PROGRAM(fentry_permit6), PROGRAM(fentry_permit6)},
	{PROGRAM(kprobe_connect4_enter), PROGRAM(kprobe_connect4_enter)},
	{PROGRAM(kprobe_connect4), PROGRAM(kprobe_connect4)},
	{PROGRAM(kprobe_connect6_enter), PROGRAM(kprobe_connect6_enter)},
	{PROGRAM(kprobe_connect6), PROGRAM(kprobe_connect6)},
	{PROGRAM(kprobe_permit_enter), PROGRAM(kprobe_permit_enter)},
	{PROGRAM(kprobe_permit), PROGRAM(kprobe_permit)},
	{PROGRAM(kprobe_permit4_enter), PROGRAM(kprobe_permit4_enter)},
	{PROGRAM(kprobe_permit4), PROGRAM(kprobe_permit4)},
	{PROGRAM(kprobe_permit6_enter), PROGRAM(kprobe_permit6_enter)},
	{PROGRAM(kprobe_permit6), PROGRAM(kprobe_permit6)},
	{PROGRAM(traced_synack), PROGRAM(traced_synack)},
	{PROGRAM(traced_reset_sent), PROGRAM(traced_reset_sent)},
	{PROGRAM(traced_reset_received), PROGRAM(traced_reset_received)},
	{PROGRAM(kprobe_synack), PROGRAM(kprobe_synack)},
	{PROGRAM(kprobe_reset_sent), PROGRAM(kprobe_reset_sent)},
	{PROGRAM(kprobe_reset_received), PROGRAM(kprobe_reset_received)},
};
#define ALONE_COUNT (sizeof(alone) / sizeof(*alone))

/* Only if both twins are skipped at once, something is lost. */
static uint64_t lost_runs(const uint64_t *skips)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ALONE_COUNT; i++) {
		uint64_t one = skips[alone[i].program], other = skips[alone[i].twin];

		sum += one < other ? one : other;
	}
	return sum;
}

void probe_usage(struct probe_usage *out, const struct probe *p)
{
	uint64_t skips[PROGRAM_COUNT] = {0}; /* of those that are not loaded: none */

	*out = (struct probe_usage){0};
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);

		if (!p->selected[i] ||
		    bpf_obj_get_info_by_fd(bpf_program__fd(program_at(p, i)), &info, &size))
			continue;
		skips[i] = info.recursion_misses;
		out->skips += info.recursion_misses;
		out->runs += info.run_cnt;
		out->run_ns += info.run_time_ns;
	}
	out->lost = lost_runs(skips);
}

bool probe_timed(void)
{
	FILE *file = fopen("/proc/sys/kernel/bpf_stats_enabled", "re");
	int answer = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return answer == '1';
}
