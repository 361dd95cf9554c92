/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Config files: read onto what they stand on, compared with what runs, applied as a whole.
 *
 * Theory of operation.  The file of --config stands on the command line: at the start, on SIGHUP
 * and when it is loaded by hand, what --bond and --guest say is there before its first line. So a
 * reload gives what a restart would. A file that `write` made holds the command line's bond and
 * guests as well; making one of them again replaces it. Every other file stands on nothing.
 *
 * A load that would remove the bond or cut a guest that is connected is refused unless the
 * operator says so: a file of one line is more often a slip than a wish.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/diff.h"
#include "config/earlier.h"
#include "console/script.h"
#include "reconnect.h"

struct reading {
	struct bf_app *app;
	struct bf_err *err;
	bf_config_fault_cb *cb; /* takes the fault of a line, and reading goes on; or NULL */
	void *arg;
};

static int
config_line(void *arg, const char *file, unsigned int line_no, const char *line)
{
	struct reading *r = arg;
	struct bf_out *out = bf_out_create(BF_OUT_TEXT, 0);
	const struct bf_cmd *cmd;
	int ret = 0;

	if (out == NULL)
		return bf_err_set(r->err, ENOMEM, "out of memory");
	cmd = bf_cmd_find(r->app->cmds, line, out);
	if (cmd != NULL && !(cmd->flags & BF_CMD_CONFIG))
		bf_out_usage(out, "\"%.60s\": expected a configuration command", line);
	else if (cmd != NULL)
		bf_cmd_run(r->app->cmds, line, out, r->app);
	if (bf_out_status(out) != BF_OUT_OK) {
		const char *text = bf_out_data(out, NULL);

		ret = bf_err_set(r->err, EINVAL, "%s:%u: %.*s", file, line_no,
			(int)strcspn(text, "\n"), text);
	}
	bf_out_destroy(out);
	if (ret == 0 || r->cb == NULL)
		return ret;
	r->cb(r->arg, r->err);
	return 0;
}

/* What stands in the config already was made by the command line: the file may make it again. */
static void
yields_init(struct bf_app_yields *y, const struct bf_config *c)
{
	memset(y, 0, sizeof(*y));
	for (uint32_t i = 0; i < c->n_bonds; i++)
		y->bonds[i] = true;
	for (uint32_t i = 0; i < c->n_guests; i++)
		y->guests[i] = true;
	for (uint32_t i = 0; i < c->n_groups; i++)
		y->groups[i] = true;
}

static int
read_file(struct reading *r, const char *path, struct bf_config *c)
{
	struct bf_config *before = r->app->candidate;
	struct bf_err why = {""};
	int ret;

	r->app->candidate = c;
	ret = bf_script_load(path, config_line, r, &why);
	r->app->candidate = before;
	if (ret != 0 && why.text[0] != '\0')
		return bf_err_set(r->err, -ret, "%s", why.text);
	return ret;
}

int
bf_app_read_config(struct bf_app *app, const char *path, struct bf_config *c, struct bf_err *err)
{
	struct reading r = {.app = app, .err = err};
	int ret = read_file(&r, path, c);

	return ret == 0 ? bf_config_check(c, err) : ret;
}

void
bf_app_check_file(struct bf_app *app, const char *path, struct bf_config *c, bf_config_fault_cb *cb,
	void *arg)
{
	struct bf_app_yields y;
	struct bf_err err = {""};
	struct reading r = {app, &err, cb, arg};

	yields_init(&y, c);
	app->yields = &y;
	if (read_file(&r, path, c) != 0)
		cb(arg, &err);
	app->yields = NULL;
}

int
bf_app_read_on_base(struct bf_app *app, const char *path, struct bf_config *c, struct bf_err *err)
{
	struct bf_app_yields y;
	int ret;

	yields_init(&y, c);
	app->yields = &y;
	ret = bf_app_read_config(app, path, c, err);
	app->yields = NULL;
	return ret;
}

static bool
is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	if (strcmp(a, b) == 0)
		return true;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool
bf_app_is_config_file(const struct bf_app *app, const char *path)
{
	return app->config_path != NULL && is_same_file(app->config_path, path);
}

struct bf_config *
bf_app_wanted(struct bf_app *app, const char *path, bool merge, struct bf_err *err)
{
	/* What was written into that file stood on the same. */
	bool on_base = !merge && app->config_path != NULL &&
		(bf_app_is_config_file(app, path) || bf_earlier_has(app->config_path, path));
	struct bf_config *c = merge ? bf_config_copy(app->br->running)
		: on_base           ? bf_config_copy(app->base)
				    : bf_config_new();
	int ret;

	if (c == NULL) {
		bf_err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	ret = on_base ? bf_app_read_on_base(app, path, c, err)
		      : bf_app_read_config(app, path, c, err);
	if (ret == 0)
		return c;
	free(c);
	errno = -ret;
	return NULL;
}

struct bf_config *
bf_app_written(struct bf_app *app, struct bf_err *err)
{
	struct bf_config *c;

	if (app->config_path != NULL)
		return bf_app_wanted(app, app->config_path, false, err);
	c = bf_config_copy(app->base);
	if (c == NULL)
		bf_err_set(err, ENOMEM, "out of memory");
	return c;
}

bool
bf_app_is_unsaved(const struct bf_app *app)
{
	return app->saved != 0 && app->saved != bf_config_hash(app->br->running);
}

void
bf_app_note_saved(struct bf_app *app, const struct bf_config *c)
{
	app->saved = bf_config_hash(c);
}

/* What the operator has said, or would say. */
static const char *
load_command(const struct bf_app *app, const struct bf_load *how)
{
	return app->config_path != NULL && bf_earlier_has(app->config_path, how->path)
		? "rollback NUMBER"
		: "load FILE";
}

static int
refuse_cuts(struct bf_app *app, const struct bf_load *how, const struct bf_config *want,
	struct bf_err *err)
{
	const char *say = load_command(app, how);
	char cuts[300];

	if (how->force || how->confirm_s != 0 || !bf_diff_cuts(app->br, want, cuts, sizeof(cuts)))
		return 0;
	return bf_err_set(err, EPERM,
		"load: \"%.120s\": would %s: see diff %s; then %s force, or %s confirm SECONDS",
		how->path, cuts, say[0] == 'r' ? "history NUMBER" : "FILE", say, say);
}

/* To go back in time does not help a front end that has given up meanwhile: confirm is not enough. */
static int
refuse_lost(struct bf_app *app, const struct bf_load *how, const struct bf_config *want,
	struct bf_err *err)
{
	struct bf_err why;
	char say[40];

	snprintf(say, sizeof(say), "%s force", load_command(app, how));
	if (how->force ||
		bf_reconnect_refuse(&app->br->negotiated, app->br->running, want, say, &why) == 0)
		return 0;
	return bf_err_set(err, EPERM, "load: \"%.120s\": %s", how->path, why.text);
}

static int
config_apply(struct bf_app *app, const struct bf_load *how, const struct bf_config *want,
	struct bf_err *err)
{
	struct bf_config *before = bf_config_copy(app->br->running);
	int ret = before == NULL ? bf_err_set(err, ENOMEM, "out of memory")
				 : bf_bridge_apply(app->br, want, err);

	if (ret == 0 && how->confirm_s != 0)
		bf_app_confirm(app, before, bf_clock_ms() + how->confirm_s * 1000);
	else
		free(before);
	return ret;
}

static void
config_audit(
	struct bf_app *app, const struct bf_load *how, const char *who, const struct bf_diff *d)
{
	char what[200];

	snprintf(what, sizeof(what), "%s %.120s: %u lines removed, %u added",
		how->merge ? "load merge" : "load", how->path, d->removed, d->added);
	bf_app_audit(app, who, what);
}

static void
config_warn(struct bf_out *out, const char *line)
{
	BF_WARN("config", "%s", line);
	bf_out_printf(out, "warning: %s\n", line);
}

int
bf_app_load(struct bf_app *app, const struct bf_load *how, const char *who, struct bf_out *out,
	struct bf_err *err)
{
	struct bf_config *want = bf_app_wanted(app, how->path, how->merge, err);
	struct bf_diff d = {0};
	int ret;

	if (want == NULL)
		return -errno;
	ret = refuse_lost(app, how, want, err);
	if (ret == 0)
		ret = refuse_cuts(app, how, want, err);
	if (ret == 0)
		ret = bf_bridge_check(app->br, want, err);
	if (ret == 0 && bf_diff_show(app->br->running, want, &d, out) != 0)
		ret = bf_err_set(err, ENOMEM, "out of memory");
	if (ret == 0)
		ret = config_apply(app, how, want, err);
	if (ret == 0 && bf_app_is_config_file(app, how->path) && !how->merge)
		bf_app_note_saved(app, want);
	if (ret == 0)
		config_audit(app, how, who, &d);
	if (ret == 0 && !want->profile_is_said)
		config_warn(out, BF_CONFIG_NO_PROFILE);
	free(want);
	return ret;
}
