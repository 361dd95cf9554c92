/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See recent.h.
 *
 * Threads: ctx control.
 */
#include "control/observe/recent.h"

#include <stdbool.h>
#include <stdlib.h>

#include <rte_common.h>

#include "control/bridge.h"
#include "control/observe/stats.h"

static void
slot_note(const struct bf_bridge *br, struct bf_recent_note *n, uint16_t slot)
{
	for (unsigned int why = 0; why < BF_DROP_COUNT; why++)
		n->drops[slot][why] = bf_stats_dropped(br, slot, (enum bf_drop)why);
}

uint64_t
bf_recent_drops(const struct bf_bridge *br, uint16_t slot, enum bf_drop why)
{
	uint64_t now = bf_stats_dropped(br, slot, why);

	return br->recent.older == NULL ? now : now - br->recent.older->drops[slot][why];
}

uint32_t
bf_recent_s(const struct bf_bridge *br, uint64_t now_ms)
{
	uint64_t begin = br->recent.begin_ms != 0 ? br->recent.begin_ms : br->started_ms;

	return (uint32_t)RTE_MAX((now_ms - begin + 999) / 1000, 1u);
}

/* Both are zero at first, as all counters were at the start. @return false: memory is short */
static bool
notes_have(struct bf_recent *r)
{
	if (r->older == NULL)
		r->older = calloc(1, sizeof(*r->older));
	if (r->newer == NULL)
		r->newer = calloc(1, sizeof(*r->newer));
	return r->older != NULL && r->newer != NULL;
}

/* Two notes take turns: the older one is written anew. */
uint64_t
bf_recent_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_recent *r = &br->recent;
	struct bf_recent_note *n;

	if (now_ms < r->next_ms)
		return r->next_ms;
	r->next_ms = now_ms + BF_RECENT_MS;
	if (!notes_have(r))
		return r->next_ms;
	n = r->older;
	for (uint16_t s = 0; s < BF_MAX_PORTS; s++)
		if (bf_is_bond_slot(s) || br->guests[s] != NULL)
			slot_note(br, n, s);
	r->older = r->newer;
	r->begin_ms = r->newer_ms;
	r->newer = n;
	r->newer_ms = now_ms;
	return r->next_ms;
}

void
bf_recent_slot_gone(void *bridge, uint16_t slot)
{
	struct bf_bridge *br = bridge;

	if (!notes_have(&br->recent))
		return;
	slot_note(br, br->recent.older, slot);
	slot_note(br, br->recent.newer, slot);
}

void
bf_recent_fini(struct bf_recent *r)
{
	free(r->older);
	free(r->newer);
}
