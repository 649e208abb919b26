/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Sockets that find no room for what the plugin would keep with them. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "traffic.h"

#define STARVED 3 /* connections, one after the other */

/* All that the kernel lets a socket have of it goes into keys for addresses that nobody uses. */
static void fill_with_keys(int fd)
{
	struct tcp_md5sig key = {.tcpm_keylen = 1, .tcpm_key = "k"};
	struct sockaddr_in *address = (struct sockaddr_in *)&key.tcpm_addr;
	uint32_t next = 10 << 24;

	address->sin_family = AF_INET;
	do
		address->sin_addr.s_addr = htonl(next++);
	while (setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)) == 0);
	if (errno != ENOMEM)
		skip("TCP_MD5SIG: %s", strerror(errno));
}

/* Fails, then connects, with the same socket. */
static int starved_dial(struct stage *stage, bool with_keys)
{
	int fd = tcp_socket(&stage->scenario->dial), nowhere = tcp_bind(&stage->scenario->dial);
	struct sockaddr_storage address;
	socklen_t size = tcp_address(nowhere, AF_INET, &address);

	if (with_keys)
		fill_with_keys(fd);
	if (connect(fd, (struct sockaddr *)&address, size) == 0)
		broken("a connect to nobody succeeded");
	connect_failed(errno);
	close(nowhere);
	size = tcp_address(stage->listener, AF_INET, &address);
	check(connect(fd, (struct sockaddr *)&address, size), "connect");
	self.connects++;
	return fd;
}

static void starved_talk(struct stage *stage, bool with_keys)
{
	for (int i = 0; i < STARVED; i++) {
		int fd = starved_dial(stage, with_keys);

		send_all(fd, stage->amount);
		receive_all(fd, REPLY);
		close(fd);
	}
}

static void starved_client(struct stage *stage)
{
	starved_talk(stage, false);
}

static void keys_client(struct stage *stage)
{
	starved_talk(stage, true);
}

static void starved_server(struct stage *stage)
{
	for (int i = 0; i < STARVED; i++) {
		int fd = tcp_accept(stage->listener);

		receive_all(fd, stage->amount);
		send_all(fd, REPLY);
		receive_to_end(fd);
		close(fd);
	}
}

/* Of an ordinary user, in a network of his own. */
static void run_starved_namespace(struct stage *stage)
{
	if (unshare(CLONE_NEWUSER) < 0)
		skip("no user namespace of our own: %s", strerror(errno));
	private_network();
	write_sysctl("net/core/optmem_max", "1"); /* per network since 6.8 */
	run_together(stage);
}

static const struct scenario scenarios[] = {
	OTHER("starved_namespace", run_starved_namespace, .amount = 1000003,
	      .processes = {{"server", starved_server}, {"client", starved_client}}),
	TWO("starved_keys", starved_server, keys_client, .amount = 1000003),
};

const struct scenario_set starved = SCENARIOS(scenarios);
