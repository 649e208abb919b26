/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>

#include "base/address.h"
#include "check.h"
#include "memory.h"

/* The address as endpoints have it: IPv6, or v4-mapped. */
static const uint8_t *address_of(const char *text)
{
	static uint8_t address[16];

	memset(address, 0, sizeof(address));
	if (inet_pton(AF_INET6, text, address) == 1)
		return address;
	memset(address + 10, 0xff, 2);
	expect(inet_pton(AF_INET, text, address + 12) == 1, "%s is no address", text);
	return address;
}

static const struct {
	const char *text, *address; /* NULL: it is refused */
	unsigned prefix;
} subnets[] = {
	{"10.1.0.0/16", "10.1.0.0", 112},
	{"10.1.2.3", "10.1.2.3", 128},
	{"10.1.2.3/32", "10.1.2.3", 128},
	{"0.0.0.0/0", "0.0.0.0", 96},
	{"128.0.0.0/1", "128.0.0.0", 97},
	{"10.1.2.254/31", "10.1.2.254", 127},
	{"2001:db8::/32", "2001:db8::", 32},
	{"2001:db8::1", "2001:db8::1", 128},
	{"2001:db8::1/128", "2001:db8::1", 128},
	{"2001:db8:8000::/33", "2001:db8:8000::", 33},
	{"::/0", "::", 0},
	{"::1", "::1", 128},
	{"fe80::/10", "fe80::", 10},
	{"::ffff:10.1.0.0/112", "10.1.0.0", 112},
	{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128",
	 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128},
	/* bits beyond the prefix */
	{"10.1.0.1/16", NULL, 0},
	{"10.1.2.255/31", NULL, 0},
	{"128.0.0.0/0", NULL, 0},
	{"2001:db8::1/127", NULL, 0},
	{"2001:db8:8000::/32", NULL, 0},
	{"::ffff:10.1.0.0/96", NULL, 0},
	{"::1/0", NULL, 0},
	/* what is no network */
	{"", NULL, 0},
	{"/", NULL, 0},
	{"/8", NULL, 0},
	{"10.0.0.0/", NULL, 0},
	{"10.0.0.0/33", NULL, 0},
	{"10.0.0.0/8/", NULL, 0},
	{"10.0.0.0/8 ", NULL, 0},
	{" 10.0.0.0/8", NULL, 0},
	{"10.0.0.0/ 8", NULL, 0},
	{"10.0.0.0/+8", NULL, 0},
	{"10.0.0.0/-8", NULL, 0},
	{"10.0.0.0/0x8", NULL, 0},
	{"10.0.0.0/255.0.0.0", NULL, 0},
	{"10.0.0.0/4294967304", NULL, 0},
	{"10.0.0.0/18446744073709551624", NULL, 0},
	{"10.0.0", NULL, 0},
	{"10.0.0.0.0", NULL, 0},
	{"10.0.0.256", NULL, 0},
	{"2001:db8::/129", NULL, 0},
	{"[2001:db8::1]", NULL, 0},
	{"fe80::1%eth0", NULL, 0},
	{"office", NULL, 0},
	{"0000:0000:0000:0000:0000:0000:255.255.255.255.", NULL, 0}, /* longer than any address */
	{"0000:0000:0000:0000:0000:0000:0000:0000:255.255.255.255", NULL, 0},
};

static void test_subnets(void)
{
	for (size_t i = 0; i < COUNT_OF(subnets); i++) {
		struct subnet s = {.name = NULL, .prefix = 7919};
		int err = subnet_parse(&s, "office", subnets[i].text);

		check_begin("endpoint: network \"%s\"%s", subnets[i].text,
			    subnets[i].address ? "" : " is refused");
		if (subnets[i].address && expect(!err, "it is refused: %d", err)) {
			expect_text(s.name, "office", "name");
			expect_u64(s.prefix, subnets[i].prefix, "prefix");
			expect(memcmp(s.address, address_of(subnets[i].address), 16) == 0,
			       "the address is another");
		}
		if (!subnets[i].address)
			expect(err == -EINVAL && !s.name && s.prefix == 7919, "it is not: %d", err);
		subnet_free(&s);
		expect(memory_live() == 0, "%ld blocks are left", memory_live());
		check_end();
	}
}

static void test_memory(void)
{
	struct subnet s = {.name = NULL, .prefix = 7919};

	check_begin("endpoint: no memory for a name");
	memory_fail_at(1);
	expect(subnet_parse(&s, "office", "10.0.0.0/8") == -ENOMEM, "there is");
	memory_fail_at(0);
	expect(!s.name && s.prefix == 7919, "something was written");
	subnet_free(&s);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

/* The networks of the cases below, in this order. */
static const struct {
	const char *name, *text;
} networks[] = {
	{"office", "10.1.0.0/16"}, {"lan", "10.0.0.0/8"},      {"bits", "192.0.2.160/27"},
	{"", "192.0.2.0/24"},      {"all-192", "192.0.0.0/8"}, {"db8", "2001:db8::/32"},
	{"one", "2001:db9::1"},    {"high", "8000::/1"},
};

static const struct {
	const char *address;
	uint16_t port;
	const char *alone, *want; /* without networks, and with them */
} names[] = {
	{"10.0.0.5", 5432, "10.0.0.5:5432", "lan:5432"},
	{"10.1.255.255", 443, "10.1.255.255:443", "office:443"},
	{"10.2.0.0", 443, "10.2.0.0:443", "lan:443"},
	{"11.0.0.0", 1, "11.0.0.0:1", "11.0.0.0:1"},
	{"9.255.255.255", 65535, "9.255.255.255:65535", "9.255.255.255:65535"},
	{"192.0.2.160", 80, "192.0.2.160:80", "bits:80"},
	{"192.0.2.191", 80, "192.0.2.191:80", "bits:80"},
	{"192.0.2.192", 80, "192.0.2.192:80", "192.0.2.192:80"}, /* a network without a name */
	{"192.0.2.159", 80, "192.0.2.159:80", "192.0.2.159:80"},
	{"192.0.3.1", 80, "192.0.3.1:80", "all-192:80"},
	{"2001:db8::1", 443, "[2001:db8::1]:443", "db8:443"},
	{"2001:db9::1", 443, "[2001:db9::1]:443", "one:443"},
	{"2001:db9::2", 443, "[2001:db9::2]:443", "[2001:db9::2]:443"},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
	 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "high:65535"},
	{"::1", 0, "[::1]:0", "[::1]:0"},
	{"::", 22, "[::]:22", "[::]:22"},
	{"0.0.0.0", 22, "0.0.0.0:22", "0.0.0.0:22"},
	{"::10.1.2.3", 22, "[::10.1.2.3]:22", "[::10.1.2.3]:22"}, /* not mapped */
};

/* Clients: the address is the name of one that is in none of the networks. */
static const struct {
	const char *address, *want;
} hosts[] = {
	{"10.0.0.9", "lan"},
	{"10.1.0.9", "office"},
	{"11.0.0.9", "11.0.0.9"},
	{"192.0.2.192", "192.0.2.192"},
	{"2001:db8::9", "db8"},
	{"2001:db9::9", "2001:db9::9"},
	{"::1", "::1"},
	{"7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
};

/* Does an address have the network's name? */
static const struct {
	const char *network, *address;
	bool fits;
} families[] = {
	{"::/0", "10.0.0.5", false},
	{"::/0", "0.0.0.0", false},
	{"::/0", "255.255.255.255", false},
	{"::/0", "2001:db8::1", true},
	{"::/0", "::10.0.0.5", true}, /* not mapped */
	{"::/1", "10.0.0.5", false},
	{"::/80", "10.0.0.5", false},
	{"::/80", "::1", true},
	{"::fffe:0:0/95", "10.0.0.5", false},
	{"::fffe:0:0/95", "::fffe:10.0.0.5", true},
	{"::ffff:0:0/96", "10.0.0.5", true},
	{"::ffff:0:0/96", "2001:db8::1", false},
	{"::ffff:10.0.0.0/104", "10.0.0.5", true},
	{"::ffff:10.0.0.0/104", "11.0.0.5", false},
	{"0.0.0.0/0", "10.0.0.5", true},
	{"0.0.0.0/0", "::10.0.0.5", false},
	{"0.0.0.0/0", "2001:db8::1", false},
};

static void test_families(void)
{
	for (size_t i = 0; i < COUNT_OF(families); i++) {
		const uint8_t *address = address_of(families[i].address);
		char out[ENDPOINT_NAME_SIZE];
		struct subnet s = {.name = NULL};

		check_begin("endpoint: %s is %sin %s", families[i].address,
			    families[i].fits ? "" : "not ", families[i].network);
		expect(!subnet_parse(&s, "net", families[i].network), "refused");
		endpoint_name(out, sizeof(out), address, 443, &s, 1);
		expect((strcmp(out, "net:443") == 0) == families[i].fits, "it is %s", out);
		subnet_free(&s);
		check_end();
	}
}

/* As much of `want` as `size` has room for, in a buffer that was full of 0x55. */
static void expect_fit(const char *out, size_t room, size_t size, const char *want)
{
	for (size_t at = size; at < room; at++)
		expect(out[at] == 0x55, "size %zu: byte %zu was written", size, at);
	expect(!size || strnlen(out, size) < size, "size %zu: no end", size);
	expect(!size || strncmp(out, want, strlen(out)) == 0, "size %zu: \"%s\"", size, out);
}

static void test_names(void)
{
	struct subnet known[COUNT_OF(networks)];
	char out[ENDPOINT_NAME_SIZE];

	for (size_t i = 0; i < COUNT_OF(networks); i++)
		if (subnet_parse(&known[i], networks[i].name, networks[i].text))
			known[i] = (struct subnet){.prefix = 129};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const uint8_t *address = address_of(names[i].address);

		check_begin("endpoint: name of %s", names[i].alone);
		endpoint_name(out, sizeof(out), address, names[i].port, NULL, 0);
		expect_text(out, names[i].alone, "without networks");
		endpoint_name(out, sizeof(out), address, names[i].port, known, COUNT_OF(known));
		expect_text(out, names[i].want, "with them");
		check_end();
	}

	for (size_t i = 0; i < COUNT_OF(hosts); i++) {
		const uint8_t *address = address_of(hosts[i].address);

		check_begin("endpoint: name of the client %s", hosts[i].address);
		host_name(out, sizeof(out), address, NULL, 0);
		expect_text(out, hosts[i].address, "without networks");
		host_name(out, sizeof(out), address, known, COUNT_OF(known));
		expect_text(out, hosts[i].want, "with them");
		check_end();
	}

	check_begin("endpoint: every name fits into every size");
	for (size_t i = 0; i < COUNT_OF(names); i++)
		for (size_t size = 0; size < 64; size++) {
			const uint8_t *address = address_of(names[i].address);

			memset(out, 0x55, sizeof(out));
			endpoint_name(out, size, address, names[i].port, known, COUNT_OF(known));
			expect_fit(out, sizeof(out), size, names[i].want);
		}
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		for (size_t size = 0; size < 64; size++) {
			const uint8_t *address = address_of(hosts[i].address);

			memset(out, 0x55, sizeof(out));
			host_name(out, size, address, known, COUNT_OF(known));
			expect_fit(out, sizeof(out), size, hosts[i].want);
		}
	for (size_t i = 0; i < COUNT_OF(known); i++)
		subnet_free(&known[i]);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

static const struct {
	const char *text;
	unsigned first, last; /* 0: it is refused */
} ports[] = {
	{"1", 1, 1},
	{"5432", 5432, 5432},
	{"65535", 65535, 65535},
	{"8000-8080", 8000, 8080},
	{"63-64", 63, 64},
	{"80-80", 80, 80},
	{"1-65535", 1, 65535},
	{"0080", 80, 80},
	{"", 0, 0},
	{"0", 0, 0},
	{"0-10", 0, 0},
	{"65536", 0, 0},
	{"8000-65536", 0, 0},
	{"8080-8000", 0, 0},
	{"8000-", 0, 0},
	{"-8000", 0, 0},
	{"-", 0, 0},
	{"8000--8080", 0, 0},
	{"8000-8080-8090", 0, 0},
	{"8000-8080x", 0, 0},
	{"80 ", 0, 0},
	{" 80", 0, 0},
	{"+80", 0, 0},
	{"80,81", 0, 0},
	{"0x50", 0, 0},
	{"4294967376", 0, 0},
	{"18446744073709551696", 0, 0},
	{"no-such-service", 0, 0},
};

/* Exactly the ports from first to last are set, and those that were so before. */
static void expect_ports(const uint64_t *got, unsigned first, unsigned last, unsigned before)
{
	for (unsigned port = 0; port < PORT_WORDS * 64; port++) {
		bool want = (first && port >= first && port <= last) || port == before;

		expect((got[port / 64] >> port % 64 & 1) == want, "port %u is %sset", port,
		       want ? "not " : "");
	}
}

static void test_ports(void)
{
	for (size_t i = 0; i < COUNT_OF(ports); i++) {
		uint64_t got[PORT_WORDS] = {[65534 / 64] = 1ULL << 65534 % 64};
		int err = ports_parse(got, ports[i].text);

		check_begin("endpoint: port \"%s\"%s", ports[i].text,
			    ports[i].first ? "" : " is refused");
		expect(err == (ports[i].first ? 0 : -EINVAL), "it returned %d", err);
		expect_ports(got, ports[i].first, ports[i].last, 65534);
		check_end();
	}
}

static void test_services(void)
{
	static const struct {
		const char *name;
		unsigned port; /* 0: not of tcp */
	} services[] = {{"https", 443}, {"ssh", 22}, {"http-alt", 8080}, {"tftp", 0}};

	if (!getservbyname("https", "tcp")) {
		check_skip("endpoint: ports by name: no /etc/services here");
		return;
	}
	check_begin("endpoint: ports by name");
	for (size_t i = 0; i < COUNT_OF(services); i++) {
		uint64_t got[PORT_WORDS] = {0};
		int err = ports_parse(got, services[i].name);

		expect(err == (services[i].port ? 0 : -EINVAL), "%s returned %d", services[i].name,
		       err);
		expect_ports(got, services[i].port, services[i].port, UINT32_MAX);
	}
	check_end();
}

int main(void)
{
	test_subnets();
	test_memory();
	test_families();
	test_names();
	test_ports();
	test_services();
	return check_status();
}
