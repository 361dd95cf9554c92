/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * watch, monitor, set paging: what a terminal does with commands.
 *
 * bondctl has watch and monitor of its own for what is no session; here they are refused then.
 *
 * Threads: ctx control.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "app.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "event_filter.h"

#define WATCH_DEFAULT_S 2
#define WATCH_MAX_S 3600

/* Only what changes nothing is repeated. */
static bool
may_repeat(const char *word)
{
	static const char *const words[] = {"show", "diff", "help"};

	for (size_t i = 0; word != NULL && i < RTE_DIM(words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static void
cmd_watch(struct bf_cmd_ctx *ctx)
{
	const char *first = bf_cmd_rest(ctx, 0);
	uint64_t seconds = WATCH_DEFAULT_S;
	struct bf_err err = {""};
	unsigned int at = 0;

	if (isdigit((unsigned char)first[0]) != 0) {
		if (bf_parse_u64("watch", first, 1, WATCH_MAX_S, &seconds, &err) != 0) {
			bf_out_usage(ctx->out, "%s", err.text);
			return;
		}
		at = 1;
	}
	if (!may_repeat(bf_cmd_rest(ctx, at)))
		bf_out_usage(ctx->out, "watch: \"%.60s\": expected show, diff or help",
			bf_cmd_rest(ctx, at) != NULL ? bf_cmd_rest(ctx, at) : "");
	else if (ctx->request == NULL)
		bf_out_usage(ctx->out, "watch: expected a terminal, or bondctl's own watch");
	else
		ctx->request->watch_ms = (uint32_t)seconds * 1000;
}

struct follow {
	struct bf_cmd_ctx *ctx;
	const struct bf_event_filter *filter;
	uint64_t after, newest;
};

/* The time of day only: the one who follows knows the date. */
static void
event_write(struct bf_out *out, const struct bf_event *e)
{
	time_t seconds = (time_t)(e->wall_ms / 1000);
	char when[16];
	struct tm tm;

	strftime(when, sizeof(when), "%H:%M:%S", gmtime_r(&seconds, &tm));
	bf_out_printf(out, "%s.%03d %s %s %s: %s\n", when, (int)(e->wall_ms % 1000),
		bf_log_level_names[e->level], e->what, e->object, e->text);
}

static void
follow_event(void *arg, const struct bf_event *e)
{
	struct follow *f = arg;

	f->newest = e->seq;
	if (e->seq > f->after && bf_event_filter_has(f->filter, (unsigned int)e->level, e->what))
		event_write(f->ctx->out, e);
}

/* The first look only notes where the journal ends. */
static void
cmd_monitor(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	struct bf_event_filter filter;
	struct follow f = {.ctx = ctx, .filter = &filter, .after = UINT64_MAX};
	struct bf_err err = {""};
	const char *words[BF_EVENT_FILTER_MAX + 1];
	unsigned int n = bf_cmd_rest_count(ctx);

	for (unsigned int i = 0; i < n && i < RTE_DIM(words); i++)
		words[i] = bf_cmd_rest(ctx, i);
	if (bf_event_filter_parse(&filter, words, n, &err) != 0) {
		bf_out_usage(ctx->out, "%s", err.text);
		return;
	}
	if (ctx->request == NULL) {
		bf_out_usage(ctx->out, "monitor: expected a terminal, or bondctl's own monitor");
		return;
	}
	if (ctx->request->is_following)
		f.after = ctx->request->after;
	bf_events_visit(&app->br->events, follow_event, &f);
	ctx->request->is_following = true;
	ctx->request->after = f.newest;
}

static void
cmd_paging(struct bf_cmd_ctx *ctx)
{
	if (ctx->request == NULL)
		bf_out_usage(ctx->out, "paging: expected a terminal: other output is never paged");
	else
		ctx->request->paging = strcmp(bf_cmd_arg(ctx, "onoff"), "on") == 0;
}

static const struct bf_cmd session_cmds[] = {
	{"watch <command...>",
		"Show a command again and again, in place, until a key is pressed: watch [SECONDS] show\n"
		"...; every 2 seconds unless said.",
		cmd_watch, 0},
	{"monitor [words...]",
		"Events as they happen, until a key is pressed. A LEVEL (error, warning, notice) shows\n"
		"events of this level and above; kinds such as member_down, or member_* for all that\n"
		"begin so, show only these.",
		cmd_monitor, 0},
	{"set paging (onoff:on|off)", "Whether long output waits at the end of the screen.",
		cmd_paging, 0},
};

const struct bf_cmd_group bf_group_session = {
	"session", "This terminal: watch, monitor, paging", BF_CMDS(session_cmds)};
