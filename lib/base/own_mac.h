/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The MAC address of a port that is given none: it follows from the machine and the port's name.
 *
 * Threads: ctx control.
 */
#ifndef BF_BASE_OWN_MAC_H
#define BF_BASE_OWN_MAC_H

#include <stdint.h>

/**
 * The address that a port of this name has on this machine: local, unicast, always the same.
 *
 * A machine is told from others by /etc/machine-id, or, without that, by its host name.
 */
void bf_own_mac(const char *name, uint8_t mac[6]);

#endif
