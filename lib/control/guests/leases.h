/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Addresses that DHCP servers have given to guests with ip=dhcp: kept until they end.
 *
 * Theory of operation.  Workers post what a server gives (dataplane/dhcp.h).  A guest's addresses are judged
 * from its first lease on: who runs already when the key is set, or bondfwd comes back without its file, is not
 * cut off.  From then on they are judged whether a lease is left or not, until the operator clears them or the
 * guest is removed.  Over a restart of ours leases are kept by name (app/config/leases.h).
 *
 * Bounded per guest; the one that ends first makes room.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_GUESTS_LEASES_H
#define BF_CONTROL_GUESTS_LEASES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ip_list.h"
#include "base/log.h"
#include "control/config/config.h"
#include "dataplane/guard.h"

#define BF_LEASE_FOREVER UINT64_MAX
#define BF_LEASES_MS 100 /* between two views because of them, at least */

struct bf_lease {
	struct bf_ip_prefix of;
	uint64_t until_ms; /* of the control clock, or BF_LEASE_FOREVER */
};

/** Of a guest, in struct bf_guest; or of one that is not there, by name. */
struct bf_leases {
	bool known; /* there was one: addresses are judged */
	bool changed; /* workers do not have it yet */
	uint32_t n;
	struct bf_lease at[BF_GUARD_LEASES];
};

struct bf_named_leases {
	char guest[BF_NAME_MAX];
	struct bf_leases of;
};

/** Of the bridge. */
struct bf_lease_book {
	uint32_t n_waiting, room;
	struct bf_named_leases *waiting; /* for their guests */
	uint64_t version; /* goes up when a lease comes, is extended or goes */
	uint32_t looked_s;
	bool changed; /* of some guest */
	uint64_t changed_ms; /* when workers got the last change */
	struct bf_log_limit told;
};

struct bf_bridge;
struct bf_guest;
struct bf_mail;

/** BF_MAIL_LEASE of a worker. */
void bf_leases_hear(struct bf_bridge *br, const struct bf_mail *m, uint64_t now_ms);

/** Are the guest's addresses judged? Those of ip=, and of its leases. */
bool bf_leases_judge(const struct bf_guest *g);

/** A guest was made: it gets the leases of its name. */
void bf_leases_open(struct bf_bridge *br, struct bf_guest *g);
/** A guest is closed. @param returns one of the same name follows */
void bf_leases_close(struct bf_bridge *br, struct bf_guest *g, bool returns);
/** ip= has changed: without dhcp, leases are forgotten. */
void bf_leases_change(struct bf_bridge *br, struct bf_guest *g);
/** Forget a guest's leases: its addresses are not judged before the next one. @return how many there were */
uint32_t bf_leases_clear(struct bf_bridge *br, struct bf_guest *g);

/** The guest is on another network now: its addresses are judged still, and those of the one before are gone. */
void bf_leases_move(struct bf_bridge *br, struct bf_guest *g);

/** What was kept over a restart; before the guests are made. */
void bf_leases_restore(struct bf_bridge *br, const struct bf_named_leases *l);
/** All leases, with those that wait. */
typedef void bf_leases_cb(void *arg, const char *guest, const struct bf_leases *l);
void bf_leases_visit(const struct bf_bridge *br, bf_leases_cb *cb, void *arg);

/** Leases end. A task's tick. */
uint64_t bf_leases_tick(void *bridge, uint64_t now_ms);

void bf_leases_fini(struct bf_lease_book *b);

#endif
