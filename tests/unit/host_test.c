/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "check.h"
#include "probe/host.h"
#include "proc.h"

static const struct {
	const char *release;
	unsigned major, minor;
	bool want;
} releases[] = {
	{"5.10.0-30-amd64", 5, 10, false},
	{"5.9.16", 5, 10, true},
	{"4.18.0-553.el8", 5, 10, true},
	{"6.1.0", 5, 10, false},
	{"5.10", 6, 1, true},
	{"6.14-rc1", 6, 14, false},
	{"10.2.0", 6, 14, false},
	{"unknown", 6, 1, false},
};

static void test_releases(void)
{
	for (size_t i = 0; i < COUNT_OF(releases); i++) {
		check_begin("host: %s is %sbefore %u.%u", releases[i].release,
			    releases[i].want ? "" : "not ", releases[i].major, releases[i].minor);
		expect(host_older_than(releases[i].release, releases[i].major, releases[i].minor) ==
			       releases[i].want,
		       "it is the other way round");
		check_end();
	}
}

#define HOST "pid:[4026531836]"
#define OWN "pid:[4026532290]"

/* What a /proc says of who asks. */
static const struct {
	const char *name, *pid_ns, *status, *offsets;
	enum host_view want;
} views[] = {
	{"of the host", HOST, "Name:\tx\nNSpid:\t77\nNSsid:\t1\n", "boottime 0 0\n", HOST_SEEN},
	{"without namespaces", NULL, "Name:\tx\n", NULL, HOST_SEEN},
	{"without time namespaces", HOST, "Name:\tx\nNSpid:\t77\n", NULL, HOST_SEEN},
	{"of a container", OWN, "Name:\tx\nNSpid:\t7\nNSsid:\t1\n", NULL, HOST_OWN_PIDS},
	{"of a container, as the first", OWN, "Name:\tx\nNSpid:\t1\n", NULL, HOST_OWN_PIDS},
	{"of a container, old", OWN, "Name:\tx\nPid:\t1\n", NULL, HOST_OWN_PIDS},
	{"of the host, in a container", OWN, "Name:\tx\nNSpid:\t477\t7\nNSsid:\t1\n", NULL,
	 HOST_SEEN},
	{"of a container in another", OWN, "Name:\tx\nNSpid:\t477\t61\t7\n", NULL, HOST_SEEN},
	{"by another clock", HOST, "Name:\tx\nNSpid:\t77\n",
	 "monotonic           0         0\nboottime          1000         0\n", HOST_OWN_TIME},
	{"by a clock that is nearly the same", HOST, "Name:\tx\nNSpid:\t77\n",
	 "monotonic           0         0\nboottime           0         1\n", HOST_OWN_TIME},
	{"by a clock that goes after", HOST, "Name:\tx\nNSpid:\t77\n", "boottime -7 0\n",
	 HOST_OWN_TIME},
	{"by a clock that has not gone the same time", HOST, "Name:\tx\nNSpid:\t77\n",
	 "monotonic 1000 7\nboottime 0 0\n", HOST_SEEN},
	{"that is none", NULL, NULL, NULL, HOST_NOT_PROC},
};

static void write_self(const char *pid_ns, const char *status, const char *offsets)
{
	mkdir(proc_path("self"), 0755);
	mkdir(proc_path("self/ns"), 0755);
	if (pid_ns)
		expect(!symlink(pid_ns, proc_path("self/ns/pid")), "symlink");
	proc_file("self/status", status);
	proc_file("self/timens_offsets", offsets);
}

static void remove_self(void)
{
	unlink(proc_path("self/ns/pid"));
	unlink(proc_path("self/status"));
	unlink(proc_path("self/timens_offsets"));
	rmdir(proc_path("self/ns"));
	rmdir(proc_path("self"));
}

static void test_views(void)
{
	for (size_t i = 0; i < COUNT_OF(views); i++) {
		check_begin("host: a /proc %s", views[i].name);
		write_self(views[i].pid_ns, views[i].status, views[i].offsets);
		expect_u64(host_view(proc_folder()), views[i].want, "view");
		remove_self();
		check_end();
	}
}

/* Against what the machine says in another way. */
static void test_real(void)
{
	struct utsname kernel;
	struct rlimit files;
	struct host host;

	check_begin("host: the kernel's release, limits and BTF");
	host_read(&host);
	uname(&kernel);
	getrlimit(RLIMIT_NOFILE, &files);
	expect_text(host.kernel, kernel.release, "release");
	expect_u64(host.files_max, files.rlim_cur, "files");
	expect(host.has_btf == (access("/sys/kernel/btf/vmlinux", R_OK) == 0), "BTF");
	check_end();

	check_begin("host: a limit of files is seen");
	files.rlim_cur = 61;
	setrlimit(RLIMIT_NOFILE, &files);
	host_read(&host);
	expect_u64(host.files_max, 61, "files");
	check_end();
}

int main(void)
{
	test_releases();
	proc_open();
	test_views();
	proc_close();
	test_real();
	return check_status();
}
