/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A worker on a bench: the real fast room with a view made by hand, ring ports as the bond's
 * members and guests that only count what they are given.
 *
 * The members' far ends are rte_rings that the test empties.  Guests' rings are doubles, which have no
 * descriptors: bf_ring_put() and bf_ring_take() are answered here for those (see rig_link_args in
 * meson.build).
 *
 * Threads: one; the EAL's second lcore exists and stays idle.
 */
#ifndef BF_TEST_RIG_H
#define BF_TEST_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "control/switch/fdb.h"
#include "control/workers/lcores.h"
#include "dataplane/form.h"
#include "dataplane/lcore.h"
#include "dataplane/mailbox.h"
#include "dataplane/view.h"
#include "dataplane/virtqueue.h"

#define RIG_MEMBERS 4
#define RIG_GUESTS 64
#define RIG_FRAMES 8191 /* in the pool */
#define RIG_LOG 8192
#define RIG_RING 1024 /* frames that a member's wire holds */
#define RIG_ROOM_ANY (-1)

/** The bond's own address. */
extern const uint8_t rig_bond_mac[6];

/** One frame that reached a port. */
struct rig_delivery {
	uint32_t id; /* rig_frame()'s */
	uint16_t slot;
	uint16_t member; /* the bond: which one */
	uint16_t ring; /* a guest: which of its rings */
	uint32_t len;
};

struct rig {
	struct rte_mempool *pool;
	struct bf_fdb *fdb;
	struct bf_lcores lcores;
	struct bf_view *view;
	struct bf_worker *w;
	struct bf_carrier carrier;
	unsigned int n_members, n_guests;
	uint16_t port[RIG_MEMBERS];
	struct rte_ring *wire[RIG_MEMBERS];
	struct bf_guest_dp dp[RIG_GUESTS + 1];
	uint32_t flags; /* of the bursts that are switched: BF_BURST_* */
	uint32_t n_for_us; /* frames that control was handed */
	uint16_t for_us_port; /* where the last of them came from */
	uint32_t n_slow; /* LACPDUs and markers that it was handed */
	uint16_t slow_port; /* where the last of them came from */
	uint32_t slow_len;
	uint8_t slow_head[16];
	uint32_t n_lldp; /* LLDP frames */
	uint16_t lldp_port;
	uint32_t lldp_len;
	uint8_t lldp_head[16];
	uint32_t n_mail[8]; /* by kind */
	uint32_t n_reports;
	struct bf_report report; /* the last one */
	uint32_t n_log;
	struct rig_delivery log[RIG_LOG];
};

/** Start the EAL as tests need it, once per process. @return false when it does not start. */
bool rig_eal(void);
/** End it. */
void rig_eal_end(void);
/** Both for cmocka, around a group of tests. */
int rig_group_set_up(void **state);
int rig_group_tear_down(void **state);

/**
 * A switch with a bond of @p n_members (0: no bond) and guests in the slots 1 to @p n_guests, all
 * up; buckets dealt in turn, l34, a LAG.
 */
struct rig *rig_new(unsigned int n_members, unsigned int n_guests);
/** The same with an FDB for fewer stations than the usual 16384. */
struct rig *rig_new_sized(unsigned int n_members, unsigned int n_guests, uint32_t stations);
/** @return frames that did not come home; the rig is gone. */
unsigned int rig_free(struct rig *r);
/** End of a test: the rig is gone. @return 0 when its books balanced and every frame came home. */
int rig_end(struct rig *r);

/** A frame of the pool with these bytes, from a member (its number) or a guest. */
struct rte_mbuf *rig_frame(
	struct rig *r, const void *data, uint32_t len, uint32_t id, unsigned int member);
/** The same in pieces of at most @p piece bytes. */
struct rte_mbuf *rig_chain(
	struct rig *r, const void *data, uint32_t len, uint32_t piece, uint32_t id);

/** Switch a burst and send everything that waits; then take what is on the wires into the log. */
void rig_burst(struct rig *r, uint16_t in, struct rte_mbuf **pkts, uint16_t n);
/** Put @p n copies of a frame on a member's wire, for rig_poll_bond(). */
void rig_wire(struct rig *r, unsigned int member, const void *data, uint32_t len, unsigned int n);
/** Let the worker read the bond once and send everything that waits. @return frames read. */
uint32_t rig_poll_bond(struct rig *r);
/** Empty the wires into the log, and what control was handed into nothing. */
void rig_collect(struct rig *r);
/** Control's part: take the mail, learn, set the clock, age, commit. */
void rig_learn(struct rig *r, uint32_t now_s);
/** What guests have sent can come back no more; until then it can, however late. */
void rig_forget_sent(struct rig *r);
/** How many log entries are for a port; all members together. */
unsigned int rig_got(const struct rig *r, uint16_t slot);
unsigned int rig_got_member(const struct rig *r, uint16_t member);
void rig_forget(struct rig *r);

uint64_t rig_drops(const struct rig *r, uint16_t slot, enum bf_drop why);
/** received + copies == sent + drops. */
bool rig_balanced(const struct rig *r);

/** How many frames a guest's rings take from now on, or RIG_ROOM_ANY. */
void rig_guest_room(uint16_t slot, int room);
/** What else happens whenever frames are put into a guest's ring; NULL: nothing. */
void rig_guest_hook(void (*hook)(void));
/** What happens whenever a guest is polled for frames, of which it has none; NULL: nothing. */
void rig_poll_hook(void (*hook)(void));
/** What a guest's ring is made of in benches: copy the bytes, log nothing. */
void rig_guest_copies(bool on);

uint16_t __real_bf_ring_put(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n);
uint16_t __wrap_bf_ring_put(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n);
uint16_t __real_bf_ring_put_formed(
	struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n, const struct bf_form *form);
uint16_t __wrap_bf_ring_put_formed(
	struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n, const struct bf_form *form);
uint16_t __real_bf_ring_take(struct bf_ring *r, struct rte_mempool *pool, struct rte_mbuf **pkts,
	uint16_t n, uint64_t *lost);
uint16_t __wrap_bf_ring_take(struct bf_ring *r, struct rte_mempool *pool, struct rte_mbuf **pkts,
	uint16_t n, uint64_t *lost);

/* ---- rig_frames.c ---- */

/** An untagged IPv4 UDP frame between stations; addresses and ports from @p flow. @return 60+. */
uint32_t rig_udp(uint8_t *buf, const uint8_t dst[6], const uint8_t src[6], uint32_t flow);
/** Write ARP, or IPv6 with an advertisement or VRRP: every kind, and some that only look like it. */
void rig_word(uint8_t *p, uint16_t type, uint8_t which);
/** A locally administered address. */
void rig_mac(uint8_t mac[6], uint32_t n);
/** Put a tag behind the addresses. @return new length. */
uint32_t rig_tag(uint8_t *buf, uint32_t len, uint16_t type, uint16_t vlan);

#endif
