/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * start, stop, load, show running-config, show version, set lcore idle, help, quit.
 *
 * Threads: ctx control.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>

#include "app.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "commands/run.h"
#include "commands/show.h"
#include "config/diff.h"

static int
edit_start(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	(void)ctx;
	(void)err;
	c->forwarding = true;
	return 0;
}

static int
edit_stop(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	(void)ctx;
	(void)err;
	c->forwarding = false;
	return 0;
}

BF_CMD_CHANGE(cmd_start, edit_start)
BF_CMD_CHANGE(cmd_stop, edit_stop)

static int
parse_load(struct bf_cmd_ctx *ctx, struct bf_load *how, struct bf_err *err)
{
	const char *seconds = bf_cmd_arg(ctx, "seconds");

	how->merge = bf_cmd_has_word(ctx, "merge");
	how->force = bf_cmd_has_word(ctx, "force");
	return seconds == NULL ? 0
			       : bf_parse_u64("confirm", seconds, 1, 86400, &how->confirm_s, err);
}

void
bf_run_load(struct bf_cmd_ctx *ctx, const char *path)
{
	struct bf_load how = {.path = path};
	struct bf_err err = {""};
	char who[64];
	int ret = parse_load(ctx, &how, &err);

	bf_app_who(ctx->app, who, sizeof(who));
	bf_out_obj_begin(ctx->out, NULL);
	if (ret == 0)
		ret = bf_app_load(ctx->app, &how, who, ctx->out, &err);
	bf_out_obj_end(ctx->out);
	if (ret != 0)
		bf_app_error(ctx->out, ret, &err);
	else if (how.confirm_s != 0)
		bf_out_printf(ctx->out, "Going back in %" PRIu64 " s unless you commit.\n",
			how.confirm_s);
}

static void
cmd_load(struct bf_cmd_ctx *ctx)
{
	bf_run_load(ctx, bf_cmd_arg(ctx, "file"));
}

/* What a load would do: the lines, and whom it would cut. */
static void
show_difference(struct bf_cmd_ctx *ctx, const struct bf_config *from, const struct bf_config *to)
{
	struct bf_app *app = ctx->app;
	struct bf_diff d = {0};
	char cuts[300] = "";

	bf_out_obj_begin(ctx->out, NULL);
	if (bf_diff_show(from, to, &d, ctx->out) != 0)
		bf_out_error(ctx->out, "diff: out of memory");
	else if (d.removed + d.added == 0)
		bf_out_printf(ctx->out, "No difference.\n");
	if (to != app->br->running && bf_diff_cuts(app->br, to, cuts, sizeof(cuts)))
		bf_out_printf(
			ctx->out, "This would %s: load it with force, or confirm SECONDS.\n", cuts);
	bf_out_str(ctx->out, "cuts", cuts);
	bf_out_obj_end(ctx->out);
}

void
bf_run_diff(struct bf_cmd_ctx *ctx, const char *path, bool merge)
{
	struct bf_app *app = ctx->app;
	struct bf_err err = {""};
	struct bf_config *want = bf_app_wanted(app, path, merge, &err);

	if (want == NULL)
		bf_app_error(ctx->out, -errno, &err);
	else
		show_difference(ctx, app->br->running, want);
	free(want);
}

static void
cmd_diff(struct bf_cmd_ctx *ctx)
{
	bf_run_diff(ctx, bf_cmd_arg(ctx, "file"), bf_cmd_has_word(ctx, "merge"));
}

/* What would be lost by a restart: against the file of --config, else the command line. */
static void
cmd_show_unsaved(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	struct bf_err err = {""};
	struct bf_config *kept = bf_app_written(app, &err);

	if (kept == NULL)
		bf_app_error(ctx->out, -errno, &err);
	else
		show_difference(ctx, kept, app->br->running);
	free(kept);
}

static void
line_to_out(void *arg, const char *line)
{
	struct bf_out *out = arg;

	bf_out_printf(out, "%s\n", line);
	bf_out_str(out, NULL, line);
}

static void
cmd_show_running(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;

	bf_out_arr_begin(ctx->out, NULL);
	bf_config_print(app->br->running, line_to_out, ctx->out);
	bf_out_arr_end(ctx->out);
}

static void
cmd_commit(struct bf_cmd_ctx *ctx)
{
	if (!bf_app_commit(ctx->app))
		bf_out_error(ctx->out,
			"commit: nothing waits for it: see set bonding mode ... confirm and load ... "
			"confirm");
	else
		bf_app_audit_cmd(ctx);
}

BF_CMD_SHOW(cmd_version, bf_show_info)

static void
cmd_log_level(struct bf_cmd_ctx *ctx)
{
	unsigned int level = 0;
	struct bf_err err;

	if (bf_parse_enum("level", bf_cmd_arg(ctx, "level"), bf_log_level_names, BF_LOG_LEVEL_COUNT,
		    &level, &err) != 0) {
		bf_out_usage(ctx->out, "%s", err.text);
		return;
	}
	bf_app_audit_cmd(ctx);
	bf_log_set_level((enum bf_log_level)level);
}

static int
edit_idle(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	static const char *const words[] = {"poll", "pause", "sleep"};
	unsigned int idle = 0;
	int ret = bf_parse_enum("idle", bf_cmd_arg(ctx, "how"), words, 3, &idle, err);

	c->idle = idle;
	return ret;
}

static_assert(RTE_MAX_LCORE < UINT16_MAX, "a pin is an lcore + 1");

/* "auto" gives the choice back. */
static int
edit_pin(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	struct bf_guest_config *g = bf_config_guest(c, bf_cmd_arg(ctx, "guest"));
	const char *lcore = bf_cmd_arg(ctx, "lcore");
	const struct bf_app *app = ctx->app;
	uint64_t q = 0, l = 0;
	bool found = app->br == NULL;

	if (g == NULL)
		return bf_err_set(
			err, EINVAL, "guest: \"%.60s\": no such guest", bf_cmd_arg(ctx, "guest"));
	if (bf_parse_u64("queue", bf_cmd_arg(ctx, "queue"), 0, g->queues - 1, &q, err) != 0)
		return -EINVAL;
	if (strcmp(lcore, "auto") == 0) {
		g->pin[q] = 0;
		return 0;
	}
	if (bf_parse_u64("lcore", lcore, 0, RTE_MAX_LCORE - 1, &l, err) != 0)
		return -EINVAL;
	for (unsigned int w = 0; app->br != NULL && w < app->br->lcores.n; w++)
		found = found || app->br->lcores.workers[w]->lcore == l;
	if (!found)
		return bf_err_set(err, EINVAL,
			"lcore: \"%s\": expected a worker lcore: see show config fwd", lcore);
	g->pin[q] = (uint16_t)(l + 1);
	return 0;
}

static int
edit_rebalance(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	return bf_parse_bool("rebalance", bf_cmd_arg(ctx, "onoff"), &c->lcore_rebalance, err);
}

BF_CMD_CHANGE(cmd_pin, edit_pin)
BF_CMD_CHANGE(cmd_rebalance, edit_rebalance)
BF_CMD_CHANGE(cmd_idle, edit_idle)

static const struct bf_cmd run_cmds[] = {
	{"start", "Forward frames.", cmd_start, BF_CMD_CONFIG},
	{"stop", "Stop forwarding; links and LACP stay up, frames are dropped as \"stopped\".",
		cmd_stop, BF_CMD_CONFIG},
	{"set lcore idle <how>", "What a worker without frames does: poll, pause or sleep.",
		cmd_idle, BF_CMD_CONFIG},
	{"set lcore rebalance <onoff>", "Move guest queues from busy workers to idle ones.",
		cmd_rebalance, BF_CMD_CONFIG},
	{"set lcore <lcore> guest <guest> queue <queue>",
		"Let an lcore poll a guest's queue; with auto bondfwd chooses again.", cmd_pin,
		BF_CMD_CONFIG},
	{"show running-config", "The current configuration, as a file for load.", cmd_show_running,
		0},
	{"show running-config diff", "What a restart would lose: + was added since, - was removed.",
		cmd_show_unsaved, 0},
	{"load <file> [force] [confirm <seconds>]",
		"Make the configuration equal to a file, as a whole or not at all. A change that would\n"
		"remove the bond or cut a connected guest needs force or confirm. With confirm, bondfwd\n"
		"undoes the change unless you commit in time.",
		cmd_load, 0},
	{"load merge <file> [force] [confirm <seconds>]",
		"Apply a file's lines on top of the current configuration, all of them or none.",
		cmd_load, 0},
	{"diff [merge] <file>", "What load (or load merge) would change.", cmd_diff, 0},
	{"commit", "Keep the change that was made with confirm.", cmd_commit, 0},
	{"set log level <level>",
		"Lowest level that is logged: error, warning, notice or debug; not saved.",
		cmd_log_level, 0},
	{"show version", "Versions of bondfwd and DPDK.", cmd_version, 0},
	{"help [topic...]",
		"Help: sections, a section's commands, all, or commands that begin with words.",
		bf_cmd_help, 0},
	{"(quit|exit)", "End this session; on the program's own terminal, stop the program.", NULL,
		BF_CMD_QUIT},
};

const struct bf_cmd_group bf_group_run = {
	"control", "Forwarding, configuration, this session", BF_CMDS(run_cmds)};
