/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the operator wants: plain values, no device.  The command line, the console and the
 * config file all change a struct bf_config; bf_bridge_apply() makes it so.
 *
 * Every key of a bond or a guest has a row in bond_keys.c or guest_keys.c (see key.h).
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_CONFIG_CONFIG_H
#define BF_CONTROL_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/ip_list.h"
#include "base/mac_list.h"
#include "base/rate_burst.h"
#include "base/rate_limit.h"
#include "base/vlan_set.h"
#include "control/config/expression.h"
#include "control/config/features.h"
#include "control/config/filter_text.h"
#include "control/config/key.h"
#include "control/config/probe_target.h"
#include "dataplane/flow.h"
#include "dataplane/qos.h"
#include "dataplane/sizes.h"
#include "dataplane/storm.h"

#define BF_NAME_MAX 32
#define BF_DEV_NAME_MAX 64
#define BF_SOCKET_MAX 108 /* sun_path: 107 characters and the end */
#define BF_FLAPS_MAX 16 /* losses of a link that are remembered */

/** Bonding modes by their Linux numbers. */
enum bf_mode {
	BF_MODE_RR,
	BF_MODE_ACTIVE_BACKUP,
	BF_MODE_XOR,
	BF_MODE_BROADCAST,
	BF_MODE_8023AD,
	BF_MODE_TLB,
	BF_MODE_ALB,
	BF_MODE_COUNT
};

extern const char *const bf_mode_names[BF_MODE_COUNT];
/** What the switch must have or must not have, and what is unsafe; one line per mode. */
extern const char *const bf_mode_hints[BF_MODE_COUNT];
extern const char *const bf_policy_names[BF_POLICY_COUNT];

/** How a member's link is watched; a member may say "of the bond" in front of these. */
enum bf_link_detect {
	BF_LINK_AUTO,
	BF_LINK_INTERRUPT,
	BF_LINK_POLL,
	BF_LINK_COUNT
};
#define BF_LINK_OF_BOND 0u

#define BF_RING_SIZE 1024 /* descriptors, unless the driver takes fewer or more */
#define BF_RING_SIZE_MIN 64
#define BF_RING_SIZE_MAX 4096

#define BF_OF_BOND UINT32_MAX /* a member's delay, a guest's memory: the bond's */

struct bf_member_config {
	char name[BF_DEV_NAME_MAX];
	int32_t priority; /* active-backup: higher is preferred */
	uint32_t up_delay_ms; /* or BF_OF_BOND */
	uint32_t down_delay_ms; /* or BF_OF_BOND */
	uint32_t rxd, txd; /* or BF_OF_BOND */
	uint32_t link_detect; /* BF_LINK_OF_BOND, or enum bf_link_detect + 1 */
	uint32_t lacp_port_priority;
	bool no_offload; /* offload=off: its card does nothing for frames */
	bool drained;
	bool spare; /* serves only in place of one that is none */
};

/** What members do with LLDP. */
enum bf_lldp_mode {
	BF_LLDP_OFF,
	BF_LLDP_RX,
	BF_LLDP_BOTH,
};

#define BF_BOND_DEFAULT_NAME "bond0"

struct bf_bond_config {
	char name[BF_NAME_MAX];
	uint32_t profile; /* enum bf_profile: that of the config, which it follows */
	uint64_t given; /* keys with two defaults that were set, a bit for each row */
	uint32_t mode;
	uint32_t n_members;
	struct bf_member_config members[BF_MAX_MEMBERS];
	char primary[BF_DEV_NAME_MAX]; /* empty: none */
	uint32_t primary_reselect;
	uint32_t policy;
	uint32_t seed;
	uint8_t mac[6]; /* zero: the first member's */
	uint32_t mtu;
	uint32_t rxd, txd; /* descriptors of a member's queue */
	uint32_t link_detect; /* enum bf_link_detect */
	uint32_t mon_period_ms;
	uint32_t up_delay_ms;
	uint32_t down_delay_ms;
	uint32_t flap_limit; /* 0: off */
	uint32_t flap_window_ms;
	uint32_t flap_hold_ms;
	bool too_big; /* senders of too long packets are notified by ICMP */
	struct bf_rate_limit storm[BF_STORM_COUNT]; /* of what it brings into flooding */
	struct bf_vlan_set vlans; /* that it takes; none: all, and untagged frames */
	uint32_t native; /* of its untagged frames; 0: none */
	bool allow_duplicates; /* without a LAG: take flooded frames from every member */
	uint32_t num_peer_notif;
	uint32_t peer_notif_delay_ms;
	uint32_t resend_igmp;
	bool mcast_snooping; /* the switch listens to IGMP and MLD */
	bool rebalance; /* hash modes; tlb and alb always do */
	uint32_t rebalance_interval_ms; /* 0: never */
	uint32_t mac_move_budget; /* stations moved per minute at most */
	/* probes */
	struct bf_probe_targets probe_targets;
	uint32_t lldp; /* enum bf_lldp_mode */
	uint32_t error_limit; /* of a million frames of a member: more errors drain it; 0 = off */
	uint32_t probe_interval_ms; /* 0: off */
	uint32_t probe_missed_max;
	bool probe_validate;
	/* 802.3ad */
	uint32_t agg_mode;
	uint32_t lacp_rate; /* 0 slow, 1 fast */
	bool lacp_active;
	uint32_t lacp_system_priority;
	uint8_t lacp_system_id[6]; /* zero: the bond's MAC */
	uint32_t lacp_key; /* 0: from the speed */
	uint32_t min_links;
	uint32_t max_links; /* members in service at most; 0: no limit */
	bool lacp_fallback;
	bool lacp_strict;
	uint8_t lacp_partner[6]; /* zero: any */
	uint32_t lacp_pdu_limit; /* PDUs per second and member */
};

/** Values of bf_guest_config.over behind the classes, in the order of the key's words. */
#define BF_GUEST_OVER_DROP BF_CLASSES
#define BF_GUEST_OVER_WAIT (BF_CLASSES + 1u)

/** The maps unless they are set: a class is the first three bits of the DSCP (RFC 2474, 4.2.2.2). */
void bf_qos_map_init(struct bf_qos_map *map);

/** What a guest is offered to leave to its receiver, and to take. */
enum bf_guest_offload {
	BF_OFFER_AUTO, /* all that we can */
	BF_OFFER_NOTHING,
	BF_OFFER_CSUM,
	BF_OFFER_TSO
};

#define BF_VLAN_ANY UINT32_MAX /* a guest's VLAN: untagged frames and all VLANs */

struct bf_guest_config {
	char name[BF_NAME_MAX];
	uint32_t profile; /* enum bf_profile */
	uint64_t given; /* keys that were set, a bit for each row; see groups.c */
	char group[BF_NAME_MAX]; /* whose keys it has, but for those that were set; "": none */
	char socket[BF_SOCKET_MAX];
	char uplink[BF_NAME_MAX]; /* the bond whose switch it is on; "": the only one */
	bool uplink_down; /* uplink_down=link: its link goes down while the bond carries nothing */
	bool server; /* mode: false = client (QEMU listens), true = server */
	uint32_t queues;
	uint32_t mtu;
	bool mrg_rxbuf;
	bool packed;
	uint32_t offload; /* enum bf_guest_offload */
	struct bf_feature_pin features; /* offered at most */
	uint32_t mbufs; /* frames of its own, or BF_OF_BOND */
	uint32_t mac_limit;
	struct bf_rate_limit storm[BF_STORM_COUNT]; /* of what it sends into flooding */
	uint32_t tx_retries;
	bool too_big; /* senders of packets too long for it are notified by ICMP */
	bool host; /* its other end is the host's kernel: `add host`; no socket */
	uint8_t address[6]; /* of a host port's interface; zero: derived from its name */
	char label[BF_NAME_MAX]; /* a word of the operator's; shown, without effect */
	bool disabled; /* admin: frames from and to it are dropped */
	bool learning; /* senders behind it are learned */
	bool locked; /* only senders that are known behind it may send */
	bool flood, mcast_flood, bcast_flood; /* what is flooded reaches it */
	uint32_t vlan; /* of its untagged frames, 0: there are no others, or BF_VLAN_ANY */
	struct bf_vlan_set trunk; /* VLANs that it sends and gets with their tags */
	uint32_t native; /* of a trunk's untagged frames; 0: there are none */
	uint32_t qinq; /* 802.1ad VLAN of all that it sends; 0: none */
	bool neigh_suppress; /* who asks for its addresses is answered by the switch */
	bool isolated; /* it and others that are do not reach each other */
	bool mac_guard;
	struct bf_mac_list
		mac; /* addresses that it may send from; none: they are learned; see bf_guest_config_mac() */
	bool protocol_guard;
	bool dhcp_guard, ra_guard;
	struct bf_ip_list ip; /* addresses that it may use; none: any */
	char team[BF_NAME_MAX]; /* guests of one team may use each other's addresses */
	uint32_t weight; /* its share where a worker or a member is full; 0: not said */
	/* By enum bf_qos_dir: of what it sends, of what it gets. */
	struct bf_rate_burst rate[BF_QOS_DIRS], peak[BF_QOS_DIRS];
	uint32_t over
		[BF_QOS_DIRS]; /* what frames beyond the rate do: a class, or BF_OVER_... behind them */
	uint32_t mark[BF_QOS_DIRS]; /* enum bf_mark */
	char filter[BF_QOS_DIRS][BF_FILTER_TEXT_MAX]; /* empty: none */
	uint16_t pin[BF_MAX_QP]; /* lcore that polls the queue, + 1; 0: chosen by bondfwd */
};

#define BF_MAX_GROUPS 64
#define BF_CONFIG_HISTORY 10 /* written configurations that are kept, unless set */
#define BF_MIRROR_ALL "all" /* as the source of a mirror: every port that gets no copies */

/** Without padding that differs: mirrors are compared as bytes. */
struct bf_mirror_config {
	char name[BF_NAME_MAX];
	char source[BF_NAME_MAX]; /* a bond, a guest, or BF_MIRROR_ALL */
	uint32_t dirs; /* BF_MIRROR_IN, BF_MIRROR_OUT, together */
	uint32_t vlan; /* 0: untagged frames; or BF_VLAN_ANY */
	char filter[BF_EXPRESSION_MAX + 4]; /* empty: none */
	char to[BF_NAME_MAX]; /* the guest that gets copies */
};

enum bf_exporter_type {
	BF_EXPORTER_SFLOW,
	BF_EXPORTER_IPFIX
};

#define BF_COLLECTOR_MAX 56 /* of its text, with the end */

/** Who is told of flows and counters, and how; see exporter_keys.c. */
struct bf_exporter_config {
	char name[BF_NAME_MAX];
	uint32_t type; /* enum bf_exporter_type */
	char collector[BF_COLLECTOR_MAX]; /* as the operator wrote it */
	char agent[BF_COLLECTOR_MAX]; /* an address, or "" */
	uint32_t sampling;
	uint32_t polling_s; /* 0: never */
	uint32_t header_bytes;
	uint32_t domain;
	uint32_t active_s, idle_s, template_s;
};

struct bf_config {
	uint32_t profile; /* enum bf_profile, of guests that name none */
	bool profile_is_said; /* by a line or an option */
	uint32_t n_bonds;
	struct bf_bond_config bonds[BF_MAX_BONDS];
	bool forwarding; /* `start` and `stop` */
	uint32_t fdb_aging_s;
	uint32_t history; /* written configurations that are kept */
	uint32_t idle; /* enum bf_idle */
	struct bf_qos_map qos_map;
	bool lcore_rebalance; /* move guest queues off busy workers */
	uint32_t n_groups;
	struct bf_guest_config
		groups[BF_MAX_GROUPS]; /* of each, the name and the keys that were set */
	uint32_t n_exporters;
	struct bf_exporter_config exporters[BF_MAX_EXPORTERS];
	uint32_t n_guests;
	struct bf_guest_config guests[BF_MAX_GUESTS];
	uint32_t n_mirrors;
	struct bf_mirror_config mirrors[BF_MAX_MIRRORS];
};

extern const struct bf_key bf_bond_keys[];
extern const unsigned int bf_n_bond_keys;
extern const struct bf_key bf_member_keys[];
extern const unsigned int bf_n_member_keys;
extern const struct bf_key bf_guest_keys[];
extern const unsigned int bf_n_guest_keys;
extern const struct bf_key bf_exporter_keys[];
extern const unsigned int bf_n_exporter_keys;
/** The same as tables. */
extern const struct bf_key_table bf_bond_table, bf_member_table, bf_guest_table, bf_exporter_table;

/** A config with every default, on the heap; free() it. @return NULL when out of memory. */
struct bf_config *bf_config_new(void);
/** A copy on the heap. */
struct bf_config *bf_config_copy(const struct bf_config *c);

void bf_bond_config_init(struct bf_bond_config *b);
void bf_guest_config_init(struct bf_guest_config *g);
/** A guest of @p c with nothing set: its profile is the one in force there. */
void bf_config_init_guest(const struct bf_config *c, struct bf_guest_config *g);
/**
 * The profile of guests that are made from now on, and of bonds; @p text its name.  Guests that there are
 * keep theirs.
 *
 * @return
 *   0, or -EINVAL with the reason.
 */
int bf_config_set_profile(struct bf_config *c, const char *text, struct bf_err *err);
/** Whether the guest was given a profile of its own. */
bool bf_guest_config_has_profile(const struct bf_guest_config *g);
void bf_member_config_init(struct bf_member_config *m);

/** Set one key of a bond. @return 0, or -EINVAL with the reason. */
int bf_bond_config_set(
	struct bf_bond_config *b, const char *key, const char *value, struct bf_err *err);
/** Set one key of a member. */
int bf_member_config_set(
	struct bf_member_config *m, const char *key, const char *value, struct bf_err *err);
/** Set one key of a guest. */
int bf_guest_config_set(
	struct bf_guest_config *g, const char *key, const char *value, struct bf_err *err);

/** Whether all that was wished for is the same. */
bool bf_bond_config_is_equal(const struct bf_bond_config *a, const struct bf_bond_config *b);
bool bf_guest_config_is_equal(const struct bf_guest_config *a, const struct bf_guest_config *b);
bool bf_config_is_equal(const struct bf_config *a, const struct bf_config *b);
/** Whether the change cuts the connection of the guest's front end: its port is opened anew. */
bool bf_guest_config_reopens(const struct bf_guest_config *from, const struct bf_guest_config *to);

/** "K=V,..." of --bond and `set bonding option`. */
int bf_bond_config_parse(struct bf_bond_config *b, const char *pairs, struct bf_err *err);
/** "K=V,..." of `set bonding member`. */
int bf_member_config_parse(struct bf_member_config *m, const char *pairs, struct bf_err *err);
/** "K=V,..." of --guest, `add guest` and `set guest`. */
int bf_guest_config_parse(struct bf_guest_config *g, const char *pairs, struct bf_err *err);

/** Member by name. @return index, or -1. */
int bf_bond_config_member(const struct bf_bond_config *b, const char *name);
/** Members that are no spares. */
uint32_t bf_bond_config_n_regular(const struct bf_bond_config *b);
int bf_bond_config_add_member(struct bf_bond_config *b, const char *name, struct bf_err *err);
int bf_bond_config_remove_member(struct bf_bond_config *b, const char *name, struct bf_err *err);

/** Bond by name, or NULL: to read it, or to change it. */
const struct bf_bond_config *bf_config_find_bond(const struct bf_config *c, const char *name);
struct bf_bond_config *bf_config_bond(struct bf_config *c, const char *name);
/**
 * Add a bond; fails for a name in use, or when there are BF_MAX_BONDS.  It gets the profile in force.  With
 * the second one, guests that name no uplink get the first.
 */
int bf_config_add_bond(struct bf_config *c, const struct bf_bond_config *b, struct bf_err *err);
int bf_config_remove_bond(struct bf_config *c, const char *name, struct bf_err *err);

/** "guest" or "host", for people and in commands. */
const char *bf_guest_config_kind(const struct bf_guest_config *g);

/** Whether `auto` is among its own addresses. */
bool bf_guest_config_has_auto_mac(const struct bf_guest_config *g);
/** What `auto` is for it: the address of a host port's interface; of a guest, one that follows from its name. */
void bf_guest_config_own_mac(const struct bf_guest_config *g, uint8_t mac[6]);
/** Entry @p i of its own addresses, with the address that `auto` stands for. */
struct bf_mac_prefix bf_guest_config_mac(const struct bf_guest_config *g, uint32_t i);

/** Guest or host port by name, or NULL: to read it, or to change it. */
const struct bf_guest_config *bf_config_find_guest(const struct bf_config *c, const char *name);
struct bf_guest_config *bf_config_guest(struct bf_config *c, const char *name);
/** Add a guest; fails for a name or socket in use, or when there are BF_MAX_GUESTS. */
int bf_config_add_guest(struct bf_config *c, const struct bf_guest_config *g, struct bf_err *err);
int bf_config_remove_guest(struct bf_config *c, const char *name, struct bf_err *err);
/** Put @p g in the place of guest @p name, after the same checks; its name may be another. */
int bf_config_replace_guest(
	struct bf_config *c, const char *name, const struct bf_guest_config *g, struct bf_err *err);

/** "in", "out" or "both". */
const char *bf_mirror_config_direction(const struct bf_mirror_config *m);
/** Add a mirror, or put it in the place of the one of its name; fails when there are BF_MAX_MIRRORS. */
int bf_config_put_mirror(struct bf_config *c, const struct bf_mirror_config *m, struct bf_err *err);
int bf_config_remove_mirror(struct bf_config *c, const char *name, struct bf_err *err);

/** Port group by name, or NULL. */
const struct bf_guest_config *bf_config_find_group(const struct bf_config *c, const char *name);
/** "K=V,..." of `create group` and `set group`. @return 0, or -EINVAL with the reason */
int bf_group_config_parse(struct bf_guest_config *group, const char *pairs, struct bf_err *err);
bool bf_group_config_is_equal(const struct bf_guest_config *a, const struct bf_guest_config *b);
/** Add a port group; fails for a name in use, or when there are BF_MAX_GROUPS. */
int bf_config_add_group(
	struct bf_config *c, const struct bf_guest_config *group, struct bf_err *err);
/** Put @p group in the place of the one of its name; its guests get what it says. */
int bf_config_replace_group(
	struct bf_config *c, const struct bf_guest_config *group, struct bf_err *err);
/** Fails while guests are in it. */
int bf_config_remove_group(struct bf_config *c, const char *name, struct bf_err *err);
/** The profile in force for a guest, unless it or its group names one. */
void bf_config_follow_profile(const struct bf_config *c, struct bf_guest_config *g);
/** Give a guest the values of keys that were just unset. @param had_profile its profile is one of them */
void bf_config_follow_unset(const struct bf_config *c, struct bf_guest_config *g, bool had_profile);
/** Where there are several bonds, guests that name none get the first. */
void bf_config_name_uplinks(struct bf_config *c);
/** Give a guest what its group says; one that has left group @p was gets its defaults back. */
void bf_config_follow_group(const struct bf_config *c, struct bf_guest_config *g, const char *was);

void bf_exporter_config_init(struct bf_exporter_config *e);
/** "K=V,..." of `create exporter` and `set exporter`. @return 0, or -EINVAL with the reason */
int bf_exporter_config_parse(struct bf_exporter_config *e, const char *pairs, struct bf_err *err);
bool bf_exporter_config_is_equal(
	const struct bf_exporter_config *a, const struct bf_exporter_config *b);
/** The collector's port unless it is said. */
uint16_t bf_exporter_default_port(const struct bf_exporter_config *e);
/** Exporter by name, or NULL. */
const struct bf_exporter_config *bf_config_find_exporter(
	const struct bf_config *c, const char *name);
/** Add an exporter; fails without collector, for a name in use, or when there are BF_MAX_EXPORTERS. */
int bf_config_add_exporter(
	struct bf_config *c, const struct bf_exporter_config *e, struct bf_err *err);
/** Put @p e in the place of the one of its name. */
int bf_config_replace_exporter(
	struct bf_config *c, const struct bf_exporter_config *e, struct bf_err *err);
int bf_config_remove_exporter(struct bf_config *c, const char *name, struct bf_err *err);

/** Contradictions that no device is needed to see. @return 0, or -EINVAL with the first. */
int bf_config_check(const struct bf_config *c, struct bf_err *err);

/** The same, each of them. */
typedef void bf_config_fault_cb(void *arg, const struct bf_err *err);
void bf_config_faults(const struct bf_config *c, bf_config_fault_cb *cb, void *arg);

/** One command per line; feeding them to an empty config gives an equal one. */
typedef void bf_config_line_cb(void *arg, const char *line);
void bf_config_print(const struct bf_config *c, bf_config_line_cb *cb, void *arg);
/** What is said of a file that names no profile. */
#define BF_CONFIG_NO_PROFILE \
	"profile: no line says it, so guests are trusted, as before there were profiles; write " \
	"\"set profile default trusted\" above the guests to keep that, or \"tenant\" to guard them"

/**
 * What is allowed but has no effect (keys of another mode), and a profile that is not said.  One line
 * each, without newline.
 */
void bf_config_warnings(const struct bf_config *c, bf_config_line_cb *cb, void *arg);
/** A number that is the same for configs that print alike; never 0. */
uint64_t bf_config_hash(const struct bf_config *c);

/* ---- mirrors.c, for check.c and print.c ---- */

void bf_config_mirror_faults(const struct bf_config *c, bf_config_fault_cb *cb, void *arg);
void bf_config_print_mirrors(const struct bf_config *c, bf_config_line_cb *cb, void *arg);

#endif
