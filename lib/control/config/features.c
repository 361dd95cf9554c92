/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See features.h.
 *
 * Threads: ctx control.
 */
#include "control/config/features.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/words.h"
#include "control/config/types.h"

/* Bits that are vhost's own: 26 log_all, 30 protocol_features. No guest sees them, no mask takes them away. */
#define VHOST_OWN UINT64_C(0x44000000)

/* Numbers, not the names of what is offered now: those may change, a level may not. */
const struct bf_feature_level bf_feature_levels[] = {
	{"0.1", UINT64_C(0xd7c62bb8b), UINT64_C(0x1b23f)},
};
const unsigned int bf_n_feature_levels = sizeof(bf_feature_levels) / sizeof(bf_feature_levels[0]);

static uint64_t
features_known(void)
{
	return bf_feature_levels[0].features;
}

static void
features_values(const struct bf_key *k, char *buf, size_t size)
{
	char mask[64];

	(void)k;
	snprintf(buf, size, "none");
	for (unsigned int i = 0; i < bf_n_feature_levels; i++)
		bf_words_add(buf, size, ", ", bf_feature_levels[i].name);
	snprintf(mask, sizeof(mask), "mask of bits of 0x%" PRIx64, features_known());
	bf_words_add(buf, size, ", ", mask);
}

static int
features_refuse(const struct bf_key *k, const char *text, uint64_t unknown, struct bf_err *err)
{
	char values[160], what[80] = "";

	features_values(k, values, sizeof(values));
	if (unknown != 0)
		snprintf(what, sizeof(what),
			"0x%" PRIx64 " is never offered by this version: ", unknown);
	return bf_err_set(err, EINVAL, "%s: \"%.60s\": %sexpected %s", k->name, text, what, values);
}

static int
features_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	struct bf_feature_pin *pin = at, now = {0, 0};

	for (unsigned int i = 0; i < bf_n_feature_levels; i++)
		if (strcmp(text, bf_feature_levels[i].name) == 0)
			now.level = i + 1;
	if (now.level == 0 && strcmp(text, "none") != 0) {
		if (strncmp(text, "0x", 2) != 0 ||
			bf_parse_u64(k->name, text, 1, UINT64_MAX, &now.mask, NULL) != 0)
			return features_refuse(k, text, 0, err);
		if ((now.mask & ~features_known()) != 0)
			return features_refuse(k, text, now.mask & ~features_known(), err);
	}
	*pin = now;
	return 0;
}

static void
features_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	const struct bf_feature_pin *pin = at;

	(void)k;
	if (pin->level != 0)
		snprintf(buf, size, "%s", bf_feature_levels[pin->level - 1].name);
	else if (pin->mask != 0)
		snprintf(buf, size, "0x%" PRIx64, pin->mask);
	else
		snprintf(buf, size, "none");
}

const struct bf_key_type bf_type_features = {.parse = features_parse,
	.print = features_print,
	.values = features_values,
	.size = sizeof(struct bf_feature_pin)};

uint64_t
bf_feature_pin_features(const struct bf_feature_pin *pin)
{
	if (pin->level != 0)
		return bf_feature_levels[pin->level - 1].features;
	return pin->mask != 0 ? pin->mask | VHOST_OWN : UINT64_MAX;
}

uint64_t
bf_feature_pin_protocol(const struct bf_feature_pin *pin)
{
	return pin->level != 0 ? bf_feature_levels[pin->level - 1].protocol : UINT64_MAX;
}
