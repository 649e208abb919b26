/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Connects that are not permitted. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "connect.h"

/* A cgroup whose program says no, below a mount of its own. Ours until cgroup_leave(). */
static struct {
	char mount[32];
	char path[64];
} cgroup = {.mount = "/tmp/connect-XXXXXX"};

static void cgroup_join(const char *path)
{
	char procs[128], pid[16];
	int fd;

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	fd = check(open(procs, O_WRONLY | O_CLOEXEC), procs);
	moved(write(fd, pid, strlen(pid)), procs);
	close(fd);
}

static void cgroup_deny(enum bpf_attach_type type)
{
	static const struct bpf_insn no[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = type);
	int program = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "deny", "GPL", no, COUNT(no),
				    &options);
	int fd = check(open(cgroup.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), cgroup.path);

	if (program < 0 || bpf_prog_attach(program, fd, type, 0))
		skip("no program in a cgroup: %s", strerror(errno));
	close(fd);
	close(program);
}

static void cgroup_enter(enum bpf_attach_type type)
{
	check(unshare(CLONE_NEWNS), "unshare");
	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	if (!mkdtemp(cgroup.mount))
		broken("%s: %s", cgroup.mount, strerror(errno));
	if (mount("cgroup2", cgroup.mount, "cgroup2", 0, NULL))
		skip("no cgroup v2: %s", strerror(errno));
	snprintf(cgroup.path, sizeof(cgroup.path), "%s/connect-%d", cgroup.mount, (int)getpid());
	check(mkdir(cgroup.path, 0700), cgroup.path);
	cgroup_deny(type);
	cgroup_join(cgroup.path);
}

static void cgroup_leave(void)
{
	cgroup_join(cgroup.mount);
	check(rmdir(cgroup.path), cgroup.path);
	check(umount(cgroup.mount), cgroup.mount);
	rmdir(cgroup.mount);
}

static void cgroup_client(struct stage *stage)
{
	bool v6 = stage->scenario->dial.family == AF_INET6;

	cgroup_enter(v6 ? BPF_CGROUP_INET6_CONNECT : BPF_CGROUP_INET4_CONNECT);
	near_fails(stage);
	near_fails(stage);
	cgroup_leave();
}

static void run_denied_cgroup(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("client", cgroup_client, stage);
}

#ifndef LANDLOCK_ACCESS_NET_CONNECT_TCP
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif

static void landlocked_client(struct stage *stage)
{
	struct {
		uint64_t handled_access_fs, handled_access_net;
	} rules = {.handled_access_net = LANDLOCK_ACCESS_NET_CONNECT_TCP};
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	int fd;

	if (version < 4)
		skip("no Landlock rules for TCP (6.7): version %ld", version);
	fd = check((int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0), "rules");
	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
	check((int)syscall(SYS_landlock_restrict_self, fd, 0), "restrict");
	near_fails(stage);
	close(fd);
}

static void run_denied_landlock(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("client", landlocked_client, stage);
}

static const struct scenario scenarios[] = {
	PLANNED("denied_cgroup", run_denied_cgroup, .error = EPERM),
	{.name = "denied_cgroup_ipv6",
	 .run = run_denied_cgroup,
	 .plan = &(const struct plan){.error = EPERM},
	 .dial = {AF_INET6, 0},
	 .listen = {AF_INET6, 0}},
	PLANNED("denied_landlock", run_denied_landlock, .error = EACCES),
};

const struct scenario_set deny = SCENARIOS(scenarios);
