/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * DOOR IN: what the slow room tells the workers.  A view is an immutable snapshot of ports,
 * queues and the bond's tables, published by one pointer and freed after a grace period.
 *
 * Two things are not immutable and are reached through the view: the carrier and collect bits
 * of the members (carrier is written by the EAL interrupt thread, so that a dead member is left at
 * the next burst) and a guest's `up` and ring bits (THE HATCH, written by the vhost thread).
 *
 * Threads: control builds, publishes, retires; workers read between two quiescent reports.
 */
#ifndef BF_DATAPLANE_VIEW_H
#define BF_DATAPLANE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_mempool.h>

#include "dataplane/qos.h"
#include "dataplane/sizes.h"
#include "dataplane/virtqueue.h"

enum bf_port_kind {
	BF_PORT_NONE,
	BF_PORT_BOND,
	BF_PORT_GUEST
};

/** THE HATCH: what workers may touch of a guest, from add to removal plus a grace period. */
struct bf_guest_dp {
	uint32_t up; /* 1: the guest has a device; vhost: w, worker: r */
	uint32_t rx_rings; /* bit q: ring 2q (towards the guest) is enabled; vhost: w */
	uint32_t tx_rings; /* bit q: ring 2q+1 (from the guest) is enabled; vhost: w */
	uint32_t offloads; /* BF_OFFLOAD_*: what its rings take, as bf_ring.offloads; vhost: w */
	struct rte_mempool *pool; /* frames from the guest; control: w before publishing */
	struct bf_guest_memory memory; /* vhost: w, while all rings are off */
	/* For rings that are logged. vhost: w when a ring starts; others that run find what was there. */
	struct bf_ring_log log;
	struct bf_ring ring[2 * BF_MAX_QP]; /* as in virtio-net: even ones towards the guest */
	uint32_t changes; /* goes up when a ring is set up; vhost: w */
	int kick_fd[BF_MAX_QP]; /* of the rings from the guest; vhost: w under the ring's lock */
} __rte_cache_aligned;

struct bf_port_view {
	uint8_t kind; /* enum bf_port_kind */
	uint8_t retries; /* enqueue attempts beyond the first */
	uint16_t max_len; /* longest frame the port takes, bytes without FCS */
	uint8_t n_rings; /* rings towards the guest that are in use, at least 1 */
	uint8_t bond; /* number of the bond whose switch it is on; its flood domain, too */
	uint16_t out; /* rules for what is sent to it: bits of enum bf_rule_id */
	struct bf_guest_dp *guest;
};

/** A guest queue that a worker polls. */
struct bf_rxq {
	uint16_t slot;
	uint16_t ring; /* number in bf_guest_dp.ring, odd */
	uint16_t in; /* rules for what comes from it: bits of enum bf_rule_id */
	uint16_t generation; /* another one: another port in the slot of a former one */
	uint32_t quantum; /* bytes of a round: share.h */
	struct bf_guest_dp *guest;
};

struct bf_worker_view {
	uint8_t polls; /* bit k: its queues of bond k */
	bool shares; /* with guests that have a weight, here or at another worker: share.h */
	uint16_t n_rxq;
	struct bf_rxq *rxq;
};

/** What workers learn of the members at once, not with the next view. */
struct bf_carrier {
	uint32_t bits; /* carrier by member number; intr and control: w */
	uint32_t collect; /* members whose frames are switched; control: w */
	uint32_t losses; /* goes up with every loss, after the bit went down */
	uint64_t lost_tsc; /* when the last loss was reported */
} __rte_cache_aligned;

/** How a frame finds its member. */
enum bf_bond_tx {
	BF_TX_ORDER, /* active-backup: the first usable one of order[] */
	BF_TX_BUCKET, /* hash of the flow, bucket[] */
	BF_TX_RR, /* next member for each frame */
	BF_TX_BROADCAST, /* every usable member */
};

struct bf_bond_view {
	uint8_t tx; /* enum bf_bond_tx */
	uint8_t policy; /* enum bf_policy */
	uint8_t n_members;
	uint8_t designated; /* member whose flooded frames are taken where there is no LAG */
	bool lag; /* the switch has a LAG: it sends each frame once */
	uint8_t echo; /* enum bf_echo */
	bool doubted; /* guests' frames come back: a station heard on the bond may be an echo */
	uint32_t in; /* rules for what comes from it: bits of enum bf_rule_id */
	/* Members are known by a number that stays while they are members; sets are bit masks. */
	uint16_t member[BF_MAX_MEMBERS]; /* ethdev port ids */
	uint8_t offloads[BF_MAX_MEMBERS]; /* BF_OFFLOAD_*: what their cards take */
	uint32_t verifies; /* members whose cards say which checksums are good */
	uint16_t tx_desc[BF_MAX_MEMBERS]; /* size of their transmit rings, 0 unknown */
	uint32_t polled; /* members whose queues workers read */
	uint32_t wakes; /* members whose drivers can wake a worker */
	uint32_t eligible; /* members that may transmit */
	uint32_t standby; /* spares that do when no eligible one can, until control has seen that */
	uint32_t hold; /* members that stay in use without carrier (down delay) */
	const struct bf_carrier *carrier;
	uint64_t seed;
	uint64_t mac; /* the bond's own address, as loaded from a frame */
	uint8_t order[BF_MAX_MEMBERS];
	uint8_t bucket[BF_BUCKETS];
};

enum bf_idle {
	BF_IDLE_POLL,
	BF_IDLE_PAUSE,
	BF_IDLE_SLEEP
};

struct bf_guard;
struct bf_guard_ips;
struct bf_vlan_set;

/** Which VLANs a port takes part in. */
enum bf_vlans {
	BF_VLANS_ALL, /* and untagged frames, unless it has a VLAN of its own */
	BF_VLANS_ONE, /* its own; 0: untagged frames only */
	BF_VLANS_SOME, /* a set; untagged frames if it has a VLAN of its own */
};

struct bf_port_vlan {
	uint8_t takes; /* enum bf_vlans */
	uint16_t own; /* of its untagged frames; 0: none */
	uint16_t type; /* of the tag that they have in the switch, network order */
	const struct bf_vlan_set *some;
};

/** What rules have to know of a port; read only where its word has a bit, a frame is dropped or decided. */
struct bf_port_rules {
	uint32_t taps; /* bit k: bf_view.taps[k] looks at it */
	uint8_t mirrors; /* bit k: bf_view.mirrors[k] copies its frames */
	bool too_big; /* senders of IP packets that are too long for it are notified: too_big.h */
	uint16_t mtu; /* what they are told */
	bool learns_not; /* senders behind it are not learned */
	bool locked; /* only senders that are known to be behind it may send */
	bool isolated; /* it and other ports that are do not reach each other */
	uint8_t floods_not; /* BF_FLOODED_*: flooded frames that it does not get */
	uint8_t guards; /* BF_GUARD_*: what of the guard is in force */
	struct bf_port_vlan vlan; /* vlan.h */
	struct bf_guard *guard; /* a guest's, from add to removal plus a grace period */
	const struct bf_guard_ips *ips; /* of its guard; NULL: any */
	struct bf_qos *qos; /* of rules RATE, FILTER, MARK; NULL: there are none */
};

/* What is flooded. */
#define BF_FLOODED_UNKNOWN 1u /* unicast whose destination is not known */
#define BF_FLOODED_MULTICAST 2u
#define BF_FLOODED_BROADCAST 4u

/** The ports that a flooded frame reaches, but for the one it came from. */
struct bf_flood {
	uint8_t number; /* of the bond whose switch it is on */
	bool bond; /* that is one of them */
	bool picks; /* some of the guests do not get every frame: bf_port_rules.floods_not, guards */
	bool joined; /* they have asked for the frames: no storm */
	uint16_t n_guests;
	uint16_t *guests; /* slots */
};

struct bf_tap;
struct bf_mirror;
struct bf_storm_limits;
struct bf_responder;
struct bf_mcast;

#define BF_DOMAIN_GROUPS 0x5000u /* flood domains from here on are those of bf_view.mcast */

struct bf_view {
	bool isolates; /* some ports are isolated: bf_port_rules */
	bool forwarding; /* false after `stop`: the bond is polled, its frames are dropped */
	uint8_t n_workers;
	uint32_t
		drop_taps; /* bit k: taps[k] looks at dropped frames, of some ports; read at each drop */
	struct bf_flood flood[BF_MAX_BONDS]; /* of each switch, whatever the VLAN */
	struct bf_flood *vlan_flood; /* where ports differ: the domains from BF_MAX_BONDS on */
	/* The domain of each VLAN, 802.1ad ones from BF_VLAN_IDS on; NULL: that of the switch. */
	const uint16_t *vlan_floods[BF_MAX_BONDS];
	uint8_t idle[BF_MAX_WORKERS]; /* enum bf_idle */
	struct bf_worker_view workers[BF_MAX_WORKERS];
	struct bf_bond_view bonds[BF_MAX_BONDS]; /* where ports[bf_bond_slot(k)] is one */
	struct bf_port_view ports[BF_MAX_PORTS];
	struct bf_tap *taps[BF_MAX_TAPS];
	struct bf_mirror *mirrors[BF_MAX_MIRRORS];
	uint16_t mirror_to[BF_MAX_MIRRORS]; /* slots of the guests that get their copies */
	struct bf_port_rules rules[BF_MAX_PORTS];
	struct bf_storm_limits *storms[BF_MAX_PORTS]; /* of what comes from it; NULL: none */
	struct bf_qos_map qos_map;
	const struct bf_responder *responder; /* addresses that are answered for; NULL: none */
	const struct bf_mcast
		*mcast; /* groups that were joined; NULL: nobody listens to IGMP and MLD */
};

#endif
