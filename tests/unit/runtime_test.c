/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What runtimes write, in the shapes of their own files. */
#include <stdlib.h>

#include "check.h"
#include "identity/runtime.h"

#define ID "0123abcd4567ef0123456789abcdef0123456789abcdef0123456789abcdef01"
#define ID2 "4567ef0123456789abcdef0123456789abcdef0123456789abcdef010123abcd"
#define UID "7f4a2c1e-0b3d-4e5f-8a9b-0c1d2e3f4a5b"
#define CRI "io.kubernetes.cri."
#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"

/* The same names, one after the other, to be compared at once. */
static const char *shown(bool found, const struct container_names *n)
{
	static char text[1024];

	if (!found)
		return NULL;
	snprintf(text, sizeof(text), "%s|%s|%s|%s|%s", n->namespace, n->pod, n->container,
		 n->project, n->service);
	return text;
}

static void expect_names(const char *got, const char *want, const char *what)
{
	if (want)
		expect_text(got ? got : "nothing", want, what);
	else
		expect(!got, "%s: %s", what, got ? got : "");
}

/* A row without a reader is the name of those that follow. */
static const struct {
	runtime_read *read;
	const char *text, *want;
} files[] = {
	{NULL, "Docker's config.v2.json", NULL},
	{runtime_docker,
	 "{\"StreamConfig\":{},\"State\":{\"Running\":true,\"Pid\":4242},\"ID\":\"" ID "\","
	 "\"Created\":\"2026-05-07T11:13:17.19Z\",\"Path\":\"/server\",\"Args\":[],"
	 "\"Config\":{\"Hostname\":\"0123abcd4567\",\"Env\":[\"A=}\\\"\"],\"Labels\":{}},"
	 "\"Name\":\"/checkout\",\"Driver\":\"overlay2\"}",
	 "||checkout||"},
	{runtime_docker,
	 "{\"Config\":{\"Labels\":{\"com.docker.compose.project\":\"shop\","
	 "\"com.docker.compose.service\":\"web\"}},\"Name\":\"/shop-web-1\"}",
	 "||shop-web-1|shop|web"},
	{runtime_docker,
	 "{\"Config\":{\"Labels\":null},\"Name\":\"/k8s_app_checkout-7f9c_shop_" UID "_0\"}",
	 "shop|checkout-7f9c|app||"},
	{runtime_docker, "{\"Name\":\"/k8s_POD_checkout-7f9c_shop_" UID "_0\"}",
	 "shop|checkout-7f9c|||"},
	{runtime_docker, "{\"Name\":\"/k8s_app_checkout\"}", "||k8s_app_checkout||"},
	{runtime_docker, "{\"Name\":\"/../../x\"}", "||.._.._x||"},
	{runtime_docker, "{\"Name\":\"/\"}", NULL},
	{runtime_docker, "{\"Name\":17}", NULL},
	{runtime_docker, "{\"Name\":null}", NULL},
	{runtime_docker, "{\"Name\":\"/checkout\"", NULL},
	{runtime_docker, "{\"name\":\"/checkout\"}", NULL},
	{runtime_docker, "[\"Name\",\"/checkout\"]", NULL},
	{runtime_docker, "17", NULL},
	{runtime_docker, "", NULL},

	{NULL, "config.json by containerd's CRI and nerdctl", NULL},
	{runtime_oci,
	 "{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"/server\"]},\"annotations\":{\"" CRI
	 "container-name\":\"app\",\"" CRI "container-type\":\"container\",\"" CRI
	 "sandbox-id\":\"" ID2 "\",\"" CRI "sandbox-name\":\"checkout-7f9c\",\"" CRI
	 "sandbox-namespace\":\"shop\",\"" CRI "sandbox-uid\":\"" UID "\"},\"linux\":{}}",
	 "shop|checkout-7f9c|app||"},
	{runtime_oci,
	 "{\"annotations\":{\"" CRI "container-type\":\"sandbox\",\"" CRI
	 "sandbox-name\":\"checkout-7f9c\",\"" CRI "sandbox-namespace\":\"shop\"}}",
	 "shop|checkout-7f9c|||"},
	{runtime_oci,
	 "{\"annotations\":{\"nerdctl/name\":\"checkout\",\"nerdctl/namespace\":\"default\"}}",
	 "||checkout||"},
	{runtime_oci, "{\"annotations\":{\"nerdctl/name\":\"\"}}", NULL},
	{runtime_oci, "{\"annotations\":{}}", NULL}, /* Docker's, beside its own file */
	{runtime_oci, "{\"annotations\":[]}", NULL},
	{runtime_oci, "{\"ociVersion\":\"1.2.0\"}", NULL},

	{NULL, "config.json by CRI-O", NULL},
	{runtime_oci,
	 "{\"annotations\":{\"io.kubernetes.container.name\":\"app\","
	 "\"io.kubernetes.cri-o.Name\":\"k8s_app_checkout-7f9c_shop_" UID "_0\","
	 "\"io.kubernetes.pod.name\":\"checkout-7f9c\",\"io.kubernetes.pod.namespace\":\"shop\","
	 "\"io.kubernetes.pod.uid\":\"" UID "\"}}",
	 "shop|checkout-7f9c|app||"},
	{runtime_oci,
	 "{\"annotations\":{\"io.kubernetes.container.name\":\"POD\","
	 "\"io.kubernetes.pod.name\":\"checkout-7f9c\",\"io.kubernetes.pod.namespace\":\"shop\"}}",
	 "shop|checkout-7f9c|||"},
	{runtime_oci,
	 "{\"annotations\":{\"io.kubernetes.pod.name\":\"a/b\","
	 "\"io.kubernetes.pod.namespace\":\"" LONG "\"}}",
	 "012345678901234567890123456789012345678901234567890123456789012|a_b|||"},
};

static void test_files(void)
{
	struct container_names names;

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		const char *text = files[i].text;

		if (!files[i].read) {
			if (i)
				check_end();
			check_begin("runtime: %s", text);
			continue;
		}
		expect_names(shown(files[i].read(&names, text, strlen(text)), &names),
			     files[i].want, text);
	}
	check_end();
}

static void test_depth(void)
{
	char text[256];
	struct container_names names;

	check_begin("runtime: a text that is too deep");
	for (unsigned depth = 1; depth < 100; depth++) {
		snprintf(text, sizeof(text), "{\"Name\":\"/a\",\"b\":%.*s%.*s}", (int)depth,
			 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
			 "[",
			 (int)depth,
			 "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
			 "]");
		expect(runtime_docker(&names, text, strlen(text)) == (depth < 32), "depth %u",
		       depth);
		if (depth > 70)
			break;
	}
	check_end();
}

static void collect(void *context, const char *id, const struct container_names *names)
{
	char *all = context;
	size_t used = strlen(all);

	snprintf(all + used, 1024 - used, "%.4s %s\n", id, shown(true, names));
}

static void expect_storage(const char *text, const char *want)
{
	char all[1024] = "";

	runtime_storage(text, strlen(text), collect, all);
	expect_text(all, want, text);
}

static void test_storage(void)
{
	check_begin("runtime: containers.json by Podman and CRI-O");
	expect_storage("[{\"id\":\"" ID "\",\"names\":[\"checkout\"],\"image\":\"" ID2 "\","
		       "\"layer\":\"" ID2 "\",\"metadata\":\"{\\\"name\\\":\\\"checkout\\\"}\","
		       "\"created\":\"2026-05-07T11:13:17.19Z\",\"flags\":{}},"
		       "{\"id\":\"" ID2 "\",\"names\":[\"k8s_app_checkout-7f9c_shop_" UID "_0\"]}]",
		       "0123 ||checkout||\n4567 shop|checkout-7f9c|app||\n");
	expect_storage("[{\"id\":\"" ID "\",\"names\":null},{\"id\":\"" ID "\"},"
		       "{\"id\":\"0123\",\"names\":[\"a\"]},{\"names\":[\"b\"]},17,"
		       "{\"id\":\"" ID2 "\",\"names\":[\"c\",\"d\"]}]",
		       "4567 ||c||\n");
	expect_storage("{\"id\":\"" ID "\"}", "");
	expect_storage("[]", "");
	expect_storage("", "");
	check_end();
}

static void test_links(void)
{
	static const struct {
		const char *file, *want;
	} links[] = {
		{"checkout-7f9c_shop_app-" ID ".log", "shop|checkout-7f9c|app||"},
		{"a.b-0_kube-system_a-b-c-" ID ".log", "kube-system|a.b-0|a-b-c||"},
		{"checkout-7f9c_shop_app-" ID, NULL},
		{"checkout-7f9c_shop_app" ID ".log", NULL},
		{"checkout-7f9c_shop-" ID ".log", NULL},
		{"checkout-7f9c_shop_app-0123abcd.log", NULL}, /* it was cut */
		{"__-" ID ".log", NULL},
		{ID ".log", NULL},
		{".log", NULL},
		{"..", NULL},
	};
	struct container_names names;
	char id[CGROUP_ID_SIZE];

	check_begin("runtime: the kubelet's links");
	for (size_t i = 0; i < COUNT_OF(links); i++) {
		snprintf(id, sizeof(id), "untouched");
		expect_names(shown(runtime_link(id, &names, links[i].file), &names), links[i].want,
			     links[i].file);
		expect_text(id, links[i].want ? ID : "untouched", "id");
	}
	check_end();
}

static void test_conmon(void)
{
	static const struct {
		const char *cmdline, *want;
	} lines[] = {
		{"/usr/bin/conmon --api-version 1 -c " ID " -u " ID
		 " -r /usr/bin/crun -b /x/userdata -p /x/pidfile -n checkout --exit-dir /run/x",
		 "||checkout||"},
		{"conmon --cid " ID " --name checkout", "||checkout||"},
		{"/usr/libexec/podman/conmon -n k8s_app_checkout-7f9c_shop_" UID "_0 -c " ID,
		 "shop|checkout-7f9c|app||"},
		{"/usr/bin/conmon -c " ID2 " -n checkout", NULL}, /* another's */
		{"/usr/bin/conmon -c " ID, NULL},
		{"/usr/bin/conmon -c " ID " -n", NULL},
		{"/usr/bin/conmon", NULL},
		{"/usr/bin/notconmon -c " ID " -n checkout", NULL},
		{"sh -c conmon -c " ID " -n checkout", NULL},
		{"", NULL},
	};
	struct container_names names;

	check_begin("runtime: command lines of conmon");
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		expect_names(shown(runtime_conmon(&names, ID, lines[i].cmdline), &names),
			     lines[i].want, lines[i].cmdline);
	check_end();
}

static void test_shown_names(void)
{
	static const struct {
		struct container_names names;
		const char *full, *name, *pod;
	} rows[] = {
		{{.container = "checkout"}, "checkout", "checkout", "checkout"},
		{{.container = "shop-web-1", .project = "shop", .service = "web"},
		 "shop/web/shop-web-1",
		 "shop-web-1",
		 "shop-web-1"},
		{{.container = "app", .pod = "checkout-7f9c", .namespace = "shop"},
		 "shop/checkout-7f9c/app",
		 "shop/checkout-7f9c/app",
		 "shop/checkout-7f9c"},
		{{.pod = "checkout-7f9c", .namespace = "shop"},
		 "shop/checkout-7f9c",
		 "shop/checkout-7f9c",
		 "shop/checkout-7f9c"},
	};
	char out[CONTAINER_FULL_SIZE];

	check_begin("runtime: what containers are called");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		container_full(out, sizeof(out), &rows[i].names);
		expect_text(out, rows[i].full, "full");
		container_name(out, sizeof(out), &rows[i].names, CONTAINER_BY_NAME);
		expect_text(out, rows[i].name, "name");
		container_name(out, sizeof(out), &rows[i].names, CONTAINER_BY_POD);
		expect_text(out, rows[i].pod, "pod");
	}
	check_end();
}

int main(void)
{
	test_files();
	test_depth();
	test_storage();
	test_links();
	test_conmon();
	test_shown_names();
	return check_status();
}
