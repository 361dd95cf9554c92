/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Multicast groups: show, clear.
 *
 * Threads: ctx control.
 */
#include "app.h"
#include "commands/commands.h"
#include "commands/show.h"

BF_CMD_SHOW(cmd_show, bf_show_multicast)

static void
cmd_clear(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *name = bf_cmd_arg(ctx, "bond");
	struct bf_uplink *u;

	if (name == NULL) {
		bf_mcast_clear(app->br, -1);
		return;
	}
	u = bf_app_uplink(app, name, ctx->out);
	if (u != NULL)
		bf_mcast_clear(app->br, (int)u->bond.number);
}

static const struct bf_cmd multicast_cmds[] = {
	{"show (multicast|mdb)",
		"Queriers, ports with multicast routers, and which groups were joined behind which port.",
		cmd_show, 0},
	{"clear (multicast|mdb) [bond <bond>]",
		"Forget groups, queriers and routers: multicast is flooded until a querier is heard\n"
		"again.",
		cmd_clear, 0},
};

const struct bf_cmd_group bf_group_multicast = {
	"multicast", "Multicast groups and who has joined them", BF_CMDS(multicast_cmds)};
