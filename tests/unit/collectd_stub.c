/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#pragma GCC visibility push(default) /* a module that a test loads shall find them */

#include "collectd_stub.h"

struct stub stub;

void stub_reset(void)
{
	memset(&stub, 0, sizeof(stub));
}

void plugin_log(int level, const char *format, ...)
{
	unsigned at = stub.log_count++;
	va_list args;

	if (at >= STUB_LOGS_MAX)
		return;
	stub.logs[at].level = level;
	va_start(args, format);
	vsnprintf(stub.logs[at].text, sizeof(stub.logs[at].text), format, args);
	va_end(args);
}

int plugin_dispatch_values(const value_list_t *vl)
{
	unsigned at = stub.value_count++;

	if (at >= STUB_VALUES_MAX)
		return stub.dispatch_result;
	stub.values[at].list = *vl;
	for (size_t i = 0; i < vl->values_len && i < 2; i++)
		stub.values[at].values[i] = vl->values[i];
	return stub.dispatch_result;
}

int plugin_register_complex_config(const char *type, int (*callback)(oconfig_item_t *))
{
	sstrncpy(stub.config_name, type, sizeof(stub.config_name));
	stub.config = callback;
	return 0;
}

int plugin_register_init(const char *name, plugin_init_cb callback)
{
	sstrncpy(stub.init_name, name, sizeof(stub.init_name));
	stub.init = callback;
	return 0;
}

int plugin_register_read(const char *name, int (*callback)(void))
{
	sstrncpy(stub.read_name, name, sizeof(stub.read_name));
	stub.read = callback;
	return 0;
}

int plugin_register_shutdown(const char *name, plugin_shutdown_cb callback)
{
	sstrncpy(stub.shutdown_name, name, sizeof(stub.shutdown_name));
	stub.shutdown = callback;
	return 0;
}

cdtime_t cdtime(void)
{
	return TIME_T_TO_CDTIME_T(1009);
}

char *sstrncpy(char *dest, const char *src, size_t n)
{
	snprintf(dest, n, "%s", src);
	return dest;
}
