/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The mirrors that are in force (dataplane/mirror.h).
 *
 * Theory of operation.  A mirror that is not changed keeps its state and its counters through every change of
 * something else.  One that is gone leaves with the next view and is freed a grace period later.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_OBSERVE_MIRRORS_H
#define BF_CONTROL_OBSERVE_MIRRORS_H

#include "base/err.h"
#include "control/config/config.h"
#include "dataplane/mirror.h"

struct bf_bridge;

struct bf_mirror_state {
	struct bf_mirror_config cfg;
	struct bf_mirror *mirror; /* NULL: the place is free */
	struct bpf_program *program;
	bool leaves; /* it is in no later view */
};

struct bf_mirrors {
	struct bf_mirror_state at[2 * BF_MAX_MIRRORS]; /* with those that leave */
};

/**
 * Make what @p want asks for, and let go what it does not. Workers see it with the next view.
 *
 * @return
 *   0, or -errno with the reason; then some of it may have been done.
 */
int bf_mirrors_apply(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err);

/** Free those that have left, after a grace period. */
void bf_mirrors_collect(struct bf_mirrors *ms);

/** Free all. The workers have stopped. */
void bf_mirrors_close(struct bf_mirrors *ms);

/** Name the mirrors in a view, and the ports whose frames they copy. */
void bf_mirrors_fill_view(const struct bf_bridge *br, struct bf_view *v);

#endif
