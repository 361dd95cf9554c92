/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which features a guest may be offered at most: those of a level, or of a mask.
 *
 * A level is all that a version could offer.  It never changes: a guest that is pinned to it is offered the same
 * by every later version, on whatever host, and so can move between them.  A version that offers more gets a
 * level of its own, in front of the others.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_CONFIG_FEATURES_H
#define BF_CONTROL_CONFIG_FEATURES_H

#include <stdint.h>

#include "control/config/key.h"

struct bf_feature_level {
	const char *name; /* of the first version that has it */
	uint64_t features, protocol; /* bits of virtio and vhost; of the protocol */
};

/** The newest first. */
extern const struct bf_feature_level bf_feature_levels[];
extern const unsigned int bf_n_feature_levels;

/** Value of the key; zero: not pinned. */
struct bf_feature_pin {
	uint64_t level; /* its place in bf_feature_levels, + 1; 0: none */
	uint64_t mask; /* of virtio's features, 0: none */
};

/** What may be offered at most; all bits when it is not pinned. */
uint64_t bf_feature_pin_features(const struct bf_feature_pin *pin);
uint64_t bf_feature_pin_protocol(const struct bf_feature_pin *pin);

#endif
