/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Reading LLDPDUs.
 *
 * One function walks over the TLVs and holds each to the frame's end; what reads a TLV gets its value and length,
 * and looks at nothing else.
 *
 * Threads: ctx any (pure functions).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/be.h"
#include "base/mac.h"
#include "base/net.h"
#include "base/text.h"
#include "lldp/lldp.h"
#include "lldp/wire.h"

#define HEADER 14 /* of Ethernet */
#define FIRST 3 /* TLVs that every PDU begins with */

/* The value of a TLV. */
struct value {
	const uint8_t *at;
	uint16_t len;
};

static void
text_take(struct value v, char *to, size_t size)
{
	size_t len = v.len < size - 1 ? v.len : size - 1;

	if (to[0] != '\0')
		return; /* the first one counts */
	while (len > 0 && v.at[len - 1] == '\0')
		len--; /* some switches send C's end of a string with it */
	memcpy(to, v.at, len);
	to[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (to[i] == '\0')
			to[i] = '?';
	bf_text_sanitize(to);
}

static bool
string_take(struct value v, char to[BF_LLDP_TEXT_SIZE])
{
	if (v.len >= BF_LLDP_TEXT_SIZE)
		return false;
	text_take(v, to, BF_LLDP_TEXT_SIZE);
	return true;
}

static bool
id_take(struct value v, struct bf_lldp_id *id)
{
	if (v.len < 2 || v.len > BF_LLDP_ID_MAX + 1)
		return false;
	id->subtype = v.at[0];
	id->len = (uint8_t)(v.len - 1);
	memcpy(id->at, v.at + 1, id->len);
	return true;
}

static bool
capabilities_take(struct value v, struct bf_lldp_pdu *pdu)
{
	if (v.len != 4)
		return false;
	if (!pdu->has_capabilities) {
		pdu->capabilities = bf_be16(v.at);
		pdu->enabled = bf_be16(v.at + 2);
	}
	return pdu->has_capabilities = true;
}

/* Length and family of the address, the address, how the interface is numbered, its number, an OID. */
static bool
management_take(struct value v, struct bf_lldp_pdu *pdu)
{
	const uint8_t *address = v.at + 2;
	uint16_t len;

	if (v.len < 9 || v.at[0] < 2 || v.at[0] > 32 || v.len < v.at[0] + 7)
		return false;
	len = (uint16_t)(v.at[0] - 1);
	if (v.at[v.at[0] + 6] != v.len - v.at[0] - 7)
		return false;
	if (pdu->management[0] != '\0')
		return true;
	if (v.at[1] == ADDRESS_IPV4 && len == 4)
		inet_ntop(AF_INET, address, pdu->management, sizeof(pdu->management));
	else if (v.at[1] == ADDRESS_IPV6 && len == 16)
		inet_ntop(AF_INET6, address, pdu->management, sizeof(pdu->management));
	else if (len == 6)
		bf_mac_text(address, pdu->management);
	return true;
}

static bool
vlan_take(struct value v, struct bf_lldp_pdu *pdu)
{
	struct bf_lldp_vlan *vlan;

	if (v.len < 3 || v.at[2] > 32 || v.len != v.at[2] + 3)
		return false;
	if (pdu->n_vlans == BF_LLDP_VLANS)
		return true;
	vlan = &pdu->vlans[pdu->n_vlans++];
	vlan->id = bf_be16(v.at) & 0xfff;
	text_take((struct value){v.at + 3, v.at[2]}, vlan->name, sizeof(vlan->name));
	return true;
}

/* 802.1 took the TLV over from 802.3; where both are said, the newer one counts. */
static bool
lag_take(struct value v, bool is_802_1, struct bf_lldp_pdu *pdu)
{
	if (v.len != 5)
		return false;
	if (pdu->has_lag && (pdu->lag_is_802_1 || !is_802_1))
		return true;
	pdu->has_lag = true;
	pdu->lag_is_802_1 = is_802_1;
	pdu->lag_capable = (v.at[0] & LAG_CAPABLE) != 0;
	pdu->lag_enabled = (v.at[0] & LAG_ENABLED) != 0;
	pdu->lag_port = bf_be32(v.at + 1);
	return true;
}

static bool
phy_take(struct value v, struct bf_lldp_pdu *pdu)
{
	if (v.len != 5)
		return false;
	if (!pdu->has_phy) {
		pdu->autoneg_supported = (v.at[0] & AUTONEG_SUPPORTED) != 0;
		pdu->autoneg_enabled = (v.at[0] & AUTONEG_ENABLED) != 0;
		pdu->mau_type = bf_be16(v.at + 3);
	}
	return pdu->has_phy = true;
}

static bool
number_take(struct value v, bool *has, uint16_t *to)
{
	if (v.len != 2)
		return false;
	if (!*has)
		*to = bf_be16(v.at);
	return *has = true;
}

static bool
organisation_take(struct value v, struct bf_lldp_pdu *pdu)
{
	struct value in = {v.at + ORG_LEN, (uint16_t)(v.len - ORG_LEN)};
	bool has_frame = pdu->max_frame != 0;
	uint32_t org;

	if (v.len < ORG_LEN)
		return false;
	org = bf_be32(v.at) >> 8;
	if (org == ORG_802_1 && v.at[3] == ORG_802_1_PVID)
		return number_take(in, &pdu->has_pvid, &pdu->pvid);
	if (org == ORG_802_1 && v.at[3] == ORG_802_1_VLAN_NAME)
		return vlan_take(in, pdu);
	if (org == ORG_802_1 && v.at[3] == ORG_802_1_LAG)
		return lag_take(in, true, pdu);
	if (org == ORG_802_3 && v.at[3] == ORG_802_3_LAG)
		return lag_take(in, false, pdu);
	if (org == ORG_802_3 && v.at[3] == ORG_802_3_PHY)
		return phy_take(in, pdu);
	if (org == ORG_802_3 && v.at[3] == ORG_802_3_MAX_FRAME)
		return number_take(in, &has_frame, &pdu->max_frame);
	pdu->n_unknown++;
	return true;
}

/* @return false: it is malformed */
static bool
option_take(unsigned int type, struct value v, struct bf_lldp_pdu *pdu)
{
	switch (type) {
	case TLV_PORT_DESCRIPTION:
		return string_take(v, pdu->port_description);
	case TLV_SYSTEM_NAME:
		return string_take(v, pdu->system_name);
	case TLV_SYSTEM_DESCRIPTION:
		return string_take(v, pdu->system_description);
	case TLV_CAPABILITIES:
		return capabilities_take(v, pdu);
	case TLV_MANAGEMENT:
		return management_take(v, pdu);
	case TLV_ORGANISATION:
		return organisation_take(v, pdu);
	default:
		pdu->n_unknown++;
		return true;
	}
}

/* Chassis, port and time to live: by number, 1 to 3. */
static int
first_take(unsigned int number, unsigned int type, struct value v, struct bf_lldp_pdu *pdu,
	struct bf_err *err)
{
	static const char *const names[] = {"", "chassis id", "port id", "time to live"};
	struct bf_lldp_id *id = number == TLV_CHASSIS ? &pdu->chassis : &pdu->port;

	if (type != number)
		return bf_err_set(
			err, EINVAL, "TLV %u: type %u: expected %s", number, type, names[number]);
	if (number == TLV_TTL) {
		if (v.len < 2)
			return bf_err_set(err, EINVAL, "%s: %u bytes: expected 2 or more",
				names[number], v.len);
		pdu->ttl_s = bf_be16(v.at);
		return 0;
	}
	if (!id_take(v, id))
		return bf_err_set(
			err, EINVAL, "%s: %u bytes: expected 2 to 256", names[number], v.len);
	return 0;
}

int
bf_lldp_parse(const uint8_t *frame, size_t len, struct bf_lldp_pdu *pdu, struct bf_err *err)
{
	unsigned int number = 1;
	size_t at = HEADER;

	memset(pdu, 0, sizeof(*pdu));
	if (len < HEADER || bf_be16(frame + 12) != BF_ETHERTYPE_LLDP)
		return bf_err_set(err, EINVAL, "frame: %zu bytes: expected an LLDPDU", len);
	for (; at + 2 <= len; number++) {
		uint16_t head = bf_be16(frame + at);
		struct value v = {frame + at + 2, head & 0x1ff};
		unsigned int type = head >> 9;

		at += 2u + v.len;
		if (at > len)
			return bf_err_set(err, EINVAL, "TLV %u: %u bytes: goes beyond the frame",
				number, v.len);
		if (number <= FIRST) {
			if (first_take(number, type, v, pdu, err) != 0)
				return -EINVAL;
		} else if (type == TLV_END) {
			return 0;
		} else if (type <= TLV_TTL) {
			return bf_err_set(
				err, EINVAL, "TLV %u: type %u: expected once", number, type);
		} else if (!option_take(type, v, pdu)) {
			pdu->n_malformed++;
		}
		if (number == FIRST && pdu->ttl_s == 0)
			return 0; /* what follows does not count (9.2.7.6) */
	}
	/* The end may be left out: the frame's is one, too. */
	return number > FIRST
		? 0
		: bf_err_set(err, EINVAL, "frame: %zu bytes: ends before the time to live", len);
}

bool
bf_lldp_id_is_equal(const struct bf_lldp_id *a, const struct bf_lldp_id *b)
{
	return a->subtype == b->subtype && a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

bool
bf_lldp_is_same(const struct bf_lldp_pdu *a, const struct bf_lldp_pdu *b)
{
	return bf_lldp_id_is_equal(&a->chassis, &b->chassis) &&
		bf_lldp_id_is_equal(&a->port, &b->port);
}
