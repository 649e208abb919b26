/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "probe/kernel.h"

#define NAME_MAX_LENGTH 128
#define USES 5
#define EVENT_SOURCES "/sys/bus/event_source/devices"
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct kernel {
	struct btf *btf; /* NULL: it has none */
	bool tried[USES];
	int answers[USES];
};

struct kernel *kernel_open(void)
{
	struct kernel *k = calloc(1, sizeof(*k));

	if (k)
		k->btf = btf__load_vmlinux_btf();
	return k;
}

void kernel_close(struct kernel *k)
{
	if (!k)
		return;
	btf__free(k->btf);
	free(k);
}

bool kernel_has_member(const struct kernel *k, const char *structure, const char *member)
{
	int id = k->btf ? btf__find_by_name_kind(k->btf, structure, BTF_KIND_STRUCT) : -ENOENT;
	const struct btf_type *type = id > 0 ? btf__type_by_id(k->btf, id) : NULL;

	for (unsigned i = 0; type && i < btf_vlen(type); i++)
		if (strcmp(btf__name_by_offset(k->btf, btf_members(type)[i].name_off), member) == 0)
			return true;
	return false;
}

/* -- trying -- */

#define INSN(c, d, s, o, i)                                                                        \
	{                                                                                          \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                \
	}
#define SET(reg, number) INSN(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, number)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static const struct bpf_insn nothing[] = {SET(0, 0), EXIT};

/* Typed programs, by how their section begins; the rest is in BTF what they attach to. */
static const struct hook {
	const char *section;
	const char *prefix;
	unsigned kind;
	enum bpf_attach_type type;
} hooks[] = {
	{"fentry/", "", BTF_KIND_FUNC, BPF_TRACE_FENTRY},
	{"fexit/", "", BTF_KIND_FUNC, BPF_TRACE_FEXIT},
	{"tp_btf/", "btf_trace_", BTF_KIND_TYPEDEF, BPF_TRACE_RAW_TP},
	{"iter/", "bpf_iter_", BTF_KIND_FUNC, BPF_TRACE_ITER},
};

static const struct hook *hook_of(const char *section)
{
	for (size_t i = 0; i < COUNT(hooks); i++)
		if (strncmp(section, hooks[i].section, strlen(hooks[i].section)) == 0)
			return &hooks[i];
	return NULL;
}

/* Returns the program, or -errno. Since libbpf 1.2 the options are not constant. */
static int load(enum bpf_prog_type type, const struct bpf_insn *program, size_t count,
		struct bpf_prog_load_opts *options)
{
	int fd = bpf_prog_load(type, "try", "GPL", program, count, options);

	return fd < 0 ? -errno : fd;
}

/* The same for a typed program of this section. */
static int load_typed(const struct kernel *k, const char *section, const struct bpf_insn *program,
		      size_t count)
{
	const struct hook *hook = hook_of(section);
	char name[NAME_MAX_LENGTH];
	int id;

	if (!k->btf)
		return -ENOENT;
	snprintf(name, sizeof(name), "%s%s", hook->prefix, section + strlen(hook->section));
	id = btf__find_by_name_kind(k->btf, name, hook->kind);
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = hook->type,
		    .attach_btf_id = (__u32)id);
	return id < 0 ? -ENOENT : load(BPF_PROG_TYPE_TRACING, program, count, &options);
}

/*
 * Closes both: it is enough that they could be had. Each may be -errno; a link that was not needed
 * is 0.
 */
static int answer(int program, int link)
{
	if (link > 0)
		close(link);
	if (program < 0)
		return program;
	close(program);
	return link < 0 ? link : 0;
}

int kernel_hook(const struct kernel *k, const char *section)
{
	return hook_of(section) ? answer(load_typed(k, section, nothing, COUNT(nothing)), 0) : 0;
}

static int try_trampoline(const struct kernel *k)
{
	int program = load_typed(k, "fexit/tcp_sendmsg_locked", nothing, COUNT(nothing));
	int link = program < 0 ? 0 : bpf_raw_tracepoint_open(NULL, program);

	return answer(program, link < 0 ? -errno : link);
}

/* Such a map must have types. Returns the map, or -errno. */
static int storage_create(void)
{
	struct btf *btf = btf__new_empty();
	int type = btf ? btf__add_int(btf, "int", sizeof(int), BTF_INT_SIGNED) : -ENOMEM;
	int err = type < 0 ? type : btf__load_into_kernel(btf), fd = err;

	if (!err) {
		LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC,
			    .btf_fd = (__u32)btf__fd(btf), .btf_key_type_id = (__u32)type,
			    .btf_value_type_id = (__u32)type);

		fd = bpf_map_create(BPF_MAP_TYPE_SK_STORAGE, "try", sizeof(int), sizeof(int), 0,
				    &options);
		fd = fd < 0 ? -errno : fd;
	}
	btf__free(btf);
	return fd;
}

static int try_sock_storage(const struct kernel *k)
{
	int storage = storage_create(), program;
	const struct bpf_insn look[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 2, 1, 0, 0), /* the first argument, a socket */
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, storage),
		INSN(0, 0, 0, 0, 0),
		SET(3, 0),
		SET(4, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sk_storage_get),
		SET(0, 0),
		EXIT,
	};

	if (storage < 0)
		return storage;
	program = load_typed(k, "tp_btf/tcp_destroy_sock", look, COUNT(look));
	close(storage);
	return answer(program, 0);
}

static int try_exchange(const struct kernel *k)
{
	static const struct bpf_insn swap[] = {
		SET(0, 0),
		INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 0, -8, 0),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 10, 0, -8, BPF_CMPXCHG),
		SET(0, 0),
		EXIT,
	};

	(void)k;
	return answer(load(BPF_PROG_TYPE_RAW_TRACEPOINT, swap, COUNT(swap), NULL), 0);
}

/* Without sysfs libbpf has other ways to attach. */
static int try_kprobe(const struct kernel *k)
{
	(void)k;
	return access(EVENT_SOURCES, F_OK) == 0 && access(EVENT_SOURCES "/kprobe", F_OK) != 0
		       ? -ENOENT
		       : 0;
}

static int try_fprobe(const struct kernel *k)
{
	const char *function = "release_sock";
	LIBBPF_OPTS(bpf_prog_load_opts, load_options,
		    .expected_attach_type = BPF_TRACE_KPROBE_MULTI);
	LIBBPF_OPTS(bpf_link_create_opts, link_options, .kprobe_multi.syms = &function,
		    .kprobe_multi.cnt = 1);
	int program = load(BPF_PROG_TYPE_KPROBE, nothing, COUNT(nothing), &load_options);
	int link = program < 0 ? 0
			       : bpf_link_create(program, 0, BPF_TRACE_KPROBE_MULTI, &link_options);

	(void)k;
	return answer(program, link < 0 ? -errno : link);
}

/* In the order of enum kernel_use. */
static const struct {
	const char *name;
	int (*try)(const struct kernel *k);
} uses_known[] = {
	{"fexit", try_trampoline},
	{"sk_storage", try_sock_storage},
	{"compare-and-swap", try_exchange},
	{"kprobe", try_kprobe},
	{"fprobe", try_fprobe},
};
_Static_assert(COUNT(uses_known) == USES, "USES");

int kernel_can(const char **out, struct kernel *k, unsigned uses)
{
	for (unsigned i = 0; i < USES; i++) {
		if (!(uses & 1U << i))
			continue;
		if (!k->tried[i])
			k->answers[i] = uses_known[i].try(k);
		k->tried[i] = true;
		*out = uses_known[i].name;
		if (k->answers[i])
			return k->answers[i];
	}
	return 0;
}
