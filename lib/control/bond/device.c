/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The bonding PMD as we run it: mode 4 with the external state machine.
 *
 * Threads: ctx control; bond_on_link_event and bond_on_slow_frame ctx intr.
 */
#include "control/bond/bond.h"
#include "control/bond/card_offloads.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>

#include "base/log.h"
#include "base/mac.h"
#include "base/words.h"
#include "control/bond/link_ask.h"
#include "control/bond/link_detect.h"
#include "control/bond/rx_interrupts.h"
#include "control/compat.h"
#include "control/loop/notify.h"
#include "control/memory/amounts.h"
#include "control/memory/nodes.h"
#include "control/memory/pools.h"

#define PMD_SLOW_FRAMES 512 /* what the PMD takes beside, rings and headers, generously */
#define PMD_SLOW_ROOM 256

/* What the interrupt thread needs of each bond: its callback may come while the bond is opened or closed. */
static struct wires {
	struct bf_carrier carrier; /* intr and control: w; worker: r */
	uint32_t held_down; /* members that are switched off by hand; control: w */
	uint32_t gone; /* members whose devices were taken out of the machine; intr: w */
	uint32_t interrupts[BF_MAX_MEMBERS]; /* of each link; intr: w, control: r */
} wires[BF_MAX_BONDS];
static int16_t member_of[RTE_MAX_ETHPORTS]; /* bond * BF_MAX_MEMBERS + bit + 1, 0 = none */

static struct wires *
wires_of(const struct bf_bond *b)
{
	return &wires[b->number];
}

const struct bf_carrier *
bf_bond_device_carrier(const struct bf_bond *b)
{
	return &wires_of(b)->carrier;
}

int
bf_bond_device_owner(uint16_t port)
{
	int member =
		port < RTE_MAX_ETHPORTS ? __atomic_load_n(&member_of[port], __ATOMIC_ACQUIRE) : 0;

	return member == 0 ? -1 : (member - 1) / BF_MAX_MEMBERS;
}

/* The vdev bus finds the driver by the device's name. */
static const char *
device_name(const char *bond, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s", strncmp(bond, "net_bonding", 11) == 0 ? "" : "net_bonding_",
		bond);
	return buf;
}

/* Members that have no carrier whatever their drivers say. */
static uint32_t
never_up(const struct wires *w)
{
	return __atomic_load_n(&w->held_down, __ATOMIC_ACQUIRE) |
		__atomic_load_n(&w->gone, __ATOMIC_ACQUIRE);
}

static void
carrier_set(struct wires *w, unsigned int bit, bool up)
{
	uint32_t old;

	if (up && !(never_up(w) & 1u << bit)) {
		__atomic_fetch_or(&w->carrier.bits, 1u << bit, __ATOMIC_RELEASE);
		return;
	}
	old = __atomic_fetch_and(&w->carrier.bits, ~(1u << bit), __ATOMIC_ACQ_REL);
	if (!(old & 1u << bit))
		return;
	__atomic_store_n(&w->carrier.lost_tsc, rte_rdtsc(), __ATOMIC_RELAXED);
	__atomic_fetch_add(&w->carrier.losses, 1, __ATOMIC_RELEASE);
}

/* Workers leave a dead member at their next burst; control hears of it afterwards. */
static int
bond_on_link_event(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	int member = __atomic_load_n(&member_of[port], __ATOMIC_ACQUIRE) - 1;
	unsigned int bit = (unsigned int)member % BF_MAX_MEMBERS;
	struct wires *w = &wires[(unsigned int)member / BF_MAX_MEMBERS % BF_MAX_BONDS];
	struct bf_notice n = {.kind = BF_NOTICE_LINK, .a = port};
	struct rte_eth_link link = {0};

	RTE_SET_USED(arg);
	RTE_SET_USED(ret);
	if (member < 0)
		return 0;
	__atomic_fetch_add(&w->interrupts[bit], 1, __ATOMIC_RELEASE);
	if (type == RTE_ETH_EVENT_INTR_RMV) {
		__atomic_fetch_or(&w->gone, 1u << bit, __ATOMIC_RELEASE);
		carrier_set(w, bit, false);
	} else if (rte_eth_link_get_nowait(port, &link) == 0) {
		carrier_set(w, bit, link.link_status == RTE_ETH_LINK_UP);
	}
	bf_notify_post(&n);
	return 0;
}

/* The kernel says that a device leaves: that may be long before its driver notices. */
static void
bond_on_device_event(const char *device, enum rte_dev_event_type type, void *arg)
{
	uint16_t port;

	if (type == RTE_DEV_EVENT_REMOVE && device != NULL &&
		rte_eth_dev_get_port_by_name(device, &port) == 0)
		bond_on_link_event(port, RTE_ETH_EVENT_INTR_RMV, arg, NULL);
}

void
bf_bond_device_watch(bool on)
{
	if (on) {
		rte_dev_event_callback_register(NULL, bond_on_device_event, NULL);
		rte_dev_event_monitor_start();
	} else {
		rte_dev_event_monitor_stop();
		rte_dev_event_callback_unregister(NULL, bond_on_device_event, NULL);
	}
}

static void
listen_for(uint16_t port, bool on)
{
	static const enum rte_eth_event_type types[] = {
		RTE_ETH_EVENT_INTR_LSC, RTE_ETH_EVENT_INTR_RMV};

	for (unsigned int i = 0; i < RTE_DIM(types); i++)
		if (on)
			rte_eth_dev_callback_register(port, types[i], bond_on_link_event, NULL);
		else
			rte_eth_dev_callback_unregister(port, types[i], bond_on_link_event, NULL);
}

/* The PMD wants such a function; workers read the members, so the PMD sees no frame. */
static void
bond_on_slow_frame(uint16_t port, struct rte_mbuf *m)
{
	RTE_SET_USED(port);
	rte_pktmbuf_free(m);
}

struct bf_member_link
bf_bond_device_link(const struct bf_bond *b, unsigned int i)
{
	unsigned int bit = b->members[i].bit;
	struct rte_eth_link link = {0};
	struct bf_member_link l;

	l.driver_up =
		bf_link_ask(b->members[i].port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
	l.up = l.driver_up && !(never_up(wires_of(b)) & 1u << bit);
	l.speed_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	l.full_duplex = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
	carrier_set(wires_of(b), bit, l.up);
	return l;
}

uint32_t
bf_bond_device_interrupts(const struct bf_bond *b, unsigned int i)
{
	return __atomic_load_n(&wires_of(b)->interrupts[b->members[i].bit], __ATOMIC_ACQUIRE);
}

bool
bf_bond_device_is_gone(const struct bf_bond *b, unsigned int i)
{
	return __atomic_load_n(&wires_of(b)->gone, __ATOMIC_ACQUIRE) >> b->members[i].bit & 1;
}

void
bf_bond_device_hold_down(const struct bf_bond *b, unsigned int i, bool on)
{
	uint32_t bit = 1u << b->members[i].bit;

	if (!on) {
		__atomic_fetch_and(&wires_of(b)->held_down, ~bit, __ATOMIC_RELEASE);
		return;
	}
	__atomic_fetch_or(&wires_of(b)->held_down, bit, __ATOMIC_RELEASE);
	carrier_set(wires_of(b), b->members[i].bit, false);
}

int
bf_bond_find_port(const char *name, uint16_t *port, struct bf_err *err)
{
	char list[256] = "", dev[RTE_ETH_NAME_MAX_LEN];
	uint16_t p;

	if (rte_eth_dev_get_port_by_name(name, port) == 0)
		return 0;
	RTE_ETH_FOREACH_DEV(p) {
		struct rte_eth_dev_info info;

		if (rte_eth_dev_get_name_by_port(p, dev) == 0 &&
			rte_eth_dev_info_get(p, &info) == 0 &&
			strcmp(info.driver_name, "net_bonding") != 0)
			bf_words_add(list, sizeof(list), ", ", dev);
	}
	return bf_err_set(err, ENODEV, "member: \"%s\": no such device: expected one of %s", name,
		list[0] != '\0' ? list : "(no device: see -a, --vdev)");
}

/* What mode 4 and a switch need of a member's driver. */
static int
check_member(
	const struct bf_bond *b, const struct bf_bond_config *cfg, uint32_t at, struct bf_err *err)
{
	const char *name = cfg->members[at].name;
	struct rte_eth_dev_info info;
	bool ours = b->open && bf_bond_config_member(&b->cfg, name) >= 0;
	unsigned int queues = b->lcores->n;
	uint16_t port;
	int ret = bf_bond_find_port(name, &port, err);

	if (ret != 0)
		return ret;
	if (rte_eth_dev_info_get(port, &info) != 0)
		return bf_err_set(
			err, EIO, "member: \"%s\": the driver gives no information", name);
	if (strcmp(info.driver_name, "net_bonding") == 0)
		return bf_err_set(err, EINVAL, "member: \"%s\": is a bond: expected a port", name);
	/* What another bond of ours has, it gives up first: it is wanted in one of them. */
	if (!ours && bf_bond_device_owner(port) < 0 && (*info.dev_flags & BF_DEV_IS_BOND_MEMBER))
		return bf_err_set(err, EBUSY, "member: \"%s\": already used by another bond", name);
	if (info.max_rx_queues < queues || info.max_tx_queues < queues)
		return bf_err_set(err, EINVAL,
			"member: \"%s\": driver %s has %u receive and %u transmit queues: expected "
			"at least %u, one per worker lcore",
			name, info.driver_name, info.max_rx_queues, info.max_tx_queues, queues);
	ret = bf_bond_check_rings(cfg, &cfg->members[at], &info, err);
	if (ret != 0)
		return ret;
	if (cfg->mtu > info.max_mtu || cfg->mtu + RTE_ETHER_HDR_LEN > info.max_rx_pktlen)
		return bf_err_set(err, EINVAL,
			"mtu: \"%" PRIu32 "\": member %s (driver %s) takes %u to %u", cfg->mtu,
			name, info.driver_name, info.min_mtu,
			RTE_MIN((uint32_t)info.max_mtu, info.max_rx_pktlen - RTE_ETHER_HDR_LEN));
	return 0;
}

bool
bf_bond_device_is_longer(const struct bf_bond *b, const struct bf_bond_config *want)
{
	struct rte_eth_dev_info bond, member;
	struct bf_err err;
	uint16_t port;

	if (rte_eth_dev_info_get(b->port, &bond) != 0)
		return false;
	for (uint32_t i = 0; i < want->n_members; i++)
		if (bf_bond_config_member(&b->cfg, want->members[i].name) < 0 &&
			bf_bond_find_port(want->members[i].name, &port, &err) == 0 &&
			rte_eth_dev_info_get(port, &member) == 0 &&
			member.max_rx_pktlen < bond.max_rx_pktlen)
			return true;
	return false;
}

int
bf_bond_check(const struct bf_bond *b, const struct bf_bond_config *cfg, struct bf_err *err)
{
	char dev[RTE_ETH_NAME_MAX_LEN];
	uint16_t port;
	int ret;

	for (uint32_t i = 0; i < cfg->n_members; i++) {
		ret = check_member(b, cfg, i, err);
		if (ret != 0)
			return ret;
	}
	if (!(b->open && strcmp(b->cfg.name, cfg->name) == 0) &&
		rte_eth_dev_get_port_by_name(device_name(cfg->name, dev, sizeof(dev)), &port) == 0)
		return bf_err_set(
			err, EEXIST, "bond name: \"%s\": a device has this name", cfg->name);
	return 0;
}

static int
lacp_setup(struct bf_bond *b, struct bf_err *err)
{
	struct rte_eth_bond_8023ad_conf conf;
	int ret = rte_eth_bond_8023ad_conf_get(b->port, &conf);

	if (ret == 0) {
		conf.slowrx_cb = bond_on_slow_frame;
		ret = rte_eth_bond_8023ad_setup(b->port, &conf);
	}
	return ret == 0
		? 0
		: bf_err_set(err, EIO, "bond %s: the PMD refuses the external state machine",
			  b->cfg.name);
}

static int
device_configure(struct bf_bond *b, struct bf_err *err)
{
	struct rte_eth_conf conf;
	struct rte_eth_dev_info info;
	uint16_t rxd = (uint16_t)b->cfg.rxd, txd = (uint16_t)b->cfg.txd;
	int ret = rte_eth_dev_info_get(b->port, &info);

	memset(&conf, 0, sizeof(conf));
	if (ret != 0)
		return bf_err_set(err, -ret, "bond %s: no device information", b->cfg.name);
	conf.rxmode.mtu = bf_bond_device_mtu(b, b->cfg.mtu);
	if (!bf_pool_fits(b->pool, b->cfg.mtu))
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	conf.rxmode.offloads &= info.rx_offload_capa;
	conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS & info.tx_offload_capa;
	if (b->n_queues > 1 && info.flow_type_rss_offloads != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP);
	}
	ret = rte_eth_dev_configure(b->port, b->n_queues, b->n_queues, &conf);
	if (ret == 0)
		ret = rte_eth_dev_adjust_nb_rx_tx_desc(b->port, &rxd, &txd);
	for (uint16_t q = 0; ret == 0 && q < b->n_queues; q++) {
		ret = rte_eth_rx_queue_setup(b->port, q, rxd, SOCKET_ID_ANY, NULL, b->pool);
		if (ret == 0)
			ret = rte_eth_tx_queue_setup(b->port, q, txd, SOCKET_ID_ANY, NULL);
	}
	if (ret != 0)
		return bf_err_set(err, -ret,
			"bond %s: cannot be configured with %u queues and mtu %" PRIu32 ": %s",
			b->cfg.name, b->n_queues, b->cfg.mtu, rte_strerror(-ret));
	return 0;
}

static int
device_start(struct bf_bond *b, struct bf_err *err)
{
	struct rte_ether_addr mac;
	int ret = 0;

	if (!bf_mac_is_zero(b->cfg.mac)) {
		memcpy(mac.addr_bytes, b->cfg.mac, sizeof(mac.addr_bytes));
		ret = rte_eth_bond_mac_address_set(b->port, &mac);
	}
	if (ret == 0)
		ret = rte_eth_dev_start(b->port);
	if (ret != 0)
		return bf_err_set(err, EIO,
			"bond %s: does not start: see the driver's messages above", b->cfg.name);
	/* A mode 4 bond that is not promiscuous drops everything that is not for itself. */
	rte_eth_allmulticast_enable(b->port);
	ret = rte_eth_promiscuous_enable(b->port);
	if (ret != 0 || rte_eth_promiscuous_get(b->port) != 1)
		return bf_err_set(err, ENOTSUP,
			"bond %s: no member's driver can be promiscuous, which a switch needs "
			"(net_virtio_user: give it cq=1)",
			b->cfg.name);
	rte_eth_macaddr_get(b->port, &b->mac);
	return 0;
}

/*
 * The PMD takes a pool of slow frames for a member when its link comes up, one frame per transmit
 * descriptor, and ends the process when there is no memory for it.  So the same is taken, and
 * given back, before a member is let in; control is the only one that takes memory.  A link that
 * comes up for the first time when memory has become short since is not covered.
 */
static bool
has_memory_for(const struct bf_bond *b, unsigned int n_members, int socket)
{
	struct rte_mempool *p = rte_pktmbuf_pool_create("bf_member_probe",
		n_members * (b->n_queues * b->cfg.txd + PMD_SLOW_FRAMES), 32, 0,
		RTE_PKTMBUF_HEADROOM + PMD_SLOW_ROOM, socket);

	rte_mempool_free(p);
	return p != NULL;
}

/* The PMD starts all members alike; some want it otherwise. */
static bool
has_own_way(const struct bf_bond *b, unsigned int i)
{
	const struct bf_member *m = &b->members[i];
	bool late = b->open && m->has_interrupt && m->detect == BF_LINK_AUTO;

	return late || bf_bond_has_own_rings(b, i) || bf_card_offloads_any(m);
}

static int
start_own_way(struct bf_bond *b, unsigned int i, struct bf_err *err)
{
	return has_own_way(b, i) ? bf_bond_start_anew(b, i, err) : 0;
}

/* The PMD tells the members that are there when it starts; a card that comes later would drop what is for guests. */
static void
member_hear_all(const struct bf_member *m)
{
	int ret = rte_eth_promiscuous_enable(m->port);

	rte_eth_allmulticast_enable(m->port);
	if (ret != 0)
		BF_WARN("bond", "%s: cannot be promiscuous: it may drop what is for guests: %s",
			m->name, rte_strerror(-ret));
}

int
bf_bond_device_add(struct bf_bond *b, unsigned int i, struct bf_err *err)
{
	struct bf_member *m = &b->members[i];
	uint16_t port;
	int ret = bf_bond_find_port(m->name, &port, err);

	if (ret != 0)
		return ret;
	if (!has_memory_for(b, 1, rte_eth_dev_socket_id(port)))
		return bf_nodes_are_several()
			? bf_err_set(err, ENOMEM,
				  "member: \"%s\": out of memory on node %d, where it is: expected more "
				  "hugepages there",
				  m->name, rte_eth_dev_socket_id(port))
			: bf_err_set(err, ENOMEM,
				  "member: \"%s\": out of memory: expected more hugepages or -m",
				  m->name);
	m->port = port;
	bf_card_offloads_find(b, i);
	rte_eth_macaddr_get(port, &m->mac);
	m->wakes = bf_rx_interrupts_ask(port, b->n_queues);
	__atomic_fetch_and(&wires_of(b)->gone, ~(1u << m->bit), __ATOMIC_RELEASE);
	bf_bond_device_hold_down(b, i, b->off || m->off);
	__atomic_store_n(&member_of[port], (int16_t)(b->number * BF_MAX_MEMBERS + m->bit + 1),
		__ATOMIC_RELEASE);
	carrier_set(wires_of(b), m->bit, false);
	bf_link_detect_prepare(b, i);
	if (rte_eth_bond_member_add(b->port, port) != 0) {
		bf_link_detect_restore(b, i);
		__atomic_store_n(&member_of[port], 0, __ATOMIC_RELEASE);
		return bf_err_set(err, EIO,
			"member: \"%s\": the bonding driver refuses it: see its messages above",
			m->name);
	}
	listen_for(port, true);
	bf_link_detect_finish(b, i);
	if (b->open) { /* the bond runs, and has started it */
		member_hear_all(m);
		ret = start_own_way(b, i, err);
	}
	if (ret != 0)
		bf_bond_device_remove(b, i);
	return ret;
}

void
bf_bond_device_remove(struct bf_bond *b, unsigned int i)
{
	struct bf_member *m = &b->members[i];

	listen_for(m->port, false);
	rte_eth_bond_member_remove(b->port, m->port);
	bf_link_detect_restore(b, i);
	if (b->off || m->off)
		bf_link_switch(m->port, true); /* as we found it */
	bf_lcores_grace(b->lcores); /* worker 0 may be sending an LACPDU there */
	rte_eth_dev_stop(m->port);
	__atomic_store_n(&member_of[m->port], 0, __ATOMIC_RELEASE);
	carrier_set(wires_of(b), m->bit, false);
	bf_bond_device_collect(b, i, false);
}

/* Most of the cards are on; a card that writes to another node's memory passes its own cache by. */
static int
node_of_members(const struct bf_bond *b)
{
	int nodes[BF_MAX_MEMBERS];
	struct bf_err err;
	uint16_t port;

	if (!bf_nodes_are_several())
		return SOCKET_ID_ANY;
	for (unsigned int i = 0; i < b->n_members; i++)
		nodes[i] = bf_bond_find_port(b->members[i].name, &port, &err) == 0
			? bf_nodes_of_port(port)
			: BF_NODE_UNKNOWN;
	return bf_nodes_most(nodes, b->n_members);
}

static struct rte_mempool *
take_frames(const struct bf_bond *b)
{
	uint32_t n =
		bf_amount_frames(b->n_queues, bf_bond_ring_frames(&b->cfg, b->n_expected, true));
	int node = node_of_members(b);
	struct rte_mempool *p = bf_pool_create(b->cfg.name, n, b->cfg.mtu, node);

	if (p != NULL && bf_nodes_differ(node, bf_pool_node(p)))
		bf_event(b->events, BF_LOG_WARNING, "numa_memory", b->cfg.name,
			"its cards are on node %d, which has no memory for its %" PRIu32
			" frames: they are on node %d; expected more huge pages on node %d",
			node, n, bf_pool_node(p), node);
	return p;
}

int
bf_bond_device_check_frames(
	const struct bf_bond *b, const struct bf_bond_config *want, struct bf_err *err)
{
	uint32_t rings = RTE_MAX(bf_bond_ring_frames(&b->cfg, b->n_expected, true),
		bf_bond_ring_frames(want, b->n_expected, true));
	struct rte_mempool *p;

	if (!bf_pool_is_shared(b->pool))
		return 0;
	p = bf_pool_create(want->name, bf_amount_frames(b->n_queues, rings),
		RTE_MAX(want->mtu, b->cfg.mtu), node_of_members(b));
	if (p == NULL)
		return bf_err_set(err, ENOMEM,
			"bond %s: out of memory to open it anew while guests use its frames: "
			"expected more hugepages or -m",
			want->name);
	bf_pool_retire(p);
	return 0;
}

uint32_t
bf_bond_guest_frames(const struct bf_bond *b, unsigned int n_workers)
{
	return bf_amount_frames(n_workers, bf_bond_ring_frames(&b->cfg, b->n_expected, false));
}

int
bf_bond_device_create(struct bf_bond *b, struct bf_err *err)
{
	char dev[RTE_ETH_NAME_MAX_LEN];
	unsigned int added = 0;
	int ret = 0, port;

	b->n_queues = (uint16_t)b->lcores->n;
	b->pool = take_frames(b);
	if (b->pool == NULL)
		return bf_err_set(err, ENOMEM,
			"bond %s: out of memory for its frames: expected more hugepages or -m",
			b->cfg.name);
	port = rte_eth_bond_create(
		device_name(b->cfg.name, dev, sizeof(dev)), BONDING_MODE_8023AD, 0);
	if (port < 0) {
		ret = bf_err_set(err, -port, "bond %s: cannot be created: %s", b->cfg.name,
			rte_strerror(-port));
		goto err_pool;
	}
	b->port = (uint16_t)port;
	bf_link_detect_create(b);
	ret = lacp_setup(b, err);
	if (ret == 0 && !has_memory_for(b, b->n_members, SOCKET_ID_ANY))
		ret = bf_err_set(err, ENOMEM,
			"bond %s: out of memory for %" PRIu32
			" members: expected more hugepages or -m",
			b->cfg.name, b->n_members);
	for (; ret == 0 && added < b->n_members; added += ret == 0)
		ret = bf_bond_device_add(b, added, err);
	if (ret == 0)
		ret = device_configure(b, err);
	bf_link_detect_set_period(b);
	for (unsigned int i = 0; ret == 0 && i < b->n_members; i++)
		if (has_own_way(b, i)) /* it will be started once more */
			bf_link_detect_pause(b);
	if (ret == 0)
		ret = device_start(b, err);
	bf_link_detect_started(b);
	for (unsigned int i = 0; ret == 0 && i < b->n_members; i++)
		ret = start_own_way(b, i, err);
	if (ret == 0)
		return 0;
	rte_eth_dev_stop(b->port);
	while (added > 0)
		bf_bond_device_remove(b, --added);
	rte_eth_bond_free(dev);
err_pool:
	bf_pool_retire(b->pool);
	b->pool = NULL;
	errno = -ret;
	return ret;
}

void
bf_bond_device_destroy(struct bf_bond *b)
{
	char dev[RTE_ETH_NAME_MAX_LEN];

	rte_eth_dev_stop(b->port);
	for (unsigned int i = b->n_members; i > 0; i--)
		bf_bond_device_remove(b, i - 1);
	if (rte_eth_bond_free(device_name(b->cfg.name, dev, sizeof(dev))) != 0)
		BF_WARN("bond", "%s: the bonding device cannot be freed", b->cfg.name);
	bf_pool_retire(b->pool);
	b->pool = NULL;
}

void
bf_bond_device_collect(struct bf_bond *b, unsigned int i, bool on)
{
	uint32_t bit = 1u << b->members[i].bit;

	if (on)
		__atomic_fetch_or(&wires_of(b)->carrier.collect, bit, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&wires_of(b)->carrier.collect, ~bit, __ATOMIC_RELEASE);
	b->members[i].collecting = on;
}
