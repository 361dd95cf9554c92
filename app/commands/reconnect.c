/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * check restart, check migrate, show remembered, clear remembered: would guests come back, here or on another
 * host?
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
#include "commands/commands.h"
#include "config/diff.h"
#include "migrate.h"
#include "reconnect.h"
#include "vhost/session.h"

struct checking {
	struct bf_cmd_ctx *ctx;
	const struct bf_config *running, *written;
	bool failed;
};

static const char *
front_end_state(struct bf_app *app, const struct bf_negotiated *n)
{
	const struct bf_guest *g = bf_bridge_guest(app->br, n->guest);

	if (g != NULL && g->up)
		return "connected";
	return !bf_negotiated_binds(n) ? "gone" : n->removed ? "removed" : "remembered";
}

/* Would it come back with one of the two configurations? @return "" if it would */
static void
restart_judge(const struct bf_negotiated *n, const struct bf_config *with, struct bf_err *why)
{
	const struct bf_guest_config *to = bf_config_find_guest(with, n->guest);

	why->text[0] = '\0';
	if (to == NULL)
		bf_err_set(why, ENOENT, "the guest is not in it");
	else
		(void)bf_negotiated_lacks(n, to, why);
}

static void
restart_tell(struct bf_out *out, const char *key, const char *what, const struct bf_err *why)
{
	if (why->text[0] != '\0')
		bf_out_printf(out, "  %s: could not come back: %s\n", what, why->text);
	else
		bf_out_printf(out, "  %s: comes back\n", what);
	bf_out_obj_begin(out, key);
	bf_out_bool(out, "comes_back", why->text[0] == '\0');
	bf_out_str(out, "why", why->text);
	bf_out_obj_end(out);
}

static void
restart_show(struct checking *c, const struct bf_negotiated *n)
{
	struct bf_app *app = c->ctx->app;
	const char *state = front_end_state(app, n);
	struct bf_out *out = c->ctx->out;
	struct bf_err why;

	if (strcmp(state, "gone") == 0 ||
		(bf_config_find_guest(c->running, n->guest) == NULL &&
			bf_config_find_guest(c->written, n->guest) == NULL))
		return; /* it negotiates anew, or is not wanted back */
	bf_out_printf(out, "%s: %s, front end %s\n", n->guest, state, n->front_end);
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "guest", n->guest);
	bf_out_str(out, "state", state);
	restart_judge(n, c->running, &why);
	restart_tell(out, "running", "with the current configuration", &why);
	restart_judge(n, c->written, &why);
	restart_tell(out, "written", "with the written one", &why);
	bf_out_obj_end(out);
	c->failed = c->failed || why.text[0] != '\0';
}

static void
restart_difference(struct checking *c)
{
	struct bf_diff d = {0};

	bf_out_printf(c->ctx->out, "Lines that differ (- written, + current):\n");
	if (bf_diff_show(c->written, c->running, &d, c->ctx->out) != 0)
		bf_out_error(c->ctx->out, "check: out of memory");
	else if (d.removed + d.added == 0)
		bf_out_printf(c->ctx->out, "none\n");
}

static void
cmd_check_restart(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	struct bf_err err = {""};
	struct bf_config *written = bf_app_written(app, &err);
	struct checking c = {ctx, app->br->running, written, false};

	if (written == NULL) {
		bf_app_error(ctx->out, -errno, &err);
		return;
	}
	bf_out_obj_begin(ctx->out, NULL);
	bf_out_arr_begin(ctx->out, "guests");
	for (uint32_t i = 0; i < app->br->negotiated.n; i++)
		restart_show(&c, &app->br->negotiated.at[i]);
	bf_out_arr_end(ctx->out);
	bf_out_bool(ctx->out, "all_come_back", !c.failed);
	restart_difference(&c);
	bf_out_obj_end(ctx->out);
	if (c.failed)
		(void)bf_out_swap_status(ctx->out, BF_OUT_FAILED);
	free(written);
}

static void
migrate_show(struct bf_out *out, const struct bf_migration *m)
{
	bf_out_printf(out,
		m->why.text[0] == '\0' ? "%s: could migrate%s%s\n" : "%s: could not migrate%s%s\n",
		m->guest,
		m->why.text[0] != '\0' ? ": "
			: m->is_known  ? ""
				       : ": it has negotiated nothing yet",
		m->why.text);
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "guest", m->guest);
	bf_out_bool(out, "could_migrate", m->why.text[0] == '\0');
	bf_out_str(out, "why", m->why.text);
	bf_out_bool(out, "has_negotiated", m->is_known);
	bf_out_arr_begin(out, "differences");
	for (uint32_t i = 0; i < m->n_differences; i++) {
		bf_out_printf(out, "  warning: %s\n", m->difference[i]);
		bf_out_str(out, NULL, m->difference[i]);
	}
	bf_out_arr_end(out);
	bf_out_obj_end(out);
}

static void
migrate_on_guest(void *arg, const struct bf_migration *m)
{
	struct checking *c = arg;

	migrate_show(c->ctx->out, m);
	c->failed = c->failed || m->why.text[0] != '\0';
}

static void
cmd_check_migrate(struct bf_cmd_ctx *ctx)
{
	struct checking c = {.ctx = ctx};
	struct bf_err err = {""};
	int ret;

	bf_out_arr_begin(ctx->out, NULL);
	ret = bf_migrate_check(ctx->app, bf_cmd_arg(ctx, "file"), migrate_on_guest, &c, &err);
	bf_out_arr_end(ctx->out);
	if (ret != 0)
		bf_app_error(ctx->out, ret, &err);
	else if (c.failed)
		(void)bf_out_swap_status(ctx->out, BF_OUT_FAILED);
}

static void
remembered_show(struct bf_app *app, const struct bf_negotiated *n, struct bf_out *out)
{
	char names[320], when[32];
	time_t seconds = (time_t)n->since_s;
	struct tm tm;

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &tm));
	bf_vhost_feature_names(n->features, names, sizeof(names));
	bf_out_printf(out,
		"%s: %s, front end %s, pid %d, user %" PRIu32 ", since %s\n"
		"  Features: %s\n  Queue pairs %u, ring size %u, MTU %u\n",
		n->guest, front_end_state(app, n), n->front_end, n->pid, n->uid, when, names,
		n->pairs, n->ring_size, n->mtu);
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "guest", n->guest);
	bf_out_str(out, "state", front_end_state(app, n));
	bf_out_str(out, "front_end", n->front_end);
	bf_out_i64(out, "pid", n->pid);
	bf_out_u64(out, "uid", n->uid);
	bf_out_u64(out, "since_s", n->since_s);
	bf_out_strf(out, "features", "0x%" PRIx64, n->features);
	bf_out_strf(out, "protocol_features", "0x%" PRIx64, n->protocol);
	bf_out_u64(out, "queue_pairs", n->pairs);
	bf_out_u64(out, "ring_size", n->ring_size);
	bf_out_u64(out, "mtu", n->mtu);
	bf_out_obj_end(out);
}

static void
cmd_show_remembered(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;

	bf_out_arr_begin(ctx->out, NULL);
	for (uint32_t i = 0; i < app->br->negotiated.n; i++)
		remembered_show(app, &app->br->negotiated.at[i], ctx->out);
	bf_out_arr_end(ctx->out);
}

static void
cmd_clear_remembered(struct bf_cmd_ctx *ctx)
{
	const char *name = bf_cmd_arg(ctx, "guest");
	struct bf_app *app = ctx->app;
	const struct bf_guest *g = bf_bridge_guest(app->br, name);

	if (g != NULL && g->up && !g->cfg.host)
		bf_out_error(ctx->out,
			"guest: \"%.60s\": is connected: expected one that is not, see show remembered",
			name);
	else if (!bf_negotiated_forget(&app->br->negotiated, name))
		bf_out_usage(
			ctx->out, "guest: \"%.60s\": is not remembered: see show remembered", name);
	else
		bf_app_audit_cmd(ctx);
}

static const struct bf_cmd reconnect_cmds[] = {
	{"check restart",
		"Could each connected or remembered guest reconnect after a restart? Exit status 1 if\n"
		"one could not with the written configuration.",
		cmd_check_restart, 0},
	{"check migrate <file>",
		"Could each guest migrate to another host? FILE is that host's configuration, or what\n"
		"bondctl -j show guest prints there. Exit status 1 if one could not.",
		cmd_check_migrate, 0},
	{"show remembered",
		"What each guest has negotiated, including guests that are not connected now.",
		cmd_show_remembered, 0},
	{"clear remembered <guest>",
		"Forget what a guest has negotiated: for a guest that will not reconnect.",
		cmd_clear_remembered, 0},
};

const struct bf_cmd_group bf_group_reconnect = {
	"reconnect", "Would guests come back, here or elsewhere", BF_CMDS(reconnect_cmds)};
