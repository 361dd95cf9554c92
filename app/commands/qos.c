/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Shares of guests: show, and the maps between classes and DSCPs.  Rates, marks and filters are keys of guests.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <string.h>

#include "app.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "commands/show.h"

BF_CMD_SHOW(cmd_map, bf_show_qos_map)

static void
cmd_show(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *name = bf_cmd_arg(ctx, "guest");

	if (name != NULL && bf_bridge_guest(app->br, name) == NULL)
		bf_out_usage(ctx->out, "guest: \"%.60s\": no such guest", name);
	else
		bf_app_show(ctx, &bf_show_qos, name, true);
}

/* A number, or one of the names of RFC 2474, 2597 and 3246: cs0 to cs7, af11 to af43, ef. */
static int
dscp_parse(const char *text, uint64_t *dscp, struct bf_err *err)
{
	size_t len = strlen(text);

	if (strcmp(text, "ef") == 0) {
		*dscp = 46;
		return 0;
	}
	if (len == 3 && strncmp(text, "cs", 2) == 0 && text[2] >= '0' && text[2] <= '7') {
		*dscp = (uint64_t)(text[2] - '0') * BF_CLASSES;
		return 0;
	}
	if (len == 4 && strncmp(text, "af", 2) == 0 && text[2] >= '1' && text[2] <= '4' &&
		text[3] >= '1' && text[3] <= '3') {
		*dscp = (uint64_t)(text[2] - '0') * BF_CLASSES + (uint64_t)(text[3] - '0') * 2;
		return 0;
	}
	if (bf_parse_u64("dscp", text, 0, BF_DSCPS - 1, dscp, NULL) == 0)
		return 0;
	return bf_err_set(err, EINVAL,
		"dscp: \"%.60s\": expected 0 to 63, cs0 to cs7, af11 to af43, or ef", text);
}

static int
pair_parse(const struct bf_cmd_ctx *ctx, uint64_t *dscp, uint64_t *class, struct bf_err *err)
{
	int ret = dscp_parse(bf_cmd_arg(ctx, "dscp"), dscp, err);

	return ret != 0
		? ret
		: bf_parse_u64("class", bf_cmd_arg(ctx, "class"), 0, BF_CLASSES - 1, class, err);
}

static int
edit_class_of(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	uint64_t dscp = 0, class = 0;
	int ret = pair_parse(ctx, &dscp, &class, err);

	if (ret == 0)
		c->qos_map.class_of[dscp] = (uint8_t) class;
	return ret;
}

static int
edit_dscp_of(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	uint64_t dscp = 0, class = 0;
	int ret = pair_parse(ctx, &dscp, &class, err);

	if (ret == 0)
		c->qos_map.dscp_of[class] = (uint8_t)dscp;
	return ret;
}

BF_CMD_CHANGE(cmd_class_of, edit_class_of)
BF_CMD_CHANGE(cmd_dscp_of, edit_dscp_of)

static const struct bf_cmd qos_cmds[] = {
	{"show qos", "Rates, marks and filters of guests, and what they did.", cmd_show, 0},
	{"show qos guest <guest>", "The same of one guest.", cmd_show, 0},
	{"show qos map", "The class of each DSCP, and the DSCP that is written for each class.",
		cmd_map, 0},
	{"set qos map dscp <dscp> class <class>",
		"Class of frames with this DSCP, for guests with mark_in=dscp or mark_out=dscp.",
		cmd_class_of, BF_CMD_CONFIG},
	{"set qos map class <class> dscp <dscp>", "DSCP that is written into frames of a class.",
		cmd_dscp_of, BF_CMD_CONFIG},
};

const struct bf_cmd_group bf_group_qos = {
	"qos", "Rates, marks and filters of guests", BF_CMDS(qos_cmds)};
