/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Whose address is whose: see guards.h.
 *
 * Threads: ctx control.
 */
#include "control/guests/guards.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mac.h"
#include "control/bridge.h"
#include "control/loop/task.h"
#include "control/observe/stats.h"

static bool
is_learned(const struct bf_guest *g)
{
	return g->cfg.mac_guard && g->cfg.mac.n == 0;
}

static bool
is_mate(const struct bf_guest *a, const struct bf_guest *b)
{
	return a->cfg.team[0] != '\0' && a->uplink == b->uplink &&
		strcmp(a->cfg.team, b->cfg.team) == 0;
}

bool
bf_guards_are_mates(const struct bf_bridge *br, uint16_t a, uint16_t b)
{
	return !bf_is_bond_slot(a) && !bf_is_bond_slot(b) && br->guests[a] != NULL &&
		br->guests[b] != NULL && is_mate(br->guests[a], br->guests[b]);
}

static uint64_t
mac_word(const struct bf_guest_config *cfg, uint32_t i)
{
	struct bf_mac_prefix p = bf_guest_config_mac(cfg, i);
	uint64_t mac = 0;

	memcpy(&mac, p.addr, sizeof(p.addr));
	return BF_GUARD_WORD(mac, p.len);
}

/* Words that one guest brings into the list of another, or of itself; each once. */
static uint32_t
words_add(const struct bf_guest *g, uint64_t *words, uint32_t n)
{
	for (uint32_t i = 0; i < g->cfg.mac.n + g->guard.n_bound; i++) {
		uint64_t word = i < g->cfg.mac.n
			? mac_word(&g->cfg, i)
			: BF_GUARD_WORD(g->guard.bound[i - g->cfg.mac.n], 48);
		uint32_t k = 0;

		while (k < n && words[k] != word)
			k++;
		if (k == n && n < BF_GUARD_MACS)
			words[n++] = word;
	}
	return n;
}

static uint32_t
words_of(const struct bf_bridge *br, const struct bf_guest *g, uint64_t *words)
{
	uint32_t n = words_add(g, words, 0);

	for (unsigned int s = 1; g->cfg.team[0] != '\0' && s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL && br->guests[s] != g && is_mate(g, br->guests[s]))
			n = words_add(br->guests[s], words, n);
	return n;
}

static void
room_write(struct bf_guest *g)
{
	struct bf_guard *w = g->guard.words;
	uint32_t limit = RTE_MIN(g->cfg.mac_limit, (uint32_t)BF_GUARD_MACS);
	int32_t room = is_learned(g) ? (int32_t)limit - (int32_t)g->guard.n_bound : 0;

	if (__atomic_load_n(&w->room, __ATOMIC_RELAXED) != room)
		__atomic_store_n(&w->room, room, __ATOMIC_RELAXED);
}

/* What only comes is written behind the rest, so that no address is missed while workers look. */
static void
words_write(const struct bf_bridge *br, struct bf_guest *g)
{
	struct bf_guard *w = g->guard.words;
	uint64_t words[BF_GUARD_MACS];
	uint32_t n = words_of(br, g, words);

	for (uint32_t i = 0; i < n; i++)
		__atomic_store_n(&w->mac[i], words[i], __ATOMIC_RELAXED);
	__atomic_store_n(&w->learns, is_learned(g), __ATOMIC_RELAXED);
	__atomic_store_n(&w->n, n, __ATOMIC_RELEASE);
	room_write(g);
}

/* On whichever switch its guests are: one may have left another's. */
static void
team_write(const struct bf_bridge *br, const char *team)
{
	for (unsigned int s = 1; team[0] != '\0' && s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL && strcmp(br->guests[s]->cfg.team, team) == 0)
			words_write(br, br->guests[s]);
}

void
bf_guards_write(struct bf_bridge *br, struct bf_guest *g)
{
	words_write(br, g);
	team_write(br, g->cfg.team);
}

/* Stations of a port that its guard does not permit, collected: the FDB must not change while it is visited. */
struct stations {
	const struct bf_guest *g;
	uint32_t n, room;
	uint64_t *keys;
};

static void
station_note(void *arg, const struct bf_fdb_entry *e)
{
	struct stations *st = arg;
	bool may = bf_guard_permits(st->g->guard.words, e->key & BF_FDB_MAC_MASK);

	if (e->port == st->g->slot && !(e->flags & BF_FDB_STATIC) && !may && st->n < st->room)
		st->keys[st->n++] = e->key;
}

static void
stations_collect(const struct bf_bridge *br, const struct bf_guest *g, struct stations *st)
{
	*st = (struct stations){.g = g, .room = br->fdb->port_count[g->slot]};
	st->keys = st->room > 0 ? malloc(st->room * sizeof(*st->keys)) : NULL;
	if (st->keys != NULL)
		bf_fdb_visit(br->fdb, station_note, st);
}

/* What is behind the guest and may not be is forgotten. */
static void
stations_sweep(struct bf_bridge *br, const struct bf_guest *g)
{
	struct stations st;

	if (!g->cfg.mac_guard)
		return;
	stations_collect(br, g, &st);
	if (st.room > 0 && st.keys == NULL)
		bf_bridge_forget(br, g->slot); /* memory is short: all of them */
	for (uint32_t i = 0; st.keys != NULL && i < st.n; i++) {
		bf_neighbors_flush_station(br->neighbors, st.keys[i], g->slot);
		bf_fdb_del(br->fdb, st.keys[i]);
	}
	free(st.keys);
	bf_fdb_commit(br->fdb);
}

static void
binding_add(struct bf_bridge *br, struct bf_guest *g, uint64_t mac)
{
	g->guard.bound[g->guard.n_bound++] = mac;
	br->guards.version++;
}

static bool
has_room(const struct bf_bridge *br, const struct bf_guest *g)
{
	uint64_t words[BF_GUARD_MACS];

	return g->guard.n_bound < g->cfg.mac_limit && words_of(br, g, words) < BF_GUARD_MACS;
}

/* Who else has an address. @return a port's name, or NULL. */
static const char *
holder_of(const struct bf_bridge *br, const struct bf_guest *g, uint64_t key)
{
	uint64_t mac = key & BF_FDB_MAC_MASK;
	const struct bf_bond *b = &br->up[g->uplink].bond;
	uint16_t port = g->slot;

	if (b->open && memcmp(&mac, b->mac.addr_bytes, sizeof(b->mac.addr_bytes)) == 0)
		return b->cfg.name;
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		const struct bf_guest *h = br->guests[s];

		if (h != NULL && h != g && h->cfg.mac_guard && h->uplink == g->uplink &&
			!is_mate(g, h) && bf_guard_permits(h->guard.words, mac))
			return h->cfg.name;
	}
	if (bf_fdb_find(br->fdb, key, &port) != NULL && port != g->slot)
		return bf_bridge_port_name(br, port);
	return NULL;
}

static void
refusal_tell(struct bf_bridge *br, struct bf_guest *g, uint64_t mac, const char *holder)
{
	char text[BF_MAC_TEXT_SIZE];
	uint32_t missed = 0;
	uint8_t m[6];

	if (!bf_log_allow(&g->guard.told, bf_clock_ms(), &missed))
		return;
	memcpy(m, &mac, sizeof(m));
	bf_mac_text(m, text);
	if (holder != NULL)
		bf_event(&br->events, BF_LOG_WARNING, "mac_refused", g->cfg.name,
			"%s is not bound to it: %s has this address", text, holder);
	else
		bf_event(&br->events, BF_LOG_WARNING, "mac_refused", g->cfg.name,
			"%s is not bound to it: it uses as many addresses as it may; set guest %s "
			"mac_limit=N allows more, clear guest %s macs forgets them",
			text, g->cfg.name, g->cfg.name);
}

bool
bf_guards_admit(struct bf_bridge *br, uint64_t key, uint16_t slot)
{
	struct bf_guest *g = br->guests[slot];
	uint64_t mac = key & BF_FDB_MAC_MASK;
	const char *holder;

	if (g == NULL || !g->cfg.mac_guard || bf_guard_permits(g->guard.words, mac))
		return true;
	if (!is_learned(g))
		return false;
	holder = holder_of(br, g, key);
	if (holder != NULL || !has_room(br, g)) {
		refusal_tell(br, g, mac, holder);
		return false;
	}
	binding_add(br, g, mac);
	bf_guards_write(br, g);
	return true;
}

uint32_t
bf_guards_clear(struct bf_bridge *br, struct bf_guest *g)
{
	uint32_t n = g->guard.n_bound;

	g->guard.n_bound = 0;
	br->guards.version += n > 0;
	bf_guards_write(br, g);
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL && (br->guests[s] == g || is_mate(g, br->guests[s])))
			stations_sweep(br, br->guests[s]);
	return n;
}

static void
network_add(struct bf_guard_ips *ips, const struct bf_ip_prefix *p)
{
	uint8_t mask[16] = {0};

	for (unsigned int bit = 0; bit < p->len; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	if (p->is_v6) {
		memcpy(ips->v6[ips->n6].addr, p->addr, 16);
		memcpy(ips->v6[ips->n6++].mask, mask, 16);
	} else {
		memcpy(&ips->v4[ips->n4].addr, p->addr, 4);
		memcpy(&ips->v4[ips->n4++].mask, mask, 4);
	}
}

/* Into the list that is not in the view. */
static void
ips_write(const struct bf_bridge *br, struct bf_guest *g)
{
	struct bf_guard *w = g->guard.words;
	const struct bf_guard_ips *in_force = br->lcores.view->rules[g->slot].ips;
	struct bf_guard_ips *ips;

	g->guard.ips = in_force == &w->ips[0] ? 1 : 0;
	ips = &w->ips[g->guard.ips];
	ips->n4 = ips->n6 = 0;
	ips->dhcp = g->cfg.ip.dhcp != 0;
	for (uint32_t i = 0; i < g->cfg.ip.n; i++)
		network_add(ips, &g->cfg.ip.at[i]);
	for (uint32_t i = 0; i < g->leases.n; i++)
		network_add(ips, &g->leases.at[i].of);
}

void
bf_guards_write_ips(struct bf_bridge *br, struct bf_guest *g)
{
	bf_lcores_grace(
		&br->lcores); /* workers may still use the view before, and the other list */
	ips_write(br, g);
}

static struct bf_bindings *
waiting_find(struct bf_guards *gs, const char *guest)
{
	for (uint32_t i = 0; i < gs->n_waiting; i++)
		if (strcmp(gs->waiting[i].guest, guest) == 0)
			return &gs->waiting[i];
	return NULL;
}

void
bf_guards_restore(struct bf_bridge *br, const struct bf_bindings *b)
{
	struct bf_guards *gs = &br->guards;
	struct bf_bindings *w = waiting_find(gs, b->guest);

	if (w == NULL && gs->n_waiting == gs->room) {
		uint32_t room = gs->room * 2 + 8;

		w = realloc(gs->waiting, room * sizeof(*w));
		if (w == NULL)
			return; /* they are learned again */
		gs->waiting = w;
		gs->room = room;
	}
	w = waiting_find(gs, b->guest);
	if (w == NULL)
		w = &gs->waiting[gs->n_waiting++];
	*w = *b;
}

/* What the rule GUARD refuses, each with its event. */
static const struct {
	enum bf_drop why;
	const char *event, *does, *set;
} rogues[BF_GUARD_ROGUES] = {
	{BF_DROP_ROGUE_DHCP, "rogue_dhcp", "answers as a DHCP server", "dhcp_guard=off"},
	{BF_DROP_ROGUE_ROUTER, "rogue_router", "announces itself as a router of IPv6",
		"ra_guard=off"},
	{BF_DROP_HIDDEN_HEADER, "hidden_header",
		"hides behind tags, extension headers or fragments what its packets carry", NULL},
	{BF_DROP_FORGED_IP, "forged_ip", "sends from IP addresses that its ip= does not list",
		"ip=LIST"},
	{BF_DROP_FORGED_NEIGHBOR, "forged_neighbor",
		"tells of IP or MAC addresses that are not its own", "ip=LIST"},
};

void
bf_guards_open(struct bf_bridge *br, struct bf_guest *g)
{
	struct bf_bindings *w = waiting_find(&br->guards, g->cfg.name);

	g->guard.seen_ms = bf_clock_ms();
	for (unsigned int i = 0; i < BF_GUARD_ROGUES; i++) /* another guest's, of the same slot */
		g->guard.rogue_seen[i] = bf_stats_dropped(br, g->slot, rogues[i].why);
	if (w != NULL && is_learned(g)) {
		g->guard.n_bound = RTE_MIN(w->n, g->cfg.mac_limit);
		memcpy(g->guard.bound, w->mac, sizeof(w->mac));
	}
	ips_write(br, g);
	if (w != NULL) {
		*w = br->guards.waiting[--br->guards.n_waiting];
		br->guards.version++;
	}
	bf_guards_write(br, g);
}

void
bf_guards_close(struct bf_bridge *br, struct bf_guest *g, bool returns)
{
	struct bf_bindings b = {.n = g->guard.n_bound};

	memcpy(b.guest, g->cfg.name, sizeof(b.guest));
	memcpy(b.mac, g->guard.bound, sizeof(b.mac));
	if (returns && b.n > 0)
		bf_guards_restore(br, &b);
	br->guards.version += b.n > 0;
	g->guard.n_bound = 0;
	bf_guards_write(br, g);
}

/* The guard comes into force while the guest runs: what it has been heard with is its own. */
static void
stations_adopt(struct bf_bridge *br, struct bf_guest *g)
{
	struct stations st;

	stations_collect(br, g, &st);
	for (uint32_t i = 0; st.keys != NULL && i < st.n; i++) {
		uint64_t mac = st.keys[i] & BF_FDB_MAC_MASK;

		if (!bf_guard_permits(g->guard.words, mac) && has_room(br, g) &&
			holder_of(br, g, st.keys[i]) == NULL) {
			binding_add(br, g, mac);
			words_write(br, g);
		}
	}
	free(st.keys);
}

void
bf_guards_change(struct bf_bridge *br, struct bf_guest *g, const struct bf_guest_config *old)
{
	if (!is_learned(g) && g->guard.n_bound > 0) {
		g->guard.n_bound = 0;
		br->guards.version++;
	}
	if (memcmp(&g->cfg.ip, &old->ip, sizeof(old->ip)) != 0)
		bf_guards_write_ips(br, g);
	words_write(br, g);
	if (is_learned(g) && !old->mac_guard)
		stations_adopt(br, g);
	bf_guards_write(br, g);
	team_write(br, old->team);
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL &&
			(br->guests[s] == g ||
				(old->team[0] != '\0' &&
					strcmp(br->guests[s]->cfg.team, old->team) == 0)))
			stations_sweep(br, br->guests[s]);
}

void
bf_guards_visit(const struct bf_bridge *br, bf_bindings_cb *cb, void *arg)
{
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		const struct bf_guest *g = br->guests[s];

		if (g != NULL && g->guard.n_bound > 0)
			cb(arg, g->cfg.name, g->guard.bound, g->guard.n_bound);
	}
	for (uint32_t i = 0; i < br->guards.n_waiting; i++)
		cb(arg, br->guards.waiting[i].guest, br->guards.waiting[i].mac,
			br->guards.waiting[i].n);
}

static void
rogue_tell(struct bf_bridge *br, struct bf_guest *g, unsigned int i, uint64_t n, uint64_t now_ms)
{
	const char *name = g->cfg.name;
	uint32_t missed = 0;

	if (!bf_log_allow(&g->guard.rogue_told, now_ms, &missed))
		return;
	if (rogues[i].set != NULL)
		bf_event(&br->events, BF_LOG_WARNING, rogues[i].event, name,
			"%s: %" PRIu64 " frames were dropped; set guest %s %s permits it",
			rogues[i].does, n, name, rogues[i].set);
	else
		bf_event(&br->events, BF_LOG_WARNING, rogues[i].event, name,
			"%s: %" PRIu64 " frames were dropped", rogues[i].does, n);
}

static void
rogues_look(struct bf_bridge *br, struct bf_guest *g, uint64_t now_ms)
{
	for (unsigned int i = 0; i < BF_GUARD_ROGUES; i++) {
		uint64_t n = bf_stats_dropped(br, g->slot, rogues[i].why);

		if (n > g->guard.rogue_seen[i])
			rogue_tell(br, g, i, n - g->guard.rogue_seen[i], now_ms);
		g->guard.rogue_seen[i] = n;
	}
}

static void
guard_tick(struct bf_bridge *br, struct bf_guest *g, uint64_t now_ms)
{
	if (g->up)
		g->guard.seen_ms = now_ms;
	rogues_look(br, g, now_ms);
	if (!is_learned(g))
		return;
	if (g->guard.n_bound > 0 && now_ms - g->guard.seen_ms > BF_GUARD_KEEP_MS)
		bf_guards_clear(br, g);
	room_write(g);
}

uint64_t
bf_guards_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_guards *gs = &br->guards;

	if (gs->looked_s == br->fdb->now_s)
		return now_ms + BF_TURN_MS; /* the FDB's clock */
	gs->looked_s = br->fdb->now_s;
	if (gs->n_waiting > 0 && now_ms - br->started_ms > BF_GUARD_KEEP_MS) {
		gs->n_waiting = 0; /* their guests have not come */
		gs->version++;
	}
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL)
			guard_tick(br, br->guests[s], now_ms);
	return now_ms + BF_TURN_MS;
}

void
bf_guards_fini(struct bf_guards *gs)
{
	free(gs->waiting);
}
