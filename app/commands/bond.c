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
bond_yields(const struct bf_app *app, const char *name)
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
	if (bond_yields(app, b.name)) {
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
	if (lacp != NULL && strcmp(lacp, "min_links") != 0 && strcmp(lacp, "max_links") != 0) {
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
CHANGE(change_member_setting, edit_member_setting)
CHANGE(cmd_key, edit_key)
CHANGE(cmd_policy, edit_policy)
#undef CHANGE

/* `undrain` also trusts a member again that had too many errors. */
static void
cmd_member_setting(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const struct bf_bond_config *c;
	struct bf_bond *b;
	char name[BF_DEV_NAME_MAX];

	change_member_setting(ctx);
	if (!bf_cmd_has_word(ctx, "undrain") || app->candidate != NULL ||
		bf_out_status(ctx->out) != BF_OUT_OK || member_name(ctx, name, NULL) != 0)
		return;
	c = bf_app_bond(app, app->br->running, bf_cmd_arg(ctx, "bond"), NULL);
	b = &bf_bridge_uplink(app->br, c->name)->bond;
	for (unsigned int i = 0; i < b->n_members; i++)
		if (strcmp(b->members[i].name, name) == 0)
			bf_bond_set_faulty(b, i, false, bf_clock_ms());
}

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

static bool
is_all(const struct bf_cmd_ctx *ctx)
{
	return strcmp(bf_cmd_arg(ctx, "bond"), "all") == 0;
}

static void
cmd_show_config(struct bf_cmd_ctx *ctx)
{
	const struct bf_uplink *u;

	if (is_all(ctx)) {
		bf_app_show(ctx, &bf_show_bonds, NULL, true);
		return;
	}
	u = shown_uplink(ctx);
	if (u != NULL)
		bf_app_show(ctx, &bf_show_bonds, u->name, true);
}

static void
cmd_show_lacp(struct bf_cmd_ctx *ctx)
{
	const struct bf_uplink *u;

	if (is_all(ctx)) {
		bf_app_show(ctx, &bf_show_lacp, NULL, true);
		return;
	}
	u = shown_uplink(ctx);
	if (u == NULL)
		return;
	if (!u->bond.open || u->bond.lacp == NULL)
		bf_out_error(
			ctx->out, "bond %s: no LACP: expected mode 802.3ad and a member", u->name);
	else
		bf_app_show(ctx, &bf_show_lacp, u->name, true);
}

static const struct bf_cmd bond_cmds[] = {
	{"create (bonding|bonded) device <mode> <socket> [<name>]",
		"Make a bond (default name bond0, bond1...); it opens with its first member.",
		cmd_create, BF_CMD_CONFIG},
	{"remove (bonding|bonded) device <bond>", "Close a bond; its members stay, stopped.",
		cmd_destroy, BF_CMD_CONFIG},
	{"add bonding (member|slave) <member> <bond>", "Add a port to a bond.", cmd_add_member,
		BF_CMD_CONFIG},
	{"remove bonding (member|slave) <member> <bond>",
		"Remove a member; its flows move to the others first.", cmd_remove_member,
		BF_CMD_CONFIG},
	{"set bonding mode <mode> <bond> [confirm <seconds>]",
		"Bonding mode, by Linux name or number. With confirm, bondfwd undoes the change unless\n"
		"you commit in time.",
		cmd_mode, BF_CMD_CONFIG},
	{"set bonding (key:primary) <member> <bond>", "Member that active-backup prefers, or none.",
		cmd_key, BF_CMD_CONFIG},
	{"set bonding (key:mac_addr) <bond> <value>", "Address of a bond.", cmd_key, BF_CMD_CONFIG},
	{"(key:mac_addr) set <bond> <value>", "The same.", cmd_key, BF_CMD_CONFIG},
	{"set bonding (balance_xmit_policy|xmit_policy) <bond> <policy>",
		"Which fields of a frame choose its member.", cmd_policy, BF_CMD_CONFIG},
	{"set bonding (key:mon_period|agg_mode) <bond> <value>",
		"Link polling period in ms; which aggregator is active.", cmd_key, BF_CMD_CONFIG},
	{"set bonding lacp (lacp:rate|active|system_priority|system_id|key|min_links|max_links|fallback|"
	 "strict|partner|pdu_limit) <bond> <value>",
		"LACP settings; members change state only if the setting requires it.", cmd_key,
		BF_CMD_CONFIG},
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
	{"show bonding config (bond:<bond>|all)", "A bond and its members; all: of every bond.",
		cmd_show_config, 0},
	{"show bonding lacp info (bond:<bond>|all)",
		"LACP of every member, including those that are down; all: of every bond that uses\n"
		"LACP.",
		cmd_show_lacp, 0},
};

const struct bf_cmd_group bf_group_bond = {
	"bonding", "The bond, its members, LACP", BF_CMDS(bond_cmds)};
