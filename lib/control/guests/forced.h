/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Who is turned away by what an operator has forced is not waited for any more: the next start is not refused for it.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_GUESTS_FORCED_H
#define BF_CONTROL_GUESTS_FORCED_H

#include "control/guests/negotiated.h"

/** A port was opened with these keys. */
void bf_forced_note(struct bf_negotiated_book *b, const struct bf_guest_config *cfg);

#endif
