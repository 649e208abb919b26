/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* What TCP can do beside carrying a stream, and what is built on it: kTLS, MPTCP, Fast Open, SMC.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h> /* before errqueue.h, which needs it */

#include <linux/errqueue.h>
#include <linux/mptcp.h>
#include <linux/net_tstamp.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "traffic.h"

/* --- urgent data: one byte in the middle --- */

#define BEFORE_URGENT 10007
#define URGENT 1009 /* sent in one call, its last byte is the urgent one */

static void client_urges(int fd, struct stage *stage)
{
	send_all(fd, BEFORE_URGENT);
	if (sent(send(fd, payload, URGENT, MSG_OOB), "send with MSG_OOB") != URGENT)
		broken("a partial send with MSG_OOB");
	send_all(fd, stage->amount - BEFORE_URGENT - URGENT);
	receive_all(fd, REPLY);
}

static void server_reads_urgent(int fd, struct stage *stage)
{
	wait_for(fd, POLLPRI);
	received(recv(fd, sink, 1, MSG_OOB), "recv with MSG_OOB");
	receive_all(fd, stage->amount - 1);
	send_all(fd, REPLY);
}

static void server_skips_urgent(int fd, struct stage *stage)
{
	wait_for(fd, POLLPRI);
	receive_all(fd, stage->amount - 1);
	self.rx++; /* by definition: the kernel has passed over it */
	snprintf(self.note, sizeof(self.note), "oob_skipped");
	send_all(fd, REPLY);
}

static void server_inlines_urgent(int fd, struct stage *stage)
{
	int one = 1;

	check(setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one)), "SO_OOBINLINE");
	turn_give(stage->lane[1]);
	server_moves(fd, stage);
}

static void client_urges_inline(int fd, struct stage *stage)
{
	turn_take(stage->lane[0]);
	client_urges(fd, stage);
}

/* --- transmit timestamps on the error queue --- */

static void client_timestamps(int fd, struct stage *stage)
{
	int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE |
		    SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK;
	char control[256];
	struct iovec part = {.iov_base = sink, .iov_len = sizeof(sink)};
	size_t bytes = 0;
	ssize_t n;

	check(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)),
	      "SO_TIMESTAMPING");
	client_moves(fd, stage);
	do {
		struct msghdr message = {.msg_iov = &part,
					 .msg_iovlen = 1,
					 .msg_control = control,
					 .msg_controllen = sizeof(control)};

		n = recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
		bytes += n > 0 ? n : 0;
	} while (n >= 0);
	if (bytes == 0)
		skip("no timestamp with data on the error queue");
}

/* --- kTLS: TCP carries the ciphertext, 29 bytes more per record --- */

#define TLS_OVERHEAD 29 /* TLS 1.2, AES-GCM-128: header 5, nonce 8, tag 16 */

static void tls_start(int fd, int direction)
{
	struct tls12_crypto_info_aes_gcm_128 keys = {
		.info = {TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128}};

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) < 0)
		skip("no CONFIG_TLS: setsockopt TCP_ULP: %s", strerror(errno));
	if (setsockopt(fd, SOL_TLS, direction, &keys, sizeof(keys)) < 0)
		skip("no kTLS with AES-GCM-128: %s", strerror(errno));
}

static struct tcp_info tcp_info(int fd)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	check(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
	return info;
}

/* Moves a count of plaintext aside; the kernel's own count of this direction takes its place. */
static void count_ciphertext(uint64_t *count, uint64_t ciphertext)
{
	if (ciphertext <= *count || (ciphertext - *count) % TLS_OVERHEAD)
		broken("%llu bytes of ciphertext for %llu of plaintext",
		       (unsigned long long)ciphertext, (unsigned long long)*count);
	self.plain = *count;
	*count = ciphertext;
	snprintf(self.note, sizeof(self.note), "ciphertext");
}

/* The server's reply says that it has received, and so acknowledged, everything. */
static void client_encrypts(int fd, struct stage *stage)
{
	struct tcp_info before = tcp_info(fd);

	tls_start(fd, TLS_TX);
	turn_take(stage->lane[0]);
	client_moves(fd, stage);
	count_ciphertext(&self.tx, tcp_info(fd).tcpi_bytes_acked - before.tcpi_bytes_acked);
}

/* Before the reply: the client's FIN, which comes after it, would be counted. */
static void server_decrypts(int fd, struct stage *stage)
{
	tls_start(fd, TLS_RX);
	turn_give(stage->lane[1]);
	server_takes(fd, stage);
	count_ciphertext(&self.rx, tcp_info(fd).tcpi_bytes_received);
	send_all(fd, REPLY);
}

/* Every send is a record of its own: the server can tell where the ciphertext ends. */
static void server_reads_ciphertext(int fd, struct stage *stage)
{
	size_t records = (stage->amount + chunk_of(stage) - 1) / chunk_of(stage);

	turn_give(stage->lane[1]);
	receive_all(fd, stage->amount + records * TLS_OVERHEAD);
	send_all(fd, REPLY);
}

/* --- MPTCP --- */

#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif

/* A connection that fell back to TCP answers as TCP does: it knows no such option. */
static bool speaks_mptcp(int fd)
{
	struct mptcp_info info = {0};
	socklen_t size = sizeof(info);

	return getsockopt(fd, SOL_MPTCP, MPTCP_INFO, &info, &size) == 0 &&
	       !(info.mptcpi_flags & MPTCP_INFO_FLAG_FALLBACK);
}

static void client_speaks_mptcp(int fd, struct stage *stage)
{
	client_moves(fd, stage);
	if (speaks_mptcp(fd) != (stage->scenario->listen.protocol == IPPROTO_MPTCP))
		broken("MPTCP %s fallen back to TCP", speaks_mptcp(fd) ? "has not" : "has");
}

/* --- TCP Fast Open: the first connection fetches the cookie --- */

#define TFO_CONNECTIONS 3

static int tfo_sendto(struct stage *stage)
{
	return fast_send(stage->listener, &stage->scenario->dial, 499);
}

static int tfo_connect(struct stage *stage)
{
	int fd = fast_connect(stage->listener, &stage->scenario->dial);

	self.connects++;
	send_all(fd, 499);
	return fd;
}

static void tfo_client(struct stage *stage, int (*dial)(struct stage *stage))
{
	bool early = false;

	for (int i = 0; i < TFO_CONNECTIONS; i++) {
		int fd = dial(stage);

		send_all(fd, stage->amount);
		check(shutdown(fd, SHUT_WR), "shutdown");
		receive_to_end(fd);
		early = tcp_info(fd).tcpi_options & TCPI_OPT_SYN_DATA;
		close(fd);
	}
	if (!early)
		broken("no data went with the last SYN");
}

static void tfo_sendto_client(struct stage *stage)
{
	tfo_client(stage, tfo_sendto);
}

static void tfo_connect_client(struct stage *stage)
{
	tfo_client(stage, tfo_connect);
}

static void tfo_server(struct stage *stage)
{
	for (int i = 0; i < TFO_CONNECTIONS; i++) {
		int fd = tcp_accept(stage->listener);

		receive_to_end(fd);
		send_all(fd, REPLY);
		close(fd);
	}
}

/* Answers at once, where it can before the handshake is over. */
static void tfo_data_server(struct stage *stage)
{
	for (int i = 0; i < TFO_CONNECTIONS; i++) {
		int fd = tcp_accept(stage->listener);

		send_all(fd, 30011);
		receive_to_end(fd);
		close(fd);
	}
}

static void run_tfo(struct stage *stage)
{
	const struct process *processes = stage->scenario->processes;

	stage->listener = fast_listen(&stage->scenario->listen);
	start(processes[0].role, processes[0].run, stage);
	start(processes[1].role, processes[1].run, stage);
}

#define TFO(called, at_server, at_client, bytes)                                                   \
	OTHER(called, run_tfo, .amount = (bytes),                                                  \
	      .processes = {{"server", (at_server)}, {"client", (at_client)}})

static const struct scenario scenarios[] = {
	PAIR("oob_read", client_urges, server_reads_urgent, 104729),
	PAIR("oob_inline", client_urges_inline, server_inlines_urgent, 104729, .rx = rx_recv,
	     .lane = true),
	PAIR("oob_skipped", client_urges, server_skips_urgent, 104729),
	PAIR("ktls_send", client_encrypts, server_reads_ciphertext, 104729, .tx = tx_send,
	     .chunk = 10007, .lane = true),
	PAIR("ktls_receive", client_encrypts, server_decrypts, 104729, .tx = tx_send, .rx = rx_recv,
	     .lane = true),
	PAIR("ktls_sendfile", client_encrypts, server_decrypts, 200003, .tx = tx_sendfile,
	     .rx = rx_recv, .lane = true),
	PATH("mptcp", tx_send, rx_recv, 1000003, .client = client_speaks_mptcp,
	     .dial = {AF_INET, IPPROTO_MPTCP}, .listen = {AF_INET, IPPROTO_MPTCP}),
	PATH("mptcp_fallback", tx_send, rx_recv, 1000003, .client = client_speaks_mptcp,
	     .dial = {AF_INET, IPPROTO_MPTCP}),
	TFO("tfo_sendto", tfo_server, tfo_sendto_client, 104729),
	TFO("tfo_connect", tfo_server, tfo_connect_client, 104729),
	TFO("tfo_data_server", tfo_data_server, tfo_sendto_client, 7919),
	PATH("timestamps_errqueue", tx_send, rx_recv, 104729, .client = client_timestamps),
	PATH("smc_client", tx_send, rx_recv, 1000003, .dial = {AF_SMC, 0}),
	PATH("smc_server", tx_send, rx_recv, 1000003, .listen = {AF_SMC, 0}),
};

const struct scenario_set special = SCENARIOS(scenarios);
