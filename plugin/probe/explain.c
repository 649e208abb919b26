/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "probe/explain.h"

bool explain_shortage(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM;
}

/* -- what the attempts say -- */

static bool failed_with(const struct explain_facts *f, int err)
{
	for (unsigned i = 0; i < f->attempt_count; i++)
		if (f->attempts[i].err == err)
			return true;
	return false;
}

/* Does the kernel lack what it was asked for? The verifier says EACCES then. */
static bool is_lack(const struct explain_attempt *a)
{
	static const int lacks[] = {EINVAL, ENOENT, ESRCH,      E2BIG,   ENOSYS,
				    ENXIO,  ENODEV, EOPNOTSUPP, ENOTSUPP};

	for (size_t i = 0; i < sizeof(lacks) / sizeof(*lacks); i++)
		if (a->err == -lacks[i])
			return true;
	return a->err == -EACCES && !a->loaded;
}

static bool all_lack(const struct explain_facts *f)
{
	for (unsigned i = 0; i < f->attempt_count; i++)
		if (!is_lack(&f->attempts[i]))
			return false;
	return f->attempt_count > 0;
}

/* Has an earlier attempt said the same of the same backend? */
static bool is_repeated(const struct explain_facts *f, unsigned number)
{
	const struct explain_attempt *a = &f->attempts[number];

	for (unsigned i = 0; i < number; i++)
		if (strcmp(f->attempts[i].backend, a->backend) == 0 &&
		    strcmp(f->attempts[i].reason, a->reason) == 0)
			return true;
	return false;
}

/* Each backend and what it said, in the order in which they were tried. */
static void list_reasons(char *out, size_t size, const struct explain_facts *f)
{
	const char *last = f->backend; /* if there is one only, its name is known */
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < f->attempt_count && used < size; i++) {
		const struct explain_attempt *a = &f->attempts[i];
		bool again = strcmp(last, a->backend) == 0;

		if (is_repeated(f, i))
			continue;
		used += (size_t)snprintf(out + used, size - used, "%s%s%s%s", used ? "; " : "",
					 again ? "" : a->backend, again ? "" : ": ", a->reason);
		last = a->backend;
	}
}

/* The reason of the attempt that failed with that error. */
static const char *reason_of(const struct explain_facts *f, int err)
{
	for (unsigned i = 0; i < f->attempt_count; i++)
		if (f->attempts[i].err == err)
			return f->attempts[i].reason;
	return "";
}

/* -- causes, each with its remedy; they return whether it is theirs -- */

static bool explain_rights(char *out, size_t size, const struct explain_facts *f)
{
	const struct host *h = &f->host;
	bool kprobes = strcmp(f->backend, "kprobe") == 0;
	int refused = h->bpf_error ? h->bpf_error : kprobes ? h->perf_error : 0;
	const char *call = h->bpf_error ? "bpf" : "perf_event_open";

	if (h->lacks_bpf || h->lacks_perfmon)
		snprintf(out, size,
			 "collectd lacks %s%s%s: give it to the service "
			 "(AmbientCapabilities=CAP_BPF CAP_PERFMON) or run it as root",
			 h->lacks_bpf ? "CAP_BPF" : "",
			 h->lacks_bpf && h->lacks_perfmon ? " and " : "",
			 h->lacks_perfmon ? "CAP_PERFMON" : "");
	else if (h->user_namespace && failed_with(f, -EPERM))
		snprintf(out, size,
			 "collectd runs in a user namespace of its own, where capabilities do not "
			 "count for BPF: run it in the host's");
	else if (refused && h->filtered)
		snprintf(out, size,
			 "a seccomp filter refuses the system call %s (%s): allow bpf and "
			 "perf_event_open, in a service by SystemCallFilter, in a container by its "
			 "profile",
			 call, strerror(refused));
	else if (h->bpf_error == ENOSYS)
		snprintf(out, size, "kernel %s has no BPF: boot one with CONFIG_BPF_SYSCALL",
			 h->kernel);
	else
		return false;
	return true;
}

static bool explain_limits(char *out, size_t size, const struct explain_facts *f)
{
	if (failed_with(f, -EMFILE))
		snprintf(out, size,
			 "collectd may have no more than %llu files open (%s): raise LimitNOFILE "
			 "of the service, or ulimit -n",
			 f->host.files_max, reason_of(f, -EMFILE));
	else if (failed_with(f, -ENOMEM))
		snprintf(out, size, "there is not enough memory (%s): lower MaxProcesses",
			 reason_of(f, -ENOMEM));
	else if (host_older_than(f->host.kernel, 5, 11) && f->host.memory_limited &&
		 failed_with(f, -EPERM))
		snprintf(out, size,
			 "kernel %s limits the memory that BPF may lock: give the service "
			 "LimitMEMLOCK=infinity or CAP_SYS_RESOURCE (%s)",
			 f->host.kernel, reason_of(f, -EPERM));
	else
		return false;
	return true;
}

static bool explain_kernel(char *out, size_t size, const struct explain_facts *f,
			   const char *reasons)
{
	const char *kernel = f->host.kernel;
	bool old = host_older_than(kernel, 5, 10), no_btf = !f->btf && !f->host.has_btf;

	if (old && (no_btf || all_lack(f)))
		snprintf(out, size, "kernel %s is too old, 5.10 or later is needed (%s)", kernel,
			 no_btf ? "it has no BTF" : reasons);
	else if (no_btf)
		snprintf(out, size,
			 "kernel %s has no BTF (" HOST_BTF "): set BTF to a "
			 "BTF file of this kernel",
			 kernel);
	else if (f->host.locked_down)
		snprintf(out, size,
			 "the kernel is locked down (confidentiality): boot with "
			 "lockdown=integrity or less (%s)",
			 reasons);
	else
		return false;
	return true;
}

/* BTF of another kernel: the programs look at wrong places, and are refused or see nothing. */
static bool explain_btf(char *out, size_t size, const struct explain_facts *f, const char *reasons)
{
	if (!f->btf || !(all_lack(f) || failed_with(f, -ENODATA)))
		return false;
	if (f->host.has_btf)
		snprintf(out, size,
			 "nothing works with BTF \"%s\" (%s): kernel %s has its own, take out the "
			 "option",
			 f->btf, reasons, f->host.kernel);
	else
		snprintf(out, size, "nothing works with BTF \"%s\" (%s): name that of kernel %s",
			 f->btf, reasons, f->host.kernel);
	return true;
}

void explain(char *out, size_t size, const struct explain_facts *f)
{
	char reasons[640];

	list_reasons(reasons, sizeof(reasons), f);
	if (explain_rights(out, size, f))
		return;
	if (f->btf_error)
		snprintf(out, size, "BTF \"%s\": %s: name a readable BTF file of kernel %s", f->btf,
			 f->btf_error, f->host.kernel);
	else if (explain_limits(out, size, f) || explain_kernel(out, size, f, reasons) ||
		 explain_btf(out, size, f, reasons))
		return;
	else if (strcmp(f->backend, "auto") != 0)
		snprintf(out, size, "Backend \"%s\" does not work here (%s): try Backend \"auto\"",
			 f->backend, reasons);
	else
		snprintf(out, size, "no backend works on kernel %s (%s): please report this",
			 f->host.kernel, reasons);
}
