/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A packed ring after a death: see recover.c.
 *
 * Threads: control.
 */
#ifndef BF_DATAPLANE_RECOVER_H
#define BF_DATAPLANE_RECOVER_H

#include "dataplane/virtqueue.h"

/**
 * Find where a packed ring stands, after a death in whatever moment: from its record and descriptors.
 * Finishes what was under way.
 *
 * ctx control; mode BF_RING_OFF, with everything but the place set.
 *
 * @return
 *   false: there is no record, or the driver has set the ring up anew since, so it stands where the
 *   front end says.  Descriptors that decide nothing (the last 32 of an odd lap) pass.
 */
bool bf_packed_recover(const struct bf_ring *r, uint16_t *at, bool *wrap);

#endif
