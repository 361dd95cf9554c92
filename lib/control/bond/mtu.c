/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The MTU that members' drivers are given, so that frames with two VLAN tags pass.
 *
 * Drivers count differently what an MTU allows: some leave room for two tags, some for one, some
 * for none, and cards drop what is longer.  What is missing is added to the MTU.  Ports of the
 * kernel (net_tap, net_af_packet) drop nothing, and their MTU is seen by the host: they keep it.
 *
 * Threads: ctx control.
 */
#include <inttypes.h>
#include <string.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>

#include "control/bond/bond.h"
#include "control/compat.h"

#define BARE (RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN)
#define TAGS (BF_FRAME_OVERHEAD - RTE_ETHER_HDR_LEN)

/* As ethdev reckons it: 0 = the driver does not say what it adds to the MTU. */
static uint32_t
known_overhead(const struct rte_eth_dev_info *info)
{
	return info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu
		? info->max_rx_pktlen - info->max_mtu
		: 0;
}

/* Bytes for tags that the driver does not allow for beyond the MTU. */
static uint32_t
missing_room(const struct rte_eth_dev_info *info)
{
	uint32_t overhead = known_overhead(info);

	if (strcmp(rte_bus_name(rte_dev_bus(info->device)), "pci") != 0)
		return 0;
	if (overhead == 0)
		overhead = BARE + sizeof(struct rte_vlan_hdr); /* net_e1000_em and others */
	return overhead >= BARE + TAGS ? 0 : BARE + TAGS - overhead;
}

static uint32_t
largest_mtu(const struct rte_eth_dev_info *info)
{
	uint32_t overhead = RTE_MAX(known_overhead(info), (uint32_t)BARE);

	return RTE_MIN((uint32_t)info->max_mtu, info->max_rx_pktlen - overhead);
}

uint32_t
bf_bond_device_mtu(const struct bf_bond *b, uint32_t mtu)
{
	uint32_t room = 0, limit = UINT16_MAX;
	struct rte_eth_dev_info info;

	for (unsigned int i = 0; i < b->n_members; i++)
		if (rte_eth_dev_info_get(b->members[i].port, &info) == 0) {
			room = RTE_MAX(room, missing_room(&info));
			limit = RTE_MIN(limit, largest_mtu(&info));
		}
	return RTE_MAX(mtu, RTE_MIN(mtu + room, limit));
}

int
bf_bond_device_set_mtu(struct bf_bond *b, uint32_t mtu, struct bf_err *err)
{
	uint16_t of_device = (uint16_t)bf_bond_device_mtu(b, mtu);
	unsigned int done = 0;
	int ret = 0;

	for (; done < b->n_members; done++) {
		ret = rte_eth_dev_set_mtu(b->members[done].port, of_device);
		if (ret != 0 && ret != -ENOTSUP) /* without the operation there is nothing to set */
			break;
	}
	if (done == b->n_members)
		return 0;
	bf_err_set(err, -ret, "mtu: \"%" PRIu32 "\": member %s: %s", mtu, b->members[done].name,
		rte_strerror(-ret));
	of_device = (uint16_t)bf_bond_device_mtu(b, b->cfg.mtu);
	while (done > 0)
		rte_eth_dev_set_mtu(b->members[--done].port, of_device);
	return ret;
}
