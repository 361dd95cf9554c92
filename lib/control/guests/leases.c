/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See leases.h.
 *
 * Threads: ctx control.
 */
#include "control/guests/leases.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "control/bridge.h"
#include "control/loop/task.h"
#include "dataplane/dhcp.h"
#include "dataplane/mailbox.h"

bool
bf_leases_judge(const struct bf_guest *g)
{
	return g->cfg.ip.dhcp ? g->leases.known : g->cfg.ip.n > 0;
}

static void
leases_changed(struct bf_bridge *br, struct bf_guest *g)
{
	br->leases.version++;
	br->leases.changed = g->leases.changed = true;
}

/* The lists that workers read follow, and so do the rules: a new view, but not one for each answer. */
static void
leases_publish(struct bf_bridge *br, uint64_t now_ms)
{
	br->leases.changed = false;
	br->leases.changed_ms = now_ms;
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		if (br->guests[s] == NULL || !br->guests[s]->leases.changed)
			continue;
		br->guests[s]->leases.changed = false;
		bf_guards_write_ips(br, br->guests[s]);
		br->dirty = true;
	}
}

static struct bf_lease *
lease_find(struct bf_leases *l, const struct bf_ip_prefix *of)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (memcmp(&l->at[i].of, of, sizeof(*of)) == 0)
			return &l->at[i];
	return NULL;
}

static void
lease_remove(struct bf_leases *l, struct bf_lease *lease)
{
	*lease = l->at[--l->n];
}

/* A place for a lease: a free one, else that of the one that ends first. */
static struct bf_lease *
lease_place(struct bf_leases *l)
{
	struct bf_lease *first = &l->at[0];

	if (l->n < BF_GUARD_LEASES)
		return &l->at[l->n++];
	for (uint32_t i = 1; i < l->n; i++)
		if (l->at[i].until_ms < first->until_ms)
			first = &l->at[i];
	return first;
}

static void
lease_tell(struct bf_bridge *br, const struct bf_guest *g, const struct bf_lease *lease,
	uint32_t seconds)
{
	char text[64], more[32] = "ever";
	uint32_t missed = 0;

	if (!bf_log_allow(&br->leases.told, bf_clock_ms(), &missed))
		return;
	bf_ip_prefix_print(&lease->of, text, sizeof(text));
	if (seconds != BF_DHCP_FOREVER)
		snprintf(more, sizeof(more), " %" PRIu32 " s", seconds);
	bf_event(&br->events, BF_LOG_NOTICE, "lease", g->cfg.name,
		"a DHCP server gives it %s for%s", text, more);
}

void
bf_leases_hear(struct bf_bridge *br, const struct bf_mail *m, uint64_t now_ms)
{
	struct bf_guest *g = bf_is_bond_slot(m->port) ? NULL : br->guests[m->port];
	struct bf_ip_prefix of = {.is_v6 = m->bits <= 128};
	struct bf_lease *lease;

	if (g == NULL || !g->cfg.ip.dhcp)
		return;
	of.len = (uint8_t)(of.is_v6 ? m->bits : m->bits - 128);
	memcpy(of.addr, m->addr, sizeof(of.addr));
	lease = lease_find(&g->leases, &of);
	if (m->seconds == 0) {
		if (lease == NULL)
			return;
		lease_remove(&g->leases, lease);
		leases_changed(br, g);
		return;
	}
	if (lease == NULL) {
		lease = lease_place(&g->leases);
		lease->of = of;
		lease->until_ms = 0;
	}
	g->leases.known = true;
	if (lease->until_ms == 0) {
		lease_tell(br, g, lease, m->seconds);
		leases_changed(br, g);
	}
	lease->until_ms = m->seconds == BF_DHCP_FOREVER ? BF_LEASE_FOREVER
							: now_ms + m->seconds * UINT64_C(1000);
	br->leases.version++;
}

static struct bf_named_leases *
waiting_find(struct bf_lease_book *b, const char *guest)
{
	for (uint32_t i = 0; i < b->n_waiting; i++)
		if (strcmp(b->waiting[i].guest, guest) == 0)
			return &b->waiting[i];
	return NULL;
}

void
bf_leases_restore(struct bf_bridge *br, const struct bf_named_leases *l)
{
	struct bf_lease_book *b = &br->leases;
	struct bf_named_leases *w = waiting_find(b, l->guest);

	if (w == NULL && b->n_waiting == b->room) {
		uint32_t room = b->room * 2 + 8;
		struct bf_named_leases *grown = realloc(b->waiting, room * sizeof(*grown));

		if (grown == NULL)
			return; /* they are heard again when they are renewed */
		b->waiting = grown;
		b->room = room;
	}
	if (w == NULL)
		w = &b->waiting[b->n_waiting++];
	*w = *l;
}

void
bf_leases_open(struct bf_bridge *br, struct bf_guest *g)
{
	struct bf_named_leases *w = waiting_find(&br->leases, g->cfg.name);

	if (w == NULL)
		return;
	if (g->cfg.ip.dhcp)
		g->leases = w->of;
	*w = br->leases.waiting[--br->leases.n_waiting];
	br->leases.version++;
}

void
bf_leases_close(struct bf_bridge *br, struct bf_guest *g, bool returns)
{
	struct bf_named_leases l = {.of = g->leases};

	memcpy(l.guest, g->cfg.name, sizeof(l.guest));
	if (returns && l.of.known)
		bf_leases_restore(br, &l);
	br->leases.version += l.of.known;
	g->leases = (struct bf_leases){.n = 0};
}

uint32_t
bf_leases_clear(struct bf_bridge *br, struct bf_guest *g)
{
	uint32_t n = g->leases.n;

	if (!g->leases.known)
		return 0;
	g->leases = (struct bf_leases){.n = 0};
	leases_changed(br, g);
	leases_publish(br, bf_clock_ms());
	return n;
}

void
bf_leases_move(struct bf_bridge *br, struct bf_guest *g)
{
	if (g->leases.n == 0)
		return;
	g->leases.n = 0;
	leases_changed(br, g);
	leases_publish(br, bf_clock_ms());
}

void
bf_leases_change(struct bf_bridge *br, struct bf_guest *g)
{
	if (!g->cfg.ip.dhcp)
		bf_leases_clear(br, g);
}

void
bf_leases_visit(const struct bf_bridge *br, bf_leases_cb *cb, void *arg)
{
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL && br->guests[s]->leases.known)
			cb(arg, br->guests[s]->cfg.name, &br->guests[s]->leases);
	for (uint32_t i = 0; i < br->leases.n_waiting; i++)
		cb(arg, br->leases.waiting[i].guest, &br->leases.waiting[i].of);
}

static void
leases_end(struct bf_bridge *br, struct bf_guest *g, uint64_t now_ms)
{
	uint32_t had = g->leases.n;

	for (uint32_t i = g->leases.n; i > 0; i--)
		if (g->leases.at[i - 1].until_ms <= now_ms)
			lease_remove(&g->leases, &g->leases.at[i - 1]);
	if (g->leases.n != had)
		leases_changed(br, g);
}

uint64_t
bf_leases_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;

	if (br->leases.changed && now_ms - br->leases.changed_ms >= BF_LEASES_MS)
		leases_publish(br, now_ms);
	if (br->leases.looked_s == br->fdb->now_s)
		return now_ms + BF_TURN_MS; /* the FDB's clock */
	br->leases.looked_s = br->fdb->now_s;
	if (br->leases.n_waiting > 0 && now_ms - br->started_ms > BF_GUARD_KEEP_MS) {
		br->leases.n_waiting = 0; /* their guests have not come */
		br->leases.version++;
	}
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL && br->guests[s]->leases.n > 0)
			leases_end(br, br->guests[s], now_ms);
	return now_ms + BF_TURN_MS;
}

void
bf_leases_fini(struct bf_lease_book *b)
{
	free(b->waiting);
}
