/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"

#define V4_AT 12 /* where the IPv4 address begins in a mapped one */

static const uint8_t v4_mapped[V4_AT] = {[10] = 0xff, [11] = 0xff};

static bool is_v4(const uint8_t address[16])
{
	return memcmp(address, v4_mapped, V4_AT) == 0;
}

/* A decimal number from *text, which then is at its end. False if it is none or above `max`. */
static bool take_number(unsigned *out, const char **text, unsigned max)
{
	size_t digits = strspn(*text, "0123456789");

	if (!digits || digits > 5)
		return false;
	*out = (unsigned)strtoul(*text, NULL, 10);
	*text += digits;
	return *out <= max;
}

static bool parse_address(uint8_t out[16], bool *v4, const char *text)
{
	memcpy(out, v4_mapped, V4_AT);
	*v4 = inet_pton(AF_INET, text, out + V4_AT) == 1;
	return *v4 || inet_pton(AF_INET6, text, out) == 1;
}

/* Are the first `bits` of both the same? */
static bool same_prefix(const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	return memcmp(a, b, bytes) == 0 && (!rest || (a[bytes] ^ b[bytes]) >> (8 - rest) == 0);
}

/* IPv4 addresses are mapped, but ::/0 does not mean them. */
static bool fits(const uint8_t address[16], const struct subnet *s)
{
	return (s->prefix >= V4_AT * 8 || !is_v4(address)) &&
	       same_prefix(address, s->address, s->prefix);
}

/* Are the bits beyond the prefix 0? */
static bool is_network(const struct subnet *s)
{
	for (unsigned bit = s->prefix; bit < 128; bit++)
		if (s->address[bit / 8] & (0x80 >> bit % 8))
			return false;
	return true;
}

int subnet_parse(struct subnet *out, const char *name, const char *text)
{
	size_t length = strcspn(text, "/");
	const char *rest = text + length;
	struct subnet s = {.prefix = 128};
	char address[INET6_ADDRSTRLEN];
	bool v4;

	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	if (!parse_address(s.address, &v4, address))
		return -EINVAL;
	if (*rest++ == '/') {
		if (!take_number(&s.prefix, &rest, v4 ? 32 : 128) || *rest)
			return -EINVAL;
		s.prefix += v4 ? 96 : 0;
	}
	if (!is_network(&s))
		return -EINVAL;
	s.name = strdup(name);
	if (!s.name)
		return -ENOMEM;
	*out = s;
	return 0;
}

void subnet_free(struct subnet *subnet)
{
	free(subnet->name);
	subnet->name = NULL;
}

void address_text(char *out, size_t size, const uint8_t address[16])
{
	bool v4 = is_v4(address);

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + V4_AT : address, out, (socklen_t)size);
}

/* The name of the first network that fits; NULL if there is none, or it has no name. */
static const char *subnet_of(const uint8_t address[16], const struct subnet *subnets,
			     unsigned subnet_count)
{
	unsigned i = 0;

	while (i < subnet_count && !fits(address, &subnets[i]))
		i++;
	return i < subnet_count && *subnets[i].name ? subnets[i].name : NULL;
}

void endpoint_name(char *out, size_t size, const uint8_t address[16], uint16_t port,
		   const struct subnet *subnets, unsigned subnet_count)
{
	const char *name = subnet_of(address, subnets, subnet_count);
	char text[ADDRESS_SIZE];

	if (name) {
		snprintf(out, size, "%s:%u", name, port);
		return;
	}
	address_text(text, sizeof(text), address);
	snprintf(out, size, is_v4(address) ? "%s:%u" : "[%s]:%u", text, port);
}

void host_name(char *out, size_t size, const uint8_t address[16], const struct subnet *subnets,
	       unsigned subnet_count)
{
	const char *name = subnet_of(address, subnets, subnet_count);
	char text[ADDRESS_SIZE];

	address_text(text, sizeof(text), address);
	snprintf(out, size, "%s", name ? name : text);
}

/* "80" or "8000-8080"; false also for names, which may have digits and `-` too. */
static bool parse_range(unsigned *first, unsigned *last, const char *text)
{
	if (!take_number(first, &text, UINT16_MAX))
		return false;
	*last = *first;
	if (*text == '-') {
		text++;
		if (!take_number(last, &text, UINT16_MAX))
			return false;
	}
	return !*text && *first && *first <= *last;
}

int ports_parse(uint64_t ports[PORT_WORDS], const char *text)
{
	const struct servent *service;
	unsigned first, last;

	if (!parse_range(&first, &last, text)) {
		service = getservbyname(text, "tcp");
		if (!service)
			return -EINVAL;
		first = last = ntohs((uint16_t)service->s_port);
	}
	for (unsigned port = first; port <= last; port++)
		ports[port / 64] |= 1ULL << port % 64;
	return 0;
}
