/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames of several bursts for one port: see stage.c.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_STAGE_H
#define BF_DATAPLANE_STAGE_H

#include "dataplane/lcore.h"

/** Queue frames for a port; sends when a full burst has come together. Takes all n. */
void bf_stage_add(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum);

/**
 * Queue each frame for the port that @p out names.
 *
 * @return
 *   How many are for no port; they stay the caller's, moved to the front with their @p out.
 */
uint16_t bf_stage_scatter(struct bf_worker *w, struct rte_mbuf **pkts, uint16_t n, uint16_t *out,
	const struct bf_burst *sum);

/** Send everything that waits. */
void bf_stage_flush(struct bf_worker *w);

#endif
