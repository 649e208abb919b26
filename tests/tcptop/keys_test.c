/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "check.h"
#include "keys.h"

static const struct {
	const char *name;
	int keys[16];
	const char *want; /* "what sort filter top", then what is set */
} cases[] = {
	{"none", {0}, "all rx '' 0"},
	{"groups by tx", {'g', 't'}, "groups tx '' 0"},
	{"PIDs by connects", {'p', 'n'}, "pids connects '' 0"},
	{"destinations by failures", {'d', 'f'}, "destinations failures '' 0"},
	{"clients by latency", {'c', 'l'}, "clients latency '' 0"},
	{"all by retransmits", {'c', 'a', 'e'}, "all retransmits '' 0"},
	{"capitals by service", {'G', 'S'}, "groups service '' 0"},
	{"bytes", {'b'}, "all bytes '' 0"},
	{"rx again", {'s', 'r'}, "all rx '' 0"},
	{"pause", {' '}, "all rx '' 0 paused"},
	{"pause and go on", {' ', ' '}, "all rx '' 0"},
	{"quit", {'q'}, "all rx '' 0 quit"},
	{"filter", {'/', 'g', 'q', ' ', '9', KEYS_ENTER}, "all rx 'gq 9' 0"},
	{"filter, typing", {'/', 'd', 'b'}, "all rx 'db' 0 typing"},
	{"filter, erased", {'/', 'd', 0xc3, 0xa9, KEYS_BACKSPACE}, "all rx 'd' 0 typing"},
	{"filter, erased too much",
	 {'/', 'd', KEYS_BACKSPACE, KEYS_BACKSPACE, 'x'},
	 "all rx 'x' 0 typing"},
	{"filter, given up", {'/', 'd', 'b', KEYS_ESCAPE}, "all rx '' 0"},
	{"filter, taken back", {'/', 'd', KEYS_ENTER, KEYS_ESCAPE}, "all rx '' 0"},
	{"filter, controls", {'/', 1, 0x7f, 0x1b5, 'a', KEYS_ENTER}, "all rx 'a' 0"},
	{"scroll", {KEYS_DOWN, KEYS_DOWN, KEYS_PAGE_DOWN, KEYS_UP}, "all rx '' 11"},
	{"scroll to the top", {KEYS_DOWN, KEYS_PAGE_UP}, "all rx '' 0"},
	{"home", {KEYS_PAGE_DOWN, KEYS_DOWN, KEYS_HOME}, "all rx '' 0"},
	{"another view is seen from its top", {KEYS_PAGE_DOWN, 'g'}, "groups rx '' 0"},
	{"unknown", {'z', 5, 0x1ff}, "all rx '' 0"},
};

static void show(char *out, size_t size, const struct keys *keys)
{
	snprintf(out, size, "%s %s '%s' %d%s%s%s", view_what_name(keys->view.what),
		 view_sort_name(keys->view.sort), keys->view.filter, keys->top,
		 keys->paused ? " paused" : "", keys->typing ? " typing" : "",
		 keys->quit ? " quit" : "");
}

static void test_long_filter(void)
{
	struct keys keys = {.page = 10};

	check_begin("tcptop keys: a filter that is too long");
	keys_press(&keys, '/');
	for (unsigned i = 0; i < 1000; i++)
		keys_press(&keys, 'x');
	expect_u64(strlen(keys.view.filter), sizeof(keys.view.filter) - 1, "bytes");
	check_end();
}

int main(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct keys keys = {.page = 10};
		char have[128];

		check_begin("tcptop keys: %s", cases[i].name);
		for (const int *key = cases[i].keys; *key; key++)
			keys_press(&keys, *key);
		show(have, sizeof(have), &keys);
		expect_text(have, cases[i].want, "state");
		check_end();
	}
	test_long_filter();
	return check_status();
}
