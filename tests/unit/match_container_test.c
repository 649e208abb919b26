/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Groups and attributes of processes in containers. */
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "hostfs.h"
#include "identity/containers.h"
#include "match_world.h"

#define ID "0123abcd4567ef0123456789abcdef0123456789abcdef0123456789abcdef01"
#define SHORT "0123abcd4567"
#define DOCKER "/var/lib/docker/containers/" ID "/config.v2.json"
#define LINK "/var/log/containers/checkout-7f9c_shop_app-" ID ".log"
#define COMPOSE                                                                                    \
	"{\"Config\":{\"Labels\":{\"com.docker.compose.project\":\"shop\","                        \
	"\"com.docker.compose.service\":\"web\"}},\"Name\":\"/shop-web-1\"}"

static const struct proc inside = {.pid = PID,
				   .parent = PID - 1,
				   .start_ticks = START,
				   .comm = "server",
				   .cgroup = "0::/system.slice/docker-" ID ".scope\n"};

static struct matcher *open_matcher(struct match_options options)
{
	options.host_root = (char *)hostfs_root();
	return matcher_new(options);
}

static void test_names(void)
{
	static const struct {
		const char *file, *text;
		int by; /* enum container_by */
		const char *want;
	} rows[] = {
		{DOCKER, "{\"Name\":\"/checkout\"}", CONTAINER_BY_NAME, "checkout"},
		{DOCKER, "{\"Name\":\"/checkout\"}", CONTAINER_BY_POD, "checkout"},
		{DOCKER, "{\"Name\":\"/checkout\"}", CONTAINER_BY_ID, SHORT},
		{DOCKER, "{\"Name\":\"/all\"}", CONTAINER_BY_NAME, "all_"},
		{DOCKER, "{}", CONTAINER_BY_NAME, SHORT},
		{DOCKER, COMPOSE, CONTAINER_BY_NAME, "shop-web-1"},
		{LINK, "", CONTAINER_BY_NAME, "shop_checkout-7f9c_app"},
		{LINK, "", CONTAINER_BY_POD, "shop_checkout-7f9c"},
		{LINK, "", CONTAINER_BY_ID, SHORT},
	};
	struct snapshot_process p = row_of(&inside, 33);

	check_begin("match: names of containers");
	proc_write(&inside);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct matcher *m;

		hostfs_file(rows[i].file, rows[i].text);
		m = open_matcher((struct match_options){.group_by = MATCH_BY_CONTAINER,
							.container_by = rows[i].by});
		expect_group(m, &p, rows[i].want, rows[i].text);
		match_close(m);
		hostfs_file(rows[i].file, NULL);
	}
	proc_remove(PID);
	check_end();
}

static void test_rules(void)
{
	static const struct {
		const char *name, *pattern, *file, *text, *want;
	} rows[] = {
		{"x", "^checkout$", DOCKER, "{\"Name\":\"/checkout\"}", "x"},
		{"x", "^checkout$", DOCKER, "{\"Name\":\"/checkout2\"}", "other"},
		{"compose-\\1-\\2", "^(.*)/(.*)/", DOCKER, COMPOSE, "compose-shop-web"},
		{"\\1-\\2", "^([^/]*)/(.*)-[^-]*/[^/]*$", LINK, "", "shop-checkout"},
		{"x", "^" SHORT "$", DOCKER, "{}", "x"},
	};
	struct snapshot_process p = row_of(&inside, 33), out = row_of(&server, 33);
	struct proc bare = server;

	check_begin("match: rules on names of containers");
	bare.pid = out.pid = PID + 1;
	out.row++;
	proc_write(&inside);
	proc_write(&bare);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct rule *rules[] = {rule_of(RULE_CONTAINER, rows[i].name, rows[i].pattern),
					rule_of(RULE_CONTAINER, "what is in none", "^-?$")};
		struct matcher *m;

		hostfs_file(rows[i].file, rows[i].text);
		m = open_matcher((struct match_options){.rules = rules, .rule_count = 2});
		expect_group(m, &p, rows[i].want, rows[i].pattern);
		expect_group(m, &out, "other", "in no container");
		match_close(m);
		rule_free(rules[0]);
		rule_free(rules[1]);
		hostfs_file(rows[i].file, NULL);
	}
	proc_remove(PID);
	proc_remove(PID + 1);
	check_end();
}

/* One tick: what `p` is in. */
static void expect_tick(struct matcher *m, const struct snapshot_process *p, const char *want)
{
	match_begin(m);
	expect_group(m, p, want, "group");
}

static void expect_container(struct matcher *m, const struct snapshot_process *p, const char *want)
{
	char name[256];

	match_container(name, sizeof(name), match_details(m, p));
	expect_text(name, want, "container");
}

static void test_changes(void)
{
	struct matcher *m = open_matcher((struct match_options){.group_by = MATCH_BY_CONTAINER});
	struct snapshot_process p = row_of(&inside, 33), part = p;

	check_begin("match: a name that comes later, or changes, is the group's from then on");
	part.row++;
	part.endpoint = (struct tcp_endpoint){.kind = TCP_ENDPOINT_PORT, .port = 443};
	proc_write(&inside);
	expect_group(m, &p, SHORT, "at first");
	hostfs_docker(ID, "before");
	expect_group(m, &p, SHORT, "in the same tick");
	expect_tick(m, &p, "before");
	expect_group(m, &part, "before", "an endpoint");
	expect_container(m, &p, "before");
	hostfs_docker(ID, "after");
	expect_tick(m, &p, "after");
	expect_group(m, &part, "after", "an endpoint");
	expect_container(m, &p, "after");
	proc_remove(PID);
	hostfs_docker(ID, "too late");
	expect_tick(m, &p, "after");
	expect_tick(m, &p, "after");
	hostfs_file(DOCKER, NULL);
	match_close(m);
	check_end();
}

static void test_details(void)
{
	static const struct {
		const char *cgroup, *file, *text, *container, *pod, *namespace;
	} rows[] = {
		{"0::/docker/" ID "\n", DOCKER, "{\"Name\":\"/checkout\"}", "checkout", "", ""},
		{"0::/docker/" ID "\n", LINK, "", "app", "checkout-7f9c", "shop"},
		{"0::/docker/" ID "\n", DOCKER, "{}", SHORT, "", ""},
		{"0::/lxc/web\n", DOCKER, "{}", "web", "", ""},
		{"0::/system.slice/a.service\n", DOCKER, "{}", "", "", ""},
	};
	struct snapshot_process p = row_of(&inside, 33);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct matcher *m = open_matcher((struct match_options){0});
		struct proc proc = inside;
		const struct match *match;

		check_begin("match: what is told of %s beside %s", rows[i].container, rows[i].file);
		proc.cgroup = rows[i].cgroup;
		proc_write(&proc);
		hostfs_file(rows[i].file, rows[i].text);
		expect_group(m, &p, "server", "group");
		expect(!match_process(m, &p)->container, "nobody has asked for it");
		expect_container(m, &p, rows[i].container);
		match = match_process(m, &p);
		expect(!!match->container == (strstr(rows[i].cgroup, ID) != NULL), "its id");
		if (match->container) {
			expect_text(match->container->names.pod, rows[i].pod, "pod");
			expect_text(match->container->names.namespace, rows[i].namespace,
				    "namespace");
		}
		hostfs_file(rows[i].file, NULL);
		proc_remove(PID);
		match_close(m);
		check_end();
	}
}

static void test_conmon(void)
{
	struct matcher *m = open_matcher((struct match_options){.group_by = MATCH_BY_CONTAINER});
	struct snapshot_process p = row_of(&inside, 33);
	const struct proc conmon = {.pid = PID - 1,
				    .parent = 1,
				    .start_ticks = START - 1,
				    .comm = "conmon",
				    .cmdline = "/usr/bin/conmon|-c|" ID "|-n|checkout|"};

	check_begin("match: without a file that may be read, conmon tells the name");
	proc_write(&inside);
	proc_write(&conmon);
	expect_group(m, &p, "checkout", "its parent is conmon");
	proc_remove(PID - 1);
	expect_tick(m, &p, "checkout");
	hostfs_docker(ID, "after");
	match_begin(m);
	expect_tick(m, &p, "after");
	hostfs_file(DOCKER, NULL);
	proc_remove(PID);
	match_close(m);
	check_end();
}

/* Its control group is gone too; the kernel has told the path when it began. */
static void test_brief(void)
{
	static const struct {
		uint64_t id;
		const char *file, *text, *want;
	} rows[] = {
		{CGROUP, DOCKER, "{\"Name\":\"/checkout\"}", "checkout"},
		{CGROUP, LINK, "", "shop_checkout-7f9c_app"},
		{CGROUP, DOCKER, NULL, SHORT},
		{CGROUP + 1, DOCKER, "{\"Name\":\"/checkout\"}", "-"},
		{CGROUP | TCP_CGROUP_V1, DOCKER, "{\"Name\":\"/checkout\"}", "checkout"},
	};
	struct snapshot_process p = row_of(&inside, 33);

	check_begin(
		"match: a container that is gone with its control group has its name, or its id");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct matcher *m =
			open_matcher((struct match_options){.group_by = MATCH_BY_CONTAINER});

		hostfs_file(rows[i].file, rows[i].text);
		p.cgroup = CGROUP | (rows[i].id & TCP_CGROUP_V1);
		match_cgroup(m, rows[i].id, "/system.slice/docker-" ID ".scope");
		expect_group(m, &p, rows[i].want, rows[i].file);
		match_close(m);
		hostfs_file(rows[i].file, NULL);
	}
	check_end();
}

static void test_hostname(void)
{
	static const struct {
		const char *hostname, *file, *want;
	} rows[] = {
		{"checkout-7f9c", NULL, "checkout-7f9c"},
		{"", NULL, SHORT},
		{SHORT, NULL, SHORT},
		{"a/b", NULL, "a_b"},
		{"checkout-7f9c", LINK, "shop_checkout-7f9c_app"},
	};
	struct snapshot_process p = row_of(&inside, 33);

	check_begin("match: where nothing can be read, a container is called as it calls itself");
	proc_write(&inside);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct matcher *m =
			open_matcher((struct match_options){.group_by = MATCH_BY_CONTAINER});
		struct tcp_hostname hostname = {0};

		snprintf(hostname.name, sizeof(hostname.name), "%s", rows[i].hostname);
		p.hostname = &hostname;
		if (rows[i].file)
			hostfs_file(rows[i].file, "");
		expect_group(m, &p, rows[i].want, rows[i].hostname);
		match_close(m);
		hostfs_file(LINK, NULL);
	}
	proc_remove(PID);
	check_end();
}

/* Both are gone who worked in there, and who began it. */
static void test_conmon_of_the_dead(void)
{
	static const char *const paths[] = {"fs", "fs/libpod-" ID ".scope"};
	const struct proc conmon = {.pid = PID - 2,
				    .parent = 1,
				    .start_ticks = START - 1,
				    .comm = "conmon",
				    .cmdline = "conmon|-c|" ID "|-n|checkout|"};
	struct match_options options = {.group_by = MATCH_BY_CONTAINER, .proc_root = proc_folder()};
	struct snapshot_process p = row_of(&inside, 33);
	struct proc member = inside;
	struct stat status = {.st_ino = 0};
	struct matcher *m = NULL;
	char root[256];

	check_begin("match: of the dead, one that lives in the container leads to its conmon");
	snprintf(root, sizeof(root), "%s", proc_path("fs"));
	options.cgroup_root = root;
	options.host_root = (char *)hostfs_root();
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		expect(!mkdir(proc_path(paths[i]), 0755), "mkdir %s", paths[i]);
	expect(!stat(proc_path(paths[1]), &status), "stat %s", paths[1]);
	proc_file("fs/cgroup.controllers", "");
	member.pid = PID + 3;
	member.parent = conmon.pid;
	proc_write(&member);
	proc_write(&conmon);
	p.cgroup = status.st_ino;
	expect(!match_open(&m, ROWS, &options), "match_open");
	match_begin(m);
	expect_group(m, &p, SHORT, "nobody is in there");
	proc_file("fs/libpod-" ID ".scope/cgroup.procs", "4245\n4250\n");
	p.row++;
	p.pid += 2;
	expect_group(m, &p, "checkout", "one is");
	match_close(m);
	proc_file("fs/libpod-" ID ".scope/cgroup.procs", NULL);
	proc_file("fs/cgroup.controllers", NULL);
	for (size_t i = COUNT_OF(paths); i-- > 0;)
		rmdir(proc_path(paths[i]));
	proc_remove(PID - 2);
	proc_remove(PID + 3);
	check_end();
}

int main(void)
{
	proc_open();
	hostfs_open();
	test_names();
	test_rules();
	test_changes();
	test_details();
	test_conmon();
	test_hostname();
	test_brief();
	test_conmon_of_the_dead();
	hostfs_close();
	proc_close();
	return check_status();
}
