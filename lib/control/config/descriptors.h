/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How many files this process may have open, which is how many guests it can have.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_CONFIG_DESCRIPTORS_H
#define BF_CONTROL_CONFIG_DESCRIPTORS_H

#include "control/config/config.h"

/** Raise the limit as far as it can be needed and the system lets us; once per process. */
void bf_descriptors_raise(void);

/**
 * Are there enough for the guests of a configuration?
 *
 * @param possible
 *   Set to how many guests like these can be connected at a time when there are not.
 */
bool bf_descriptors_suffice(const struct bf_config *c, uint32_t *possible);

#endif
