/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <stdio.h>
#include <string.h>

#include "probe/explain.h"
#include "probe/loader.h"

#define FAILED_EARLY "connects that fail before a SYN is sent"
#define DENIED "connects that are not permitted"
#define DEFERRED "when the SYN of a deferred Fast Open leaves"
#define LATE "who sent what on a socket that processes share (kernel before 6.3)"

#define UNSEEN FAILED_EARLY ", " DEFERRED

#define IN_TABLE "sockets in a table"
#define NO_FPROBE "no fprobe"
#define BY_PACKET "senders by their packets"

#define RETRANSMITS "retransmitted segments"
#define RESETS "resets"

/*
 * A backend is some sets of programs; a program belongs to the set that its name starts with. Set
 * "always_" is part of every backend. Tried in this order: first what they use, by a few
 * instructions, then by really loading them. A kprobe by way of fprobe costs less: the busiest one,
 * which each send and receive passes, goes that way where it can.
 */
static const struct backend backends[] = {
	{"fentry",
	 {"fentry_", "traced_", "shared_"},
	 KERNEL_TRAMPOLINE | KERNEL_SOCK_STORAGE | KERNEL_EXCHANGE,
	 NULL,
	 NULL},
	{"fentry", {"fentry_", "traced_", "locked_"}, KERNEL_TRAMPOLINE, IN_TABLE, NULL},
	{"kprobe", {"kprobe_"}, KERNEL_KPROBE | KERNEL_FPROBE, NULL, NULL},
	{"kprobe", {"kprobe_"}, KERNEL_KPROBE, NO_FPROBE, NULL},
	{"rawtp",
	 {"rawtp_", "traced_", "shared_"},
	 KERNEL_SOCK_STORAGE | KERNEL_EXCHANGE,
	 NULL,
	 UNSEEN}, /* 6.3 */
	{"rawtp",
	 {"packet_", "traced_", "locked_"},
	 KERNEL_SOCK_STORAGE,
	 BY_PACKET,
	 UNSEEN ", " LATE},
	{"rawtp", {"packet_", "traced_", "locked_"}, 0, BY_PACKET ", " IN_TABLE, UNSEEN ", " LATE},
};
#define BACKEND_COUNT (sizeof(backends) / sizeof(*backends))
_Static_assert(BACKEND_COUNT <= EXPLAIN_ATTEMPTS, "what each of them says can be told");

#define IF(field) offsetof(struct probe_options, knobs.field)

#define NAMED(symbol) PROGRAM(symbol), #symbol

/* Programs that may be missing alone, and what is missing then; NULL if nothing is. */
static const struct optional {
	size_t program;
	const char *name;
	const char *loss;
	size_t option; /* a bool that asks for it; 0: it is always wanted */
} optional[] = {
	{NAMED(fentry_sendpages), NULL, 0}, /* gone in 6.5, with the path that it watched */
	{NAMED(fentry_mptcp_send), "MPTCP", 0},
	{NAMED(fentry_mptcp_receive), NULL, 0}, /* goes with fentry_mptcp_send */
	{NAMED(fentry_mptcp_release), NULL, 0},
	{NAMED(fentry_connect4), FAILED_EARLY, 0},
	{NAMED(fentry_connect4_again), NULL, 0},
	{NAMED(fentry_connect6), NULL, 0}, /* no IPv6 */
	{NAMED(fentry_connect6_again), NULL, 0},
	{NAMED(fentry_syn), DEFERRED, 0},
	{NAMED(fentry_permit), DENIED, 0},
	{NAMED(fentry_permit4), DENIED, 0},
	{NAMED(fentry_permit6), NULL, 0},
	{NAMED(fentry_wait), "progress of blocked senders", 0},
	{NAMED(kprobe_syn), DEFERRED, 0},
	{NAMED(kprobe_connect4_enter), FAILED_EARLY, 0},
	{NAMED(kprobe_connect4), FAILED_EARLY, 0},
	{NAMED(kprobe_connect6_enter), NULL, 0}, /* no IPv6 */
	{NAMED(kprobe_connect6), NULL, 0},
	{NAMED(kprobe_permit_enter), DENIED, 0},
	{NAMED(kprobe_permit), DENIED, 0},
	{NAMED(kprobe_permit4_enter), DENIED, 0},
	{NAMED(kprobe_permit4), DENIED, 0},
	{NAMED(kprobe_permit6_enter), NULL, 0},
	{NAMED(kprobe_permit6), NULL, 0},
	{NAMED(rawtp_mptcp_receive), "MPTCP", 0},
	{NAMED(rawtp_wait), NULL, 0}, /* 6.16 */
	{NAMED(rawtp_progress), "progress of blocked senders", 0},
	{NAMED(traced_rename), "names of processes after exec", 0},
	{NAMED(traced_exit), NULL, 0}, /* a hint only */
	{NAMED(kprobe_rename), "names of processes after exec", 0},
	{NAMED(kprobe_exit), NULL, 0},
	{NAMED(traced_retransmit), RETRANSMITS, IF(health)},
	{NAMED(traced_synack), RETRANSMITS, IF(health)},
	{NAMED(traced_reset_sent), RESETS, IF(health)},
	{NAMED(traced_reset_received), RESETS, IF(health)},
	{NAMED(kprobe_retransmit), RETRANSMITS, IF(health)},
	{NAMED(kprobe_synack), RETRANSMITS, IF(health)},
	{NAMED(kprobe_reset_sent), RESETS, IF(health)},
	{NAMED(kprobe_reset_received), RESETS, IF(health)},
	{NAMED(always_cgroup), "control groups that come and go within an interval", IF(cgroups)},
	{NAMED(always_listeners), "accept queues in other network namespaces", IF(listeners)},
	{NAMED(always_listening), "accept queues", IF(listeners)},
	{NAMED(always_baseline), "the first bytes of connections older than the plugin", 0},
	{NAMED(always_unheld), NULL, 0}, /* of those, the few that no process holds */
};
#define OPTIONAL_COUNT (sizeof(optional) / sizeof(*optional))

/* Programs that do the work of another one, as well as they can, where that is missing. */
static const struct {
	size_t program;
	size_t instead;
} spares[] = {
	{PROGRAM(rawtp_progress), PROGRAM(rawtp_wait)},
	{PROGRAM(always_listening), PROGRAM(always_listeners)},
};
#define SPARE_COUNT (sizeof(spares) / sizeof(*spares))

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* NULL: it is never missing alone. */
static const struct optional *optional_of(size_t program)
{
	for (size_t i = 0; i < OPTIONAL_COUNT; i++)
		if (optional[i].program == program)
			return &optional[i];
	return NULL;
}

/* Asks the table: where loading has failed, there is no skeleton to ask. */
size_t backend_optional(const char *name)
{
	for (size_t i = 0; i < OPTIONAL_COUNT; i++)
		if (strcmp(optional[i].name, name) == 0)
			return optional[i].program;
	return PROGRAM_COUNT;
}

bool backend_may_miss(size_t program)
{
	return optional_of(program);
}

const struct backend *backend_at(size_t i)
{
	return i < BACKEND_COUNT ? &backends[i] : NULL;
}

/* Each name once, after "auto". */
const char *const *probe_backend_names(void)
{
	static const char *names[1 + BACKEND_COUNT + 1] = {"auto"};
	size_t count = 1;

	for (size_t i = 0; i < BACKEND_COUNT; i++)
		if (!i || strcmp(backends[i].name, backends[i - 1].name) != 0)
			names[count++] = backends[i].name;
	return names;
}

/* -- which programs -- */

/* Does the program only stand in for another one, which is there? */
static bool is_spare(const struct probe *p, size_t program)
{
	for (size_t i = 0; i < SPARE_COUNT; i++)
		if (spares[i].program == program)
			return !p->dropped[spares[i].instead];
	return false;
}

static bool in_sets(const struct backend *backend, const char *name)
{
	if (starts_with(name, "always_"))
		return true;
	for (int i = 0; i < 3 && backend->sets[i]; i++)
		if (starts_with(name, backend->sets[i]))
			return true;
	return false;
}

bool backend_wants(const struct probe *p, size_t program, const struct probe_options *options)
{
	const struct optional *o = optional_of(program);

	if (o && (p->dropped[program] || is_spare(p, program)))
		return false;
	if (o && o->option && !*(const bool *)((const char *)options + o->option))
		return false;
	return in_sets(p->backend, bpf_program__name(program_at(p, program)));
}

/* -- telling the user -- */

/* Is its stand-in missing too? Then the loss of the stand-in is told, which is greater. */
static bool is_outdone(const struct probe *p, size_t program)
{
	for (size_t i = 0; i < SPARE_COUNT; i++)
		if (spares[i].instead == program)
			return p->dropped[spares[i].program];
	return false;
}

/* A loss that several programs share is named once. */
static bool is_missed(const struct probe *p, const struct optional *o, const char *said)
{
	return p->dropped[o->program] && o->loss && !is_outdone(p, o->program) &&
	       !strstr(said, o->loss);
}

void backend_summary(char *out, size_t size, const struct probe *p)
{
	const char *separator = "; missing: ";
	size_t used = (size_t)snprintf(out, size, "backend %s", p->backend->name);

	if (p->backend->variant)
		used += (size_t)snprintf(out + used, size - used, " (%s)", p->backend->variant);
	if (p->backend->loss) {
		used += (size_t)snprintf(out + used, size - used, "%s%s", separator,
					 p->backend->loss);
		separator = ", ";
	}
	for (size_t i = 0; i < OPTIONAL_COUNT && used < size; i++) {
		if (!is_missed(p, &optional[i], out))
			continue;
		used += (size_t)snprintf(out + used, size - used, "%s%s", separator,
					 optional[i].loss);
		separator = ", ";
	}
}
