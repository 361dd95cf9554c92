/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Writing LLDPDUs.
 *
 * Threads: ctx any (pure functions).
 */
#include <assert.h>
#include <string.h>

#include "base/be.h"
#include "base/build.h"
#include "base/net.h"
#include "base/text.h"
#include "lldp/lldp.h"
#include "lldp/wire.h"

#define SHORTEST 60
#define TEXT_MAX 70 /* bytes of a text of ours */

static_assert(14 + 9 + 4 + 4 * (3 + TEXT_MAX) + 6 + 8 + 11 + 8 + 2 <= BF_LLDP_FRAME_MAX,
	"all that is said fits");

static uint8_t *
tlv_begin(uint8_t *at, unsigned int type, size_t len)
{
	bf_put_be16(at, (uint32_t)(type << 9 | len));
	return at + 2;
}

static uint8_t *
organisation_begin(uint8_t *at, uint32_t org, uint8_t subtype, size_t len)
{
	at = tlv_begin(at, TLV_ORGANISATION, ORG_LEN + len);
	bf_put_be32(at, org << 8 | subtype);
	return at + ORG_LEN;
}

/* What fits, in whole characters. */
static size_t
text_fit(const char *text)
{
	size_t len = 0, n = strlen(text), more;

	while (len < n && (more = bf_text_utf8_len(text + len, n - len)) != 0 &&
		len + more <= TEXT_MAX)
		len += more;
	return len;
}

static uint8_t *
text_put(uint8_t *at, unsigned int type, const char *text)
{
	size_t len = text == NULL ? 0 : text_fit(text);

	if (len == 0)
		return at;
	at = tlv_begin(at, type, len);
	memcpy(at, text, len);
	return at + len;
}

/* Chassis, port, time to live. */
static uint8_t *
first_put(uint8_t *at, const struct bf_lldp_local *local)
{
	size_t len = text_fit(local->port);

	at = tlv_begin(at, TLV_CHASSIS, 7);
	*at++ = CHASSIS_MAC;
	memcpy(at, local->chassis, 6);
	at = tlv_begin(at + 6, TLV_PORT, 1 + len);
	*at++ = PORT_INTERFACE;
	memcpy(at, local->port, len);
	at = tlv_begin(at + len, TLV_TTL, 2);
	bf_put_be16(at, local->ttl_s);
	return at + 2;
}

static uint8_t *
options_put(uint8_t *at, const struct bf_lldp_local *local)
{
	at = text_put(at, TLV_PORT_DESCRIPTION, local->port_description);
	at = text_put(at, TLV_SYSTEM_NAME, local->system_name);
	at = text_put(at, TLV_SYSTEM_DESCRIPTION, local->system_description);
	at = tlv_begin(at, TLV_CAPABILITIES, 4);
	bf_put_be16(at, local->capabilities);
	bf_put_be16(at + 2, local->enabled);
	at += 4;
	if (local->pvid != 0) {
		at = organisation_begin(at, ORG_802_1, ORG_802_1_PVID, 2);
		bf_put_be16(at, local->pvid);
		at += 2;
	}
	at = organisation_begin(at, ORG_802_3, ORG_802_3_LAG, 5);
	*at++ = (uint8_t)((local->lag_capable ? LAG_CAPABLE : 0) |
		(local->lag_enabled ? LAG_ENABLED : 0));
	bf_put_be32(at, local->lag_enabled ? local->lag_port : 0);
	at = organisation_begin(at + 4, ORG_802_3, ORG_802_3_MAX_FRAME, 2);
	bf_put_be16(at, local->max_frame);
	return at + 2;
}

size_t
bf_lldp_build(const struct bf_lldp_local *local, uint8_t frame[BF_LLDP_FRAME_MAX])
{
	static const uint8_t nearest_bridge[6] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e};
	uint8_t *at = frame;
	size_t len;

	memset(frame, 0, BF_LLDP_FRAME_MAX);
	at = bf_build_ethernet(at, nearest_bridge, local->src, 0, BF_ETHERTYPE_LLDP);
	at = first_put(at, local);
	if (local->ttl_s != 0)
		at = options_put(at, local);
	len = (size_t)(at - frame) + 2; /* the end is zeroes */
	return len < SHORTEST ? SHORTEST : len;
}
