/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The metrics of everything that is shown.
 *
 * Threads: ctx control.
 */
#include <errno.h>

#include "all_metrics.h"
#include "app.h"
#include "commands/commands.h"
#include "commands/show.h"

static void
show_metrics(struct bf_cmd_ctx *ctx, enum bf_metrics_form form)
{
	struct bf_all_metrics m = {.n = 0};
	struct bf_app *app = ctx->app;
	struct bf_err err;

	if (bf_all_metrics_gather(&m, app->br, &err) == 0)
		bf_all_metrics_render(&m, form, ctx->out);
	else
		bf_out_error(ctx->out, "%s", err.text);
	for (unsigned int i = 0; i < m.n; i++)
		if (m.all[i].ret != 0 && m.all[i].ret != -ENOMEM)
			bf_app_error(ctx->out, m.all[i].ret, &m.all[i].err);
	bf_all_metrics_fini(&m);
}

static void
cmd_metrics(struct bf_cmd_ctx *ctx)
{
	show_metrics(ctx, BF_METRICS_PROMETHEUS);
}

static void
cmd_openmetrics(struct bf_cmd_ctx *ctx)
{
	show_metrics(ctx, BF_METRICS_OPEN);
}

static const struct bf_cmd metrics_cmds[] = {
	{"show metrics", "All counters and states, in Prometheus' text format.", cmd_metrics, 0},
	{"show metrics openmetrics", "The same in OpenMetrics 1.0.", cmd_openmetrics, 0},
	{"show metrics names", "Which metrics there are, with their labels and meaning.",
		bf_app_metric_names, 0},
};

const struct bf_cmd_group bf_group_metrics = {
	"metrics", "Metrics for Prometheus", BF_CMDS(metrics_cmds)};
