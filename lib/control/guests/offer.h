/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a guest's port offers to front ends: it follows from the guest's keys alone.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_GUESTS_OFFER_H
#define BF_CONTROL_GUESTS_OFFER_H

#include "control/config/config.h"
#include "vhost/session.h"

/** What the guest is offered with these keys. */
struct bf_vhost_offer bf_guest_offer(const struct bf_guest_config *cfg);

#endif
