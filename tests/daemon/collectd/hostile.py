#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 ebpf_tcp authors
"""hostile.py traffic SECONDS STORM | check FOLDER HELD FLOODED KIND=LIMIT:BUDGETS...: both halves of
tests/daemon/collectd/hostile. In FOLDER is the daemon's pid; the time up to which all was read is written there. HELD are the
groups that rules hold, FLOODED the kinds of which more begin than may be shown.

The traffic is what users can do to the names of series: names that steer terminals, and floods of new names,
destinations and ports. The check reads what the plugin csv writes to its standard output, tick by tick.
"""
import ctypes
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import traceback
import unicodedata

# -- traffic --

NAMES = [name.encode() if isinstance(name, str) else name for name in (
    "two\nlines", "\x1b[2J", "../../../tmp/x", "a/b", "a b", "a_b", "%s%n%d", "\x9b31mred", "nel\x85", "pdf\u202efdp",
    "thin\u200b", "sep\u2028", "iso\u2066late", "\ufeffbom", "all", "all_", "other", "kernel", "self", b"\xff\xfe\xc0",
    "\x7f\x01", "-", "", "a-b-1234", "if_octets-1", "CASE", "case", "q\"u'o\\te", "\u00e9t\u00e9", ".", "..",
    "port-80", "port-other", "1234", "{x:1}", "k=v,w x", "10.0.0.1:80")]

libc = ctypes.CDLL(None, use_errno=True)


def take_name(name):
    libc.prctl(15, name, 0, 0, 0)  # PR_SET_NAME


def pair(address="127.0.0.1"):
    """A connection of a process with itself, by a port of its own."""
    with socket.create_server((address, 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


def say(ends, amount):
    ends[0].sendall(b"x" * amount)
    while amount:
        amount -= len(ends[1].recv(amount))


def close(ends):
    for end in ends:
        end.close()


def once(amount):
    ends = pair()
    say(ends, amount)
    close(ends)


def child(name, work):
    if os.fork() == 0:
        try:
            take_name(name)
            work()
        except Exception:  # the test fails if anything was said
            traceback.print_exc()
        finally:
            os._exit(0)


def as_nobody():
    os.setgid(65534)
    os.setuid(65534)


def lingers():
    ends = pair()
    for _ in range(random.randrange(1, 5)):
        say(ends, random.randrange(1, 9973))
        time.sleep(random.random())


def steady(_):
    """Busy all the time, under a name that a rule holds."""
    take_name(b"steady")
    ends = pair()
    while True:
        say(ends, 997)
        time.sleep(0.1)
        yield


def renames(n):
    """One process that takes each name for a while."""
    take_name(NAMES[n % len(NAMES)])
    once(1009)
    yield 0.03


def hostile_processes(n):
    child(NAMES[n % len(NAMES)], lingers)
    yield 0.2


def new_names(n):
    child(b"new%d" % n, lambda: once(4999))
    yield 0.04


def random_names(_):
    child(random.randbytes(random.randrange(16)).replace(b"\0", b""), lambda: once(331))
    yield 0.1


def new_destinations(n):
    take_name(b"crawler")
    address = "127.%d.%d.%d" % (n % 251, n % 241 + 1, n % 239 + 1)
    if n % 3:
        ends = pair(address) if n % 3 == 1 else pair("127.0.0.1")
        say(ends, n % 7919 + 1)
        close(ends)
    else:
        with socket.socket() as refused:
            refused.bind((address, 0))
            socket.socket().connect_ex(refused.getsockname())
    yield 0.05


def shards(n):
    """They live for a tick, so that their command lines are read."""
    subprocess.run([STORM, "-n", str(n % 7 + 1), "-w", "1"], stdout=subprocess.DEVNULL, check=True)
    yield 0.1


def executes(_):
    def work():
        once(787)
        os.execv("/bin/true", ["true"])
    child(b"before", work)
    yield 0.5


def fills_queue(_):
    """Listens and does not accept: some wait, others are dropped."""
    take_name(b"lazy")
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        clients = [socket.socket() for _ in range(4)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        time.sleep(1.5)
        close(clients)
    yield 0.1


def run_forever(act):
    random.seed(act.__name__)
    if act is not shards:  # it waits for its children
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    if act not in (steady, shards):
        as_nobody()
    n = 0
    while True:
        for pause in act(n):
            time.sleep(pause or 0)
        n += 1


def watch(running, seconds):
    """Reaps what is left here. Without one of the acts the rest would prove less than it says."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if pid in running:
            sys.exit(f"{running[pid]} ended")
        if not pid:
            time.sleep(0.1)


def traffic(seconds):
    "".encode("idna")  # later its file may not be read
    acts = (steady, renames, hostile_processes, new_names, random_names, new_destinations, shards, executes,
            fills_queue)
    running = {}
    for act in acts:
        pid = os.fork()
        if pid == 0:
            run_forever(act)
        running[pid] = act.__name__
    watch(running, seconds)


# -- check --

FIXED = ("all", "other", "kernel", "self")
PARTS = "a group is the sum of its destinations and ports"
# Of processes that keep their names: one that takes another between the two looks has its parts in the old group.
KEEP = re.compile("steady|crawler|lazy|shard-[0-9]+|new[0-9]+")
SCOPES = ("loopback", "private", "public")
SUMS = {"if_octets", "connections", "protocol_counter", "tcp_connections", "queue_length"}
COUNTERS = {"if_octets", "connections", "protocol_counter", "total_events", "total_bytes", "invocations",
            "total_time_in_ms"}


class Series:
    """What an identifier says: HOST/ebpf_tcp-GROUP/TYPE-METRIC-PART."""

    def __init__(self, identifier):
        _, group, series = identifier.split("/")
        self.group = group.partition("-")[2]
        self.type, _, rest = series.partition("-")
        if self.type == "if_octets" and rest.partition("-")[0] not in SCOPES:
            rest = "-" + rest
        self.metric, _, self.part = rest.partition("-")
        self.kind = self.kind_of()
        self.sums = self.type in SUMS
        self.counts = self.type in COUNTERS
        self.name = (self.group, self.part)
        self.value = None

    def kind_of(self):
        if self.type not in SUMS or not self.part:
            return "group"
        if re.fullmatch("[0-9]+", self.part):
            return "pid"
        if self.part.startswith("client-"):
            return "client"
        return "port" if re.fullmatch("port-([0-9]+|other)", self.part) else "destination"


def visible(text):
    """Nothing that a terminal obeys, or that has no width or turns the direction."""
    return not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)


class Check:
    def __init__(self, folder, held, flooded, limits):
        self.folder = folder
        self.held = held
        self.flooded = flooded
        self.limits = dict(limits)
        self.series = {}     # by identifier
        self.began = {kind: set() for kind in self.limits}
        self.groups_before = set()
        self.away = set()      # groups that were shown, and then were not
        self.parts_before = {}
        self.compared = set()  # groups that were held against their parts in the end
        self.bad = {}        # by law: how often, the first one
        self.most = dict.fromkeys(self.limits, 0)
        self.rss = []
        self.ticks = self.values = self.sums = 0
        self.first = None

    def break_law(self, law, detail):
        times, first = self.bad.get(law, (0, detail))
        self.bad[law] = (times + 1, first)

    def value(self, tick, identifier, values):
        s = self.series.get(identifier)
        if not s:
            s = self.series[identifier] = Series(identifier)
            if not visible(identifier):
                self.break_law("names are visible", ascii(identifier))
        if identifier in tick:
            self.break_law("no identifier twice in a tick", identifier)
        numbers = [float(v) for v in values] if "." in values[0] or "n" in values[0] else [int(v) for v in values]
        if s.counts and s.value and any(new < old for new, old in zip(numbers, s.value)):
            self.break_law("no counter falls", f"{identifier} from {s.value} to {numbers}")
        s.value = numbers
        tick[identifier] = s

    def equal(self, law, what, want, got):
        self.sums += 1
        if want != got:
            self.break_law(law, f"tick {self.ticks}: {what}: {want}, its parts {got}")

    def whole_is_its_groups(self, tick):
        """A counter that is not told any more has its last value; a state is nothing then."""
        sums, whole = {}, {}
        for identifier, s in self.series.items():
            if not s.sums or s.part or s.group == "self" or not (s.counts or identifier in tick):
                continue
            to = whole if s.group == "all" else sums
            key = (s.type, s.metric)
            to[key] = [a + b for a, b in zip(to.get(key, [0, 0]), s.value)]
        for key, value in whole.items():
            self.equal("all is the sum of its groups", key, value, sums.get(key))

    def groups_and_parts(self, tick):
        """Of the groups that have parts: what each has, and what its parts have together."""
        sums = {}
        for identifier, s in self.series.items():
            if not s.sums or s.kind not in ("destination", "port") or not (s.counts or identifier in tick):
                continue
            key = (s.group, s.type, s.metric)
            sums[key] = [a + b for a, b in zip(sums.get(key, [0, 0]), s.value)]
        for key, got in sums.items():
            group, kind, metric = key
            whole = self.series.get("/".join(("host", f"ebpf_tcp-{group}", "-".join(filter(None, (kind, metric))))))
            if whole and KEEP.fullmatch(group):
                yield key, whole, got

    def parts_are_within(self, tick):
        """A process is read before its parts are: they may have what it tells in the next tick, and no more."""
        parts = {}
        for key, whole, got in self.groups_and_parts(tick):
            if whole.counts and key[0] in self.groups & self.groups_before and key in self.parts_before and \
                    any(p > w for p, w in zip(self.parts_before[key], whole.value)):
                self.break_law(PARTS, f"tick {self.ticks}: {key}: {whole.value}, its parts were {self.parts_before[key]}")
            self.sums += 1
            parts[key] = got
        self.parts_before = parts

    def parts_are_all(self, tick):
        """When nothing moves: of groups that were shown all the time."""
        for key, whole, got in self.groups_and_parts(tick):
            if key[0] in self.groups - self.away:
                self.equal(PARTS, f"in the end {key}", whole.value, got)
                self.compared.add(key[0])

    def sums_within(self, tick):
        scopes, reasons = {}, {}
        for s in tick.values():
            if s.type == "if_octets" and s.metric:
                scopes[s.name] = [a + b for a, b in zip(scopes.get(s.name, [0, 0]), s.value)]
            elif s.type == "connections" and s.metric.startswith("connect_") and s.metric != "connect_failed":
                reasons[s.name] = [reasons.get(s.name, [0])[0] + s.value[0]]
        for s in tick.values():
            if s.type == "if_octets" and not s.metric and s.name in scopes:
                self.equal("bytes are the sum of their scopes", s.name, s.value, scopes[s.name])
            elif s.metric == "connect_failed" and s.type == "connections":
                self.equal("failed connects are the sum of their reasons", s.name, s.value, reasons.get(s.name))

    def names_within(self, tick, elapsed):
        shown = {kind: set() for kind in self.limits}
        for s in tick.values():
            if s.sums and s.kind in shown and s.group not in FIXED + self.held * (s.kind == "group") and \
                    s.part not in ("other", "port-other", "client-other"):
                shown[s.kind].add(s.name)
        for kind, (limit, budgets) in self.limits.items():
            self.began[kind] |= shown[kind]
            self.most[kind] = max(self.most[kind], len(shown[kind]))
            if len(shown[kind]) > limit:
                self.break_law("no more names than the limit", f"{len(shown[kind])} of kind {kind}")
            most = limit + budgets * (1 + int(elapsed / 60))
            if len(self.began[kind]) > most:
                self.break_law("new names are within their budget",
                               f"{len(self.began[kind])} of kind {kind}, {most} may be, after {elapsed:.0f} s")

    def end_tick(self, tick, now):
        self.first = self.first or now
        self.ticks += 1
        self.values += len(tick)
        self.groups = {s.group for s in tick.values()}
        self.away |= self.groups_before - self.groups
        self.whole_is_its_groups(tick)
        self.parts_are_within(tick)
        self.sums_within(tick)
        self.names_within(tick, now - self.first)
        self.groups_before = self.groups
        self.look_at_memory()
        self.tell_time(now)

    def tell_time(self, now):
        with open(f"{self.folder}/told.new", "w") as told:
            print(int(now), file=told)
        os.replace(f"{self.folder}/told.new", f"{self.folder}/told")

    def look_at_memory(self):
        try:
            with open(f"{self.folder}/pid") as pid, open(f"/proc/{pid.read().strip()}/status") as status:
                text = status.read()
        except OSError:
            return
        rss = re.search(r"VmRSS:\s+(\d+)", text)
        anon = re.search(r"RssAnon:\s+(\d+)", text)
        if rss and anon:
            self.rss.append((int(rss[1]), int(anon[1])))

    def read(self, lines):
        tick, time_of, last = {}, None, {}
        for line in lines:
            if not line.startswith("PUTVAL "):
                continue
            head, _, values = line.rstrip("\n").rpartition(" ")
            identifier = head[7:].rpartition(" ")[0].strip('"')
            if "/ebpf_tcp-" not in identifier:
                continue
            now, *numbers = values.split(":")
            if now != time_of:
                if time_of:
                    self.end_tick(tick, float(time_of))
                    last = tick
                tick, time_of = {}, now
            self.value(tick, identifier, numbers)
        self.parts_are_all(last)  # the one after it may be cut off by the end; nothing moves then

    def tell(self):
        for kind in self.flooded:
            if len(self.began[kind]) < self.limits[kind][0]:
                self.break_law("the floods reach each limit", f"{len(self.began[kind])} of kind {kind}")
        laws = ("no identifier twice in a tick", "no counter falls", "all is the sum of its groups",
                PARTS, "bytes are the sum of their scopes",
                "failed connects are the sum of their reasons", "no more names than the limit",
                "new names are within their budget", "names are visible", "the floods reach each limit")
        for law in sorted(set(laws) | set(self.bad)):
            times, first = self.bad.get(law, (0, ""))
            print(f"broken {times}\t{law}\t{first}")
        tenth = self.rss[len(self.rss) // 10] if self.rss else (0, 0)
        print(f"# {self.ticks} ticks, {self.values} values, {len(self.series)} identifiers, {self.sums} sums; {len(self.compared)} groups equal to their parts in the end; "
              f"names at once and ever: "
              + ", ".join(f"{kind} {self.most[kind]} {len(self.began[kind])}" for kind in self.limits))
        print("# VmRSS and RssAnon in kB: first tick %d %d, after a tenth %d %d, at most %d %d, last %d %d" % (
            *self.rss[0], *tenth, *map(max, zip(*self.rss)), *self.rss[-1]))


if __name__ == "__main__":
    if sys.argv[1] == "traffic":
        STORM = sys.argv[3]
        traffic(float(sys.argv[2]))
    else:
        limits = [(kind, tuple(map(int, text.split(":")))) for kind, _, text in (a.partition("=") for a in sys.argv[5:])]
        check = Check(sys.argv[2], *(tuple(a.split()) for a in sys.argv[3:5]), limits)
        check.read(sys.stdin)
        check.tell()
