/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Loads the finished module as the daemon does, with a daemon that does nothing. */
#include <dlfcn.h>
#include <libgen.h>

#include "check.h"
#include "collectd_stub.h"

static void *module_open(const char *program)
{
	char path[PATH_MAX], copy[PATH_MAX];
	void *module;

	sstrncpy(copy, program, sizeof(copy));
	snprintf(path, sizeof(path), "%s/../../ebpf_tcp.so", dirname(copy));
	check_begin("load: every symbol is found when the module is loaded");
	module = dlopen(path, RTLD_NOW);
	expect(module != NULL, "%s", module ? "" : dlerror());
	check_end();
	return module;
}

static void test_register(void *module)
{
	void (*module_register)(void) = NULL;

	check_begin("load: the callbacks are registered under the plugin's name");
	*(void **)&module_register = dlsym(module, "module_register");
	if (!module_register) {
		check_complain("no module_register");
	} else {
		module_register();
		expect_text(stub.config_name, "ebpf_tcp", "config");
		expect_text(stub.init_name, "ebpf_tcp",
			    "init"); /* init and read must be the same */
		expect_text(stub.read_name, "ebpf_tcp", "read");
		expect_text(stub.shutdown_name, "ebpf_tcp", "shutdown");
		expect_u64(stub.log_count, 0, "log lines");
	}
	check_end();
}

static void test_without_probe(void)
{
	check_begin("load: read without a probe fails, and survives");
	for (unsigned i = 0; i < 3; i++) /* collectd -T does so after a failed init */
		expect(stub.read() == -1, "it does not fail");
	expect_u64(stub.value_count, 0, "values");
	check_end();

	check_begin("load: shutdown may be called without init, and twice");
	expect(stub.shutdown() == 0, "first");
	expect(stub.shutdown() == 0, "second");
	expect(stub.read() == -1, "read after shutdown");
	check_end();
}

static int configure(const char *key, double number)
{
	oconfig_value_t value = {.value.number = number, .type = OCONFIG_TYPE_NUMBER};
	oconfig_item_t item = {.key = (char *)key, .values = &value, .values_num = 1};
	oconfig_item_t block = {.key = "Plugin", .children = &item, .children_num = 1};

	return stub.config(&block);
}

static void test_config(void)
{
	check_begin("load: a block is read, also after a shutdown; a bad one is refused");
	expect(configure("PIDLimit", 7) == 0, "a good one");
	expect(configure("PIDLimit", 0) == -1, "a bad one");
	expect_u64(stub.log_count, 1, "log lines");
	expect(stub.shutdown() == 0, "shutdown");
	expect(configure("PIDLimit", 11) == 0, "after a shutdown");
	expect(stub.shutdown() == 0, "second shutdown");
	check_end();
}

int main(int argc, char **argv)
{
	void *module = argc > 0 ? module_open(argv[0]) : NULL;

	if (!module)
		return 1;
	test_register(module);
	if (stub.config && stub.read && stub.shutdown) {
		test_without_probe();
		test_config();
	}
	dlclose(module);
	return check_status();
}
