/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Everything that is a metric, of one moment: for `show metrics` and for whoever serves it to Prometheus.
 *
 * Threads: see each.
 */
#ifndef BF_APP_ALL_METRICS_H
#define BF_APP_ALL_METRICS_H

#include "console/render.h"

struct bf_bridge;

/** Zero is empty. */
struct bf_all_metrics {
	struct bf_snapshot *all;
	struct bf_shown *shown; /* their tables and rows, in the order of `show metrics` */
	unsigned int n; /* of both */
};

/**
 * Gather all rows; nothing in them refers to the live state.  ctx control.
 *
 * @param m
 *   Empty.  Release with bf_all_metrics_fini(), also after an error.
 * @return
 *   0, or -ENOMEM with the reason.  What could not be read for other reasons is noted in the snapshots.
 */
int bf_all_metrics_gather(struct bf_all_metrics *m, struct bf_bridge *br, struct bf_err *err);

/** Write them.  ctx any. */
void bf_all_metrics_render(
	const struct bf_all_metrics *m, enum bf_metrics_form form, struct bf_out *out);

/** ctx any. */
void bf_all_metrics_fini(struct bf_all_metrics *m);

#endif
