/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenario.h"

#define DEFAULT_SECONDS 60

struct truth self;

static struct {
	const struct program *program;
	const struct scenario *scenario;
	pid_t parent;
	int report[2]; /* each message is one struct truth, below PIPE_BUF: atomic */
} scene;

static const char *const reason_names[REASON_COUNT] = {
	[REASON_REFUSED] = "refused",         [REASON_TIMEOUT] = "timeout",
	[REASON_UNREACHABLE] = "unreachable", [REASON_RESET] = "reset",
	[REASON_DENIED] = "denied",           [REASON_NO_PORT] = "no_port",
	[REASON_ABORTED] = "aborted",         [REASON_OTHER] = "other",
};

static const struct {
	int error;
	enum reason reason;
} reasons[] = {
	{0, REASON_ABORTED},
	{ECONNREFUSED, REASON_REFUSED},
	{ETIMEDOUT, REASON_TIMEOUT},
	{EHOSTUNREACH, REASON_UNREACHABLE},
	{ENETUNREACH, REASON_UNREACHABLE},
	{ECONNRESET, REASON_RESET},
	{EACCES, REASON_DENIED},
	{EPERM, REASON_DENIED},
	{EADDRNOTAVAIL, REASON_NO_PORT},
};

/* --- verdicts --- */

static void verdict_print(const struct truth *truth)
{
	printf("%s: %s\n", truth->verdict == EXIT_SKIP ? "skip" : "broken", truth->why);
	fflush(stdout);
}

/* A child's verdict comes first: the parent often only sees its consequence. */
static _Noreturn void parent_ends(void)
{
	struct pollfd ready = {.fd = scene.report[0], .events = POLLIN};
	struct truth child;

	while (poll(&ready, 1, 0) > 0 && read(ready.fd, &child, sizeof(child)) == sizeof(child)) {
		if (child.verdict == EXIT_OK)
			continue;
		verdict_print(&child);
		exit(child.verdict);
	}
	verdict_print(&self);
	exit(self.verdict);
}

static _Noreturn void end(int verdict)
{
	self.verdict = verdict;
	if (getpid() == scene.parent)
		parent_ends();
	report(&self);
	_exit(verdict);
}

void broken(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(self.why, sizeof(self.why), format, args);
	va_end(args);
	end(EXIT_BROKEN);
}

void skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(self.why, sizeof(self.why), format, args);
	va_end(args);
	end(EXIT_SKIP);
}

int check(int rc, const char *what)
{
	return (int)moved(rc, what);
}

size_t moved(ssize_t rc, const char *what)
{
	if (rc < 0)
		broken("%s of %s: %s", what, self.role, strerror(errno));
	return (size_t)rc;
}

/* --- counts --- */

size_t sent(ssize_t rc, const char *what)
{
	__atomic_add_fetch(&self.tx, moved(rc, what), __ATOMIC_RELAXED);
	return (size_t)rc;
}

size_t received(ssize_t rc, const char *what)
{
	if (moved(rc, what) == 0)
		broken("%s of %s: the stream ended too early", what, self.role);
	__atomic_add_fetch(&self.rx, (size_t)rc, __ATOMIC_RELAXED);
	return (size_t)rc;
}

void connect_failed(int error)
{
	enum reason reason = REASON_OTHER;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		if (reasons[i].error == error)
			reason = reasons[i].reason;
	}
	self.failed++;
	self.reason[reason]++;
}

/* --- processes --- */

void report(const struct truth *truth)
{
	if (write(scene.report[1], truth, sizeof(*truth)) != sizeof(*truth))
		_exit(EXIT_BROKEN);
}

static void judge(int status)
{
	if (WIFSIGNALED(status))
		broken("a process ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status))
		broken("a process ended with status %d", WEXITSTATUS(status));
}

void reap(void)
{
	int status;

	while (wait(&status) > 0)
		judge(status);
}

void reap_one(pid_t pid)
{
	int status;

	check(waitpid(pid, &status, 0), "waitpid");
	judge(status);
}

void kill_and_reap(pid_t pid)
{
	int status;

	check(kill(pid, SIGKILL), "kill");
	check(waitpid(pid, &status, 0), "waitpid");
	if (!WIFSIGNALED(status))
		broken("the process to kill had ended before");
}

static unsigned int seconds(void)
{
	return scene.scenario->seconds ? scene.scenario->seconds : DEFAULT_SECONDS;
}

static void self_reset(const char *role)
{
	self = (struct truth){.pid = getpid()};
	snprintf(self.role, sizeof(self.role), "%s", role);
}

pid_t start(const char *role, void (*run)(struct stage *), struct stage *stage)
{
	pid_t pid = check(fork(), "fork");

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(seconds());
	self_reset(role);
	run(stage);
	report(&self);
	reap();
	_exit(EXIT_OK);
}

void self_to_words(char *words, size_t size)
{
	snprintf(words, size, "%d %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, scene.report[1],
		 self.role, self.tx, self.rx, self.connects, self.accepts);
}

void self_from_words(const char *words)
{
	if (sscanf(words, "%d %15s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &scene.report[1],
		   self.role, &self.tx, &self.rx, &self.connects, &self.accepts) != 6)
		_exit(EXIT_BROKEN);
	self.pid = getpid();
}

/* --- turns --- */

void turn_open(int lane[2])
{
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, lane), "socketpair");
}

void turn_give(int fd)
{
	moved(write(fd, "", 1), "write of a turn");
}

void turn_take(int fd)
{
	char byte;

	if (moved(read(fd, &byte, 1), "read of a turn") == 0)
		broken("%s: the other process of the turn is gone", self.role);
}

void early_wait(struct stage *stage)
{
	char byte;

	close(stage->go[1]);
	turn_give(stage->prepared[1]);
	moved(read(stage->go[0], &byte, 1), "read of go");
	struct truth fresh = {.pid = self.pid};

	memcpy(fresh.role, self.role, sizeof(fresh.role));
	self = fresh;
}

/* --- processes at one listener --- */

static void early_open(struct stage *stage)
{
	check(pipe(stage->prepared), "pipe");
	check(pipe(stage->go), "pipe");
}

/* When all are ready, the observer may come; then they go on. */
static void early_go(struct stage *stage, int processes)
{
	int c;

	close(stage->prepared[1]);
	for (int i = 0; i < processes; i++)
		turn_take(stage->prepared[0]);
	puts("ready");
	fflush(stdout);
	do {
		c = getchar();
	} while (c != '\n' && c != EOF);
	close(stage->go[1]);
}

void run_together(struct stage *stage)
{
	const struct scenario *scenario = stage->scenario;

	if (scenario->alone)
		private_network();
	if (scenario->lane)
		turn_open(stage->lane);
	if (scenario->early)
		early_open(stage);
	stage->listener = tcp_listen(&scenario->listen);
	for (const struct process *p = scenario->processes; p->role; p++)
		start(p->role, p->run, stage);
	if (scenario->early)
		early_go(stage, scenario->early);
}

/* --- the parent --- */

static void turns_print(const struct turns *t, const char *count, const char *request,
			const char *response, const char *time)
{
	printf(" %s=%" PRIu64 " %s=%" PRIu64 " %s=%" PRIu64, count, t->count, request, t->request,
	       response, t->response);
	if (t->us_max)
		printf(" %s_us_min=%" PRIu64 " %s_us_max=%" PRIu64, time, t->us_min, time,
		       t->us_max);
}

static void truth_print(const struct truth *t)
{
	printf("truth %d %s tx=%" PRIu64 " rx=%" PRIu64 " connects=%" PRIu64 " accepts=%" PRIu64
	       " failed=%" PRIu64,
	       t->pid, t->role, t->tx, t->rx, t->connects, t->accepts, t->failed);
	for (int i = 0; scene.program->reasons && i < REASON_COUNT; i++)
		printf(" %s=%" PRIu64, reason_names[i], t->reason[i]);
	if (t->measured)
		printf(" latency_us_min=%" PRIu64 " latency_us_max=%" PRIu64, t->latency_us_min,
		       t->latency_us_max);
	if (t->health)
		printf(" retransmits=%" PRIu64 " resets_sent=%" PRIu64 " resets_received=%" PRIu64,
		       t->retransmits, t->resets_sent, t->resets_received);
	if (t->turns) {
		turns_print(&t->served, "served", "request_served", "response_served", "service");
		turns_print(&t->asked, "sent", "request_sent", "response_received", "response");
	}
	if (t->plain)
		printf(" plain=%" PRIu64, t->plain);
	if (t->note[0])
		printf(" note=%s", t->note);
	putchar('\n');
}

static void balance(const struct truth *truths, size_t count)
{
	uint64_t tx = 0;
	uint64_t rx = 0;

	for (size_t i = 0; i < count; i++) {
		tx += truths[i].tx;
		rx += truths[i].rx;
	}
	if (tx != rx && !(scene.scenario->flags & SCENARIO_UNBALANCED))
		broken("%" PRIu64 " bytes were sent, but %" PRIu64 " received", tx, rx);
}

/* Reads until the last process has closed its end; returns how many reported. */
static size_t collect(struct truth **out)
{
	struct truth *truths = NULL;
	size_t count = 0;

	close(scene.report[1]);
	for (;;) {
		truths = realloc(truths, (count + 1) * sizeof(*truths));
		if (!truths)
			broken("out of memory");
		if (moved(read(scene.report[0], &truths[count], sizeof(*truths)), "read") == 0)
			break;
		if (truths[count].verdict != EXIT_OK) {
			verdict_print(&truths[count]);
			exit(truths[count].verdict);
		}
		count++;
	}
	*out = truths;
	return count;
}

static int perform(const struct program *program, const struct scenario *scenario, int argc,
		   char **argv)
{
	struct stage stage = {.scenario = scenario,
			      .argc = argc,
			      .argv = argv,
			      .listener = -1,
			      .amount = scenario->amount};
	struct truth *truths;
	size_t count;

	scene.program = program;
	scene.scenario = scenario;
	scene.parent = getpid();
	self_reset("parent");
	signal(SIGPIPE, SIG_IGN);
	alarm(seconds() + 5); /* the children's alarms come first and say more */
	if (pipe(scene.report) < 0) {
		perror("pipe");
		return EXIT_BROKEN;
	}
	memset(payload, 'x', sizeof(payload));
	scenario->run(&stage);
	count = collect(&truths);
	reap();
	balance(truths, count);
	for (size_t i = 0; i < count; i++)
		truth_print(&truths[i]);
	free(truths);
	return EXIT_OK;
}

static int list(const struct program *program)
{
	for (const struct scenario_set *const *set = program->sets; *set; set++)
		for (size_t i = 0; i < (*set)->count; i++)
			printf("%s%s\n", (*set)->scenarios[i].name,
			       (*set)->scenarios[i].early ? " early" : "");
	return EXIT_OK;
}

static const struct scenario *find(const struct program *program, const char *name)
{
	for (const struct scenario_set *const *set = program->sets; *set; set++)
		for (size_t i = 0; i < (*set)->count; i++)
			if (strcmp(name, (*set)->scenarios[i].name) == 0)
				return &(*set)->scenarios[i];
	return NULL;
}

const char *scenario_name(void)
{
	return scene.scenario->name;
}

int scenario_main(const struct program *program, int argc, char **argv)
{
	const struct scenario *scenario = argc > 1 ? find(program, argv[1]) : NULL;

	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list(program);
	if (scenario)
		return perform(program, scenario, argc - 2, argv + 2);
	fprintf(stderr, "usage: %s --list | NAME [ARGUMENT...]\n", argv[0]);
	return 2;
}
