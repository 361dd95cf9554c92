/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How long the descriptor rings of members are.
 *
 * The PMD sets up all members with the bond's sizes.  A member that has its own, that the PMD has
 * started without its link interrupt (link_detect.h), or whose card works for it (card_offloads.h) is set up
 * and started anew.
 *
 * Threads: ctx control; member_restart_in_intr ctx intr.
 */
#include <inttypes.h>
#include <string.h>

#include <rte_errno.h>

#include "control/bond/bond.h"
#include "control/bond/card_offloads.h"
#include "control/bond/link_detect.h"
#include "control/compat.h"
#include "control/loop/intr.h"

struct bf_ring_sizes
bf_bond_ring_sizes(const struct bf_bond_config *cfg, const struct bf_member_config *m)
{
	struct bf_ring_sizes s = {(uint16_t)cfg->rxd, (uint16_t)cfg->txd};

	if (m != NULL && m->rxd != BF_OF_BOND)
		s.rxd = (uint16_t)m->rxd;
	if (m != NULL && m->txd != BF_OF_BOND)
		s.txd = (uint16_t)m->txd;
	return s;
}

/* The default is moved into the driver's limits; what somebody has asked for must be within them. */
static int
check_size(const char *key, uint32_t size, const struct rte_eth_desc_lim *lim, const char *member,
	const char *driver, struct bf_err *err)
{
	uint32_t most = lim->nb_max != 0 ? lim->nb_max : UINT16_MAX;
	uint32_t step = lim->nb_align != 0 ? lim->nb_align : 1;

	if (size == BF_RING_SIZE || (size >= lim->nb_min && size <= most && size % step == 0))
		return 0;
	return bf_err_set(err, EINVAL,
		"%s: \"%" PRIu32 "\": member %s (driver %s) takes %u to %" PRIu32
		" in steps of %" PRIu32,
		key, size, member, driver, RTE_MAX(lim->nb_min, (uint16_t)BF_RING_SIZE_MIN),
		RTE_MIN(most, (uint32_t)BF_RING_SIZE_MAX), step);
}

int
bf_bond_check_rings(const struct bf_bond_config *cfg, const struct bf_member_config *m,
	const struct rte_eth_dev_info *info, struct bf_err *err)
{
	struct bf_ring_sizes s = bf_bond_ring_sizes(cfg, m);
	int ret = check_size("rxd", s.rxd, &info->rx_desc_lim, m->name, info->driver_name, err);

	return ret != 0
		? ret
		: check_size("txd", s.txd, &info->tx_desc_lim, m->name, info->driver_name, err);
}

static bool
queues_differ(struct bf_ring_sizes a, struct bf_ring_sizes b)
{
	return a.rxd != b.rxd || a.txd != b.txd;
}

bool
bf_bond_has_own_rings(const struct bf_bond *b, unsigned int i)
{
	return queues_differ(
		bf_bond_ring_sizes(&b->cfg, &b->cfg.members[i]), bf_bond_ring_sizes(&b->cfg, NULL));
}

bool
bf_bond_other_rings(const struct bf_bond *b, const struct bf_bond_config *want)
{
	struct bf_ring_sizes all = bf_bond_ring_sizes(want, NULL);

	if (queues_differ(all, bf_bond_ring_sizes(&b->cfg, NULL)))
		return true;
	for (uint32_t i = 0; i < want->n_members; i++) {
		struct bf_ring_sizes s = bf_bond_ring_sizes(want, &want->members[i]);
		int at = bf_bond_config_member(&b->cfg, want->members[i].name);

		if (at >= 0 ? queues_differ(s, bf_bond_ring_sizes(&b->cfg, &b->cfg.members[at]))
			    : s.rxd > all.rxd || s.txd > all.txd)
			return true;
	}
	return false;
}

uint32_t
bf_bond_ring_frames(const struct bf_bond_config *cfg, uint32_t n_expected, bool rx)
{
	struct bf_ring_sizes all = bf_bond_ring_sizes(cfg, NULL);
	uint32_t n = 0;

	for (unsigned int i = 0; i < cfg->n_members; i++) {
		struct bf_ring_sizes s = bf_bond_ring_sizes(cfg, &cfg->members[i]);

		n += (rx ? s.rxd : 0) + (uint32_t)s.txd;
	}
	if (n_expected > cfg->n_members)
		n += (n_expected - cfg->n_members) * ((rx ? all.rxd : 0) + (uint32_t)all.txd);
	return n;
}

/* As the PMD did it. */
static int
set_up_queues(const struct bf_bond *b, uint16_t port, struct bf_ring_sizes s)
{
	unsigned int socket = (unsigned int)rte_eth_dev_socket_id(port);
	int ret = rte_eth_dev_adjust_nb_rx_tx_desc(port, &s.rxd, &s.txd);

	for (uint16_t q = 0; ret == 0 && q < b->n_queues; q++) {
		ret = rte_eth_rx_queue_setup(port, q, s.rxd, socket, NULL, b->pool);
		if (ret == 0)
			ret = rte_eth_tx_queue_setup(port, q, s.txd, socket, NULL);
	}
	return ret;
}

/* With what its card is to do, or without when the driver does not want it. */
static int
configure_member(const struct bf_bond *b, struct bf_member *m, struct rte_eth_conf *conf)
{
	uint16_t mtu;
	int ret;

	if (rte_eth_dev_get_mtu(m->port, &mtu) == 0)
		conf->rxmode.mtu =
			mtu; /* the PMD asked for the bond's, which may be more than it takes */
	bf_card_offloads_set(m, conf);
	ret = rte_eth_dev_configure(m->port, b->n_queues, b->n_queues, conf);
	if (ret == 0 || !bf_card_offloads_any(m))
		return ret;
	bf_card_offloads_give_up(m);
	bf_card_offloads_set(m, conf);
	return rte_eth_dev_configure(m->port, b->n_queues, b->n_queues, conf);
}

/* A member that is started once more. */
struct anew {
	const struct bf_bond *b;
	struct bf_member *m;
	struct rte_eth_conf conf;
	struct bf_ring_sizes sizes;
	int ret;
};

/*
 * Drivers whose start fails when the link is asked for meanwhile: an access to the PHY of an 82574 is a request and an
 * answer in one register, without a lock.  What asks is in the interrupt thread: the PMD's monitor, the device's own
 * interrupt, and for an interrupt of another member the PMD, which asks all that are active.  Their start waits for no
 * interrupt.
 */
static const char *const starts_in_intr[] = {"net_e1000_em"};

static bool
device_starts_in_intr(uint16_t port)
{
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(port, &info) != 0)
		return false;
	for (unsigned int i = 0; i < RTE_DIM(starts_in_intr); i++)
		if (strcmp(info.driver_name, starts_in_intr[i]) == 0)
			return true;
	return false;
}

static void
member_set_up(struct anew *a)
{
	a->ret = rte_eth_dev_stop(a->m->port);
	if (a->ret == 0)
		a->ret = configure_member(a->b, a->m, &a->conf);
	if (a->ret == 0)
		a->ret = set_up_queues(a->b, a->m->port, a->sizes);
}

/* Control waits; nobody asks the device before it has started. */
static void
member_restart_in_intr(void *arg)
{
	struct anew *a = arg;

	member_set_up(a);
	if (a->ret == 0)
		a->ret = rte_eth_dev_start(a->m->port);
}

static void
member_restart(struct anew *a)
{
	bf_link_detect_pause(a->b);
	member_set_up(a);
	if (a->ret != 0)
		return;
	bf_link_detect_pause(a->b);
	a->ret = rte_eth_dev_start(a->m->port);
}

int
bf_bond_start_anew(struct bf_bond *b, unsigned int i, struct bf_err *err)
{
	struct anew a = {.b = b,
		.m = &b->members[i],
		.sizes = bf_bond_ring_sizes(&b->cfg, &b->cfg.members[i])};
	int ret;

	a.ret = rte_eth_dev_conf_get(a.m->port, &a.conf);
	a.conf.intr_conf.lsc = a.m->has_interrupt && a.m->detect != BF_LINK_POLL;
	if (a.ret == 0 && !device_starts_in_intr(a.m->port))
		member_restart(&a);
	else if (a.ret == 0 && (ret = bf_intr_run(member_restart_in_intr, &a, 0)) != 0)
		a.ret = ret;
	bf_link_detect_set_period(b);
	if (a.ret == 0)
		return 0;
	return bf_err_set(err, -a.ret,
		"member: \"%s\": does not start with rxd=%u, txd=%u and its link interrupt %s: %s",
		a.m->name, a.sizes.rxd, a.sizes.txd, a.conf.intr_conf.lsc ? "on" : "off",
		rte_strerror(-a.ret));
}
