/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show bonding lacp info: LACP of every member, also of those that are down.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "control/bridge.h"
#include "control/snapshot/snapshot.h"
#include "lacp/lacp.h"

/** One end of a link. */
struct end_row {
	struct bf_lacp_port p;
	char state[96];
};

#define END struct end_row

static const struct bf_field end_fields[] = {
	BF_FIELD_AS(END, p.system_priority, "system_priority"),
	BF_FIELD_AS(END, p.system_id, "system_id"),
	BF_FIELD_AS(END, p.key, "key"),
	BF_FIELD_AS(END, p.port_priority, "port_priority"),
	BF_FIELD_AS(END, p.port_number, "port_number"),
	BF_FIELD(END, state),
	BF_FIELD_AS(END, p.state, "state_bits"),
};

#define END_TEXT \
	"\t\tsystem priority: {system_priority}\n\t\tsystem mac address: {system_id}\n" \
	"\t\tport key: {key}\n\t\tport priority: {port_priority}\n" \
	"\t\tport number: {port_number}\n\t\tport state: {state}\n"

static const struct bf_table actor_table =
	BF_TABLE("actor", END, end_fields, .text = "\tActor detail info:\n" END_TEXT);
static const struct bf_table partner_table =
	BF_TABLE("partner", END, end_fields, .text = "\tPartner detail info:\n" END_TEXT);

#define COUNT(field, help) \
	BF_FIELD(struct bf_lacp_counters, field, BF_COUNTER("bondfwd_lacp_" #field, NULL, help))

static const struct bf_field counter_fields[] = {
	COUNT(pdu_rx, "LACPDUs received, also those refused."),
	COUNT(pdu_tx, "LACPDUs sent."),
	COUNT(marker_rx, "Markers received."),
	COUNT(marker_response_tx, "Markers answered."),
	COUNT(marker_limited, "Markers not answered: one answer per 2 s."),
	COUNT(rx_errors, "Slow protocol frames that are malformed."),
	COUNT(rx_unknown, "Slow protocol frames of another subtype."),
	COUNT(rx_limited, "LACPDUs above lacp_pdu_limit."),
	COUNT(rx_disabled, "LACPDUs received while the link was known to be down."),
	COUNT(rx_loop, "LACPDUs of our own system."),
	COUNT(rx_pin_refused, "LACPDUs of a partner that lacp_partner does not accept."),
	COUNT(timeouts, "Times that the partner went silent."),
	COUNT(actor_churn, "Times that our end did not come into sync."),
	COUNT(partner_churn, "Times that the partner's end did not come into sync."),
	COUNT(transitions, "Transitions of the mux machine."),
	COUNT(partner_changes, "Times that another partner appeared."),
};

static const struct bf_table counter_table = BF_TABLE(
	"lacp counters", struct bf_lacp_counters, counter_fields, .each = " {.name}={.value}");

struct member_row {
	bool there, missing;
	char bond[BF_NAME_MAX], name[BF_DEV_NAME_MAX];
	uint16_t port;
	bool link, in_active_aggregator, collecting, distributing, fallback;
	uint32_t aggregator;
	const char *selection, *rx_machine, *periodic_machine, *mux_machine, *why;
	char reason[BF_LACP_REASON_SIZE];
	END actor, partner;
	struct bf_lacp_counters counters;
};

#define ROW struct member_row
#define THERE BF_WHEN(ROW, there)
#define STATE BF_INFO("bondfwd_lacp_member", "State of the member's machines.")

static const struct bf_field member_fields[] = {
	BF_FIELD(ROW, bond, .label = "bond"),
	BF_FIELD(ROW, name, .label = "member"),
	BF_FIELD(ROW, missing, BF_WHEN(ROW, missing)),
	BF_FIELD(ROW, port, THERE),
	BF_FIELD(ROW, link),
	BF_FIELD(ROW, aggregator, THERE,
		BF_GAUGE("bondfwd_lacp_aggregator", NULL, "Aggregator of the member, 0: none.")),
	BF_FIELD(ROW, in_active_aggregator, THERE),
	BF_FIELD(ROW, selection, THERE, STATE),
	BF_FIELD(ROW, rx_machine, THERE, STATE),
	BF_FIELD(ROW, periodic_machine, THERE, STATE),
	BF_FIELD(ROW, mux_machine, THERE, STATE),
	BF_FIELD(ROW, collecting, THERE,
		BF_GAUGE("bondfwd_lacp_collecting", NULL, "1 while LACP lets the member collect.")),
	BF_FIELD(ROW, distributing, THERE,
		BF_GAUGE("bondfwd_lacp_distributing", NULL,
			"1 while LACP lets the member distribute.")),
	BF_FIELD(ROW, fallback, THERE),
	BF_FIELD(ROW, why, THERE, STATE),
	BF_FIELD(ROW, reason, THERE),
	BF_FIELD(ROW, actor, THERE, .table = &actor_table),
	BF_FIELD(ROW, partner, THERE, .table = &partner_table),
	BF_FIELD(ROW, counters, THERE, .table = &counter_table),
};

static const struct bf_table member_table = BF_TABLE("lacp member", ROW, member_fields,
	.text = "{#missing}\n\tMember Port: - ({name}): missing\n{/missing}{^missing}"
		"\n\tMember Port: {port} ({name})\n\tAggregator port id: {aggregator}"
		"{#in_active_aggregator} (active){/in_active_aggregator}\n"
		"\tselection: {selection}\n"
		"\tmachines: rx {rx_machine}, periodic {periodic_machine}, mux {mux_machine}\n"
		"{#reason}\tnot distributing: {reason}\n{/reason}"
		"{actor}{partner}\tCounters:{counters}\n{/missing}");

struct lacp_row {
	char bond[BF_NAME_MAX];
	const char *rate, *aggregation_mode;
	bool active, carrier, fallback;
	uint16_t min_links, max_links;
	uint32_t active_aggregator, n_members, live, operational, distributing;
	struct bf_rows members;
};

#define BOND struct lacp_row

static const struct bf_field lacp_fields[] = {
	BF_FIELD(BOND, bond, .label = "bond"),
	BF_FIELD(BOND, rate),
	BF_FIELD(BOND, active),
	BF_FIELD(BOND, aggregation_mode),
	BF_FIELD(BOND, min_links),
	BF_FIELD(BOND, max_links),
	BF_FIELD(BOND, carrier,
		BF_GAUGE("bondfwd_lacp_carrier", NULL, "1 while LACP gives the bond a carrier.")),
	BF_FIELD(BOND, fallback,
		BF_GAUGE("bondfwd_lacp_fallback", NULL,
			"1 while a member forwards without a partner.")),
	BF_FIELD(BOND, active_aggregator,
		BF_GAUGE(
			"bondfwd_lacp_active_aggregator", NULL, "The active aggregator, 0: none.")),
	BF_FIELD(BOND, n_members, .text_only = true),
	BF_FIELD(BOND, live,
		BF_GAUGE("bondfwd_lacp_live_members", NULL, "Members that hear a partner.")),
	BF_FIELD(BOND, operational,
		BF_GAUGE("bondfwd_lacp_operational_members", NULL,
			"Members in sync with a partner that collects.")),
	BF_FIELD(BOND, distributing,
		BF_GAUGE("bondfwd_lacp_distributing_members", NULL, "Members that distribute.")),
	BF_FIELD(BOND, members, .table = &member_table, .apart = true),
};

static const struct bf_table lacp_table = BF_TABLE("lacp", BOND, lacp_fields,
	.text = "  - Lacp info:\n\trate: {rate}\n\tactive: {#active}on{/active}{^active}off{/active}\n"
		"\taggregation mode: {aggregation_mode}\n\tmin links: {min_links}\n"
		"{#max_links}\tmax links: {max_links}\n{/max_links}"
		"\tcarrier: {#carrier}up{/carrier}{^carrier}down{/carrier}"
		"{#fallback} (fallback){/fallback}\n\tactive aggregator: {active_aggregator}\n"
		"\tdistributing: {distributing} of {n_members}\n{members}");

static void
set_end(END *to, const struct bf_lacp_port *p)
{
	to->p = *p;
	bf_lacp_state_text(p->state, to->state, sizeof(to->state));
}

static void
gather_member(const struct bf_uplink *u, const struct bf_lacp_member_info *m, ROW *row)
{
	int at = bf_bond_by_bit(&u->bond, m->id);
	const struct bf_member *bm = &u->bond.members[at < 0 ? 0 : at];

	row->there = true;
	BF_ROW_TEXT(row->bond, u->name);
	BF_ROW_TEXT(row->name, bm->name);
	row->port = bm->port;
	row->link = m->link_up;
	row->aggregator = m->aggregator_id;
	row->in_active_aggregator = m->in_active_aggregator;
	row->selection = bf_lacp_selected_name(m->selected);
	row->rx_machine = bf_lacp_rx_name(m->rx);
	row->periodic_machine = bf_lacp_periodic_name(m->periodic);
	row->mux_machine = bf_lacp_mux_name(m->mux);
	row->collecting = m->collecting;
	row->distributing = m->distributing;
	row->fallback = m->fallback;
	row->why = bf_lacp_why_name(m->why);
	BF_ROW_TEXT(row->reason, m->reason);
	set_end(&row->actor, &m->actor);
	set_end(&row->partner, &m->partner);
	row->counters = m->counters;
}

static void
gather_members(const struct bf_uplink *u, struct bf_rows *rows, struct bf_snapshot *s)
{
	struct bf_lacp_member_info m;

	for (unsigned int i = 0; bf_lacp_member_info_at(u->bond.lacp, i, &m) == 0; i++)
		gather_member(u, &m, bf_rows_add(s, rows, sizeof(ROW)));
	for (uint32_t i = 0; i < u->missing.n; i++) {
		ROW *row = bf_rows_add(s, rows, sizeof(*row));

		row->missing = true;
		BF_ROW_TEXT(row->bond, u->name);
		BF_ROW_TEXT(row->name, u->missing.members[i].name);
	}
}

static void
gather_bond(const struct bf_uplink *u, struct bf_snapshot *s)
{
	const struct bf_lacp_config *c = bf_lacp_config(u->bond.lacp);
	BOND *row = bf_rows_add(s, &s->rows, sizeof(*row));
	struct bf_lacp_info i;

	bf_lacp_info(u->bond.lacp, &i);
	BF_ROW_TEXT(row->bond, u->name);
	row->rate = c->fast ? "fast" : "slow";
	row->active = c->active;
	row->aggregation_mode = bf_lacp_select_name(c->select);
	row->min_links = c->min_links;
	row->max_links = c->max_links;
	row->carrier = i.carrier;
	row->fallback = i.fallback;
	row->active_aggregator = i.active_aggregator_id;
	row->n_members = i.n_members;
	row->live = i.n_live;
	row->operational = i.n_operational;
	row->distributing = i.n_distributing;
	if (s->in_full)
		gather_members(u, &row->members, s);
}

static bool
runs_lacp(const struct bf_uplink *u, const char *only)
{
	return u->bond.open && u->bond.lacp != NULL && (only == NULL || strcmp(u->name, only) == 0);
}

static void
gather_lacp(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (runs_lacp(&br->up[k], only))
			gather_bond(&br->up[k], s);
}

static void
gather_lacp_members(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (runs_lacp(&br->up[k], only))
			gather_members(&br->up[k], &s->rows, s);
}

const struct bf_show bf_show_lacp = {.table = &lacp_table,
	.gather = gather_lacp,
	.named_is_one = true,
	.metrics = true,
	.endpoint = "lacp"};
const struct bf_show bf_show_lacp_members = {.table = &member_table,
	.gather = gather_lacp_members,
	.metrics = true,
	.endpoint = "lacp_members"};
