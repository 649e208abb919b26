/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* The other side of connections: addresses, networks and ports as people write and read them. */
#ifndef EBPF_TCP_ADDRESS_H
#define EBPF_TCP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_SIZE 46
#define ENDPOINT_NAME_SIZE 128
#define PORT_WORDS 1024 /* 64 bits each */

/* A network with a name. IPv4 addresses are v4-mapped (::ffff:a.b.c.d), as everywhere here. */
struct subnet {
	char *name;
	uint8_t address[16];
	unsigned prefix; /* bits, of 128 */
};

/*
 * "10.1.0.0/16", "2001:db8::/32", or one address; `name` is copied. A network of IPv6 has no IPv4
 * addresses, unless it lies in ::ffff:0:0/96. Returns 0, -ENOMEM, or -EINVAL also if bits beyond
 * the prefix are set.
 */
int subnet_parse(struct subnet *out, const char *name, const char *text);

/* Frees what subnet_parse() has allocated. */
void subnet_free(struct subnet *subnet);

/* "10.0.0.5:5432", "[2001:db8::1]:443", or "office:443" if the first network that fits has a name.
 */
void endpoint_name(char *out, size_t size, const uint8_t address[16], uint16_t port,
		   const struct subnet *subnets, unsigned subnet_count);

/* The same without a port: "10.0.0.5", "2001:db8::1" or "office". */
void host_name(char *out, size_t size, const uint8_t address[16], const struct subnet *subnets,
	       unsigned subnet_count);

/* "10.0.0.5" or "2001:db8::1". */
void address_text(char *out, size_t size, const uint8_t address[16]);

/* Sets the bits of "5432", "8000-8080" or "https". Returns 0 or -EINVAL, and then sets none. */
int ports_parse(uint64_t ports[PORT_WORDS], const char *text);

#endif
