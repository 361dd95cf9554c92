/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Theory of operation.  The link state that a guest sees is its front end's: QEMU takes the link down when
 * its vhost-user connection ends, and up when there is one again.  So a held link is a door that is
 * shut.  It is shut from the beginning: a guest with other ways does not come back to a bond that is
 * still down.  Then the bond's own delays count, and a second more, so that a link does not flap.
 *
 * Threads: ctx control.
 */
#include "control/guests/uplink_loss.h"

#include "control/bridge.h"
#include "control/loop/task.h"
#include "dataplane/member.h"

#define STEADY_MS 1000 /* that the bond must be down, or up again */

/* Where there is no bond there is nothing to follow. */
static bool
bond_carries(const struct bf_bridge *br, unsigned int k)
{
	const struct bf_bond_view *v = &br->lcores.view->bonds[k];

	if (br->up[k].name[0] == '\0')
		return true;
	return br->up[k].bond.open && v->carrier != NULL && bf_bond_usable(v) != 0;
}

static uint32_t
bonds_that_carry(const struct bf_bridge *br)
{
	uint32_t set = 0;

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		set |= bond_carries(br, k) ? 1u << k : 0;
	return set;
}

static void
link_hold(struct bf_bridge *br, struct bf_guest *g, bool hold)
{
	struct bf_uplink_loss *l = &g->loss;
	bool quiet = l->fresh && !l->told;

	l->held = hold;
	l->since_ms = 0;
	l->fresh = l->fresh && hold;
	bf_guest_shut(g, hold);
	if (hold)
		bf_event(&br->events, BF_LOG_WARNING, "guest_link_held", g->cfg.name,
			"link held down: %s carries nothing", br->up[g->uplink].name);
	else if (!quiet)
		bf_event(&br->events, BF_LOG_NOTICE, "guest_link_free", g->cfg.name,
			g->cfg.uplink_down ? "link let go: %s carries again"
					   : "link let go, whatever %s does",
			br->up[g->uplink].name);
}

/* @return when to look again, BF_TASK_NEVER: when the bond changes. */
static uint64_t
link_judge(struct bf_bridge *br, struct bf_guest *g, uint64_t now_ms)
{
	bool hold = g->cfg.uplink_down && !(br->uplink_watch.carrying >> g->uplink & 1);
	struct bf_uplink_loss *l = &g->loss;
	uint64_t due_ms;

	if (hold == l->held) {
		l->since_ms = 0;
		if (l->fresh && hold && !l->told)
			bf_event(&br->events, BF_LOG_NOTICE, "guest_link_held", g->cfg.name,
				"link held down: %s does not carry yet", br->up[g->uplink].name);
		l->told = l->told || hold;
		return BF_TASK_NEVER;
	}
	if (l->since_ms == 0)
		l->since_ms = now_ms;
	due_ms = l->since_ms + (l->fresh || !g->cfg.uplink_down ? 0 : STEADY_MS);
	if (now_ms < due_ms)
		return due_ms;
	link_hold(br, g, hold);
	return BF_TASK_NEVER;
}

uint64_t
bf_uplink_loss_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_uplink_watch *w = &br->uplink_watch;
	uint32_t carrying = bonds_that_carry(br);

	if (carrying == w->carrying && now_ms < w->next_ms)
		return w->next_ms;
	w->carrying = carrying;
	w->next_ms = BF_TASK_NEVER;
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		struct bf_guest *g = br->guests[s];
		uint64_t its = g == NULL ? BF_TASK_NEVER : link_judge(br, g, now_ms);

		w->next_ms = RTE_MIN(w->next_ms, its);
	}
	return w->next_ms;
}
