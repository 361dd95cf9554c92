/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The bond: the bonding device, its members' links, and which member may carry what.
 *
 * Construction (docs/decisions/001-bond-construction.md): the bonding PMD runs in mode 4 with its
 * external state machine for every bondfwd mode.  It owns membership, MAC, MTU, promiscuity and link
 * state; workers read and write the members' queues by tables built here.
 *
 * There is one bond per process: the PMD and ethdev callbacks carry no more context than that.
 *
 * Threads: ctx control; bond_on_* inside bond/device.c ctx intr.
 */
#ifndef BF_CONTROL_BOND_BOND_H
#define BF_CONTROL_BOND_BOND_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_ether.h>

#include "base/err.h"
#include "control/bond/round_trips.h"
#include "control/config/config.h"
#include "control/memory/crossing.h"
#include "control/observe/events.h"
#include "control/observe/pdu_log.h"
#include "control/workers/lcores.h"
#include "dataplane/view.h"
#include "lacp/lacp.h"

struct bf_lldp;

#define BF_NO_HOME 0xff
#define BF_LINK_LOOK_MS 500 /* a driver with a link interrupt is asked anyway, now and then */

struct bf_member {
	char name[BF_DEV_NAME_MAX];
	uint16_t port; /* ethdev */
	struct bf_crossing crossing; /* crossing.c */
	uint8_t bit; /* its number for workers and LACP; stays while it is a member */
	uint64_t pdu_second; /* lacp.c: in which received frames are noted, */
	uint32_t pdus_noted; /* and how many have been */
	/* link_detect.c */
	bool has_interrupt; /* the driver says that it reports link changes by itself */
	enum bf_link_detect detect;
	bool interrupt_failed; /* auto: a change came without it */
	bool driver_up; /* what the driver said last, whatever is held down */
	uint32_t interrupts, doubt_interrupts; /* that came, at the last look and in doubt */
	uint64_t settles_ms; /* 0: not looked at yet */
	uint64_t doubt_ms; /* then the interrupt has failed; 0: no doubt */
	/* card_offloads.c */
	uint8_t offloads; /* BF_OFFLOAD_*: what its card does for frames that are sent */
	bool verifies; /* and it says which received checksums are good */
	bool wakes; /* it can wake a worker when frames come */
	bool carrier; /* as last seen */
	bool usable; /* carrier, with the up and down delays applied */
	bool drained;
	uint32_t speed_mbps;
	bool full_duplex;
	bool collect, distribute; /* 802.3ad: what LACP orders */
	bool collecting; /* its frames are switched */
	bool going; /* about to leave: the partner is told */
	bool draining; /* 802.3ad: the partner is told, what it still sends is taken */
	/* spares.c */
	bool stands_in; /* a spare that serves in place of a lost member */
	bool standby; /* it could serve, and others do */
	uint64_t stood_by_ms; /* when it stood by again; 0: never */
	bool drain_warned;
	uint64_t drain_began_ms, drain_look_ms, drain_frames;
	bool leaving; /* out of the workers' sight, soon out of the bond */
	uint64_t changed_ms; /* last carrier change */
	uint64_t changed_tsc;
	uint64_t flaps; /* carrier losses */
	uint64_t lost_ms[BF_FLAPS_MAX]; /* when the latest of them were, by flaps % BF_FLAPS_MAX */
	bool damped; /* it flapped: out of service until its link has been up for flap_hold */
	uint64_t forced_down_ms; /* `test failover`: no carrier until then */
	bool off; /* `set link-down`: no carrier until `set link-up` */
	bool faulty; /* its error ratio passed error_limit: drained until its link comes back, or `undrain` */
	bool gone; /* its device was taken out of the machine */
	/* probe.c */
	bool probe_failed; /* link up, but nobody answers */
	uint64_t probed_since_ms; /* 0: is not being probed */
	uint64_t probe_failed_ms, heard_ms, heard_frames;
	uint64_t probes_sent, probes_answered;
	struct bf_round_trips trips[BF_PROBE_TARGETS]; /* as the bond's probe_targets */
	struct rte_ether_addr mac; /* its own, restored when it leaves */
};

struct bf_bond {
	unsigned int number; /* 0 to BF_MAX_BONDS - 1 */
	struct bf_bond_config cfg;
	bool open;
	bool off; /* `set link-down` of the bond: no member has a carrier */
	uint16_t port; /* the bonding device */
	uint16_t n_queues;
	struct rte_mempool *pool;
	struct rte_ether_addr mac;
	uint32_t n_expected; /* members that may come: there is memory for so many */
	uint32_t n_absent; /* those without a device now, without spares */
	uint32_t n_members;
	struct bf_member members[BF_MAX_MEMBERS];
	int active; /* active-backup: index, -1 none */
	char was_active[BF_DEV_NAME_MAX]; /* the active one while it is being removed, else "" */
	/* The member that was active before the bond was closed: again when it is up in time. */
	char kept[BF_DEV_NAME_MAX]; /* "" when there is none, or no longer */
	char kept_of[BF_NAME_MAX]; /* the bond that it was a member of */
	uint64_t kept_until_ms;
	char switched_off[BF_MAX_MEMBERS]
			 [BF_DEV_NAME_MAX]; /* by hand, when it was closed: "" for the others */
	uint8_t home[BF_BUCKETS]; /* the member (its bit number) a bucket belongs to */
	bool came_back; /* guests' frames did, lately: the switch has no LAG; paths.c */
	bool dirty; /* tables changed: a new view is due */
	uint64_t next_poll_ms;
	uint64_t next_probe_ms;
	uint32_t probe_next; /* whose turn it is to ask, where members take turns */
	uint8_t probe_turn; /* the number of the member that asked last */
	/* On the way to 802.3ad the old mode carries until LACP distributes, or for so long. */
	uint32_t held_mode;
	uint64_t held_until_ms; /* 0: not held */
	bool going_back; /* no partner came: the bridge makes held_mode the mode again */
	bool going; /* about to close: the partner is told */
	struct bf_lacp *lacp; /* 802.3ad only */
	struct rte_mempool *ctl_pool; /* frames of our own */
	struct bf_lcores *lcores;
	struct bf_events *events;
	struct bf_lldp *lldp; /* what is known by LLDP; NULL: nothing yet */
	struct bf_pdu_log *pdus; /* where LACPDUs are noted, NULL: nowhere; set after the init */
};

/** Set up an empty bond. @param number 0 to BF_MAX_BONDS - 1, of no other. @return 0 or -ENOMEM. */
int bf_bond_init(struct bf_bond *b, unsigned int number, struct bf_lcores *lcores,
	struct bf_events *events, struct bf_err *err);
void bf_bond_fini(struct bf_bond *b);

/**
 * What the devices say about a config: members exist, are free, can do the MTU and the queues.
 *
 * @return 0, or -errno with a line that names the member.
 */
int bf_bond_check(const struct bf_bond *b, const struct bf_bond_config *cfg, struct bf_err *err);

/**
 * Take over the net_bonding devices of the EAL's command line: the devargs of each become a bond of @p c,
 * and it is freed. Before the first config is applied.
 *
 * @return 0, also when there is none; -EINVAL: too many of them, a name in use, a bad devarg.
 */
int bf_bond_adopt(struct bf_config *c, struct bf_err *err);

/** Before the bond opens: @p member was the active one of @p bond when bondfwd ended. */
void bf_bond_keep(struct bf_bond *b, const char *bond, const char *member);

/** Create, configure and start the bonding device over its members. Workers must not use it. */
int bf_bond_open(
	struct bf_bond *b, const struct bf_bond_config *cfg, uint64_t now_ms, struct bf_err *err);
/** Stop and free it; the members stay, stopped. Workers must not use it. */
void bf_bond_close(struct bf_bond *b);

/** Add a member to the running bond, with its settings. */
int bf_bond_member_add(struct bf_bond *b, const struct bf_member_config *want, uint64_t now_ms,
	struct bf_err *err);
/**
 * Before a member (by index; -1: all) leaves for good: tell its LACP partner, and wait until that is
 * on the wire, some ms at most.  @p going false: it stays after all.
 */
void bf_bond_leave(struct bf_bond *b, int member, bool going, uint64_t now_ms);
/**
 * What was switched off by hand and is not wanted any more counts as on when it comes again.
 *
 * @param want
 *   NULL: no bond; another one is to come.
 */
void bf_bond_forget_switches(struct bf_bond *b, const struct bf_bond_config *want);
/** Take a member out; the current view must not name it. */
void bf_bond_member_remove(struct bf_bond *b, const char *name, uint64_t now_ms);

/** True when going to @p cfg needs the device closed and opened again. */
bool bf_bond_needs_reopen(const struct bf_bond *b, const struct bf_bond_config *cfg);

/** How many members that are no spares have no device: spares serve in their place. */
void bf_bond_set_absent(struct bf_bond *b, uint32_t n, uint64_t now_ms);

/** Change what needs no reopening: mode, policy, primary, delays, LACP, MTU, MAC. */
int bf_bond_reconfigure(
	struct bf_bond *b, const struct bf_bond_config *cfg, uint64_t now_ms, struct bf_err *err);

/**
 * A member has too many errors, or is trusted again: it is drained while it is faulty.
 *
 * @param member  by index; no effect when it is so already
 */
void bf_bond_set_faulty(struct bf_bond *b, unsigned int member, bool faulty, uint64_t now_ms);

/** A member's link may have changed; bf_bond_tick() acts on it and is due at once. */
void bf_bond_on_link(struct bf_bond *b, uint16_t port, uint64_t now_ms);

/** A slow protocol frame of a member; frees @p m. bf_bond_tick() is due at once. */
void bf_bond_on_slow(struct bf_bond *b, uint16_t port, struct rte_mbuf *m, uint64_t now_ms);

/** Polling, delays, LACP timers. @return when to call again, absolute ms. */
uint64_t bf_bond_tick(struct bf_bond *b, uint64_t now_ms);

/** Write the bond's part of a view. */
void bf_bond_fill_view(const struct bf_bond *b, struct bf_view *v);

/** Frame length the bond takes, bytes without FCS. */
uint16_t bf_bond_max_len(const struct bf_bond *b);

/** Does the switch at the other end have a LAG in this mode? */
bool bf_mode_has_lag(uint32_t mode);

/** Member by its number. @return index, or -1. */
int bf_bond_by_bit(const struct bf_bond *b, unsigned int bit);

/** Name of a member, by index; "none" for -1. */
static inline const char *
bf_bond_member_name(const struct bf_bond *b, int member)
{
	return member < 0 ? "none" : b->members[member].name;
}

/** The lowest number that no member has; there is one while there are fewer than BF_MAX_MEMBERS. */
uint8_t bf_bond_free_bit(const struct bf_bond *b);

/**
 * Hand a frame of our own to a member (by index); takes @p m.
 *
 * @param repeat_ms
 *   0, or: worker 0 sends it again every so many ms unless a newer one came.
 */
void bf_bond_inject(struct bf_bond *b, unsigned int member, struct rte_mbuf *m, uint32_t repeat_ms);
/** End the repetition for a member. */
void bf_bond_end_repeat(struct bf_bond *b, unsigned int member);
/** Wait until what was handed in before is on the wire, some ms at most. */
void bf_bond_flush(struct bf_bond *b);

/* ---- bond/policy.c: questions ---- */

/** The active member that active-backup would choose now, index or -1. */
int bf_bond_choose_active(const struct bf_bond *b);
/** Mode by which traffic goes now: the configured one, or the one before on the way to LACP. */
uint32_t bf_bond_mode_in_force(const struct bf_bond *b);
/** Has the switch a LAG, for all we know? Not where a LACP fallback member forwards alone. */
bool bf_bond_has_lag(const struct bf_bond *b);
/** May guests' frames come back to us? */
enum bf_echo bf_bond_echo(const struct bf_bond *b);
/** They do: a guest's station that is heard on the bond may be an echo. */
bool bf_bond_is_doubted(const struct bf_bond *b);
/** Policy in force: balance-tlb and balance-alb go by source station. */
enum bf_policy bf_bond_policy(const struct bf_bond *b);
/** Members (by number) that carry traffic by the present tables. */
uint32_t bf_bond_carrying(const struct bf_bond *b);
/**
 * Speed of the bond, Mbit/s: of the members that carry with a link, the active one's
 * (active-backup), the slowest's (broadcast), or the sum. 0: none does, or a speed is unknown.
 */
uint32_t bf_bond_speed(const struct bf_bond *b);
/** `10000 Mbit/s`, or `unknown speed` for 0. */
void bf_bond_speed_text(uint32_t mbps, char *buf, size_t size);
/** Number of the member that carries a bucket now. */
unsigned int bf_bond_bucket_member(const struct bf_bond *b, unsigned int bucket);
/** Bucket of a station's frames in the modes that go by source station. */
unsigned int bf_bond_station_bucket(const struct bf_bond *b, uint64_t key);
/** Bucket of a frame under the present policy. */
unsigned int bf_bond_frame_bucket(const struct bf_bond *b, const uint8_t *frame, uint32_t len);
/** Index of the member that would carry a frame now, -1 when none would. */
int bf_bond_member_for(const struct bf_bond *b, const uint8_t *frame, uint32_t len);

/**
 * Switch the bond, or a member of it, off or on by hand (administrative state; not saved).
 *
 * What is off has no carrier for us; the partner sees it go where the driver can switch the link.
 *
 * @param member index, or -1 for the bond
 */
void bf_bond_switch(struct bf_bond *b, int member, bool on, uint64_t now_ms);

/** Take a member's carrier away for a while, on purpose. */
int bf_bond_test_failover(
	struct bf_bond *b, const char *name, uint32_t ms, uint64_t now_ms, struct bf_err *err);

/* ---- bond/device.c: the PMD ---- */

int bf_bond_device_create(struct bf_bond *b, struct bf_err *err);
void bf_bond_device_destroy(struct bf_bond *b);
int bf_bond_device_add(struct bf_bond *b, unsigned int i, struct bf_err *err);
void bf_bond_device_remove(struct bf_bond *b, unsigned int i);
/**
 * True when a member that is to come takes shorter frames than those the device was configured for: all that its
 * first members took, whatever the MTU. The PMD refuses such a member until it is configured again.
 */
bool bf_bond_device_is_longer(const struct bf_bond *b, const struct bf_bond_config *want);
/**
 * Before an open bond is closed to be opened anew: is there memory for its frames, and for those of the way back, while
 * guests keep those that it has?
 *
 * @return 0, or -ENOMEM: it is to stay as it is.
 */
int bf_bond_device_check_frames(
	const struct bf_bond *b, const struct bf_bond_config *want, struct bf_err *err);
/** Opens or closes the receive valve of a member; workers see it at their next burst. */
void bf_bond_device_collect(struct bf_bond *b, unsigned int i, bool on);
/** Carrier bits by member number, as the interrupt thread keeps them. */
const struct bf_carrier *bf_bond_device_carrier(const struct bf_bond *b);
/** The number of the bond that an ethdev port is a member of, or -1. ctx any. */
int bf_bond_device_owner(uint16_t port);
/** A member's link as its driver gives it. */
struct bf_member_link {
	bool driver_up;
	bool up; /* and not held down */
	uint32_t speed_mbps; /* 0: unknown */
	bool full_duplex;
};

/** Read a member's link, also into the carrier bits. */
struct bf_member_link bf_bond_device_link(const struct bf_bond *b, unsigned int i);
/** Frames of guests that so many workers can have under way. */
uint32_t bf_bond_guest_frames(const struct bf_bond *b, unsigned int n_workers);
/** How many link interrupts of a member came, ever. */
uint32_t bf_bond_device_interrupts(const struct bf_bond *b, unsigned int i);
/** Listen, or no longer, for devices that are taken out; where the system does not tell, drivers may. */
void bf_bond_device_watch(bool on);
/** Was its device taken out of the machine? Then it stays without a carrier until it is removed. */
bool bf_bond_device_is_gone(const struct bf_bond *b, unsigned int i);
/** Keep a member's carrier bit down whatever its driver says, or let it go. */
void bf_bond_device_hold_down(const struct bf_bond *b, unsigned int i, bool on);
int bf_bond_find_port(const char *name, uint16_t *port, struct bf_err *err);

/* ---- bond/queues.c: the length of members' descriptor rings ---- */

struct bf_ring_sizes {
	uint16_t rxd, txd; /* descriptors of a queue */
};

/** What is wished for a member; @p m NULL: for the bond. */
struct bf_ring_sizes bf_bond_ring_sizes(
	const struct bf_bond_config *cfg, const struct bf_member_config *m);
/** Does its driver take these sizes? @return 0, or -EINVAL with the driver's limits. */
int bf_bond_check_rings(const struct bf_bond_config *cfg, const struct bf_member_config *m,
	const struct rte_eth_dev_info *info, struct bf_err *err);
/** Has the member other sizes than the bond? */
bool bf_bond_has_own_rings(const struct bf_bond *b, unsigned int i);
/** Does @p want need other rings, or more memory for them, than the bond was opened with? */
bool bf_bond_other_rings(const struct bf_bond *b, const struct bf_bond_config *want);
/**
 * Frames that a worker's rings of all members, and of those that may come, hold at most.
 *
 * @param n_expected
 *   Members, with those that may come.
 * @param rx
 *   Those that it receives from as well, not only those that it sends to.
 */
uint32_t bf_bond_ring_frames(const struct bf_bond_config *cfg, uint32_t n_expected, bool rx);
/**
 * Start a member's device again with its own rings and its way of watching the link. No worker may use
 * it. @return 0, or -errno with a line that names the member.
 */
int bf_bond_start_anew(struct bf_bond *b, unsigned int i, struct bf_err *err);

/* ---- bond/mtu.c: room for tags ---- */

/** The MTU that the drivers of the members are given for an MTU of @p mtu. */
uint32_t bf_bond_device_mtu(const struct bf_bond *b, uint32_t mtu);
/** Give it to the drivers, all or none. @return 0 or -errno with a line that names the member. */
int bf_bond_device_set_mtu(struct bf_bond *b, uint32_t mtu, struct bf_err *err);

/* ---- bond/policy.c: which member carries what ---- */

/** ms a member's link must be up before it is used, or may be down while it is. */
uint32_t bf_bond_up_delay(const struct bf_bond *b, unsigned int i);
uint32_t bf_bond_down_delay(const struct bf_bond *b, unsigned int i);
/** A member's link was lost just now: did it flap? */
void bf_bond_note_loss(struct bf_bond *b, unsigned int i, uint64_t now_ms);
/** Decide usability, the active member and the valves; sets dirty when tables changed. */
void bf_bond_decide(struct bf_bond *b, uint64_t now_ms);
/** Give the buckets to the members anew, moving as few as possible. */
void bf_bond_deal_buckets(struct bf_bond *b);

/* ---- bond/lacp.c: the engine's hands ---- */

int bf_bond_lacp_start(struct bf_bond *b, uint64_t now_ms, struct bf_err *err);
void bf_bond_lacp_stop(struct bf_bond *b);
int bf_bond_lacp_reconfigure(struct bf_bond *b, uint64_t now_ms, struct bf_err *err);
int bf_bond_lacp_add(struct bf_bond *b, unsigned int i, uint64_t now_ms);
/** Hold those members that are switched off, leaving or drained. @return true when one was told so now. */
bool bf_bond_lacp_hold(struct bf_bond *b, uint64_t now_ms);
/** Is a drained member empty? Says so, once. */
void bf_bond_lacp_drain(struct bf_bond *b, uint64_t now_ms);

#endif
