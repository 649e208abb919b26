/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"

#define STOP_MS 5000

/*
 * csv writes a line PUTVAL for each value, with sums as they are: to read from a socket would take
 * a question for each value, and give rates of seven digits. With one thread they come in the
 * plugin's order. The queue's limit is for a reader that stands still.
 */
static const char head[] = "Hostname \"tcptop\"\n"
			   "FQDNLookup false\n"
			   "BaseDir \"/tmp\"\n"
			   "ReadThreads 1\n"
			   "WriteThreads 1\n"
			   "WriteQueueLimitHigh 100000\n"
			   "LoadPlugin logfile\n"
			   "<Plugin logfile>\n"
			   "\tFile \"stderr\"\n"
			   "\tLogLevel info\n"
			   "\tTimestamp false\n"
			   "\tPrintSeverity true\n"
			   "</Plugin>\n"
			   "LoadPlugin csv\n"
			   "<Plugin csv>\n"
			   "\tDataDir \"stderr\"\n"
			   "\tStoreRates false\n"
			   "</Plugin>\n";
static const char block[] = "LoadPlugin ebpf_tcp\n"
			    "<Plugin ebpf_tcp>\n"
			    "\tGroupLimit 100\n"
			    "\tPIDLimit 100\n"
			    "\tPIDMinAge 0\n"
			    "\tReportByDestination true\n"
			    "\tDestinationLimit 100\n"
			    "\tReportByClient true\n"
			    "\tClientLimit 100\n"
			    "\tNewNamesPerHour 36000\n"
			    "\tLatencyPercentile 99\n"
			    "\tReportHealth true\n"
			    "\tReportResponses true\n"
			    "\tMaxProcesses 4096\n";

static void write_configuration(FILE *file, const struct daemon_options *options)
{
	fprintf(file, "%sInterval %.3f\n", head, options->interval);
	if (options->plugin_dir)
		fprintf(file, "PluginDir \"%s\"\n", options->plugin_dir);
	fputs(block, file);
	for (unsigned i = 0; i < options->line_count; i++)
		fprintf(file, "\t%s\n", options->lines[i]);
	fputs("</Plugin>\n", file);
}

/* A file without a name, which the daemon inherits. Returns its descriptor or -errno. */
static int configure(const struct daemon_options *options)
{
	int fd = memfd_create("collectd.conf", 0);
	FILE *file = fd < 0 ? NULL : fdopen(dup(fd), "w");
	bool failed;

	if (!file) {
		int error = -errno;

		if (fd >= 0)
			close(fd);
		return error;
	}
	write_configuration(file, options);
	failed = ferror(file);
	failed |= fclose(file) != 0;
	if (!failed)
		return fd;
	close(fd);
	return -ENOSPC;
}

/* The child, up to its exec. Its errno, if that fails, goes to `status`. */
static void become_collectd(int conf, int output, int status, pid_t parent)
{
	char path[64];
	sigset_t none;
	int null = open("/dev/null", O_RDWR), error;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", conf);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* whatever ends us, ends it too; that may have happened already */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execlp("collectd", "collectd", "-f", "-C", path, NULL);
	error = errno;
	(void)!write(status, &error, sizeof(error));
	_exit(127);
}

/* 0 once it has become collectd, or what was in the way. */
static int wait_for_exec(pid_t pid, int status)
{
	int error;

	if (read(status, &error, sizeof(error)) != sizeof(error))
		return 0;
	waitpid(pid, NULL, 0);
	return -error;
}

/* Debian's collectd is in /usr/sbin, which a user's path may lack. */
static void add_sbin(void)
{
	const char *path = getenv("PATH");
	char *longer;

	if (asprintf(&longer, "%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin") < 0)
		return;
	setenv("PATH", longer, 1);
	free(longer);
}

static int spawn(struct daemon *out, int conf, int output)
{
	pid_t parent = getpid();
	int status[2], error;

	if (pipe2(status, O_CLOEXEC) < 0)
		return -errno;
	out->pid = fork();
	if (!out->pid)
		become_collectd(conf, output, status[1], parent);
	error = out->pid < 0 ? -errno : 0;
	close(status[1]);
	if (!error)
		error = wait_for_exec(out->pid, status[0]);
	close(status[0]);
	return error;
}

int daemon_start(struct daemon *out, const struct daemon_options *options)
{
	int output[2], conf = configure(options), error;

	if (conf < 0)
		return conf;
	if (pipe2(output, O_CLOEXEC) < 0) {
		error = -errno;
		close(conf);
		return error;
	}
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	add_sbin();
	error = spawn(out, conf, output[1]);
	close(conf);
	close(output[1]);
	out->fd = output[0];
	if (error)
		close(output[0]);
	return error;
}

/* True once it has ended, false after so many ms. */
static bool wait_for_end(pid_t pid, int ms)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = {.fd = fd, .events = POLLIN};
	bool ended;

	if (fd < 0)
		return false;
	ended = poll(&end, 1, ms) == 1;
	close(fd);
	return ended;
}

/* No more of its output is read: a writer that waits for us gets an error instead. */
void daemon_stop(struct daemon *daemon)
{
	close(daemon->fd);
	kill(daemon->pid, SIGTERM);
	if (!wait_for_end(daemon->pid, STOP_MS))
		kill(daemon->pid, SIGKILL);
	while (waitpid(daemon->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
