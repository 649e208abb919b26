# SPDX-License-Identifier: MIT
# Copyright (c) 2026 ebpf_tcp authors
#
# The tables of tests/bench/native, from the samples in files that are named after observers:
#
#     awk -v table=bodies -f native.awk FILE            lines "body NAME PROCESSORS NS"
#     awk -v table=trips -f native.awk OBSERVER...      lines "cost WORKLOAD NS"
#     awk -v table=runs -f native.awk SOCKETS/OBSERVER... lines "run PROGRAM RUNS NS"
#
# Of trips, the first observer is nothing before, the second empty programs, the last nothing again.

FNR == 1 {
	observers[++observer_count] = FILENAME
}

$1 == "body" {
	sample("body", $2, $3, $4)
}

$1 == "cost" {
	sample(FILENAME, $2, "ns", $3)
}

# Per connection there are but a few.
$1 == "run" && $3 >= 2000 {
	split(FILENAME, path, "/")
	sample((path[2] ~ /^floor-/ ? "empty" : "ours"), $2, path[1], $4)
}

function sample(observer, of, unit, value) {
	if (!(of in known)) {
		known[of] = 1
		names[++name_count] = of
	}
	samples[observer, of, unit, ++count[observer, of, unit]] = value + 0
}

function quantile(observer, of, unit, q, i, k, n, sorted) {
	n = count[observer, of, unit]
	for (i = 1; i <= n; i++) {
		for (k = i; k > 1 && sorted[k - 1] > samples[observer, of, unit, i]; k--)
			sorted[k] = sorted[k - 1]
		sorted[k] = samples[observer, of, unit, i]
	}
	return sorted[1 + int(q * (n - 1) + 0.5)]
}

# -- bodies --

# Above the empty loop.
function above(name, processors, q) {
	return quantile("body", name, processors, q) - quantile("body", "empty", processors, q)
}

function bodies(i, one, two) {
	print "ns per addition above the empty loop: least (median)"
	printf "%-16s%16s%20s%12s\n", "", "one processor", "two at once", "two/one"
	for (i = 1; i <= name_count; i++) {
		if (names[i] == "empty")
			continue
		one = above(names[i], 1, 0)
		two = above(names[i], 2, 0)
		printf "%-16s%8.1f (%.1f)%14.1f (%.1f)%14.2f\n", names[i], one, above(names[i], 1, 0.5),
			two, above(names[i], 2, 0.5), two / one
	}
}

# -- trips --

# In pairs: to what was measured with nothing just before and just after; nothing again, to the first alone.
function pair(observer, workload, i, base) {
	for (i = 1; i <= count[observer, workload, "ns"]; i++) {
		base = samples[observers[1], workload, "ns", i]
		if (observer != observers[observer_count])
			base = (base + samples[observers[observer_count], workload, "ns", i]) / 2
		sample(observer, workload, "ratio", samples[observer, workload, "ns", i] / base)
	}
}

function cell(observer, workload, unit) {
	return sprintf("%.3f (%.3f to %.3f)", quantile(observer, workload, unit, 0.5),
		quantile(observer, workload, unit, 0.25), quantile(observer, workload, unit, 0.75))
}

function surcharge(observer, workload) {
	return quantile(observer, workload, "ratio", 0.5) - 1
}

function trips(i, k, empty) {
	printf "\ntime of a round trip, ratio to nothing: median (quartiles) of %d; redis: of a GET\n%-14s",
		count[observers[1], names[1], "ns"], ""
	for (k = 1; k <= name_count; k++)
		printf "%26s", names[k]
	printf "\n%-14s", "nothing, ns"
	for (k = 1; k <= name_count; k++)
		printf "%26.0f", quantile(observers[1], names[k], "ns", 0.5)
	print ""
	for (i = 2; i <= observer_count; i++) {
		printf "%-14s", observers[i]
		for (k = 1; k <= name_count; k++) {
			pair(observers[i], names[k])
			printf "%26s", cell(observers[i], names[k], "ratio")
		}
		print ""
	}
	printf "%-14s", "plugin/empty"
	for (k = 1; k <= name_count; k++) {
		empty = surcharge(observers[2], names[k])
		printf "%26s", (empty > 0 ? sprintf("%.2f", surcharge(observers[observer_count - 1], names[k]) / empty) : "-")
	}
	print ""
}

# -- run times --

function net(program, sockets, q) {
	return quantile("ours", program, sockets, q) - quantile("empty", program, sockets, 0.5)
}

function runs(i, k, sockets) {
	split("1 64 4096", sockets, " ")
	print "\nns of a program's run, less what an empty one on its hook takes: median (quartiles)"
	printf "%-18s%22s%22s%22s%12s\n", "", "1 socket", "64", "4,096 in turn", "4,096/1"
	for (i = 1; i <= name_count; i++) {
		if (!count["ours", names[i], 1] || !count["empty", names[i], 1])
			continue
		printf "%-18s", names[i]
		for (k = 1; k <= 3; k++)
			printf "%22s", sprintf("%.0f (%.0f to %.0f)", net(names[i], sockets[k], 0.5),
				net(names[i], sockets[k], 0.25), net(names[i], sockets[k], 0.75))
		printf "%12.2f\n", net(names[i], 4096, 0.5) / net(names[i], 1, 0.5)
	}
}

END {
	if (table == "bodies")
		bodies()
	else if (table == "trips")
		trips()
	else if (table == "runs")
		runs()
}
