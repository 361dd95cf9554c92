/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Views come into force: with memory kept for one when there is no other.
 *
 * Threads: ctx control.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/bridge.h"
#include "control/loop/task.h"
#include "control/memory/pools.h"
#include "vhost/waste.h"

/*
 * Memory for a view may be short; then those that workers have left are freed, and as a last
 * resort the spare one is used, so that what must go out of sight does.
 */
static struct bf_view *
view_build_somehow(struct bf_bridge *br)
{
	struct bf_view *v = bf_view_build(br, NULL);

	if (v != NULL)
		return v;
	bf_lcores_grace(&br->lcores);
	bf_lcores_collect(&br->lcores);
	v = bf_view_build(br, NULL);
	if (v == NULL && br->spare_view != NULL) {
		v = bf_view_build(br, br->spare_view);
		br->spare_view = NULL;
		BF_ERR("bridge", "no memory for a view: the spare one is in use");
	}
	return v;
}

static int
view_publish(struct bf_bridge *br)
{
	struct bf_view *v;

	bf_storms_arrange(br);
	v = view_build_somehow(br);
	if (v == NULL) { /* the old view stays in force; try again at the next tick */
		BF_ERR("bridge", "no memory for a view");
		br->dirty = true;
		return -ENOMEM;
	}
	bf_lcores_publish(&br->lcores, v);
	br->dirty = false;
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		br->up[k].bond.dirty = false;
		bf_paths_check(br, &br->up[k], bf_clock_ms());
	}
	return 0;
}

int
bf_bridge_publish_and_wait(struct bf_bridge *br)
{
	int ret = view_publish(br);

	bf_lcores_grace(&br->lcores);
	return ret;
}

static bool
view_is_due(const struct bf_bridge *br)
{
	bool dirty = br->dirty;

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		dirty = dirty || br->up[k].bond.dirty;
	return dirty;
}

/* What changed since the last view: seldom more than once in a turn. */
uint64_t
bf_publish_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;

	(void)now_ms;
	if (view_is_due(br))
		view_publish(br);
	return BF_TASK_NEVER;
}

uint64_t
bf_collect_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;

	(void)now_ms;
	bf_lcores_collect(&br->lcores);
	bf_pools_collect();
	bf_waste_collect();
	if (br->spare_view == NULL)
		br->spare_view = bf_view_spare();
	return BF_TASK_NEVER; /* what workers still use can wait for any turn */
}
