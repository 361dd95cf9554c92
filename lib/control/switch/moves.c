/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where a station is when more than one port has spoken for it.
 *
 * Threads: ctx control.
 */
#include "control/switch/moves.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mac.h"
#include "control/bridge.h"
#include "control/loop/task.h"
#include "dataplane/mailbox.h"

static void
report_move(struct bf_bridge *br, uint64_t key, uint16_t from, uint16_t to)
{
	unsigned int vlan = BF_FDB_VLAN_OF(key);
	char mac[BF_MAC_TEXT_SIZE], where[16] = "", more[48] = "";
	uint32_t missed = 0;
	uint8_t m[6];

	if (!bf_log_allow(&br->moves.limit, bf_clock_ms(), &missed))
		return;
	memcpy(m, &key, 6);
	bf_mac_text(m, mac);
	if (vlan != 0)
		snprintf(where, sizeof(where), " in VLAN %u", vlan);
	if (missed > 0)
		snprintf(more, sizeof(more), "; %" PRIu32 " more before it are not listed", missed);
	bf_event(&br->events, BF_LOG_NOTICE, "mac_move", mac, "moved from %s to %s%s%s",
		bf_bridge_port_name(br, from), bf_bridge_port_name(br, to), where, more);
}

/* The bond whose switch a station is on. */
static const struct bf_bond *
bond_of(const struct bf_bridge *br, uint64_t key)
{
	return &br->up[BF_FDB_BOND_OF(key) % BF_MAX_BONDS].bond;
}

/* What is sent to the bond's address is read here, as answers to probes are. */
static void
warn_of_own_address(struct bf_bridge *br, uint64_t key, uint16_t port)
{
	char mac[BF_MAC_TEXT_SIZE];
	uint32_t missed = 0; /* the same station in other VLANs: not worth a word */
	const struct bf_bond *b = bond_of(br, key);
	uint8_t m[6];

	memcpy(m, &key, 6);
	if (bf_is_bond_slot(port) || !b->open || memcmp(m, b->mac.addr_bytes, sizeof(m)) != 0 ||
		!bf_log_allow(&br->moves.own_limit, bf_clock_ms(), &missed))
		return;
	bf_mac_text(m, mac);
	bf_event(&br->events, BF_LOG_WARNING, "guest_has_bond_address",
		bf_bridge_port_name(br, port),
		"sends from %s, the address of %s: frames to it do not reach the guest; give the "
		"guest another address, or the bond: set bonding mac_addr",
		mac, b->cfg.name);
}

static void
station_learn(struct bf_bridge *br, uint64_t key, uint16_t to)
{
	const struct bf_fdb_entry *e;
	uint16_t from = to;
	enum bf_fdb_learned how;

	if (!bf_is_bond_slot(to) && !bf_guards_admit(br, key, to)) {
		br->fdb->refused++;
		return;
	}
	e = bf_fdb_find(br->fdb, key, &from);
	if (e != NULL && from != to && !(e->flags & BF_FDB_STATIC) &&
		!bf_damping_permits(br, key, from, to))
		return;
	how = bf_fdb_learn(br->fdb, key, to);
	if (how == BF_FDB_MOVED)
		report_move(br, key, from, to);
	if (how == BF_FDB_NEW || how == BF_FDB_MOVED)
		warn_of_own_address(br, key, to);
}

static void
forget_claim(struct bf_moves *mv, uint32_t i)
{
	mv->n_claims--;
	memmove(&mv->claims[i], &mv->claims[i + 1], (mv->n_claims - i) * sizeof(mv->claims[0]));
}

static void
note_claim(struct bf_bridge *br, uint64_t key)
{
	struct bf_moves *mv = &br->moves;

	for (uint32_t i = 0; i < mv->n_claims; i++) {
		if (mv->claims[i].key == key) {
			forget_claim(mv, i);
			break;
		}
	}
	if (mv->n_claims == BF_CLAIMS_MAX)
		forget_claim(mv, 0);
	mv->claims[mv->n_claims++] = (struct bf_claim){key, br->fdb->now_s};
}

void
bf_moves_hear(struct bf_bridge *br, const struct bf_mail *m)
{
	const struct bf_fdb_entry *e = NULL;
	uint16_t port = m->port;

	if (bf_is_bond_slot(m->port))
		e = bf_fdb_find(br->fdb, m->key, &port);
	/* It may have been learned at its guest since the worker looked. */
	if (e != NULL && !bf_is_bond_slot(port) &&
		(m->kind == BF_MAIL_CLAIM ||
			bf_fdb_is_echo(br->fdb, e, m->announced,
				bf_bond_is_doubted(bond_of(br, m->key))))) {
		if (m->kind == BF_MAIL_CLAIM || m->announced)
			note_claim(br, m->key);
		return;
	}
	if (m->kind == BF_MAIL_CLAIM)
		return; /* settled meanwhile */
	station_learn(br, m->key, m->port);
	if (m->announced && !bf_is_bond_slot(m->port))
		bf_fdb_announced(br->fdb, m->key);
}

/* @return true when nothing more is to be decided about it. */
static bool
claim_judge(struct bf_bridge *br, const struct bf_claim *c)
{
	uint16_t port = bf_bond_slot(BF_FDB_BOND_OF(c->key));
	const struct bf_fdb_entry *e = bf_fdb_find(br->fdb, c->key, &port);

	if (e == NULL || bf_is_bond_slot(port) || (e->flags & BF_FDB_STATIC))
		return true;
	if (__atomic_load_n(&e->last_seen, __ATOMIC_RELAXED) > c->heard_s)
		return true; /* its guest has spoken since */
	if (bf_fdb_has_announced(br->fdb, e) && bf_bond_is_doubted(bond_of(br, c->key)))
		return false;
	station_learn(br, c->key, bf_bond_slot(BF_FDB_BOND_OF(c->key)));
	return true;
}

uint64_t
bf_moves_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_moves *mv = &br->moves;

	if (mv->n_claims == 0)
		return BF_TASK_NEVER;
	if (mv->judged_s == br->fdb->now_s)
		return now_ms + BF_TURN_MS;
	mv->judged_s = br->fdb->now_s;
	for (uint32_t i = mv->n_claims; i > 0; i--)
		if (claim_judge(br, &mv->claims[i - 1]))
			forget_claim(mv, i - 1);
	return now_ms + BF_TURN_MS;
}
