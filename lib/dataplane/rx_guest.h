/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames of guests: see rx_guest.c.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_RX_GUEST_H
#define BF_DATAPLANE_RX_GUEST_H

#include "dataplane/lcore.h"

/** Poll the worker's guest queues and switch what came. @param now TSC. @return frames. */
uint32_t bf_rx_guests(struct bf_worker *w, uint64_t now);

#endif
