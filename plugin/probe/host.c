/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "probe/host.h"

/* The host's own namespaces have the same numbers on every kernel (include/linux/proc_ns.h). */
#define HOST_PIDS "pid:[4026531836]"
#define HOST_USERS "user:[4026531837]"

bool host_older_than(const char *release, unsigned major, unsigned minor)
{
	unsigned a = 0, b = 0;

	if (sscanf(release, "%u.%u", &a, &b) != 2)
		return false;
	return a < major || (a == major && b < minor);
}

/* The first bytes of a file, as text; "" if it cannot be read. */
static void read_text(char *out, size_t size, const char *root, const char *name)
{
	char path[PATH_MAX];
	size_t length = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "re");
	if (file) {
		length = fread(out, 1, size - 1, file);
		fclose(file);
	}
	out[length] = '\0';
}

/* Is our namespace another one than the host's? In doubt it is not. */
static bool is_own(const char *root, const char *name, const char *of_host)
{
	char path[PATH_MAX], link[64];
	ssize_t length;

	snprintf(path, sizeof(path), "%s/self/ns/%s", root, name);
	length = readlink(path, link, sizeof(link) - 1);
	if (length < 0)
		return false;
	link[length] = '\0';
	return strcmp(link, of_host) != 0;
}

/* -- what it may do -- */

static void read_capabilities(struct host *out)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	uint64_t have;

	if (syscall(SYS_capget, &header, data))
		return;
	have = data[0].effective | (uint64_t)data[1].effective << 32;
	if (have & 1ULL << CAP_SYS_ADMIN)
		return;
	out->lacks_bpf = !(have & 1ULL << CAP_BPF);
	out->lacks_perfmon = !(have & 1ULL << CAP_PERFMON);
}

static int refusal(long result)
{
	return result < 0 && (errno == EPERM || errno == EACCES || errno == ENOSYS) ? errno : 0;
}

/* Makes calls without sense: the kernel says so before it asks who calls, a filter does not. */
static void read_filters(struct host *out)
{
	char status[4096];

	read_text(status, sizeof(status), "/proc/self", "status");
	out->filtered = strstr(status, "\nSeccomp:\t2") != NULL;
	out->bpf_error = refusal(syscall(SYS_bpf, INT_MAX, NULL, 0));
	out->perf_error = refusal(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0UL));
}

void host_read(struct host *out)
{
	struct rlimit memory = {0}, files = {0};
	struct utsname kernel = {0};
	char text[128];

	*out = (struct host){0};
	uname(&kernel);
	snprintf(out->kernel, sizeof(out->kernel), "%s", kernel.release);
	out->has_btf = access(HOST_BTF, R_OK) == 0;
	read_text(text, sizeof(text), "/sys/kernel/security", "lockdown");
	out->locked_down = strstr(text, "[confidentiality]") != NULL;
	read_capabilities(out);
	read_filters(out);
	out->user_namespace = is_own("/proc", "user", HOST_USERS);
	getrlimit(RLIMIT_MEMLOCK, &memory);
	getrlimit(RLIMIT_NOFILE, &files);
	out->memory_limited = memory.rlim_cur != RLIM_INFINITY;
	out->files_max = files.rlim_cur;
}

/* -- what it sees -- */

/* A /proc of an outer namespace gives the PIDs of all from there on. */
static bool shows_outer_pids(const char *proc_root)
{
	char status[4096], rest[2];
	const char *at;

	read_text(status, sizeof(status), proc_root, "self/status");
	at = strstr(status, "\nNSpid:");
	return at && sscanf(at, "\nNSpid:\t%*u\t%1[0-9]", rest) == 1;
}

/* What /proc says of times since boot is by the clock of the reader's time namespace (5.6). */
static bool shifts_boot(const char *proc_root)
{
	long long seconds = 0, ns = 0;
	char text[256];
	const char *at;

	read_text(text, sizeof(text), proc_root, "self/timens_offsets");
	at = strstr(text, "boottime");
	return at && sscanf(at, "boottime %lld %lld", &seconds, &ns) == 2 && (seconds || ns);
}

enum host_view host_view(const char *proc_root)
{
	char status[64];

	read_text(status, sizeof(status), proc_root, "self/status");
	if (!*status)
		return HOST_NOT_PROC;
	/* by signals the plugin learns who in /proc lives: see process_gone() */
	if (is_own(proc_root, "pid", HOST_PIDS) &&
	    (strcmp(proc_root, "/proc") == 0 || !shows_outer_pids(proc_root)))
		return HOST_OWN_PIDS;
	return shifts_boot(proc_root) ? HOST_OWN_TIME : HOST_SEEN;
}
