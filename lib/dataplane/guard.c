/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See guard.h.
 *
 * Threads: worker (pure functions).
 */
#include "dataplane/guard.h"

#include "base/be.h"
#include "dataplane/inside.h"

/* First bytes of an address, as loaded little-endian. */
#define BYTES(a, b, c, d, e, f) \
	((uint64_t)(f) << 40 | (uint64_t)(e) << 32 | (uint64_t)(d) << 24 | (uint64_t)(c) << 16 | \
		(uint64_t)(b) << 8 | (a))

static const uint64_t control_addresses[] = {
	BF_GUARD_WORD(BYTES(0x01, 0x80, 0xc2, 0x00, 0x00, 0x00), 42), /* 00 to 3f */
	BF_GUARD_WORD(BYTES(0x01, 0x19, 0xa7, 0x00, 0x00, 0x00), 40), /* R-APS */
	BF_GUARD_WORD(BYTES(0x01, 0x00, 0x0c, 0x00, 0x00, 0x00), 48), /* ISL, DISL */
	BF_GUARD_WORD(BYTES(0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xc0), 44), /* CDP, VTP, DTP, PVST+ */
	BF_GUARD_WORD(
		BYTES(0x01, 0x00, 0x0c, 0xcd, 0xcd, 0xc0), 44), /* uplink fast, STP of VLANs */
	BF_GUARD_WORD(BYTES(0x00, 0xe0, 0x2b, 0x00, 0x00, 0x00), 45), /* EDP, EAPS: 00 to 07 */
};

static const uint16_t control_types[] = {
	RTE_BE16(0x88cc), /* LLDP */
	RTE_BE16(0x8808), /* pause */
	RTE_BE16(0x88f5), /* MVRP */
	RTE_BE16(0x22ea), /* MSRP */
	RTE_BE16(0x8902), /* CFM */
	RTE_BE16(0x88e3), /* media redundancy */
};

bool
bf_guard_is_control(const struct bf_frame *f)
{
	for (unsigned int i = 0; i < RTE_DIM(control_types); i++)
		if (f->type == control_types[i])
			return true;
	for (unsigned int i = 0; i < RTE_DIM(control_addresses); i++)
		if (bf_guard_word_has(control_addresses[i], f->dst & BF_FDB_MAC_MASK))
			return true;
	return false;
}

static bool
is_for_dhcp_client(const struct bf_inside *in)
{
	uint16_t port = in->type == BF_ET_IPV4 ? BF_PORT_DHCP_CLIENT : BF_PORT_DHCPV6_CLIENT;

	return in->proto == BF_PROTO_UDP && bf_be16(in->upper + 2) == port;
}

static bool
is_of_router(const struct bf_inside *in)
{
	return in->type == BF_ET_IPV6 && in->proto == BF_PROTO_ICMPV6 &&
		(in->upper[0] == BF_ND_ROUTER_ADVERT || in->upper[0] == BF_ND_REDIRECT);
}

enum bf_drop
bf_guard_judge(uint32_t guards, const struct bf_inside *in)
{
	if (in->hidden)
		return BF_DROP_HIDDEN_HEADER;
	if (in->upper == NULL)
		return BF_DROP_COUNT;
	if ((guards & BF_GUARD_DHCP) && is_for_dhcp_client(in))
		return BF_DROP_ROGUE_DHCP;
	if ((guards & BF_GUARD_ROUTER) && is_of_router(in))
		return BF_DROP_ROGUE_ROUTER;
	return BF_DROP_COUNT;
}
