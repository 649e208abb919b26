/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "proc.h"

static char root[] = "/tmp/proc_test.XXXXXX";

void proc_open(void)
{
	if (!mkdtemp(root)) {
		perror(root);
		exit(2);
	}
}

void proc_close(void)
{
	rmdir(root);
}

const char *proc_folder(void)
{
	return root;
}

const char *proc_path(const char *file)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % COUNT_OF(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", root, file);
	return path;
}

static void write_bytes(const char *file, const char *bytes, size_t length)
{
	const char *path = proc_path(file);
	FILE *out = fopen(path, "w");

	if (!out || fwrite(bytes, 1, length, out) != length || fclose(out)) {
		perror(path);
		exit(2);
	}
}

void proc_file(const char *file, const char *text)
{
	if (text)
		write_bytes(file, text, strlen(text));
	else
		unlink(proc_path(file));
}

static void write_stat(const struct proc *p, const char *file)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "%u (%s) S %u 7 7 0 -1 4194560 101 0 3 0 11 13 0 0 20 0 1 0 %" PRIu64
		 " 1000003 257 18446744073709551615 1 1 0 0 0\n",
		 p->pid, p->comm, p->parent, p->start_ticks);
	proc_file(file, text);
}

static void write_status(const struct proc *p, const char *file)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "Name:\t%s\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t%u\nNgid:\t0\nPid:\t%u\n"
		 "PPid:\t%u\nTracerPid:\t0\nUid:\t%u\t77\t77\t77\nGid:\t5\t5\t5\t5\n",
		 p->comm, p->pid, p->pid, p->parent, p->uid);
	proc_file(file, text);
}

static void write_cmdline(const struct proc *p, const char *file)
{
	char text[8192];
	size_t length = (size_t)snprintf(text, sizeof(text), "%s", p->cmdline);

	for (size_t i = 0; i < length; i++)
		if (text[i] == '|')
			text[i] = '\0';
	write_bytes(file, text, length);
}

/* The name of a file of that process: valid until the next call. */
static const char *file_of(uint32_t pid, const char *file)
{
	static char name[64];

	snprintf(name, sizeof(name), "%" PRIu32 "%s", pid, file);
	return name;
}

void proc_remove(uint32_t pid)
{
	static const char *const files[] = {"/stat", "/status", "/cmdline", "/cgroup", "/exe"};

	for (size_t i = 0; i < COUNT_OF(files); i++)
		unlink(proc_path(file_of(pid, files[i])));
	rmdir(proc_path(file_of(pid, "")));
}

void proc_write(const struct proc *p)
{
	proc_remove(p->pid);
	expect(!mkdir(proc_path(file_of(p->pid, "")), 0755), "mkdir for %u", p->pid);
	if (p->comm) {
		write_stat(p, file_of(p->pid, "/stat"));
		write_status(p, file_of(p->pid, "/status"));
	}
	if (p->cmdline)
		write_cmdline(p, file_of(p->pid, "/cmdline"));
	if (p->cgroup)
		proc_file(file_of(p->pid, "/cgroup"), p->cgroup);
	if (p->exe)
		expect(!symlink(p->exe, proc_path(file_of(p->pid, "/exe"))), "symlink");
}
