# SPDX-License-Identifier: MIT
# make [all|check|check-live|check-kernels|inspect|install|format|clean] [O=dir] [V=1] [DESTDIR=dir]

O ?= build
CC ?= cc
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
LLVM_OBJDUMP ?= llvm-objdump
CLANG_FORMAT ?= clang-format
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
PKG_CONFIG ?= pkg-config
PLUGINDIR ?= /usr/lib/collectd
SYSCONFDIR ?= /etc
Q = $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' $(1) $(2))

# collectd's headers: the distribution's, or a configured source tree
COLLECTD_DIRS = $(if $(COLLECTD_SRC),$(addprefix $(COLLECTD_SRC)/src,"" /daemon),$(addprefix /usr/include/collectd,"" /core /core/daemon))
COLLECTD_CFLAGS = -DHAVE_CONFIG_H $(patsubst %,-isystem %,$(subst "",,$(COLLECTD_DIRS)))

MULTIARCH := $(shell $(CC) -print-multiarch)
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))))
BPF_CFLAGS = -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -I/usr/include/$(MULTIARCH) \
	-Wall -Wextra -Wno-unused-parameter -Werror

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Werror
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARNINGS) -fPIC -fvisibility=hidden -Ibpf -I$(O)/bpf
LIBS := $(shell $(PKG_CONFIG) --libs libbpf) -lm

# collectd's side, and what can be used without it
DAEMON_STAGES = ebpf_tcp config report
KERNEL_STAGES = probe selftest snapshot
PURE_STAGES = process match group histogram metric
LIBRARY = $(patsubst %,$(O)/plugin/%.o,$(KERNEL_STAGES) $(PURE_STAGES))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all check check-live check-kernels inspect install format format-check clean programs

all: $(O)/ebpf_tcp.so

# -- the kernel half --

$(O)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -c $< -o $@

$(O)/bpf/%.skel.h: $(O)/bpf/%.bpf.o
	$(call say,SKELETON,$@)
	$(Q)$(LLVM_STRIP) -g -o $(@:.skel.h=.stripped.o) $<
	$(Q)$(BPFTOOL) gen skeleton $(@:.skel.h=.stripped.o) name $* > $@

# -- the user half --

$(O)/plugin/probe.o: $(O)/bpf/tcp.skel.h
$(patsubst %,$(O)/plugin/%.o,$(DAEMON_STAGES)): private ALL_CFLAGS += $(COLLECTD_CFLAGS)

$(O)/plugin/%.o: plugin/%.c Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(O)/ebpf_tcp.so: $(patsubst %,$(O)/plugin/%.o,$(DAEMON_STAGES)) $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -shared -Wl,--as-needed -o $@ $^ $(LDFLAGS) $(LIBS)

-include $(wildcard $(O)/*/*.d $(O)/*/*/*.d)
