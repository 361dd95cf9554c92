/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * write, show config history, diff history, rollback, set config history.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app.h"
#include "base/parse.h"
#include "base/words.h"
#include "commands/commands.h"
#include "commands/run.h"
#include "config/earlier.h"
#include "config/save.h"

/* The words behind `reason`. */
static void
reason_join(const struct bf_cmd_ctx *ctx, char *buf, size_t size)
{
	buf[0] = '\0';
	for (unsigned int i = 0; i < bf_cmd_rest_count(ctx); i++)
		bf_words_add(buf, size, " ", bf_cmd_rest(ctx, i));
}

static void
history_warn(struct bf_app *app, struct bf_out *out, const struct bf_err *err)
{
	bf_event(&app->br->events, BF_LOG_WARNING, "history_failed", "config", "%s", err->text);
	bf_out_printf(out, "warning: %s\n", err->text);
}

static void
write_report(struct bf_out *out, const struct bf_save *s, const struct bf_err *history)
{
	bf_out_printf(out, "Written: %s\n", s->path);
	if (s->dropped > 0)
		bf_out_printf(out,
			"comment lines dropped: %u (at the end of a line, or above one that is gone)\n",
			s->dropped);
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "file", s->path);
	bf_out_u64(out, "comments_dropped", s->dropped);
	if (history->text[0] != '\0')
		bf_out_str(out, "history_error", history->text);
	bf_out_obj_end(out);
}

/* What cannot be kept does not stop the operator from writing. */
static void
write_file(struct bf_cmd_ctx *ctx, const char *path, const char *reason)
{
	struct bf_app *app = ctx->app;
	bool has_history = bf_app_is_config_file(app, path) ||
		strcmp(path, app->config_path != NULL ? app->config_path : "") == 0;
	uint32_t keep = app->br->running->history;
	struct bf_err why = {""};
	struct bf_save s = {0};
	char who[64], what[200];
	int ret, kept = has_history ? bf_earlier_keep_foreign(app->config_path, keep, &why) : 0;

	ret = bf_save_config(path, app->br->running, &s);
	if (ret != 0) {
		bf_out_error(ctx->out, "write: \"%s\": %s", path,
			ret == -EINVAL ? "special file: expected a regular file" : strerror(-ret));
		return;
	}
	bf_app_who(app, who, sizeof(who));
	if (has_history && kept == 0)
		kept = bf_earlier_keep(app->config_path, keep, who, reason, &why);
	if (has_history)
		bf_app_note_saved(app, app->br->running);
	snprintf(what, sizeof(what), "write %.180s", s.path);
	bf_app_audit(app, who, what);
	if (kept != 0)
		history_warn(app, ctx->out, &why);
	write_report(ctx->out, &s, &why);
}

static void
cmd_write(struct bf_cmd_ctx *ctx)
{
	const struct bf_app *app = ctx->app;
	const char *path = bf_cmd_arg(ctx, "file");
	char reason[BF_EARLIER_TEXT_MAX - 1];

	reason_join(ctx, reason, sizeof(reason));
	if (path == NULL)
		path = app->config_path;
	if (path == NULL)
		bf_out_usage(ctx->out,
			"write: expected a file: the program was started without --config");
	else if (strcmp(path, "reason") == 0)
		bf_out_usage(ctx->out, "write: \"reason\": expected words behind it, or a file");
	else
		write_file(ctx, path, reason);
}

/* The file whose history there is, or NULL after an error. */
static const char *
history_file(struct bf_cmd_ctx *ctx)
{
	const struct bf_app *app = ctx->app;

	if (app->config_path == NULL)
		bf_out_error(
			ctx->out, "history: expected --config FILE at the start: there is none");
	return app->config_path;
}

/* @return false after an error. */
static bool
history_path(struct bf_cmd_ctx *ctx, char path[BF_EARLIER_PATH_MAX])
{
	const char *file = history_file(ctx);
	struct bf_err err = {""};
	uint64_t number = 0;
	int ret;

	if (file == NULL)
		return false;
	ret = bf_parse_u64("number", bf_cmd_arg(ctx, "number"), 1, UINT32_MAX - 1, &number, &err);
	if (ret == 0)
		ret = bf_earlier_find(file, (uint32_t)number, path, &err);
	if (ret != 0)
		bf_app_error(ctx->out, ret, &err);
	return ret == 0;
}

static void
entry_show(struct bf_out *out, const struct bf_earlier_entry *e)
{
	char when[32];
	time_t seconds = (time_t)e->time_s;
	struct tm tm;

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &tm));
	bf_out_printf(out, "%-6" PRIu32 " %s  %-32s %s\n", e->number, when, e->author, e->reason);
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, "number", e->number);
	bf_out_u64(out, "time_s", e->time_s);
	bf_out_str(out, "author", e->author);
	bf_out_str(out, "reason", e->reason);
	bf_out_obj_end(out);
}

static void
cmd_show(struct bf_cmd_ctx *ctx)
{
	const char *file = history_file(ctx);
	struct bf_earlier_entry *list;
	uint32_t n;

	if (file == NULL)
		return;
	n = bf_earlier_list(file, &list);
	bf_out_printf(ctx->out,
		n == 0 ? "No configuration has been kept.\n"
		       : "Number Time (UTC)           By                               Reason\n");
	bf_out_arr_begin(ctx->out, NULL);
	for (uint32_t i = 0; i < n; i++)
		entry_show(ctx->out, &list[i]);
	bf_out_arr_end(ctx->out);
	free(list);
}

static void
cmd_show_one(struct bf_cmd_ctx *ctx)
{
	char path[BF_EARLIER_PATH_MAX], *line = NULL;
	size_t room = 0;
	FILE *f;

	if (!history_path(ctx, path))
		return;
	f = fopen(path, "re");
	if (f == NULL) {
		bf_out_error(ctx->out, "history: \"%s\": %s", path, strerror(errno));
		return;
	}
	bf_out_arr_begin(ctx->out, NULL);
	while (getline(&line, &room, f) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		bf_out_printf(ctx->out, "%s\n", bf_words_plain(line));
		bf_out_str(ctx->out, NULL, line);
	}
	bf_out_arr_end(ctx->out);
	free(line);
	fclose(f);
}

static void
cmd_diff(struct bf_cmd_ctx *ctx)
{
	char path[BF_EARLIER_PATH_MAX];

	if (history_path(ctx, path))
		bf_run_diff(ctx, path, false);
}

static void
cmd_rollback(struct bf_cmd_ctx *ctx)
{
	char path[BF_EARLIER_PATH_MAX];

	if (history_path(ctx, path))
		bf_run_load(ctx, path);
}

static int
edit_history(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	uint64_t n = 0;
	int ret = bf_parse_u64("count", bf_cmd_arg(ctx, "count"), 0, BF_EARLIER_MAX, &n, err);

	if (ret == 0)
		c->history = (uint32_t)n;
	return ret;
}

BF_CMD_CHANGE(cmd_history, edit_history)

static const struct bf_cmd history_cmds[] = {
	{"write [<file>]",
		"Save the current configuration (default: to the file of --config). Keeps the file's\n"
		"mode, and the comments above commands that are still there.",
		cmd_write, 0},
	{"write reason <text...>",
		"The same to the file of --config, with a reason for its history.", cmd_write, 0},
	{"set config history <count>",
		"How many earlier configurations write keeps: 0 to 100, by default 10.",
		cmd_history, BF_CMD_CONFIG},
	{"show config history", "Saved configurations: number, time, author, reason.", cmd_show, 0},
	{"show config history <number>", "One of them, as it was written.", cmd_show_one, 0},
	{"diff history <number>", "What rollback would change.", cmd_diff, 0},
	{"rollback <number> [force] [confirm <seconds>]",
		"Load one of them as the current configuration. With confirm, bondfwd undoes the change\n"
		"unless you commit in time. The file of --config does not change: use write when\n"
		"everything works.",
		cmd_rollback, 0},
};

const struct bf_cmd_group bf_group_history = {
	"history", "The file of --config and what it was before", BF_CMDS(history_cmds)};
