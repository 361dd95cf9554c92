/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show flight: the minutes that the flight recorder has kept, and one of them in full.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "control/bridge.h"
#include "control/snapshot/snapshot.h"
#include "lacp/pdu.h"

/* Of the figures, text shows what is so near to the trigger. */
#define NEAR_BEFORE_S 1.0
#define NEAR_AFTER_S 2.0

/* ---- The list ---- */

struct flight_row {
	uint32_t id, steps, events, pdus;
	int64_t time_ms;
	char when[40], object[64], text[256];
	const char *cause;
};

#define ROW struct flight_row

static const struct bf_field flight_fields[] = {
	BF_FIELD(ROW, id),
	BF_FIELD(ROW, time_ms),
	BF_FIELD(ROW, when, .text_only = true),
	BF_FIELD(ROW, cause),
	BF_FIELD(ROW, object),
	BF_FIELD(ROW, text),
	BF_FIELD(ROW, steps),
	BF_FIELD(ROW, events),
	BF_FIELD(ROW, pdus),
};

static const struct bf_table flight_table = BF_TABLE("flight", ROW, flight_fields,
	.head = "No    Time                     Cause     Object            What\n",
	.text = "{id:-5} {when:-24} {cause:-9} {object:-17} {text}\n");

static void
flight_row_fill(const struct bf_flight *f, ROW *row)
{
	row->id = f->id;
	row->time_ms = f->wall_ms;
	bf_event_when(f->wall_ms, row->when, sizeof(row->when));
	row->cause = bf_flight_cause_names[f->cause];
	BF_ROW_TEXT(row->object, f->object);
	BF_ROW_TEXT(row->text, f->text);
	row->steps = f->n_steps;
	row->events = f->n_events;
	row->pdus = f->n_pdus;
}

static void
gather_flights(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	const struct bf_flights *all = &br->flights;
	uint32_t last = 0;

	(void)only;
	/* Numbers ascend, places do not. */
	for (unsigned int n = 0; n < BF_FLIGHTS_MAX; n++) {
		const struct bf_flight *next = NULL;

		for (unsigned int i = 0; i < BF_FLIGHTS_MAX; i++)
			if (all->kept[i] != NULL && all->kept[i]->id > last &&
				(next == NULL || all->kept[i]->id < next->id))
				next = all->kept[i];
		if (next == NULL)
			break;
		flight_row_fill(next, bf_rows_add(s, &s->rows, sizeof(ROW)));
		last = next->id;
	}
}

const struct bf_show bf_show_flights = {
	.table = &flight_table, .gather = gather_flights, .endpoint = "flights"};

/* ---- One of them: events and LACPDUs ---- */

struct flight_event_row {
	double at_s;
	const char *level;
	char what[24], object[64], text[256];
};

static const struct bf_field flight_event_fields[] = {
	BF_FIELD(struct flight_event_row, at_s),
	BF_FIELD(struct flight_event_row, level),
	BF_FIELD(struct flight_event_row, what),
	BF_FIELD(struct flight_event_row, object),
	BF_FIELD(struct flight_event_row, text),
};

static const struct bf_table flight_event_table = BF_TABLE("flight event", struct flight_event_row,
	flight_event_fields, .text = "{at_s:9.3}  {level:-7}  {what:-16} {object:-16} {text}\n");

/* From the trigger on; before it, negative. */
static double
seconds_after(const struct bf_flight *f, uint64_t mono_ms)
{
	return ((double)mono_ms - (double)f->mono_ms) / 1000;
}

static void
events_gather(const struct bf_flight *f, struct bf_rows *rows, struct bf_snapshot *s)
{
	for (uint32_t i = 0; i < f->n_events; i++) {
		const struct bf_event *e = &f->events[i];
		struct flight_event_row *row = bf_rows_add(s, rows, sizeof(*row));

		row->at_s = seconds_after(f, e->mono_ms);
		row->level = bf_log_level_names[e->level];
		BF_ROW_TEXT(row->what, e->what);
		BF_ROW_TEXT(row->object, e->object);
		BF_ROW_TEXT(row->text, e->text);
	}
}

struct flight_pdu_row {
	double at_s;
	const char *direction, *kind;
	char member[BF_DEV_NAME_MAX];
	bool is_lacp;
	uint8_t actor_system[6], partner_system[6];
	uint16_t actor_key, actor_port, partner_key, partner_port;
	char actor_state[128], partner_state[128];
};

#define PDU struct flight_pdu_row

static const struct bf_field flight_pdu_fields[] = {
	BF_FIELD(PDU, at_s),
	BF_FIELD(PDU, member),
	BF_FIELD(PDU, direction),
	BF_FIELD(PDU, kind),
	BF_FIELD(PDU, actor_system, BF_WHEN(PDU, is_lacp)),
	BF_FIELD(PDU, actor_key, BF_WHEN(PDU, is_lacp)),
	BF_FIELD(PDU, actor_port, BF_WHEN(PDU, is_lacp)),
	BF_FIELD(PDU, actor_state, BF_WHEN(PDU, is_lacp)),
	BF_FIELD(PDU, partner_system, BF_WHEN(PDU, is_lacp)),
	BF_FIELD(PDU, partner_key, BF_WHEN(PDU, is_lacp)),
	BF_FIELD(PDU, partner_port, BF_WHEN(PDU, is_lacp)),
	BF_FIELD(PDU, partner_state, BF_WHEN(PDU, is_lacp)),
	BF_FIELD(PDU, is_lacp, .text_only = true),
};

static const struct bf_table flight_pdu_table = BF_TABLE("flight pdu", PDU, flight_pdu_fields,
	.text = "{at_s:9.3}  {member:-16} {direction:-8} {kind}"
		"{#is_lacp}: {actor_system} key {actor_key} port {actor_port}: {actor_state}\n"
		"           knows {partner_system} key {partner_key} port {partner_port}: "
		"{partner_state}{/is_lacp}\n");

static void
pdus_gather(const struct bf_flight *f, struct bf_rows *rows, struct bf_snapshot *s)
{
	static const char *const kinds[] = {
		"malformed", "unknown", "LACPDU", "marker", "marker response"};

	for (uint32_t i = 0; i < f->n_pdus; i++) {
		const struct bf_pdu_note *n = &f->pdus[i];
		PDU *row = bf_rows_add(s, rows, sizeof(*row));
		struct bf_lacp_pdu pdu;

		row->at_s = seconds_after(f, n->mono_ms);
		BF_ROW_TEXT(row->member, n->member);
		row->direction = n->sent ? "sent" : "received";
		row->kind = kinds[bf_lacp_pdu_decode(n->frame, n->len, &pdu)];
		row->is_lacp = pdu.kind == BF_LACP_PDU_LACP;
		memcpy(row->actor_system, pdu.actor.system_id, 6);
		memcpy(row->partner_system, pdu.partner.system_id, 6);
		row->actor_key = pdu.actor.key;
		row->actor_port = pdu.actor.port_number;
		row->partner_key = pdu.partner.key;
		row->partner_port = pdu.partner.port_number;
		bf_lacp_state_text(pdu.actor.state, row->actor_state, sizeof(row->actor_state));
		bf_lacp_state_text(
			pdu.partner.state, row->partner_state, sizeof(row->partner_state));
	}
}

/* ---- One of them: the figures of each step ---- */

struct step_port_row {
	const char *port;
	uint32_t rx, tx, drops, trouble;
};

static const struct bf_field step_port_fields[] = {
	BF_FIELD(struct step_port_row, port),
	BF_FIELD(struct step_port_row, rx),
	BF_FIELD(struct step_port_row, tx),
	BF_FIELD(struct step_port_row, drops),
	BF_FIELD(struct step_port_row, trouble),
};

static const struct bf_table step_port_table =
	BF_TABLE("flight step port", struct step_port_row, step_port_fields,
		.text = "{at_s:9.3}  {port:-20} {rx:10} {tx:10} {drops:10} {trouble:10}\n");

struct step_member_row {
	const char *member;
	bool carrier, in_service;
	uint32_t tx;
};

static const struct bf_field step_member_fields[] = {
	BF_FIELD(struct step_member_row, member),
	BF_FIELD(struct step_member_row, carrier),
	BF_FIELD(struct step_member_row, in_service),
	BF_FIELD(struct step_member_row, tx),
};

static const struct bf_table step_member_table = BF_TABLE("flight step member",
	struct step_member_row, step_member_fields,
	.text = "{at_s:9.3}    {member:-18} {#in_service}in service{/in_service}{^in_service}"
		"{#carrier}   standby{/carrier}{^carrier}no carrier{/carrier}{/in_service} {tx:10}\n");

struct step_worker_row {
	uint16_t lcore, member_waiting, guest_waiting, guest_room;
	double busy_percent;
	bool has_member_waiting, has_guest_waiting, has_guest_room;
};

#define WORKER struct step_worker_row

static const struct bf_field step_worker_fields[] = {
	BF_FIELD(WORKER, lcore),
	BF_FIELD(WORKER, busy_percent),
	BF_FIELD(WORKER, member_waiting, BF_WHEN(WORKER, has_member_waiting)),
	BF_FIELD(WORKER, guest_waiting, BF_WHEN(WORKER, has_guest_waiting)),
	BF_FIELD(WORKER, guest_room, BF_WHEN(WORKER, has_guest_room)),
};

static const struct bf_table step_worker_table =
	BF_TABLE("flight step worker", WORKER, step_worker_fields,
		.text = "{at_s:9.3}    lcore {lcore:-12} busy {busy_percent:5.1} %"
			"{#guest_room}, {guest_room} buffers in guests' rings{/guest_room}\n");

struct step_row {
	double at_s;
	uint32_t ms;
	bool is_near;
	struct bf_rows ports, members, workers;
};

static const struct bf_field step_fields[] = {
	BF_FIELD(struct step_row, at_s),
	BF_FIELD(struct step_row, ms),
	BF_FIELD(struct step_row, is_near, .text_only = true),
	BF_FIELD(struct step_row, ports, .table = &step_port_table),
	BF_FIELD(struct step_row, members, .table = &step_member_table),
	BF_FIELD(struct step_row, workers, .table = &step_worker_table),
};

static const struct bf_table step_table = BF_TABLE("flight step", struct step_row, step_fields,
	.text = "{#is_near}{ports}{members}{workers}{/is_near}");

/* Copied once: the rows may outlive the flight. */
struct flight_names {
	const char *port[BF_FLIGHT_PORTS];
	const char *member[BF_MAX_BONDS][BF_MAX_MEMBERS];
};

static void
names_copy(const struct bf_flight *f, struct flight_names *names, struct bf_snapshot *s)
{
	for (uint32_t i = 0; i < f->n_ports; i++)
		names->port[i] = bf_snapshot_copy(s, f->ports[i].name);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		for (unsigned int bit = 0; bit < BF_MAX_MEMBERS; bit++)
			names->member[k][bit] = bf_snapshot_copy(s, f->member[k][bit]);
}

/* Ports without a frame are left out. */
static void
step_ports(const struct bf_flight *f, uint32_t step, const struct flight_names *names,
	struct bf_rows *rows, struct bf_snapshot *s)
{
	for (uint32_t i = 0; i < f->n_ports; i++) {
		const struct bf_flight_frames *n = &f->ports[i].steps[step];
		struct step_port_row *row;

		if (n->rx + n->tx + n->drops == 0)
			continue;
		row = bf_rows_add(s, rows, sizeof(*row));
		row->port = names->port[i];
		row->rx = n->rx;
		row->tx = n->tx;
		row->drops = n->drops;
		row->trouble = n->trouble;
	}
}

static void
step_members(const struct bf_flight *f, uint32_t step, const struct flight_names *names,
	struct bf_rows *rows, struct bf_snapshot *s)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		const struct bf_flight_bond *b = &f->steps[step].bond[k];

		for (unsigned int bit = 0; bit < BF_MAX_MEMBERS; bit++) {
			struct step_member_row *row;

			if (f->member[k][bit][0] == '\0')
				continue;
			row = bf_rows_add(s, rows, sizeof(*row));
			row->member = names->member[k][bit];
			row->carrier = (b->carrier >> bit & 1) != 0;
			row->in_service = (b->in_service >> bit & 1) != 0;
			row->tx = b->tx[bit];
		}
	}
}

static void
step_workers(const struct bf_bridge *br, const struct bf_flight *f, uint32_t step,
	struct bf_rows *rows, struct bf_snapshot *s)
{
	for (uint32_t i = 0; i < f->n_workers; i++) {
		const struct bf_flight_worker *w = &f->steps[step].worker[i];
		WORKER *row = bf_rows_add(s, rows, sizeof(*row));

		row->lcore = br->lcores.workers[i]->lcore;
		row->busy_percent = w->busy_permille / 10.0;
		row->member_waiting = w->fill[BF_FILL_MEMBER];
		row->has_member_waiting = w->has_fill[BF_FILL_MEMBER];
		row->guest_waiting = w->fill[BF_FILL_FROM_GUEST];
		row->has_guest_waiting = w->has_fill[BF_FILL_FROM_GUEST];
		row->guest_room = w->fill[BF_FILL_TO_GUEST];
		row->has_guest_room = w->has_fill[BF_FILL_TO_GUEST];
	}
}

static void
steps_gather(const struct bf_bridge *br, const struct bf_flight *f, struct bf_rows *rows,
	struct bf_snapshot *s)
{
	struct flight_names names;

	names_copy(f, &names, s);
	for (uint32_t i = 0; i < f->n_steps; i++) {
		struct step_row row = {
			.at_s = seconds_after(f, f->steps[i].mono_ms), .ms = f->steps[i].ms};
		struct step_row *to;

		row.is_near = row.at_s >= -NEAR_BEFORE_S && row.at_s <= NEAR_AFTER_S;
		step_ports(f, i, &names, &row.ports, s);
		step_members(f, i, &names, &row.members, s);
		step_workers(br, f, i, &row.workers, s);
		to = bf_rows_add(s, rows, sizeof(*to));
		*to = row;
	}
}

/* ---- One of them: all of it ---- */

struct flight_full_row {
	struct flight_row f;
	struct bf_rows events, pdus, steps;
};

#define FULL struct flight_full_row

static const struct bf_field full_fields[] = {
	BF_FIELD_AS(FULL, f.id, "id"),
	BF_FIELD_AS(FULL, f.time_ms, "time_ms"),
	BF_FIELD_AS(FULL, f.when, "when", .text_only = true),
	BF_FIELD_AS(FULL, f.cause, "cause"),
	BF_FIELD_AS(FULL, f.object, "object"),
	BF_FIELD_AS(FULL, f.text, "text"),
	BF_FIELD(FULL, events, .table = &flight_event_table),
	BF_FIELD(FULL, pdus, .table = &flight_pdu_table),
	BF_FIELD(FULL, steps, .table = &step_table),
};

static const struct bf_table full_table = BF_TABLE("flight in full", FULL, full_fields,
	.text = "Flight {id}, {when}: {cause}: {object}: {text}\n"
		"Seconds are before (-) and after that.\n\n"
		"  Seconds  Level    Event            Object           What\n{events}\n"
		"{#pdus.n}  Seconds  Member           LACPDUs\n{pdus}\n{/pdus.n}"
		"Figures of about 100 ms each, from 1 s before to 2 s after; all of them: JSON.\n"
		"  Seconds  Port                   Received       Sent    Dropped  Unwanted\n{steps}");

static void
gather_flight(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	const struct bf_flight *f = NULL;
	struct bf_err err;
	uint64_t id = 0;
	FULL row = {0}, *to;

	if (only != NULL && bf_parse_u64("flight", only, 1, UINT32_MAX, &id, &err) == 0)
		f = bf_flights_find(&br->flights, (uint32_t)id);
	if (f == NULL) {
		bf_snapshot_fail(s, -EINVAL, "flight: \"%.40s\": expected a number of show flight",
			only == NULL ? "" : only);
		return;
	}
	flight_row_fill(f, &row.f);
	events_gather(f, &row.events, s);
	pdus_gather(f, &row.pdus, s);
	steps_gather(br, f, &row.steps, s);
	to = bf_rows_add(s, &s->rows, sizeof(*to));
	*to = row;
}

const struct bf_show bf_show_flight = {.table = &full_table, .gather = gather_flight, .one = true};
