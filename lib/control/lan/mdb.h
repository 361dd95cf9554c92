/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Multicast database: who asks in each VLAN, behind which ports there are multicast routers, and which groups
 * were joined behind which port, as IGMP and MLD say.
 *
 * Theory of operation.  A membership belongs to a port, not to a host: it stays while any host behind the port
 * reports the group.  A host that leaves, or a querier that asks for the group, starts a short time in which
 * those that want it report again.  Source lists count for nothing: who wants a group from some sources gets it from
 * all.  A VLAN is *active* while a querier was heard in it, from the time on in which hosts have answered it; only
 * then do memberships say all, and only then may frames go to members only.
 *
 * Bounds.  A guest has BF_MDB_PER_GUEST memberships, its oldest makes room; all guests together BF_MDB_GUESTS, where the
 * one with most gives up its oldest.  A bond whose LAN has joined more than BF_MDB_PER_BOND groups gets all groups for as
 * long as a membership lasts: there are others behind it.  Guests never take the room of a bond.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_LAN_MDB_H
#define BF_CONTROL_LAN_MDB_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/mailbox.h"

#define BF_MDB_GUESTS 16384
#define BF_MDB_PER_GUEST 256
#define BF_MDB_PER_BOND 2048
#define BF_MDB_VLANS 1024 /* queriers, and ports with routers, each by VLAN */
#define BF_MDB_MEMBER_S 260 /* RFC 3376 8.4 */
#define BF_MDB_QUERIER_S 255 /* RFC 3376 8.5 */
#define BF_MDB_LEAVE_MS 2000 /* RFC 3376 8.8 and 8.9: two queries of a second each */
#define BF_MDB_ANSWER_MAX_MS 60000 /* a querier that lets hosts wait longer is not waited for */

/** VLAN and bond of a station's key. */
#define BF_MDB_VLAN(key) ((key) & ~BF_FDB_MAC_MASK)

struct bf_mdb_querier {
	uint64_t vlan; /* BF_MDB_VLAN() */
	bool v6; /* MLD; else IGMP */
	bool active; /* hosts have had the time to answer it */
	uint8_t version;
	uint16_t port;
	uint8_t address[16];
	uint64_t heard_ms, active_ms;
};

struct bf_mdb_router {
	uint64_t vlan;
	bool v6;
	uint16_t port;
	uint64_t heard_ms;
};

struct bf_mdb_member {
	uint64_t vlan;
	uint8_t group[16];
	bool v6;
	uint8_t version; /* of the protocol in which it was reported */
	uint16_t port;
	uint32_t heard_s;
	uint64_t ends_ms; /* unless it is reported again; 0: when it is too old */
};

/** What became of a message. */
enum bf_mdb_heard {
	BF_MDB_TAKEN,
	BF_MDB_IGNORED, /* it says nothing, or not as it must */
	BF_MDB_LIMIT, /* the port has joined more groups than it may */
	BF_MDB_FULL, /* all guests together have: the one with most made room */
};

struct bf_mdb;

/** A querier has become active, or one that was is gone. */
typedef void bf_mdb_change_cb(void *arg, const struct bf_mdb_querier *q, bool gone);

/** @param told called with @p arg; may be NULL. @return NULL when out of memory. */
struct bf_mdb *bf_mdb_create(bf_mdb_change_cb *told, void *arg);
/** NULL is allowed. */
void bf_mdb_destroy(struct bf_mdb *m);

/**
 * Take a message. Any bytes are allowed.
 *
 * @param may_route
 *   What the port says as a querier or router counts.
 */
enum bf_mdb_heard bf_mdb_hear(
	struct bf_mdb *m, const struct bf_report *r, bool may_route, uint64_t now_ms);

/** Forget what is too old, let queriers become active. */
void bf_mdb_age(struct bf_mdb *m, uint64_t now_ms);
/** Forget what was heard at a port. */
void bf_mdb_flush_port(struct bf_mdb *m, uint16_t port);
/** Forget that there are queriers and routers behind a port. */
void bf_mdb_flush_routers(struct bf_mdb *m, uint16_t port);
/** Forget what was heard on a switch. */
void bf_mdb_flush_bond(struct bf_mdb *m, unsigned int bond);
/** Has where frames go changed since the last time? */
bool bf_mdb_take_changed(struct bf_mdb *m);
/** The same, to look only. */
bool bf_mdb_has_changed(const struct bf_mdb *m);

/** The querier of a VLAN, or NULL. @param vlan any key in it */
const struct bf_mdb_querier *bf_mdb_querier(const struct bf_mdb *m, uint64_t vlan, bool v6);
/** Is a membership of the LAN missing, so that the bond must get all groups? */
bool bf_mdb_lan_wants_all(const struct bf_mdb *m, unsigned int bond);

/** Memberships of guests and of bonds, and ports with routers. */
uint32_t bf_mdb_n_members(const struct bf_mdb *m, bool of_bonds);
uint32_t bf_mdb_n_routers(const struct bf_mdb *m);

typedef void bf_mdb_querier_cb(void *arg, const struct bf_mdb_querier *q);
typedef void bf_mdb_router_cb(void *arg, const struct bf_mdb_router *r);
typedef void bf_mdb_member_cb(void *arg, const struct bf_mdb_member *mb);
/** Visit all; the callback must not change the database. */
void bf_mdb_visit_queriers(const struct bf_mdb *m, bf_mdb_querier_cb *cb, void *arg);
void bf_mdb_visit_routers(const struct bf_mdb *m, bf_mdb_router_cb *cb, void *arg);
void bf_mdb_visit_members(const struct bf_mdb *m, bf_mdb_member_cb *cb, void *arg);

/** The MAC address of a group, as loaded from a frame (RFC 1112 6.4, RFC 2464 7). */
uint64_t bf_mdb_mac(const uint8_t *group, bool v6);

#endif
