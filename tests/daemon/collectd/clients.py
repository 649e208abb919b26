# SPDX-License-Identifier: MIT
# Copyright (c) 2026 ebpf_tcp authors
"""A server whose clients are known.

clients.py NAME SOURCE,LISTENER,IN,OUT...: for each, a client of that address sends the server NAME so many bytes and gets
so many. LISTENER is four, or six, which takes IPv4 too. Prints the ports of both, "done" twice, and closes the
connections with its standard input.
clients.py NAME COUNT: the same for so many addresses, one after the other: 7 bytes for 3, and none stays open. All but
the first one wait for a line of standard input.
"""

import os
import socket
import sys


def read_table(words):
    if words[0].isdigit():
        return [(f"127.1.{n >> 8}.{n & 255}", "four", 7, 3) for n in range(1, int(words[0]) + 1)]
    rows = [word.split(",") for word in words]
    return [(source, listener, int(takes), int(sends)) for source, listener, takes, sends in rows]


def receive(end, size):
    while size:
        size -= len(end.recv(size)) or sys.exit("a connection has ended")


def rename(name):
    with open("/proc/self/comm", "w", encoding="ascii") as comm:
        comm.write(name)


def call(table, ports, hold):
    for number, (source, listener, sends, gets) in enumerate(table):
        if number == 1 and not hold:
            sys.stdin.readline()
        target = "::1" if ":" in source else "127.0.0.1"
        end = socket.create_connection((target, ports[listener]), 60, (source, 0))
        end.sendall(bytes(sends))
        receive(end, gets)
        yield end


def serve(table, listeners):
    for _, listener, takes, sends in table:
        end = listeners[listener].accept()[0]
        receive(end, takes)
        end.sendall(bytes(sends))
        yield end


def keep(ends, hold):
    """Until standard input ends; or each for its turn."""
    held = [end if hold else end.close() for end in ends]
    if hold:
        print("done", flush=True)
        sys.stdin.read()
    del held


def main(name, *words):
    table, hold = read_table(words), not words[0].isdigit()
    listeners = {"four": socket.create_server(("127.0.0.1", 0)),
                 "six": socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)}
    ports = {key: listener.getsockname()[1] for key, listener in listeners.items()}
    for listener in listeners.values():
        listener.settimeout(60)
    callers = os.fork()
    if not callers:
        rename("callers")
        keep(call(table, ports, hold), hold)
        return
    rename(name)
    print(ports["four"], ports["six"], flush=True)
    keep(serve(table, listeners), hold)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(callers, 0)[1]))


main(*sys.argv[1:])
