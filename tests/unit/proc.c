/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <dirent.h>
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
		 "%u (%s) %c %u 7 7 0 -1 4194560 101 0 3 0 11 13 0 0 20 0 %u 0 %" PRIu64
		 " 1000003 257 18446744073709551615 1 1 0 0 0\n",
		 p->pid, p->comm, p->ended ? 'Z' : 'S', p->parent, p->thread ? 2 : 1,
		 p->start_ticks);
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

static void make_folder(const char *file)
{
	expect(!mkdir(proc_path(file), 0755), "mkdir %s", file);
}

/* The path of a thread's folder: valid until the fourth call from now, as that of a file. */
static const char *task_path(uint32_t pid, uint32_t thread)
{
	char name[64];

	snprintf(name, sizeof(name), "%" PRIu32 "/task/%" PRIu32, pid, thread);
	return proc_path(name);
}

static void write_tasks(const struct proc *p)
{
	make_folder(file_of(p->pid, "/task"));
	expect(!mkdir(task_path(p->pid, p->pid), 0755) &&
		       !mkdir(task_path(p->pid, p->thread), 0755),
	       "mkdir for threads of %u", p->pid);
}

static void remove_tasks(uint32_t pid)
{
	DIR *tasks = opendir(proc_path(file_of(pid, "/task")));
	const struct dirent *entry;

	while (tasks && (entry = readdir(tasks)))
		rmdir(task_path(pid, (uint32_t)strtoul(entry->d_name, NULL, 10)));
	if (tasks)
		closedir(tasks);
	rmdir(proc_path(file_of(pid, "/task")));
}

void proc_remove(uint32_t pid)
{
	static const char *const files[] = {"/stat", "/status", "/cmdline", "/cgroup", "/exe"};

	for (size_t i = 0; i < COUNT_OF(files); i++)
		unlink(proc_path(file_of(pid, files[i])));
	remove_tasks(pid);
	rmdir(proc_path(file_of(pid, "")));
}

void proc_write(const struct proc *p)
{
	proc_remove(p->pid);
	make_folder(file_of(p->pid, ""));
	if (p->thread)
		write_tasks(p);
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
