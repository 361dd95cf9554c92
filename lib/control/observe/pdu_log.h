/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The latest LACPDUs and markers, as they were sent and received.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_OBSERVE_PDU_LOG_H
#define BF_CONTROL_OBSERVE_PDU_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config/config.h"
#include "lacp/lacp.h"

/* What 16 members with fast timers bring and get in 16 s; 8 slow ones fill it in 15 minutes. */
#define BF_PDU_LOG_MAX 512

struct bf_pdu_note {
	uint64_t mono_ms;
	char member[BF_DEV_NAME_MAX];
	bool sent; /* by us; else received */
	uint8_t len; /* bytes of frame[] */
	uint8_t frame[BF_LACP_FRAME_LEN]; /* from the Ethernet header on; a longer one is cut */
};

/** Zero is empty. */
struct bf_pdu_log {
	uint64_t n; /* ever noted */
	struct bf_pdu_note ring[BF_PDU_LOG_MAX];
};

/** Note a frame. @param log NULL: nowhere */
void bf_pdu_log_note(struct bf_pdu_log *log, const char *member, bool sent, const uint8_t *frame,
	size_t len, uint64_t now_ms);

/** Copy those since @p from_ms, oldest first, BF_PDU_LOG_MAX at most. @return how many */
unsigned int bf_pdu_log_copy(
	const struct bf_pdu_log *log, uint64_t from_ms, struct bf_pdu_note *to);

#endif
