/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* When files of runtimes are read, and how many. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "hostfs.h"
#include "identity/containers.h"
#include "memory.h"

#define TAIL "4567ef0123456789abcdef0123456789abcdef0123456789abcdef01"
#define ID "0123abcd" TAIL
#define ID2 "4567ef01" TAIL
#define TASKS "/io.containerd.runtime.v2.task"
#define STORAGE "/storage/overlay-containers/"
#define POD "{\"annotations\":{\"io.kubernetes.cri.sandbox-name\":\"p\"}}"
#define LIST "/var/lib/containers" STORAGE "containers.json"
#define LISTED(name) "[{\"id\":\"" ID "\",\"names\":[\"" name "\"]}]"

static struct containers *start(unsigned pause)
{
	struct containers *c = NULL;

	expect(!containers_open(&c, hostfs_root(), pause), "containers_open");
	containers_begin(c);
	return c;
}

static void end(struct containers *c)
{
	containers_close(c);
	expect(!memory_live(), "%ld blocks are left", memory_live());
	check_end();
}

static void expect_name(struct containers *c, const char *id, const char *want)
{
	const struct container *k = containers_find(c, id);
	char name[CONTAINER_FULL_SIZE] = "";

	if (k && container_known(&k->names))
		container_full(name, sizeof(name), &k->names);
	expect_text(name, want, id);
}

static void test_sources(void)
{
	static const struct {
		const char *file, *text, *want;
	} rows[] = {
		{"/var/lib/docker/containers/" ID "/config.v2.json", "{\"Name\":\"/a\"}", "a"},
		{"/run/containerd" TASKS "/k8s.io/" ID "/config.json", POD, "/p"},
		{"/run/k3s/containerd" TASKS "/k8s.io/" ID "/config.json", POD, "/p"},
		{"/run/containers" STORAGE ID "/userdata/config.json", POD, "/p"},
		{"/var/lib/containers" STORAGE ID "/userdata/config.json", POD, "/p"},
		{LIST, LISTED("b"), "b"},
		{"/var/lib/containers" STORAGE "volatile-containers.json", LISTED("b"), "b"},
		{"/var/log/containers/p_n_c-" ID ".log", "", "n/p/c"},
		{"/var/lib/docker/containers/" ID "/config.v2.json", "{\"ID\":\"" ID "\"}", ""},
		{"/run/containerd" TASKS "/moby/" ID "/config.json", "{\"annotations\":{}}", ""},
		{LIST, "", ""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct containers *c = start(7);

		check_begin("containers: %s %s", rows[i].file, rows[i].text);
		hostfs_file(rows[i].file, rows[i].text);
		expect_name(c, ID, rows[i].want);
		expect_name(c, ID2, "");
		hostfs_file(rows[i].file, NULL);
		end(c);
	}
}

static void test_pauses(void)
{
	struct containers *c = start(3);
	struct container *k;

	check_begin("containers: another name is seen after a pause, and files are read no sooner");
	hostfs_docker(ID, "before");
	expect_name(c, ID, "before");
	k = containers_find(c, ID);
	k->holders++;
	hostfs_docker(ID, "after");
	for (int tick = 1; tick < 3; tick++) {
		containers_begin(c);
		expect_name(c, ID, "before");
	}
	expect_u64(k->changes, 1, "changes");
	containers_begin(c);
	expect_name(c, ID, "after");
	expect_u64(k->changes, 2, "changes");
	hostfs_file("/var/lib/docker/containers/" ID "/config.v2.json", NULL);
	for (int tick = 0; tick < 9; tick++)
		containers_begin(c);
	expect_name(c, ID, "after"); /* it has ended: its last bytes are its own */
	expect_u64(k->changes, 2, "changes");
	end(c);

	c = start(3);
	check_begin("containers: one that nobody holds is looked at again when it is asked for");
	hostfs_docker(ID, "before");
	expect_name(c, ID, "before");
	hostfs_docker(ID, "after");
	for (int tick = 0; tick < 3; tick++) {
		expect_name(c, ID, "before");
		containers_begin(c);
	}
	expect_name(c, ID, "after");
	hostfs_file("/var/lib/docker/containers/" ID "/config.v2.json", NULL);
	end(c);
}

static void test_late(void)
{
	struct containers *c = start(7);
	struct container *k;

	check_begin("containers: a file that comes later is looked for in the ticks 1, 4 and 11");
	expect_name(c, ID, "");
	k = containers_find(c, ID);
	k->holders++;
	containers_begin(c);
	hostfs_docker(ID, "late");
	for (int tick = 2; tick < 4; tick++) {
		containers_begin(c);
		expect_name(c, ID, "");
	}
	containers_begin(c);
	expect_name(c, ID, "late");
	hostfs_file("/var/lib/docker/containers/" ID "/config.v2.json", NULL);
	end(c);

	c = start(3);
	check_begin("containers: a list is read in the tick after it has changed");
	hostfs_file(LIST, LISTED("before"));
	expect_name(c, ID, "before");
	hostfs_file(LIST, LISTED("after"));
	expect_name(c, ID, "before");
	containers_begin(c);
	expect_name(c, ID, "after");
	hostfs_file(LIST, NULL);
	containers_begin(c);
	expect_name(c, ID, "after");
	end(c);
}

static void test_strange_files(void)
{
	static const char file[] = "/var/lib/docker/containers/" ID "/config.v2.json";
	struct containers *c = start(1);
	char *large = calloc(1, (1 << 20) + 100);

	check_begin("containers: what is no file, or too long, is not read");
	hostfs_file(file, "{}");
	unlink(hostfs_path(file));
	expect(!mkfifo(hostfs_path(file), 0600), "mkfifo");
	expect_name(c, ID, "");
	containers_close(c);
	c = start(1);
	sprintf(large, "{\"Name\":\"/a\",\"b\":\"%*s\"}", 1 << 20, "");
	hostfs_file(file, large);
	expect_name(c, ID, "");
	free(large);
	hostfs_file(file, NULL);
	end(c);
}

static const char *nth_id(unsigned n)
{
	static char id[CGROUP_ID_SIZE];

	snprintf(id, sizeof(id), "%08x" TAIL, n);
	return id;
}

static void test_bounds(void)
{
	struct containers *c = start(7);

	check_begin("containers: 256 are looked for in a tick, and 4096 kept");
	hostfs_docker(nth_id(255), "last");
	hostfs_docker(nth_id(256), "late");
	for (unsigned n = 0; n < 255; n++)
		containers_find(c, nth_id(n));
	expect_name(c, nth_id(255), "last");
	expect_name(c, nth_id(256), "");
	containers_begin(c);
	expect_name(c, nth_id(256), "late");
	containers_find(c, nth_id(256))->holders++;
	for (unsigned n = 0; n < 4096; n++)
		expect(containers_find(c, nth_id(n)) != NULL, "container %u", n);
	expect(!containers_find(c, nth_id(4096)), "there is one more");
	expect_u64((uint64_t)memory_live(), 4097, "blocks");
	containers_begin(c);
	expect_u64((uint64_t)memory_live(), 2, "blocks: one is held");
	expect(containers_find(c, nth_id(4096)) != NULL, "there is no room");
	expect_name(c, nth_id(256), "late");
	end(c);
}

static void test_memory(void)
{
	struct containers *c = NULL;

	check_begin("containers: no memory");
	memory_fail_at(1);
	expect(containers_open(&c, "/", 1) == -ENOMEM && !c, "it is open");
	memory_fail_at(0);
	c = start(1);
	memory_fail_at(1);
	expect(!containers_find(c, ID), "a container");
	memory_fail_at(0);
	hostfs_docker(ID, "a");
	memory_fail_at(2);
	expect_name(c, ID, "");
	memory_fail_at(0);
	containers_find(c, ID)->holders++;
	containers_begin(c);
	expect_name(c, ID, "a");
	containers_close(NULL);
	end(c);
}

int main(void)
{
	hostfs_open();
	test_sources();
	test_pauses();
	test_late();
	test_strange_files();
	test_bounds();
	test_memory();
	hostfs_close();
	return check_status();
}
