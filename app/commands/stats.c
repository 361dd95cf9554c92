/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Figures of the whole: forwarding statistics, who polls what, drops, lcores, events, memory.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "commands/show.h"

static void
cmd_clear_fwd(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;

	for (uint16_t s = 0; s < BF_MAX_PORTS; s++)
		if (bf_port_is_shown(app->br, s))
			bf_stats_clear_port(app->br, s);
}

static void
cmd_events(struct bf_cmd_ctx *ctx)
{
	const char *after = bf_cmd_arg(ctx, "event");
	struct bf_err err = {""};
	uint64_t seq;

	if (after != NULL && bf_parse_u64("event", after, 0, UINT64_MAX, &seq, &err) != 0)
		bf_out_usage(ctx->out, "%s", err.text);
	else
		bf_app_show(ctx, &bf_show_events, after, true);
}

BF_CMD_SHOW(cmd_fwd, bf_show_forwarding)
BF_CMD_SHOW(cmd_config_fwd, bf_show_polling)
BF_CMD_SHOW(cmd_drops, bf_show_drops)
BF_CMD_SHOW(cmd_storms, bf_show_storms)
BF_CMD_SHOW(cmd_lcore, bf_show_lcores)
BF_CMD_SHOW(cmd_mempool, bf_show_pools)
BF_CMD_SHOW(cmd_numa, bf_show_numa)
BF_CMD_SHOW(cmd_devices, bf_show_devices)
BF_CMD_SHOW(cmd_health, bf_show_health)

static bool
is_reason(const char *text)
{
	for (unsigned int d = 0; d < BF_DROP_COUNT; d++)
		if (strcmp(bf_drop_info[d].name, text) == 0)
			return true;
	return strcmp(text, "all") == 0;
}

static void
cmd_last_words(struct bf_cmd_ctx *ctx)
{
	const char *port = bf_cmd_arg(ctx, "port"), *reason = bf_cmd_arg(ctx, "reason");
	static struct bf_port_ref refs[BF_MAX_PORT_IDS];
	char only[BF_DEV_NAME_MAX + 64];

	if (!is_reason(reason)) {
		bf_out_usage(
			ctx->out, "reason: \"%.60s\": expected one of show drops, or all", reason);
		return;
	}
	if (strcmp(port, "all") != 0) {
		if (bf_app_ports(ctx->app, port, refs, ctx->out) == 0)
			return;
		if (refs[0].kind == BF_REF_ETHDEV) {
			bf_out_usage(
				ctx->out, "port: \"%.60s\": expected a bond, a guest or all", port);
			return;
		}
		port = refs[0].name;
	}
	snprintf(only, sizeof(only), "%s %s", port, reason);
	bf_app_show(ctx, &bf_show_last_words, only, true);
}

static const struct bf_cmd stats_cmds[] = {
	{"show fwd stats all", "Forwarding statistics of every switch port.", cmd_fwd, 0},
	{"clear fwd stats all", "Reset these counters.", cmd_clear_fwd, 0},
	{"show config (fwd|cores)", "Which lcore polls which queue.", cmd_config_fwd, 0},
	{"show drops", "Dropped frames by port and reason, and the ledger.", cmd_drops, 0},
	{"show drops <port> <reason> frames",
		"The first bytes of the last dropped frames: of a bond, a guest or all, for a reason of\n"
		"show drops or all.",
		cmd_last_words, 0},
	{"show storms", "The ports' limits of flooded frames, and what they dropped.", cmd_storms,
		0},
	{"show lcore", "How the workers spend their time.", cmd_lcore, 0},
	{"dump_lcores", "The same.", cmd_lcore, 0},
	{"show events [after <event>]", "The newest events, or those after an event's number.",
		cmd_events, 0},
	{"show health", "How redundant the bonds are, and what is above its limit.", cmd_health, 0},
	{"show mempool", "Frame memory.", cmd_mempool, 0},
	{"dump_mempool", "The same.", cmd_mempool, 0},
	{"show devices",
		"Network devices of the host that are or could be members: driver, slot, IOMMU group,\n"
		"who uses them, and the commands that are needed before a bond can use them.",
		cmd_devices, 0},
	{"show numa", "On which memory node everything is, and what is polled from another one.",
		cmd_numa, 0},
};

const struct bf_cmd_group bf_group_stats = {
	"display", "Forwarding counters, drops, lcores, events, memory", BF_CMDS(stats_cmds)};
