/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What each guest has negotiated, by the guest's name: it is kept over a restart of ours
 * (app/config/negotiations.h).
 *
 * Theory of operation.  A front end that has negotiated is not asked again when its connection ends: it comes
 * back with the same features, queues and rings, or not at all.  So the last agreement binds a guest's port while
 * the front end wants to come back: from the moment it comes up until it has ended the connection itself, or its
 * process is gone.  What it agrees on after that is agreed anew.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_GUESTS_NEGOTIATED_H
#define BF_CONTROL_GUESTS_NEGOTIATED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "control/config/config.h"

#define BF_NEGOTIATED_KEEP_S (30u * 86400) /* of guests that are gone */

struct bf_negotiated {
	char guest[BF_NAME_MAX];
	bool up; /* connected, or it was when its port was closed: the front end comes back */
	bool removed; /* from the configuration, by the operator */
	bool server, solo; /* its port; the front end has no device model */
	uint64_t features, protocol;
	uint16_t pairs, ring_size, mtu; /* mtu 0: not told */
	uint64_t since_s; /* when it came up, seconds since 1970 */
	int pid; /* of the front end, 0: not known */
	uint32_t uid;
	uint64_t process_start; /* clock ticks since the host's start; 0: not known */
	uint64_t boot; /* a digest of the host's boot id */
	char front_end[16]; /* its name; of [A-Za-z0-9._-] */
	char socket[BF_SOCKET_MAX];
};

/** Of the bridge. */
struct bf_negotiated_book {
	uint32_t n, room;
	struct bf_negotiated *at;
	uint64_t version; /* goes up with every change */
};

struct bf_guest;

/** A guest has come up, gone down, or changed its rings; bf_guest_refresh() was called. */
void bf_negotiated_note(struct bf_negotiated_book *b, struct bf_guest *g);

/** The operator has removed a guest: nobody waits for it, but one of its name is held to what it agreed on. */
void bf_negotiated_remove(struct bf_negotiated_book *b, const char *guest);

/** Forget what a guest agreed on. @return whether anything was known */
bool bf_negotiated_forget(struct bf_negotiated_book *b, const char *guest);

/** What was kept over a restart. */
void bf_negotiated_restore(struct bf_negotiated_book *b, const struct bf_negotiated *n);

/** @return what the guest agreed on, or NULL. */
const struct bf_negotiated *bf_negotiated_find(
	const struct bf_negotiated_book *b, const char *guest);

/** Does its front end want to come back, as far as can be known? Reads /proc. */
bool bf_negotiated_binds(const struct bf_negotiated *n);

/**
 * Would the front end be turned away by a port with these keys?
 *
 * @param why
 *   Gets what is missing, what it negotiated and what would be offered, in words; may be NULL.
 */
bool bf_negotiated_lacks(
	const struct bf_negotiated *n, const struct bf_guest_config *cfg, struct bf_err *why);

/** The same against what another host offers, whatever its sockets. */
bool bf_negotiated_lacks_offer(const struct bf_negotiated *n, uint64_t features, uint64_t protocol,
	uint32_t queues, struct bf_err *why);

void bf_negotiated_fini(struct bf_negotiated_book *b);

#endif
