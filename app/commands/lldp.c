/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * LLDP: show.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "commands/commands.h"
#include "commands/show.h"

BF_CMD_SHOW(cmd_show_lldp, bf_show_lldp)

/* A member by its name or number. @return NULL: there is none, and the error is said */
static const char *
member_of(const struct bf_cmd_ctx *ctx)
{
	const char *text = bf_cmd_arg(ctx, "member");
	const struct bf_app *app = ctx->app;
	char number[8];

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		const struct bf_bond *b = &app->br->up[k].bond;

		for (unsigned int i = 0; b->open && i < b->n_members; i++) {
			snprintf(number, sizeof(number), "%u", b->members[i].port);
			if (strcmp(b->members[i].name, text) == 0 || strcmp(number, text) == 0)
				return b->members[i].name;
		}
	}
	bf_out_usage(ctx->out, "member: \"%.60s\": expected a member of a bond, by name or number",
		text);
	return NULL;
}

static void
cmd_show_neighbors(struct bf_cmd_ctx *ctx)
{
	bool detail = bf_cmd_has_word(ctx, "detail"), one = bf_cmd_arg(ctx, "member") != NULL;
	const char *only = one ? member_of(ctx) : NULL;

	if (!one || only != NULL)
		bf_app_show(
			ctx, detail ? &bf_show_lldp_details : &bf_show_lldp_neighbors, only, true);
}

static const struct bf_cmd lldp_cmds[] = {
	{"show lldp", "LLDP at the members: what is received and sent, and wrong cabling.",
		cmd_show_lldp, 0},
	{"show lldp neighbors [<member>] [detail]",
		"Which port of which switch each member is connected to, as the switches say by LLDP.",
		cmd_show_neighbors, 0},
};

const struct bf_cmd_group bf_group_lldp = {
	"lldp", "Neighbours of members by LLDP", BF_CMDS(lldp_cmds)};
