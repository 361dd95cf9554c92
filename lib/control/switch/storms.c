/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See storms.h.
 *
 * Threads: ctx control.
 */
#include "control/switch/storms.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "control/bridge.h"

#define LOOK_MS 1000
#define OVER_MS 5000 /* without a loss: the storm is over */
#define EVENTS_MAX 20 /* in 10 s, of all ports */

const char *const bf_storm_names[BF_STORM_COUNT] = {"broadcast", "multicast", "unknown"};

struct bf_storms *
bf_storms_new(void)
{
	struct bf_storms *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->events.most = EVENTS_MAX;
	return s;
}

/* What the configuration says of a port. @return false: there is none */
static bool
limits_wanted(const struct bf_bridge *br, uint16_t slot, struct bf_rate_limit *limit)
{
	const struct bf_rate_limit *from;

	if (bf_is_bond_slot(slot)) {
		const struct bf_bond *b = &br->up[bf_bond_of_slot(slot)].bond;

		if (!b->open)
			return false;
		from = b->cfg.storm;
	} else {
		if (br->guests[slot] == NULL)
			return false;
		from = br->guests[slot]->cfg.storm;
	}
	memcpy(limit, from, BF_STORM_COUNT * sizeof(*limit));
	return true;
}

static void
port_change(struct bf_storm_port *p, const struct bf_storm_limits *in_view,
	const struct bf_rate_limit *limit)
{
	uint8_t next = in_view == &p->budgets[0] ? 1 : 0;

	p->limited = false;
	for (unsigned int c = 0; c < BF_STORM_COUNT; c++) {
		struct bf_storm_budget *b = &p->budgets[next].of[c];

		if (memcmp(&p->limit[c], &limit[c], sizeof(*limit)) == 0) {
			*b = p->budgets[p->current].of[c];
		} else {
			bf_storm_budget_init(b, rte_get_tsc_hz(), limit[c].frames_per_s,
				limit[c].bits_per_s / 8);
			p->watch[c].offered = p->watch[c].rate = 0;
		}
		p->limit[c] = limit[c];
		p->limited |= b->cost != 0;
	}
	p->current = next;
}

void
bf_storms_arrange(struct bf_bridge *br)
{
	struct bf_rate_limit limit[BF_STORM_COUNT];
	bool waited = false;

	for (uint16_t s = 0; s < BF_MAX_PORTS; s++) {
		struct bf_storm_port *p = &br->storms->port[s];

		if (!limits_wanted(br, s, limit) || memcmp(limit, p->limit, sizeof(limit)) == 0)
			continue;
		if (!waited) /* workers may still use the view before, and the other budget */
			bf_lcores_grace(&br->lcores);
		waited = true;
		port_change(p, br->lcores.view->storms[s], limit);
	}
}

void
bf_storms_fill_view(const struct bf_bridge *br, struct bf_view *v)
{
	for (unsigned int s = 0; s < BF_MAX_PORTS; s++) {
		struct bf_storm_port *p = &br->storms->port[s];

		if (p->limited)
			v->storms[s] = &p->budgets[p->current];
	}
}

uint64_t
bf_storms_dropped(const struct bf_bridge *br, uint16_t slot, enum bf_storm_class class)
{
	return bf_stats_dropped(br, slot, (enum bf_drop)(BF_DROP_STORM_BROADCAST + class));
}

static void
storm_begin(struct bf_bridge *br, uint16_t slot, unsigned int class, uint64_t now_ms)
{
	const struct bf_storm_port *p = &br->storms->port[slot];
	struct bf_storm_watch *w = &br->storms->port[slot].watch[class];
	bool bits = p->limit[class].bits_per_s != 0;
	char limit[32];
	uint32_t more;

	w->active = true;
	w->began_ms = now_ms;
	w->told = bf_log_allow(&br->storms->events, now_ms, &more);
	if (!w->told)
		return;
	bf_rate_limit_print(&p->limit[class], limit, sizeof(limit));
	bf_event(&br->events, BF_LOG_WARNING, "storm", bf_bridge_port_name(br, slot),
		"sends %" PRIu64 " %s/s of %s%s: all beyond storm_%s=%s is dropped",
		bits ? w->rate * 8 / 1000 : w->rate, bits ? "kbit" : "frames",
		bf_storm_names[class], class == BF_STORM_UNKNOWN ? " unicast" : "",
		bf_storm_names[class], limit);
}

static void
storm_end(struct bf_bridge *br, uint16_t slot, unsigned int class)
{
	struct bf_storm_watch *w = &br->storms->port[slot].watch[class];

	w->active = false;
	if (w->told)
		bf_event(&br->events, BF_LOG_NOTICE, "storm_over", bf_bridge_port_name(br, slot),
			"the storm of %s%s is over after %" PRIu64 " s: %" PRIu64
			" frames were dropped",
			bf_storm_names[class], class == BF_STORM_UNKNOWN ? " unicast" : "",
			(w->lost_ms - w->began_ms + LOOK_MS) / 1000,
			bf_storms_dropped(br, slot, (enum bf_storm_class) class) - w->dropped);
}

/* What has come since the last look, which was @p elapsed_ms ago. */
static void
class_look(struct bf_bridge *br, uint16_t slot, unsigned int class, uint64_t elapsed_ms,
	uint64_t now_ms)
{
	struct bf_storm_port *p = &br->storms->port[slot];
	const struct bf_storm_budget *b = &p->budgets[p->current].of[class];
	struct bf_storm_watch *w = &p->watch[class];
	uint64_t offered = __atomic_load_n(&b->offered, __ATOMIC_RELAXED);
	uint64_t dropped = bf_storms_dropped(br, slot, (enum bf_storm_class) class);

	w->rate = (offered - w->offered) * 1000 / elapsed_ms;
	w->offered = offered;
	if (dropped != w->seen) {
		if (!w->active) {
			w->dropped = w->seen;
			storm_begin(br, slot, class, now_ms);
		}
		w->lost_ms = now_ms;
	} else if (w->active && now_ms - w->lost_ms >= OVER_MS) {
		storm_end(br, slot, class);
	}
	w->seen = dropped;
}

uint64_t
bf_storms_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_storms *all = br->storms;
	uint64_t elapsed_ms = now_ms - all->looked_ms;

	if (elapsed_ms < LOOK_MS)
		return all->looked_ms + LOOK_MS;
	all->looked_ms = now_ms;
	for (uint16_t s = 0; s < BF_MAX_PORTS; s++)
		for (unsigned int c = 0; all->port[s].limited && c < BF_STORM_COUNT; c++)
			class_look(br, s, c, elapsed_ms, now_ms);
	return now_ms + LOOK_MS;
}

void
bf_storms_slot_gone(void *bridge, uint16_t slot)
{
	struct bf_bridge *br = bridge;
	struct bf_storm_port *p = &br->storms->port[slot];

	memset(p, 0, sizeof(*p));
	for (unsigned int c = 0; c < BF_STORM_COUNT; c++)
		p->watch[c].seen = bf_storms_dropped(br, slot, (enum bf_storm_class)c);
}
