/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames of the bond: see rx_bond.c.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_RX_BOND_H
#define BF_DATAPLANE_RX_BOND_H

#include "dataplane/lcore.h"

/** Read the worker's queue of every member of a bond (its number), switch what came. @return frames. */
uint32_t bf_rx_bond(struct bf_worker *w, unsigned int bond);

#endif
