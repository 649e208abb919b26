# SPDX-License-Identifier: MIT
# Unit tests and static checks; included by the Makefile. To add a unit test: add tests/unit/NAME_test.c.

UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
# What a test may need; the linker takes from it what the test asks for.
UNIT_STAGES := $(filter-out ebpf_tcp,$(patsubst plugin/%.c,%,$(wildcard plugin/*.c plugin/*/*.c)))
UNIT_HELPERS := $(patsubst tests/unit/%.c,%,$(filter-out %_test.c %_world.c,$(wildcard tests/unit/*.c)))
# NAME_world.c is what the tests NAME_…_test.c act in. It may take the place of libraries, so no other test may get it.
UNIT_WORLDS := $(patsubst tests/unit/%_world.c,%,$(wildcard tests/unit/*_world.c))

UNIT_CFLAGS = $(ALL_CFLAGS) $(COLLECTD_CFLAGS)
UNIT_LDFLAGS = -Wl,--as-needed -Wl,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=free
ASAN_FLAGS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -U_FORTIFY_SOURCE

unit = $(patsubst %,$(O)/tests/unit/%,$(1))
asan = $(patsubst %,$(O)/tests/unit-asan/%,$(1))

.PHONY: check-unit check-static check-fuzz

# -- the two builds: as shipped, and with the sanitizers --

$(O)/tests/unit-asan/%: private UNIT_CFLAGS += $(ASAN_FLAGS) -DCHECK_TAG='"asan "'
$(O)/tests/unit-asan/%: private UNIT_LDFLAGS += $(ASAN_FLAGS)
# Its symbols are the daemon's for the module that it loads.
$(call unit,load_test) $(call asan,load_test): private UNIT_LDFLAGS += -Wl,--export-dynamic
# It listens when the reader asks whether a process lives.
$(foreach build,unit asan,$(call $(build),$(filter snapshot_%,$(UNIT_TESTS)))): private UNIT_LDFLAGS += -Wl,--wrap=process_alive,--wrap=process_gone
# It counts searches.
$(call unit,pattern_test) $(call asan,pattern_test): private UNIT_LDFLAGS += -Wl,--wrap=regexec

# The stages as shipped are the plugin's own objects.
unit_stages = $(patsubst %,$(O)/plugin/%.o,$(UNIT_STAGES))
unit-asan_stages = $(patsubst %,$(O)/tests/unit-asan/%.o,$(UNIT_STAGES))

$(O)/tests/unit-asan/%.o: plugin/%.c Makefile tests/fragment.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -MMD -MP -c $< -o $@

$(patsubst %,$(O)/tests/unit-asan/probe/%.o,$(LOADERS)): $(O)/bpf/tcp.skel.h

define unit_build
$(O)/tests/$(1)/%.o: tests/unit/%.c Makefile tests/fragment.mk
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(UNIT_CFLAGS) -MMD -MP -c $$< -o $$@

$(O)/tests/$(1)/stages.a: $($(1)_stages) $(patsubst %,$(O)/tests/$(1)/%.o,$(UNIT_HELPERS))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^

$(O)/tests/$(1)/%_test: $(O)/tests/$(1)/%_test.o $(O)/tests/$(1)/stages.a
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(CFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$(UNIT_LDFLAGS) $$(LDFLAGS) $$(LIBS)

$(foreach world,$(UNIT_WORLDS),$(patsubst %,$(O)/tests/$(1)/%,$(filter $(world)_%,$(UNIT_TESTS))): $(O)/tests/$(1)/$(world)_world.o
)
endef

$(eval $(call unit_build,unit))
$(eval $(call unit_build,unit-asan))

# A test that dies without a word of its own (or is killed by a sanitizer) is a failure too.
check-unit: $(call unit,$(UNIT_TESTS)) $(call asan,$(UNIT_TESTS)) $(O)/ebpf_tcp.so
	@export ASAN_OPTIONS=exitcode=99 UBSAN_OPTIONS=exitcode=99:print_stacktrace=1; failed=0; \
	for test in $(filter %_test,$^); do \
		$$test; status=$$?; \
		[ $$status -eq 0 ] || failed=1; \
		[ $$status -le 1 ] || echo "FAIL $${test#$(O)/tests/}: ended with status $$status"; \
	done; exit $$failed

# -- random input, for FUZZ_SECONDS (60); to add a fuzzer: add tests/fuzz/NAME.c --

check-fuzz: $(O)/bpf/tcp.skel.h
	$(Q)CLANG='$(CLANG)' CFLAGS='$(UNIT_CFLAGS)' LIBS='$(LIBS)' O=$(O) tests/fuzz/run

# -- what can be seen without running anything --

LINTED = $(filter-out %.bpf.c,$(wildcard plugin/*.c plugin/*/*.c packaging/tcptop/*.c tests/tcptop/*.c tests/unit/*.c tests/fuzz/*.c tests/bench/*.c \
	tests/daemon/soak/*.c))

# All of them run, whatever fails.
check-static: all $(O)/bpf/body.skel.h
	@failed=0; \
	CC='$(CC)' CFLAGS='$(ALL_CFLAGS) $(COLLECTD_CFLAGS)' CLANG='$(CLANG)' BPF_CFLAGS='$(BPF_CFLAGS)' \
		tests/check/layers || failed=1; \
	tests/build/symbols $(O)/ebpf_tcp.so || failed=1; \
	CC='$(CC)' FORTIFY='$(FORTIFY)' tests/build/hardening $(O)/ebpf_tcp.so || failed=1; \
	CLANG_FORMAT='$(CLANG_FORMAT)' tests/check/format $(SOURCES) || failed=1; \
	CFLAGS='$(UNIT_CFLAGS) $(TCPTOP_CFLAGS) -Itests/live' tests/check/lint $(LINTED) || failed=1; \
	O=$(O) tests/build/rebuild || failed=1; \
	tests/kernels/fetch_test || failed=1; \
	tests/check/docs || failed=1; \
	tests/check/alerts || failed=1; \
	tests/check/commits || failed=1; \
	exit $$failed

# -- the classic recipe, for compare -b classic; and the bodies of bench-native --

$(O)/bpf/classic.bpf.o: tests/live/classic.bpf.c
$(O)/bpf/body.bpf.o: tests/bench/body.bpf.c

$(O)/bpf/classic.bpf.o $(O)/bpf/body.bpf.o: Makefile tests/fragment.mk
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Ibpf -MMD -MP -MF $(@:.o=.d) -c $(filter %.bpf.c,$^) -o $@

$(O)/tests/classic.o: $(O)/bpf/classic.skel.h
$(O)/tests/compare: $(O)/tests/classic.o

# -- the benchmark: what watches, what is watched, and two floors: the plugin's hooks with empty programs, and
# with those that only keep a state for each socket --

BENCH = $(patsubst %,$(O)/tests/%,rounds observe floor state native runtimes)

bench-programs: $(BENCH) $(O)/tests/tick $(O)/tests/start

$(O)/state/tcp.bpf.c: private FLOOR = -v state=1

# A file for each set of hooks.
SETS = $(patsubst %,bpf/%.bpf.h,traced locked fentry kprobe shared rawtp packet always)

define floor_build
$(O)/$(1)/tcp.bpf.c: bpf/tcp.bpf.c $(SETS) tests/bench/floor.awk Makefile tests/fragment.mk
	$$(call say,FLOOR,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)awk -v dir=$$(@D) $$(FLOOR) -f tests/bench/floor.awk $(SETS)
	$$(Q)cp $$< $$@

$(O)/$(1)/tcp.bpf.o: $(O)/$(1)/tcp.bpf.c
	$$(call say,BPF,$$@)
	$$(Q)$$(CLANG) $$(BPF_CFLAGS) -Wno-unused-function -Ibpf -Itests/bench -MMD -MP -MF $$(@:.o=.d) -c $$< -o $$@

$(O)/$(1)/tcp.skel.h: $(O)/$(1)/tcp.bpf.o
	$$(call say,SKELETON,$$@)
	$$(Q)$$(BPFTOOL) gen skeleton $$< name tcp > $$@

$(patsubst %,$(O)/$(1)/%.o,$(LOADERS)): $(O)/$(1)/%.o: plugin/probe/%.c $(O)/$(1)/tcp.skel.h
	$$(call say,CC,$$@)
	$$(Q)$$(CC) -I$(O)/$(1) $$(ALL_CFLAGS) -MMD -MP -c $$< -o $$@

$(O)/tests/$(1): $(patsubst %,$(O)/$(1)/%.o,$(LOADERS)) $(O)/floor/selftest.o
$(O)/tests/$(1): $(filter-out $(patsubst %,$(O)/plugin/probe/%.o,$(LOADERS) selftest),$(PROBE))
$(O)/tests/$(1): $(O)/tests/observe.o $(O)/tests/classic.o
endef

$(eval $(call floor_build,floor))
$(eval $(call floor_build,state))

# They count nothing, so there is nothing to prove: a host without loopback.
$(O)/floor/selftest.o: plugin/probe/selftest.h Makefile tests/fragment.mk
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '#include <errno.h>' '#include "probe/selftest.h"' \
		'int selftest_open(struct selftest *out) { (void)out; return -ENODEV; }' \
		'void selftest_close(struct selftest *test) { (void)test; }' | \
		$(CC) $(ALL_CFLAGS) -x c -c -o $@ -

$(O)/tests/observe.o: private ALL_CFLAGS += -Itests/live
$(O)/tests/rounds: $(O)/tests/rounds.o
$(O)/tests/runtimes: $(O)/tests/runtimes.o
$(O)/tests/native.o: $(O)/bpf/body.skel.h
$(O)/tests/native: private LDFLAGS += -pthread
$(O)/tests/native: $(O)/tests/native.o
$(O)/tests/observe: $(O)/tests/observe.o $(O)/tests/classic.o $(PROBE)

$(BENCH):
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -Wl,--as-needed -o $@ $^ $(LDFLAGS) $(LIBS)
