/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What would become of a frame: it takes the way of a worker's frames in a world of its own (world.h), and each
 * decision on it is noted.
 *
 * The rules of its port are run one by one, with bf_rules_in(), as the port's word has them.  Then the frame
 * goes through bf_switch_burst() and all that follows from it.  What came of it is read from the counters that a
 * worker would have counted.  Only the words that a reader sees are made elsewhere (snapshot/trace.c).
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_TRACE_WALK_H
#define BF_CONTROL_TRACE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "control/trace/world.h"
#include "dataplane/drop_list.h"
#include "dataplane/rules.h"
#include "dataplane/verdict.h"

#define BF_TRACE_NOWHERE BF_MAX_PORTS /* a slot: the station is not known */

/** The frame that is asked about. */
struct bf_trace_ask {
	uint16_t in; /* slot that it comes from */
	uint8_t member; /* a bond: number of the member that brings it */
	uint16_t rules; /* of the port: bits of enum bf_rule_id */
	const uint8_t *data;
	uint32_t len; /* 1 to BF_LONGEST_FRAME */
};

/** A rule of its port. */
struct bf_trace_rule {
	uint8_t rule; /* enum bf_rule_id */
	uint8_t why; /* enum bf_drop; BF_DROP_COUNT: it passes */
	bool changed; /* the frame */
};

/** What became of it at a port: at most one thing at each. */
struct bf_trace_end {
	uint16_t slot;
	uint8_t why; /* enum bf_drop; BF_DROP_COUNT: delivered */
	uint8_t ring; /* a guest: the number of the receive queue that it went into */
	uint32_t members; /* a bond: those that it was sent by, a bit for each number */
	uint64_t bytes; /* as it was delivered */
	bool formed; /* a guest: it was told by the virtio header of checksums or segments */
};

struct bf_trace {
	bool is_read; /* false: forwarding is stopped, and the frame stays in its guest's ring */
	bool waits; /* for credit of the guest's rate_in, in the guest's ring; then it goes on */
	bool collects; /* a bond: the member's frames are switched */
	uint8_t n_rules;
	struct bf_trace_rule rule[BF_RULE_COUNT];
	bool is_switched; /* the rules let it pass; what follows is known */
	bool is_parsed; /* its stations are known: it is not too short, nor of a slow protocol */
	struct bf_frame frame; /* behind the rules */
	uint32_t len;
	uint16_t src_port, dst_port; /* slots where its stations are known, or BF_TRACE_NOWHERE */
	struct bf_verdict verdict; /* is_parsed */
	int bucket; /* of the bond that it is sent on; -1: none */
	bool padded, flooded;
	uint64_t sums, segments; /* checksums completed, segments made */
	struct bf_trace_said said;
	uint16_t n_ends;
	struct bf_trace_end end[BF_MAX_PORTS];
};

/**
 * Walk with a frame.
 *
 * @return 0, or -ENOMEM: no buffer is left.
 */
int bf_trace_walk(struct bf_trace_world *world, const struct bf_trace_ask *ask, struct bf_trace *t);

#endif
