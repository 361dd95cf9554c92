/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The forwarding database: show, add, remove, clear, ageing.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <inttypes.h>

#include "app.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "commands/show.h"

/* "bond0", a guest's name, or its id: the switch port's slot. */
static int
slot_of(struct bf_app *app, const char *text, uint16_t *slot, struct bf_err *err)
{
	struct bf_guest *g = bf_bridge_guest(app->br, text);
	uint64_t id = 0;

	const struct bf_bond_config *b = bf_app_bond(app, app->br->running, text, NULL);

	*slot = BF_BOND_SLOT;
	if (b != NULL) {
		*slot = bf_bond_slot(bf_bridge_uplink(app->br, b->name)->bond.number);
		return 0;
	}
	if (g == NULL &&
		bf_parse_u64("port", text, BF_GUEST_ID_BASE, BF_MAX_PORT_IDS - 2, &id, NULL) == 0)
		g = app->br->guests[id - BF_GUEST_ID_BASE + 1];
	if (g == NULL)
		return bf_err_set(err, EINVAL, "port: \"%.60s\": expected a bond or a guest", text);
	*slot = g->slot;
	return 0;
}

static void
cmd_show(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *port = bf_cmd_arg(ctx, "port");
	struct bf_err err = {""};
	uint16_t slot = 0;

	if (port != NULL && slot_of(app, port, &slot, &err) != 0)
		bf_out_usage(ctx->out, "%s", err.text);
	else
		bf_app_show(ctx, &bf_show_fdb,
			port == NULL ? NULL : bf_bridge_port_name(app->br, slot), true);
}

static int
key_of(const struct bf_cmd_ctx *ctx, uint64_t *key, struct bf_err *err)
{
	const char *vlan = bf_cmd_arg(ctx, "vlan");
	uint64_t vid = 0;
	uint8_t mac[6];

	if (bf_parse_mac("mac", bf_cmd_arg(ctx, "mac"), false, mac, err) != 0 ||
		(vlan != NULL && bf_parse_u64("vlan", vlan, 0, 4094, &vid, err) != 0))
		return -EINVAL;
	*key = bf_fdb_key((uint16_t)vid, mac);
	return 0;
}

static void
cmd_add(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	struct bf_err err = {""};
	uint64_t key;
	uint16_t slot;

	if (key_of(ctx, &key, &err) != 0 ||
		slot_of(app, bf_cmd_arg(ctx, "port"), &slot, &err) != 0) {
		bf_out_usage(ctx->out, "%s", err.text);
		return;
	}
	key |= BF_FDB_BOND(
		bf_is_bond_slot(slot) ? bf_bond_of_slot(slot) : app->br->guests[slot]->uplink);
	if (bf_fdb_add_static(app->br->fdb, key, slot) != 0)
		bf_out_error(ctx->out, "fdb: full: expected fewer than %" PRIu32 " stations",
			app->br->fdb->capacity);
	bf_fdb_commit(app->br->fdb);
}

static bool
del_on(struct bf_bridge *br, uint64_t key)
{
	uint16_t port = bf_bond_slot(BF_FDB_BOND_OF(key));

	bf_fdb_find(br->fdb, key, &port);
	bf_neighbors_flush_station(br->neighbors, key, port);
	return bf_fdb_del(br->fdb, key) == 0;
}

static void
cmd_del(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	struct bf_err err = {""};
	bool any = false;
	uint64_t key;

	if (key_of(ctx, &key, &err) != 0) {
		bf_out_usage(ctx->out, "%s", err.text);
		return;
	}
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) /* on whatever switch it is */
		any = del_on(app->br, key | BF_FDB_BOND(k)) || any;
	if (!any)
		bf_out_error(ctx->out, "mac: \"%s\": not in the fdb", bf_cmd_arg(ctx, "mac"));
	bf_fdb_commit(app->br->fdb);
}

static void
cmd_clear(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *port = bf_cmd_arg(ctx, "port");
	struct bf_err err = {""};
	uint16_t slot;

	if (port == NULL)
		bf_bridge_forget(app->br, -1);
	else if (slot_of(app, port, &slot, &err) == 0)
		bf_bridge_forget(app->br, slot);
	else
		bf_out_usage(ctx->out, "%s", err.text);
	bf_fdb_commit(app->br->fdb);
}

static int
edit_aging(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	uint64_t s = 0;
	int ret = bf_parse_u64("aging", bf_cmd_arg(ctx, "seconds"), 0, 1000000, &s, err);

	if (ret == 0)
		c->fdb_aging_s = (uint32_t)s;
	return ret;
}

BF_CMD_CHANGE(cmd_aging, edit_aging)

static const struct bf_cmd fdb_cmds[] = {
	{"show fdb [port <port>]", "Stations, the port each is behind, and its age in seconds.",
		cmd_show, 0},
	{"add fdb <mac> <port> [vlan <vlan>]", "Pin a station to a port; not saved.", cmd_add, 0},
	{"remove fdb <mac> [vlan <vlan>]", "Forget a station.", cmd_del, 0},
	{"clear fdb [port <port>]", "Forget the learned stations.", cmd_clear, 0},
	{"set fdb aging <seconds>", "Forget stations that are silent for this long; 0 = never.",
		cmd_aging, BF_CMD_CONFIG},
};

const struct bf_cmd_group bf_group_fdb = {"fdb", "Stations and where they are", BF_CMDS(fdb_cmds)};
