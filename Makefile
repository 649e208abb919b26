# SPDX-License-Identifier: MIT
# make [all|check|check-fuzz|check-live|check-mutants|check-kernels|fetch-kernels|check-containers|check-packages|check-privilege|check-sinks|matrix|bench|bench-native|soak|inspect|install|dist|deb|rpm|format|clean] [O=dir] [V=1] [DESTDIR=dir]

O ?= build
CC ?= cc
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
LLVM_OBJDUMP ?= llvm-objdump
CLANG_FORMAT ?= clang-format
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
PKG_CONFIG ?= pkg-config
PLUGINDIR ?= /usr/lib/collectd
DOCDIR ?= /usr/share/doc/collectd-ebpf_tcp
MANDIR ?= /usr/share/man
CONFDIR ?= /etc/collectd
BINDIR ?= /usr/bin
Q = $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' $(1) $(2))

# collectd's headers: the distribution's, or a configured source tree
COLLECTD_DIRS = $(if $(COLLECTD_SRC),$(addprefix $(COLLECTD_SRC)/src,"" /daemon),$(addprefix /usr/include/collectd,"" /core /core/daemon))
COLLECTD_CFLAGS = -DHAVE_CONFIG_H $(patsubst %,-isystem %,$(subst "",,$(COLLECTD_DIRS)))

# gcc says x86_64-linux-gnu, as Debian names its directories; clang has a vendor in between
MULTIARCH := $(subst -pc-,-,$(subst -unknown-,-,$(shell $(CC) -dumpmachine)))
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(firstword $(subst -, ,$(MULTIARCH)))))
# where a tree is built is not in its products
PREFIX_MAP = -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(O)/=build/
BPF_CFLAGS = -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -I/usr/include/$(MULTIARCH) \
	$(PREFIX_MAP) -Wall -Wextra -Wno-unused-parameter -Werror

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Werror
CFLAGS ?= -O2 -g
# These come first: what the user or the distribution says wins. _FORTIFY_SOURCE is theirs alone if they mention
# it; it needs an optimizer, and sanitizers watch better without it.
OPTIMIZES = $(filter-out -O0,$(lastword $(filter -O%,$(CFLAGS))))
DECIDED = $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS))$(findstring -fsanitize,$(CFLAGS))
FORTIFY = $(if $(DECIDED),,$(if $(OPTIMIZES),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
HARDENED_CFLAGS = -fstack-protector-strong $(FORTIFY)
HARDENED_LDFLAGS = -Wl,-z,relro,-z,now,-z,noexecstack
# counters are walked as arrays of 64-bit numbers, which C has two types of
ALL_CFLAGS = -std=gnu11 $(PREFIX_MAP) $(HARDENED_CFLAGS) $(CPPFLAGS) $(CFLAGS) -fno-strict-aliasing $(WARNINGS) \
	-fPIC -fvisibility=hidden -Ibpf -Iplugin -I$(O)/bpf
# pkg-config looks for the build machine's alone
LIBS := $(shell PKG_CONFIG_PATH=$(PKG_CONFIG_PATH):/usr/lib/$(MULTIARCH)/pkgconfig $(PKG_CONFIG) --libs libbpf json-c) -lm

# A folder of plugin/ is a layer, and at its top is what speaks collectd. What loads the kernel half stands alone.
objects = $(patsubst %.c,$(O)/%.o,$(wildcard $(1)))
DAEMON = $(call objects,plugin/*.c)
LIBRARY = $(call objects,plugin/*/*.c)
PROBE = $(call objects,plugin/probe/*.c plugin/base/process.c)
LOADERS = probe backend load tables attach usage

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all check check-live check-mutants check-kernels fetch-kernels check-containers check-packages check-privilege check-sinks check-fuzz matrix bench bench-native soak bench-readme bench-programs programs inspect install install-docs dist deb rpm format clean

all: $(O)/ebpf_tcp.so $(O)/collectd-tcptop

# -- the kernel half --

$(O)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -c $< -o $@

$(O)/bpf/%.skel.h: $(O)/bpf/%.bpf.o
	$(call say,SKELETON,$@)
	$(Q)$(LLVM_STRIP) -g -o $(@:.skel.h=.stripped.o) $<
	$(Q){ echo '// NOLINTBEGIN: not our code' && $(BPFTOOL) gen skeleton $(@:.skel.h=.stripped.o) name $* && \
		echo '// NOLINTEND'; } > $@

# -- the user half --

$(patsubst %,$(O)/plugin/probe/%.o,$(LOADERS)): $(O)/bpf/tcp.skel.h
$(DAEMON): private ALL_CFLAGS += $(COLLECTD_CFLAGS)

$(O)/plugin/%.o: plugin/%.c Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(O)/ebpf_tcp.so: $(DAEMON) $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(HARDENED_LDFLAGS) -shared -Wl,--as-needed -o $@ $^ $(LDFLAGS) $(LIBS)

# -- tests: each prints ok, FAIL or skip lines; tests/run counts them --

PROGRAMS = $(patsubst %,$(O)/tests/%,compare traffic connect turns progress crowd sockets_full selftest_unseen start testrun storm hold states refuse_call tick soak)
KERNELS ?= $(shell tests/kernels/run --list)
BACKENDS ?=

programs: $(PROGRAMS) $(O)/tests/refuse.so $(O)/ebpf_tcp.so

vpath %.c tests/live tests/live/traffic tests/live/connect tests/live/turns tests/live/compare tests/bench tests/daemon/soak
$(O)/tests/%.o: %.c Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/live -pthread -MMD -MP -c $< -o $@

$(O)/tests/testrun.o: $(O)/bpf/tcp.skel.h
$(patsubst %,$(O)/tests/%,compare progress crowd sockets_full start selftest_unseen): $(PROBE)
$(O)/tests/traffic $(O)/tests/connect $(O)/tests/turns: $(patsubst %,$(O)/tests/%.o,scenario net)
$(O)/tests/compare: $(patsubst tests/live/compare/%.c,$(O)/tests/%.o,$(wildcard tests/live/compare/*.c))
$(O)/tests/traffic: $(patsubst tests/live/traffic/%.c,$(O)/tests/%.o,$(wildcard tests/live/traffic/*.c))
$(O)/tests/connect: $(patsubst tests/live/connect/%.c,$(O)/tests/%.o,$(wildcard tests/live/connect/*.c))
$(O)/tests/turns: $(patsubst tests/live/turns/%.c,$(O)/tests/%.o,$(wildcard tests/live/turns/*.c))
$(O)/tests/progress $(O)/tests/crowd $(O)/tests/sockets_full: $(O)/tests/observer.o
$(O)/tests/compare $(O)/tests/progress $(O)/tests/crowd $(O)/tests/sockets_full $(O)/tests/start $(O)/tests/selftest_unseen: $(O)/tests/kernel_name.o
$(O)/tests/start: private LDFLAGS += -Wl,--wrap=bpf_object__load_skeleton
$(O)/tests/selftest_unseen: private LDFLAGS += -Wl,--wrap=selftest_open

$(PROGRAMS): $(O)/tests/%: $(O)/tests/%.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -pthread -Wl,--as-needed -o $@ $^ $(LDFLAGS) $(LIBS)

$(O)/tests/refuse.so: tests/daemon/collectd/refuse.c Makefile
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fvisibility=default -shared -o $@ $< $(LDFLAGS)

# What a tick costs: see tests/bench/README.md
$(O)/tests/tick: private LDFLAGS += -Wl,--wrap=process_gone,--wrap=process_alive,--wrap=process_stat,--wrap=process_text,--wrap=process_exe
$(O)/tests/tick: $(LIBRARY)

include tests/fragment.mk
include packaging/tcptop/fragment.mk

check:
	$(Q)$(MAKE) --no-print-directory -j2 -Otarget check-unit check-static check-fuzz

check-live: programs all
	$(Q)export O=$(O); failed=0; \
	tests/live/run $(or $(BACKENDS),rawtp) || failed=1; \
	tests/daemon/collectd/groups $(or $(BACKENDS),rawtp) || failed=1; \
	tests/daemon/collectd/containers $(or $(BACKENDS),rawtp) || failed=1; \
	tests/daemon/collectd/life $(or $(BACKENDS),rawtp) || failed=1; \
	tests/daemon/collectd/states $(or $(BACKENDS),rawtp) || failed=1; \
	tests/daemon/collectd/notify $(or $(BACKENDS),rawtp) || failed=1; \
	tests/daemon/collectd/footprint $(or $(BACKENDS),rawtp) || failed=1; \
	tests/daemon/soak/run -p 500 -c 2000 -t 5 $(or $(BACKENDS),rawtp) || failed=1; \
	tests/check/inspect || failed=1; \
	tests/tcptop/run || failed=1; \
	tests/tcptop/terminal || failed=1; \
	tests/build/quickstart/run || failed=1; \
	exit $$failed

# Can the live tests fail? Two minutes of both processors.
check-mutants: programs
	$(Q)O=$(O) BACKEND=$(firstword $(BACKENDS)) tests/live/mutants

# What all kinds of sinks make of the numbers, and of many hosts: half a minute, on the running kernel.
check-sinks: all
	$(Q)export O=$(O); failed=0; \
	tests/daemon/sinks/run || failed=1; \
	tests/daemon/sinks/fleet || failed=1; \
	exit $$failed

# Each guest uses one processor: two at a time. What they count goes to $(O)/matrix.
check-kernels: programs
	$(Q)rm -rf $(O)/matrix && mkdir -p $(O)/matrix
	$(Q)printf '%s\n' $(KERNELS) | O=$(O) RESULTS=$(abspath $(O)/matrix) xargs -P 2 -I KERNEL \
		tests/kernels/run -k KERNEL -t 1500 -- env O=$(O) TABLE=$(abspath $(O)/matrix)/KERNEL \
		EXCEPT="$(EXCEPT)" tests/live/run $(or $(BACKENDS),fentry kprobe rawtp)

fetch-kernels:
	$(Q)tests/kernels/run --fetch $(addprefix -k ,$(KERNELS))

# The names of containers of real engines, as far as these are installed; in a guest, since they need a machine of their own.
check-containers: programs all
	$(Q)tests/kernels/run -k 6.12 -t 1500 -- \
		env O=$(O) tests/daemon/engines/run $(or $(BACKENDS),rawtp)

# The packages, and their life in bare chroots of these: two minutes, after debootstrap.
SUITES ?= bookworm trixie
check-packages: programs
	$(Q)O=$(O) tests/build/packages/run $(SUITES)

# The daemon as an ordinary user.
check-privilege: programs
	$(Q)O=$(O) tests/daemon/privilege/run $(or $(BACKENDS),rawtp)

# The truth matrix, tests/live/MATRIX.md, from the numbers of the last check-kernels; the classic recipe's,
# from the kernels named here.
matrix: programs
	$(Q)printf '%s\n' 6.1 newest | O=$(O) RESULTS=$(abspath $(O)/matrix) xargs -P 2 -I KERNEL \
		tests/kernels/run -k KERNEL -t 1500 -- env O=$(O) TABLE=$(abspath $(O)/matrix)/classic-KERNEL \
		tests/live/run classic
	tests/live/table --into tests/live/MATRIX.md $(O)/matrix/*

# What counting costs, by instructions: half an hour. bench-readme puts the last one's numbers into
# tests/bench/README.md.
bench: bench-programs
	$(Q)O=$(O) tests/bench/run

# What instructions do not price, by time on the running kernel: five minutes.
bench-native: bench-programs
	$(Q)O=$(O) tests/bench/native

bench-readme:
	$(Q)tests/bench/table --into tests/bench/README.md $(wildcard $(addprefix $(O)/bench/,$(shell tests/bench/run --list)))

# Ten minutes of very many processes and connections beside the daemon; check-live has a hundredth of it.
soak: programs
	$(Q)O=$(O) tests/daemon/soak/run $(or $(BACKENDS),rawtp)

# -- what people do with it --

# The kernel half with its source lines, then the same as the kernel sees it.
inspect: $(O)/bpf/tcp.bpf.o
	$(LLVM_OBJDUMP) -d -S --no-show-raw-insn $<
	O=$(O) tests/check/inspect -v

install: all install-docs
	install -D -m 0644 $(O)/ebpf_tcp.so $(DESTDIR)$(PLUGINDIR)/ebpf_tcp.so
	install -D -m 0755 $(O)/collectd-tcptop $(DESTDIR)$(BINDIR)/collectd-tcptop
	@# not where collectd looks by itself: README says how to switch it on. What was edited is kept.
	install -d $(DESTDIR)$(CONFDIR)
	test -e $(DESTDIR)$(CONFDIR)/ebpf_tcp.conf || \
		sed 's/^#LoadPlugin/LoadPlugin/' conf/ebpf_tcp.conf > $(DESTDIR)$(CONFDIR)/ebpf_tcp.conf

# Documents lie as in this tree, so that their links work; what they link to is in examples.
DOCUMENTS = README.md conf/README.md packaging/README.md tests/live/MATRIX.md tests/bench/README.md
DOC_LINKS = examples:conf/examples examples/alerts:conf/alerts examples/dashboards:conf/dashboards examples/ebpf_tcp.conf:conf/ebpf_tcp.conf \
	examples:packaging/systemd examples:packaging/selinux

install-docs:
	install -d $(DESTDIR)$(DOCDIR)/examples
	install -m 0644 -t $(DESTDIR)$(DOCDIR)/examples conf/ebpf_tcp.conf conf/examples/*.conf \
		packaging/systemd/*.conf packaging/selinux/*.te
	install -d $(DESTDIR)$(DOCDIR)/examples/alerts
	install -m 0644 -t $(DESTDIR)$(DOCDIR)/examples/alerts conf/alerts/*
	install -d $(DESTDIR)$(DOCDIR)/examples/dashboards $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man1
	install -m 0644 -t $(DESTDIR)$(DOCDIR)/examples/dashboards conf/dashboards/*.json conf/dashboards/*.png \
		conf/dashboards/panels.py
	install -m 0755 -t $(DESTDIR)$(DOCDIR)/examples/dashboards conf/dashboards/rrd-graph
	for file in $(DOCUMENTS); do install -D -m 0644 $$file $(DESTDIR)$(DOCDIR)/$$file || exit; done
	for link in $(DOC_LINKS); do \
		ln -sfn ../$${link%:*} $(DESTDIR)$(DOCDIR)/$${link#*:} || exit; done
	pod2man --section 5 --center collectd --release ebpf_tcp --name COLLECTD-EBPF_TCP \
		packaging/collectd-ebpf_tcp.pod > $(DESTDIR)$(MANDIR)/man5/collectd-ebpf_tcp.5
	pod2man --section 1 --center collectd --release ebpf_tcp --name COLLECTD-TCPTOP \
		packaging/collectd-tcptop.pod > $(DESTDIR)$(MANDIR)/man1/collectd-tcptop.1

# The version and its date are said once: in the changelog of the Debian package.
VERSION = $(shell sed -n '1s/.*(\(.*\)).*/\1/p' packaging/debian/changelog)
DATE = $(shell sed -n 's/^ -- .*>  //p' packaging/debian/changelog | head -n 1)
TARBALL = $(O)/dist/collectd-ebpf_tcp-$(VERSION).tar.gz

dist:
	$(Q)mkdir -p $(O)/dist
	$(Q)tar --transform 's,^,collectd-ebpf_tcp-$(VERSION)/,' --exclude-vcs --sort=name \
		--mtime='$(DATE)' --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX -czf $(TARBALL) \
		Makefile LICENSE README.md CONTRIBUTING.md bpf plugin conf tests packaging

# collectd-ebpf-tcp_VERSION_ARCH.deb in $(O)/deb; needs debhelper, beside what the build needs.
deb: dist
	$(Q)rm -rf $(O)/deb && mkdir -p $(O)/deb
	$(Q)tar -C $(O)/deb -xzf $(TARBALL)
	$(Q)mv $(O)/deb/collectd-ebpf_tcp-$(VERSION)/packaging/debian $(O)/deb/collectd-ebpf_tcp-$(VERSION)/
	$(Q)cd $(O)/deb/collectd-ebpf_tcp-$(VERSION) && env -u O -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b
	@ls $(O)/deb/*.deb

# In $(O)/rpm/RPMS; on a Debian machine rpmbuild cannot know what is installed.
rpm: dist
	$(Q)rm -rf $(O)/rpm
	$(Q)rpmbuild $(if $(wildcard /etc/debian_version),--nodeps) --define "_topdir $(abspath $(O)/rpm)" \
		--define "_sourcedir $(abspath $(O)/dist)" --define "plugin_version $(VERSION)" \
		-bb packaging/rpm/collectd-ebpf_tcp.spec
	@ls $(O)/rpm/RPMS/*/*.rpm

SOURCES = $(wildcard bpf/*.[ch] plugin/*.[ch] plugin/*/*.[ch] packaging/*/*.[ch] tests/*/*.[ch] tests/*/*/*.[ch])

format:
	$(CLANG_FORMAT) -i $(SOURCES)

clean:
	rm -rf $(O)

-include $(wildcard $(O)/*/*.d $(O)/*/*/*.d $(O)/*/*/*/*.d)
