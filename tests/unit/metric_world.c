/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include "metric_world.h"
#include "check.h"

struct metric_sample samples[SAMPLES_MAX];
unsigned sample_count;

void take_sample(void *context, const struct metric_sample *sample)
{
	expect(context == samples, "wrong context");
	if (expect(sample_count < SAMPLES_MAX, "too many samples"))
		samples[sample_count++] = *sample;
}

static void expect_sample(const struct metric_sample *got, const struct want *want,
			  const char *group, const char *instance)
{
	char what[128];

	snprintf(what, sizeof(what), "%s-%s", want->type, instance);
	expect_text(got->group ? got->group->name : "self", group, "group");
	expect_text(got->type, want->type, what);
	expect_text(got->instance, instance, what);
	expect(got->gauge == !want->count, "%s: wrong kind", what);
	expect_u64(got->count, want->count ? want->count : 1, "sources of %s", what);
	for (unsigned i = 0; i < want->count; i++)
		expect_u64(got->derive[i], want->derive[i], "source %u of %s", i, what);
	if (!want->count)
		expect_double(got->value, want->value, what);
}

void expect_wants(const struct want *wants, size_t count, const char *group, const char *part)
{
	for (size_t i = 0; i < count; i++) {
		char instance[128];
		unsigned found = 0;

		snprintf(instance, sizeof(instance), "%s%s", wants[i].instance,
			 *part && wants[i].instance[0] ? "-" : "");
		strncat(instance, part, sizeof(instance) - strlen(instance) - 1);
		for (unsigned n = 0; n < sample_count; n++) {
			if (strcmp(samples[n].instance, instance) != 0 ||
			    strcmp(samples[n].type, wants[i].type) != 0)
				continue;
			found++;
			expect_sample(&samples[n], &wants[i], group, instance);
		}
		expect_u64(found, 1, "samples of %s-%s", wants[i].type, instance);
	}
}
