/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <limits.h>
#include <string.h>

#include <json-c/json.h>

#include "base/span.h"
#include "identity/runtime.h"

#define DEPTH 32 /* of arrays and objects; theirs have a dozen */

/* -- JSON -- */

/* NULL if it is none. */
static json_object *parse(const char *text, size_t length)
{
	json_tokener *tokener = length <= INT_MAX ? json_tokener_new_ex(DEPTH) : NULL;
	json_object *object;

	if (!tokener)
		return NULL;
	object = json_tokener_parse_ex(tokener, text, (int)length);
	json_tokener_free(tokener);
	return object;
}

/* NULL if there is none, or if `object` is no object. */
static json_object *member(json_object *object, const char *key)
{
	json_object *value = NULL;

	return json_object_object_get_ex(object, key, &value) ? value : NULL;
}

static const char *text_of(json_object *value)
{
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static const char *text_at(json_object *object, const char *key)
{
	return text_of(member(object, key));
}

/* Returns whether there is something. */
static bool put(char *out, size_t size, const char *text)
{
	container_part(out, size, text, strlen(text));
	return *out;
}

/* -- files of one container -- */

static bool read_docker(struct container_names *out, json_object *file)
{
	json_object *labels = member(member(file, "Config"), "Labels");

	if (!container_parse(out, text_at(file, "Name")))
		return false;
	put(out->project, sizeof(out->project), text_at(labels, "com.docker.compose.project"));
	put(out->service, sizeof(out->service), text_at(labels, "com.docker.compose.service"));
	return true;
}

static bool read_oci(struct container_names *out, json_object *file)
{
	static const struct {
		const char *container, *pod, *namespace;
	} rows[] = {
		{"io.kubernetes.cri.container-name", "io.kubernetes.cri.sandbox-name",
		 "io.kubernetes.cri.sandbox-namespace"}, /* containerd */
		{"io.kubernetes.container.name", "io.kubernetes.pod.name",
		 "io.kubernetes.pod.namespace"}, /* CRI-O */
	};
	json_object *notes = member(file, "annotations");

	*out = (struct container_names){0};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!put(out->pod, sizeof(out->pod), text_at(notes, rows[i].pod)))
			continue;
		put(out->namespace, sizeof(out->namespace), text_at(notes, rows[i].namespace));
		put(out->container, sizeof(out->container), text_at(notes, rows[i].container));
		if (strcmp(out->container, "POD") == 0) /* CRI-O's sandbox */
			*out->container = '\0';
		return true;
	}
	return container_parse(out, text_at(notes, "nerdctl/name"));
}

static bool read_with(bool (*read)(struct container_names *out, json_object *file),
		      struct container_names *out, const char *text, size_t length)
{
	json_object *file = parse(text, length);
	bool found = read(out, file);

	json_object_put(file);
	return found;
}

bool runtime_docker(struct container_names *out, const char *text, size_t length)
{
	return read_with(read_docker, out, text, length);
}

bool runtime_oci(struct container_names *out, const char *text, size_t length)
{
	return read_with(read_oci, out, text, length);
}

/* -- what tells of many -- */

static bool is_id(struct span s)
{
	return s.length == CGROUP_ID_SIZE - 1 && span_digits(s, 16);
}

static json_object *item(json_object *list, size_t i)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_get_idx(list, i)
							  : NULL;
}

void runtime_storage(const char *text, size_t length, runtime_tell *tell, void *context)
{
	json_object *file = parse(text, length), *entry;
	struct container_names names;

	for (size_t i = 0; (entry = item(file, i)); i++) {
		const char *id = text_at(entry, "id");

		if (is_id(span_of(id)) &&
		    container_parse(&names, text_of(item(member(entry, "names"), 0))))
			tell(context, id, &names);
	}
	json_object_put(file);
}

/* Of a name that would be too long for a file, the kubelet cuts the id: nobody can tell whose. */
bool runtime_link(char id[CGROUP_ID_SIZE], struct container_names *out, const char *file)
{
	struct span name = span_between(span_of(file), "", ".log"), before = name;
	struct span digits = span_cut_tail(&before, CGROUP_ID_SIZE - 1), pod, namespace;

	if (!is_id(digits) || !span_ends(before, "-"))
		return false;
	before.length--;
	pod = span_cut(&before, '_');
	namespace = span_cut(&before, '_');
	if (!pod.length || !namespace.length || !before.length)
		return false;
	memcpy(id, digits.at, digits.length);
	id[digits.length] = '\0';
	*out = (struct container_names){0};
	container_part(out->pod, sizeof(out->pod), pod.at, pod.length);
	container_part(out->namespace, sizeof(out->namespace), namespace.at, namespace.length);
	container_part(out->container, sizeof(out->container), before.at, before.length);
	return true;
}

/* The value that comes after the option, of a command line with blanks between its words. */
static struct span option(const char *cmdline, const char *brief, const char *full)
{
	struct span rest = span_of(cmdline), word;

	while (rest.length) {
		word = span_cut(&rest, ' ');
		if (span_is(word, brief) || span_is(word, full))
			return span_cut(&rest, ' ');
	}
	return rest;
}

bool runtime_conmon(struct container_names *out, const char *id, const char *cmdline)
{
	struct span rest = span_of(cmdline), program = span_cut(&rest, ' ');
	char name[sizeof(out->container) + sizeof(out->pod) + sizeof(out->namespace)];

	if (!(span_is(program, "conmon") || span_ends(program, "/conmon")) ||
	    !span_is(option(cmdline, "-c", "--cid"), id))
		return false;
	rest = option(cmdline, "-n", "--name");
	container_part(name, sizeof(name), rest.at, rest.length);
	return container_parse(out, name);
}
