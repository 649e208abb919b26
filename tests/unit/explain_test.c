/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>

#include "check.h"
#include "probe/explain.h"

#define FORMAT (-4001) /* one of libbpf's own errors */
#define LOAD(program) "prog '" program "': BPF program load failed: "

/* A machine on which nothing is wrong, but for what follows. */
#define FINE .kernel = "6.1.0-13-amd64", .has_btf = true
#define OLD .kernel = "4.18.0-553.el8_10.x86_64", .has_btf = true
#define BACKEND(name) .backend = (name)
#define TRIED .attempts

#define NOTHING_WORKS                                                                              \
	{                                                                                          \
		{"fentry", -EINVAL, false, LOAD("fentry_send") "Invalid argument"},                \
			{"fentry", -EINVAL, false, LOAD("fentry_send") "Invalid argument"},        \
			{"kprobe", -EOPNOTSUPP, true, "prog 'kprobe_release': attach: no"},        \
			{"kprobe", -EACCES, true, "prog 'kprobe_release': attach: denied"},        \
		{                                                                                  \
			"rawtp", -ENODATA, true, "prog '*': saw nothing"                           \
		}                                                                                  \
	}
#define ONE(name, err, loaded, reason)                                                             \
	{                                                                                          \
		{                                                                                  \
			name, err, loaded, reason                                                  \
		}                                                                                  \
	}
#define LACKS ONE("rawtp", -EINVAL, false, "prog 'rawtp_send': no")

/* How many attempts there are is counted. */
static const struct {
	const char *name;
	struct explain_facts facts;
	const char *want;
} cases[] = {
	{"what each backend said, in their order, and once",
	 {{FINE}, BACKEND("auto"), TRIED = NOTHING_WORKS},
	 "no backend works on kernel 6.1.0-13-amd64 (fentry: " LOAD(
		 "fentry_send") "Invalid argument; kprobe: prog 'kprobe_release': attach: no; prog "
				"'kprobe_release': attach: denied; rawtp: prog '*': saw nothing): "
				"please report this"},
	{"the one that was asked for",
	 {{FINE}, BACKEND("rawtp"), TRIED = LACKS},
	 "Backend \"rawtp\" does not work here (prog 'rawtp_send': no): try Backend \"auto\""},

	/* rights */
	{"no capability",
	 {{FINE, .lacks_bpf = true, .lacks_perfmon = true}, BACKEND("auto"), TRIED = LACKS},
	 "collectd lacks CAP_BPF and CAP_PERFMON: give it to the service "
	 "(AmbientCapabilities=CAP_BPF CAP_PERFMON) or run it as root"},
	{"one capability",
	 {{FINE, .lacks_perfmon = true}, BACKEND("auto"), TRIED = LACKS},
	 "collectd lacks CAP_PERFMON: give it to the service (AmbientCapabilities=CAP_BPF "
	 "CAP_PERFMON) or run it as root"},
	{"the other capability, on an old kernel without BTF",
	 {{.kernel = "4.18.0", .lacks_bpf = true}, BACKEND("auto"), TRIED = LACKS},
	 "collectd lacks CAP_BPF: give it to the service (AmbientCapabilities=CAP_BPF "
	 "CAP_PERFMON) or run it as root"},
	{"a user namespace",
	 {{FINE, .user_namespace = true},
	  BACKEND("auto"),
	  TRIED = ONE("fentry", -EPERM, false, "no")},
	 "collectd runs in a user namespace of its own, where capabilities do not count for BPF: "
	 "run it in the host's"},
	{"a user namespace that is not to blame",
	 {{FINE, .user_namespace = true}, BACKEND("rawtp"), TRIED = LACKS},
	 "Backend \"rawtp\" does not work here (prog 'rawtp_send': no): try Backend \"auto\""},
	{"a filter",
	 {{FINE, .filtered = true, .bpf_error = EPERM},
	  BACKEND("auto"),
	  TRIED = ONE("fentry", -EPERM, false, "Operation not permitted")},
	 "a seccomp filter refuses the system call bpf (Operation not permitted): allow bpf and "
	 "perf_event_open, in a service by SystemCallFilter, in a container by its profile"},
	{"a filter, on an old kernel",
	 {{OLD, .filtered = true, .bpf_error = ENOSYS},
	  BACKEND("auto"),
	  TRIED = ONE("fentry", -ENOSYS, false, "no")},
	 "a seccomp filter refuses the system call bpf (Function not implemented): allow bpf and "
	 "perf_event_open, in a service by SystemCallFilter, in a container by its profile"},
	{"a filter of what kprobes need",
	 {{FINE, .filtered = true, .perf_error = EPERM},
	  BACKEND("kprobe"),
	  TRIED = ONE("kprobe", -EPERM, true, "no")},
	 "a seccomp filter refuses the system call perf_event_open (Operation not permitted): "
	 "allow bpf and perf_event_open, in a service by SystemCallFilter, in a container by its "
	 "profile"},
	{"a filter of what only kprobes need",
	 {{FINE, .filtered = true, .perf_error = EPERM}, BACKEND("rawtp"), TRIED = LACKS},
	 "Backend \"rawtp\" does not work here (prog 'rawtp_send': no): try Backend \"auto\""},
	{"a filter of something else",
	 {{FINE, .filtered = true}, BACKEND("rawtp"), TRIED = LACKS},
	 "Backend \"rawtp\" does not work here (prog 'rawtp_send': no): try Backend \"auto\""},
	{"no BPF",
	 {{FINE, .bpf_error = ENOSYS}, BACKEND("auto"), TRIED = LACKS},
	 "kernel 6.1.0-13-amd64 has no BPF: boot one with CONFIG_BPF_SYSCALL"},

	/* limits */
	{"few files: not what the last one says",
	 {{FINE, .files_max = 40},
	  BACKEND("auto"),
	  TRIED = {{"fentry", -EPERM, false, "no"},
		   {"kprobe", -EMFILE, false, "prog 'kprobe_syn': Too many open files"},
		   {"rawtp", -EACCES, false, "prog 'packet_send': Permission denied"}}},
	 "collectd may have no more than 40 files open (prog 'kprobe_syn': Too many open files): "
	 "raise LimitNOFILE of the service, or ulimit -n"},
	{"no memory",
	 {{OLD}, BACKEND("auto"), TRIED = ONE("fentry", -ENOMEM, false, "map 'rows': no")},
	 "there is not enough memory (map 'rows': no): lower MaxProcesses"},
	{"locked memory",
	 {{.kernel = "5.10.0-30", .has_btf = true, .memory_limited = true},
	  BACKEND("auto"),
	  TRIED = ONE("fentry", -EPERM, false, "map 'rows': no")},
	 "kernel 5.10.0-30 limits the memory that BPF may lock: give the service "
	 "LimitMEMLOCK=infinity or CAP_SYS_RESOURCE (map 'rows': no)"},
	{"locked memory, where it counts no more",
	 {{FINE, .memory_limited = true},
	  BACKEND("rawtp"),
	  TRIED = ONE("rawtp", -EPERM, false, "no")},
	 "Backend \"rawtp\" does not work here (no): try Backend \"auto\""},

	/* the kernel */
	{"too old: it lacks what is asked for",
	 {{OLD}, BACKEND("auto"), TRIED = LACKS},
	 "kernel 4.18.0-553.el8_10.x86_64 is too old, 5.10 or later is needed (rawtp: prog "
	 "'rawtp_send': no)"},
	{"too old: its verifier refuses",
	 {{OLD}, BACKEND("rawtp"), TRIED = ONE("rawtp", -EACCES, false, "no")},
	 "kernel 4.18.0-553.el8_10.x86_64 is too old, 5.10 or later is needed (no)"},
	{"too old: without BTF",
	 {{.kernel = "5.4.0"}, BACKEND("auto"), TRIED = LACKS},
	 "kernel 5.4.0 is too old, 5.10 or later is needed (it has no BTF)"},
	{"old, but it may not attach",
	 {{OLD}, BACKEND("kprobe"), TRIED = ONE("kprobe", -EACCES, true, "attach: no")},
	 "Backend \"kprobe\" does not work here (attach: no): try Backend \"auto\""},
	{"old, but it is forbidden",
	 {{OLD}, BACKEND("auto"), TRIED = ONE("fentry", -EPERM, false, "no")},
	 "no backend works on kernel 4.18.0-553.el8_10.x86_64 (fentry: no): please report this"},
	{"old, but one loads and sees nothing",
	 {{OLD}, BACKEND("auto"), TRIED = NOTHING_WORKS},
	 "no backend works on kernel 4.18.0-553.el8_10.x86_64 (fentry: " LOAD(
		 "fentry_send") "Invalid argument; kprobe: prog 'kprobe_release': attach: no; prog "
				"'kprobe_release': attach: denied; rawtp: prog '*': saw nothing): "
				"please report this"},
	{"locked down",
	 {{FINE, .locked_down = true}, BACKEND("rawtp"), TRIED = LACKS},
	 "the kernel is locked down (confidentiality): boot with lockdown=integrity or less (prog "
	 "'rawtp_send': no)"},

	/* BTF */
	{"without BTF",
	 {{.kernel = "6.1.0"}, BACKEND("auto"), TRIED = LACKS},
	 "kernel 6.1.0 has no BTF (/sys/kernel/btf/vmlinux): set BTF to a BTF file of this "
	 "kernel"},
	{"a BTF file that cannot be read",
	 {{FINE}, BACKEND("auto"), .btf = "/dev/zero", .btf_error = "it is not a regular file"},
	 "BTF \"/dev/zero\": it is not a regular file: name a readable BTF file of kernel "
	 "6.1.0-13-amd64"},
	{"a BTF file that does not fit",
	 {{.kernel = "6.1.0"}, BACKEND("rawtp"), .btf = "/x", TRIED = LACKS},
	 "nothing works with BTF \"/x\" (prog 'rawtp_send': no): name that of kernel 6.1.0"},
	{"a BTF file that is not needed",
	 {{FINE}, BACKEND("rawtp"), .btf = "/x", TRIED = ONE("rawtp", -ENODATA, true, "blind")},
	 "nothing works with BTF \"/x\" (blind): kernel 6.1.0-13-amd64 has its own, take out the "
	 "option"},
	{"a BTF file that is not to blame",
	 {{FINE},
	  BACKEND("kprobe"),
	  .btf = "/x",
	  TRIED = ONE("kprobe", -EACCES, true, "attach: no")},
	 "Backend \"kprobe\" does not work here (attach: no): try Backend \"auto\""},
	{"an error of libbpf's own",
	 {{FINE}, BACKEND("auto"), TRIED = ONE("fentry", FORMAT, false, "invalid")},
	 "no backend works on kernel 6.1.0-13-amd64 (fentry: invalid): please report this"},
};

static void test_cases(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct explain_facts facts = cases[i].facts;
		char out[1024] = "";

		while (facts.attempts[facts.attempt_count].backend)
			facts.attempt_count++;
		check_begin("explain: %s", cases[i].name);
		explain(out, sizeof(out), &facts);
		expect_text(out, cases[i].want, "text");
		check_end();
	}
}

static void test_long(void)
{
	struct explain_facts facts = {.host = {FINE}, .backend = "auto"};
	char out[1024] = "";

	check_begin("explain: eight long reasons are cut, not written beyond");
	for (facts.attempt_count = 0; facts.attempt_count < EXPLAIN_ATTEMPTS;
	     facts.attempt_count++) {
		struct explain_attempt *a = &facts.attempts[facts.attempt_count];

		a->backend = "fentry";
		a->err = -EPERM;
		memset(a->reason, 'a' + (int)facts.attempt_count, sizeof(a->reason) - 1);
	}
	explain(out, sizeof(out), &facts);
	expect(strstr(out, "fentry: aaa") && strstr(out, "; bbb") && strlen(out) < sizeof(out) - 1,
	       "%s", out);
	explain(out, 8, &facts);
	expect_text(out, "no back", "eight bytes");
	check_end();
}

static void test_shortage(void)
{
	check_begin("explain: what ran out");
	expect(explain_shortage(-EMFILE) && explain_shortage(-ENFILE) && explain_shortage(-ENOMEM),
	       "something ran out");
	expect(!explain_shortage(0) && !explain_shortage(-EPERM) && !explain_shortage(EMFILE),
	       "nothing did");
	check_end();
}

int main(void)
{
	test_cases();
	test_long();
	test_shortage();
	return check_status();
}
