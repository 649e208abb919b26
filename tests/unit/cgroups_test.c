/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Paths by id: a tree of cgroups of the test's own. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "identity/cgroup.h"
#include "memory.h"

#define BUFFER 2048 /* more than any path is given room for */
#define ID "0123abcd4567ef0123456789abcdef0123456789abcdef0123456789abcdef01"

static char root[64];

static const char *below_root(const char *path)
{
	static char full[256];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return full;
}

static void make(const char *path)
{
	expect(!mkdir(below_root(path), 0755), "mkdir %s", path);
}

static void make_file(const char *path)
{
	int fd = open(below_root(path), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	expect(fd >= 0, "open %s", path);
	close(fd);
}

static uint64_t id_of(const char *path)
{
	struct stat status = {.st_ino = 0};

	expect(!stat(below_root(path), &status), "stat %s", path);
	return status.st_ino;
}

static void clear(void)
{
	char *const tops[] = {root, NULL};
	FTS *tree = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (tree && (entry = fts_read(tree)))
		if (entry->fts_info != FTS_D)
			remove(entry->fts_path);
	if (tree)
		fts_close(tree);
}

/* A tree of cgroup v2 at `top`, with a file in it that is none. */
static void make_v2(const char *top)
{
	static const char *const paths[] = {"", "/system.slice", "/system.slice/a.service",
					    "/system.slice/a.service/sub", "/init.scope"};
	char path[128];

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		snprintf(path, sizeof(path), "%s%s", top, paths[i]);
		make(path);
		snprintf(path, sizeof(path), "%s%s/cgroup.controllers", top, paths[i]);
		make_file(path);
	}
}

static struct cgroups *start(const char *top)
{
	struct cgroups *c = NULL;

	expect(cgroups_open(&c, below_root(top)) == 0 && c, "cgroups_open failed");
	cgroups_begin(c);
	return c;
}

static void end(struct cgroups *c)
{
	cgroups_close(c);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	clear();
	check_end();
}

static void expect_path(struct cgroups *c, uint64_t id, const char *want)
{
	const char *got = cgroups_find(c, id);

	expect(got == want || (got && want && strcmp(got, want) == 0),
	       "id %" PRIu64 ": want %s, got %s", id, want ? want : "none", got ? got : "none");
}

static void test_walk(void)
{
	struct cgroups *c;

	check_begin("cgroups: every directory of cgroup v2, by its inode");
	make("");
	make_v2("/fs");
	make("/elsewhere");
	expect(!symlink("../elsewhere", below_root("/fs/link")), "symlink");
	c = start("/fs");
	expect_path(c, id_of("/fs"), "/");
	expect_path(c, id_of("/fs/init.scope"), "/init.scope");
	expect_path(c, id_of("/fs/system.slice"), "/system.slice");
	expect_path(c, id_of("/fs/system.slice/a.service"), "/system.slice/a.service");
	expect_path(c, id_of("/fs/system.slice/a.service/sub"), "/system.slice/a.service/sub");
	expect_path(c, id_of("/elsewhere"), NULL);
	expect_path(c, id_of("/fs/cgroup.controllers"), NULL);
	expect_path(c, 0, NULL);
	expect_path(c, UINT64_MAX, NULL);
	end(c);

	check_begin("cgroups: `/` at the end of the root");
	make("");
	make_v2("/fs");
	c = start("/fs//");
	expect_path(c, id_of("/fs/init.scope"), "/init.scope");
	expect_path(c, id_of("/fs"), "/");
	end(c);

	check_begin("cgroups: a path that is too long loses its end");
	make("");
	make_v2("/fs");
	c = start("/fs");
	{
		char path[BUFFER], want[CGROUP_PATH_SIZE];
		int fd = open(below_root("/fs"), O_DIRECTORY | O_CLOEXEC), next;
		struct stat status = {.st_ino = 0};
		size_t used = 0;

		while (used < 1200) {
			snprintf(path + used, sizeof(path) - used, "/%0200zu", used);
			expect(!mkdirat(fd, path + used + 1, 0755), "mkdirat");
			next = openat(fd, path + used + 1, O_DIRECTORY | O_CLOEXEC);
			close(fd);
			fd = next;
			used = strlen(path);
		}
		expect(!fstat(fd, &status), "fstat");
		close(fd);
		snprintf(want, sizeof(want), "%.*s", CGROUP_PATH_SIZE - 1, path);
		expect_path(c, status.st_ino, want);
	}
	end(c);
}

static void test_ticks(void)
{
	struct cgroups *c;
	uint64_t id;

	check_begin("cgroups: one walk in a tick, and none for what is known");
	make("");
	make_v2("/fs");
	c = start("/fs");
	expect_path(c, 0, NULL); /* costs no walk */
	expect(!cgroups_known(c, id_of("/fs/init.scope")), "known before the walk");
	make("/fs/b.service");
	expect_path(c, id_of("/fs/b.service"), "/b.service");
	expect_text(cgroups_known(c, id_of("/fs/b.service")), "/b.service", "known after it");
	make("/fs/c.service");
	for (uint64_t i = 0; i < 10000; i++)
		expect_path(c, id_of("/fs/c.service"), NULL);
	expect_path(c, id_of("/fs/b.service"), "/b.service");
	cgroups_begin(c);
	make("/fs/d.service");
	expect_path(c, id_of("/fs/b.service"), "/b.service");
	make("/fs/e.service");
	expect_path(c, id_of("/fs/c.service"), "/c.service"); /* here it walks */
	expect_path(c, id_of("/fs/d.service"), "/d.service");
	expect_path(c, id_of("/fs/e.service"), "/e.service");
	end(c);

	check_begin("cgroups: a cgroup that was seen is known when it is gone");
	make("");
	make_v2("/fs");
	make("/fs/b.service");
	c = start("/fs");
	id = id_of("/fs/b.service");
	expect_path(c, id, "/b.service");
	rmdir(below_root("/fs/b.service"));
	for (int tick = 0; tick < 3; tick++) {
		cgroups_begin(c);
		expect_path(c, UINT64_MAX, NULL);
		expect_path(c, id, "/b.service");
	}
	end(c);
}

static void test_add(void)
{
	char path[BUFFER], want[CGROUP_PATH_SIZE];
	struct cgroups *c;

	check_begin("cgroups: what a process tells");
	make("");
	make_v2("/fs");
	c = start("/fs");
	cgroups_add(c, 7919000, "/system.slice/gone.service");
	cgroups_add(c, 7919000, "/second");
	cgroups_add(c, 0, "/unknown");
	cgroups_add(c, 1, "/root");
	make("/fs/b.service");
	expect_path(c, 7919000, "/system.slice/gone.service"); /* costs no walk */
	make("/fs/c.service");
	expect_path(c, 0, NULL);
	expect_path(c, 1, NULL);
	expect_path(c, id_of("/fs/c.service"), "/c.service");
	cgroups_add(c, 7919001, "/late"); /* after the walk */
	expect_path(c, 7919001, "/late");
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	cgroups_add(c, 7919002, path);
	snprintf(want, sizeof(want), "%.*s", CGROUP_PATH_SIZE - 1, path);
	expect_path(c, 7919002, want);
	end(c);
}

static void test_mounts(void)
{
	struct cgroups *c;

	check_begin("cgroups: hybrid: v2 alone has ids, and processes tell other paths");
	make("");
	make("/fs");
	make_v2("/fs/unified");
	make("/fs/systemd");
	make("/fs/systemd/a.service");
	make("/fs/pids");
	c = start("/fs");
	cgroups_add(c, id_of("/fs/unified/init.scope"), "/docker/" ID);
	expect_path(c, id_of("/fs/unified/init.scope"), "/init.scope");
	expect_path(c, id_of("/fs/unified"), "/");
	expect_path(c, id_of("/fs/unified/system.slice/a.service"), "/system.slice/a.service");
	expect_path(c, id_of("/fs/systemd/a.service"), NULL);
	expect_path(c, id_of("/fs/systemd"), NULL);
	expect_path(c, id_of("/fs"), NULL);
	end(c);

	check_begin("cgroups: v1: an inode there is no id");
	make("");
	make("/fs");
	make("/fs/systemd");
	make("/fs/systemd/a.service");
	make("/fs/memory");
	c = start("/fs");
	expect_path(c, id_of("/fs/systemd/a.service"), NULL);
	expect_path(c, id_of("/fs/memory"), NULL);
	cgroups_add(c, 1, "/a.service"); /* where everybody is */
	expect_path(c, 1, NULL);
	end(c);

	check_begin("cgroups: no root: what processes tell");
	make("");
	c = start("/none");
	expect_path(c, 7919000, NULL);
	cgroups_add(c, 7919000, "/a.service");
	expect_path(c, 7919000, "/a.service");
	end(c);
}

static void test_bounds(void)
{
	struct cgroups *c;

	check_begin("cgroups: 65536 are kept until the next tick, further ones are not");
	make("");
	c = start("");
	for (uint64_t id = 2; id < 70000; id++)
		cgroups_add(c, id * 7919, "/a");
	expect_path(c, 2 * 7919, "/a");
	expect_path(c, 65537 * 7919, "/a");
	expect_path(c, 65538 * 7919, NULL);
	expect(memory_live() == 65536 + 1, "%ld blocks", memory_live());
	cgroups_begin(c);
	expect_path(c, 2 * 7919, NULL);
	cgroups_add(c, 65538 * 7919, "/b");
	expect_path(c, 65538 * 7919, "/b");
	end(c);
}

static void test_memory(void)
{
	struct cgroups *c = NULL;

	check_begin("cgroups: no memory to open them");
	memory_fail_at(1);
	expect(cgroups_open(&c, "/sys/fs/cgroup") == -ENOMEM && !c, "it is open");
	memory_fail_at(0);
	cgroups_close(NULL);
	make("");
	end(NULL);

	for (unsigned n = 1; n <= 7; n++) {
		check_begin("cgroups: no memory from the allocation %u of a walk on", n);
		make("");
		make_v2("/fs");
		c = start("/fs");
		memory_fail_at(n);
		cgroups_add(c, 7919000, "/a");
		expect_path(c, 7919000, n > 1 ? "/a" : NULL);
		expect_path(c, UINT64_MAX, NULL);
		memory_fail_at(0);
		cgroups_begin(c);
		expect_path(c, id_of("/fs/system.slice/a.service/sub"),
			    "/system.slice/a.service/sub");
		expect_path(c, id_of("/fs/init.scope"), "/init.scope");
		end(c);
	}
}

int main(void)
{
	snprintf(root, sizeof(root), "/tmp/cgroup_test.XXXXXX");
	if (!mkdtemp(root)) {
		perror(root);
		return 2;
	}
	rmdir(root); /* each test makes it anew */
	test_walk();
	test_ticks();
	test_add();
	test_mounts();
	test_bounds();
	test_memory();
	return check_status();
}
