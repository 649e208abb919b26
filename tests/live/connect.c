/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/*
 * Makes connect() end in one way per scenario and prints what each process knows about it:
 *	truth PID ROLE tx=N rx=N connects=N accepts=N failed=N refused=N timeout=N unreachable=N
 *	reset=N denied=N no_port=N aborted=N other=N [latency_us_min=N latency_us_max=N]
 * Remote ends live in a second network namespace. The wire between the two is a process that
 * carries the packets from one tun device to the other, and delays, loses or answers them by plan:
 * no kernel needs netem or a packet filter for it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "scenario.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define AMOUNT 1009
#define REPLY 499
#define NEAR_ADDRESS "10.99.0.1"
#define FAR_ADDRESS "10.99.0.2"
#define NEAR_PORT 5001
#define FAR_PORT 5003

/* --- connects --- */

/* Where a client connects to. */
struct target {
	struct sockaddr_storage address;
	socklen_t size;
};

static struct target target_of(int listener, int family)
{
	struct target target;

	target.size = tcp_address(listener, family, &target.address);
	return target;
}

static struct target target_at(const char *address, int port)
{
	struct target target = {.size = sizeof(struct sockaddr_in)};
	struct sockaddr_in *four = (struct sockaddr_in *)&target.address;

	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	inet_pton(AF_INET, address, &four->sin_addr);
	return target;
}

static int target_connect(int fd, const struct target *target)
{
	return connect(fd, (const struct sockaddr *)&target->address, target->size);
}

/* A socket with an address of its own. */
static int bound_socket(const struct target *local)
{
	int fd = tcp_socket(&(struct kind){AF_INET, 0});
	int one = 1;

	check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	check(bind(fd, (const struct sockaddr *)&local->address, local->size), "bind");
	return fd;
}

/* The handshake lies between two readings of the clock: started_us and now. */
static void connected(uint64_t started_us, uint64_t at_least_us)
{
	self.connects++;
	self.measured = self.connects == 1;
	self.latency_us_min = at_least_us;
	self.latency_us_max = now_us() - started_us + 1;
	if (self.latency_us_max < at_least_us)
		broken("connected after %llu us, but it takes %llu us",
		       (unsigned long long)self.latency_us_max, (unsigned long long)at_least_us);
}

static void exchange(int fd)
{
	send_all(fd, AMOUNT);
	receive_all(fd, REPLY);
}

static void answer_on(int fd)
{
	receive_all(fd, AMOUNT);
	send_all(fd, REPLY);
}

static void answer(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	answer_on(fd);
	close(fd);
}

static void set_nonblocking(int fd, bool on)
{
	check(fcntl(fd, F_SETFL, on ? O_RDWR | O_NONBLOCK : O_RDWR), "fcntl");
}

/* A connect that cannot be answered at once. */
static void begin(int fd, const struct target *target)
{
	set_nonblocking(fd, true);
	if (target_connect(fd, target) == 0 || errno != EINPROGRESS)
		broken("a non-blocking connect: %s, not EINPROGRESS", strerror(errno));
}

/* Waits for the answer to begin(); its errno. */
static int await_answer(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof(error);

	check(poll(&ready, 1, -1), "poll");
	check(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), "SO_ERROR");
	set_nonblocking(fd, false);
	return error;
}

/* Blocks in connect(), which has to fail in this way. */
static void fail_with(int fd, const struct target *target, int error)
{
	if (target_connect(fd, target) == 0)
		broken("connect succeeded, not: %s", strerror(error));
	if (errno != error)
		broken("connect: %s, not: %s", strerror(errno), strerror(error));
	connect_failed(errno);
}

/* --- the wire --- */

enum { NEAR, FAR };

/* What the wire does, and who lives at its ends. */
struct plan {
	void (*near)(struct stage *stage);
	void (*far)(struct stage *stage);   /* NULL: the far port refuses */
	void (*watch)(struct stage *stage); /* in the parent, while the processes run */
	unsigned int delay_ms;              /* one way */
	unsigned int lose_syns;             /* from the near end: the first so many */
	unsigned int lose_resets;
	unsigned int lose_data;  /* each so many-th segment with data, of both ends */
	int unreachable;         /* 1 + the ICMP code that answers a SYN */
	bool cross;              /* hold the SYNs until both ends have sent one */
	bool reset_half_open;    /* answer a SYN with a SYN, and what comes then with a RST */
	const char *syn_retries; /* sysctls, if set */
	const char *arp_retry_ms;
	const char *route; /* a type of `ip route`, NULL: none */
	int error;         /* that connect() must report */
};

#define ALL_SYNS 1000000

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

/* A device named wire in the present namespace; its packets are read from the descriptor. */
static int wire_device(const char *address, short type)
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

static void namespace_open(int end, const char *address)
{
	private_network();
	wire.namespace[end] = check(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "open of ns");
	wire.tun[end] = wire_device(address, IFF_TUN);
}

static void namespace_enter(int end)
{
	check(setns(wire.namespace[end], CLONE_NEWNET), "setns");
}

/* Two namespaces and the wire's process. The parent, and what it starts then, is at the near end.
 */
static void wire_open(struct stage *stage, const struct plan *plan)
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

static void far_role(struct stage *stage)
{
	namespace_enter(FAR);
	wire.plan->far(stage);
}

static void run_remote(struct stage *stage)
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
	close(wire.life[1]);
}

static void await_syn(void)
{
	turn_take(wire.syn[0]);
}

/* --- connects that succeed --- */

static void ok_client(struct stage *stage)
{
	const struct kind *kind = &stage->scenario->dial;
	struct target target = target_of(stage->listener, kind->family);
	int fd = tcp_socket(kind);
	uint64_t before = now_us();

	check(target_connect(fd, &target), "connect");
	connected(before, wire.plan ? 2 * delay_us() : 0);
	exchange(fd);
}

static void ok_nonblocking_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	uint64_t before = now_us();
	int error;

	begin(fd, &target);
	error = await_answer(fd);
	if (error)
		broken("SO_ERROR: %s", strerror(error));
	connected(before, wire.plan ? 2 * delay_us() : 0);
	exchange(fd);
}

static void run_ok(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", answer, stage);
	start("client", ok_client, stage);
}

static void run_ok_nonblocking(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", answer, stage);
	start("client", ok_nonblocking_client, stage);
}

/* Within a tick of the kernel's clock (at most 10 ms, twice). */
#define FIRST_RETRY_US 980000

static void retry_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	uint64_t before = now_us();

	check(target_connect(fd, &target), "connect");
	connected(before, FIRST_RETRY_US);
	exchange(fd);
}

/* The calls in between say EALREADY, and EISCONN in the end; one connect in all. */
static void repeating_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	uint64_t before = now_us();

	begin(fd, &target);
	if (target_connect(fd, &target) == 0 || errno != EALREADY)
		broken("the second connect: %s, not EALREADY", strerror(errno));
	if (await_answer(fd))
		broken("the connect failed");
	connected(before, 2 * delay_us());
	check(target_connect(fd, &target), "connect after the answer");
	if (target_connect(fd, &target) == 0 || errno != EISCONN)
		broken("the last connect: %s, not EISCONN", strerror(errno));
	exchange(fd);
}

static void self_client(struct stage *stage)
{
	int fd = tcp_bind(&stage->scenario->dial);
	struct target target = target_of(fd, AF_INET);
	uint64_t before = now_us();

	check(target_connect(fd, &target), "connect to itself");
	connected(before, 0);
	send_all(fd, AMOUNT);
	receive_all(fd, AMOUNT);
}

static void run_self_connect(struct stage *stage)
{
	start("client", self_client, stage);
}

/* Both ends connect, nobody listens. */
static void crossing(int from_port, const char *from, int to_port, const char *to)
{
	struct target local = target_at(from, from_port);
	struct target remote = target_at(to, to_port);
	int fd = bound_socket(&local);
	uint64_t before = now_us();

	check(target_connect(fd, &remote), "connect");
	connected(before, 2 * delay_us());
	send_all(fd, AMOUNT);
	receive_all(fd, AMOUNT);
}

static void crossing_near(struct stage *stage)
{
	(void)stage;
	crossing(NEAR_PORT, NEAR_ADDRESS, FAR_PORT + 1, FAR_ADDRESS);
}

static void crossing_far(struct stage *stage)
{
	(void)stage;
	crossing(FAR_PORT + 1, FAR_ADDRESS, NEAR_PORT, NEAR_ADDRESS);
}

/*
 * A process goes without a word (its reset is lost), another one connects from the same port: the
 * server answers that SYN with a challenge ACK for the old connection. Being reset then, it takes
 * the next SYN.
 */
static void ghost(struct stage *stage)
{
	struct target local = target_at(NEAR_ADDRESS, NEAR_PORT);
	struct target target = target_of(stage->listener, AF_INET);
	struct linger none = {.l_onoff = 1, .l_linger = 0};
	int fd = bound_socket(&local);

	check(target_connect(fd, &target), "connect");
	self.connects++;
	exchange(fd);
	check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), "SO_LINGER");
	close(fd);
	turn_give(stage->lane[0]);
}

/* --- connections that suffer --- */

#define LOSSY_BYTES 300007

/* The kernel's own count for the namespace: nobody else uses TCP in it. */
static uint64_t own_retransmits(void)
{
	char text[8192], *at;
	unsigned long long found;
	FILE *file = fopen("/proc/thread-self/net/snmp", "re");
	size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	if (file)
		fclose(file);
	text[size] = '\0';
	at = strstr(text, "Tcp: ");
	at = at ? strstr(at + 1, "Tcp: ") : NULL; /* the second line has the numbers */
	/* algorithm, least and most RTO, most connections, opened twice, failed, reset, open,
	 * segments in and out */
	if (!at || sscanf(at, "Tcp: %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %llu", &found) != 1)
		broken("no TCP counters");
	return found;
}

static void suffered(void)
{
	self.health = true;
	self.retransmits = own_retransmits();
}

/* Until nothing can be sent again: the ends of both streams are acknowledged. */
static void ended(int fd)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	do {
		pause_ms(1);
		check(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
	} while (info.tcpi_state != TCP_CLOSE);
	suffered();
	close(fd);
}

static void lossy_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	uint64_t before = now_us();

	check(target_connect(fd, &target), "connect");
	connected(before, 0);
	send_all(fd, LOSSY_BYTES);
	check(shutdown(fd, SHUT_WR), "shutdown");
	if (receive_to_end(fd) != LOSSY_BYTES)
		broken("not all bytes came back");
	ended(fd);
}

static void lossy_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	if (receive_to_end(fd) != LOSSY_BYTES)
		broken("not all bytes came");
	send_all(fd, LOSSY_BYTES);
	check(shutdown(fd, SHUT_WR), "shutdown");
	ended(fd);
	if (!self.retransmits)
		broken("nothing was sent again");
}

static void reset_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	uint64_t before = now_us();

	check(target_connect(fd, &target), "connect");
	connected(before, 0);
	send_all(fd, AMOUNT);
	if (recv(fd, sink, 1, 0) >= 0 || errno != ECONNRESET)
		broken("no reset came");
	close(fd);
	suffered();
	self.resets_received = 1;
}

static void reset_server(struct stage *stage)
{
	static const struct linger now = {.l_onoff = 1};
	int fd = tcp_accept(stage->listener);

	receive_all(fd, AMOUNT);
	check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), "SO_LINGER");
	close(fd);
	suffered();
	self.resets_sent = 1;
}

static void challenged_client(struct stage *stage)
{
	struct target local = target_at(NEAR_ADDRESS, NEAR_PORT);
	struct target target = target_of(stage->listener, AF_INET);
	int fd = bound_socket(&local);

	start("ghost", ghost, stage);
	turn_take(stage->lane[1]);
	uint64_t before = now_us();

	check(target_connect(fd, &target), "connect");
	connected(before, 4 * delay_us());
	exchange(fd);
}

/* Keeps the first connection open, which the challenge is about. */
static void challenging_server(struct stage *stage)
{
	int first = tcp_accept(stage->listener);

	answer_on(first);
	answer(stage);
	close(first);
}

/* Fast Open: one process fetches the cookie, another one uses it. */
static void cookie_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);

	sent(sendto(fd, payload, AMOUNT, MSG_FASTOPEN, (struct sockaddr *)&target.address,
		    target.size),
	     "sendto with MSG_FASTOPEN");
	self.connects++;
	receive_all(fd, REPLY);
}

static void fastopen_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);
	int one = 1;

	check(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)),
	      "TCP_FASTOPEN_CONNECT");
	check(target_connect(fd, &target), "connect");
	pause_ms(stage->amount); /* the handshake only begins with the first send */
	check(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
	if (info.tcpi_state != TCP_SYN_SENT)
		broken("the connect was not deferred: state %d", info.tcpi_state);
	uint64_t before = now_us();

	send_all(fd, AMOUNT);
	receive_all(fd, REPLY);
	connected(before, 0);
}

static void fastopen_server(struct stage *stage)
{
	answer(stage);
	answer(stage);
}

static void run_fastopen(struct stage *stage)
{
	int queue = 16;

	private_network();
	write_sysctl("net/ipv4/tcp_fastopen", "3");
	stage->listener = tcp_listen(&stage->scenario->listen);
	check(setsockopt(stage->listener, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)),
	      "TCP_FASTOPEN");
	start("server", fastopen_server, stage);
	reap_one(start("cookie", cookie_client, stage));
	start("client", fastopen_client, stage);
}

/* --- connects that fail --- */

static void near_fails(struct stage *stage)
{
	bool v6 = stage->scenario->dial.family == AF_INET6;
	struct target target = target_of(stage->listener, v6 ? AF_INET6 : AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);

	fail_with(fd, &target, wire.plan->error);
}

/* A bound socket that does not listen: its port refuses. */
static void run_refused_local(struct stage *stage)
{
	static const struct plan local = {.error = ECONNREFUSED};

	wire.plan = &local;
	stage->listener = tcp_bind(&stage->scenario->listen);
	start("client", near_fails, stage);
}

static void refused_later(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	int error;

	begin(fd, &target);
	error = await_answer(fd);
	if (error != ECONNREFUSED)
		broken("SO_ERROR: %s, not: %s", strerror(error), strerror(ECONNREFUSED));
	connect_failed(error);
}

static void run_refused_nonblocking(struct stage *stage)
{
	stage->listener = tcp_bind(&stage->scenario->listen);
	start("client", refused_later, stage);
}

/* Before any SYN: the address decides. */
static void route_client(struct stage *stage)
{
	struct target target = target_at("10.99.7.1", FAR_PORT);
	const struct plan *plan = stage->scenario->plan;

	fail_with(tcp_socket(&stage->scenario->dial), &target, plan->error);
}

static void tool(const char *line)
{
	if (system(line))
		skip("%s: it fails", line);
}

static void add_route(const char *type)
{
	char line[80];

	snprintf(line, sizeof(line), "ip route add %s 10.99.7.0/24", type);
	tool(line);
}

static void run_route(struct stage *stage)
{
	const struct plan *plan = stage->scenario->plan;

	private_network();
	if (plan->route)
		add_route(plan->route);
	start("client", route_client, stage);
}

/* A rule that looks at ports: it refuses once the socket has one of its own, in SYN_SENT. */
static void rule_client(struct stage *stage)
{
	for (int i = 0; i < 3; i++)
		route_client(stage);
}

static void run_rule(struct stage *stage)
{
	const struct plan *plan = stage->scenario->plan;
	char line[128];

	private_network();
	tool("ip route add 10.99.7.0/24 dev lo");
	snprintf(line, sizeof(line), "ip rule add ipproto tcp sport 1024-65534 dport %d %s",
		 FAR_PORT, plan->route);
	tool(line);
	start("client", rule_client, stage);
}

static void arp_client(struct stage *stage)
{
	const struct plan *plan = stage->scenario->plan;
	struct target target = target_at(FAR_ADDRESS, FAR_PORT);

	fail_with(tcp_socket(&stage->scenario->dial), &target, plan->error);
}

/* An Ethernet device where nobody answers. Whoever gives up first, ARP or TCP, names the error. */
static void run_arp_failure(struct stage *stage)
{
	const struct plan *plan = stage->scenario->plan;

	private_network();
	wire_device(NEAR_ADDRESS, IFF_TAP);
	write_sysctl("net/ipv4/tcp_syn_retries", plan->syn_retries);
	write_sysctl("net/ipv4/neigh/wire/retrans_time_ms", plan->arp_retry_ms);
	start("client", arp_client, stage);
}

#define PORTS 4

static void exhausting_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);

	for (int i = 0; i < PORTS; i++)
		tcp_dial(stage->listener, &stage->scenario->dial);
	fail_with(tcp_socket(&stage->scenario->dial), &target, EADDRNOTAVAIL);
}

static void accepting_server(struct stage *stage)
{
	for (size_t i = 0; i < stage->amount; i++)
		tcp_accept(stage->listener);
}

static void run_port_exhaustion(struct stage *stage)
{
	private_network();
	stage->listener = tcp_listen(&stage->scenario->listen);
	write_sysctl("net/ipv4/ip_local_port_range", "40000 40003");
	start("server", accepting_server, stage);
	start("client", exhausting_client, stage);
}

/* A second socket with the same address: the same peer would know them for one. */
static void doubling_client(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	struct target local = target_at("127.0.0.1", 40000);
	int one = bound_socket(&local), two = bound_socket(&local);

	check(target_connect(one, &target), "connect");
	self.connects++;
	fail_with(two, &target, EADDRNOTAVAIL);
}

static void run_bound_no_port(struct stage *stage)
{
	private_network();
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", accepting_server, stage);
	start("client", doubling_client, stage);
}

/* --- a crowd, of which many are preempted in the midst of a connect --- */

static void crowd_member(struct stage *stage)
{
	struct target target = target_at("10.99.7.1", FAR_PORT);
	int fd = tcp_socket(&stage->scenario->dial);

	for (size_t i = 0; i < stage->amount; i++)
		fail_with(fd, &target, ENETUNREACH);
}

static void run_crowd(struct stage *stage)
{
	char role[16];

	private_network();
	for (int i = 0; i < 12; i++) {
		snprintf(role, sizeof(role), "member%d", i);
		start(role, crowd_member, stage);
	}
}

/* --- connects that are not permitted --- */

/* A cgroup whose program says no, below a mount of its own. Ours until cgroup_leave(). */
static struct {
	char mount[32];
	char path[64];
} cgroup = {.mount = "/tmp/connect-XXXXXX"};

static void cgroup_join(const char *path)
{
	char procs[128], pid[16];
	int fd;

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	fd = check(open(procs, O_WRONLY | O_CLOEXEC), procs);
	moved(write(fd, pid, strlen(pid)), procs);
	close(fd);
}

static void cgroup_deny(enum bpf_attach_type type)
{
	static const struct bpf_insn no[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = type);
	int program = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "deny", "GPL", no, COUNT(no),
				    &options);
	int fd = check(open(cgroup.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), cgroup.path);

	if (program < 0 || bpf_prog_attach(program, fd, type, 0))
		skip("no program in a cgroup: %s", strerror(errno));
	close(fd);
	close(program);
}

static void cgroup_enter(enum bpf_attach_type type)
{
	check(unshare(CLONE_NEWNS), "unshare");
	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	if (!mkdtemp(cgroup.mount))
		broken("%s: %s", cgroup.mount, strerror(errno));
	if (mount("cgroup2", cgroup.mount, "cgroup2", 0, NULL))
		skip("no cgroup v2: %s", strerror(errno));
	snprintf(cgroup.path, sizeof(cgroup.path), "%s/connect-%d", cgroup.mount, (int)getpid());
	check(mkdir(cgroup.path, 0700), cgroup.path);
	cgroup_deny(type);
	cgroup_join(cgroup.path);
}

static void cgroup_leave(void)
{
	cgroup_join(cgroup.mount);
	check(rmdir(cgroup.path), cgroup.path);
	check(umount(cgroup.mount), cgroup.mount);
	rmdir(cgroup.mount);
}

static void cgroup_client(struct stage *stage)
{
	bool v6 = stage->scenario->dial.family == AF_INET6;

	cgroup_enter(v6 ? BPF_CGROUP_INET6_CONNECT : BPF_CGROUP_INET4_CONNECT);
	near_fails(stage);
	near_fails(stage);
	cgroup_leave();
}

static void run_denied_cgroup(struct stage *stage)
{
	wire.plan = stage->scenario->plan;
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("client", cgroup_client, stage);
}

#ifndef LANDLOCK_ACCESS_NET_CONNECT_TCP
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif

static void landlocked_client(struct stage *stage)
{
	struct {
		uint64_t handled_access_fs, handled_access_net;
	} rules = {.handled_access_net = LANDLOCK_ACCESS_NET_CONNECT_TCP};
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	int fd;

	if (version < 4)
		skip("no Landlock rules for TCP (6.7): version %ld", version);
	fd = check((int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0), "rules");
	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
	check((int)syscall(SYS_landlock_restrict_self, fd, 0), "restrict");
	near_fails(stage);
	close(fd);
}

static void run_denied_landlock(struct stage *stage)
{
	wire.plan = stage->scenario->plan;
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("client", landlocked_client, stage);
}

/* --- connects that the application gives up --- */

static int begun(struct stage *stage)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);

	begin(fd, &target);
	await_syn();
	return fd;
}

static void closing_client(struct stage *stage)
{
	close(begun(stage));
	connect_failed(0);
}

static void shutting_client(struct stage *stage)
{
	int fd = begun(stage);

	check(shutdown(fd, SHUT_RDWR), "shutdown");
	connect_failed(0);
	close(fd);
}

static void unspecifying_client(struct stage *stage)
{
	struct target nowhere = {.address.ss_family = AF_UNSPEC,
				 .size = sizeof(struct sockaddr_in)};
	int fd = begun(stage);

	check(target_connect(fd, &nowhere), "connect to AF_UNSPEC");
	connect_failed(0);
	close(fd);
}

/* connect() itself ends early with this error, then the application closes the socket. */
static void cut_short(struct stage *stage, int error)
{
	struct target target = target_of(stage->listener, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);
	struct timeval patience = {.tv_usec = 100000};

	if (error == EINPROGRESS)
		check(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)),
		      "SO_SNDTIMEO");
	if (target_connect(fd, &target) == 0 || errno != error)
		broken("connect: %s, not: %s", strerror(errno), strerror(error));
	close(fd);
	connect_failed(0);
}

static void impatient_client(struct stage *stage)
{
	cut_short(stage, EINPROGRESS);
}

static void on_signal(int signal)
{
	(void)signal;
}

static void interrupted_client(struct stage *stage)
{
	struct sigaction action = {.sa_handler = on_signal};

	check(sigaction(SIGUSR1, &action, NULL), "sigaction");
	cut_short(stage, EINTR);
}

static void watch_interrupt(struct stage *stage)
{
	await_syn();
	check(kill(stage->child, SIGUSR1), "kill");
}

static void watch_kill(struct stage *stage)
{
	struct truth truth = {.pid = stage->child,
			      .role = "client",
			      .failed = 1,
			      .reason = {[REASON_ABORTED] = 1}};

	await_syn();
	kill_and_reap(stage->child);
	report(&truth);
}

/* --- many --- */

/* One socket: refused five times, then accepted. */
static void reusing_client(struct stage *stage)
{
	struct target good = target_of(stage->listener, AF_INET);
	int refusing = tcp_bind(&stage->scenario->listen);
	struct target bad = target_of(refusing, AF_INET);
	int fd = tcp_socket(&stage->scenario->dial);

	for (int i = 0; i < 5; i++)
		fail_with(fd, &bad, ECONNREFUSED);
	uint64_t before = now_us();

	check(target_connect(fd, &good), "connect");
	connected(before, 0);
	exchange(fd);
}

static void run_reuse(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", answer, stage);
	start("client", reusing_client, stage);
}

static void idle_client(struct stage *stage)
{
	for (size_t i = 0; i < stage->amount; i++)
		tcp_dial(stage->listener, &stage->scenario->dial);
	pause_ms(200);
}

static void idle_server(struct stage *stage)
{
	int last = -1;

	for (size_t i = 0; i < stage->amount; i++)
		last = tcp_accept(stage->listener);
	receive_to_end(last);
}

static void run_idle_close(struct stage *stage)
{
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", idle_server, stage);
	start("client", idle_client, stage);
}

/* The peer resets what the server has accepted, but not used: it closes it then. */
static void resetting_client(struct stage *stage)
{
	static const struct linger now = {.l_onoff = 1};
	int fd = tcp_dial(stage->listener, &stage->scenario->dial);

	turn_take(stage->lane[0]);
	check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), "SO_LINGER");
	close(fd);
	turn_give(stage->lane[0]);
}

static void unlucky_server(struct stage *stage)
{
	int fd = tcp_accept(stage->listener);

	turn_give(stage->lane[1]);
	turn_take(stage->lane[1]);
	close(fd);
}

static void run_reset_unused(struct stage *stage)
{
	turn_open(stage->lane);
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", unlucky_server, stage);
	start("client", resetting_client, stage);
}

/* --- connections that an administrator ends: who does that has used none of them --- */

#define ENDED 5

/* It is the first to use three of them, by closing them; nobody ever had the others. */
static void ended_server(struct stage *stage)
{
	struct target here = target_of(stage->listener, AF_INET);
	char line[96];
	int fds[ENDED];

	for (int i = 0; i < ENDED; i++)
		turn_take(stage->lane[1]);
	for (size_t i = 0; i < stage->amount; i++)
		fds[i] = tcp_accept(stage->listener);
	snprintf(line, sizeof(line), "ss -K state established sport = :%d >/dev/null 2>&1",
		 ntohs(((struct sockaddr_in *)&here.address)->sin_port));
	tool(line);
	for (size_t i = 0; i < stage->amount; i++)
		close(fds[i]);
}

static void ended_client(struct stage *stage)
{
	for (int i = 0; i < ENDED; i++) {
		tcp_dial(stage->listener, &stage->scenario->dial);
		turn_give(stage->lane[0]);
	}
	pause_ms(500);
}

static void run_ended(struct stage *stage)
{
	private_network();
	turn_open(stage->lane);
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", ended_server, stage);
	start("client", ended_client, stage);
}

#define FAILURES 5000
#define KEPT 500 /* sockets that stay open after they failed */

/* In turns: refused, lost on the wire and given up, without a route, prohibited. */
static void fail_somehow(int kind, const struct target *refusing)
{
	struct target targets[] = {*refusing, target_at(FAR_ADDRESS, FAR_PORT),
				   target_at("10.99.8.1", FAR_PORT),
				   target_at("10.99.7.1", FAR_PORT)};
	static const int errors[] = {ECONNREFUSED, EINPROGRESS, ENETUNREACH, EACCES};
	static int kept;
	int fd = tcp_socket(&(struct kind){AF_INET, 0});

	if (errors[kind] != EINPROGRESS) {
		fail_with(fd, &targets[kind], errors[kind]);
		if (kept++ < KEPT)
			return;
	} else {
		begin(fd, &targets[kind]);
		connect_failed(0);
	}
	close(fd);
}

static void failing_client(struct stage *stage)
{
	int refusing_fd = tcp_bind(&stage->scenario->listen);
	struct target refusing = target_of(refusing_fd, AF_INET);

	for (int i = 0; i < FAILURES; i++)
		fail_somehow(i % 4, &refusing);
	for (size_t i = 0; i < stage->amount; i++) {
		int fd = tcp_dial(stage->listener, &stage->scenario->dial);

		exchange(fd);
		close(fd);
	}
}

static void patient_server(struct stage *stage)
{
	for (size_t i = 0; i < stage->amount; i++)
		answer(stage);
}

static void run_many_failing(struct stage *stage)
{
	static const struct plan lossy = {.lose_syns = ALL_SYNS};

	wire_open(stage, &lossy);
	add_route("prohibit");
	stage->listener = tcp_listen(&stage->scenario->listen);
	start("server", patient_server, stage);
	start("client", failing_client, stage);
	close(wire.life[1]);
}

/* --- a link of the kernel's own: veth and netem --- */

static void netem_server(struct stage *stage)
{
	namespace_enter(FAR);
	answer(stage);
}

static void run_ok_netem(struct stage *stage)
{
	static const struct plan plan = {.delay_ms = 20};
	struct target far = target_at(FAR_ADDRESS, FAR_PORT);
	char line[128];

	wire.plan = &plan;
	private_network();
	wire.namespace[FAR] = check(open("/proc/self/ns/net", O_RDONLY), "open of ns");
	private_network();
	wire.namespace[NEAR] = check(open("/proc/self/ns/net", O_RDONLY), "open of ns");
	snprintf(line, sizeof(line),
		 "ip link add near type veth peer name far netns /proc/%d/fd/%d", getpid(),
		 wire.namespace[FAR]);
	tool(line);
	tool("ip addr add " NEAR_ADDRESS "/24 dev near && ip link set near up");
	tool("tc qdisc add dev near root netem delay 20ms 2>/dev/null");
	namespace_enter(FAR);
	tool("ip addr add " FAR_ADDRESS "/24 dev far && ip link set far up");
	tool("tc qdisc add dev far root netem delay 20ms 2>/dev/null");
	stage->listener = bound_socket(&far);
	check(listen(stage->listener, 16), "listen");
	namespace_enter(NEAR);
	start("server", netem_server, stage);
	start("client", ok_client, stage);
}

/* --- the table --- */

#define LOCAL(called, runs, ...)                                                                   \
	{                                                                                          \
		.name = (called), .run = (runs), ##__VA_ARGS__                                     \
	}
#define PLANNED(called, runs, ...)                                                                 \
	{                                                                                          \
		.name = (called), .run = (runs), .plan = &(const struct plan)                      \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define ROUTE(called, type, fails) PLANNED(called, run_route, .route = (type), .error = (fails))
#define RULE(called, type, fails) PLANNED(called, run_rule, .route = (type), .error = (fails))
#define ARP(called, fails, retry_ms, retries)                                                      \
	PLANNED(called, run_arp_failure, .error = (fails), .arp_retry_ms = (retry_ms),             \
		.syn_retries = (retries))
/* Over the wire, from the near end. */
#define REMOTE(called, at_near, ...) PLANNED(called, run_remote, .near = (at_near), __VA_ARGS__)
#define LOST(called, at_near, ...) REMOTE(called, at_near, .lose_syns = ALL_SYNS, ##__VA_ARGS__)
#define ICMP(called, code, fails)                                                                  \
	REMOTE(called, near_fails, .unreachable = 1 + (code), .error = (fails), .delay_ms = 1)

static const struct scenario scenarios[] = {
	LOCAL("ok_loopback", run_ok),
	LOCAL("ok_ipv6", run_ok, .dial = {AF_INET6, 0}, .listen = {AF_INET6, 0}),
	LOCAL("ok_mapped", run_ok, .dial = {AF_INET6, 0}),
	LOCAL("ok_nonblocking", run_ok_nonblocking),
	REMOTE("ok_delay", ok_client, .far = answer, .delay_ms = 20),
	REMOTE("ok_delay_nonblocking", ok_nonblocking_client, .far = answer, .delay_ms = 20),
	LOCAL("ok_netem", run_ok_netem),
	LOCAL("refused_local", run_refused_local),
	REMOTE("refused_remote", near_fails, .delay_ms = 5, .error = ECONNREFUSED),
	LOCAL("refused_nonblocking", run_refused_nonblocking),
	REMOTE("refused_remote_nonblocking", refused_later, .delay_ms = 5),
	LOST("timeout", near_fails, .syn_retries = "1", .error = ETIMEDOUT),
	ICMP("icmp_net_unreachable", ICMP_NET_UNREACH, ENETUNREACH),
	ICMP("icmp_host_unreachable", ICMP_HOST_UNREACH, EHOSTUNREACH),
	ICMP("icmp_port_unreachable", ICMP_PORT_UNREACH, ECONNREFUSED),
	ICMP("icmp_admin_prohibited", ICMP_PKT_FILTERED, EHOSTUNREACH),
	REMOTE("reset_half_open", near_fails, .reset_half_open = true, .error = ECONNRESET),
	ARP("arp_failure", EHOSTUNREACH, "50", "5"),
	ARP("arp_failure_timeout", ETIMEDOUT, "20000", "1"),
	ROUTE("no_route", NULL, ENETUNREACH),
	ROUTE("prohibit_route", "prohibit", EACCES),
	ROUTE("unreachable_route", "unreachable", EHOSTUNREACH),
	RULE("prohibit_rule", "prohibit", EACCES),
	RULE("unreachable_rule", "unreachable", ENETUNREACH),
	LOCAL("crowd_no_route", run_crowd, .amount = 1009),
	PLANNED("denied_cgroup", run_denied_cgroup, .error = EPERM),
	{.name = "denied_cgroup_ipv6",
	 .run = run_denied_cgroup,
	 .plan = &(const struct plan){.error = EPERM},
	 .dial = {AF_INET6, 0},
	 .listen = {AF_INET6, 0}},
	PLANNED("denied_landlock", run_denied_landlock, .error = EACCES),
	LOCAL("port_exhaustion", run_port_exhaustion, .amount = PORTS),
	LOCAL("bound_no_port", run_bound_no_port, .amount = 1),
	LOST("close_before_answer", closing_client),
	LOST("killed_before_answer", near_fails, .watch = watch_kill),
	LOST("interrupted", interrupted_client, .watch = watch_interrupt),
	LOST("sndtimeo", impatient_client),
	LOST("shutdown_before_answer", shutting_client),
	LOST("af_unspec", unspecifying_client),
	LOCAL("self_connect", run_self_connect),
	REMOTE("simultaneous_open", crossing_near, .far = crossing_far, .delay_ms = 10,
	       .cross = true),
	LOCAL("tfo_connect", run_fastopen),
	LOCAL("tfo_deferred", run_fastopen, .amount = 300),
	REMOTE("syn_retransmit_once", retry_client, .far = answer, .lose_syns = 1),
	REMOTE("challenge_ack", challenged_client, .far = challenging_server, .delay_ms = 10,
	       .lose_resets = 1),
	REMOTE("lossy", lossy_client, .far = lossy_server, .delay_ms = 2, .lose_data = 17),
	REMOTE("reset_by_server", reset_client, .far = reset_server),
	REMOTE("repeated_connect", repeating_client, .far = answer, .delay_ms = 20),
	LOCAL("reuse_after_refusals", run_reuse),
	LOCAL("many_failing", run_many_failing, .amount = 20),
	LOCAL("idle_close", run_idle_close, .amount = 20),
	LOCAL("reset_unused", run_reset_unused),
	LOCAL("ended_by_ss", run_ended, .amount = 3),
};

static const struct program program = {
	.scenarios = scenarios,
	.count = COUNT(scenarios),
	.reasons = true,
};

int main(int argc, char **argv)
{
	return scenario_main(&program, argc, argv);
}
