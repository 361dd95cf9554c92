/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * LACPDUs and marker PDUs: bytes to values and back (6.4.2, 6.5.3).
 *
 * Offsets below count from the start of the Ethernet frame.  A frame is 124 bytes: 14 of header
 * and 110 of PDU; the lengths of all parts of version 1 are fixed, so one check of the total
 * covers every read.
 *
 * Threads: ctx any (pure functions).
 */
#include "lacp/pdu.h"

#include <string.h>

#include "base/be.h"
#include "base/net.h"

enum {
	OFF_SRC = 6,
	OFF_TYPE = 12,
	OFF_SUBTYPE = 14,
	OFF_VERSION = 15,
	OFF_ACTOR = 16,
	OFF_PARTNER = 36,
	OFF_COLLECTOR = 56,
	OFF_MARKER = 16,
	SUBTYPE_LACP = 1,
	SUBTYPE_MARKER = 2,
	TLV_ACTOR = 1,
	TLV_PARTNER = 2,
	TLV_COLLECTOR = 3,
	TLV_PORT_LEN = 20,
	TLV_COLLECTOR_LEN = 16,
	TLV_MARKER = 1,
	TLV_MARKER_RESPONSE = 2,
	TLV_MARKER_LEN = 16,
};

static const uint8_t slow_group[6] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x02};

static bool
is_tlv(const uint8_t *p, uint8_t type, uint8_t len)
{
	return p[0] == type && p[1] == len;
}

static void
get_port(const uint8_t *tlv, struct bf_lacp_port *port)
{
	port->system_priority = bf_be16(tlv + 2);
	memcpy(port->system_id, tlv + 4, 6);
	port->key = bf_be16(tlv + 10);
	port->port_priority = bf_be16(tlv + 12);
	port->port_number = bf_be16(tlv + 14);
	port->state = tlv[16];
}

static void
put_port(uint8_t *tlv, uint8_t type, const struct bf_lacp_port *port)
{
	tlv[0] = type;
	tlv[1] = TLV_PORT_LEN;
	bf_put_be16(tlv + 2, port->system_priority);
	memcpy(tlv + 4, port->system_id, 6);
	bf_put_be16(tlv + 10, port->key);
	bf_put_be16(tlv + 12, port->port_priority);
	bf_put_be16(tlv + 14, port->port_number);
	tlv[16] = port->state;
}

static enum bf_lacp_pdu_kind
decode_lacp(const uint8_t *frame, struct bf_lacp_pdu *out)
{
	if (frame[OFF_VERSION] == 0 || !is_tlv(frame + OFF_ACTOR, TLV_ACTOR, TLV_PORT_LEN) ||
		!is_tlv(frame + OFF_PARTNER, TLV_PARTNER, TLV_PORT_LEN) ||
		!is_tlv(frame + OFF_COLLECTOR, TLV_COLLECTOR, TLV_COLLECTOR_LEN))
		return BF_LACP_PDU_BAD;
	out->version = frame[OFF_VERSION];
	get_port(frame + OFF_ACTOR, &out->actor);
	get_port(frame + OFF_PARTNER, &out->partner);
	out->collector_max_delay = bf_be16(frame + OFF_COLLECTOR + 2);
	return BF_LACP_PDU_LACP;
}

static enum bf_lacp_pdu_kind
decode_marker(const uint8_t *frame, struct bf_lacp_pdu *out)
{
	const uint8_t *tlv = frame + OFF_MARKER;

	if (tlv[0] != TLV_MARKER && tlv[0] != TLV_MARKER_RESPONSE)
		return BF_LACP_PDU_UNKNOWN;
	if (frame[OFF_VERSION] == 0 || tlv[1] != TLV_MARKER_LEN)
		return BF_LACP_PDU_BAD;
	out->version = frame[OFF_VERSION];
	out->marker.port = bf_be16(tlv + 2);
	memcpy(out->marker.system_id, tlv + 4, 6);
	out->marker.transaction = (uint32_t)bf_be16(tlv + 10) << 16 | bf_be16(tlv + 12);
	return tlv[0] == TLV_MARKER ? BF_LACP_PDU_MARKER : BF_LACP_PDU_MARKER_RESPONSE;
}

enum bf_lacp_pdu_kind
bf_lacp_pdu_decode(const uint8_t *frame, size_t len, struct bf_lacp_pdu *out)
{
	memset(out, 0, sizeof(*out));
	out->kind = BF_LACP_PDU_BAD;
	if (len <= OFF_SUBTYPE || memcmp(frame, slow_group, sizeof(slow_group)) != 0 ||
		bf_be16(frame + OFF_TYPE) != BF_ETHERTYPE_SLOW)
		return out->kind;
	/* Other slow protocols have lengths of their own: name them before the length check. */
	if (frame[OFF_SUBTYPE] != SUBTYPE_LACP && frame[OFF_SUBTYPE] != SUBTYPE_MARKER)
		out->kind = BF_LACP_PDU_UNKNOWN;
	else if (len < BF_LACP_FRAME_LEN)
		out->kind = BF_LACP_PDU_BAD;
	else if (frame[OFF_SUBTYPE] == SUBTYPE_LACP)
		out->kind = decode_lacp(frame, out);
	else
		out->kind = decode_marker(frame, out);
	return out->kind;
}

static void
put_header(uint8_t frame[BF_LACP_FRAME_LEN], const uint8_t src_mac[6], uint8_t subtype)
{
	memset(frame, 0, BF_LACP_FRAME_LEN);
	memcpy(frame, slow_group, sizeof(slow_group));
	memcpy(frame + OFF_SRC, src_mac, 6);
	bf_put_be16(frame + OFF_TYPE, BF_ETHERTYPE_SLOW);
	frame[OFF_SUBTYPE] = subtype;
	frame[OFF_VERSION] = 1;
}

void
bf_lacp_pdu_encode(uint8_t frame[BF_LACP_FRAME_LEN], const uint8_t src_mac[6],
	const struct bf_lacp_port *actor, const struct bf_lacp_port *partner)
{
	put_header(frame, src_mac, SUBTYPE_LACP);
	put_port(frame + OFF_ACTOR, TLV_ACTOR, actor);
	put_port(frame + OFF_PARTNER, TLV_PARTNER, partner);
	/* Collector maximum delay stays 0: frames are never held back on reception. */
	frame[OFF_COLLECTOR] = TLV_COLLECTOR;
	frame[OFF_COLLECTOR + 1] = TLV_COLLECTOR_LEN;
}

void
bf_lacp_marker_encode(uint8_t frame[BF_LACP_FRAME_LEN], const uint8_t src_mac[6],
	const struct bf_lacp_marker *marker, bool response)
{
	uint8_t *tlv = frame + OFF_MARKER;

	put_header(frame, src_mac, SUBTYPE_MARKER);
	tlv[0] = response ? TLV_MARKER_RESPONSE : TLV_MARKER;
	tlv[1] = TLV_MARKER_LEN;
	bf_put_be16(tlv + 2, marker->port);
	memcpy(tlv + 4, marker->system_id, 6);
	bf_put_be16(tlv + 10, (uint16_t)(marker->transaction >> 16));
	bf_put_be16(tlv + 12, (uint16_t)marker->transaction);
}
