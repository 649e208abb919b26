/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "probe/loader.h"

#define EVENTS_MAX 8192 /* in one call: more than the ring holds */

static int map_table(void **out, struct bpf_map *map, size_t value_size, size_t count)
{
	void *memory = mmap(NULL, value_size * count, PROT_READ | PROT_WRITE, MAP_SHARED,
			    bpf_map__fd(map), 0);

	if (memory == MAP_FAILED)
		return -errno;
	*out = memory;
	return 0;
}

static int map_tables(struct probe *p, const struct probe_options *options)
{
	struct bpf_map *const maps[TCP_TIME_COUNT] = {
		[TCP_TIME_CONNECT] = p->skeleton->maps.connect_times,
		[TCP_TIME_LIFETIME] = options->knobs.lifetimes ? p->skeleton->maps.lifetimes : NULL,
		[TCP_TIME_RTT] = options->knobs.health ? p->skeleton->maps.round_trips : NULL,
	};
	struct tcp_histogram *turns = NULL;
	int err = map_table((void **)&p->rows, p->skeleton->maps.rows, sizeof(*p->rows),
			    p->row_count);

	if (!err)
		err = map_table((void **)&p->bytes, p->skeleton->maps.bytes, sizeof(*p->bytes),
				(size_t)p->row_count * p->shard_count);
	if (!err)
		err = map_table((void **)&p->touched, p->skeleton->maps.touched,
				sizeof(*p->touched), p->row_count);
	if (!err && options->knobs.hostnames)
		err = map_table((void **)&p->hostnames, p->skeleton->maps.hostnames,
				sizeof(*p->hostnames), p->row_count);
	for (unsigned i = 0; !err && i < TCP_TIME_COUNT; i++)
		if (maps[i])
			err = map_table((void **)&p->histograms[i], maps[i],
					sizeof(*p->histograms[i]), p->row_count);
	if (!err && options->knobs.responses)
		err = map_table((void **)&turns, p->skeleton->maps.turn_times, sizeof(*turns),
				(size_t)p->row_count * TCP_TURN_TIMES);
	for (unsigned i = 0; turns && i < TCP_TURN_TIMES; i++)
		p->histograms[TCP_TIME_SERVICE + i] = &turns[i];
	return err;
}

/* The lowest rows are taken first: the reader's pages stay few. */
static int fill_stack(const struct bpf_map *stack, uint32_t first, uint32_t end)
{
	for (uint32_t row = end; row-- > first;)
		if (bpf_map_update_elem(bpf_map__fd(stack), NULL, &row, BPF_ANY))
			return -errno;
	return 0;
}

static int fill_free_rows(struct probe *p)
{
	int err = fill_stack(p->skeleton->maps.free_rows, TCP_ROW_FIRST, p->first_endpoint);

	return err ? err
		   : fill_stack(p->skeleton->maps.free_endpoints, p->first_endpoint, p->row_count);
}

/* -- events -- */

static int take_event(void *context, void *data, size_t size)
{
	struct probe *p = context;

	(void)size;
	p->visit(p->context, data);
	return ++p->events < EVENTS_MAX ? 0 : -E2BIG;
}

void probe_events(struct probe *p, probe_visit_event *visit, void *context)
{
	if (!p->ring)
		return;
	p->visit = visit;
	p->context = context;
	p->events = 0;
	ring_buffer__consume(p->ring);
}

static int take_cgroup(void *context, void *data, size_t size)
{
	struct probe *p = context;

	(void)size;
	p->visit_cgroup(p->context, data);
	return ++p->events < EVENTS_MAX ? 0 : -E2BIG;
}

void probe_cgroups(struct probe *p, probe_visit_cgroup *visit, void *context)
{
	if (!p->cgroups)
		return;
	p->visit_cgroup = visit;
	p->context = context;
	p->events = 0;
	ring_buffer__consume(p->cgroups);
}

static int open_ring(struct ring_buffer **out, const struct bpf_map *map, struct probe *p,
		     ring_buffer_sample_fn take)
{
	*out = ring_buffer__new(bpf_map__fd(map), take, p, NULL);
	return *out ? 0 : -errno;
}

int tables_open(struct probe *p, const struct probe_options *options)
{
	int err = map_tables(p, options);

	if (!err)
		err = fill_free_rows(p);
	if (!err && wants_events(options))
		err = open_ring(&p->ring, p->skeleton->maps.events, p, take_event);
	if (!err && options->knobs.cgroups)
		err = open_ring(&p->cgroups, p->skeleton->maps.cgroups, p, take_cgroup);
	return err;
}

void tables_close(struct probe *p)
{
	if (p->rows)
		munmap(p->rows, sizeof(*p->rows) * p->row_count);
	if (p->bytes)
		munmap(p->bytes, sizeof(*p->bytes) * p->row_count * p->shard_count);
	if (p->touched)
		munmap(p->touched, sizeof(*p->touched) * p->row_count);
	if (p->hostnames)
		munmap(p->hostnames, sizeof(*p->hostnames) * p->row_count);
	for (unsigned i = 0; i < TCP_TIME_SERVICE; i++)
		if (p->histograms[i])
			munmap(p->histograms[i], sizeof(*p->histograms[i]) * p->row_count);
	if (p->histograms[TCP_TIME_SERVICE]) /* the others follow it */
		munmap(p->histograms[TCP_TIME_SERVICE],
		       sizeof(**p->histograms) * p->row_count * TCP_TURN_TIMES);
	ring_buffer__free(p->ring);
	ring_buffer__free(p->cgroups);
}

void probe_tables(struct probe_tables *out, const struct probe *p)
{
	*out = (struct probe_tables){
		.rows = p->rows,
		.bytes = p->bytes,
		.touched = p->touched,
		.hostnames = p->hostnames,
		.tick = &p->skeleton->data->tick,
		.self = &p->skeleton->bss->self,
		.endpoints_taken = &p->skeleton->bss->endpoints_taken,
		.row_count = p->row_count,
		.shard_count = p->shard_count,
		.socket_count =
			uses_storage(p) ? 0 : bpf_map__max_entries(p->skeleton->maps.sockets),
		.first_endpoint = p->first_endpoint,
		.processes_fd = bpf_map__fd(p->skeleton->maps.processes),
		.free_rows_fd = bpf_map__fd(p->skeleton->maps.free_rows),
		.endpoints_fd = bpf_map__fd(p->skeleton->maps.endpoints),
		.free_endpoints_fd = bpf_map__fd(p->skeleton->maps.free_endpoints),
	};
	memcpy(out->histograms, p->histograms, sizeof(out->histograms));
}

const char *probe_socket_limit(const struct probe *p)
{
	return uses_storage(p) ? "MaxSockets, or MemoryMax of the service" : "MaxSockets";
}
