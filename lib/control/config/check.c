/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a configuration contradicts itself in, and what in it has no effect; no device is needed to
 * see that.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>

#include "base/mac.h"
#include "base/words.h"
#include "control/config/config.h"

/* How many members may serve, and which of them only in place of others. */
static void
check_spares(const struct bf_bond_config *b, bf_config_fault_cb *cb, void *arg)
{
	uint32_t n = bf_bond_config_n_regular(b);
	int primary = bf_bond_config_member(b, b->primary);
	struct bf_err err;

	if (b->n_members > 0 && n == 0) {
		bf_err_set(&err, EINVAL,
			"spare: \"on\": every member of %s is a spare: expected one at least that is not",
			b->name);
		cb(arg, &err);
	} else if (b->n_members > 0 && b->min_links > n) {
		bf_err_set(&err, EINVAL,
			"min_links: \"%" PRIu32 "\": expected 0 to %" PRIu32 " (members of %s%s)",
			b->min_links, n, b->name, n < b->n_members ? " that are no spares" : "");
		cb(arg, &err);
	}
	if (b->max_links != 0 && b->max_links < b->min_links) {
		bf_err_set(&err, EINVAL,
			"max_links: \"%" PRIu32 "\": expected 0, or at least min_links %" PRIu32,
			b->max_links, b->min_links);
		cb(arg, &err);
	}
	if (primary >= 0 && b->members[primary].spare) {
		bf_err_set(&err, EINVAL,
			"primary: \"%s\": is a spare: expected a member of %s that is not",
			b->primary, b->name);
		cb(arg, &err);
	}
}

/* One contradiction after another, each to @p cb. */
static void
check_bond(const struct bf_config *c, const struct bf_bond_config *b, bf_config_fault_cb *cb,
	void *arg)
{
	struct bf_err err;

	for (uint32_t i = 0; i < c->n_guests; i++)
		if (strcmp(c->guests[i].name, b->name) == 0) {
			bf_err_set(&err, EINVAL, "guest name: \"%s\": is the bond's name", b->name);
			cb(arg, &err);
		}
	if (b->primary[0] != '\0' && bf_bond_config_member(b, b->primary) < 0) {
		bf_err_set(&err, EINVAL, "primary: \"%s\": expected a member of %s", b->primary,
			b->name);
		cb(arg, &err);
	}
	check_spares(b, cb, arg);
	if (b->probe_interval_ms != 0 && b->probe_targets.n == 0) {
		bf_err_set(&err, EINVAL,
			"probe_interval: \"%" PRIu32 "\": expected a probe_target as well",
			b->probe_interval_ms);
		cb(arg, &err);
	}
	if (b->probe_interval_ms != 0 &&
		(b->mode == BF_MODE_8023AD || b->mode == BF_MODE_TLB || b->mode == BF_MODE_ALB)) {
		bf_err_set(&err, EINVAL,
			"probe_interval: not in mode %s: expected balance-rr, "
			"active-backup, balance-xor or broadcast",
			bf_mode_names[b->mode]);
		cb(arg, &err);
	}
}

/* A device is a member of one bond. */
static void
check_members(const struct bf_config *c, uint32_t bond, bf_config_fault_cb *cb, void *arg)
{
	const struct bf_bond_config *b = &c->bonds[bond];
	struct bf_err err;

	for (uint32_t i = 0; i < b->n_members; i++)
		for (uint32_t k = 0; k < bond; k++) {
			if (bf_bond_config_member(&c->bonds[k], b->members[i].name) < 0)
				continue;
			bf_err_set(&err, EINVAL, "member: \"%s\": is a member of %s already",
				b->members[i].name, c->bonds[k].name);
			cb(arg, &err);
		}
}

static void
check_uplink(const struct bf_config *c, const struct bf_guest_config *g, bf_config_fault_cb *cb,
	void *arg)
{
	char names[BF_MAX_BONDS * (BF_NAME_MAX + 2)] = "";
	struct bf_err err;

	if (g->uplink[0] == '\0' || bf_config_find_bond(c, g->uplink) != NULL)
		return;
	for (uint32_t i = 0; i < c->n_bonds; i++)
		bf_words_add(names, sizeof(names), ", ", c->bonds[i].name);
	bf_err_set(&err, EINVAL, "guest \"%s\": uplink: \"%s\": expected %s", g->name, g->uplink,
		c->n_bonds > 0 ? names : "a bond: there is none");
	cb(arg, &err);
}

/* A link goes down with the connection, and must come up again. */
static void
check_uplink_down(const struct bf_guest_config *g, bf_config_fault_cb *cb, void *arg)
{
	struct bf_err err;

	if (!g->uplink_down || (!g->host && !g->server))
		return;
	bf_err_set(&err, EINVAL,
		g->host ? "host \"%s\": uplink_down: \"link\": expected keep in a host port"
			: "guest \"%s\": uplink_down: \"link\": expected keep with mode=server: a front "
			  "end that connects to us is not known to come back; with mode=client it "
			  "listens",
		g->name);
	cb(arg, &err);
}

/* What is learned behind a guarded guest lies in a list of a fixed size. */
static void
check_guard(const struct bf_guest_config *g, bf_config_fault_cb *cb, void *arg)
{
	struct bf_err err;

	if (!g->mac_guard || g->mac.n > 0)
		return;
	if (!g->learning) {
		bf_err_set(&err, EINVAL,
			"guest \"%s\": learning: \"off\": expected on with mac_guard=on, or the guest's "
			"addresses: mac=LIST",
			g->name);
		cb(arg, &err);
	}
	if (g->mac_limit <= BF_MAC_LIST_MAX)
		return;
	bf_err_set(&err, EINVAL,
		"guest \"%s\": mac_limit: \"%" PRIu32
		"\": expected 1 to %d with mac_guard=on, or the guest's addresses: mac=LIST",
		g->name, g->mac_limit, BF_MAC_LIST_MAX);
	cb(arg, &err);
}

/* Answers of DHCP are told apart by MAC address. */
static void
check_leases(const struct bf_guest_config *g, bf_config_fault_cb *cb, void *arg)
{
	struct bf_err err;

	if (!g->ip.dhcp || g->mac_guard)
		return;
	bf_err_set(
		&err, EINVAL, "guest \"%s\": ip: \"dhcp\": expected mac_guard=on as well", g->name);
	cb(arg, &err);
}

/* A guest is in VLANs in one way. */
static void
check_vlans(const struct bf_guest_config *g, bf_config_fault_cb *cb, void *arg)
{
	bool trunk = !bf_vlan_set_is_empty(&g->trunk);
	bool access = g->vlan != 0 && g->vlan != BF_VLAN_ANY;
	struct bf_err err;

	if (access && (trunk || g->qinq != 0)) {
		bf_err_set(&err, EINVAL,
			"guest \"%s\": vlan: \"%" PRIu32
			"\": expected none of trunk and qinq beside it",
			g->name, g->vlan);
		cb(arg, &err);
	}
	if (trunk && g->qinq != 0) {
		bf_err_set(&err, EINVAL,
			"guest \"%s\": qinq: \"%" PRIu32 "\": expected no trunk beside it", g->name,
			g->qinq);
		cb(arg, &err);
	}
	if (g->native != 0 && !trunk) {
		bf_err_set(&err, EINVAL,
			"guest \"%s\": native: \"%" PRIu32
			"\": expected a trunk as well (without one: vlan=%" PRIu32 ")",
			g->name, g->native, g->native);
		cb(arg, &err);
	}
}

/* Bursts and peaks are judged with the rate that they belong to. */
static void
check_rate(const struct bf_guest_config *g, enum bf_qos_dir dir, bf_config_fault_cb *cb, void *arg)
{
	static const char *const ways[] = {"in", "out"};
	const struct bf_rate_burst *rate = &g->rate[dir], *peak = &g->peak[dir];
	bool marks = g->over[dir] < BF_CLASSES, peaks = !bf_rate_burst_is_off(peak);
	const char *way = ways[dir];
	char text[64];
	struct bf_err err;

	bf_rate_burst_print(peaks ? peak : rate, text, sizeof(text));
	if (peaks && (bf_rate_burst_is_off(rate) || !marks)) {
		bf_err_set(&err, EINVAL,
			"guest \"%s\": peak_%s: \"%s\": expected a rate_%s, and over_%s=0 to 7",
			g->name, way, text, way, way);
		cb(arg, &err);
	} else if (peaks &&
		(rate->excess != 0 ||
			(peak->rate.frames_per_s != 0) != (rate->rate.frames_per_s != 0) ||
			bf_rate_burst_units(peak) < bf_rate_burst_units(rate))) {
		bf_err_set(&err, EINVAL,
			"guest \"%s\": peak_%s: \"%s\": expected at least rate_%s, in bits or frames as "
			"it is, which has no excess burst",
			g->name, way, text, way);
		cb(arg, &err);
	} else if (rate->excess != 0 && !marks) {
		bf_err_set(&err, EINVAL,
			"guest \"%s\": rate_%s: \"%s\": expected an excess burst with over_%s=0 to 7 "
			"only",
			g->name, way, text, way);
		cb(arg, &err);
	}
}

static void
check_address(const struct bf_guest_config *g, bf_config_fault_cb *cb, void *arg)
{
	struct bf_err err;

	if (bf_mac_is_zero(g->address))
		return;
	if (g->host && !(g->address[0] & 1))
		return;
	bf_err_set(&err, EINVAL,
		g->host ? "host \"%s\": address: expected a unicast address"
			: "guest \"%s\": address: expected in a host port only: a guest says its own",
		g->name);
	cb(arg, &err);
}

/* Our own front end, which does without neither: front.c. */
static void
check_host_features(const struct bf_guest_config *g, bf_config_fault_cb *cb, void *arg)
{
	const uint64_t needed = 1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_NET_F_MRG_RXBUF;
	uint64_t missing = needed & ~bf_feature_pin_features(&g->features);
	struct bf_err err;

	if (!g->host || (missing == 0 && g->mrg_rxbuf))
		return;
	if (missing != 0)
		bf_err_set(&err, EINVAL,
			"host \"%s\": features: \"0x%" PRIx64
			"\": expected a level, or a mask with 0x%" PRIx64
			", which a host port needs",
			g->name, g->features.mask, needed);
	else
		bf_err_set(&err, EINVAL,
			"host \"%s\": mrg_rxbuf: \"off\": expected on in a host port", g->name);
	cb(arg, &err);
}

/* The address of each port: what `auto` is, or that of a host port's interface; zero: not known. */
struct own_macs {
	uint8_t at[BF_MAX_GUESTS][6];
};

static void
own_macs_note(const struct bf_config *c, struct own_macs *own)
{
	memset(own, 0, sizeof(*own));
	for (uint32_t i = 0; i < c->n_guests; i++)
		if (c->guests[i].host || bf_guest_config_has_auto_mac(&c->guests[i]))
			bf_guest_config_own_mac(&c->guests[i], own->at[i]);
}

/* Whether mac= of @p g has this very address; guests of a team may use each other's. */
static bool
is_said(const struct bf_guest_config *g, const uint8_t mac[6], const char *team)
{
	if (team[0] != '\0' && strcmp(g->team, team) == 0)
		return false;
	for (uint32_t i = 0; i < g->mac.n; i++)
		if (g->mac.at[i].len == 48 && memcmp(g->mac.at[i].addr, mac, 6) == 0)
			return true;
	return false;
}

/* What nobody has chosen belongs to one. */
static void
check_auto_mac(const struct bf_config *c, uint32_t guest, const struct own_macs *own,
	bf_config_fault_cb *cb, void *arg)
{
	const struct bf_guest_config *g = &c->guests[guest], *o = c->guests;
	const uint8_t *mac = own->at[guest];
	char text[BF_MAC_TEXT_SIZE];
	struct bf_err err;

	if (!bf_guest_config_has_auto_mac(g))
		return;
	for (uint32_t i = 0; i < c->n_guests; i++, o++) {
		bool is_new = i < guest || !bf_guest_config_has_auto_mac(o); /* each pair once */
		bool is_same = is_new && memcmp(own->at[i], mac, 6) == 0;

		if (i == guest || !(is_same || is_said(o, mac, g->team)))
			continue;
		bf_err_set(&err, EINVAL,
			"%s \"%s\": mac: \"auto\": is %s, which %s \"%s\" has as well: expected another "
			"name, or an address instead of auto",
			bf_guest_config_kind(g), g->name, bf_mac_text(mac, text),
			bf_guest_config_kind(o), o->name);
		cb(arg, &err);
	}
}

void
bf_config_faults(const struct bf_config *c, bf_config_fault_cb *cb, void *arg)
{
	struct own_macs own;

	own_macs_note(c, &own);
	for (uint32_t i = 0; i < c->n_bonds; i++) {
		check_bond(c, &c->bonds[i], cb, arg);
		check_members(c, i, cb, arg);
	}
	for (uint32_t i = 0; i < c->n_guests; i++) {
		check_uplink(c, &c->guests[i], cb, arg);
		check_uplink_down(&c->guests[i], cb, arg);
		check_address(&c->guests[i], cb, arg);
		check_host_features(&c->guests[i], cb, arg);
		check_guard(&c->guests[i], cb, arg);
		check_leases(&c->guests[i], cb, arg);
		check_auto_mac(c, i, &own, cb, arg);
		check_vlans(&c->guests[i], cb, arg);
		check_rate(&c->guests[i], BF_QOS_IN, cb, arg);
		check_rate(&c->guests[i], BF_QOS_OUT, cb, arg);
	}
	bf_config_mirror_faults(c, cb, arg);
}

struct first_fault {
	struct bf_err *err;
	bool found;
};

static void
keep_first(void *arg, const struct bf_err *err)
{
	struct first_fault *f = arg;

	if (!f->found && f->err != NULL)
		*f->err = *err;
	f->found = true;
}

int
bf_config_check(const struct bf_config *c, struct bf_err *err)
{
	struct first_fault f = {err, false};

	bf_config_faults(c, keep_first, &f);
	if (f.found)
		errno = EINVAL;
	return f.found ? -EINVAL : 0;
}

static void
bond_warnings(const struct bf_bond_config *b, bf_config_line_cb *cb, void *arg)
{
	char line[256], value[BF_KEY_TEXT_MAX];

	for (unsigned int i = 0; i < bf_n_bond_keys; i++) {
		const struct bf_key *k = &bf_bond_keys[i];

		bf_key_print(k, b, value, sizeof(value));
		if (k->modes == 0 || (k->modes & 1u << b->mode) != 0 ||
			strcmp(value, bf_key_default(k, BF_PROFILE_TRUSTED)) == 0)
			continue;
		snprintf(line, sizeof(line), "%s=%.128s: has no effect in mode %s", k->name, value,
			bf_mode_names[b->mode]);
		cb(arg, line);
	}
}

void
bf_config_warnings(const struct bf_config *c, bf_config_line_cb *cb, void *arg)
{
	if (!c->profile_is_said)
		cb(arg, BF_CONFIG_NO_PROFILE);
	for (uint32_t i = 0; i < c->n_bonds; i++)
		bond_warnings(&c->bonds[i], cb, arg);
}
