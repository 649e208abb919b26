# SPDX-License-Identifier: MIT
# collectd-tcptop and its unit tests; included by the Makefile. To add a unit test: add tests/tcptop/NAME_test.c.

TCPTOP := $(patsubst packaging/tcptop/%.c,%,$(wildcard packaging/tcptop/*.c))
TCPTOP_TESTS := $(patsubst tests/tcptop/%.c,%,$(wildcard tests/tcptop/*_test.c))
# the processor's own, as for libbpf
tcptop_config = $(shell PKG_CONFIG_PATH=$(PKG_CONFIG_PATH):/usr/lib/$(MULTIARCH)/pkgconfig $(PKG_CONFIG) $(1) ncursesw json-c)
TCPTOP_LIBS = $(call tcptop_config,--libs) -lm
TCPTOP_CFLAGS = $(filter-out -D%,$(call tcptop_config,--cflags)) -D_DEFAULT_SOURCE -Ipackaging/tcptop -Itests/unit

$(O)/collectd-tcptop: $(patsubst %,$(O)/tcptop/%.o,$(TCPTOP))
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(HARDENED_LDFLAGS) -pie -Wl,--as-needed -o $@ $^ $(LDFLAGS) $(TCPTOP_LIBS)

# -- the two builds of the tests: as shipped, and with the sanitizers --

$(O)/tcptop-asan/%: private ALL_CFLAGS += $(ASAN_FLAGS) -DCHECK_TAG='"asan "'
$(O)/tcptop-asan/%: private TCPTOP_LDFLAGS = $(ASAN_FLAGS)

define tcptop_build
$(O)/$(1)/%.o: packaging/tcptop/%.c Makefile packaging/tcptop/fragment.mk
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(TCPTOP_CFLAGS) -MMD -MP -c $$< -o $$@

$(O)/$(1)/%.o: tests/tcptop/%.c Makefile packaging/tcptop/fragment.mk
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(TCPTOP_CFLAGS) -MMD -MP -c $$< -o $$@

$(O)/$(1)/check.o: tests/unit/check.c Makefile packaging/tcptop/fragment.mk
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(TCPTOP_CFLAGS) -MMD -MP -c $$< -o $$@

$(O)/$(1)/tcptop.a: $(patsubst %,$(O)/$(1)/%.o,$(filter-out main,$(TCPTOP)) check world)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^

$(patsubst %,$(O)/$(1)/%,$(TCPTOP_TESTS)): $(O)/$(1)/%: $(O)/$(1)/%.o $(O)/$(1)/tcptop.a
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(CFLAGS) -Wl,--as-needed -o $$@ $$^ $$(TCPTOP_LDFLAGS) $$(LDFLAGS) $$(TCPTOP_LIBS)
endef

$(eval $(call tcptop_build,tcptop))
$(eval $(call tcptop_build,tcptop-asan))

check-unit: $(foreach build,tcptop tcptop-asan,$(patsubst %,$(O)/$(build)/%,$(TCPTOP_TESTS)))
