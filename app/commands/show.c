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
bf_app_show(struct bf_cmd_ctx *ctx, const struct bf_show *show, const char *only, bool in_full)
{
	struct bf_snapshot s = {.in_full = in_full};
	bool one = show->one || (only != NULL && show->named_is_one);
	struct bf_app *app = ctx->app;

	show->gather(app->br, only, &s);
	bf_render(show->table, &s.rows, one, ctx->out);
	if (s.ret != 0)
		bf_app_error(ctx->out, s.ret, &s.err);
	bf_snapshot_fini(&s);
}
