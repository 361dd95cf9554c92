/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The metrics of everything that is shown.
 *
 * Threads: ctx control.
 */
#include <stdlib.h>

#include "app.h"
#include "commands/commands.h"
#include "console/render.h"
#include "control/snapshot/snapshot.h"

/* All of one moment: the workers go on, but control does nothing else meanwhile. */
static void
show_metrics(struct bf_cmd_ctx *ctx, enum bf_metrics_form form)
{
	struct bf_snapshot *all = calloc(bf_n_shows, sizeof(*all));
	struct bf_shown *shown = calloc(bf_n_shows, sizeof(*shown));
	struct bf_app *app = ctx->app;
	bool is_ready = all != NULL && shown != NULL;
	unsigned int n = 0;

	for (unsigned int i = 0; is_ready && i < bf_n_shows; i++) {
		if (!bf_shows[i]->metrics)
			continue;
		bf_shows[i]->gather(app->br, NULL, &all[n]);
		shown[n] = (struct bf_shown){bf_shows[i]->table, &all[n].rows};
		if (all[n].ret != 0)
			bf_app_error(ctx->out, all[n].ret, &all[n].err);
		n++;
	}
	if (is_ready)
		bf_render_metrics(shown, n, form, ctx->out);
	else
		bf_out_error(ctx->out, "out of memory");
	for (unsigned int i = 0; i < n; i++)
		bf_snapshot_fini(&all[i]);
	free(shown);
	free(all);
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
};

const struct bf_cmd_group bf_group_metrics = {
	"metrics", "Metrics for Prometheus", BF_CMDS(metrics_cmds)};
