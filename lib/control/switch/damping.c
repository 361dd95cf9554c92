/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See damping.h.
 *
 * Threads: ctx control.
 */
#include "control/switch/damping.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mac.h"
#include "control/bridge.h"

static bool
is_held(const struct bf_restless *r, uint32_t now_s)
{
	return r->key != 0 && r->held_until_s != 0 && now_s < r->held_until_s;
}

/* The station's entry, else a free one, else the oldest. */
static struct bf_restless *
entry_for(struct bf_damping *d, uint64_t key)
{
	struct bf_restless *oldest = &d->at[0];

	for (unsigned int i = 0; i < BF_DAMP_STATIONS; i++)
		if (d->at[i].key == key)
			return &d->at[i];
	for (unsigned int i = 0; i < BF_DAMP_STATIONS; i++) {
		if (d->at[i].key == 0)
			return &d->at[i];
		if (d->at[i].since_s < oldest->since_s)
			oldest = &d->at[i];
	}
	return oldest;
}

static bool
is_between(const struct bf_restless *r, const struct bf_restless *s)
{
	return (r->home == s->home && r->other == s->other) ||
		(r->home == s->other && r->other == s->home);
}

static void
loop_tell(struct bf_bridge *br, const struct bf_restless *r)
{
	const struct bf_damping *d = &br->damping;
	uint32_t n = 0, missed = 0;

	for (unsigned int i = 0; i < BF_DAMP_STATIONS; i++)
		n += is_held(&d->at[i], br->fdb->now_s) && is_between(&d->at[i], r);
	if (n < BF_DAMP_LOOP || !bf_log_allow(&br->damping.loop_told, bf_clock_ms(), &missed))
		return;
	bf_event(&br->events, BF_LOG_WARNING, "loop", bf_bridge_port_name(br, r->home),
		"%" PRIu32 " stations move between it and %s: frames go round; find what connects "
		"the two, and see show storms for limits of floods",
		n, bf_bridge_port_name(br, r->other));
}

static void
hold_tell(struct bf_bridge *br, const struct bf_restless *r, uint16_t at)
{
	char mac[BF_MAC_TEXT_SIZE];
	uint32_t missed = 0;
	uint8_t m[6];

	memcpy(m, &r->key, sizeof(m));
	bf_mac_text(m, mac);
	if (bf_log_allow(&br->damping.told, bf_clock_ms(), &missed))
		bf_event(&br->events, BF_LOG_WARNING, "mac_flaps", mac,
			"moves between %s and %s: it stays at %s for %d s; two machines with this "
			"address, or a loop",
			bf_bridge_port_name(br, r->home), bf_bridge_port_name(br, r->other),
			bf_bridge_port_name(br, at), BF_DAMP_HOLD_S);
}

bool
bf_damping_permits(struct bf_bridge *br, uint64_t key, uint16_t from, uint16_t to)
{
	struct bf_restless *r = entry_for(&br->damping, key);
	uint32_t now_s = br->fdb->now_s;

	if (bf_guards_are_mates(br, from, to))
		return true; /* a bond of the guest's own, that sends on both */
	if (r->key == key && is_held(r, now_s)) {
		br->damping.refused++;
		return false;
	}
	if (r->key != key || r->held_until_s != 0 || now_s - r->since_s > BF_DAMP_WINDOW_S)
		*r = (struct bf_restless){.key = key, .since_s = now_s, .home = from};
	if (to != r->home)
		r->other = to;
	if (++r->moves < BF_DAMP_MOVES)
		return true;
	r->held_until_s = now_s + BF_DAMP_HOLD_S;
	hold_tell(br, r, to == r->home ? to : from);
	loop_tell(br, r);
	br->damping.refused += to != r->home;
	return to == r->home;
}

uint32_t
bf_damping_held(const struct bf_damping *d, uint32_t now_s)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < BF_DAMP_STATIONS; i++)
		n += is_held(&d->at[i], now_s);
	return n;
}

void
bf_damping_forget(struct bf_damping *d, int port)
{
	for (unsigned int i = 0; i < BF_DAMP_STATIONS; i++)
		if (port < 0 || d->at[i].home == port || d->at[i].other == port)
			d->at[i] = (struct bf_restless){.key = 0};
}
