# SPDX-License-Identifier: MIT
# Unit tests and static checks; included by the Makefile. To add a unit test: add tests/unit/NAME_test.c.

UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
# What a test may need; the linker takes from it what the test asks for.
UNIT_STAGES := $(patsubst plugin/%.c,%,$(filter-out plugin/ebpf_tcp.c,$(wildcard plugin/*.c)))
UNIT_HELPERS := $(patsubst tests/unit/%.c,%,$(filter-out %_test.c,$(wildcard tests/unit/*.c)))

UNIT_CFLAGS = $(ALL_CFLAGS) -Iplugin -I$(O)/tests/unit $(COLLECTD_CFLAGS)
UNIT_LDFLAGS = -Wl,--as-needed -Wl,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=free
ASAN_FLAGS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

unit = $(patsubst %,$(O)/tests/unit/%,$(1))
asan = $(patsubst %,$(O)/tests/unit-asan/%,$(1))

.PHONY: check-unit check-static

# -- the two builds: as shipped, and with the sanitizers --

$(O)/tests/unit-asan/%: private UNIT_CFLAGS += $(ASAN_FLAGS) -DCHECK_TAG='"asan "'
$(O)/tests/unit-asan/%: private UNIT_LDFLAGS += $(ASAN_FLAGS)
# Its symbols are the daemon's for the module that it loads.
$(call unit,load_test) $(call asan,load_test): private UNIT_LDFLAGS += -Wl,--export-dynamic

define unit_build
$(O)/tests/$(1)/%.o: plugin/%.c Makefile tests/fragment.mk | $(O)/bpf/tcp.skel.h
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(UNIT_CFLAGS) -MMD -MP -c $$< -o $$@

$(O)/tests/$(1)/%.o: tests/unit/%.c Makefile tests/fragment.mk | $(O)/tests/unit/kernel_latency.h
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(UNIT_CFLAGS) -MMD -MP -c $$< -o $$@

$(O)/tests/$(1)/stages.a: $(patsubst %,$(O)/tests/$(1)/%.o,$(UNIT_STAGES) $(UNIT_HELPERS))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^

$(O)/tests/$(1)/%_test: $(O)/tests/$(1)/%_test.o $(O)/tests/$(1)/stages.a
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(CFLAGS) -o $$@ $$^ $$(UNIT_LDFLAGS) $$(LDFLAGS) $$(LIBS)
endef

$(eval $(call unit_build,unit))
$(eval $(call unit_build,unit-asan))

# The kernel's own functions for the host: one that both sides must agree on is tested, not copied.
$(O)/tests/unit/kernel_latency.h: bpf/tcp.bpf.c
	$(call say,CUT,$@)
	$(Q)mkdir -p $(@D)
	$(Q)sed -n '/^static .* log2_of(/,/^}/p; /^static .* latency_bucket(/,/^}/p' $< > $@

# A test that dies without a word of its own (or is killed by a sanitizer) is a failure too.
check-unit: $(call unit,$(UNIT_TESTS)) $(call asan,$(UNIT_TESTS)) $(O)/ebpf_tcp.so
	@export ASAN_OPTIONS=exitcode=99 UBSAN_OPTIONS=exitcode=99:print_stacktrace=1; failed=0; \
	for test in $(filter %_test,$^); do \
		$$test; status=$$?; \
		[ $$status -eq 0 ] || failed=1; \
		[ $$status -le 1 ] || echo "FAIL $$test: ended with status $$status"; \
	done; exit $$failed
