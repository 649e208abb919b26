/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "probe/explain.h"
#include "probe/loader.h"
#include "probe/log.h"

/* The table that an iterator program visits; NULL for all other programs. */
static const struct bpf_map *iterated_map(const struct probe *p, size_t program)
{
	if (program == PROGRAM(rawtp_progress))
		return p->skeleton->maps.storage;
	return program == PROGRAM(always_listeners) ? p->skeleton->maps.listeners : NULL;
}

/* By its name: for a pattern, libbpf would read all of /proc/kallsyms, which hides addresses. */
static struct bpf_link *attach_fprobe(const struct bpf_program *program)
{
	const char *function = strchr(bpf_program__section_name(program), '/') + 1;
	LIBBPF_OPTS(bpf_kprobe_multi_opts, options, .syms = &function, .cnt = 1);

	return bpf_program__attach_kprobe_multi_opts(program, NULL, &options);
}

static struct bpf_link *attach_one(const struct probe *p, size_t index)
{
	struct bpf_program *program = program_at(p, index);
	const struct bpf_map *map = iterated_map(p, index);
	union bpf_iter_link_info info = {0};
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info,
		    .link_info_len = sizeof(info));

	if (bpf_program__expected_attach_type(program) == BPF_TRACE_KPROBE_MULTI)
		return attach_fprobe(program);
	if (!map)
		return bpf_program__attach(program);
	info.map.map_fd = bpf_map__fd(map);
	return bpf_program__attach_iter(program, &options);
}

/*
 * Is the program attached only once there is an MPTCP socket? TCP sockets run it for nothing. Bytes
 * may be counted late, turns may not.
 */
static bool is_late(const struct probe *p, size_t program)
{
	return !p->skeleton->rodata->knobs.responses && (program == PROGRAM(rawtp_mptcp_receive) ||
							 program == PROGRAM(fentry_mptcp_release));
}

/* What was received until then is not lost: it is counted with what comes next. */
void attach_late(struct probe *p)
{
	if (p->late_attached || !p->skeleton->bss->mptcp_seen)
		return;
	p->late_attached = true;
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		if (p->selected[i] && is_late(p, i))
			p->links[i] = bpf_program__attach(program_at(p, i));
}

int attach(struct probe *p)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		int err;

		if (!p->selected[i] || is_late(p, i))
			continue;
		p->links[i] = attach_one(p, i);
		if (p->links[i])
			continue;
		err = -errno;
		if (!backend_may_miss(i) || explain_shortage(err)) {
			log_blame(bpf_program__name(program_at(p, i)), "attach", err);
			return err;
		}
		p->dropped[i] = true;
	}
	return 0;
}

void detach(struct probe *p)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		bpf_link__destroy(p->links[i]);
}

/* -- iterators -- */

/* Opens an iterator program, whose text is what it tells. -ENOENT if it is not there. */
static int iterator_open(const struct probe *p, size_t program)
{
	const struct bpf_link *link = p->links[program];
	int fd;

	if (!link)
		return -ENOENT;
	fd = bpf_iter_create(bpf_link__fd(link));
	return fd < 0 ? -errno : fd;
}

/* Reads on. Returns how many bytes there are, 0 at the end, or -errno. */
static ssize_t iterator_read(int fd, void *out, size_t size)
{
	ssize_t n;

	do {
		n = read(fd, out, size);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Lets an iterator program that tells nothing visit everything once. */
static int iterate(const struct probe *p, size_t program)
{
	int fd = iterator_open(p, program);
	char nothing[64];
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = iterator_read(fd, nothing, sizeof(nothing));
	} while (n > 0 || n == -EAGAIN); /* the kernel pauses after a million elements */
	close(fd);
	return (int)n;
}

/* Without a baseline, a socket that we have not seen before begins with what it shows then. */
void take_baseline(struct probe *p)
{
	bool done = iterate(p, PROGRAM(always_baseline)) == 0;

	iterate(p, PROGRAM(always_unheld));
	p->skeleton->bss->baseline_done = done;
	p->dropped[PROGRAM(always_baseline)] = !done;
}

void probe_listeners(const struct probe *p, probe_visit_listener *visit, void *context)
{
	int fd = iterator_open(p, PROGRAM(always_listeners));
	struct tcp_listener listeners[64];
	ssize_t n;

	if (fd < 0)
		fd = iterator_open(p, PROGRAM(always_listening));
	if (fd < 0)
		return;
	/* the kernel gives whole records only, as many as fit; -EAGAIN: no more sockets listen */
	while ((n = iterator_read(fd, listeners, sizeof(listeners))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(*listeners); i++)
			visit(context, &listeners[i]);
	close(fd);
}

void probe_refresh(struct probe *p)
{
	attach_late(p);
	iterate(p, PROGRAM(rawtp_progress));
}
