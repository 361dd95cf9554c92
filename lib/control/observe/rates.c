/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Notes of counters, once a second.
 *
 * Threads: ctx control.
 */
#include "control/observe/rates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "base/clock.h"
#include "control/bridge.h"

#define NOTE_MS 1000

int
bf_rates_note(struct bf_rate_notes **port, const struct bf_rate *now)
{
	if (*port == NULL)
		*port = calloc(1, sizeof(**port));
	if (*port == NULL)
		return -ENOMEM;
	(*port)->note[(*port)->n++ % BF_RATE_NOTES] = *now;
	return 0;
}

void
bf_rates_of(const struct bf_rate_notes *port, unsigned int seconds, struct bf_rates *r)
{
	uint32_t kept = port == NULL ? 0 : RTE_MIN(port->n, (uint32_t)BF_RATE_NOTES);
	struct bf_rate from;

	memset(r, 0, sizeof(*r));
	if (kept < 2)
		return;
	seconds = RTE_MIN(seconds, kept - 1);
	from = port->note[(port->n - 1 - seconds) % BF_RATE_NOTES];
	bf_rate_step(&from, &port->note[(port->n - 1) % BF_RATE_NOTES], r);
}

void
bf_rates_forget(struct bf_rate_notes **port)
{
	free(*port);
	*port = NULL;
}

void
bf_rates_fini(struct bf_rate_windows *w)
{
	for (unsigned int i = 0; i < RTE_DIM(w->ports); i++)
		bf_rates_forget(&w->ports[i]);
	for (unsigned int i = 0; i < RTE_DIM(w->devices); i++)
		bf_rates_forget(&w->devices[i]);
}

static void
read_port(const struct bf_bridge *br, uint16_t slot, struct bf_rate *now, struct bf_ring_figures *r)
{
	struct bf_port_counters c;

	bf_stats_port(br, slot, &c);
	*now = (struct bf_rate){bf_clock_ns(), c.rx_frames, c.rx_bytes, c.tx_frames, c.tx_bytes};
	r->full = c.drops[BF_DROP_GUEST_RING_FULL] + c.drops[BF_DROP_GUEST_RING_UNREAD];
	r->all = c.tx_frames + r->full;
}

static void
devices_note(struct bf_rate_windows *w)
{
	uint16_t p;

	memset(w->figures, 0, sizeof(w->figures));
	RTE_ETH_FOREACH_DEV(p) {
		struct rte_eth_stats e = {0};
		struct bf_rate now;

		if (p >= RTE_DIM(w->devices) || !bf_stats_device_counts(p) ||
			rte_eth_stats_get(p, &e) != 0)
			continue;
		now = (struct bf_rate){bf_clock_ns(), e.ipackets, e.ibytes, e.opackets, e.obytes};
		bf_rates_note(&w->devices[p], &now);
		w->figures[p] = (struct bf_device_figures){
			true, e.ipackets, e.opackets, e.ierrors, e.oerrors, e.imissed};
	}
}

uint64_t
bf_rates_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_rate_windows *w = &br->rates;
	struct bf_rate now;

	if (now_ms < w->next_ms)
		return w->next_ms;
	w->next_ms = now_ms + NOTE_MS;
	for (uint16_t s = 0; s < BF_MAX_PORTS; s++) {
		if (!bf_is_bond_slot(s) && br->guests[s] == NULL)
			continue;
		read_port(br, s, &now, &w->rings[s]);
		bf_rates_note(&w->ports[s], &now);
	}
	devices_note(w);
	return w->next_ms;
}

void
bf_rates_slot_gone(void *bridge, uint16_t slot)
{
	struct bf_bridge *br = bridge;

	bf_rates_forget(&br->rates.ports[slot]);
	memset(&br->rates.rings[slot], 0, sizeof(br->rates.rings[slot]));
}

double
bf_rates_tx_now(const struct bf_bridge *br, uint16_t slot)
{
	const struct bf_rate_notes *notes = br->rates.ports[slot];
	struct bf_rates window, since = {0};
	struct bf_ring_figures unused;
	struct bf_rate last, now;

	bf_rates_of(notes, BF_RATE_SHORT_S, &window);
	if (notes != NULL && notes->n > 0) {
		last = notes->note[(notes->n - 1) % BF_RATE_NOTES];
		read_port(br, slot, &now, &unused);
		bf_rate_step(&last, &now, &since);
	}
	return RTE_MAX(window.tx_pps, since.tx_pps);
}
