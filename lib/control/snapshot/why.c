/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * why: the causes of a port (causes.c), and of two stations: where each is known, whether their ports share a switch
 * and a VLAN, what a trace of a frame between them says, and the causes of both ports.
 *
 * Threads: ctx control.
 */
#include "control/snapshot/why.h"

#include <stdio.h>
#include <string.h>

#include "base/build.h"
#include "base/clock.h"
#include "base/mac.h"
#include "control/bridge.h"
#include "control/observe/recent.h"
#include "control/snapshot/causes.h"
#include "control/snapshot/port_ref.h"
#include "control/snapshot/trace.h"

#define PLACES 16 /* where a station is known at once: in so many VLANs */

struct why_row {
	char question[160];
	struct bf_rows causes;
};

static const struct bf_field why_fields[] = {
	BF_FIELD(struct why_row, question),
	BF_FIELD(struct why_row, causes, .table = &bf_cause_table),
};

const struct bf_table bf_why_table = BF_TABLE("why", struct why_row, why_fields,
	.text = "{causes}{^causes}Nothing found: bondfwd sees no cause for {question}.\n{/causes}");

static struct bf_suspect
suspect_of(struct bf_bridge *br, uint16_t slot, struct why_row *row, struct bf_snapshot *s)
{
	return (struct bf_suspect){.br = br,
		.slot = slot,
		.member = -1,
		.now_ms = bf_clock_ms(),
		.rows = &row->causes,
		.s = s};
}

/* The bond behind which a guest's other stations are, if it has one. */
static void
uplink_causes(struct bf_bridge *br, uint16_t slot, struct why_row *row, struct bf_snapshot *s)
{
	const struct bf_guest *g = bf_is_bond_slot(slot) ? NULL : br->guests[slot];
	struct bf_suspect p;

	if (g == NULL || g->cfg.disabled)
		return;
	p = suspect_of(br, bf_bond_slot(g->uplink), row, s);
	bf_causes_of_uplink(&p);
}

void
bf_why_port(
	struct bf_bridge *br, uint16_t slot, int member, const char *name, struct bf_snapshot *s)
{
	struct why_row *row = bf_rows_add(s, &s->rows, sizeof(*row));
	struct bf_suspect p = suspect_of(br, slot, row, s);

	p.member = member;
	snprintf(row->question, sizeof(row->question), "trouble with %s", name);
	bf_causes_of_port(&p);
	uplink_causes(br, slot, row, s);
	bf_causes_sort(&row->causes);
}

/* ---- two stations ---- */

/* Where a station is known. */
struct places {
	uint8_t mac[6];
	char text[BF_MAC_TEXT_SIZE];
	int vlan; /* that is asked about, or BF_WHY_ANY_VLAN */
	unsigned int n, n_elsewhere; /* in that VLAN, in others */
	struct place {
		uint64_t key;
		uint16_t port;
	} at[PLACES], elsewhere;
};

static void
visit_place(void *arg, const struct bf_fdb_entry *e)
{
	struct places *p = arg;
	struct place here = {e->key, e->port};

	if (memcmp(&e->key, p->mac, sizeof(p->mac)) != 0)
		return;
	if (p->vlan != BF_WHY_ANY_VLAN && BF_FDB_VLAN_OF(e->key) != p->vlan) {
		p->elsewhere = here;
		p->n_elsewhere++;
	} else if (p->n < PLACES) {
		p->at[p->n++] = here;
	}
}

static void
places_find(const struct bf_bridge *br, const uint8_t mac[6], int vlan, struct places *p)
{
	*p = (struct places){.vlan = vlan};
	memcpy(p->mac, mac, sizeof(p->mac));
	bf_mac_text(mac, p->text);
	bf_fdb_visit(br->fdb, visit_place, p);
}

static const char *
vlan_text(uint64_t key, char *buf, size_t size)
{
	if (BF_FDB_VLAN_OF(key) == 0)
		snprintf(buf, size, "no VLAN");
	else
		snprintf(buf, size, "VLAN %u", BF_FDB_VLAN_OF(key));
	return buf;
}

/* The guest that has the address by its mac=, if one says so. */
static const struct bf_guest *
owner_of(const struct bf_bridge *br, const uint8_t mac[6])
{
	for (uint16_t s = 1; s <= BF_MAX_GUESTS; s++)
		for (uint32_t i = 0; br->guests[s] != NULL && i < br->guests[s]->cfg.mac.n; i++)
			if (memcmp(br->guests[s]->cfg.mac.at[i].addr, mac, 6) == 0)
				return br->guests[s];
	return NULL;
}

/* Who sent something that taught nothing: the station may be behind it. */
static void
untaught_causes(const struct bf_suspect *p)
{
	static const uint8_t reasons[] = {BF_DROP_FORGED_MAC, BF_DROP_MAC_LIMIT,
		BF_DROP_LOCKED_PORT, BF_DROP_VLAN_TAG, BF_DROP_CONTROL_PROTOCOL};
	struct bf_suspect its = *p;

	for (its.slot = 0; its.slot < BF_MAX_PORTS; its.slot++)
		for (unsigned int i = 0; i < RTE_DIM(reasons); i++) {
			uint64_t frames =
				bf_recent_drops(p->br, its.slot, (enum bf_drop)reasons[i]);

			if (frames > 0 && bf_port_is_shown(p->br, its.slot))
				bf_cause_of_drop(&its, (enum bf_drop)reasons[i], frames);
		}
}

static void
unknown_cause(const struct bf_suspect *p, const struct places *of)
{
	const struct bf_guest *owner = owner_of(p->br, of->mac);
	struct bf_suspect its = *p;
	char vlan[24], other[24], since[24] = "";

	if (of->n_elsewhere > 0) {
		bf_cause_add(p, 0, "other_vlan", of->text, "show fdb",
			"%s is known in %s at %s, and not in %s.", of->text,
			vlan_text(of->elsewhere.key, other, sizeof(other)),
			bf_bridge_port_name(p->br, of->elsewhere.port),
			vlan_text((uint64_t)of->vlan << 48, vlan, sizeof(vlan)));
		return;
	}
	if (owner != NULL) {
		its.slot = owner->slot;
		bf_causes_of_port(&its);
	}
	if (p->br->fdb->age_s != 0)
		snprintf(since, sizeof(since), " for %u s", p->br->fdb->age_s);
	bf_cause_add(p, 0, "unknown", of->text, "show fdb",
		"%s is not known%s%s: it has sent nothing%s, or what it sends does not arrive. "
		"Frames to it are flooded.",
		of->text, owner != NULL ? ", though it is of " : "",
		owner != NULL ? owner->cfg.name : "", since);
	untaught_causes(p);
}

/* The bonds' own addresses are no station's. */
static bool
own_cause(const struct bf_suspect *p, const struct places *of)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		const struct bf_bond *b = &p->br->up[k].bond;

		if (!b->open || memcmp(b->mac.addr_bytes, of->mac, sizeof(of->mac)) != 0)
			continue;
		bf_cause_add(p, 0, "own_address", of->text, "show fdb",
			"%s is the address of %s: frames to it are read by bondfwd, not forwarded.",
			of->text, b->cfg.name);
		return true;
	}
	return false;
}

/* Two places that frames can go between. @return false: there are none, and the reason is said */
static bool
places_match(const struct bf_suspect *p, const struct places *a, const struct places *b,
	struct place *from, struct place *to)
{
	char va[24], vb[24];

	*from = a->at[0];
	*to = b->at[0];
	for (unsigned int i = 0; i < a->n; i++)
		for (unsigned int k = 0; k < b->n; k++)
			if ((a->at[i].key ^ b->at[k].key) >> 48 == 0) {
				*from = a->at[i];
				*to = b->at[k];
				return true;
			}
	if (BF_FDB_BOND_OF(from->key) != BF_FDB_BOND_OF(to->key))
		bf_cause_add(p, 0, "other_switch", b->text, "show running-config",
			"%s is on the switch of %s, %s on that of %s: frames do not go from one to the other.",
			a->text, p->br->up[BF_FDB_BOND_OF(from->key)].name, b->text,
			p->br->up[BF_FDB_BOND_OF(to->key)].name);
	else
		bf_cause_add(p, 0, "other_vlan", b->text, "show running-config",
			"%s is in %s at %s, %s in %s at %s: they share no VLAN.", a->text,
			vlan_text(from->key, va, sizeof(va)),
			bf_bridge_port_name(p->br, from->port), b->text,
			vlan_text(to->key, vb, sizeof(vb)), bf_bridge_port_name(p->br, to->port));
	return false;
}

/* What depends on what is in a frame, or on how many there are, is known by what was dropped lately. */
static bool
is_about_the_frame(enum bf_drop why)
{
	return why == BF_DROP_RATE_IN || why == BF_DROP_RATE_OUT || why == BF_DROP_FILTER_IN ||
		why == BF_DROP_FILTER_OUT || why == BF_DROP_FORGED_IP ||
		why == BF_DROP_NOT_ITS_IP || why == BF_DROP_STORM_UNKNOWN ||
		why == BF_DROP_GUEST_RING_FULL || why == BF_DROP_GUEST_RING_UNREAD ||
		why == BF_DROP_REFLECTED || why == BF_DROP_GUEST_DOWN || why == BF_DROP_STOPPED;
}

/* A frame of 60 bytes from one to the other; of the port's own VLAN without a tag. */
static void
trace_cause(struct bf_suspect *p, const struct place *from, const struct place *to)
{
	const struct bf_port_vlan *v = &p->br->lcores.view->rules[from->port].vlan;
	uint16_t vlan = BF_FDB_VLAN_OF(from->key);
	uint8_t frame[60] = {0}, src[8], dst[8];
	const struct bf_trace *t;
	struct bf_tracer *tr = bf_tracer_begin(p->br, from->port, -1, NULL);

	if (tr == NULL)
		return;
	memcpy(src, &from->key, sizeof(src));
	memcpy(dst, &to->key, sizeof(dst));
	bf_build_ethernet(frame, dst, src, vlan == v->own ? 0 : vlan, 0x88b5);
	t = bf_tracer_walk(tr, frame, sizeof(frame));
	for (uint16_t i = 0; t != NULL && i < t->n_ends; i++) {
		enum bf_drop why = (enum bf_drop)t->end[i].why;

		if (why == BF_DROP_COUNT || is_about_the_frame(why))
			continue;
		p->slot = t->end[i].slot;
		bf_cause_of_drop(p, why, 0);
	}
	bf_tracer_end(tr);
}

static void
ports_causes(struct bf_suspect *p, const struct place *from, const struct place *to)
{
	p->slot = from->port;
	bf_causes_of_port(p);
	p->slot = to->port;
	bf_causes_of_port(p);
	trace_cause(p, from, to);
	trace_cause(p, to, from);
}

static void
stations_causes(struct bf_suspect *p, const struct places *a, const struct places *b)
{
	struct place from, to;

	if (own_cause(p, a) || own_cause(p, b))
		return;
	if (a->n == 0 || b->n == 0) {
		p->slot = a->n > 0 ? a->at[0].port : b->n > 0 ? b->at[0].port : BF_BOND_SLOT;
		bf_causes_of_port(p);
		if (a->n == 0)
			unknown_cause(p, a);
		if (b->n == 0)
			unknown_cause(p, b);
	} else if (places_match(p, a, b, &from, &to)) {
		if (from.port == to.port)
			bf_cause_add(p, 0, "same_port", b->text, "show fdb",
				"%s and %s are both behind %s: frames between them do not come here.",
				a->text, b->text, bf_bridge_port_name(p->br, from.port));
		else
			ports_causes(p, &from, &to);
	}
}

void
bf_why_stations(struct bf_bridge *br, const uint8_t from[6], const uint8_t to[6], int vlan,
	struct bf_snapshot *s)
{
	struct why_row *row = bf_rows_add(s, &s->rows, sizeof(*row));
	struct bf_suspect p = suspect_of(br, BF_BOND_SLOT, row, s);
	struct places a, b;

	places_find(br, from, vlan, &a);
	places_find(br, to, vlan, &b);
	snprintf(row->question, sizeof(row->question), "lost frames between %s and %s", a.text,
		b.text);
	stations_causes(&p, &a, &b);
	bf_causes_sort(&row->causes);
}
