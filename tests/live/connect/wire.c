/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * The wire between two network namespaces is a process that carries the packets from one tun device
 * to the other, and delays, loses or answers them by plan: no kernel needs netem or a packet filter
 * for it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "connect.h"

struct packet {
	uint64_t due_us; /* 0: a free slot */
	int to;
	size_t size;
	union {
		unsigned char bytes[2048];
		struct iphdr ip;
	};
};

static struct {
	const struct plan *plan;
	int tun[2];
	int namespace[2];
	int life[2]; /* the wire goes when nobody else holds the write end */
	int syn[2];  /* the wire writes a byte for each SYN of the near end */
	bool crossing[2];
	unsigned int lost_syns;
	unsigned int lost_resets;
	unsigned int data_segments;
	struct packet queue[256];
} wire;

static uint64_t delay_us(void)
{
	return 1000ULL * wire.plan->delay_ms;
}

uint64_t round_trip_us(const struct stage *stage)
{
	const struct plan *plan = stage->scenario->plan;

	return plan ? 2000ULL * plan->delay_ms : 0;
}

static struct tcphdr *tcp_of(struct packet *packet)
{
	return (struct tcphdr *)(packet->bytes + packet->ip.ihl * 4);
}

static uint32_t sum16(uint32_t sum, const void *from, size_t size)
{
	const unsigned char *bytes = from;

	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static uint16_t checksum(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum & 0xffff);
}

/* An IPv4 header that goes back to where the packet came from. */
static void return_header(struct packet *back, const struct packet *packet, int protocol)
{
	struct iphdr *ip = &back->ip;

	*ip = (struct iphdr){.version = 4,
			     .ihl = sizeof(*ip) / 4,
			     .ttl = 64,
			     .protocol = protocol,
			     .tot_len = htons(back->size),
			     .saddr = packet->ip.daddr,
			     .daddr = packet->ip.saddr};
	ip->check = checksum(sum16(0, ip, sizeof(*ip)));
}

static void answer_unreachable(const struct packet *packet, int code)
{
	struct packet back = {.size = sizeof(struct iphdr) + sizeof(struct icmphdr) +
				      sizeof(struct iphdr) + 8};
	struct icmphdr *icmp = (struct icmphdr *)(back.bytes + sizeof(struct iphdr));
	size_t size = back.size - sizeof(struct iphdr);

	return_header(&back, packet, IPPROTO_ICMP);
	icmp->type = ICMP_DEST_UNREACH;
	icmp->code = code;
	memcpy(icmp + 1, packet->bytes, sizeof(struct iphdr) + 8);
	icmp->checksum = checksum(sum16(0, icmp, size));
	moved(write(wire.tun[NEAR], back.bytes, back.size), "write of ICMP");
}

/* A segment without data that goes back to the near end, with the flags and numbers of tcp. */
static void answer_segment(struct packet *packet, struct tcphdr tcp)
{
	struct packet back = {.size = sizeof(struct iphdr) + sizeof(tcp)};
	const struct tcphdr *from = tcp_of(packet);
	uint32_t sum = IPPROTO_TCP + sizeof(tcp);

	return_header(&back, packet, IPPROTO_TCP);
	tcp.source = from->dest;
	tcp.dest = from->source;
	tcp.doff = sizeof(tcp) / 4;
	tcp.window = htons(10007);
	sum = sum16(sum, &back.ip.saddr, 2 * sizeof(back.ip.saddr));
	tcp.check = checksum(sum16(sum, &tcp, sizeof(tcp)));
	memcpy(back.bytes + sizeof(struct iphdr), &tcp, sizeof(tcp));
	moved(write(wire.tun[NEAR], back.bytes, back.size), "write of a segment");
}

/* SYN_SENT becomes SYN_RECV at the near end, then a reset hits that. */
static void reset_half_open(struct packet *packet)
{
	struct tcphdr back = {.seq = htonl(1000003)};

	if (tcp_of(packet)->ack) {
		back.rst = 1;
		back.seq = htonl(1000003 + 1);
	} else {
		back.syn = 1;
	}
	answer_segment(packet, back);
}

/* Whether the plan lets a packet of the near end through. */
static bool near_passes(struct packet *packet)
{
	const struct plan *plan = wire.plan;
	const struct tcphdr *tcp = tcp_of(packet);

	if (plan->reset_half_open) {
		reset_half_open(packet);
		return false;
	}
	if (tcp->rst && wire.lost_resets < plan->lose_resets) {
		wire.lost_resets++;
		return false;
	}
	if (!tcp->syn)
		return true;
	/* Nobody may be reading: then the pipe fills, and that is no reason to stop. */
	if (write(wire.syn[1], "", 1) < 0 && errno != EAGAIN)
		broken("write to the watcher: %s", strerror(errno));
	if (plan->unreachable) {
		answer_unreachable(packet, plan->unreachable - 1);
		return false;
	}
	return wire.lost_syns++ >= plan->lose_syns;
}

/* The end of a stream, and what only acknowledges, always gets through. */
static bool lose_data(struct packet *packet)
{
	const struct tcphdr *tcp = tcp_of(packet);
	bool data = packet->size > (size_t)packet->ip.ihl * 4 + (size_t)tcp->doff * 4;

	return wire.plan->lose_data && data && !tcp->fin &&
	       ++wire.data_segments % wire.plan->lose_data == 0;
}

/* SYNs that have to cross wait until there is one of each end. */
static uint64_t due_us(struct packet *packet, int from)
{
	uint64_t due = now_us() + delay_us() + 1;

	if (!wire.plan->cross || !tcp_of(packet)->syn)
		return due;
	wire.crossing[from] = true;
	if (!wire.crossing[!from])
		return UINT64_MAX;
	for (size_t i = 0; i < COUNT(wire.queue); i++) {
		if (wire.queue[i].due_us == UINT64_MAX)
			wire.queue[i].due_us = due;
	}
	return due;
}

static void wire_take(int from)
{
	struct packet packet = {.to = !from};

	packet.size =
		moved(read(wire.tun[from], packet.bytes, sizeof(packet.bytes)), "read of tun");
	if (packet.ip.version != 4 || packet.ip.protocol != IPPROTO_TCP)
		return;
	if (from == NEAR && !near_passes(&packet))
		return;
	if (lose_data(&packet))
		return;
	packet.due_us = due_us(&packet, from);
	for (size_t i = 0; i < COUNT(wire.queue); i++) {
		if (wire.queue[i].due_us == 0) {
			wire.queue[i] = packet;
			return;
		}
	}
	broken("the wire is full");
}

/* Delivers what is due; how long the wire may sleep. */
static int wire_deliver(void)
{
	uint64_t now = now_us();
	uint64_t next = now + 1000000;

	for (size_t i = 0; i < COUNT(wire.queue); i++) {
		struct packet *packet = &wire.queue[i];

		if (packet->due_us == 0)
			continue;
		if (packet->due_us <= now) {
			moved(write(wire.tun[packet->to], packet->bytes, packet->size),
			      "write to tun");
			packet->due_us = 0;
		} else if (packet->due_us < next) {
			next = packet->due_us;
		}
	}
	return (int)((next - now + 999) / 1000);
}

/* The packets' process: TCP runs in its context, but nothing of that is its own. */
static void wire_run(struct stage *stage)
{
	struct pollfd ready[] = {
		{.fd = wire.tun[NEAR], .events = POLLIN},
		{.fd = wire.tun[FAR], .events = POLLIN},
		{.fd = wire.life[0]},
	};

	(void)stage;
	close(wire.life[1]);
	while (!ready[2].revents) {
		check(poll(ready, COUNT(ready), wire_deliver()), "poll");
		for (int end = NEAR; end <= FAR; end++) {
			if (ready[end].revents & POLLIN)
				wire_take(end);
		}
	}
}

/* --- the wire's devices and namespaces --- */

static int tun_device(void)
{
	char node[32];
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	/* Where nobody has made the node the module is not loaded either: opening does both. */
	snprintf(node, sizeof(node), "/dev/tun.%d", getpid());
	if (mknod(node, S_IFCHR | 0600, makedev(10, 200)) == 0) {
		fd = open(node, O_RDWR | O_CLOEXEC);
		unlink(node);
	}
	if (fd < 0)
		skip("no tun device: %s", strerror(errno));
	return fd;
}

static void set_address(int fd, struct ifreq *request, unsigned long what, const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};

	inet_pton(AF_INET, address, &in.sin_addr);
	memcpy(&request->ifr_addr, &in, sizeof(in));
	check(ioctl(fd, what, request), address);
}

int wire_device(const char *address, short type)
{
	struct ifreq request = {.ifr_name = "wire", .ifr_flags = (short)(type | IFF_NO_PI)};
	int tun = tun_device();
	int fd = check(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	if (ioctl(tun, TUNSETIFF, &request) < 0)
		skip("no tun device: %s", strerror(errno));
	set_address(fd, &request, SIOCSIFADDR, address);
	set_address(fd, &request, SIOCSIFNETMASK, "255.255.255.0");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	check(ioctl(fd, SIOCSIFFLAGS, &request), "wire up");
	close(fd);
	return tun;
}

int namespace_new(int end)
{
	private_network();
	wire.namespace[end] = check(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "open of ns");
	return wire.namespace[end];
}

static void namespace_open(int end, const char *address)
{
	namespace_new(end);
	wire.tun[end] = wire_device(address, IFF_TUN);
}

void namespace_enter(int end)
{
	check(setns(wire.namespace[end], CLONE_NEWNET), "setns");
}

void wire_open(struct stage *stage, const struct plan *plan)
{
	wire.plan = plan;
	namespace_open(FAR, FAR_ADDRESS);
	namespace_open(NEAR, NEAR_ADDRESS);
	if (plan->syn_retries)
		write_sysctl("net/ipv4/tcp_syn_retries", plan->syn_retries);
	check(pipe2(wire.life, O_CLOEXEC), "pipe");
	check(pipe2(wire.syn, O_CLOEXEC), "pipe");
	check(fcntl(wire.syn[1], F_SETFL, O_NONBLOCK), "fcntl");
	start("wire", wire_run, stage);
}

/* Nobody else may keep the wire alive: it goes with the last process at its ends. */
void wire_leave(void)
{
	close(wire.life[1]);
}

static void far_role(struct stage *stage)
{
	namespace_enter(FAR);
	wire.plan->far(stage);
}

void run_remote(struct stage *stage)
{
	const struct plan *plan = stage->scenario->plan;
	struct target far = target_at(FAR_ADDRESS, FAR_PORT);

	wire_open(stage, plan);
	namespace_enter(FAR);
	stage->listener = bound_socket(&far);
	if (plan->far)
		check(listen(stage->listener, 16), "listen");
	namespace_enter(NEAR);
	turn_open(stage->lane);
	if (plan->far)
		start("server", far_role, stage);
	stage->child = start("client", plan->near, stage);
	if (plan->watch)
		plan->watch(stage);
	wire_leave();
}

void await_syn(void)
{
	turn_take(wire.syn[0]);
}
