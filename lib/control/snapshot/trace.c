/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * trace: the steps of a frame that is not there, a sentence each.
 *
 * Threads: ctx control.
 */
#include "control/snapshot/trace.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mac.h"
#include "base/words.h"
#include "control/bridge.h"
#include "control/observe/frame_text.h"
#include "control/observe/stats.h"
#include "dataplane/rx_bond.h"

struct step_row {
	char step[BF_NAME_MAX + 4], text[240];
};

static const struct bf_field step_fields[] = {
	BF_FIELD(struct step_row, step),
	BF_FIELD(struct step_row, text),
};

static const struct bf_table step_table =
	BF_TABLE("step", struct step_row, step_fields, .text = "  {step:-16} {text}\n");

struct end_row {
	char port[BF_NAME_MAX], members[256];
	const char *outcome, *reason;
	uint32_t queue;
	uint64_t bytes;
	bool is_delivered, is_dropped, is_guest, is_bond;
};

#define END struct end_row

static const struct bf_field end_fields[] = {
	BF_FIELD(END, port),
	BF_FIELD(END, outcome),
	BF_FIELD(END, reason, BF_WHEN(END, is_dropped)),
	BF_FIELD(END, bytes, BF_WHEN(END, is_delivered)),
	BF_FIELD(END, queue, BF_WHEN(END, is_guest)),
	BF_FIELD(END, members, BF_WHEN(END, is_bond)),
};

static const struct bf_table end_table = BF_TABLE("end", END, end_fields);

struct trace_row {
	uint32_t number;
	char port[BF_NAME_MAX], member[BF_DEV_NAME_MAX], result[160];
	bool is_bond;
	uint32_t len, worker;
	const char *verdict;
	struct bf_rows steps, ends;
};

#define ROW struct trace_row

static const struct bf_field trace_fields[] = {
	BF_FIELD_AS(ROW, number, "frame"),
	BF_FIELD_AS(ROW, port, "from"),
	BF_FIELD(ROW, member, BF_WHEN(ROW, is_bond)),
	BF_FIELD_AS(ROW, len, "bytes"),
	BF_FIELD(ROW, worker),
	BF_FIELD(ROW, steps, .table = &step_table),
	BF_FIELD(ROW, ends, .table = &end_table),
	BF_FIELD(ROW, verdict),
	BF_FIELD(ROW, result),
};

const struct bf_table bf_trace_table = BF_TABLE("trace", ROW, trace_fields,
	.text = "{^.first}\n{/.first}Frame {frame}, {bytes} bytes, from {from}"
		"{#member} by its member {member}{/member}, on worker {worker}:\n"
		"{steps}Result: {result}\n");

struct bf_tracer {
	struct bf_trace_world *world;
	struct bf_trace_ask ask;
	struct bf_trace trace;
	bool is_full[BF_MAX_PORTS];
};

static const char *const rule_names[BF_RULE_COUNT] = {
#define RULE_NAME(sym, func, name, help) [BF_RULE_##sym] = (name),
	BF_RULE_LIST(RULE_NAME)
#undef RULE_NAME
};

static __attribute__((format(printf, 4, 5))) void
step_add(struct bf_snapshot *s, ROW *row, const char *what, const char *fmt, ...)
{
	struct step_row *step = bf_rows_add(s, &row->steps, sizeof(*step));
	va_list args;

	BF_ROW_TEXT(step->step, what);
	va_start(args, fmt);
	vsnprintf(step->text, sizeof(step->text), fmt, args);
	va_end(args);
}

/* ---- steps before the switch ---- */

static void
describe_source(const struct bf_tracer *tr, struct bf_bridge *br, ROW *row, struct bf_snapshot *s)
{
	const struct bf_trace *t = &tr->trace;
	const struct bf_bond *b = &br->up[bf_bond_of_slot(tr->ask.in)].bond;

	if (!t->is_read) {
		step_add(s, row, "receive",
			"forwarding is stopped: the frame stays in the guest's ring until `start`");
		return;
	}
	if (row->is_bond && !t->collects)
		step_add(s, row, "receive", "frames of %s are not switched now: %s", row->member,
			!tr->world->ground.view->forwarding ? "forwarding is stopped"
				: bf_bond_mode_in_force(b) == BF_MODE_8023AD
				? "LACP does not collect on it"
				: "it is not the active member");
	if (!row->is_bond && !tr->world->ground.view->ports[tr->ask.in].guest->up)
		step_add(s, row, "receive",
			"%s is not connected and sends nothing now; if it were, this follows",
			row->port);
	if (t->waits)
		step_add(s, row, "receive",
			"the frame waits in the guest's ring until its rate_in has credit; then:");
}

static void
describe_rules(const struct bf_trace *t, ROW *row, struct bf_snapshot *s)
{
	for (unsigned int i = 0; i < t->n_rules; i++) {
		const struct bf_trace_rule *r = &t->rule[i];
		char name[32];

		snprintf(name, sizeof(name), "rule %s", rule_names[r->rule]);
		if (r->why != BF_DROP_COUNT)
			step_add(s, row, name, "drops it: %s (%s)", bf_drop_info[r->why].name,
				bf_drop_info[r->why].help);
		else
			step_add(s, row, name, r->changed ? "passes, and changes it" : "passes");
	}
}

/* ---- what the switch decides ---- */

static void
describe_station(const struct bf_tracer *tr, struct bf_bridge *br, ROW *row, struct bf_snapshot *s)
{
	const struct bf_trace *t = &tr->trace;
	char mac[BF_MAC_TEXT_SIZE];
	bool learns = (t->verdict.effects & BF_EFFECT_LEARN) != 0;

	bf_mac_text((const uint8_t *)&t->frame.src, mac);
	if (t->src_port == BF_TRACE_NOWHERE)
		step_add(s, row, "source", "%s is not known%s", mac,
			learns ? ": a real frame would teach it" : "");
	else if (t->src_port == tr->ask.in)
		step_add(s, row, "source", "%s is known at %s", mac, row->port);
	else
		step_add(s, row, "source", "%s is known at %s%s", mac,
			bf_bridge_port_name(br, t->src_port),
			learns ? ": a real frame would ask for its move" : "");
}

static unsigned int
ports_of(const struct bf_tracer *tr, uint16_t domain)
{
	const struct bf_flood *f = bf_flood_of(&tr->world->view, domain);
	unsigned int n = f->bond && tr->ask.in != bf_bond_slot(f->number);

	for (uint16_t i = 0; i < f->n_guests; i++)
		n += f->guests[i] != tr->ask.in;
	return n;
}

static void
describe_target(const struct bf_tracer *tr, struct bf_bridge *br, ROW *row, struct bf_snapshot *s)
{
	const struct bf_trace *t = &tr->trace;
	uint16_t out = t->verdict.out;
	char mac[BF_MAC_TEXT_SIZE];

	bf_mac_text((const uint8_t *)&t->frame.dst, mac);
	if (t->frame.dst & BF_MAC_MULTICAST)
		step_add(s, row, "destination", "%s is a %s address", mac,
			(t->frame.dst & BF_FDB_MAC_MASK) == BF_FDB_MAC_MASK ? "broadcast"
									    : "multicast");
	else if (t->dst_port == BF_TRACE_NOWHERE)
		step_add(s, row, "destination", "%s is not known", mac);
	else
		step_add(s, row, "destination", "%s is known at %s", mac,
			bf_bridge_port_name(br, t->dst_port));
	if (bf_out_is_flood(out))
		step_add(s, row, "decision", "flood it to %u %s", ports_of(tr, bf_out_domain(out)),
			bf_out_domain(out) >= BF_DOMAIN_GROUPS ? "ports that have joined the group"
							       : "ports");
	else if (out & BF_OUT_DROP)
		step_add(s, row, "decision", "drop it: %s (%s)",
			bf_drop_info[out & ~BF_OUT_DROP].name,
			bf_drop_info[out & ~BF_OUT_DROP].help);
	else
		step_add(s, row, "decision", "send it to %s", bf_bridge_port_name(br, out));
}

static void
describe_switch(const struct bf_tracer *tr, struct bf_bridge *br, ROW *row, struct bf_snapshot *s)
{
	const struct bf_trace *t = &tr->trace;

	if (!t->is_switched || (row->is_bond && !t->collects) || !t->is_parsed)
		return;
	if (BF_FDB_VLAN_OF(t->frame.src) != 0)
		step_add(s, row, "VLAN", "%u%s", BF_FDB_VLAN_OF(t->frame.src),
			t->frame.src & BF_FDB_SERVICE ? " of 802.1ad" : "");
	else
		step_add(s, row, "VLAN", "none: it has no tag of a VLAN");
	describe_station(tr, br, row, s);
	describe_target(tr, br, row, s);
	if (t->sums > 0 || t->segments > 0)
		step_add(s, row, "form", "checksums completed: %u, segments made: %u",
			(unsigned int)t->sums, (unsigned int)t->segments);
}

/* ---- what became of it at each port ---- */

static void
member_names(struct bf_bridge *br, const struct bf_trace_end *e, char *buf, size_t size)
{
	const struct bf_bond *b = &br->up[bf_bond_of_slot(e->slot)].bond;

	buf[0] = '\0';
	for (unsigned int i = 0; i < b->n_members; i++)
		if (e->members >> b->members[i].bit & 1)
			bf_words_add(buf, size, ", ", b->members[i].name);
}

/* The port's rules for what goes out, in their order there. */
static void
rules_out(const struct bf_tracer *tr, uint16_t slot, char *buf, size_t size)
{
	uint32_t set = tr->world->view.ports[slot].out;

	buf[0] = '\0';
	for (int i = BF_RULE_COUNT - 1; i >= 0; i--)
		if (set >> i & 1)
			bf_words_add(buf, size, ", ", rule_names[i]);
}

static void
describe_bond(const struct bf_tracer *tr, struct bf_bridge *br, const struct bf_trace_end *e,
	const END *end, ROW *row, struct bf_snapshot *s)
{
	const struct bf_bond *b = &br->up[bf_bond_of_slot(e->slot)].bond;
	char name[BF_NAME_MAX + 4], how[80] = "";

	snprintf(name, sizeof(name), "to %s", end->port);
	if (tr->trace.bucket >= 0)
		snprintf(how, sizeof(how),
			"policy %s, bucket %d: ", bf_policy_names[bf_bond_policy(b)],
			tr->trace.bucket);
	step_add(s, row, name, "mode %s, %ssent on %s, %u bytes%s",
		bf_mode_names[bf_bond_mode_in_force(b)], how, end->members, (unsigned int)e->bytes,
		tr->trace.padded ? " with padding" : "");
}

static END *
end_add(const struct bf_trace_end *e, struct bf_bridge *br, ROW *row, struct bf_snapshot *s)
{
	END *end = bf_rows_add(s, &row->ends, sizeof(*end));

	BF_ROW_TEXT(end->port, bf_bridge_port_name(br, e->slot));
	end->is_delivered = e->why == BF_DROP_COUNT;
	end->is_dropped = !end->is_delivered;
	end->outcome = end->is_delivered ? "delivered" : "dropped";
	end->reason = end->is_dropped ? bf_drop_info[e->why].name : NULL;
	end->bytes = e->bytes;
	end->is_bond = end->is_delivered && bf_is_bond_slot(e->slot);
	end->is_guest = end->is_delivered && !end->is_bond;
	end->queue = e->ring;
	if (end->is_bond)
		member_names(br, e, end->members, sizeof(end->members));
	return end;
}

static void
describe_drop(const struct bf_trace_end *e, const END *end, ROW *row, struct bf_snapshot *s)
{
	bool is_read = bf_drop_is_read(e->why);
	char name[BF_NAME_MAX + 4];

	snprintf(name, sizeof(name), "%s %s", bf_drop_is_in(e->why) ? "at" : "to", end->port);
	step_add(s, row, name, "%s: %s (%s)",
		is_read                              ? "read by bondfwd"
			: e->why == BF_DROP_ANSWERED ? "answered by bondfwd"
						     : "dropped",
		end->reason, bf_drop_info[e->why].help);
}

static void
describe_end(const struct bf_tracer *tr, const struct bf_trace_end *e, const END *end,
	struct bf_bridge *br, ROW *row, struct bf_snapshot *s)
{
	char name[BF_NAME_MAX + 4], rules[64];

	if (end->is_dropped) {
		describe_drop(e, end, row, s);
		return;
	}
	snprintf(name, sizeof(name), "to %s", end->port);
	rules_out(tr, e->slot, rules, sizeof(rules));
	if (rules[0] != '\0')
		step_add(s, row, name, "passes its rules: %s", rules);
	if (end->is_bond)
		describe_bond(tr, br, e, end, row, s);
	else
		step_add(s, row, name, "put into receive queue %u, %u bytes%s", e->ring,
			(unsigned int)e->bytes,
			e->formed ? ", with a virtio header that tells of offloads" : "");
}

static void
describe_mirrors(const struct bf_tracer *tr, struct bf_bridge *br, ROW *row, struct bf_snapshot *s)
{
	const struct bf_view *v = tr->world->ground.view;

	for (unsigned int k = 0; k < BF_MAX_MIRRORS; k++)
		if (tr->trace.said.copies[k] > 0)
			step_add(s, row, "mirror", "%s gets a copy%s",
				bf_bridge_port_name(br, v->mirror_to[k]),
				tr->trace.said.copies[k] > 1 ? " at each port that is mirrored"
							     : "");
}

static void
describe_said(const struct bf_trace *t, ROW *row, struct bf_snapshot *s)
{
	bool answered = false;

	for (uint16_t i = 0; i < t->n_ends; i++)
		answered = answered || t->end[i].why == BF_DROP_ANSWERED;
	if (answered)
		step_add(s, row, "answer", "bondfwd answers it in the name of its guest");
	else if (t->said.answers > 0)
		step_add(s, row, "answer", "an ICMP message tells the sender that it is too long");
	if (t->said.reports > 0)
		step_add(s, row, "control", "bondfwd reads what it says of multicast groups");
}

/* ---- the result ---- */

static void
result_of_drop(const struct bf_trace_end *e, const char *port, ROW *row)
{
	bool is_read = bf_drop_is_read(e->why);

	row->verdict = is_read ? "read" : e->why == BF_DROP_ANSWERED ? "answered" : "dropped";
	if (is_read)
		snprintf(row->result, sizeof(row->result), "read by bondfwd, not forwarded: %s",
			bf_drop_info[e->why].name);
	else if (e->why == BF_DROP_ANSWERED)
		snprintf(row->result, sizeof(row->result), "answered by bondfwd, not forwarded");
	else
		snprintf(row->result, sizeof(row->result), "dropped: %s at %s",
			bf_drop_info[e->why].name, port);
}

static void
result_of(const struct bf_tracer *tr, struct bf_bridge *br, ROW *row)
{
	const struct bf_trace *t = &tr->trace;
	const struct bf_trace_end *last = NULL;
	unsigned int delivered = 0;
	char members[256];

	for (uint16_t i = 0; i < t->n_ends; i++)
		if (t->end[i].why == BF_DROP_COUNT) {
			delivered++;
			last = &t->end[i];
		}
	if (!t->is_read || t->n_ends == 0) {
		row->verdict = "waits";
		BF_ROW_TEXT(
			row->result, t->is_read ? "nobody gets it" : "waits in its guest's ring");
	} else if (delivered == 0) {
		result_of_drop(&t->end[0], bf_bridge_port_name(br, t->end[0].slot), row);
	} else if (t->flooded) {
		row->verdict = "flooded";
		snprintf(row->result, sizeof(row->result), "flooded: %u of %u ports get it",
			delivered, t->n_ends);
	} else if (bf_is_bond_slot(last->slot)) {
		row->verdict = "delivered";
		member_names(br, last, members, sizeof(members));
		snprintf(row->result, sizeof(row->result), "sent by %s on %.100s",
			bf_bridge_port_name(br, last->slot), members);
	} else {
		row->verdict = "delivered";
		snprintf(row->result, sizeof(row->result), "delivered to %s",
			bf_bridge_port_name(br, last->slot));
	}
}

void
bf_tracer_describe(
	struct bf_tracer *tr, struct bf_bridge *br, uint32_t number, struct bf_snapshot *s)
{
	ROW *row = bf_rows_add(s, &s->rows, sizeof(*row));
	const struct bf_trace *t = &tr->trace;
	char text[BF_FRAME_TEXT_MAX];
	int member;

	row->number = number;
	row->len = tr->ask.len;
	row->worker = tr->world->w.idx;
	BF_ROW_TEXT(row->port, bf_bridge_port_name(br, tr->ask.in));
	row->is_bond = bf_is_bond_slot(tr->ask.in);
	if (row->is_bond) {
		const struct bf_bond *b = &br->up[bf_bond_of_slot(tr->ask.in)].bond;

		member = bf_bond_by_bit(b, tr->ask.member);
		BF_ROW_TEXT(row->member, bf_bond_member_name(b, member));
	}
	bf_frame_text(tr->ask.data, tr->ask.len, text, sizeof(text));
	step_add(s, row, "headers", "%s", text);
	describe_source(tr, br, row, s);
	describe_rules(t, row, s);
	describe_switch(tr, br, row, s);
	for (uint16_t i = 0; i < t->n_ends; i++) {
		const END *end = end_add(&t->end[i], br, row, s);

		if (t->is_switched) /* else the rule has said it */
			describe_end(tr, &t->end[i], end, br, row, s);
	}
	describe_mirrors(tr, br, row, s);
	describe_said(t, row, s);
	result_of(tr, br, row);
}

/* ---- beginning ---- */

/* Which guests' rings are full is not read from their memory: those that have been since the last look. */
static void
full_rings(const struct bf_bridge *br, bool *is_full)
{
	for (uint16_t s = 1; s <= BF_MAX_GUESTS; s++) {
		const struct bf_ring_figures *r = &br->rates.rings[s];
		struct bf_port_counters c;

		if (br->guests[s] == NULL)
			continue;
		bf_stats_port(br, s, &c);
		is_full[s] = c.drops[BF_DROP_GUEST_RING_FULL] + c.drops[BF_DROP_GUEST_RING_UNREAD] >
			r->full;
	}
}

/* The worker that polls the guest's first queue; of a bond, any. */
static const struct bf_worker *
worker_of(const struct bf_bridge *br, uint16_t slot)
{
	const struct bf_guest *g = br->guests[slot];

	if (!bf_is_bond_slot(slot) && g->poller[0] < br->lcores.n)
		return br->lcores.workers[g->poller[0]];
	return br->lcores.workers[0];
}

static uint32_t
rules_of(const struct bf_view *v, uint16_t slot)
{
	return bf_is_bond_slot(slot) ? v->bonds[bf_bond_of_slot(slot)].in
				     : bf_view_rules_in(v, slot);
}

/* @param member index, or -1 @return its number, or -1 */
static int
member_bit(const struct bf_bond *b, const struct bf_view *v, int member)
{
	uint32_t collecting;

	if (!b->open || b->n_members == 0)
		return -1;
	if (member >= 0)
		return b->members[member].bit;
	collecting = bf_rx_bond_collecting(v, b->number) & v->bonds[b->number].polled;
	return collecting != 0 ? __builtin_ctz(collecting) : b->members[0].bit;
}

struct bf_tracer *
bf_tracer_begin(struct bf_bridge *br, uint16_t slot, int member, struct bf_err *err)
{
	const struct bf_view *v = br->lcores.view;
	struct bf_tracer *tr = calloc(1, sizeof(*tr));
	struct bf_trace_ground ground;
	int bit = 0;

	if (tr == NULL) {
		bf_err_set(err, ENOMEM, "trace: out of memory");
		return NULL;
	}
	if (bf_is_bond_slot(slot))
		bit = member_bit(&br->up[bf_bond_of_slot(slot)].bond, v, member);
	if (bit < 0) {
		bf_err_set(err, EINVAL, "%s: has no member yet", bf_bridge_port_name(br, slot));
		goto err_tracer;
	}
	full_rings(br, tr->is_full);
	ground = (struct bf_trace_ground){v, worker_of(br, slot), tr->is_full};
	tr->ask = (struct bf_trace_ask){
		.in = slot, .member = (uint8_t)bit, .rules = (uint16_t)rules_of(v, slot)};
	tr->world = bf_trace_world_create(&ground, err);
	if (tr->world == NULL)
		goto err_tracer;
	return tr;

err_tracer:
	bit = errno;
	free(tr);
	errno = bit;
	return NULL;
}

void
bf_tracer_end(struct bf_tracer *tr)
{
	if (tr == NULL)
		return;
	bf_trace_world_destroy(tr->world);
	free(tr);
}

const struct bf_trace *
bf_tracer_walk(struct bf_tracer *tr, const uint8_t *data, uint32_t len)
{
	tr->ask.data = data;
	tr->ask.len = len;
	return bf_trace_walk(tr->world, &tr->ask, &tr->trace) == 0 ? &tr->trace : NULL;
}
