/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe/explain.h"
#include "probe/loader.h"
#include "probe/log.h"

#define RING_SIZE (256 * 1024)
#define LISTENERS_MAX 4096

/* Can the program be had? An optional one is dropped if not, before anything large is loaded. */
static int look_for_hook(struct probe *p, size_t program)
{
	const char *name = bpf_program__name(program_at(p, program)),
		   *section = bpf_program__section_name(program_at(p, program));
	int err = kernel_hook(p->kernel, section);

	if (!err)
		return 0;
	if (!backend_may_miss(program) || explain_shortage(err)) {
		log_blame(name, section, err);
		return err;
	}
	p->dropped[program] = true;
	return 0;
}

static int select_programs(struct probe *p, const struct probe_options *options)
{
	int err;

	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		if (backend_wants(p, i, options)) {
			err = look_for_hook(p, i);
			if (err)
				return err;
		}
		p->selected[i] = backend_wants(p, i, options);
		bpf_program__set_autoload(program_at(p, i), p->selected[i]);
	}
	return 0;
}

static bool is_empty(const __u64 ports[TCP_PORT_WORDS])
{
	for (unsigned i = 0; i < TCP_PORT_WORDS; i++)
		if (ports[i])
			return false;
	return true;
}

/* One for each processor, but at most TCP_SHARDS_MAX: they cost memory. */
static unsigned count_shards(void)
{
	int processors = libbpf_num_possible_cpus();
	unsigned shards = 1;

	while (shards < TCP_SHARDS_MAX && (int)shards < processors)
		shards *= 2;
	return shards;
}

static bool are_all(const _Bool scopes[TCP_SCOPE_COUNT])
{
	for (unsigned i = 0; i < TCP_SCOPE_COUNT; i++)
		if (!scopes[i])
			return false;
	return true;
}

/* What is counted, and how finely. */
static void set_constants(struct probe *p, const struct tcp_knobs *knobs)
{
	struct tcp__rodata *constants = p->skeleton->rodata;

	constants->knobs = *knobs;
	constants->sock_storage = uses_storage(p);
	constants->returns_seen =
		p->selected[PROGRAM(fentry_connect4)] || p->selected[PROGRAM(kprobe_connect4)];
	constants->endpoint_count = p->row_count - p->first_endpoint;
	constants->row_count = p->row_count;
	constants->shard_mask = p->shard_count - 1;
	constants->any_port = is_empty(knobs->local_ports) && is_empty(knobs->remote_ports);
	constants->selective = !are_all(knobs->scopes) || !constants->any_port;
}

/* A page, if nobody asks for it. */
static unsigned ring_size(bool wanted)
{
	return wanted ? RING_SIZE : (unsigned)sysconf(_SC_PAGESIZE);
}

static int size_maps(struct probe *p, const struct probe_options *options)
{
	const struct tcp_knobs *knobs = &options->knobs;
	bool by_endpoint = knobs->by_destination || knobs->by_port || knobs->by_client;
	const unsigned endpoints = by_endpoint ? options->max_endpoints : 1;
	const unsigned first_endpoint = TCP_ROW_FIRST + options->max_processes;
	const unsigned row_count = first_endpoint + (by_endpoint ? endpoints : 0);
	const unsigned shard_count = count_shards();
	struct tcp *skeleton = p->skeleton;
	const struct {
		struct bpf_map *map;
		unsigned entries;
	} sizes[] = {
		{skeleton->maps.sockets, options->max_sockets},
		{skeleton->maps.processes, options->max_processes},
		{skeleton->maps.free_rows, options->max_processes},
		{skeleton->maps.endpoints, endpoints},
		{skeleton->maps.free_endpoints, endpoints},
		{skeleton->maps.rows, row_count},
		{skeleton->maps.bytes, row_count * shard_count},
		{skeleton->maps.touched, row_count},
		{skeleton->maps.connect_times, row_count},
		{skeleton->maps.lifetimes, knobs->lifetimes ? row_count : 1},
		{skeleton->maps.round_trips, knobs->health ? row_count : 1},
		{skeleton->maps.turn_times, knobs->responses ? row_count * TCP_TURN_TIMES : 1},
		{skeleton->maps.hostnames, knobs->hostnames ? row_count : 1},
		{skeleton->maps.listeners, knobs->listeners ? LISTENERS_MAX : 1},
		{skeleton->maps.events, ring_size(wants_events(options))},
		{skeleton->maps.cgroups, ring_size(knobs->cgroups)},
	};
	int err;

	p->row_count = row_count;
	p->shard_count = shard_count;
	p->first_endpoint = first_endpoint;
	err = bpf_map__set_autocreate(skeleton->maps.storage, uses_storage(p));
	if (!err && uses_storage(p)) /* hardly ever used: its memory is taken on use */
		err = bpf_map__set_map_flags(skeleton->maps.sockets, BPF_F_NO_PREALLOC);
	for (unsigned i = 0; !err && i < sizeof(sizes) / sizeof(*sizes); i++)
		err = bpf_map__set_max_entries(sizes[i].map, sizes[i].entries);
	return err;
}

static int load_once(struct probe *p, const struct probe_options *options)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_options, .btf_custom_path = options->btf);
	int err;

	log_clear();
	p->skeleton = tcp__open_opts(&open_options);
	if (!p->skeleton)
		return -errno;
	err = select_programs(p, options);
	if (p->backend->uses & KERNEL_FPROBE)
		bpf_program__set_expected_attach_type(p->skeleton->progs.kprobe_release,
						      BPF_TRACE_KPROBE_MULTI);
	if (!err)
		err = size_maps(p, options);
	set_constants(p, &options->knobs);
	if (!err)
		err = tcp__load(p->skeleton);
	if (err) {
		tcp__destroy(p->skeleton);
		p->skeleton = NULL;
	}
	return err;
}

/* Gives up the optional program that libbpf's log blames. Returns false if it blames none. */
static bool drop_blamed(struct probe *p)
{
	char name[64];
	size_t program;

	for (const char *at = log_text(); (at = strstr(at, "prog '")); at++) {
		if (sscanf(at, "prog '%63[^']'", name) != 1)
			continue;
		program = backend_optional(name);
		if (program < PROGRAM_COUNT && !p->dropped[program]) {
			p->dropped[program] = true;
			return true;
		}
	}
	return false;
}

int load(struct probe *p, const struct probe_options *options)
{
	int err = load_once(p, options);

	while (err && !explain_shortage(err) && drop_blamed(p))
		err = load_once(p, options);
	return err;
}
