# SPDX-License-Identifier: MIT
# Copyright (c) 2026 ebpf_tcp authors
"""What the dashboards show: the one table that generate and rrd-graph draw from."""

# title, unit of Grafana's, rows of (legend, kind, type, type instance, data source)
# kind: total (a counter, shown per second) or value. Of the type instance: "" is the group's own series,
# "#" stands for a PID at its end, "client-*" for a client.
PANELS = [
    ("Received by group", "Bps", [("", "total", "if_octets", "", "rx")]),
    ("Sent by group", "Bps", [("", "total", "if_octets", "", "tx")]),
    ("Received by process", "Bps", [("", "total", "if_octets", "#", "rx")]),
    ("Sent by process", "Bps", [("", "total", "if_octets", "#", "tx")]),
    ("Received by client (ReportByClient)", "Bps", [("", "total", "if_octets", "client-*", "rx")]),
    ("Sent by client (ReportByClient)", "Bps", [("", "total", "if_octets", "client-*", "tx")]),
    ("Connects and accepts by group", "ops", [("connects", "total", "connections", "connect", "value"),
                                              ("accepts", "total", "connections", "accept", "value")]),
    ("Open connections by group", "short", [("", "value", "tcp_connections", "established", "value")]),
    ("Connections by state (ReportStates)", "short",
     [(state, "value", "tcp_connections", state, "value")
      for state in ("syn_sent", "syn_recv", "fin_wait", "close_wait", "last_ack", "closing")]),
    ("Closed first (ReportStates)", "ops", [("to TIME_WAIT", "total", "connections", "time_wait", "value")]),
    ("Connect latency by group", "s", [("average", "value", "latency", "connect-average", "value"),
                                       ("p50", "value", "latency", "connect-percentile-50", "value"),
                                       ("p99", "value", "latency", "connect-percentile-99", "value"),
                                       ("slowest", "value", "latency", "connect-upper", "value")]),
    ("Failed connects by reason", "ops",
     [(reason, "total", "connections", "connect_" + reason, "value")
      for reason in ("refused", "timeout", "unreachable", "reset", "denied", "no_port", "aborted", "other")]),
    ("Retransmits and resets (ReportHealth)", "pps",
     [("retransmits", "total", "protocol_counter", "retransmits", "value"),
      ("resets sent", "total", "protocol_counter", "resets_sent", "value"),
      ("resets received", "total", "protocol_counter", "resets_received", "value")]),
    ("Round-trip time (ReportHealth)", "s", [("average", "value", "latency", "rtt-average", "value")]),
    ("Requests (ReportResponses)", "ops", [("served", "total", "total_requests", "served", "value"),
                                           ("sent", "total", "total_requests", "sent", "value")]),
    ("Time to respond (ReportResponses)", "s",
     [("service p99", "value", "latency", "service-percentile-99", "value"),
      ("response p99", "value", "latency", "response-percentile-99", "value")]),
    ("Size of responses (ReportResponses)", "bytes",
     [("served, average", "value", "bytes", "response_served-average", "value"),
      ("served, largest", "value", "bytes", "response_served-upper", "value"),
      ("received, average", "value", "bytes", "response_received-average", "value")]),
    ("Lost (should be 0)", "ops",
     [(what, "total", "total_events", "lost_" + what, "value")
      for what in ("processes", "sockets", "deltas", "latencies", "endpoints", "events", "listeners", "runs")]),
    ("Cost: time of a read", "s", [("read", "value", "duration", "read", "seconds")]),
    ("Known processes and connections", "short", [("processes", "value", "cache_size", "processes", "value"),
                                                  ("sockets", "value", "cache_size", "sockets", "value")]),
]
