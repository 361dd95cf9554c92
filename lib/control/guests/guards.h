/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Whose address is whose: what guests may send from, as control keeps it and workers read it
 * (dataplane/guard.h).
 *
 * Theory of operation.  The addresses of a guest are those of its mac= (auto: that which follows
 * from its name), or without one the first that it
 * uses.  A learned address is bound to the guest; nobody else may bind it, and it is not bound while the
 * FDB has it behind another port.  A binding is no place: the LAN may take the station, and the guest
 * takes it back by speaking.  It lasts until it is cleared, the guest is removed, or has had no
 * connection for BF_GUARD_KEEP_MS; over a restart of ours it is kept by name (app/config/bindings.h).
 * Guests of a team may use each other's addresses.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_GUESTS_GUARDS_H
#define BF_CONTROL_GUESTS_GUARDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "control/config/config.h"
#include "dataplane/guard.h"

#define BF_GUARD_KEEP_MS 300000
#define BF_GUARD_ROGUES 5 /* reasons of the rule GUARD to drop a frame */

struct bf_bridge;
struct bf_guest;

/** Of a guest, in struct bf_guest. */
struct bf_guest_guard {
	struct bf_guard *words; /* what workers read */
	uint8_t ips; /* which of words->ips is in force */
	uint32_t n_bound;
	uint64_t bound[BF_GUARD_MACS]; /* learned, as loaded little-endian */
	uint64_t seen_ms; /* when it was connected last, or made */
	uint64_t rogue_seen[BF_GUARD_ROGUES]; /* frames that were reported, by reason */
	struct bf_log_limit told, rogue_told;
};

/** Bindings of a guest that is not there: it is opened anew, or comes after a restart. */
struct bf_bindings {
	char guest[BF_NAME_MAX];
	uint32_t n;
	uint64_t mac[BF_GUARD_MACS];
};

struct bf_guards {
	uint32_t n_waiting, room;
	struct bf_bindings *waiting; /* for their guests */
	uint64_t version; /* goes up when a binding comes or goes */
	uint32_t looked_s;
};

void bf_guards_fini(struct bf_guards *gs);

/** A guest was made: it gets what was bound to its name. */
void bf_guards_open(struct bf_bridge *br, struct bf_guest *g);

/** A guest is closed. @param returns a guest of the same name follows: its bindings wait for it */
void bf_guards_close(struct bf_bridge *br, struct bf_guest *g, bool returns);

/** A guest's configuration has changed: @p old was in force. Stations that it may not have are forgotten. */
void bf_guards_change(struct bf_bridge *br, struct bf_guest *g, const struct bf_guest_config *old);

/** What it has from mac=, its team and its bindings goes to the workers. */
void bf_guards_write(struct bf_bridge *br, struct bf_guest *g);

/** Its IP addresses have changed: the next view has them. */
void bf_guards_write_ips(struct bf_bridge *br, struct bf_guest *g);

/** Are the ports two of one team, on one switch? */
bool bf_guards_are_mates(const struct bf_bridge *br, uint16_t a, uint16_t b);

/**
 * May a station be learned behind a guest?  Binds its address if it is new and free.
 *
 * @return
 *   false: it may not, and an event has said why.
 */
bool bf_guards_admit(struct bf_bridge *br, uint64_t key, uint16_t slot);

/** Forget what is bound to a guest, and its stations. @return how many addresses. */
uint32_t bf_guards_clear(struct bf_bridge *br, struct bf_guest *g);

/** Bindings that were kept over a restart; before the guests are made. */
void bf_guards_restore(struct bf_bridge *br, const struct bf_bindings *b);

/** All bindings, with those that wait. */
typedef void bf_bindings_cb(void *arg, const char *guest, const uint64_t *mac, uint32_t n);
void bf_guards_visit(const struct bf_bridge *br, bf_bindings_cb *cb, void *arg);

/** Room for new addresses, once a second; bindings that end. A task's tick. */
uint64_t bf_guards_tick(void *bridge, uint64_t now_ms);

#endif
