/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "protocol.h"

static const struct {
	const char *line;
	const char *identifier; /* NULL: malformed */
	double time;
	unsigned count;
	double values[SERIES_VALUES];
} putvals[] = {
	{"PUTVAL h/p/t interval=2.000 1010.125:1000003:7", "h/p/t", 1010.125, 2, {1000003, 7}},
	{"PUTVAL h/p/t interval=2.000 1010.125:9007199254740881",
	 "h/p/t",
	 1010.125,
	 1,
	 {9007199254740881}},
	{"PUTVAL h/p/t interval=0.200 1.5:0.000084", "h/p/t", 1.5, 1, {0.000084}},
	{"PUTVAL h/p/t interval=2.000 1.5:nan", "h/p/t", 1.5, 1, {NAN}},
	{"PUTVAL h/p/t interval=2.000 1.5:-nan", "h/p/t", 1.5, 1, {NAN}},
	{"PUTVAL \"h/a b/t\" interval=2.000 1.5:1", "h/a b/t", 1.5, 1, {1}},
	{"PUTVAL \"h/a\\\"b\\\\c/t\" interval=2.000 1.5:1", "h/a\"b\\c/t", 1.5, 1, {1}},
	{"PUTVAL \"h/a/t interval=2.000 1.5:1", NULL, 0, 0, {0}},
	{"PUTVAL \"h/a/t\"interval=2.000 1.5:1", NULL, 0, 0, {0}},
	{"PUTVAL \"\" interval=2.000 1.5:1", NULL, 0, 0, {0}},
	{"PUTVAL h/p/t interval=2.000 1.5", NULL, 0, 0, {0}},
	{"PUTVAL h/p/t interval=2.000 1.5:", NULL, 0, 0, {0}},
	{"PUTVAL h/p/t interval=2.000 1.5:1:2:3", NULL, 0, 0, {0}},
	{"PUTVAL h/p/t interval=2.000 1.5:1x", NULL, 0, 0, {0}},
	{"PUTVAL h/p/t interval=2.000 1.5: 1", NULL, 0, 0, {0}},
	{"PUTVAL h/p/t interval=2.000 nan:1", NULL, 0, 0, {0}},
	{"PUTVAL h/p/t interval=2.000 -1.5:1", NULL, 0, 0, {0}},
	{"PUTVAL h/p/t interval=2.000 inf:1", NULL, 0, 0, {0}},
	{"PUTVAL h/p/t interval=x 1.5:1", NULL, 0, 0, {0}},
	{"PUTVAL h/p/t interval=2.000", NULL, 0, 0, {0}},
	{"PUTVAL h/p/t 1.5:1", NULL, 0, 0, {0}},
	{"PUTVAL h/p/t", NULL, 0, 0, {0}},
	{"PUTVAL ", NULL, 0, 0, {0}},
	{"PUTNOTIF message=x", NULL, 0, 0, {0}},
	{"", NULL, 0, 0, {0}},
};

static const struct {
	const char *line;
	const char *identifier;
	double time;
} listvals[] = {
	{"1182204284.125 h/p/t", "h/p/t", 1182204284.125},
	{"1182204284.125 h/a b/t", "h/a b/t", 1182204284.125},
	{"1182204284.125 ", NULL, 0},
	{"1182204284.125", NULL, 0},
	{" 1182204284.125 h/p/t", NULL, 0},
	{"0.000 h/p/t", NULL, 0},
	{"-1 h/p/t", NULL, 0},
	{"nan h/p/t", NULL, 0},
	{"h/p/t", NULL, 0},
	{"", NULL, 0},
};

static const struct {
	const char *line;
	bool good;
	double value;
} getvals[] = {
	{"rx=1.000003e+06", true, 1000003},
	{"value= 4.200000e+00", true, 4.2},
	{"value=NaN", true, NAN},
	{"value=0x10", true, 16},
	{"value=", false, 0},
	{"=1", false, 0},
	{"value=1 2", false, 0},
	{"1.0", false, 0},
	{"", false, 0},
};

static const struct {
	const char *line;
	bool good;
	long value;
} statuses[] = {
	{"2 Values found", true, 2}, {"-1 No such value", true, -1}, {"0 Values found", true, 0},
	{"Values found", false, 0},  {"2Values", false, 0},          {"", false, 0},
};

static char line[256];

static void begin(const char *what, const char *text)
{
	check_begin("tcptop %s '%s'", what, text);
	snprintf(line, sizeof(line), "%s", text);
}

static void test_putval(size_t i)
{
	struct value value;
	bool good;

	begin("PUTVAL", putvals[i].line);
	good = protocol_putval(&value, line);
	expect_u64(good, putvals[i].identifier != NULL, "is good");
	if (good && putvals[i].identifier) {
		expect_text(value.identifier, putvals[i].identifier, "identifier");
		expect_double(value.time, putvals[i].time, "time");
		expect_u64(value.count, putvals[i].count, "values");
		for (unsigned n = 0; n < value.count; n++)
			expect_double(value.values[n], putvals[i].values[n], "value");
	}
	check_end();
}

static void test_listval(size_t i)
{
	struct value value;
	bool good;

	begin("LISTVAL", listvals[i].line);
	good = protocol_listval(&value, line);
	expect_u64(good, listvals[i].identifier != NULL, "is good");
	if (good && listvals[i].identifier) {
		expect_text(value.identifier, listvals[i].identifier, "identifier");
		expect_double(value.time, listvals[i].time, "time");
	}
	check_end();
}

static void test_getval(size_t i)
{
	double value = 0;

	begin("GETVAL", getvals[i].line);
	if (expect_u64(protocol_getval(&value, line), getvals[i].good, "is good") &&
	    getvals[i].good)
		expect_double(value, getvals[i].value, "value");
	check_end();
}

static void test_status(size_t i)
{
	long value = 0;

	begin("status", statuses[i].line);
	if (expect_u64(protocol_status(&value, line), statuses[i].good, "is good") &&
	    statuses[i].good)
		expect_u64((uint64_t)value, (uint64_t)statuses[i].value, "value");
	check_end();
}

/* A good line of which some bytes are others: the sanitizers look on. */
static void test_noise(void)
{
	static const char alphabet[] = " \":=/\\-.19naxPV";
	const char *const good[] = {putvals[0].line, putvals[6].line, listvals[0].line};
	uint64_t random = 88172645463325252;
	unsigned long taken = 0, lines = 100000;

	check_begin("tcptop protocol: noise");
	for (unsigned long n = 0; n < lines; n++) {
		const char *from = good[n % COUNT_OF(good)];
		size_t length = strlen(from);
		char *copy = strdup(from); /* of its own size */
		struct value value;
		struct series series;

		for (unsigned i = 0; i < 3; i++)
			copy[check_random(&random) % length] =
				alphabet[check_random(&random) % (sizeof(alphabet) - 1)];
		if (n % 2 ? protocol_putval(&value, copy) : protocol_listval(&value, copy)) {
			taken++;
			series_parse(&series, value.identifier);
		}
		free(copy);
	}
	expect(taken > 0 && taken < lines, "%lu of %lu lines were taken", taken, lines);
	check_end();
}

int main(void)
{
	for (size_t i = 0; i < COUNT_OF(putvals); i++)
		test_putval(i);
	for (size_t i = 0; i < COUNT_OF(listvals); i++)
		test_listval(i);
	for (size_t i = 0; i < COUNT_OF(getvals); i++)
		test_getval(i);
	for (size_t i = 0; i < COUNT_OF(statuses); i++)
		test_status(i);
	test_noise();
	return check_status();
}
