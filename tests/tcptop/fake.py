#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 ebpf_tcp authors
"""fake.py SOCKET MANNER: a collectd with known rates, of which a new tick comes with every LISTVAL.

MANNER: good, odd (with lines that are none), hosts (of two), none (without the plugin), silent (hangs up in the
middle of an answer), stranger (speaks another language)."""
import os
import socket
import sys
import time

RATES = {
    "all/if_octets": ["rx=1.000003e+06", "tx=1.300000e+01"],
    "web/if_octets": ["rx=1.000003e+06", "tx=1.300000e+01"],
    "web/if_octets-12": ["rx=5.000000e-01", "tx=NaN"],
    "web/connections-connect": ["value=1.700000e+01"],
    "web/connections-connect_failed": ["value=2.000000e+00"],
    "web/protocol_counter-retransmits": ["value=3.000000e+00"],
    "web/latency-connect-average": ["value=2.500000e-01"],
    "web/latency-connect-percentile-99": ["value=NaN"],
    "web/latency-service-average": ["value=1.250000e-01"],
    "web/if_octets-port-443": ["rx=1.000000e+00", "tx=1.000000e+00"],
}
ODD = ["", "x", "1.5", "nan fake/ebpf_tcp-odd/if_octets", "{tick} fake/ebpf_tcp-odd", "{tick} /ebpf_tcp-odd/if_octets",
       "{tick} fake/ebpf_tcp-short/if_octets", "{tick} fake/ebpf_tcp-gone/if_octets", "{tick} fake/interface-x/if_octets",
       "1.000 fake/ebpf_tcp-old/if_octets", "{tick} " + 2000 * "x" + "/ebpf_tcp-long/if_octets"]


def listing(manner, tick):
    lines = [f"{tick} fake/ebpf_tcp-{name}" for name in RATES] if manner != "none" else [f"{tick} fake/load/load"]
    if manner == "hosts":
        lines += [f"{tick} other/ebpf_tcp-{name}" for name in RATES]
    if manner == "odd":
        lines = [line.format(tick=tick) for line in ODD] + lines
    return lines


def values(identifier):
    name = identifier.split("ebpf_tcp-", 1)[-1]
    return ["rx=1"] if name.startswith("short/") else RATES.get(name)


def answer(manner, question, tick):
    if manner == "stranger":
        return "HTTP/1.0 400 Bad Request\n"
    if question == "LISTVAL":
        lines = listing(manner, tick)
    else:
        lines = values(question.split('"')[1])
        if lines is None:
            return "-1 No such value\n"
    return "".join(f"{line}\n" for line in [f"{len(lines)} Values found"] + lines)


def serve(connection, manner):
    tick = time.time() - 100
    with connection, connection.makefile("r") as questions:
        for question in questions:
            tick += question == "LISTVAL\n"
            text = answer(manner, question.strip(), f"{tick:.3f}")
            connection.sendall((text[:len(text) // 2] if manner == "silent" else text).encode())
            if manner == "silent":
                return


def main(path, manner):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path + ".new")
    server.settimeout(20)  # nobody waits for a client that never comes
    server.listen()
    os.rename(path + ".new", path)
    serve(server.accept()[0], manner)


main(*sys.argv[1:])
