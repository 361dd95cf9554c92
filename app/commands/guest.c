/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Guest ports: add, remove, set, show.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "commands/commands.h"

/* @param count of the words behind the guest's name. */
static int
parse_options(struct bf_guest_config *g, const struct bf_cmd_ctx *ctx, unsigned int count,
	struct bf_err *err)
{
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && i < count; i++)
		ret = bf_guest_config_parse(g, bf_cmd_rest(ctx, i), err);
	return ret;
}

/* A guest of the command line, which the file of --config may make again, once. */
static bool
yields(const struct bf_app *app, const char *name)
{
	for (uint32_t i = 0; app->yields != NULL && i < app->base->n_guests; i++) {
		if (strcmp(app->base->guests[i].name, name) != 0 || !app->yields->guests[i])
			continue;
		app->yields->guests[i] = false;
		return bf_config_guest(app->candidate, name) != NULL;
	}
	return false;
}

static int
edit_add(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	struct bf_guest_config g;
	int ret;

	bf_guest_config_init(&g);
	ret = bf_guest_config_set(&g, "name", bf_cmd_arg(ctx, "name"), err);
	if (ret == 0)
		ret = parse_options(&g, ctx, bf_cmd_rest_count(ctx), err);
	if (ret != 0)
		return ret;
	return yields(ctx->app, g.name) ? bf_config_replace_guest(c, g.name, &g, err)
					: bf_config_add_guest(c, &g, err);
}

static int
edit_remove(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	return bf_config_remove_guest(c, bf_cmd_arg(ctx, "guest"), err);
}

/*
 * A front end that has negotiated features is not asked again: QEMU gives up its port for good when some
 * are missing.  A file that is loaded has its own guard.
 */
static int
refuse_cut(const struct bf_app *app, const struct bf_guest_config *to, struct bf_err *err)
{
	const struct bf_guest *g =
		app->candidate != NULL ? NULL : bf_bridge_guest(app->br, to->name);

	if (g == NULL || !bf_guest_is_cut(g, to))
		return 0;
	return bf_err_set(err, EPERM,
		"guest: \"%.60s\": is connected, and this would cut it; QEMU may not come back before "
		"its guest is started again: stop the guest first, or say force at the end",
		to->name);
}

static int
edit_set(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	struct bf_guest_config *g = bf_config_guest(c, bf_cmd_arg(ctx, "guest")), copy;
	unsigned int count = bf_cmd_rest_count(ctx);
	bool force = count > 1 && strcmp(bf_cmd_rest(ctx, count - 1), "force") == 0;
	int ret;

	if (g == NULL)
		return bf_err_set(
			err, EINVAL, "guest: \"%.60s\": no such guest", bf_cmd_arg(ctx, "guest"));
	copy = *g;
	ret = parse_options(&copy, ctx, count - force, err);
	if (ret == 0 && !force)
		ret = refuse_cut(ctx->app, &copy, err);
	return ret != 0 ? ret : bf_config_replace_guest(c, g->name, &copy, err);
}

static void
cmd_add(struct bf_cmd_ctx *ctx)
{
	bf_app_change(ctx, edit_add);
}

static void
cmd_remove(struct bf_cmd_ctx *ctx)
{
	bf_app_change(ctx, edit_remove);
}

static void
cmd_set(struct bf_cmd_ctx *ctx)
{
	bf_app_change(ctx, edit_set);
}

static void
show_one(struct bf_bridge *br, struct bf_guest *g, bool in_full, struct bf_out *out)
{
	struct bf_port_counters c;
	uint64_t drops = 0;
	char value[128];

	bf_stats_port(br, g->slot, &c);
	for (unsigned int d = 0; d < BF_DROP_COUNT; d++)
		drops += c.drops[d];
	bf_out_printf(out,
		"%-4u %-16s %-5s %-6u %-5u %-10" PRIu64 " %-10" PRIu64 " %-10" PRIu64
		" %-6u %s (%s)\n",
		bf_guest_id(g), g->cfg.name, g->up ? "up" : "down", g->n_rings, bf_guest_mtu(g),
		c.rx_frames, c.tx_frames, drops, br->fdb->port_count[g->slot], g->cfg.socket,
		g->cfg.server ? "server" : "client");
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, "id", bf_guest_id(g));
	bf_out_str(out, "name", g->cfg.name);
	bf_out_bool(out, "up", g->up);
	bf_out_str(out, "uplink", bf_bridge_port_name(br, bf_bond_slot(g->uplink)));
	bf_out_u64(out, "queue_pairs", g->n_rings);
	bf_out_u64(out, "max_frame", g->max_len);
	bf_out_u64(out, "negotiated_mtu", g->mtu);
	bf_out_strf(out, "features", "0x%" PRIx64, g->features);
	bf_out_i64(out, "memory_node", g->numa_node);
	bf_out_u64(out, "connects", g->connects);
	bf_out_u64(out, "rx_frames", c.rx_frames);
	bf_out_u64(out, "tx_frames", c.tx_frames);
	bf_out_u64(out, "drops", drops);
	bf_out_u64(
		out, "announcements", bf_announce_sent_for(br->up[g->uplink].announcer, g->slot));
	bf_out_u64(out, "stations", br->fdb->port_count[g->slot]);
	if (in_full || bf_out_is_json(out))
		bf_show_connection(g, &c, out);
	bf_out_obj_begin(out, "options");
	for (unsigned int i = 0; i < bf_n_guest_keys; i++) {
		if (bf_guest_keys[i].flags & BF_KEY_IDENTITY)
			continue;
		bf_key_print(&bf_guest_keys[i], &g->cfg, value, sizeof(value));
		bf_out_str(out, bf_guest_keys[i].name, value);
	}
	bf_out_obj_end(out);
	bf_out_obj_end(out);
}

static void
cmd_show(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *name = bf_cmd_arg(ctx, "guest");
	bool all = name == NULL || strcmp(name, "all") == 0;

	if (!all && bf_bridge_guest(app->br, name) == NULL) {
		bf_out_usage(ctx->out, "guest: \"%.60s\": no such guest", name);
		return;
	}
	bf_out_printf(ctx->out, "%-4s %-16s %-5s %-6s %-5s %-10s %-10s %-10s %-6s %s\n", "Port",
		"Name", "Link", "Queues", "MTU", "RX-frames", "TX-frames", "Drops", "MACs",
		"Socket");
	bf_out_arr_begin(ctx->out, NULL);
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		struct bf_guest *g = app->br->guests[s];

		if (g != NULL && (all || strcmp(g->cfg.name, name) == 0))
			show_one(app->br, g, !all, ctx->out);
	}
	bf_out_arr_end(ctx->out);
}

static const struct bf_cmd guest_cmds[] = {
	{"add guest <name> <options...>",
		"Add a guest port: socket=PATH and other options of --guest.", cmd_add,
		BF_CMD_CONFIG},
	{"remove guest <guest>", "Remove a guest port; its socket is closed.", cmd_remove,
		BF_CMD_CONFIG},
	{"set guest <guest> <options...>",
		"Change options; those that would cut a connected guest need force at the end.",
		cmd_set, BF_CMD_CONFIG},
	{"show guest [<guest>]",
		"Guests, or one of them with its connection: front end, features, memory, rings.",
		cmd_show, 0},
};

const struct bf_cmd_group bf_group_guest = {
	"guests", "Guest ports (vhost-user)", BF_CMDS(guest_cmds)};
