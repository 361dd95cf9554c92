/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The share of a guest as workers read it: rates, marks and filters of its configuration (dataplane/qos.h).
 *
 * Theory of operation.  A guest has two of them.  The view names one; a change fills the other one after a grace
 * period, and the next view names that.  A meter whose rate stays keeps its level.  What was counted is kept beside
 * them, but for rules of a filter that was changed.  Guests without a share have no memory for one.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_GUESTS_QOS_H
#define BF_CONTROL_GUESTS_QOS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "control/config/config.h"
#include "dataplane/qos.h"

struct bf_bridge;
struct bf_guest;

/** Of a guest, in struct bf_guest. */
struct bf_guest_qos {
	struct bf_qos *of[2]; /* NULL: never needed */
	struct bf_qos_counts *counts; /* of each worker */
	struct bf_qos_counts before; /* what rules of former filters had counted */
	char text[BF_QOS_DIRS][BF_FILTER_TEXT_MAX]; /* of the filters that count now */
	bool owns[2][BF_QOS_DIRS]; /* the programs of of[i]->filter are its to free */
	char compiled[BF_QOS_DIRS][BF_FILTER_TEXT_MAX]; /* text of of[current]->filter */
	uint8_t current;
	bool in_force; /* of[current] is for the next view */
};

/** A guest was made, or its configuration has changed. @return 0, or -errno with the reason: all is as before. */
int bf_qos_arrange(struct bf_bridge *br, struct bf_guest *g, struct bf_err *err);

/** Free it; no view names it. */
void bf_qos_close(struct bf_guest_qos *q);

/** What workers have counted in one direction, together. */
void bf_qos_sum(const struct bf_guest_qos *q, struct bf_qos_counts *sum);

#endif
