/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What workers have heard of stations: see hear.h.
 *
 * Threads: ctx control.
 */
#include "control/lan/hear.h"

#include <string.h>

#include "base/clock.h"
#include "control/bridge.h"
#include "control/loop/task.h"
#include "dataplane/mailbox.h"

#define LEARN_BATCH 64
#define LEARN_MAX_PER_TICK 4096
#define REPORTS_PER_TICK 64
#define BUSY_MS 100 /* mail came within this time: look every ms */

static void
mail_take(struct bf_bridge *br, const struct bf_mail *m)
{
	struct bf_neighbor nb = {.key = m->key, .port = m->port, .v6 = m->kind == BF_MAIL_IPV6};
	uint32_t now_s = br->fdb->now_s;

	if (!bf_is_bond_slot(m->port) && br->guests[m->port] == NULL)
		return; /* posted before the guest was removed */
	memcpy(nb.addr, m->addr, sizeof(nb.addr));
	if (m->kind == BF_MAIL_STATION || m->kind == BF_MAIL_CLAIM)
		bf_moves_hear(br, m);
	else if (m->kind == BF_MAIL_LEASE)
		bf_leases_hear(br, m, bf_clock_ms());
	else if (m->kind == BF_MAIL_ROUTER)
		bf_neighbors_note_router(br->neighbors, m->key, m->port, m->router, now_s);
	else if (bf_is_bond_slot(m->port))
		bf_neighbors_elsewhere(br->neighbors, &nb);
	else
		bf_neighbors_note(br->neighbors, &nb, now_s);
}

/* @param most at which no further batch is taken. @return how many */
static unsigned int
mail_take_of(struct bf_bridge *br, const struct bf_worker *w, unsigned int most)
{
	struct bf_mail mail[LEARN_BATCH];
	unsigned int total = 0, n;

	do {
		n = bf_mailbox_take(w->learn, mail, LEARN_BATCH);
		for (unsigned int i = 0; i < n; i++)
			mail_take(br, &mail[i]);
		total += n;
	} while (n > 0 && total < most);
	return total;
}

static unsigned int
mail_take_all(struct bf_bridge *br)
{
	unsigned int total = 0;

	for (unsigned int w = 0; w < br->lcores.n; w++)
		total += mail_take_of(br, br->lcores.workers[w],
			total < LEARN_MAX_PER_TICK ? LEARN_MAX_PER_TICK - total : 0);
	return total;
}

static void
report_take(struct bf_bridge *br, const struct bf_report *r, uint64_t now_ms)
{
	bool of_bond = bf_is_bond_slot(r->port);

	if (!of_bond && br->guests[r->port] == NULL)
		return;
	if (!of_bond)
		bf_groups_hear(br->groups, r, br->fdb->now_s);
	bf_mcast_hear(br, r, now_ms);
}

/* IGMP and MLD of guests, and of the LAN where it counts. @param most of a worker. @return how many */
static unsigned int
reports_take(struct bf_bridge *br, unsigned int most, uint64_t now_ms)
{
	unsigned int total = 0;
	struct bf_report r;

	for (unsigned int w = 0; w < br->lcores.n; w++)
		for (unsigned int n = 0;
			n < most && bf_reports_take(br->lcores.workers[w]->reports, &r);
			n++, total++)
			report_take(br, &r, now_ms);
	return total;
}

/* What stations said is forgotten as they are; 0: never. */
static void
words_age(struct bf_bridge *br)
{
	if (br->hearing.aged_s == br->fdb->now_s)
		return;
	br->hearing.aged_s = br->fdb->now_s;
	if (br->fdb->age_s != 0)
		bf_neighbors_age(br->neighbors, br->hearing.aged_s, br->fdb->age_s);
	bf_groups_age(br->groups, br->hearing.aged_s);
}

void
bf_bridge_forget(struct bf_bridge *br, int port)
{
	for (uint16_t s = 1; s < BF_MAX_PORTS; s++) {
		if (port >= 0 && s != port)
			continue;
		bf_neighbors_flush_port(br->neighbors, s);
		bf_groups_flush_port(br->groups, s);
	}
	bf_damping_forget(&br->damping, port);
	if (port < 0)
		bf_fdb_flush(br->fdb);
	else
		bf_fdb_flush_port(br->fdb, (uint16_t)port, false);
}

void
bf_hear_out(struct bf_bridge *br, uint16_t slot)
{
	/* What is on its way says nothing about what comes; workers may send more while we look. */
	for (unsigned int w = 0; w < br->lcores.n; w++)
		mail_take_of(br, br->lcores.workers[w], BF_MAILBOX_SIZE);
	reports_take(br, BF_REPORTS_SIZE, bf_clock_ms());
	bf_mcast_forget(br, slot);
	bf_bridge_forget(br, slot);
	bf_fdb_flush_port(br->fdb, slot, true);
	bf_fdb_commit(br->fdb);
}

void
bf_hear_slot_gone(void *bridge, uint16_t slot)
{
	bf_hear_out(bridge, slot);
}

uint64_t
bf_hear_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;

	bf_fdb_set_now(br->fdb, (uint32_t)(now_ms / 1000));
	if (mail_take_all(br) + reports_take(br, REPORTS_PER_TICK, now_ms) > 0)
		br->hearing.busy_until_ms = now_ms + BUSY_MS;
	words_age(br);
	return now_ms + (now_ms < br->hearing.busy_until_ms ? 1 : BF_TURN_MS);
}
