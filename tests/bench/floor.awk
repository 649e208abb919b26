# SPDX-License-Identifier: MIT
# Copyright (c) 2026 ebpf_tcp authors
#
# awk -v dir=DIR [-v state=1] -f floor.awk bpf/SET.bpf.h...
#
# The floor: the plugin's hooks with other bodies, a file in DIR for each set. Empty ones, or with state=1 those of
# floor.bpf.h: the least that a plugin must do that keeps a state for each socket. Each of these must be met once.

BEGIN {
	split("kprobe_state locked_state shared_state", begins, " ")
	split("kprobe_destroy traced_destroy", ends, " ")
	split("fentry_send rawtp_send traced_receive kprobe_release", looks, " ")
}

function met(names, i) {
	for (i in names)
		if ($0 ~ "[( ]" names[i] "[,(]")
			return ++hits[names[i]]
	return 0
}

function body() {
	raw = /bpf_raw_tracepoint_args/
	sk = raw ? "(struct sock *)ctx->args[0]" : "sk"
	look = /kprobe_/ ? "BY_HELPER" : "0"
	if (met(begins))
		return "state_begins(" sk ", " (raw ? "ctx->args[1], ctx->args[2]" : "old, now") ", " look ");"
	if (met(ends))
		return "state_ends(" sk ");"
	if (met(looks))
		return "state_looks(sk, " look ");"
	return ""
}

function missed(names, i) {
	for (i in names)
		if (hits[names[i]] != 1) {
			print "floor.awk: " names[i] ": " hits[names[i]] + 0 " times" >"/dev/stderr"
			failed = 1
		}
}

FNR == 1 {
	out = FILENAME
	sub(/.*\//, dir "/", out)
	include = state
}

/^SEC\(/ {
	if (include)
		print "#include \"floor.bpf.h\"\n" >out
	include = 0
	print >out
	getline
	statement = body()
	print $0 "\n{\n\t" (state ? statement : "") "\n\treturn 0;\n}" >out
	skip = 1
}

!skip {
	print >out
}

/^}/ {
	skip = 0
}

END {
	missed(begins)
	missed(ends)
	missed(looks)
	exit failed
}
