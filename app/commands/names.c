/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show names: what Tab offers for an argument, one name a line, for shells and scripts.
 *
 * Threads: ctx control.
 */
#include "app.h"
#include "commands/commands.h"

#define NAME_SIZE 256

static void
cmd_names(struct bf_cmd_ctx *ctx)
{
	const char *of = bf_cmd_arg(ctx, "of");
	char name[NAME_SIZE];

	bf_out_arr_begin(ctx->out, NULL);
	for (unsigned int i = 0; bf_app_complete(ctx->app, of, i, name, sizeof(name)) == 0; i++) {
		bf_out_printf(ctx->out, "%s\n", name);
		bf_out_str(ctx->out, NULL, name);
	}
	bf_out_arr_end(ctx->out);
}

static const struct bf_cmd names_cmds[] = {
	{"show names (of:port|guest|host|member|bond|group|exporter|mirror|lcore|flight|reason|level)",
		"All names of one kind, one per line.", cmd_names, 0},
};

const struct bf_cmd_group bf_group_names = {
	"names", "Names for shells and scripts", BF_CMDS(names_cmds)};
