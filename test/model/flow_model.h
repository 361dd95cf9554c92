/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What dataplane/flow.h promises, written to be read and not to be fast: every byte is fetched
 * through a function that knows the frame's end.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_TEST_FLOW_MODEL_H
#define BF_TEST_FLOW_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/flow.h"

/** The fields that a policy takes from a frame. */
struct flow_model {
	bool l2; /* dst and src count */
	bool vlan_src; /* vlan and src count */
	bool l3, l4;
	uint8_t dst[6], src[6];
	uint16_t vlan;
	uint8_t from[16], to[16]; /* IPv4: the first four bytes */
	uint8_t ports[4];
	uint8_t proto;
};

void flow_model_read(
	const uint8_t *data, uint32_t len, enum bf_policy policy, struct flow_model *m);

/** Does a key of the product hold these fields, and zeros elsewhere? */
bool flow_model_agrees(const struct flow_model *m, const struct bf_flow_key *k);

#endif
