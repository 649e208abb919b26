/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "client.h"
#include "protocol.h"

#define TIMEOUT_S 10

/* Returns a descriptor or -errno. */
static int connect_to(const char *path)
{
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int client_open(struct client *out, const char *path)
{
	int fd = connect_to(path), twin;

	*out = (struct client){0};
	if (fd < 0)
		return fd;
	twin = dup(fd);
	out->in = fdopen(fd, "r");
	out->out = twin < 0 ? NULL : fdopen(twin, "w");
	if (out->in && out->out)
		return 0;
	client_close(out);
	return -ENOMEM;
}

void client_close(struct client *client)
{
	if (client->in)
		fclose(client->in);
	if (client->out)
		fclose(client->out);
	free(client->line);
	*client = (struct client){0};
}

bool client_send(struct client *client)
{
	return fflush(client->out) == 0;
}

bool client_read(struct client *client)
{
	ssize_t length = getline(&client->line, &client->room, client->in);

	if (length > 0 && client->line[length - 1] == '\n')
		client->line[length - 1] = '\0';
	return length > 0;
}

bool client_status(struct client *client, long *out)
{
	return client_read(client) && protocol_status(out, client->line);
}

const char *client_problem(const struct client *client)
{
	if (feof(client->in) || ferror(client->out))
		return "collectd has closed the socket: has it ended?";
	if (ferror(client->in))
		return "collectd does not answer";
	return "what answers at the socket is not collectd";
}
