/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdio.h>

#include "probe/loader.h"

/* A program and its twin: itself, if it has none. */
#define ALONE(symbol) PROGRAM(symbol), PROGRAM(symbol)
#define TWINS(symbol) PROGRAM(symbol), PROGRAM(symbol##_again)

/* Programs that count what nothing else tells of. */
static const struct {
	size_t program;
	size_t twin;
} alone[] = {
	{TWINS(fentry_connect4)},       {TWINS(fentry_connect6)},
	{ALONE(fentry_permit)},         {ALONE(fentry_permit4)},
	{ALONE(fentry_permit6)},        {ALONE(kprobe_connect4_enter)},
	{ALONE(kprobe_connect4)},       {ALONE(kprobe_connect6_enter)},
	{ALONE(kprobe_connect6)},       {ALONE(kprobe_permit_enter)},
	{ALONE(kprobe_permit)},         {ALONE(kprobe_permit4_enter)},
	{ALONE(kprobe_permit4)},        {ALONE(kprobe_permit6_enter)},
	{ALONE(kprobe_permit6)},        {ALONE(traced_synack)},
	{ALONE(traced_reset_sent)},     {ALONE(traced_reset_received)},
	{ALONE(kprobe_synack)},         {ALONE(kprobe_reset_sent)},
	{ALONE(kprobe_reset_received)},
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
