/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Exporters of flows and counters: create, set, remove, show.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <string.h>

#include "app.h"
#include "commands/commands.h"
#include "commands/show.h"

static int
parse_options(struct bf_exporter_config *e, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && i < bf_cmd_rest_count(ctx); i++)
		ret = bf_exporter_config_parse(e, bf_cmd_rest(ctx, i), err);
	return ret;
}

static int
edit_create(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	struct bf_exporter_config e;
	int ret;

	bf_exporter_config_init(&e);
	ret = bf_keys_set(&bf_exporter_table, &e, "name", bf_cmd_arg(ctx, "name"), err);
	if (ret == 0)
		ret = parse_options(&e, ctx, err);
	return ret != 0 ? ret : bf_config_add_exporter(c, &e, err);
}

static int
edit_set(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	const char *name = bf_cmd_arg(ctx, "exporter");
	const struct bf_exporter_config *old = bf_config_find_exporter(c, name);
	struct bf_exporter_config e;
	int ret;

	if (old == NULL)
		return bf_err_set(err, EINVAL, "exporter: \"%.60s\": no such exporter", name);
	e = *old;
	ret = parse_options(&e, ctx, err);
	return ret != 0 ? ret : bf_config_replace_exporter(c, &e, err);
}

static int
edit_remove(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	return bf_config_remove_exporter(c, bf_cmd_arg(ctx, "exporter"), err);
}

BF_CMD_CHANGE(cmd_create, edit_create)
BF_CMD_CHANGE(cmd_set, edit_set)
BF_CMD_CHANGE(cmd_remove, edit_remove)

static void
cmd_show(struct bf_cmd_ctx *ctx)
{
	const struct bf_app *app = ctx->app;
	const char *name = bf_cmd_arg(ctx, "exporter");

	if (name != NULL && bf_config_find_exporter(app->br->running, name) == NULL)
		bf_out_usage(ctx->out, "exporter: \"%.60s\": no such exporter", name);
	else
		bf_app_show(ctx, &bf_show_exporters, name, true);
}

static const struct bf_cmd exporter_cmds[] = {
	{"create exporter <name> <options...>",
		"Report flows and counters to a collector: sFlow or IPFIX, by UDP.", cmd_create,
		BF_CMD_CONFIG},
	{"set exporter <exporter> <options...>", "Change keys of an exporter, which then restarts.",
		cmd_set, BF_CMD_CONFIG},
	{"remove exporter <exporter>", "End an exporter; it first sends what it has collected.",
		cmd_remove, BF_CMD_CONFIG},
	{"show exporter [<exporter>]", "Exporters, what they sent, and what was lost.", cmd_show,
		0},
};

const struct bf_cmd_group bf_group_exporter = {
	"exporter", "Flows and counters to collectors", BF_CMDS(exporter_cmds)};
