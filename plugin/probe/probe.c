/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "probe/explain.h"
#include "probe/loader.h"
#include "probe/log.h"
#include "probe/selftest.h"

#define PROOFS 2

static bool selftest_counted(const struct probe *p)
{
	char name[TCP_COMM_LEN] = "";
	FILE *file = fopen("/proc/self/comm", "re");
	struct probe_tables tables;

	probe_tables(&tables, p);
	if (file) {
		if (fgets(name, sizeof(name), file))
			name[strcspn(name, "\n")] = '\0';
		fclose(file);
	}
	for (unsigned i = TCP_ROW_OTHER; i < p->row_count; i++) {
		const struct tcp_row *row = &p->rows[i];
		struct tcp_bytes bytes = probe_bytes(&tables, i);

		if (bytes.tx >= SELFTEST_BYTES && bytes.rx >= SELFTEST_BYTES &&
		    row->counters.connects &&
		    (i == TCP_ROW_OTHER || strncmp(row->comm, name, sizeof(name)) == 0))
			return true;
	}
	return false;
}

/*
 * Sends known traffic and looks for the row that has it, before the close of its socket could help.
 * Tries once more, if need be: the kernel may have skipped a program.
 */
static int prove(struct probe *p)
{
	struct selftest tests[PROOFS];
	unsigned count = 0;
	bool counted = false;
	char line[128];
	int err = 0;

	log_clear();
	while (!err && !counted && count < PROOFS) {
		err = selftest_open(&tests[count]);
		if (!err)
			count++;
		counted = !err && selftest_counted(p);
	}
	for (unsigned i = 0; i < count; i++)
		selftest_close(&tests[i]);
	if (explain_shortage(err))
		return err;
	if (counted || !count) /* no loopback here: nothing is proven, nothing is wrong */
		return 0;
	snprintf(line, sizeof(line),
		 "prog '*': loaded and attached, but saw nothing of %d bytes over loopback\n",
		 SELFTEST_BYTES);
	log_put(line);
	return -ENODATA;
}

/* -- the life of a probe -- */

static void reset(struct probe *p)
{
	detach(p);
	tables_close(p);
	tcp__destroy(p->skeleton);
	memset(p, 0, sizeof(*p));
}

/* Is there MPTCP, and does the kernel not count by itself what it received (6.11)? */
static bool mptcp_needs_lock(const struct kernel *k)
{
	return kernel_has_member(k, "mptcp_sock", "write_seq") &&
	       !kernel_has_member(k, "mptcp_sock", "bytes_consumed");
}

static int try_backend(struct probe *p, const struct backend *backend, struct kernel *kernel,
		       const struct probe_options *options)
{
	const char *what;
	int err = kernel_can(&what, kernel, backend->uses);

	if (err) {
		log_blame(backend->name, what, err);
		return err;
	}
	p->backend = backend;
	p->kernel = kernel;
	p->dropped[PROGRAM(fentry_mptcp_release)] = !mptcp_needs_lock(kernel);
	err = load(p, options);
	if (!err)
		err = tables_open(p, options);
	if (!err)
		err = attach(p);
	if (err)
		return err;
	take_baseline(p);
	attach_late(p);
	return prove(p);
}

/* From 6.14 to 6.18 fprobes go through the function graph, which costs more than kprobes do. */
static bool fprobes_pay(void)
{
	struct utsname kernel = {0};

	uname(&kernel);
	return host_older_than(kernel.release, 6, 14) || !host_older_than(kernel.release, 6, 19);
}

/*
 * Adds to the facts what failed. Stops where something ran out: what the others say would only hide
 * that.
 */
static int try_backends(struct probe *p, struct explain_facts *facts, struct kernel *kernel,
			const struct probe_options *options)
{
	bool any = strcmp(options->backend, "auto") == 0;
	const struct backend *backend;
	int err = -EINVAL;

	for (size_t i = 0; (backend = backend_at(i)) && !explain_shortage(err); i++) {
		struct explain_attempt *attempt = &facts->attempts[facts->attempt_count];

		if (!any && strcmp(backend->name, options->backend) != 0)
			continue;
		if (backend->uses & KERNEL_FPROBE && !fprobes_pay())
			continue;
		err = try_backend(p, backend, kernel, options);
		if (!err)
			return 0;
		attempt->backend = backend->name;
		attempt->err = err;
		attempt->loaded = p->skeleton;
		log_reason(attempt->reason, sizeof(attempt->reason), err);
		facts->attempt_count++;
		reset(p);
	}
	return err;
}

/* May libbpf be given this file? With a FIFO it would wait for a writer. */
static int check_btf(char *out, size_t size, const char *path)
{
	struct stat file;
	struct btf *btf;
	int err;

	if (stat(path, &file) || access(path, R_OK)) {
		err = -errno;
		log_error(out, size, err);
		return err;
	}
	if (!S_ISREG(file.st_mode)) {
		snprintf(out, size, "it is not a regular file");
		return -EINVAL;
	}
	btf = btf__parse(path, NULL);
	if (btf) {
		btf__free(btf);
		return 0;
	}
	err = -errno; /* an errno says only that the file ended too early */
	snprintf(out, size, "there is no BTF in it");
	if (err <= -__LIBBPF_ERRNO__START)
		log_error(out, size, err);
	return err;
}

/* Only glibc has it. */
extern int malloc_trim(size_t pad) __attribute__((weak));

/* Each try parses the kernel's BTF anew; that is 10 MB and more, which the heap would keep. */
static void return_memory(void)
{
	if (malloc_trim)
		malloc_trim(0);
}

/* What failed is in the facts; an error of the option's BTF file in `btf_error`. */
static int open_any(struct probe *p, struct explain_facts *facts, struct kernel *kernel,
		    char *btf_error, size_t size, const struct probe_options *options)
{
	int err = options->btf ? check_btf(btf_error, size, options->btf) : 0;

	log_start();
	if (err)
		facts->btf_error = btf_error;
	else
		err = try_backends(p, facts, kernel, options);
	log_stop();
	p->kernel = NULL;
	return err;
}

int probe_open(struct probe **out, char *why, size_t why_size, const struct probe_options *options)
{
	struct explain_facts facts = {.backend = options->backend, .btf = options->btf};
	struct probe *p = calloc(1, sizeof(*p));
	struct kernel *kernel = kernel_open();
	char btf_error[128];
	int err = -ENOMEM;

	if (p && kernel)
		err = open_any(p, &facts, kernel, btf_error, sizeof(btf_error), options);
	kernel_close(kernel);
	return_memory();
	if (!p || !kernel) {
		snprintf(why, why_size, "out of memory");
		free(p);
		return err;
	}
	if (err) {
		host_read(&facts.host);
		explain(why, why_size, &facts);
		free(p);
		return err;
	}
	backend_summary(p->summary, sizeof(p->summary), p);
	*out = p;
	return 0;
}

void probe_close(struct probe *p)
{
	if (!p)
		return;
	reset(p);
	free(p);
}

const char *probe_summary(const struct probe *p)
{
	return p->summary;
}
