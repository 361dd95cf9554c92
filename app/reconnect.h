/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The reconnect guard: what a connected or remembered guest could not come back with is refused, unless forced.
 *
 * Threads: ctx control.
 */
#ifndef BF_RECONNECT_H
#define BF_RECONNECT_H

#include <stdbool.h>

#include "base/err.h"
#include "control/config/config.h"
#include "control/guests/negotiated.h"

/** Would the front end that is remembered for this guest be turned away? @param why may be NULL */
bool bf_reconnect_is_lost(
	const struct bf_negotiated_book *b, const struct bf_guest_config *to, struct bf_err *why);

/**
 * Refuse a change of one guest.
 *
 * @param from
 *   The guest as it is; NULL: there is none yet.  A change that does not close its port is none.
 * @param how
 *   What the operator says to do it all the same; NULL: it is done, and nobody can be asked.
 * @return
 *   0, or -EPERM with guest and reason.
 */
int bf_reconnect_refuse_guest(const struct bf_negotiated_book *b,
	const struct bf_guest_config *from, const struct bf_guest_config *to, const char *how,
	struct bf_err *err);

/** The same of all guests of a configuration. @param from as it is; NULL: a start */
int bf_reconnect_refuse(const struct bf_negotiated_book *b, const struct bf_config *from,
	const struct bf_config *to, const char *how, struct bf_err *err);

/** The same, but hand over each such guest: "guest: NAME: why". */
void bf_reconnect_faults(const struct bf_negotiated_book *b, const struct bf_config *from,
	const struct bf_config *to, const char *how, bf_config_fault_cb *cb, void *arg);

/** A callback for that: the event guest_reconnect. @param bridge a struct bf_bridge */
void bf_reconnect_warn(void *bridge, const struct bf_err *err);

/** What is said to start all the same. */
#define BF_RECONNECT_START "start with --force-reconnect"

#endif
