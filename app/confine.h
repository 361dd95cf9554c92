/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which powers of root remain once the EAL has started: docs/decisions/022-service.md.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONFINE_H
#define BF_CONFINE_H

#include "options.h"

/** Give the others up; a warning says when that fails. After the EAL's start, before the switch opens anything. */
void bf_confine(const struct bf_options *o);

#endif
