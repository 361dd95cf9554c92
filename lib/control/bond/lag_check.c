/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Does the switch have the LAG that the mode expects: see lag_check.h.
 *
 * Threads: ctx control.
 */
#include "control/bond/lag_check.h"

#include <inttypes.h>

#include "control/bridge.h"

#define PERIOD_MS 10000
#define REPEAT_MS 60000
#define MIN_ECHOES 3
#define DOUBT_MS 60000

static uint64_t
echoes_count(const struct bf_bridge *br, const struct bf_uplink *u)
{
	uint64_t n = 0;

	for (unsigned int w = 0; w < br->lcores.n; w++)
		n += __atomic_load_n(
			&br->lcores.workers[w]->bonds[u->bond.number].echoes, __ATOMIC_RELAXED);
	return n;
}

/*
 * A frame of a guest that comes back byte for byte shows that there is no LAG.  Then stations of
 * guests that are heard on the bond are doubted, as in the modes that expect none; for a while, in
 * case that somebody mends the switch.
 */
static void
stations_doubt(struct bf_bridge *br, struct bf_uplink *u, uint64_t now_ms)
{
	struct bf_lag_check *c = &u->lag_check;
	uint64_t echoes = echoes_count(br, u);

	if (c->echoes_seen != echoes)
		c->doubt_until_ms = now_ms + DOUBT_MS;
	c->echoes_seen = echoes;
	if (u->bond.came_back == (now_ms < c->doubt_until_ms))
		return;
	u->bond.came_back = now_ms < c->doubt_until_ms;
	u->bond.dirty = true;
}

void
bf_lag_check_tick(struct bf_bridge *br, struct bf_uplink *u, uint64_t now_ms)
{
	struct bf_lag_check *c = &u->lag_check;
	uint64_t echoes;

	stations_doubt(br, u, now_ms);
	echoes = c->echoes_seen - c->echoes_told;
	if (now_ms >= c->next_ms) {
		c->next_ms = now_ms + PERIOD_MS;
		c->echoes_told = c->echoes_seen;
	}
	if (echoes < MIN_ECHOES || bf_bond_echo(&u->bond) != BF_ECHO_MAYBE ||
		now_ms < c->quiet_until_ms)
		return;
	c->quiet_until_ms = now_ms + REPEAT_MS;
	bf_event(&br->events, BF_LOG_WARNING, "switch_without_lag", u->bond.cfg.name,
		"%" PRIu64 " frames of guests came back within %d s: %s needs a static LAG on the "
		"switch; make one there, or: set bonding mode balance-alb %s (or active-backup)",
		echoes, PERIOD_MS / 1000, bf_mode_names[bf_bond_mode_in_force(&u->bond)],
		u->bond.cfg.name);
}

void
bf_lag_check_trust(struct bf_lag_check *c)
{
	c->doubt_until_ms = 0;
}
