/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The worker lcores: what each one owns, their start and their end.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_WORKERS_LCORES_H
#define BF_CONTROL_WORKERS_LCORES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "dataplane/lcore.h"

struct bf_lcores {
	unsigned int n;
	struct bf_worker *workers[BF_MAX_WORKERS];
	struct bf_view *view; /* the door: workers load it every turn */
	uint64_t n_views; /* that were published: memory of a former one may be used again */
	struct rte_rcu_qsbr *qsbr;
	struct rte_ring *inject; /* control's frames for members, sent by worker 0 */
	struct rte_ring *slow; /* LACPDUs and markers, from any worker */
	struct rte_ring *lldp; /* LLDP frames, from any worker */
	struct bf_echoes *echoes; /* frames that may come back */
	struct bf_held *held; /* addresses of guests */
	struct rte_ring *for_us; /* frames to the bond's own address, from any worker */
	bool launched;
	/* views that workers may still hold; looked at in every tick, so not in the door's line */
	unsigned int n_retired __rte_cache_aligned;
	struct {
		struct bf_view *view;
		uint64_t token;
	} retired[64];
};

/**
 * Give every worker lcore of the EAL its memory.
 *
 * @return 0; -EINVAL without a worker lcore; -ENOMEM.
 */
int bf_lcores_open(struct bf_lcores *l, struct bf_fdb *fdb, struct bf_err *err);

/** Start the loops. The first view must have been published. @return 0 or -errno. */
int bf_lcores_launch(struct bf_lcores *l, struct bf_err *err);

/** Stop the loops and wait for them; they hold no frame afterwards. */
void bf_lcores_stop(struct bf_lcores *l);

/** Free everything, the current view too. */
void bf_lcores_close(struct bf_lcores *l);

/** Let workers use a view; the one before is freed when none holds it any more. Takes @p v. */
void bf_lcores_publish(struct bf_lcores *l, struct bf_view *v);

/** Wait until every worker has passed a quiescent state: it holds nothing published before. */
void bf_lcores_grace(struct bf_lcores *l);

/**
 * The same without waiting: a grace period begins; is one over?  For struct bf_late_grace, whose arg is
 * the struct bf_lcores.
 *
 * ctx any, between bf_lcores_open() and bf_lcores_close().
 */
uint64_t bf_lcores_grace_begin(void *lcores);
bool bf_lcores_grace_is_over(void *lcores, uint64_t token);

/**
 * Be a reader for a moment: between the two, no guest's device is freed under control's hands.
 * Not around anything that registers or unregisters a socket.
 */
void bf_lcores_enter(struct bf_lcores *l);
void bf_lcores_leave(struct bf_lcores *l);

/** Free retired views that nobody holds; call now and then. */
void bf_lcores_collect(struct bf_lcores *l);

#endif
