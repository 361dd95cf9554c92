/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The bond: testpmd's words where testpmd has the command, ours where it has none.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "app.h"
#include "base/clock.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "commands/show.h"

/* A bond of the command line, which the file of --config may make again, once. */
static bool
yields(const struct bf_app *app, const char *name)
{
	for (uint32_t i = 0; app->yields != NULL && i < app->base->n_bonds; i++) {
		if (strcmp(app->base->bonds[i].name, name) != 0 || !app->yields->bonds[i])
			continue;
		app->yields->bonds[i] = false;
		return bf_config_bond(app->candidate, name) != NULL;
	}
	return false;
}

/* "bond0", or the first of bond1, bond2... that nobody has. */
static void
free_name(const struct bf_app *app, const struct bf_config *c, char *name, size_t size)
{
	for (unsigned int k = 0; k <= BF_MAX_BONDS; k++) {
		snprintf(name, size, "bond%u", k);
		if (k == 0 && app->yields != NULL && bf_config_find_bond(c, name) != NULL)
			return; /* the file makes the command line's again */
		if (bf_config_find_bond(c, name) == NULL && bf_config_find_guest(c, name) == NULL)
			return;
	}
}

static int
edit_create(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	const char *name = bf_cmd_arg(ctx, "name");
	struct bf_app *app = ctx->app;
	struct bf_bond_config b;
	uint64_t socket;
	int ret;

	bf_bond_config_init(&b);
	free_name(app, c, b.name, sizeof(b.name));
	ret = bf_bond_config_set(&b, "mode", bf_cmd_arg(ctx, "mode"), err);
	if (ret == 0)
		ret = bf_parse_u64("socket", bf_cmd_arg(ctx, "socket"), 0, 31, &socket, err);
	if (ret == 0 && name != NULL)
		ret = bf_bond_config_set(&b, "name", name, err);
	if (ret != 0)
		return ret;
	if (yields(app, b.name)) {
		*bf_config_bond(c, b.name) = b;
		return 0;
	}
	return bf_config_add_bond(c, &b, err);
}

static void
cmd_create(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;

	bf_app_change(ctx, edit_create);
	if (app->candidate == NULL && bf_out_status(ctx->out) == BF_OUT_OK)
		bf_out_printf(ctx->out,
			"Created new bonding device %s; it opens with its first member.\n",
			app->br->running->bonds[app->br->running->n_bonds - 1].name);
}

static int
edit_destroy(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	const struct bf_bond_config *b = bf_app_bond(ctx->app, c, bf_cmd_arg(ctx, "bond"), err);

	return b == NULL ? -EINVAL : bf_config_remove_bond(c, b->name, err);
}

/* A member by name; ids are ethdev ports. */
static int
member_name(const struct bf_cmd_ctx *ctx, char *name, struct bf_err *err)
{
	const char *text = bf_cmd_arg(ctx, "member");
	struct bf_app *app = ctx->app;
	uint64_t id = 0;

	if (app->br != NULL && text[0] >= '0' && text[0] <= '9' && strchr(text, ':') == NULL &&
		bf_parse_u64("member", text, 0, RTE_MAX_ETHPORTS - 1, &id, err) == 0 &&
		rte_eth_dev_get_name_by_port((uint16_t)id, name) == 0)
		return 0;
	return bf_parse_device("member", text, name, BF_DEV_NAME_MAX, err);
}

typedef int member_edit_fn(struct bf_bond_config *b, const char *name, struct bf_err *err);

static int
edit_member(
	struct bf_config *c, const struct bf_cmd_ctx *ctx, member_edit_fn *edit, struct bf_err *err)
{
	struct bf_bond_config *b = bf_app_bond(ctx->app, c, bf_cmd_arg(ctx, "bond"), err);
	char name[BF_DEV_NAME_MAX];

	if (b == NULL || member_name(ctx, name, err) != 0)
		return -EINVAL;
	return edit(b, name, err);
}

static int
edit_add_member(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	return edit_member(c, ctx, bf_bond_config_add_member, err);
}

static int
edit_remove_member(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	return edit_member(c, ctx, bf_bond_config_remove_member, err);
}

/* Settings of one member. */
static int
edit_member_setting(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	struct bf_bond_config *b = bf_app_bond(ctx->app, c, bf_cmd_arg(ctx, "bond"), err);
	char name[BF_DEV_NAME_MAX];
	int at;

	if (b == NULL || member_name(ctx, name, err) != 0)
		return -EINVAL;
	at = bf_bond_config_member(b, name);
	if (at < 0)
		return bf_err_set(err, EINVAL, "member: \"%s\": not a member of %s", name, b->name);
	if (bf_cmd_has_word(ctx, "drain") || bf_cmd_has_word(ctx, "undrain")) {
		b->members[at].drained = bf_cmd_has_word(ctx, "drain");
		return 0;
	}
	if (bf_cmd_arg(ctx, "options") != NULL)
		return bf_member_config_parse(&b->members[at], bf_cmd_arg(ctx, "options"), err);
	return bf_member_config_set(&b->members[at],
		bf_cmd_has_word(ctx, "port_priority") ? "lacp_port_priority" : "priority",
		bf_cmd_arg(ctx, "value"), err);
}

/* `set bonding KEY ...`: the words of the command name the key. */
static int
edit_key(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	struct bf_bond_config *b = bf_app_bond(ctx->app, c, bf_cmd_arg(ctx, "bond"), err);
	const char *key = bf_cmd_arg(ctx, "key"), *lacp = bf_cmd_arg(ctx, "lacp");
	char full[64];

	if (b == NULL)
		return -EINVAL;
	if (lacp != NULL && strcmp(lacp, "min_links") != 0) {
		snprintf(full, sizeof(full), "lacp_%s", lacp);
		key = full;
	} else if (lacp != NULL) {
		key = lacp;
	}
	if (strcmp(key, "mac_addr") == 0)
		key = "mac";
	if (strcmp(key, "primary") == 0) {
		char name[BF_DEV_NAME_MAX];

		if (strcmp(bf_cmd_arg(ctx, "member"), "none") == 0)
			return bf_bond_config_set(b, key, "none", err);
		return member_name(ctx, name, err) != 0 ? -EINVAL
							: bf_bond_config_set(b, key, name, err);
	}
	return bf_bond_config_set(b, key, bf_cmd_arg(ctx, "value"), err);
}

static int
edit_mode(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	struct bf_bond_config *b = bf_app_bond(ctx->app, c, bf_cmd_arg(ctx, "bond"), err);

	return b == NULL ? -EINVAL : bf_bond_config_set(b, "mode", bf_cmd_arg(ctx, "mode"), err);
}

static int
edit_policy(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	struct bf_bond_config *b = bf_app_bond(ctx->app, c, bf_cmd_arg(ctx, "bond"), err);

	return b == NULL ? -EINVAL
			 : bf_bond_config_set(b, "xmit_policy", bf_cmd_arg(ctx, "policy"), err);
}

static int
edit_options(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	struct bf_bond_config *b = bf_app_bond(ctx->app, c, bf_cmd_arg(ctx, "bond"), err);
	int ret = b == NULL ? -EINVAL : 0;

	for (unsigned int i = 0; ret == 0 && i < bf_cmd_rest_count(ctx); i++)
		ret = bf_bond_config_parse(b, bf_cmd_rest(ctx, i), err);
	return ret;
}

#define CHANGE(name, edit) \
	static void name(struct bf_cmd_ctx *ctx) \
	{ \
		bf_app_change(ctx, edit); \
	}
CHANGE(cmd_destroy, edit_destroy)
CHANGE(cmd_add_member, edit_add_member)
CHANGE(cmd_remove_member, edit_remove_member)
CHANGE(cmd_member_setting, edit_member_setting)
CHANGE(cmd_key, edit_key)
CHANGE(cmd_policy, edit_policy)
#undef CHANGE

/* After a change of the mode: does the one before still carry? */
static void
tell_held(const struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const struct bf_bond_config *c = app->candidate != NULL
		? NULL
		: bf_app_bond(app, app->br->running, bf_cmd_arg(ctx, "bond"), NULL);
	const struct bf_bond *b = c == NULL ? NULL : &bf_bridge_uplink(app->br, c->name)->bond;

	if (b == NULL || !b->open || b->held_until_ms == 0 || bf_out_status(ctx->out) != BF_OUT_OK)
		return;
	bf_out_printf(ctx->out,
		"%s stays in force until LACP distributes. If no partner speaks LACP within %" PRIu64
		" s, it is the mode again.\n",
		bf_mode_names[b->held_mode],
		(b->held_until_ms - RTE_MIN(b->held_until_ms, bf_clock_ms()) + 999) / 1000);
}

static void
cmd_options(struct bf_cmd_ctx *ctx)
{
	bf_app_change(ctx, edit_options);
	tell_held(ctx);
}

/* With `confirm SECONDS` the mode goes back by itself unless `commit` follows. */
static void
cmd_mode(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *seconds = bf_cmd_arg(ctx, "seconds");
	struct bf_config *before = NULL;
	struct bf_err err = {""};
	uint64_t s = 0;

	if (seconds != NULL && app->candidate != NULL) {
		bf_out_usage(ctx->out, "confirm: expected on the console only");
		return;
	}
	if (seconds != NULL && bf_parse_u64("confirm", seconds, 1, 86400, &s, &err) != 0) {
		bf_out_usage(ctx->out, "%s", err.text);
		return;
	}
	if (seconds != NULL && (before = bf_config_copy(app->br->running)) == NULL) {
		bf_out_error(ctx->out, "confirm: out of memory");
		return;
	}
	bf_app_change(ctx, edit_mode);
	tell_held(ctx);
	if (before == NULL || bf_out_status(ctx->out) != BF_OUT_OK) {
		free(before);
		return;
	}
	bf_app_confirm(app, before, bf_clock_ms() + s * 1000);
	bf_out_printf(ctx->out, "Going back in %s s unless you commit.\n", seconds);
}

/* The uplink of the bond that is named, or an error. */
static struct bf_uplink *
shown_uplink(struct bf_cmd_ctx *ctx)
{
	return bf_app_uplink(ctx->app, bf_cmd_arg(ctx, "bond"), ctx->out);
}

static void
cmd_show_config(struct bf_cmd_ctx *ctx)
{
	const struct bf_uplink *u = shown_uplink(ctx);

	if (u != NULL)
		bf_app_show(ctx, &bf_show_bonds, u->name, true);
}

static void
show_lacp_port(const char *title, const char *key, const struct bf_lacp_port *p, struct bf_out *out)
{
	char state[96];

	bf_lacp_state_text(p->state, state, sizeof(state));
	bf_out_printf(out,
		"\t%s detail info:\n\t\tsystem priority: %u\n"
		"\t\tsystem mac address: %02x:%02x:%02x:%02x:%02x:%02x\n\t\tport key: %u\n"
		"\t\tport priority: %u\n\t\tport number: %u\n\t\tport state: %s\n",
		title, p->system_priority, p->system_id[0], p->system_id[1], p->system_id[2],
		p->system_id[3], p->system_id[4], p->system_id[5], p->key, p->port_priority,
		p->port_number, state);
	bf_out_obj_begin(out, key);
	bf_out_u64(out, "system_priority", p->system_priority);
	bf_out_strf(out, "system_id", "%02x:%02x:%02x:%02x:%02x:%02x", p->system_id[0],
		p->system_id[1], p->system_id[2], p->system_id[3], p->system_id[4],
		p->system_id[5]);
	bf_out_u64(out, "key", p->key);
	bf_out_u64(out, "port_priority", p->port_priority);
	bf_out_u64(out, "port_number", p->port_number);
	bf_out_str(out, "state", state);
	bf_out_u64(out, "state_bits", p->state);
	bf_out_obj_end(out);
}

static void
show_lacp_counters(const struct bf_lacp_counters *c, struct bf_out *out)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {{"pdu_rx", c->pdu_rx}, {"pdu_tx", c->pdu_tx}, {"marker_rx", c->marker_rx},
		{"marker_response_tx", c->marker_response_tx},
		{"marker_limited", c->marker_limited}, {"rx_errors", c->rx_errors},
		{"rx_unknown", c->rx_unknown}, {"rx_limited", c->rx_limited},
		{"rx_disabled", c->rx_disabled}, {"rx_loop", c->rx_loop},
		{"rx_pin_refused", c->rx_pin_refused}, {"timeouts", c->timeouts},
		{"actor_churn", c->actor_churn}, {"partner_churn", c->partner_churn},
		{"transitions", c->transitions}, {"partner_changes", c->partner_changes}};

	bf_out_printf(out, "\tCounters:");
	bf_out_obj_begin(out, "counters");
	for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
		bf_out_printf(out, " %s=%" PRIu64, rows[i].name, rows[i].value);
		bf_out_u64(out, rows[i].name, rows[i].value);
	}
	bf_out_obj_end(out);
	bf_out_printf(out, "\n");
}

static void
show_lacp_member(const struct bf_bond *b, const struct bf_lacp_member_info *m, struct bf_out *out)
{
	int at = bf_bond_by_bit(b, m->id);
	const struct bf_member *bm = &b->members[at < 0 ? 0 : at];

	bf_out_printf(out,
		"\n\tMember Port: %u (%s)\n\tAggregator port id: %u%s\n\tselection: %s\n", bm->port,
		bm->name, m->aggregator_id, m->in_active_aggregator ? " (active)" : "",
		bf_lacp_selected_name(m->selected));
	bf_out_printf(out, "\tmachines: rx %s, periodic %s, mux %s\n", bf_lacp_rx_name(m->rx),
		bf_lacp_periodic_name(m->periodic), bf_lacp_mux_name(m->mux));
	if (m->reason[0] != '\0')
		bf_out_printf(out, "\tnot distributing: %s\n", m->reason);
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "name", bm->name);
	bf_out_u64(out, "port", bm->port);
	bf_out_bool(out, "link", m->link_up);
	bf_out_u64(out, "aggregator", m->aggregator_id);
	bf_out_bool(out, "in_active_aggregator", m->in_active_aggregator);
	bf_out_str(out, "selection", bf_lacp_selected_name(m->selected));
	bf_out_str(out, "rx_machine", bf_lacp_rx_name(m->rx));
	bf_out_str(out, "periodic_machine", bf_lacp_periodic_name(m->periodic));
	bf_out_str(out, "mux_machine", bf_lacp_mux_name(m->mux));
	bf_out_bool(out, "collecting", m->collecting);
	bf_out_bool(out, "distributing", m->distributing);
	bf_out_bool(out, "fallback", m->fallback);
	bf_out_str(out, "why", bf_lacp_why_name(m->why));
	bf_out_str(out, "reason", m->reason);
	show_lacp_port("Actor", "actor", &m->actor, out);
	show_lacp_port("Partner", "partner", &m->partner, out);
	show_lacp_counters(&m->counters, out);
	bf_out_obj_end(out);
}

static void
show_lacp_bond(const struct bf_lacp_info *i, const struct bf_lacp_config *c, struct bf_out *out)
{
	bf_out_printf(out,
		"  - Lacp info:\n\trate: %s\n\tactive: %s\n\taggregation mode: %s\n"
		"\tmin links: %u\n\tcarrier: %s%s\n\tactive aggregator: %u\n\tdistributing: %u of %u\n",
		c->fast ? "fast" : "slow", c->active ? "on" : "off", bf_lacp_select_name(c->select),
		c->min_links, i->carrier ? "up" : "down", i->fallback ? " (fallback)" : "",
		i->active_aggregator_id, i->n_distributing, i->n_members);
	bf_out_str(out, "rate", c->fast ? "fast" : "slow");
	bf_out_bool(out, "active", c->active);
	bf_out_str(out, "aggregation_mode", bf_lacp_select_name(c->select));
	bf_out_u64(out, "min_links", c->min_links);
	bf_out_bool(out, "carrier", i->carrier);
	bf_out_bool(out, "fallback", i->fallback);
	bf_out_u64(out, "active_aggregator", i->active_aggregator_id);
	bf_out_u64(out, "live", i->n_live);
	bf_out_u64(out, "operational", i->n_operational);
	bf_out_u64(out, "distributing", i->n_distributing);
}

static void
cmd_show_lacp(struct bf_cmd_ctx *ctx)
{
	const struct bf_uplink *u = shown_uplink(ctx);
	struct bf_lacp_member_info m;
	struct bf_lacp_info info;
	const struct bf_bond *b;

	if (u == NULL)
		return;
	b = &u->bond;
	if (!b->open || b->lacp == NULL) {
		bf_out_error(
			ctx->out, "bond %s: no LACP: expected mode 802.3ad and a member", u->name);
		return;
	}
	bf_lacp_info(b->lacp, &info);
	bf_out_obj_begin(ctx->out, NULL);
	bf_out_str(ctx->out, "bond", b->cfg.name);
	show_lacp_bond(&info, bf_lacp_config(b->lacp), ctx->out);
	bf_out_arr_begin(ctx->out, "members");
	for (unsigned int i = 0; bf_lacp_member_info_at(b->lacp, i, &m) == 0; i++)
		show_lacp_member(b, &m, ctx->out);
	for (uint32_t i = 0; i < u->missing.n; i++) {
		bf_out_printf(
			ctx->out, "\n\tMember Port: - (%s): missing\n", u->missing.members[i].name);
		bf_out_obj_begin(ctx->out, NULL);
		bf_out_str(ctx->out, "name", u->missing.members[i].name);
		bf_out_bool(ctx->out, "missing", true);
		bf_out_bool(ctx->out, "link", false);
		bf_out_obj_end(ctx->out);
	}
	bf_out_arr_end(ctx->out);
	bf_out_obj_end(ctx->out);
}

static const struct bf_cmd bond_cmds[] = {
	{"create (bonding|bonded) device <mode> <socket> [<name>]",
		"Make a bond (default name bond0, bond1...); it opens with its first member.",
		cmd_create, BF_CMD_CONFIG},
	{"remove (bonding|bonded) device <bond>", "Close a bond; its members stay, stopped.",
		cmd_destroy, BF_CMD_CONFIG},
	{"add bonding (member|slave) <member> <bond>", "Take a port into a bond.", cmd_add_member,
		BF_CMD_CONFIG},
	{"remove bonding (member|slave) <member> <bond>",
		"Take a member out; its flows move first.", cmd_remove_member, BF_CMD_CONFIG},
	{"set bonding mode <mode> <bond> [confirm <seconds>]",
		"Bonding mode, by Linux name or number; with confirm it goes back unless you commit.",
		cmd_mode, BF_CMD_CONFIG},
	{"set bonding (key:primary) <member> <bond>", "Member that active-backup prefers, or none.",
		cmd_key, BF_CMD_CONFIG},
	{"set bonding (key:mac_addr) <bond> <value>", "Address of a bond.", cmd_key, BF_CMD_CONFIG},
	{"set bonding (balance_xmit_policy|xmit_policy) <bond> <policy>",
		"Which fields of a frame choose its member.", cmd_policy, BF_CMD_CONFIG},
	{"set bonding (key:mon_period|agg_mode) <bond> <value>",
		"Link polling period in ms; which aggregator is active.", cmd_key, BF_CMD_CONFIG},
	{"set bonding lacp (lacp:rate|active|system_priority|system_id|key|min_links|fallback|strict|"
	 "partner|pdu_limit) <bond> <value>",
		"LACP settings; traffic that need not move does not.", cmd_key, BF_CMD_CONFIG},
	{"set bonding lacp port_priority <member> <bond> <value>",
		"LACP port priority of a member.", cmd_member_setting, BF_CMD_CONFIG},
	{"set bonding priority <member> <bond> <value>",
		"Preference of a member in active-backup; higher first.", cmd_member_setting,
		BF_CMD_CONFIG},
	{"set bonding (drain|undrain) <member> <bond>",
		"Move traffic away from a member, or let it come back.", cmd_member_setting,
		BF_CMD_CONFIG},
	{"set bonding (member|slave) <member> <bond> <options...>",
		"Any key of a member, as KEY=VALUE,...", cmd_member_setting, BF_CMD_CONFIG},
	{"set bonding option <bond> <options...>", "Any option of --bond, as KEY=VALUE,...",
		cmd_options, BF_CMD_CONFIG},
	{"show bonding config <bond>", "A bond and its members.", cmd_show_config, 0},
	{"show bonding lacp info <bond>", "LACP of every member, also of those that are down.",
		cmd_show_lacp, 0},
};

const struct bf_cmd_group bf_group_bond = {
	"bonding", "The bond, its members, LACP", BF_CMDS(bond_cmds)};
