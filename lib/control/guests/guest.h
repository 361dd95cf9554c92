/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A guest port: a vhost-user socket and whoever is behind it.
 *
 * Lifetime.  The front door's thread gives rings to workers and takes them back (guest_rings.h), and
 * posts a notice when control would see a difference.  Removal (control): publish a view without the
 * port, take it off the door, which takes every ring back, wait one grace period, free.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_GUESTS_GUEST_H
#define BF_CONTROL_GUESTS_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "control/config/config.h"
#include "control/config/records.h"
#include "control/guests/guards.h"
#include "control/guests/leases.h"
#include "control/guests/qos.h"
#include "control/guests/uplink_loss.h"
#include "control/memory/crossing.h"
#include "control/workers/lcores.h"
#include "dataplane/view.h"
#include "vhost/caller.h"
#include "vhost/door.h"

#define BF_NO_POLLER 0xffff

struct bf_guest {
	struct bf_guest_config cfg;
	uint16_t slot;
	struct bf_guest_dp *dp;
	struct rte_mempool *pool;
	bool has_own; /* pool: made for it */
	int tried_node; /* for which there was no memory, -1 none */
	struct bf_door_port *port; /* at the front door */
	struct bf_host *host; /* its front end, where that is the host's kernel; else NULL */
	struct bf_waste_bin *bin;
	/* what was negotiated; read by bf_guest_refresh() */
	bool up;
	uint64_t features;
	uint16_t n_vrings; /* rings that the front end has started, from 0 on */
	pid_t pid; /* of the front end, 0 unknown */
	uint16_t mtu; /* 0: not negotiated */
	int numa_node; /* most of its memory is on, -1 unknown */
	uint32_t rx_seen, tx_seen; /* ring bits at the last refresh */
	uint8_t fault_seen[2 * BF_MAX_QP]; /* enum bf_ring_fault of each ring, the same; atomic */
	uint8_t fault_gone[2 *
		BF_MAX_QP]; /* one that the ring had and control did not see; atomic */
	uint16_t n_rings; /* towards the guest, enabled from 0 on without a gap; at least 1 */
	uint16_t max_len; /* longest frame the guest takes */
	/* plan.c */
	uint16_t poller[BF_MAX_QP]; /* worker that polls the queue, BF_NO_POLLER: none */
	struct bf_crossing crossing; /* crossing.c */
	struct bf_guest_guard guard; /* guards.c */
	struct bf_leases leases; /* leases.c */
	struct bf_guest_qos qos; /* qos.c */
	struct bf_uplink_loss loss; /* uplink_loss.c */
	/* history */
	uint64_t connects; /* times that it has come up, as far as control has seen */
	uint64_t changed_ms;
	uint64_t refusals_seen; /* that control has reported */
	uint64_t refusal_ms; /* when it did so last */
	/* guests/changes.c */
	uint16_t generation; /* of the slot: see struct bf_rxq */
	uint8_t uplink; /* number of the bond whose switch it is on */
	uint64_t paid_ms; /* until when its looks are paid for, SETTLE_MS each */
	bool waits; /* it is looked at when it can pay */
	struct bf_log_limit told, faults_told;
	bool lingers; /* it is down, and its front end was still connected: negotiated.c */
	uint16_t pairs_told; /* more than the port has, that were told of */
	/* guests/rings.c, ctx vhost */
	struct bf_caller *caller[2 * BF_MAX_QP];
	struct bf_ring_record *records; /* of packed rings, or NULL */
	bool placed[2 * BF_MAX_QP]; /* the ring has been started by this front end */
	uint32_t rx_posted, tx_posted; /* ring bits when control was last notified */
	uint32_t ups; /* times that it has come up; control: r */
	uint32_t noticed; /* bit: a notice of the kind is under way; vhost: sets, control: clears */
	uint32_t memory_lost; /* a mapping has become zeros; a signal handler sets it as well */
};

/** What guest ports have in common. */
struct bf_guest_ground {
	struct bf_door *door;
	struct bf_records *records; /* or NULL */
	struct bf_lcores *lcores;
	int gid; /* group of sockets that we make, or -1 */
};

/**
 * Open a guest port; QEMU may connect before this returns.
 *
 * @param slot
 *   Switch port slot, free, 1 to BF_MAX_PORTS - 1.
 * @return
 *   NULL with the reason in @p err and errno EINVAL (path), EADDRINUSE (live socket), ENOMEM.
 */
struct bf_guest *bf_guest_open(const struct bf_guest_config *cfg, uint16_t slot,
	struct rte_mempool *shared, const struct bf_guest_ground *ground, struct bf_err *err);

/**
 * Take frames out of @p shared from now on, when the guest is to have no memory of its own and the
 * pool's buffers suffice.
 *
 * @return
 *   The pool used before, to be retired after a grace period; NULL when nothing changed.
 */
struct rte_mempool *bf_guest_share(struct bf_guest *g, struct rte_mempool *shared);

/** May its frames lie in a pool of others: none of its own is asked for, and the buffers suffice. */
bool bf_guest_may_share(const struct bf_guest *g, struct rte_mempool *shared);

/**
 * Take the memory of its own, if it has such, from a node from now on; once per node, when that has
 * too little.
 *
 * @param node
 *   -1: where it is.
 * @return
 *   As bf_guest_share().
 */
struct rte_mempool *bf_guest_settle(struct bf_guest *g, int node);

/** The configuration has it no more: the interface of a host port goes away when it is closed. */
void bf_guest_forget(struct bf_guest *g);

/** Close the socket and free the port; the interface of a host port stays. The current view must not name it. */
void bf_guest_close(struct bf_guest *g, const struct bf_guest_ground *ground);

/** End the connection of its front end and make no other, or make one again. Not in server mode. */
void bf_guest_shut(struct bf_guest *g, bool shut);

/** Take over what changed in the negotiated state; call on every notice of this guest. */
void bf_guest_refresh(struct bf_guest *g, uint64_t now_ms);

/** Look again where the memory of a guest that is up is. @return whether it was found elsewhere. */
bool bf_guest_find_node(struct bf_guest *g);

/** What ring @p q of the guest suffers from. @return enum bf_ring_fault. */
uint8_t bf_guest_ring_fault(const struct bf_guest *g, unsigned int q);

/** How its front end stands with the door. */
void bf_guest_look(const struct bf_guest *g, struct bf_door_info *info);

/** True when the rings or the connection differ from what bf_guest_refresh() last saw. */
bool bf_guest_is_stale(const struct bf_guest *g);

/** The MTU in force: the port's, or a smaller one that the guest has agreed to or has room for. */
uint32_t bf_guest_mtu(const struct bf_guest *g);

/** Change what needs no reconnection: mtu, mac_limit, tx_retries. */
void bf_guest_reconfigure(struct bf_guest *g, const struct bf_guest_config *cfg);

/** Would going to @p to cut off a front end that is connected? @param to NULL: no such guest */
bool bf_guest_is_cut(const struct bf_guest *g, const struct bf_guest_config *to);

/** Is the socket path fit for the mode, or the name for an interface? Removes nothing. @return 0 or -errno with the reason. */
int bf_guest_check_socket(const struct bf_guest_config *cfg, struct bf_err *err);

#endif
