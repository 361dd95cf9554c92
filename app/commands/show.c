/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Show commands.
 *
 * Threads: ctx control.
 */
#include "commands/show.h"

#include "app.h"
#include "console/render.h"

void
bf_app_render(struct bf_out *out, const struct bf_table *t, struct bf_snapshot *s, bool one)
{
	bf_render(t, &s->rows, one, out);
	if (s->ret != 0)
		bf_app_error(out, s->ret, &s->err);
	bf_snapshot_fini(s);
}

void
bf_app_show(struct bf_cmd_ctx *ctx, const struct bf_show *show, const char *only, bool in_full)
{
	struct bf_snapshot s = {.in_full = in_full};
	bool one = show->one || (only != NULL && show->named_is_one);
	struct bf_app *app = ctx->app;

	show->gather(app->br, only, &s);
	bf_app_render(ctx->out, show->table, &s, one);
}
