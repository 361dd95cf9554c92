/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * LACPDUs and marker PDUs: bytes to values and back (6.4.2, 6.5.3), nothing else.
 *
 * Threads: ctx any (pure functions).
 */
#ifndef BF_LACP_PDU_H
#define BF_LACP_PDU_H

#include "lacp/lacp.h"

/** What a slow protocol frame turned out to be. */
enum bf_lacp_pdu_kind {
	BF_LACP_PDU_BAD, /* too short, wrong header, wrong TLV type or length */
	BF_LACP_PDU_UNKNOWN, /* other subtype, or unknown marker type */
	BF_LACP_PDU_LACP,
	BF_LACP_PDU_MARKER,
	BF_LACP_PDU_MARKER_RESPONSE,
};

struct bf_lacp_marker {
	uint16_t port;
	uint8_t system_id[6];
	uint32_t transaction;
};

struct bf_lacp_pdu {
	enum bf_lacp_pdu_kind kind;
	uint8_t version; /* as received; 1 and above are read alike */
	struct bf_lacp_port actor; /* LACP: the sender */
	struct bf_lacp_port partner; /* LACP: whom the sender believes to talk to */
	uint16_t collector_max_delay; /* tens of microseconds */
	struct bf_lacp_marker marker; /* marker kinds */
};

/**
 * Read a frame.
 *
 * ctx any.  Later versions (6.4.2.3: first three TLVs as in version 1, more may follow) are
 * accepted and what follows is not looked at.
 *
 * @return
 *   The kind, also stored in @p out; the fields of other kinds are zero.
 */
enum bf_lacp_pdu_kind bf_lacp_pdu_decode(const uint8_t *frame, size_t len, struct bf_lacp_pdu *out);

/** Write a version 1 LACPDU as a whole frame; reserved bytes are zero. */
void bf_lacp_pdu_encode(uint8_t frame[BF_LACP_FRAME_LEN], const uint8_t src_mac[6],
	const struct bf_lacp_port *actor, const struct bf_lacp_port *partner);

/** Write a marker PDU or its response as a whole frame. */
void bf_lacp_marker_encode(uint8_t frame[BF_LACP_FRAME_LEN], const uint8_t src_mac[6],
	const struct bf_lacp_marker *marker, bool response);

#endif
