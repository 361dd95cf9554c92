/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See card_offloads.h.
 *
 * Threads: ctx control.
 */
#include "control/bond/card_offloads.h"

#include <string.h>

#include "dataplane/offload.h"

#define TX_SUMS (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define TX_SEGMENTS \
	(TX_SUMS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO | \
		RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
#define RX_SUMS (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)

/* Drivers of devices that are software themselves, or do less than they say. */
static const struct {
	const char *driver;
	uint64_t tx, rx; /* that are not used */
} quirks[] = {
	{"net_tap", RTE_ETH_TX_OFFLOAD_TCP_TSO, 0}, /* cuts IPv4 only, with librte_gso */
	{"net_virtio", 0, ~0ULL}, /* the other end leaves checksums undone then: RX_L4_CKSUM_NONE */
	{"net_vhost", ~0ULL, ~0ULL}, /* whoever is behind it may change, and takes less then */
	{"net_virtio_user", ~0ULL, ~0ULL},
};

static void
leave_out(const char *driver, uint64_t *tx, uint64_t *rx)
{
	for (unsigned int i = 0; i < RTE_DIM(quirks); i++) {
		if (strcmp(driver, quirks[i].driver) != 0)
			continue;
		*tx &= ~quirks[i].tx;
		*rx &= ~quirks[i].rx;
	}
}

static bool
has_all(uint64_t can, uint64_t what)
{
	return (can & what) == what;
}

void
bf_card_offloads_find(struct bf_bond *b, unsigned int i)
{
	struct bf_member *m = &b->members[i];
	struct rte_eth_dev_info info;
	uint64_t tx, rx;

	bf_card_offloads_give_up(m);
	if (b->cfg.members[i].no_offload || rte_eth_dev_info_get(m->port, &info) != 0)
		return;
	tx = info.tx_offload_capa;
	rx = info.rx_offload_capa;
	leave_out(info.driver_name, &tx, &rx);
	if (has_all(tx, TX_SUMS))
		m->offloads = BF_OFFLOAD_CSUM;
	if (has_all(tx, TX_SEGMENTS))
		m->offloads |= BF_OFFLOAD_TSO | BF_OFFLOAD_ECN;
	m->verifies = has_all(rx, RX_SUMS);
}

void
bf_card_offloads_set(const struct bf_member *m, struct rte_eth_conf *conf)
{
	conf->txmode.offloads &= ~(TX_SEGMENTS & ~RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	conf->rxmode.offloads &= ~RX_SUMS;
	if (m->offloads & BF_OFFLOAD_CSUM)
		conf->txmode.offloads |= TX_SUMS;
	if (m->offloads & BF_OFFLOAD_TSO)
		conf->txmode.offloads |= TX_SEGMENTS;
	if (m->verifies)
		conf->rxmode.offloads |= RX_SUMS;
}
