/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#define _GNU_SOURCE /* nftw */

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hostfs.h"

#define DEPTH 16

static char root[] = "/tmp/hostfs.XXXXXX";

static void give_up(const char *path)
{
	perror(path);
	exit(2);
}

void hostfs_open(void)
{
	if (!mkdtemp(root))
		give_up(root);
}

static int take_away(const char *path, const struct stat *status, int flag, struct FTW *at)
{
	(void)status, (void)flag, (void)at;
	return remove(path);
}

void hostfs_close(void)
{
	nftw(root, take_away, DEPTH, FTW_DEPTH | FTW_PHYS);
}

const char *hostfs_root(void)
{
	return root;
}

const char *hostfs_path(const char *file)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s%s", root, file);
	return path;
}

static void make_folders(char *path)
{
	for (char *at = path + sizeof(root); (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(path, 0755);
		*at = '/';
	}
}

/* As runtimes do: another file takes the place of the old one. */
void hostfs_file(const char *file, const char *text)
{
	const struct timespec times[2] = {{.tv_sec = time(NULL) - 60}, {.tv_sec = time(NULL) - 60}};
	char path[512], fresh[520];
	FILE *out;

	snprintf(path, sizeof(path), "%s", hostfs_path(file));
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	if (!text) {
		unlink(path);
		return;
	}
	make_folders(path);
	out = fopen(fresh, "w");
	if (!out || fputs(text, out) < 0 || fclose(out) || utimensat(AT_FDCWD, fresh, times, 0) ||
	    rename(fresh, path))
		give_up(path);
}

void hostfs_docker(const char *id, const char *name)
{
	char file[128], text[512];

	snprintf(file, sizeof(file), "/var/lib/docker/containers/%s/config.v2.json", id);
	snprintf(text, sizeof(text), "{\"Name\":\"/%s\"}", name);
	hostfs_file(file, text);
}
