/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The names of ports and members, for the thread of a capture, which must not look at what control changes.
 *
 * Theory of operation.  A slot may get another port while a capture of all ports runs, and frames of the port
 * before are still on the tapes.  So a new name counts from a moment on, and records from before have the old one.
 *
 * Threads: control notes; the capture's thread asks.
 */
#ifndef BF_CONTROL_OBSERVE_CAPTURE_NAMES_H
#define BF_CONTROL_OBSERVE_CAPTURE_NAMES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/config/config.h"
#include "dataplane/sizes.h"

struct bf_bridge;

struct bf_capture_name {
	uint64_t since_tsc; /* `next` counts from then on; 0: there is none */
	char name[BF_DEV_NAME_MAX], next[BF_DEV_NAME_MAX];
};

struct bf_capture_names {
	pthread_mutex_t lock;
	struct bf_capture_name ports[BF_MAX_PORTS];
	struct bf_capture_name members[BF_MAX_BONDS][BF_MAX_MEMBERS];
};

/** Names as they are. @return NULL when out of memory */
struct bf_capture_names *bf_capture_names_new(const struct bf_bridge *br);
/** NULL is allowed. */
void bf_capture_names_free(struct bf_capture_names *n);

/** Names as they are from now on. */
void bf_capture_names_note(struct bf_capture_names *n, const struct bf_bridge *br);

/**
 * The port that was in a slot at a moment.  ctx the thread, which asks in the order of time.
 *
 * @param is_other
 *   Gets whether it is another one than the last time.
 * @return
 *   Valid until the next call.
 */
const char *bf_capture_port_at(
	struct bf_capture_names *n, uint16_t slot, uint64_t tsc, bool *is_other);

/** The same of a member, by its bond's number and its own. */
const char *bf_capture_member_at(
	struct bf_capture_names *n, unsigned int bond, unsigned int bit, uint64_t tsc);

#endif
