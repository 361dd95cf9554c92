/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Making the running state equal to a config, and the periodic work in between.
 *
 * Threads: ctx control.
 */
#include "control/bridge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mac.h"
#include "control/bond/link_detect.h"
#include "control/bond/probe.h"
#include "control/config/descriptors.h"
#include "control/guests/changes.h"
#include "control/guests/discard.h"
#include "control/guests/rings.h"
#include "control/loop/notify.h"
#include "control/memory/nodes.h"
#include "control/memory/pools.h"
#include "control/observe/stats.h"
#include "dataplane/mailbox.h"
#include "vhost/late.h"

#define FDB_CAPACITY 16384
#define LEARN_BATCH 64
#define LEARN_MAX_PER_TICK 4096
#define REPORTS_PER_TICK 64
#define NOTICES_PER_TICK 1024
#define FRAMES_PER_TICK 64
#define BUSY_MS 100 /* mail came within this time: look every ms */
#define IDLE_TICK_MS 10
#define AGE_TURN_MS 1000 /* the whole FDB is looked at once in this time */

static int
uplink_init(struct bf_bridge *br, unsigned int k, struct bf_err *err)
{
	struct bf_uplink *u = &br->up[k];

	if (bf_bond_init(&u->bond, k, &br->lcores, &br->events, err) != 0 ||
		bf_balance_open(&u->balance, &br->taps, &br->lcores, k, err) != 0)
		return -errno;
	u->announcer = bf_announcer_create(br->fdb, br->neighbors, br->groups);
	if (u->announcer == NULL)
		return bf_err_set(err, ENOMEM, "out of memory: expected more hugepages or -m");
	return 0;
}

static void
uplink_fini(struct bf_uplink *u)
{
	bf_frames_drop(&u->frames);
	bf_tap_free(u->balance.tap);
	bf_announcer_destroy(u->announcer);
}

struct bf_bridge *
bf_bridge_create(const struct bf_bridge_options *opt, struct bf_err *err)
{
	struct bf_bridge *br = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*br));

	if (br == NULL)
		goto err_memory;
	memset(br, 0, sizeof(*br));
	br->opt = *opt;
	br->started_ms = bf_clock_ms();
	bf_nodes_open();
	br->running = bf_config_new();
	br->base = bf_stats_base_new();
	br->fdb = bf_fdb_create(opt->fdb_capacity != 0 ? opt->fdb_capacity : FDB_CAPACITY,
		BF_MAX_PORTS, SOCKET_ID_ANY);
	if (br->running == NULL || br->base == NULL || br->fdb == NULL)
		goto err_memory;
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		br->fdb->port_quota[bf_bond_slot(k)] = br->fdb->capacity;
	bf_fdb_set_now(br->fdb, (uint32_t)(br->started_ms / 1000));
	bf_captures_init(&br->captures);
	if (bf_notify_open() != 0)
		goto err_memory;
	bf_guest_rings_open();
	bf_discard_open();
	br->ground = (struct bf_guest_ground){.door = bf_door_open(),
		.records = bf_records_open(opt->console),
		.lcores = &br->lcores,
		.gid = opt->gid};
	if (br->ground.door == NULL)
		goto err_memory;
	if (bf_lcores_open(&br->lcores, br->fdb, err) != 0)
		goto err;
	bf_late_open(&(struct bf_late_grace){
		bf_lcores_grace_begin, bf_lcores_grace_is_over, &br->lcores});
	br->neighbors = bf_neighbors_create(br->lcores.held);
	br->groups = bf_groups_create();
	if (br->neighbors == NULL || br->groups == NULL)
		goto err_memory;
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (uplink_init(br, k, err) != 0)
			goto err;
	br->spare_view = bf_view_spare();
	bf_lcores_publish(&br->lcores, bf_view_build(br, NULL));
	if (br->lcores.view == NULL || br->spare_view == NULL)
		goto err_memory;
	return br;
err_memory:
	bf_err_set(err, ENOMEM, "out of memory: expected more hugepages or -m");
err:
	bf_bridge_destroy(br);
	return NULL;
}

int
bf_bridge_start(struct bf_bridge *br, struct bf_err *err)
{
	return bf_lcores_launch(&br->lcores, err);
}

static void
take_mail(struct bf_bridge *br, const struct bf_mail *m)
{
	struct bf_neighbor nb = {.key = m->key, .port = m->port, .v6 = m->kind == BF_MAIL_IPV6};
	uint32_t now_s = br->fdb->now_s;

	if (!bf_is_bond_slot(m->port) && br->guests[m->port] == NULL)
		return; /* posted before the guest was removed */
	memcpy(nb.addr, m->addr, sizeof(nb.addr));
	if (m->kind == BF_MAIL_STATION || m->kind == BF_MAIL_CLAIM)
		bf_moves_hear(br, m);
	else if (m->kind == BF_MAIL_ROUTER)
		bf_neighbors_note_router(br->neighbors, m->key, m->port, m->router, now_s);
	else if (bf_is_bond_slot(m->port))
		bf_neighbors_elsewhere(br->neighbors, &nb);
	else
		bf_neighbors_note(br->neighbors, &nb, now_s);
}

/* IGMP and MLD of guests. */
static void
take_reports(struct bf_bridge *br)
{
	struct bf_report r;

	for (unsigned int w = 0; w < br->lcores.n; w++)
		for (unsigned int n = 0;
			n < REPORTS_PER_TICK && bf_reports_take(br->lcores.workers[w]->reports, &r);
			n++)
			if (br->guests[r.port] != NULL)
				bf_groups_hear(br->groups, &r, br->fdb->now_s);
}

/* What stations said is forgotten as they are; 0: never. */
static void
age_words(struct bf_bridge *br)
{
	if (br->aged_s == br->fdb->now_s)
		return;
	br->aged_s = br->fdb->now_s;
	if (br->fdb->age_s != 0)
		bf_neighbors_age(br->neighbors, br->aged_s, br->fdb->age_s);
	bf_groups_age(br->groups, br->aged_s);
}

const char *
bf_bridge_port_name(const struct bf_bridge *br, uint16_t slot)
{
	if (bf_is_bond_slot(slot)) {
		const struct bf_uplink *u = &br->up[bf_bond_of_slot(slot)];

		return u->name[0] != '\0' ? u->name : BF_BOND_DEFAULT_NAME;
	}
	return br->guests[slot] != NULL ? br->guests[slot]->cfg.name : "?";
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
	if (port < 0)
		bf_fdb_flush(br->fdb);
	else
		bf_fdb_flush_port(br->fdb, (uint16_t)port, false);
}

static unsigned int
take_learned(struct bf_bridge *br)
{
	struct bf_mail mail[LEARN_BATCH];
	unsigned int total = 0, n;

	for (unsigned int w = 0; w < br->lcores.n; w++) {
		do {
			n = bf_mailbox_take(br->lcores.workers[w]->learn, mail, LEARN_BATCH);
			for (unsigned int i = 0; i < n; i++)
				take_mail(br, &mail[i]);
			total += n;
		} while (n > 0 && total < LEARN_MAX_PER_TICK);
	}
	return total;
}

/*
 * Memory for a view may be short; then those that workers have left are freed, and as a last
 * resort the spare one is used, so that what must go out of sight does.
 */
static struct bf_view *
build_view(struct bf_bridge *br)
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
publish(struct bf_bridge *br)
{
	struct bf_view *v = build_view(br);

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
	int ret = publish(br);

	bf_lcores_grace(&br->lcores);
	return ret;
}

static int
guest_remove(struct bf_bridge *br, struct bf_guest *g, struct bf_err *err)
{
	uint16_t slot = g->slot;

	br->guests[slot] = NULL;
	if (bf_bridge_publish_and_wait(br) != 0) {
		br->guests[slot] = g;
		return bf_err_set(err, ENOMEM, "guest \"%s\": out of memory", g->cfg.name);
	}
	take_learned(br); /* what is on its way says nothing about the slot's next guest */
	take_reports(br);
	bf_bridge_forget(br, slot);
	bf_fdb_flush_port(br->fdb, slot, true);
	bf_fdb_commit(br->fdb);
	bf_event(&br->events, BF_LOG_NOTICE, "guest_removed", g->cfg.name, "removed");
	bf_guest_close(g, &br->ground);
	bf_stats_forget_port(br, slot);
	bf_rates_forget(&br->rates.ports[slot]);
	return 0;
}

struct bf_uplink *
bf_bridge_uplink(struct bf_bridge *br, const char *bond)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (br->up[k].name[0] != '\0' && strcmp(br->up[k].name, bond) == 0)
			return &br->up[k];
	return NULL;
}

/* A guest that names no bond is on the switch of the only one, or of the first that comes. */
static struct bf_uplink *
uplink_of(struct bf_bridge *br, const struct bf_guest_config *cfg)
{
	struct bf_uplink *u = cfg->uplink[0] != '\0' ? bf_bridge_uplink(br, cfg->uplink) : NULL;

	for (unsigned int k = 0; u == NULL && k < BF_MAX_BONDS; k++)
		if (br->up[k].name[0] != '\0')
			u = &br->up[k];
	return u != NULL ? u : &br->up[0];
}

/* A guest comes to another switch: what is known of it belongs to the one before. */
static int
guest_change_uplink(struct bf_bridge *br, struct bf_guest *g, struct bf_err *err)
{
	uint8_t before = g->uplink, now = (uint8_t)uplink_of(br, &g->cfg)->bond.number;

	if (before == now)
		return 0;
	g->uplink = now;
	if (bf_bridge_publish_and_wait(br) != 0) {
		g->uplink = before;
		return bf_err_set(err, ENOMEM, "guest \"%s\": out of memory", g->cfg.name);
	}
	take_learned(br);
	take_reports(br);
	bf_bridge_forget(br, g->slot);
	bf_fdb_flush_port(br->fdb, g->slot, true);
	bf_fdb_commit(br->fdb);
	bf_event(&br->events, BF_LOG_NOTICE, "guest_uplink", g->cfg.name,
		"is on the switch of %s now", bf_bridge_port_name(br, bf_bond_slot(now)));
	return 0;
}

/* @p slot: the one to use when it is free, 0: any. */
static int
guest_add(
	struct bf_bridge *br, const struct bf_guest_config *cfg, uint16_t slot, struct bf_err *err)
{
	struct bf_uplink *u;

	if (slot == 0 || br->guests[slot] != NULL)
		slot = 1;
	while (slot <= BF_MAX_GUESTS && br->guests[slot] != NULL)
		slot++;
	if (slot > BF_MAX_GUESTS)
		return bf_err_set(err, ENOSPC, "guest \"%s\": expected at most %d guests",
			cfg->name, BF_MAX_GUESTS);
	u = uplink_of(br, cfg);
	br->guests[slot] =
		bf_guest_open(cfg, slot, u->bond.open ? u->bond.pool : NULL, &br->ground, err);
	if (br->guests[slot] == NULL)
		return -errno;
	br->guests[slot]->generation = ++br->generation;
	br->guests[slot]->uplink = (uint8_t)u->bond.number;
	bf_fdb_set_quota(br->fdb, slot, cfg->mac_limit);
	br->dirty = true;
	bf_event(&br->events, BF_LOG_NOTICE, "guest_added", cfg->name, "socket %s, %s mode",
		cfg->socket, cfg->server ? "server" : "client");
	return 0;
}

struct bf_guest *
bf_bridge_guest(struct bf_bridge *br, const char *name)
{
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL && strcmp(br->guests[s]->cfg.name, name) == 0)
			return br->guests[s];
	return NULL;
}

static int
remove_unwanted_guests(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err)
{
	int ret = 0;

	for (unsigned int s = 1; s < BF_MAX_PORTS && ret == 0; s++) {
		struct bf_guest *g = br->guests[s];
		const struct bf_guest_config *w =
			g == NULL ? NULL : bf_config_find_guest(want, g->cfg.name);

		if (g != NULL && (w == NULL || bf_guest_config_reopens(&g->cfg, w)))
			ret = guest_remove(br, g, err);
	}
	return ret;
}

/* Where the wanted guests are now: one that is opened anew keeps its slot, and so its id. */
static void
note_slots(const struct bf_bridge *br, const struct bf_config *want, uint16_t *slots)
{
	memset(slots, 0, want->n_guests * sizeof(*slots));
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		const struct bf_guest *g = br->guests[s];
		const struct bf_guest_config *w =
			g == NULL ? NULL : bf_config_find_guest(want, g->cfg.name);

		if (w != NULL)
			slots[w - want->guests] = (uint16_t)s;
	}
}

/* Those with a slot of their own come first, so that no new guest takes it. */
static int
add_guests(struct bf_bridge *br, const struct bf_config *want, const uint16_t *slots,
	struct bf_err *err)
{
	int ret = 0;

	for (unsigned int again = 0; again < 2; again++)
		for (uint32_t i = 0; i < want->n_guests && ret == 0; i++)
			if ((slots[i] == 0) == (again == 1) &&
				bf_bridge_guest(br, want->guests[i].name) == NULL)
				ret = guest_add(br, &want->guests[i], slots[i], err);
	return ret;
}

static int
sync_guests(struct bf_bridge *br, const struct bf_config *want, const uint16_t *slots,
	struct bf_err *err)
{
	int ret = add_guests(br, want, slots, err);

	for (uint32_t i = 0; i < want->n_guests && ret == 0; i++) {
		struct bf_guest *g = bf_bridge_guest(br, want->guests[i].name);

		if (!bf_guest_config_is_equal(&g->cfg, &want->guests[i])) {
			bf_guest_reconfigure(g, &want->guests[i]);
			bf_guest_refresh(g, bf_clock_ms());
			bf_fdb_set_quota(br->fdb, g->slot, g->cfg.mac_limit);
			bf_plan_guest(br, g);
			br->dirty = true;
		}
		ret = guest_change_uplink(br, g, err);
	}
	return ret;
}

static int
close_bond(struct bf_bridge *br, struct bf_uplink *u, struct bf_err *err)
{
	int ret;

	if (!u->bond.open)
		return 0;
	bf_bond_leave(&u->bond, -1, true, bf_clock_ms());
	u->bond.open = false; /* first out of the workers' sight, then out of the world */
	ret = bf_bridge_publish_and_wait(br);
	u->bond.open = true;
	if (ret != 0) {
		bf_bond_leave(&u->bond, -1, false, bf_clock_ms());
		return bf_err_set(err, ENOMEM, "bond %s: out of memory", u->bond.cfg.name);
	}
	bf_bond_close(&u->bond);
	bf_frames_drop(&u->frames);
	bf_fdb_flush_port(br->fdb, bf_bond_slot(u->bond.number), false);
	bf_fdb_commit(br->fdb);
	bf_event(&br->events, BF_LOG_NOTICE, "bond_closed", u->bond.cfg.name, "closed");
	return 0;
}

/* Elsewhere on the same network the card would meet its own address. */
static void
warn_of_address(struct bf_bridge *br, struct bf_uplink *u, const char *member)
{
	char mac[BF_MAC_TEXT_SIZE];

	bf_mac_text(u->bond.mac.addr_bytes, mac);
	bf_event(&br->events, BF_LOG_WARNING, "bond_keeps_address", u->bond.cfg.name,
		"keeps the address %s of %s, which has left: do not use that card on the same "
		"network, or give the bond another one: set bonding mac_addr",
		mac, member);
}

/* A member leaves in the order: tables, grace period, PMD, stop (inside member_remove). */
static int
remove_member(struct bf_bridge *br, struct bf_uplink *u, const char *name, uint64_t now_ms,
	struct bf_err *err)
{
	int at = bf_bond_config_member(&u->bond.cfg, name);
	char copy[BF_DEV_NAME_MAX];
	struct rte_ether_addr own;

	memcpy(copy, u->bond.members[at].name, sizeof(copy));
	bf_bond_leave(&u->bond, at, true, now_ms);
	u->bond.members[at].usable = u->bond.members[at].distribute = false;
	u->bond.members[at].drained = true;
	if (bf_bridge_publish_and_wait(br) == 0)
		bf_lcores_grace(
			&br->lcores); /* now every worker has taken it up: its flows moved */
	u->bond.members[at].leaving = true;
	if (bf_bridge_publish_and_wait(br) != 0) {
		u->bond.members[at].leaving = u->bond.members[at].going = false;
		return bf_err_set(err, ENOMEM, "member %s: out of memory", copy);
	}
	own = u->bond.members[at].mac;
	bf_bond_member_remove(&u->bond, copy, now_ms);
	bf_event(&br->events, BF_LOG_NOTICE, "member_removed", copy, "left %s", u->bond.cfg.name);
	if (rte_is_same_ether_addr(&own, &u->bond.mac))
		warn_of_address(br, u, copy);
	return 0;
}

/* A member stays one, unless its link is to be watched, or its card used, in another way: that needs a new start. */
static bool
stays(const struct bf_bond *b, unsigned int i, const struct bf_bond_config *want)
{
	const struct bf_member *m = &b->members[i];
	int at = bf_bond_config_member(want, m->name);

	return at >= 0 && want->members[at].no_offload == b->cfg.members[i].no_offload &&
		bf_link_detect_of(want, &want->members[at], m->has_interrupt) == m->detect;
}

static bool
keeps_a_member(const struct bf_bond *b, const struct bf_bond_config *want)
{
	for (uint32_t i = 0; i < b->n_members; i++)
		if (stays(b, i, want))
			return true;
	return false;
}

/*
 * What a bond gives up: members that it is to have no longer, or all of it.
 *
 * @param want
 *   NULL: no bond.
 * @param changed
 *   Set when members left a bond that stays open.
 */
static int
shrink_bond(struct bf_bridge *br, struct bf_uplink *u, const struct bf_bond_config *want,
	bool *changed, struct bf_err *err)
{
	uint64_t now_ms = bf_clock_ms();
	struct bf_bond *b = &u->bond;
	struct bf_bond_config there = {.n_members = 0};
	int ret = 0;

	*changed = false;
	if (want != NULL)
		bf_missing_leave_out(&u->missing, want, &there);
	else
		b->off = false;
	/* A bond that loses all its members for others is another bond. */
	if (want == NULL || there.n_members == 0 || !b->open || bf_bond_needs_reopen(b, &there) ||
		!keeps_a_member(b, &there))
		return close_bond(br, u, err);
	for (uint32_t i = b->n_members; i > 0 && ret == 0; i--) {
		if (stays(b, i - 1, &there))
			continue;
		ret = remove_member(br, u, b->members[i - 1].name, now_ms, err);
		*changed = true;
	}
	return ret;
}

/* What a bond gets, after shrink_bond(). */
static int
grow_bond(struct bf_bridge *br, struct bf_uplink *u, const struct bf_bond_config *want,
	bool changed, struct bf_err *err)
{
	uint64_t now_ms = bf_clock_ms();
	struct bf_bond *b = &u->bond;
	struct bf_bond_config there;
	int ret = 0;

	if (want == NULL)
		return 0;
	bf_missing_leave_out(&u->missing, want, &there);
	if (there.n_members == 0)
		return 0;
	if (!b->open) {
		b->n_expected = want->n_members;
		ret = bf_bond_open(b, &there, now_ms, err);
		if (ret == 0)
			bf_event(&br->events, BF_LOG_NOTICE, "bond_opened", b->cfg.name,
				"%s over %" PRIu32 " members, mtu %" PRIu32,
				bf_mode_names[b->cfg.mode], b->n_members, b->cfg.mtu);
		return ret;
	}
	if (!changed && bf_bond_config_is_equal(&b->cfg, &there))
		return 0;
	for (uint32_t i = 0; i < there.n_members && ret == 0; i++)
		if (bf_bond_config_member(&b->cfg, there.members[i].name) < 0)
			ret = bf_bond_member_add(b, &there.members[i], now_ms, err);
	return ret != 0 ? ret : bf_bond_reconfigure(b, &there, now_ms, err);
}

static int
sync_bond(struct bf_bridge *br, struct bf_uplink *u, const struct bf_bond_config *want,
	struct bf_err *err)
{
	bool changed;
	int ret = shrink_bond(br, u, want, &changed, err);

	return ret != 0 ? ret : grow_bond(br, u, want, changed, err);
}

/* Which uplink each wanted bond has: its own, or a free one. */
static void
name_uplinks(struct bf_bridge *br, const struct bf_config *want)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (bf_config_find_bond(want, br->up[k].name) == NULL)
			br->up[k].name[0] = '\0';
	for (uint32_t i = 0; i < want->n_bonds; i++) {
		unsigned int k = 0;

		if (bf_bridge_uplink(br, want->bonds[i].name) != NULL)
			continue;
		while (br->up[k].name[0] != '\0')
			k++; /* there are as many as bonds may be wanted */
		memcpy(br->up[k].name, want->bonds[i].name, sizeof(br->up[k].name));
		memset(&br->up[k].failovers, 0, sizeof(br->up[k].failovers));
		bf_stats_clear_port(br, bf_bond_slot(k)); /* another bond: its counters begin */
	}
}

/* What is given up comes first: another bond may want the members. */
static int
sync_bonds(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err)
{
	bool changed[BF_MAX_BONDS];
	int ret = 0;

	for (unsigned int k = 0; k < BF_MAX_BONDS && ret == 0; k++)
		ret = shrink_bond(br, &br->up[k], bf_config_find_bond(want, br->up[k].name),
			&changed[k], err);
	name_uplinks(br, want);
	for (unsigned int k = 0; k < BF_MAX_BONDS && ret == 0; k++)
		ret = grow_bond(
			br, &br->up[k], bf_config_find_bond(want, br->up[k].name), changed[k], err);
	return ret;
}

static int
converge(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err)
{
	uint16_t slots[BF_MAX_GUESTS];
	uint32_t possible;
	int ret;

	note_slots(br, want, slots);
	ret = remove_unwanted_guests(br, want, err);
	if (ret == 0)
		ret = sync_bonds(br, want, err);
	if (ret == 0)
		ret = sync_guests(br, want, slots, err);
	if (ret != 0)
		return ret;
	if (!bf_descriptors_suffice(want, &possible) && possible < want->n_guests)
		bf_event(&br->events, BF_LOG_WARNING, "descriptors", "guests",
			"%u guests are configured and about %u can be connected: expected a higher limit "
			"of open files (ulimit -n, LimitNOFILE=)",
			want->n_guests, possible);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		bf_frames_retry(&br->up[k].frames);
	bf_frames_share(br); /* a bond that was opened anew has a new pool */
	br->fdb->age_s = want->fdb_aging_s;
	memcpy(br->running, want, sizeof(*want));
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		struct bf_uplink *u = &br->up[k];

		bf_missing_note(&u->missing, bf_config_find_bond(want, u->name), &br->events,
			bf_clock_ms());
		u->next_ms = 0;
	}
	bf_captures_leave_ports(br);
	bf_bridge_publish_and_wait(br); /* who asked finds it done */
	return 0;
}

/* The uplink that a wanted bond has or would have. */
static const struct bf_uplink *
bond_uplink(const struct bf_bridge *br, const struct bf_config *want, uint32_t i)
{
	const struct bf_uplink *unused = &br->up[0];

	for (unsigned int k = BF_MAX_BONDS; k-- > 0;) {
		if (strcmp(br->up[k].name, want->bonds[i].name) == 0)
			return &br->up[k];
		if (bf_config_find_bond(want, br->up[k].name) == NULL)
			unused = &br->up[k];
	}
	return unused;
}

int
bf_bridge_check(const struct bf_bridge *br, const struct bf_config *want, struct bf_err *err)
{
	struct bf_bond_config there;
	int ret = bf_config_check(want, err);

	for (uint32_t i = 0; ret == 0 && i < want->n_bonds; i++) {
		const struct bf_uplink *u = bond_uplink(br, want, i);

		bf_missing_leave_out(&u->missing, &want->bonds[i], &there);
		ret = bf_bond_check(&u->bond, &there, err);
	}
	for (uint32_t i = 0; ret == 0 && i < want->n_guests; i++) {
		const struct bf_guest_config *had =
			bf_config_find_guest(br->running, want->guests[i].name);

		if (had == NULL || strcmp(had->socket, want->guests[i].socket) != 0 ||
			had->server != want->guests[i].server)
			ret = bf_guest_check_socket(&want->guests[i], err);
	}
	return ret;
}

int
bf_bridge_apply(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err)
{
	struct bf_config *old;
	struct bf_err why;
	int ret = bf_bridge_check(br, want, err);

	if (ret != 0)
		return ret;
	old = bf_config_copy(br->running);
	if (old == NULL)
		return bf_err_set(err, ENOMEM, "out of memory");
	ret = converge(br, want, err);
	if (ret != 0 && converge(br, old, &why) != 0)
		bf_event(&br->events, BF_LOG_ERR, "rollback_failed", "config", "%s", why.text);
	free(old);
	if (ret != 0)
		errno = -ret;
	return ret;
}

static int
take_in(struct bf_bridge *br, struct bf_uplink *u, struct bf_err *err)
{
	int ret = bf_bridge_check(br, br->running, err);

	if (ret == 0)
		ret = sync_bond(br, u, bf_config_find_bond(br->running, u->name), err);
	if (ret == 0)
		bf_frames_share(br);
	return ret;
}

/* A device that has appeared: the bond is made as it was wanted all along. */
static void
take_missing(struct bf_bridge *br, struct bf_uplink *u, uint64_t now_ms)
{
	struct bf_missing_member *m = bf_missing_look(&u->missing, now_ms);
	struct bf_err err = {""}, again = {""};

	if (m == NULL)
		return;
	if (take_in(br, u, &err) == 0) {
		bf_event(&br->events, BF_LOG_NOTICE, "member_appeared", m->name,
			"its device is there: a member of %s", u->name);
	} else {
		bf_missing_refuse(m, now_ms);
		bf_event(&br->events, BF_LOG_WARNING, "member_unfit", m->name, "%s", err.text);
		if (sync_bond(br, u, bf_config_find_bond(br->running, u->name), &again) != 0)
			bf_event(&br->events, BF_LOG_ERR, "rollback_failed", "config", "%s",
				again.text);
	}
	bf_missing_note(
		&u->missing, bf_config_find_bond(br->running, u->name), &br->events, now_ms);
	br->dirty = true;
	u->next_ms = 0;
}

static void
take_link(struct bf_bridge *br, uint16_t port, uint64_t now_ms)
{
	int owner = bf_bond_device_owner(port);

	if (owner < 0)
		return; /* it has left since */
	bf_bond_on_link(&br->up[owner].bond, port, now_ms);
	br->up[owner].next_ms = 0;
}

static void
take_notices(struct bf_bridge *br, uint64_t now_ms)
{
	struct bf_notice n;

	for (unsigned int i = 0; i < NOTICES_PER_TICK && bf_notify_take(&n); i++) {
		if (n.kind == BF_NOTICE_LINK)
			take_link(br, (uint16_t)n.a, now_ms);
		else if (n.a < BF_MAX_PORTS && br->guests[n.a] != NULL)
			bf_guest_changes_note(br, br->guests[n.a], n.kind, now_ms);
	}
}

/* What workers took from bonds for us. */
static void
take_frames(struct bf_bridge *br, uint64_t now_ms)
{
	struct rte_mbuf *m;

	for (int i = 0; i < FRAMES_PER_TICK; i++) {
		struct bf_uplink *u;

		if (rte_ring_sc_dequeue(br->lcores.slow, (void **)&m) != 0)
			break;
		u = &br->up[RTE_MAX(bf_bond_device_owner(m->port), 0)];
		bf_bond_on_slow(&u->bond, m->port, m, now_ms);
		u->next_ms = 0; /* LACP's deadline may have come nearer */
	}
	for (int i = 0; i < FRAMES_PER_TICK; i++) {
		if (rte_ring_sc_dequeue(br->lcores.for_us, (void **)&m) != 0)
			break;
		bf_probe_receive(
			&br->up[RTE_MAX(bf_bond_device_owner(m->port), 0)].bond, m, now_ms);
	}
}

/* A mode change that found no partner is undone while the mode before still carries. */
static void
undo_mode(struct bf_bridge *br, struct bf_uplink *u)
{
	struct bf_config *c = bf_config_copy(br->running);
	struct bf_err err = {"out of memory"};
	int ret = -ENOMEM;

	u->bond.going_back = false;
	if (c != NULL && bf_config_bond(c, u->name) != NULL) {
		bf_config_bond(c, u->name)->mode = u->bond.held_mode;
		ret = bf_bridge_apply(br, c, &err);
	}
	free(c);
	if (ret == 0) {
		bf_event(&br->events, BF_LOG_WARNING, "mode_undone", u->bond.cfg.name,
			"no partner spoke LACP: mode %s again; expected a LAG with LACP on the switch",
			bf_mode_names[u->bond.cfg.mode]);
		return;
	}
	u->bond.held_until_ms = 0;
	u->bond.dirty = true;
	bf_event(&br->events, BF_LOG_ERR, "mode_undone", u->bond.cfg.name,
		"no partner spoke LACP, and the mode before cannot be had: %s", err.text);
}

/* What nobody uses any more is given back. */
static void
collect(struct bf_bridge *br)
{
	bf_lcores_collect(&br->lcores);
	bf_pools_collect();
	bf_waste_collect();
	if (br->spare_view == NULL)
		br->spare_view = bf_view_spare();
}

/* What workers have heard of stations. */
static void
take_words(struct bf_bridge *br, uint64_t now_ms)
{
	bf_fdb_set_now(br->fdb, (uint32_t)(now_ms / 1000));
	if (take_learned(br) > 0)
		br->busy_until_ms = now_ms + BUSY_MS;
	take_reports(br);
	bf_moves_tick(br);
	age_words(br);
	bf_crowd_tick(br);
}

static bool
is_dirty(const struct bf_bridge *br)
{
	bool dirty = br->dirty;

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		dirty = dirty || br->up[k].bond.dirty;
	return dirty;
}

/* @return when the next one is due. */
static uint64_t
tick_bond(struct bf_bridge *br, struct bf_uplink *u, uint64_t now_ms)
{
	uint64_t probes = bf_probe_tick(&u->bond, now_ms);

	if (now_ms >= u->next_ms || u->bond.dirty)
		u->next_ms = bf_bond_tick(&u->bond, now_ms);
	if (u->bond.going_back)
		undo_mode(br, u);
	return RTE_MIN(u->next_ms, probes);
}

int
bf_bridge_tick(struct bf_bridge *br, uint64_t now_ms)
{
	uint32_t buckets = bf_fdb_n_buckets(br->fdb);
	uint64_t next = UINT64_MAX, due;

	take_notices(br, now_ms);
	due = bf_guest_changes_tick(br, now_ms);
	bf_discard_tick(br, now_ms);
	take_frames(br, now_ms);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		next = tick_bond(br, &br->up[k], now_ms);
		due = RTE_MIN(due, next);
	}
	if (is_dirty(br))
		publish(br);
	take_words(br, now_ms);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		next = bf_paths_tick(br, &br->up[k], now_ms);
		due = RTE_MIN(due, next);
	}
	bf_plan_tick(br, now_ms);
	bf_crossings_tick(br, now_ms);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		take_missing(br, &br->up[k], now_ms);
	bf_rates_tick(br, now_ms);
	bf_health_tick(br, now_ms);
	bf_captures_tick(br);
	if (is_dirty(br))
		publish(br);
	bf_fdb_age(br->fdb, 1 + buckets / (AGE_TURN_MS / IDLE_TICK_MS));
	bf_fdb_commit(br->fdb);
	collect(br);
	next = now_ms + (now_ms < br->busy_until_ms ? 1 : IDLE_TICK_MS);
	next = RTE_MIN(next, due);
	return next > now_ms ? (int)(next - now_ms) : 0;
}

void
bf_bridge_destroy(struct bf_bridge *br)
{
	if (br == NULL)
		return;
	bf_lcores_stop(&br->lcores);
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		bf_guest_close(br->guests[s], &br->ground);
	bf_door_close(br->ground.door);
	bf_discard_close();
	bf_guest_rings_close();
	bf_records_close(br->ground.records);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		bf_bond_fini(&br->up[k].bond);
	bf_late_close();
	bf_captures_close(br);
	bf_lcores_close(&br->lcores);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		uplink_fini(&br->up[k]);
	rte_free(br->spare_view);
	bf_pools_collect();
	bf_notify_close();
	bf_fdb_destroy(br->fdb);
	bf_neighbors_destroy(br->neighbors);
	bf_groups_destroy(br->groups);
	bf_rates_fini(&br->rates);
	free(br->base);
	free(br->running);
	free(br);
}
