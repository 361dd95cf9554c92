/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Flows that were sampled, until they are reported.
 *
 * Theory of operation.  A table of a fixed size by a hash with a secret seed, so that no sender can choose
 * flows that meet in one place.  A flow is reported when it has been silent for long enough, when it has gone on
 * for long enough, when another one needs its place (the one that was silent longest gives way), and at the end.
 * What is counted is what was sampled; the collector is told the rate and multiplies.
 *
 * Threads: one at a time; time is an argument.
 */
#ifndef BF_CONTROL_EXPORT_FLOWS_H
#define BF_CONTROL_EXPORT_FLOWS_H

#include <stdint.h>

#include "control/export/packet.h"

/** Why a flow is reported: flowEndReason of IPFIX (RFC 5102, 5.11.3). */
enum bf_flow_end {
	BF_FLOW_IDLE = 1,
	BF_FLOW_ACTIVE = 2, /* it goes on */
	BF_FLOW_FORCED = 4,
	BF_FLOW_NO_ROOM = 5,
};

struct bf_export_flow {
	struct bf_export_key key;
	uint64_t first_ms, last_ms; /* of the samples since the last report; wall clock */
	uint64_t packets, octets; /* the same */
	uint32_t in, out; /* ifIndex; 0: not known, or many */
	uint8_t tcp_flags;
	uint32_t next; /* in the bucket, number + 1 */
	uint32_t older, newer; /* by the last sample, number + 1 */
};

typedef void bf_export_flow_cb(void *arg, const struct bf_export_flow *flow, enum bf_flow_end why);

struct bf_export_flows;

/** @param room how many at most. @return NULL when out of memory */
struct bf_export_flows *bf_export_flows_new(uint32_t room, uint64_t seed, uint32_t active_s,
	uint32_t idle_s, bf_export_flow_cb *report, void *arg);
void bf_export_flows_free(struct bf_export_flows *f);

/** Count a sample. Its time may be a little before that of an earlier one. */
void bf_export_flows_count(struct bf_export_flows *f, const struct bf_export_packet *p, uint32_t in,
	uint32_t out, uint64_t when_ms);

/** Report what is due. */
void bf_export_flows_expire(struct bf_export_flows *f, uint64_t now_ms);
/** Report all that is left. */
void bf_export_flows_end(struct bf_export_flows *f);

uint32_t bf_export_flows_n(const struct bf_export_flows *f);

#endif
