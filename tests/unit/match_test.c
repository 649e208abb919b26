/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <malloc.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "identity/match.h"
#include "memory.h"
#include "probe/snapshot.h"
#include "proc.h"

/* -- clean names -- */

/* A row without `want` is the name of those that follow. */
static const struct {
	const char *name, *want;
} cases[] = {
	{"common names", NULL},
	{"nginx", "nginx"},
	{"php-fpm7.4", "php-fpm7.4"},
	{"user@host:1+2_3", "user@host:1+2_3"},
	{"kworker/0:1", "kworker_0:1"},
	{"tmux: server", "tmux:_server"},
	{"a\"b\\c'd", "a_b_c_d"},
	{"(sd-pam)", "_sd-pam_"},
	{"tab\there", "tab_here"},
	{"empty and reserved names", NULL},
	{"", "_"},
	{"/", "_"},
	{"all", "all_"},
	{"other", "other_"},
	{"kernel", "kernel_"},
	{"self", "self_"},
	{"all_", "all_"},
	{"All", "All"},
	{"allx", "allx"},
	{"al", "al"},
	{"selfish", "selfish"},
	{"visible UTF-8 stays: the first and the last of each length", NULL},
	{"\xc2\xa1", "\xc2\xa1"},
	{"\xdf\xbf", "\xdf\xbf"},
	{"\xe0\xa0\x80", "\xe0\xa0\x80"},
	{"\xef\xbf\xbd", "\xef\xbf\xbd"},
	{"\xf0\x90\x80\x80", "\xf0\x90\x80\x80"},
	{"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
	{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9d", "caf\xc3\xa9_\xe2\x82\xac_\xf0\x9f\x90\x9d"},
	{"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"}, /* around the surrogates */
	{"overlong UTF-8", NULL},
	{"\xc0\x80", "__"},
	{"\xc0\xaf", "__"},
	{"\xc1\xbf", "__"},
	{"\xe0\x80\xaf", "___"},
	{"\xe0\x9f\xbf", "___"},
	{"\xf0\x80\x80\xaf", "____"},
	{"\xf0\x8f\xbf\xbf", "____"},
	{"surrogates", NULL},
	{"\xed\xa0\x80", "___"},
	{"\xed\xbf\xbf", "___"},
	{"\xed\xa0\xbd\xed\xb0\x9d", "______"},
	{"beyond U+10FFFF", NULL},
	{"\xf4\x90\x80\x80", "____"},
	{"\xf5\x80\x80\x80", "____"},
	{"\xf8\x88\x80\x80\x80", "_____"},
	{"\xfe", "_"},
	{"\xff", "_"},
	{"sequences cut short, at the end and before something else", NULL},
	{"a\xc3", "a_"},
	{"a\xe2\x82", "a__"},
	{"a\xf0\x9f\x90", "a___"},
	{"\xc3z", "_z"},
	{"\xe2\x82z", "__z"},
	{"\xf0\x9f\x90z", "___z"},
	{"\xc3\xc3\xa9", "_\xc3\xa9"},
	{"\xe2\xc3\xa9", "_\xc3\xa9"},
	{"a continuation alone", NULL},
	{"\x80", "_"},
	{"\xbf", "_"},
	{"\xa9z", "_z"},
	/* NOLINTBEGIN(misc-misleading-bidirectional): that is what they are for */
	{"names that a hostile process gives itself", NULL},
	{"nl\nFAKE", "nl_FAKE"},
	{"\x1b[31mred\x1b[0m", "__31mred__0m"},
	{"../../../etc/x", ".._.._.._etc_x"},
	{"a/b", "a_b"},
	{"a_b", "a_b"},
	{"%n%s%n%s", "_n_s_n_s"},
	{"\xc2\x9b"
	 "31mC1csi",
	 "_31mC1csi"},
	{"nel\xc2\x85x", "nel_x"},
	{"x\xe2\x80\xae"
	 "fdp",
	 "x_fdp"},
	{"zero\xe2\x80\x8bw", "zero_w"},
	{"\xe2\x80\xa8ls", "_ls"},
	{"iso\xe2\x81\xa6lt", "iso_lt"},
	{"bom\xef\xbb\xbfx", "bom_x"},
	{"all", "all_"},
	{"all_", "all_"},
	{"other", "other_"},
	{"kernel", "kernel_"},
	{"self", "self_"},
	{"nul\0hid", "nul"},
	{"\xff\xfe\xfd", "___"},
	{"\x7f\x01\x02", "___"},
	{"-", "-"},
	{"", "_"},
	{"a-b-1234", "a-b-1234"},
	{"if_octets-1", "if_octets-1"},
	{"UPPER", "UPPER"},
	{"upper", "upper"},
	{"q\"uo'te\\", "q_uo_te_"},
	{"sp ace", "sp_ace"},
	{"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
	{".", "."},
	{"..", ".."},
	{"port-80", "port-80"},
	{"{json:1}", "_json:1_"},
	{"a=b,c d", "a_b_c_d"},
	/* NOLINTEND(misc-misleading-bidirectional) */
};

static void test_cases(void)
{
	char out[GROUP_NAME_SIZE];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (!cases[i].want) {
			if (i)
				check_end();
			check_begin("match: %s", cases[i].name);
			continue;
		}
		naming_clean(out, sizeof(out), cases[i].name);
		expect_text(out, cases[i].want, cases[i].want);
	}
	check_end();
}

static void test_bytes(void)
{
	static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				   "_.:@+-";

	check_begin("match: each byte from 1 to 255 alone: 68 stay, the others become _");
	for (unsigned byte = 1; byte <= 255; byte++) {
		char name[2] = {(char)byte, '\0'}, want[2] = {'_', '\0'}, out[GROUP_NAME_SIZE];

		if (memchr(kept, (int)byte, sizeof(kept) - 1))
			want[0] = (char)byte;
		naming_clean(out, sizeof(out), name);
		expect(strcmp(out, want) == 0, "byte 0x%02x became \"%s\"", byte, out);
	}
	check_end();
}

/* Straight from the definition of UTF-8: the scalar value that the bytes encode, or -1. */
static long decode(const unsigned char *in, size_t length)
{
	static const long least[] = {0, 0, 0x80, 0x800, 0x10000};
	long value = in[0] & (0x7f >> length);

	for (size_t i = 1; i < length; i++) {
		if ((in[i] & 0xc0) != 0x80)
			return -1;
		value = value << 6 | (in[i] & 0x3f);
	}
	if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return -1;
	return value;
}

/*
 * A sequence after which nothing may follow: kept if it is valid, else no byte of it is. A
 * character that must not be seen is one `_`: returns 1 then, else 0.
 */
static unsigned expect_sequence(const unsigned char *in, size_t length)
{
	char out[GROUP_NAME_SIZE], want[8] = "____";
	bool valid = decode(in, length) >= 0;

	naming_clean(out, sizeof(out), (const char *)in);
	if (valid && strcmp(out, "_") == 0)
		return 1;
	if (valid)
		memcpy(want, in, length);
	want[length] = '\0';
	expect(strcmp(out, want) == 0, "%02x %02x %02x %02x", in[0], in[1], in[2], in[3]);
	return 0;
}

/* How many must not be seen is known from Unicode's tables, see hidden() in clean.c. */
static void test_utf8(void)
{
	unsigned char in[8] = {0};
	unsigned hidden = 0;

	check_begin("match: all sequences of two bytes from 0x80 as the definition has it");
	for (unsigned a = 0xc0; a <= 0xdf; a++)
		for (unsigned b = 0x80; b <= 0xff; b++) {
			in[0] = (unsigned char)a;
			in[1] = (unsigned char)b;
			if (b < 0xc0)
				hidden += expect_sequence(in, 2);
		}
	expect_u64(hidden, 44, "characters that are not seen");
	check_end();

	check_begin("match: all sequences of three bytes");
	hidden = 0;
	for (unsigned n = 0; n < 16 * 64 * 64; n++) {
		in[0] = (unsigned char)(0xe0 | n >> 12);
		in[1] = (unsigned char)(0x80 | (n >> 6 & 0x3f));
		in[2] = (unsigned char)(0x80 | (n & 0x3f));
		hidden += expect_sequence(in, 3);
	}
	expect_u64(hidden, 121, "characters that are not seen");
	check_end();

	check_begin("match: all sequences of four bytes");
	hidden = 0;
	for (unsigned n = 0; n < 8 * 64 * 64 * 64; n++) {
		in[0] = (unsigned char)(0xf0 | n >> 18);
		in[1] = (unsigned char)(0x80 | (n >> 12 & 0x3f));
		in[2] = (unsigned char)(0x80 | (n >> 6 & 0x3f));
		in[3] = (unsigned char)(0x80 | (n & 0x3f));
		hidden += expect_sequence(in, 4);
	}
	expect_u64(hidden, 4126, "characters that are not seen");
	check_end();
}

/* Writes no more than `size` bytes. Returns the length of the name. */
static size_t clean_within(char *out, size_t size, const char *name)
{
	size_t length;

	memset(out, 0x55, GROUP_NAME_SIZE + 8);
	naming_clean(out, size, name);
	for (size_t i = size; i < GROUP_NAME_SIZE + 8; i++)
		expect(out[i] == 0x55, "size %zu: byte %zu was written", size, i);
	length = strnlen(out, size);
	expect(length < size && length > 0, "size %zu: length %zu", size, length);
	return length;
}

static void test_sizes(void)
{
	static const char *const sequences[] = {"a", "\xc3\xa9", "\xe2\x82\xac",
						"\xf0\x9f\x90\x9d"};
	static const char *const reserved[] = {"all", "other", "kernel", "self", "kernels", ""};
	char name[256], out[GROUP_NAME_SIZE + 8];

	check_begin("match: a long name fits into every size, and no sequence is cut");
	for (size_t i = 0; i < COUNT_OF(sequences); i++) {
		for (size_t used = 0; used + 8 < sizeof(name); used += strlen(sequences[i]))
			snprintf(name + used, sizeof(name) - used, "%s", sequences[i]);
		for (size_t size = 2; size <= GROUP_NAME_SIZE; size++) {
			size_t length = clean_within(out, size, name);

			expect(length % strlen(sequences[i]) == 0 || strcmp(out, "_") == 0,
			       "size %zu: \"%s\"", size, out);
		}
	}
	check_end();

	check_begin("match: a reserved name and its tag fit into every size");
	for (size_t i = 0; i < COUNT_OF(reserved); i++)
		for (size_t size = 2; size <= 16; size++)
			clean_within(out, size, reserved[i]);
	clean_within(out, 9, "allure"); /* what is left of it is a reserved name */
	expect_text(out, "all_", "allure in 9 bytes");
	check_end();
}

/* -- users: as the C library would tell them -- */

static const struct {
	uint32_t uid;
	const char *name;
	int error;
	size_t size; /* that it needs */
} users[] = {
	{0, "root", 0, 64},
	{33, "www-data", 0, 64},
	{161, "DOMAIN\\jane doe", 0, 64}, /* 161 % 128 is 33: they share a place */
	{1000, "self", 0, 64},
	{1001, "nobody hears it", EIO, 64},
	{1002, "large", 0, 65536},
	{1003, "too large", 0, 65537},
};

static unsigned users_asked;
static bool users_away; /* who could tell is not there */

/* Takes the place of the C library's. */
int getpwuid_r(uid_t uid, struct passwd *resultbuf, char *buffer, size_t buflen,
	       struct passwd **result)
{
	users_asked++;
	*result = NULL;
	for (size_t i = 0; i < COUNT_OF(users); i++)
		if (users[i].uid == uid) {
			if (users[i].error || users_away)
				return users_away ? EAGAIN : users[i].error;
			if (buflen < users[i].size)
				return ERANGE;
			snprintf(buffer, buflen, "%s", users[i].name);
			resultbuf->pw_name = buffer;
			*result = resultbuf;
			return 0;
		}
	return users_away ? EAGAIN : 0;
}

/* -- time -- */

/* Each look takes so long, and so each match. */
static uint64_t now_ns, look_ns, looks;

static uint64_t clock_ns(void)
{
	looks++;
	now_ns += look_ns;
	return now_ns;
}

/* -- processes and matchers -- */

#define PID 4242
#define START 7919
#define ROW 5
#define ROWS 16
#define CGROUP 900001 /* no cgroup here has this id */

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define D10 "0123456789"

static struct snapshot_process row_of(const struct proc *proc, uint32_t uid)
{
	struct snapshot_process p = {.row = ROW,
				     .process_row = ROW,
				     .pid = proc->pid,
				     .parent = proc->parent,
				     .uid = uid,
				     .start_ns = proc->start_ticks * PROC_TICK_NS + 1234567};

	snprintf(p.comm, sizeof(p.comm), "%s", proc->comm);
	return p;
}

/* A matcher that has begun its first tick. */
static struct matcher *matcher_new(struct match_options options)
{
	struct matcher *m = NULL;

	options.proc_root = proc_folder();
	options.cgroup_root = "/nonexistent";
	expect(!match_open(&m, ROWS, &options), "match_open");
	match_begin(m);
	return m;
}

static void expect_group(struct matcher *m, const struct snapshot_process *p, const char *want,
			 const char *what)
{
	const struct match *match = match_process(m, p);

	expect_text(match->group, want, what);
	expect(match->exe && match->cgroup, "%s: a text is NULL", what);
}

/* -- GroupBy -- */

static const struct {
	const char *name;
	bool gone, last;
	uint32_t uid; /* of the row */
	struct proc proc;
	const char *want[MATCH_BY_USER + 1];
} attributes[] = {
	{"a service", .uid = 33,
	 .proc = {.comm = "nginx",
		  .exe = "/usr/sbin/nginx",
		  .cgroup = "0::/system.slice/nginx.service\n"},
	 .want = {"nginx", "nginx", "nginx.service", "-", "system.slice_nginx.service",
		  "www-data"}},
	{"a container",
	 .proc = {.comm = "gunicorn: maste",
		  .exe = "/usr/local/bin/python3.11",
		  .cgroup = "0::/system.slice/docker-" ID ".scope\n"},
	 .want = {"gunicorn:_maste", "python3.11", "docker-" ID ".scope", "0123456789ab",
		  "system.slice_docker-" ID ".scope", "root"}},
	{"a kernel thread", .proc = {.comm = "kworker/0:1", .cmdline = "", .cgroup = "0::/\n"},
	 .want = {"kworker_0:1", "kworker_0:1", "-", "-", "-", "root"}},
	{"a program that was replaced", .uid = 161,
	 .proc = {.comm = "main", .exe = "/opt/app v2/bin/the server (deleted)"},
	 .want = {"main", "the_server", "-", "-", "-", "DOMAIN_jane_doe"}},
	{"reserved names", .uid = 1000,
	 .proc = {.comm = "all", .exe = "/bin/other", .cgroup = "0::/kernel\n"},
	 .want = {"all_", "other_", NULL, "-", "kernel_", "self_"}},
	{"a long cgroup: its end",
	 .proc = {.comm = "x",
		  .cgroup = "0::/01234567/" D10 D10 D10 D10 D10 D10 D10 D10 "/abcdef/z\n"},
	 .want = {"x", "x", NULL, "-", "4567_" D10 D10 D10 D10 D10 D10 D10 D10 "_abcdef_z",
		  "root"}},
	{"a long cgroup that would be cut within a character",
	 .proc = {.comm = "x",
		  .cgroup = "0::/a\xe2\x82\xac" D10 D10 D10 D10 D10 D10 D10 D10 D10 "-z\n"},
	 .want = {"x", "x", NULL, "-", D10 D10 D10 D10 D10 D10 D10 D10 D10 "-z", "root"}},
	{"a hybrid host",
	 .proc = {.comm = "x", .cgroup = "4:memory:/docker/" ID "\n1:cpu:/\n0::/\n"},
	 .want = {"x", "x", NULL, NULL, ("docker_" ID), "root"}},
	{"a uid that the row does not have", .uid = TCP_UID_UNKNOWN,
	 .proc = {.comm = "x", .uid = 33}, .want = {"x", "x", "-", "-", "-", "www-data"}},
	{"a uid without a name", .uid = 4000000001, .proc = {.comm = "x"},
	 .want = {"x", "x", "-", "-", "-", "4000000001"}},
	{"a uid whose name cannot be had", .uid = 1001, .proc = {.comm = "x"},
	 .want = {"x", "x", "-", "-", "-", "1001"}},
	{"a uid of which much is known", .uid = 1002, .proc = {.comm = "x"},
	 .want = {"x", "x", "-", "-", "-", "large"}},
	{"a uid of which too much is known", .uid = 1003, .proc = {.comm = "x"},
	 .want = {"x", "x", "-", "-", "-", "1003"}},
	{"one that is gone", .gone = true, .uid = 33,
	 .proc = {.comm = "curl", .exe = "/x/y", .cgroup = "0::/x/y\n"},
	 .want = {"curl", "curl", "-", "-", "-", "www-data"}},
	{"one that is gone, of an unknown uid", .gone = true, .uid = TCP_UID_UNKNOWN,
	 .proc = {.comm = "curl", .exe = "/x/y"},
	 .want = {"curl", "curl", "-", "-", "-", "unknown"}},
	{"one that is gone for good is not looked for", .last = true, .uid = TCP_UID_UNKNOWN,
	 .proc = {.comm = "curl", .exe = "/x/y", .uid = 33, .cgroup = "0::/x/y\n"},
	 .want = {"curl", "curl", "-", "-", "-", "unknown"}},
};

static void test_attribute(size_t i, int by)
{
	struct match_options options = {.group_by = by};
	struct proc proc = attributes[i].proc;
	struct snapshot_process p;
	struct matcher *m;

	if (!attributes[i].want[by])
		return;
	proc.pid = PID;
	proc.start_ticks = START;
	p = row_of(&proc, attributes[i].uid);
	p.last = attributes[i].last;
	proc.start_ticks += attributes[i].gone; /* its pid is another one's */
	m = matcher_new(options);
	if (!attributes[i].gone) {
		proc_write(&proc);
		expect_group(m, &p, attributes[i].want[by], naming_names()[by]);
	} else {
		expect_group(m, &p, attributes[i].want[by], "without a folder");
		match_close(m);
		m = matcher_new(options);
		proc_write(&proc);
		expect_group(m, &p, attributes[i].want[by], "pid of another process");
	}
	expect_u64((uint64_t)match_process(m, &p)->rule, (uint64_t)-1, "rule");
	proc_remove(PID);
	match_close(m);
}

static void test_attributes(void)
{
	static const char *const names[] = {"Process",   "Executable", "Unit",
					    "Container", "Cgroup",     "User"};

	for (size_t i = 0; i < COUNT_OF(attributes); i++) {
		check_begin("match: GroupBy: %s", attributes[i].name);
		for (int by = 0; by <= MATCH_BY_USER; by++)
			test_attribute(i, by);
		check_end();
	}
	check_begin("match: GroupBy has six names");
	for (size_t i = 0; i < COUNT_OF(names); i++)
		expect_text(naming_names()[i], names[i], "name");
	expect(!naming_names()[COUNT_OF(names)], "there are more");
	check_end();
}

static const struct {
	uint32_t uid;
	const char *want;
	unsigned asked; /* how often by now */
	bool away;
} asks[] = {
	{33, "www-data", 1, false},
	{33, "www-data", 1, false},
	{4000000002, "4000000002", 2, false},
	{4000000002, "4000000002", 2, false},
	{1003, "1003", 3, false},
	{1003, "1003", 3, false},
	{161, "DOMAIN_jane_doe", 4, false},
	{33, "www-data", 5, false},
	{1003, "1003", 5, false},
	{1000, "1000", 6, true}, /* no answer is none to be kept */
	{33, "www-data", 6, true},
	{1000, "1000", 7, true},
	{1000, "self_", 8, false},
	{1000, "self_", 8, true},
	{4000000003, "4000000003", 9, true},
	{4000000003, "4000000003", 10, false},
	{4000000003, "4000000003", 10, false},
};

static void test_users(void)
{
	const struct proc proc = {.pid = PID, .start_ticks = START, .comm = "x"};
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_USER});
	struct snapshot_process p = row_of(&proc, 33);

	check_begin("match: a user is asked for until there is an answer, also if that is no name");
	users_asked = 0;
	for (size_t i = 0; i < COUNT_OF(asks); i++) {
		p.uid = asks[i].uid;
		p.renames = (uint32_t)i;
		users_away = asks[i].away;
		expect_group(m, &p, asks[i].want, "user");
		expect_u64(users_asked, asks[i].asked, "times, %zu", i);
	}
	p = row_of(&proc, 33);
	match_close(m);
	check_end();

	check_begin("match: a user whose name there was no memory for is asked for again");
	m = matcher_new((struct match_options){.group_by = MATCH_BY_USER});
	memory_fail_at(1);
	expect_group(m, &p, "other", "without memory");
	memory_fail_at(0);
	expect_group(m, &p, "www-data", "with it");
	match_close(m);
	check_end();
}

static void test_fixed(void)
{
	struct snapshot_process p = {.row = TCP_ROW_OTHER, .uid = 33, .comm = "x"};
	struct matcher *m = matcher_new((struct match_options){0});

	check_begin("match: rows that are no process");
	expect_group(m, &p, "other", "other");
	expect_text(match_details(m, &p)->exe, "", "exe");
	p.row = TCP_ROW_KERNEL;
	expect_group(m, &p, "kernel", "kernel");
	expect_u64(match_details(m, &p)->uid, TCP_UID_UNKNOWN, "uid");
	match_close(m);
	check_end();
}

/* -- the cache -- */

static struct proc server = {.pid = PID,
			     .parent = 1,
			     .start_ticks = START,
			     .comm = "server",
			     .exe = "/usr/bin/server",
			     .cmdline = "server|--id=7|",
			     .cgroup = "0::/system.slice/server.service\n"};

static void test_cache(void)
{
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_EXECUTABLE});
	struct snapshot_process p = row_of(&server, 33);
	const char *group;

	check_begin("match: a process is looked at once; without memory and without /proc");
	proc_write(&server);
	expect_group(m, &p, "server", "first");
	group = match_process(m, &p)->group;
	proc_remove(PID);
	memory_fail_at(1);
	for (int tick = 0; tick < 3; tick++) {
		match_begin(m);
		expect_group(m, &p, "server", "again");
	}
	p.last = true;
	expect(match_process(m, &p)->group == group, "the last one");
	memory_fail_at(0);
	check_end();

	check_begin("match: it is looked at again after a rename");
	p.renames = 1;
	expect_group(m, &p, "server", "its name");
	snprintf(p.comm, sizeof(p.comm), "new");
	expect_group(m, &p, "server", "a name alone is no sign");
	p.renames = 2;
	expect_group(m, &p, "new", "its new name");
	match_close(m);
	check_end();

	check_begin("match: a row that passes to another process");
	m = matcher_new((struct match_options){.group_by = MATCH_BY_PROCESS});
	p = row_of(&server, 33);
	expect_group(m, &p, "server", "first");
	p.start_ns++;
	snprintf(p.comm, sizeof(p.comm), "client");
	expect_group(m, &p, "client", "second");
	match_close(m);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

static struct rule *rule_of(enum rule_kind kind, const char *name, const char *text)
{
	struct rule *rule = NULL;
	char why[128] = "";

	expect(!rule_new(&rule, kind, name, text, why, sizeof(why)), "rule %s: %s", name, why);
	return rule;
}

static void test_exec(void)
{
	struct rule *rules[] = {rule_of(RULE_PATTERN, "id-\\1", "--id=([0-9]+)")};
	struct matcher *m = matcher_new((struct match_options){.rules = rules, .rule_count = 1});
	struct snapshot_process p = row_of(&server, 33);
	struct proc next = server;

	check_begin("match: another program has another command line");
	proc_write(&server);
	expect_group(m, &p, "id-7", "first");
	expect_text(match_details(m, &p)->exe, "/usr/bin/server", "exe");
	next.cmdline = "client|--id=8|";
	next.exe = "/usr/bin/client";
	proc_write(&next);
	expect_group(m, &p, "id-7", "before the rename is seen");
	p.renames++;
	expect_group(m, &p, "id-8", "after it");
	expect_text(match_details(m, &p)->exe, "/usr/bin/client", "new exe");
	proc_remove(PID);
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

static void test_used(void)
{
	struct rule *rules[] = {rule_of(RULE_PROCESS, "none", "nobody"),
				rule_of(RULE_PROCESS, "some", "server"),
				rule_of(RULE_PROCESS, "late", "server")};
	struct matcher *m = matcher_new((struct match_options){.rules = rules, .rule_count = 3});
	struct snapshot_process p = row_of(&server, 33);

	check_begin("match: rules that have decided about a process are known");
	for (unsigned i = 0; i < 3; i++)
		expect(!match_used(m, i), "rule %u before", i);
	expect_group(m, &p, "some", "group");
	expect(!match_used(m, 0), "a rule that fits nobody");
	expect(match_used(m, 1), "the first that fits");
	expect(!match_used(m, 2), "one that comes too late");
	match_close(m);
	for (unsigned i = 0; i < 3; i++)
		rule_free(rules[i]);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

/* What is asked, a service manager did: its child gets a uid and a cgroup before it executes. */
static void test_exec_attributes(int by, const char *before, const char *after)
{
	struct rule *rules[] = {rule_of(RULE_PID_FILE, "none", proc_path("pid"))};
	struct matcher *m = matcher_new((struct match_options){
		.group_by = by, .rules = rules, .rule_count = 1, .report_unmatched = true});
	struct snapshot_process p = row_of(&server, 0);
	struct proc next = server;

	check_begin("match: GroupBy %s after an exec", naming_names()[by]);
	p.cgroup = CGROUP;
	next.cgroup = "0::/init.scope\n";
	proc_write(&next);
	expect_group(m, &p, before, "before it");
	next = server;
	next.uid = 33;
	proc_write(&next);
	p.renames++;
	expect_group(m, &p, after, "after it");
	expect_u64(match_details(m, &p)->uid, 33, "uid");
	expect_text(match_details(m, &p)->cgroup, "/system.slice/server.service", "cgroup");
	proc_file("pid", "1000003\n"); /* a pid that nobody has */
	match_begin(m);
	expect_group(m, &p, after, "when rules have changed");
	proc_remove(PID);
	p.renames++;
	expect_group(m, &p, before, "when it is gone");
	proc_write(&next);
	p.start_ns += 1; /* within the same tick of the clock */
	p.renames = 0;
	expect_group(m, &p, before, "of the next process of the row");
	p.start_ns -= 1;
	p.renames = 1; /* between its first event and our first look */
	expect_group(m, &p, after, "of one that was renamed before the first look");
	proc_remove(PID);
	proc_file("pid", NULL);
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

/* -- the budget -- */

#define BUDGET 7000 /* ns */

/* Rules, so that more than names are compared. */
static struct matcher *matcher_with_budget(struct rule **rules)
{
	look_ns = 1000;
	looks = 0;
	return matcher_new((struct match_options){.rules = rules,
						  .rule_count = 1,
						  .report_unmatched = true,
						  .clock_ns = clock_ns,
						  .budget_ns = BUDGET});
}

/* The process of row `n`, which is gone: its name is its row's. */
static struct snapshot_process nth(unsigned n, uint32_t uid)
{
	struct snapshot_process p = row_of(&server, uid);

	p.row = p.process_row = n;
	p.pid += n;
	snprintf(p.comm, sizeof(p.comm), "p%u", n);
	return p;
}

/* What match_again() tells of is matched, as the plugin does it. */
struct again {
	struct matcher *m;
	uint32_t uid;
	char rows[64]; /* "3 4 ", in the order in which they came */
};

static void visit_again(void *context, unsigned row, uint64_t start_ns)
{
	struct again *again = context;
	struct snapshot_process p = nth(row, again->uid);
	size_t used = strlen(again->rows);

	expect_u64(start_ns, p.start_ns, "start of row %u", row);
	snprintf(again->rows + used, sizeof(again->rows) - used, "%u ", row);
	match_process(again->m, &p);
}

static void expect_again(struct matcher *m, uint32_t uid, const char *want)
{
	struct again again = {.m = m, .uid = uid};

	match_begin(m);
	match_again(m, visit_again, &again);
	expect_text(again.rows, want, "rows that come again");
}

/* Which of the rows up to `end` have their group, asked in order: "1101", 0: other. */
static void expect_known(struct matcher *m, unsigned end, uint32_t uid, const char *want)
{
	char got[ROWS + 1] = "", name[8];

	for (unsigned n = TCP_ROW_FIRST; n < end; n++) {
		struct snapshot_process p = nth(n, uid);
		const char *group = match_process(m, &p)->group;

		snprintf(name, sizeof(name), "p%u", n);
		got[n - TCP_ROW_FIRST] = strcmp(group, name) == 0 ? '1' : '0';
		expect(strcmp(group, name) == 0 || strcmp(group, GROUP_OTHER) == 0, "row %u: %s", n,
		       group);
	}
	expect_text(got, want, "which are known");
}

static void test_budget(void)
{
	struct rule *rules[] = {rule_of(RULE_PROCESS, "none", "nobody")};
	struct matcher *m = matcher_with_budget(rules);

	check_begin("match: when the budget is spent the others wait in other, each for its turn");
	_Static_assert(TCP_ROW_FIRST == 3, "the rows below");
	expect_known(m, 16, 0, "1111111000000"); /* 7 of 13 */
	expect_known(m, 16, 0, "1111111000000");
	expect_u64(looks, 14, "looks at the clock, two for each that was matched");
	expect_u64(match_waits(m), 6, "waits, one for each process and tick");
	look_ns = 3000;
	expect_again(m, 0, "10 11 12 13 14 15 "); /* the third takes more than there is */
	expect_known(m, 16, 0, "1111111111000");
	expect_u64(match_waits(m), 9, "waits");
	look_ns = BUDGET + 1;
	expect_again(m, 0, "13 14 15 ");
	expect_known(m, 16, 0, "1111111111100");
	expect_again(m, 0, "14 15 ");
	expect_again(m, 0, "15 ");
	expect_known(m, 16, 0, "1111111111111");
	expect_again(m, 0, "");
	expect_u64(match_waits(m), 12, "waits");
	expect_u64((uint64_t)match_slowest_rule(m), (uint64_t)-1, "no rule");
	match_close(m);
	rule_free(rules[0]);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

static void test_budget_turns(void)
{
	struct rule *rules[] = {rule_of(RULE_PROCESS, "none", "nobody")};
	struct matcher *m = matcher_with_budget(rules);
	struct snapshot_process p = nth(3, 0);

	check_begin("match: those that wait come before who comes again and again");
	look_ns = BUDGET;
	expect_known(m, 6, 0, "100");
	for (unsigned i = 0; i < 3; i++) {
		static const char *const order[] = {"4 5 ", "5 3 ", "3 4 "};

		expect_again(m, 0, order[i]);
		p = nth(3 + i, 0);
		p.renames = 1; /* one that was matched: it executes a program */
		expect_group(m, &p, GROUP_OTHER, "renamed");
		p.renames = 0; /* and is what it was: the row cannot tell */
		expect_group(m, &p, GROUP_OTHER, "renamed again");
	}
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

static void test_budget_users(void)
{
	struct rule *rules[] = {rule_of(RULE_PROCESS, "none", "nobody")};
	struct matcher *m = matcher_with_budget(rules);
	struct snapshot_process p = nth(12, 1001);

	check_begin("match: one user has half of the budget, root all of it");
	expect_known(m, 10, 1000, "1111000"); /* the fourth begins before 3500 ns */
	expect_group(m, &p, "p12", "another user's");
	p = nth(13, TCP_UID_UNKNOWN);
	expect_group(m, &p, "p13", "whose it is nobody knows");
	p = nth(14, 0);
	expect_group(m, &p, "p14", "root's");
	p = nth(15, 0);
	expect_group(m, &p, GROUP_OTHER, "all is spent");
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

static void test_budget_rules_change(void)
{
	struct rule *rules[] = {rule_of(RULE_PID_FILE, "file", proc_path("pid"))};
	struct matcher *m = matcher_with_budget(rules);
	struct snapshot_process p = row_of(&server, 0);

	check_begin("match: when the rules change, those that wait keep their groups");
	proc_write(&server);
	expect_group(m, &p, "server", "before");
	look_ns = BUDGET;
	proc_file("pid", "4242\n");
	match_begin(m);
	expect_known(m, 4, 0, "1"); /* takes all */
	expect_group(m, &p, "server", "while it waits");
	expect_u64((uint64_t)match_process(m, &p)->rule, (uint64_t)-1, "rule");
	expect_u64(match_waits(m), 1, "waits");
	match_begin(m);
	expect_group(m, &p, "file", "then");
	expect_u64((uint64_t)match_slowest_rule(m), (uint64_t)-1, "the first that took so long");
	look_ns = BUDGET + 1;
	p.renames++;
	match_begin(m);
	expect_group(m, &p, "file", "again");
	expect_u64((uint64_t)match_slowest_rule(m), 0, "the slowest");
	proc_file("pid", NULL);
	proc_remove(PID);
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

static void test_budget_endpoints(void)
{
	struct rule *rules[] = {rule_of(RULE_PROCESS, "none", "nobody")};
	struct matcher *m = matcher_with_budget(rules);
	struct snapshot_process p = nth(9, 0), end = p;
	struct again again = {.m = m};

	check_begin("match: an endpoint waits with its process, and comes after it");
	end.row = 5; /* the kernel's tables have endpoints last: it must not depend on it */
	end.endpoint.kind = TCP_ENDPOINT_PORT;
	look_ns = BUDGET;
	expect_known(m, 4, 0, "1");
	expect_group(m, &p, GROUP_OTHER, "process");
	expect(match_process(m, &end) == match_process(m, &p), "it has its own");
	expect_u64(match_waits(m), 1, "waits: it is not a process");
	expect_known(m, 4, 0, "1");
	match_begin(m);
	match_again(m, visit_again, &again);
	expect_text(again.rows, "9 5 ", "rows that come again");
	expect_group(m, &end, "p9", "endpoint");
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

static void test_budget_unused(void)
{
	struct match_options options = {.clock_ns = clock_ns, .budget_ns = 1};
	struct matcher *m = matcher_new(options);

	check_begin("match: names alone are compared without a look at the clock");
	look_ns = 1000;
	looks = 0;
	expect_known(m, 16, 1000, "1111111111111");
	expect_u64(looks, 0, "looks");
	match_close(m);
	options.group_by = MATCH_BY_EXECUTABLE;
	m = matcher_new(options);
	expect_known(m, 5, 0, "10");
	expect_u64(looks, 2, "looks");
	match_close(m);
	check_end();
}

/* After 100 ms patterns begin anew, in the middle of a tick. */
static void test_budget_renews(void)
{
	struct rule *rules[] = {rule_of(RULE_PATTERN, "p-\\1", "^p([0-9]+)$")};
	struct ignore *ignores[] = {NULL};
	char why[128];
	struct matcher *m = NULL;
	struct snapshot_process p;

	expect(!ignore_new(&ignores[0], "/-7$/", why, sizeof(why)), "new");
	m = matcher_new((struct match_options){.rules = rules,
					       .rule_count = 1,
					       .ignores = ignores,
					       .ignore_count = 1,
					       .ignore_selected = true,
					       .clock_ns = clock_ns,
					       .budget_ns = UINT64_MAX});
	check_begin("match: patterns that are renewed tell the same");
	look_ns = 60000000;
	for (unsigned n = TCP_ROW_FIRST; n < ROWS; n++) {
		char want[16];

		p = nth(n, 0);
		snprintf(want, sizeof(want), n == 7 ? GROUP_OTHER : "p-%u", n);
		expect_group(m, &p, want, "group");
	}
	match_close(m);
	rule_free(rules[0]);
	ignore_free(ignores[0]);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

static void test_endpoints(void)
{
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_EXECUTABLE});
	struct snapshot_process p = row_of(&server, 33), end = p;

	check_begin("match: an endpoint has the match of its process");
	end.row = ROW + 1;
	end.endpoint.kind = TCP_ENDPOINT_DESTINATION;
	proc_write(&server);
	expect_group(m, &p, "server", "process");
	proc_remove(PID);
	memory_fail_at(1);
	expect(match_process(m, &end) == match_process(m, &p), "it has its own");
	memory_fail_at(0);
	check_end();

	check_begin("match: an endpoint whose process has another row is matched alone");
	snprintf(end.comm, sizeof(end.comm), "end");
	end.start_ns++;
	expect_group(m, &end, "end", "another start");
	end.process_row = 0;
	end.start_ns++;
	expect_group(m, &end, "end", "no row");
	end.process_row = ROWS;
	end.start_ns++;
	expect_group(m, &end, "end", "beyond the rows");
	expect_group(m, &p, "server", "the process's stays");
	match_close(m);
	check_end();
}

static void test_cgroups(void)
{
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_UNIT});
	struct snapshot_process p = row_of(&server, 33), gone = p;
	struct proc moved = server;

	moved.cgroup = "0::/elsewhere.service\n";
	check_begin("match: the living tell where those of their cgroup were");
	p.cgroup = gone.cgroup = CGROUP;
	gone.pid++;
	gone.row++;
	expect_group(m, &gone, "-", "nobody has told it");
	proc_write(&server);
	expect_group(m, &p, "server.service", "it lives");
	proc_remove(PID);
	gone.renames++;
	expect_group(m, &gone, "server.service", "it is gone");
	proc_write(&moved);
	p.renames++;
	expect_group(m, &p, "elsewhere.service", "it has executed a program: /proc is asked");
	p.row++;
	expect_group(m, &p, "server.service", "its id is known: /proc is not asked");
	proc_remove(PID);
	gone.cgroup++;
	gone.renames++;
	expect_group(m, &gone, "-", "another cgroup");
	match_close(m);
	check_end();
}

/* A folder of the tree, which is in that of the processes; its id. */
static uint64_t make_cgroup(const char *path)
{
	struct stat status = {.st_ino = 0};

	expect(!mkdir(proc_path(path), 0755), "mkdir %s", path);
	expect(!stat(proc_path(path), &status), "stat %s", path);
	return status.st_ino;
}

/* A walk sees what is there: what is made after it is not found before the next tick. */
static void test_walks(void)
{
	static const char *const paths[] = {"fs", "fs/first.service", "fs/late.service"};
	struct match_options options = {.group_by = MATCH_BY_UNIT, .proc_root = proc_folder()};
	struct snapshot_process p = row_of(&server, 33), gone = p;
	struct matcher *m = NULL;
	char root[256];

	check_begin("match: for the living, the tree of cgroups is not walked");
	make_cgroup("fs");
	proc_file("fs/cgroup.controllers", "");
	snprintf(root, sizeof(root), "%s", proc_path("fs"));
	options.cgroup_root = root;
	expect(!match_open(&m, ROWS, &options), "match_open");
	match_begin(m);
	p.cgroup = make_cgroup("fs/first.service");
	proc_write(&server);
	expect_group(m, &p, "server.service", "alive: as /proc says");
	p.renames++;
	p.cgroup = CGROUP;
	expect_group(m, &p, "server.service", "alive, after an exec");
	gone.row++;
	gone.pid++;
	gone.cgroup = make_cgroup("fs/late.service");
	expect_group(m, &gone, "late.service", "gone");
	proc_remove(PID);
	match_close(m);
	proc_file("fs/cgroup.controllers", NULL);
	for (size_t i = COUNT_OF(paths); i-- > 0;)
		rmdir(proc_path(paths[i]));
	check_end();
}

/* With hierarchies of v1 all have the same cgroup of v2. */
static void test_hybrid(void)
{
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_CGROUP});
	struct proc one = server, two = server;
	struct snapshot_process p = row_of(&server, 33), q = p;

	check_begin("match: on a hybrid host, ids tell nothing");
	one.cgroup = "4:memory:/one\n0::/\n";
	two.cgroup = "4:memory:/two\n0::/\n";
	two.pid = q.pid = PID + 1;
	p.cgroup = q.cgroup = CGROUP;
	q.row++;
	proc_write(&one);
	proc_write(&two);
	expect_group(m, &p, "one", "one");
	expect_group(m, &q, "two", "two");
	proc_remove(PID);
	proc_remove(PID + 1);
	q.renames++;
	expect_group(m, &q, "-", "gone");
	match_close(m);
	check_end();
}

static void test_no_longer_unified(void)
{
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_CGROUP});
	struct proc proc = server;
	struct snapshot_process p = row_of(&server, 33);

	check_begin("match: once v1 is there, the living are asked again");
	p.cgroup = CGROUP;
	proc_write(&proc);
	expect_group(m, &p, "system.slice_server.service", "v2");
	p.cgroup++;
	p.renames++;
	proc.cgroup = "4:memory:/one\n0::/\n";
	proc_write(&proc);
	expect_group(m, &p, "one", "a new cgroup, v1");
	p.cgroup = CGROUP;
	p.renames++;
	expect_group(m, &p, "one", "a cgroup that is known");
	proc_remove(PID);
	p.renames++;
	expect_group(m, &p, "system.slice_server.service", "one that is gone");
	match_close(m);
	check_end();
}

/* -- rules -- */

static const struct {
	enum rule_kind kind;
	const char *name, *text;
} rule_texts[] = {
	{RULE_PROCESS, "web", "nginx"},  {RULE_PATTERN, "shard-\\1", "--shard=([^ ]*)"},
	{RULE_PID, "one", "4242"},       {RULE_PATTERN, "all", "^everything"},
	{RULE_PROCESS, "late", "nginx"},
};

static const struct {
	const char *name, *comm, *cmdline;
	uint32_t pid;
	int rule;
	const char *want; /* NULL: none fits */
} ruled[] = {
	{"the first that fits", "nginx", "nginx|--shard=3|", 4242, 0, "web"},
	{"the second", "db", "db|--shard=3|", 4242, 1, "shard-3"},
	{"with something to clean", "db", "db|--shard=a/b|", 4242, 1, "shard-a_b"},
	{"with an empty group", "db", "db|--shard=|", 4242, 1, "shard-"},
	{"the third", "db", "db|", 4242, 2, "one"},
	{"the fourth; a reserved name", "db", "everything|", 4243, 3, "all_"},
	{"none", "db", "db|", 4243, -1, NULL},
	{"none, of a kernel thread", "kworker/0:1", "", 4243, -1, NULL},
};

static void test_rules(void)
{
	struct rule *rules[COUNT_OF(rule_texts)];
	struct match_options options = {.rules = rules, .rule_count = COUNT_OF(rules)};

	for (size_t i = 0; i < COUNT_OF(rules); i++)
		rules[i] = rule_of(rule_texts[i].kind, rule_texts[i].name, rule_texts[i].text);
	for (size_t i = 0; i < 2 * COUNT_OF(ruled); i++) {
		size_t n = i / 2;
		struct proc proc = {.pid = ruled[n].pid,
				    .start_ticks = START,
				    .comm = ruled[n].comm,
				    .cmdline = ruled[n].cmdline};
		struct snapshot_process p = row_of(&proc, 33);
		char cleaned[GROUP_NAME_SIZE];
		struct matcher *m;

		options.report_unmatched = i % 2;
		check_begin("match: rules: %s%s", ruled[n].name,
			    options.report_unmatched ? ", and the rest is reported" : "");
		naming_clean(cleaned, sizeof(cleaned), ruled[n].comm);
		m = matcher_new(options);
		proc_write(&proc);
		expect_group(m, &p,
			     ruled[n].want              ? ruled[n].want
			     : options.report_unmatched ? cleaned
							: "other",
			     "group");
		expect(match_process(m, &p)->rule == ruled[n].rule, "rule %d",
		       match_process(m, &p)->rule);
		proc_remove(proc.pid);
		match_close(m);
		check_end();
	}
	for (size_t i = 0; i < COUNT_OF(rules); i++)
		rule_free(rules[i]);
}

/* One tick each: what the PID file holds, and the groups of a parent, its child, a grandchild that
 * is gone already, and a stranger. */
static const struct {
	const char *name, *text, *want[4];
} ticks[] = {
	{"no file yet", NULL, {"other", "other", "other", "other"}},
	{"it appears", "4242\n", {"daemon", "daemon", "daemon", "other"}},
	{"nothing changes", "4242\n", {"daemon", "daemon", "daemon", "other"}},
	{"the child's", "4243\n", {"other", "daemon", "daemon", "other"}},
	{"the stranger's", "4245\n", {"other", "other", "other", "daemon"}},
	{"it vanishes", NULL, {"other", "other", "other", "other"}},
};

static void test_pid_file(void)
{
	struct proc family[] = {{.pid = 4242, .parent = 1, .comm = "parent"},
				{.pid = 4243, .parent = 4242, .comm = "child"},
				{.pid = 4244, .parent = 4243, .comm = "grandchild"},
				{.pid = 4245, .parent = 1, .comm = "stranger"}};
	struct rule *rules[] = {rule_of(RULE_PID_FILE, "daemon", proc_path("pid"))};
	struct matcher *m = matcher_new((struct match_options){.rules = rules, .rule_count = 1});

	for (size_t i = 0; i < COUNT_OF(family); i++)
		if (i != 2)
			proc_write(&family[i]);
	for (size_t tick = 0; tick < COUNT_OF(ticks); tick++) {
		check_begin("match: PID file: %s", ticks[tick].name);
		proc_file("pid", ticks[tick].text);
		match_begin(m);
		for (size_t i = 0; i < COUNT_OF(family); i++) {
			struct snapshot_process p = row_of(&family[i], 33);

			p.row = p.process_row = ROW + (unsigned)i;
			p.start_ns += i == 2 ? tick : 0; /* another one each time */
			expect_group(m, &p, ticks[tick].want[i], family[i].comm);
		}
		check_end();
	}
	for (size_t i = 0; i < COUNT_OF(family); i++)
		proc_remove(family[i].pid);
	match_close(m);
	rule_free(rules[0]);
}

/* What is asked of the child when the file has changed, and it was known already. */
static void test_pid_file_gone(void)
{
	struct proc child = {.pid = 4243,
			     .parent = 4242,
			     .start_ticks = START,
			     .comm = "child",
			     .cmdline = "child|--id=7|"},
		    other = child;
	struct rule *rules[] = {rule_of(RULE_PID_FILE, "daemon", proc_path("pid")),
				rule_of(RULE_PATTERN, "id-\\1", "--id=([0-9]+)")};
	struct matcher *m = matcher_new((struct match_options){.rules = rules, .rule_count = 2});
	struct snapshot_process p = row_of(&child, 33), end = p;

	check_begin("match: PID file changes: who is gone by then keeps its group");
	proc_write(&child);
	expect_group(m, &p, "id-7", "alive");
	proc_remove(child.pid);
	proc_file("pid", "1000003\n");
	match_begin(m);
	expect_group(m, &p, "id-7", "gone");
	expect(match_process(m, &p)->rule == 1, "rule %d", match_process(m, &p)->rule);
	end.row++;
	end.endpoint.kind = TCP_ENDPOINT_PORT;
	expect(match_process(m, &end) == match_process(m, &p), "its endpoint");
	other.start_ticks++;
	proc_write(&other);
	proc_file("pid", "1000033\n");
	match_begin(m);
	expect_group(m, &p, "id-7", "its pid is another one's");
	proc_write(&child);
	p.last = true;
	proc_file("pid", "1000037\n");
	match_begin(m);
	expect_group(m, &p, "id-7", "alive, and then the last of it");
	check_end();

	check_begin("match: PID file changes: who lives is looked at again");
	p.last = false;
	proc_file("pid", "4242\n");
	match_begin(m);
	expect_group(m, &p, "daemon", "alive");
	proc_file("4243/stat", "");
	proc_file("pid", "1000039\n");
	match_begin(m);
	expect_group(m, &p, "other", "in doubt");
	proc_remove(child.pid);
	proc_file("pid", NULL);
	match_close(m);
	rule_free(rules[0]);
	rule_free(rules[1]);
	check_end();
}

static void test_pid_file_exec(void)
{
	const struct proc child = {
		.pid = 4243, .parent = 4242, .start_ticks = START, .comm = "child"};
	struct rule *rules[] = {rule_of(RULE_PID_FILE, "daemon", proc_path("pid"))};
	struct matcher *m = matcher_new((struct match_options){.rules = rules, .rule_count = 1});
	struct snapshot_process p = row_of(&child, 33);

	check_begin("match: PID file changes: who is gone after an exec is looked at again");
	proc_write(&child);
	proc_file("pid", "4242\n");
	match_begin(m);
	expect_group(m, &p, "daemon", "alive");
	proc_remove(child.pid);
	proc_file("pid", "1000003\n");
	match_begin(m);
	p.renames++;
	expect_group(m, &p, "other", "gone");
	proc_file("pid", NULL);
	match_close(m);
	rule_free(rules[0]);
	check_end();
}

/* -- ignores -- */

static const struct {
	const char *name, *texts[2], *comm;
	bool selected;
	const char *want;
} ignores[] = {
	{"none, not selected", {NULL}, "nginx", false, "nginx"},
	{"none, selected", {NULL}, "nginx", true, "nginx"},
	{"a name", {"nginx"}, "nginx", true, "other"},
	{"another name", {"nginx"}, "apache", true, "apache"},
	{"the second", {"apache", "nginx"}, "nginx", true, "other"},
	{"a regex", {"/^ng/"}, "nginx", true, "other"},
	{"only this name", {"nginx"}, "nginx", false, "nginx"},
	{"only that name", {"nginx"}, "apache", false, "other"},
	{"only these", {"apache", "/^ng/"}, "nginx", false, "nginx"},
	{"the cleaned name", {"tmux:_server"}, "tmux: server", true, "other"},
	{"not the name before", {"tmux: server"}, "tmux: server", true, "tmux:_server"},
	{"a reserved name", {"all_"}, "all", true, "other"},
};

static void test_ignores(void)
{
	for (size_t i = 0; i < COUNT_OF(ignores); i++) {
		struct ignore *list[2] = {NULL};
		struct match_options options = {.ignores = list,
						.ignore_selected = ignores[i].selected};
		const struct proc proc = {.pid = PID, .comm = ignores[i].comm};
		const struct snapshot_process p = row_of(&proc, 33);
		struct matcher *m;
		char why[128];

		check_begin("match: ignore%s: %s, %s", ignores[i].selected ? "" : " all but",
			    ignores[i].name, ignores[i].comm);
		for (size_t n = 0; n < 2 && ignores[i].texts[n]; n++, options.ignore_count++)
			expect(!ignore_new(&list[n], ignores[i].texts[n], why, sizeof(why)), "new");
		m = matcher_new(options);
		expect_group(m, &p, ignores[i].want, "group");
		match_close(m);
		ignore_free(list[0]);
		ignore_free(list[1]);
		check_end();
	}
}

static void test_ignored_rule(void)
{
	struct rule *rules[] = {rule_of(RULE_PROCESS, "web", "nginx")};
	struct ignore *list[1] = {NULL};
	struct match_options options = {.rules = rules,
					.rule_count = 1,
					.ignores = list,
					.ignore_count = 1,
					.ignore_selected = true};
	const struct proc proc = {.pid = PID, .comm = "nginx"};
	const struct snapshot_process p = row_of(&proc, 33);
	struct matcher *m;
	char why[128];

	check_begin("match: a rule's group can be ignored, too");
	expect(!ignore_new(&list[0], "web", why, sizeof(why)), "new");
	m = matcher_new(options);
	expect_group(m, &p, "other", "group");
	match_close(m);
	ignore_free(list[0]);
	rule_free(rules[0]);
	check_end();
}

/* -- details -- */

static void test_details(void)
{
	struct matcher *m = matcher_new((struct match_options){0});
	struct snapshot_process p = row_of(&server, TCP_UID_UNKNOWN);
	struct proc proc = server;
	const struct match *match;

	check_begin("match: details are looked at when they are asked for, and once");
	proc.uid = 33;
	proc_write(&proc);
	match = match_process(m, &p);
	expect_text(match->exe, "", "exe before");
	expect_text(match->cgroup, "", "cgroup before");
	expect_u64(match->uid, TCP_UID_UNKNOWN, "uid before");
	match = match_details(m, &p);
	proc_remove(PID);
	memory_fail_at(1);
	expect(match_details(m, &p) == match && match_process(m, &p) == match, "another match");
	memory_fail_at(0);
	expect_text(match->group, "server", "group");
	expect_text(match->exe, "/usr/bin/server", "exe");
	expect_text(match->cgroup, "/system.slice/server.service", "cgroup");
	expect_u64(match->uid, 33, "uid");
	check_end();

	check_begin("match: of a process that is gone there are none");
	p.renames++;
	match = match_details(m, &p);
	expect_text(match->exe, "", "exe");
	expect_text(match->cgroup, "", "cgroup");
	proc_write(&proc);
	expect_text(match_details(m, &p)->exe, "", "exe, asked again");
	proc_remove(PID);
	match_close(m);
	check_end();
}

/* -- memory -- */

static void test_open_memory(void)
{
	struct match_options options = {.proc_root = "/", .cgroup_root = "/nonexistent"};
	struct matcher *m = NULL;
	unsigned n = 0;
	int err;

	check_begin("match: open: every allocation fails in turn");
	do {
		memory_fail_at(++n);
		err = match_open(&m, ROWS, &options);
		memory_fail_at(0);
		expect(!err || err == -ENOMEM, "returned %d", err);
		expect(!err == !!m, "out was written on an error, or not without");
	} while (err && n < 100);
	expect(n > 3 && n < 100, "%u allocations", n);
	match_close(m);
	match_close(NULL);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

/* Asks for everything while the n-th allocation fails; true if none was missing. */
static bool ask_without(struct matcher *m, const struct snapshot_process *p, unsigned n)
{
	const struct match *match;
	bool complete;

	memory_fail_at(n);
	match_begin(m);
	match = match_process(m, p);
	expect(strcmp(match->group, "server.service") == 0 ||
		       (strcmp(match->group, "other") == 0 && match->rule == -1),
	       "allocation %u: group %s, rule %d", n, match->group, match->rule);
	match = match_details(m, p);
	complete = strcmp(match->group, "server.service") == 0 && *match->exe && *match->cgroup;
	expect(match->group && match->exe && match->cgroup, "allocation %u: a text is NULL", n);
	memory_fail_at(0);
	return complete;
}

static void test_memory(void)
{
	struct snapshot_process p = row_of(&server, 33);
	unsigned n = 0;
	bool complete;

	check_begin("match: every allocation fails in turn, and the next tick has it all");
	p.cgroup = CGROUP;
	proc_write(&server);
	do {
		struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_UNIT});
		const struct match *match;

		complete = ask_without(m, &p, ++n);
		match_begin(m);
		match = match_details(m, &p);
		expect_text(match->group, "server.service", "group");
		expect_text(match->exe, "/usr/bin/server", "exe");
		expect_text(match->cgroup, "/system.slice/server.service", "cgroup");
		match_close(m);
		expect(memory_live() == 0, "%ld blocks are left", memory_live());
	} while (!complete && n < 100);
	expect(n > 2 && n < 100, "%u allocations", n);
	proc_remove(PID);
	check_end();
}

static void test_release(void)
{
	struct matcher *m = matcher_new((struct match_options){.group_by = MATCH_BY_PROCESS});
	struct snapshot_process p = row_of(&server, 33);
	long live = memory_live();

	check_begin("match: what is no longer true is not kept");
	proc_write(&server);
	match_process(m, &p);
	expect_u64((uint64_t)(memory_live() - live), 1, "group");
	memory_fail_at(2);
	match_details(m, &p);
	memory_fail_at(0);
	expect_u64((uint64_t)(memory_live() - live), 2, "group and exe");
	match_details(m, &p);
	expect_u64((uint64_t)(memory_live() - live), 3, "group, exe and cgroup");
	p.renames++;
	match_process(m, &p);
	expect_u64((uint64_t)(memory_live() - live), 1, "group again");
	proc_remove(PID);
	match_close(m);
	check_end();
}

/* Each row asks for a name; `kinds` different ones. */
static void fill(struct matcher *m, unsigned rows, unsigned kinds, uint32_t renames)
{
	for (unsigned row = TCP_ROW_FIRST; row < rows; row++) {
		struct snapshot_process p = {.row = row, .pid = row, .start_ns = row};

		p.renames = renames;
		snprintf(p.comm, sizeof(p.comm), "job-%u", row % kinds);
		if (!expect_text(match_process(m, &p)->group, p.comm, "group"))
			return;
	}
}

static void test_many(void)
{
	const unsigned rows = 100000;
	struct match_options options = {.proc_root = "/nonexistent", .cgroup_root = "/nonexistent"};
	struct mallinfo2 before = mallinfo2(), now; /* the sanitizer's tells nothing */
	struct matcher *m = NULL;
	long live;

	check_begin("match: 100000 rows: 100 bytes each, and one copy of each name");
	expect(!match_open(&m, rows, &options), "match_open");
	live = memory_live();
	fill(m, rows, 10, 0);
	expect_u64((uint64_t)(memory_live() - live), 10, "names");
	now = mallinfo2();
	expect(now.uordblks + now.hblkhd - before.uordblks - before.hblkhd <= 100 * (size_t)rows,
	       "%zu bytes", now.uordblks + now.hblkhd - before.uordblks - before.hblkhd);
	fill(m, rows, rows, 1);
	expect_u64((uint64_t)(memory_live() - live), rows - TCP_ROW_FIRST, "names of their own");
	fill(m, rows, 1, 2);
	expect_u64((uint64_t)(memory_live() - live), 1, "one name");
	match_close(m);
	expect(memory_live() == 0, "%ld blocks are left", memory_live());
	check_end();
}

int main(void)
{
	proc_open();
	test_cases();
	test_bytes();
	test_utf8();
	test_sizes();
	test_attributes();
	test_users();
	test_fixed();
	test_cache();
	test_exec();
	test_used();
	test_budget();
	test_budget_turns();
	test_budget_users();
	test_budget_rules_change();
	test_budget_endpoints();
	test_budget_unused();
	test_budget_renews();
	test_exec_attributes(MATCH_BY_USER, "root", "www-data");
	test_exec_attributes(MATCH_BY_UNIT, "init.scope", "server.service");
	test_endpoints();
	test_cgroups();
	test_walks();
	test_hybrid();
	test_no_longer_unified();
	test_rules();
	test_pid_file();
	test_pid_file_gone();
	test_pid_file_exec();
	test_ignores();
	test_ignored_rule();
	test_details();
	test_open_memory();
	test_memory();
	test_release();
	test_many();
	proc_close();
	return check_status();
}
