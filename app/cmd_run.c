/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * start, stop, load, write, show running-config, show version, set lcore idle, help, quit.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include <rte_lcore.h>
#include <rte_version.h>

#include "app.h"
#include "base/file.h"
#include "base/parse.h"
#include "commands.h"

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

static void
cmd_start(struct bf_cmd_ctx *ctx)
{
	bf_app_change(ctx, edit_start);
}

static void
cmd_stop(struct bf_cmd_ctx *ctx)
{
	bf_app_change(ctx, edit_stop);
}

static void
cmd_load(struct bf_cmd_ctx *ctx)
{
	struct bf_err err = {""};
	int ret = bf_app_load(ctx->app, bf_cmd_arg(ctx, "file"), &err);

	if (ret != 0)
		bf_app_error(ctx->out, ret, &err);
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
line_to_file(void *arg, const char *line)
{
	fprintf(arg, "%s\n", line);
}

static void
write_config(void *arg, FILE *f)
{
	fputs("# bondfwd configuration: console commands, applied as a whole\n", f);
	bf_config_print(arg, line_to_file, f);
}

static void
cmd_write(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *path = bf_cmd_arg(ctx, "file");
	int ret;

	if (path == NULL)
		path = app->config_path;
	if (path == NULL) {
		bf_out_usage(ctx->out,
			"write: expected a file: the program was started without --config");
		return;
	}
	ret = bf_file_replace(path, write_config, app->br->running);
	if (ret != 0)
		bf_out_error(ctx->out, "write: \"%s\": %s", path, strerror(-ret));
}

static void
cmd_commit(struct bf_cmd_ctx *ctx)
{
	if (!bf_app_commit(ctx->app))
		bf_out_error(
			ctx->out, "commit: nothing waits for it: see set bonding mode ... confirm");
}

static void
cmd_version(struct bf_cmd_ctx *ctx)
{
	bf_out_printf(ctx->out, "bondfwd %s, %s\n", BF_VERSION, rte_version());
	bf_out_obj_begin(ctx->out, NULL);
	bf_out_str(ctx->out, "bondfwd", BF_VERSION);
	bf_out_str(ctx->out, "dpdk", rte_version());
	bf_out_obj_end(ctx->out);
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
	g->pin[q] = (uint8_t)(l + 1);
	return 0;
}

static int
edit_rebalance(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	return bf_parse_bool("rebalance", bf_cmd_arg(ctx, "onoff"), &c->lcore_rebalance, err);
}

static void
cmd_pin(struct bf_cmd_ctx *ctx)
{
	bf_app_change(ctx, edit_pin);
}

static void
cmd_rebalance(struct bf_cmd_ctx *ctx)
{
	bf_app_change(ctx, edit_rebalance);
}

static void
cmd_idle(struct bf_cmd_ctx *ctx)
{
	bf_app_change(ctx, edit_idle);
}

const struct bf_cmd bf_cmds_run[BF_N_CMDS_RUN] = {
	{"start", "Forward frames.", cmd_start, BF_CMD_CONFIG},
	{"stop", "Stop forwarding; links and LACP stay up, frames are dropped as \"stopped\".",
		cmd_stop, BF_CMD_CONFIG},
	{"set lcore idle <how>", "What a worker without frames does: poll, pause or sleep.",
		cmd_idle, BF_CMD_CONFIG},
	{"set lcore rebalance <onoff>", "Move guest queues from busy workers to idle ones.",
		cmd_rebalance, BF_CMD_CONFIG},
	{"set lcore <lcore> guest <guest> queue <queue>",
		"Let an lcore poll a guest's queue; auto gives the choice back.", cmd_pin,
		BF_CMD_CONFIG},
	{"show running-config", "The present configuration, as a file that load reads.",
		cmd_show_running, 0},
	{"write [<file>]", "Save the present configuration (default: the file of --config).",
		cmd_write, 0},
	{"load <file>", "Make the configuration equal to a file; all of it or nothing.", cmd_load,
		0},
	{"commit", "Keep the change that was made with confirm.", cmd_commit, 0},
	{"show version", "Versions of bondfwd and DPDK.", cmd_version, 0},
	{"help [topic...]",
		"Help: sections, a section's commands, all, or commands that begin with words.",
		bf_cmd_help, 0},
	{"quit", "End this session; on the program's own terminal, stop the program.", NULL,
		BF_CMD_QUIT},
};
