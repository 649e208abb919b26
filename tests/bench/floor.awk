# SPDX-License-Identifier: MIT
# Copyright (c) 2026 ebpf_tcp authors
#
# The floor: bpf/tcp.bpf.c with other bodies. Empty ones, or with -v state=1 those of state.bpf.h: the
# least that a plugin must do that keeps a state for each socket.

function has(name) {
	return $0 ~ "[( ]" name "[,(]"
}

function body() {
	raw = /bpf_raw_tracepoint_args/
	sk = raw ? "(struct sock *)ctx->args[0]" : "sk"
	how = /kprobe_/ ? "PROBE" : "0"
	if (state && has("(kprobe|locked|shared)_state"))
		return "state_begins(" sk ", " (raw ? "ctx->args[1], ctx->args[2]" : "old, now") ", " how ");"
	if (state && has("(kprobe|traced)_destroy"))
		return "state_ends(" sk ");"
	if (state && has("fentry_send|rawtp_send|traced_receive|kprobe_release"))
		return "state_looks(sk, " how ");"
	return ""
}

BEGIN {
	include = state
}

/^SEC\(/ {
	if (include)
		print "#include \"state.bpf.h\"\n"
	include = 0
	print
	getline
	print $0 "\n{\n\t" body() "\n\treturn 0;\n}"
	skip = 1
}

!skip

/^}/ {
	skip = 0
}
