/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the commands have in common: finding ports, changing the config, completing names.
 *
 * Threads: ctx control.
 */
#include "app.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "base/clock.h"
#include "base/parse.h"
#include "base/words.h"
#include "control/loop/task.h"
#include "reconnect.h"

#define FALLBACK_RETRY_MS 10000

static bool
is_missing(const struct bf_bridge *br, const char *device)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (bf_missing_has(&br->up[k].missing, device))
			return true;
	return false;
}

unsigned int
bf_app_ports(struct bf_app *app, const char *text, struct bf_port_ref *refs, struct bf_out *out)
{
	bool all = strcmp(text, "all") == 0;
	struct bf_port_ref r;
	unsigned int n = 0;

	for (unsigned int i = 0; i < BF_MAX_PORT_IDS; i++)
		if (bf_port_ref_at(app->br, i, &r) && (all || bf_port_ref_is(&r, text)))
			refs[n++] = r;
	if (n == 0 && !all && is_missing(app->br, text))
		bf_out_error(out, "port: \"%.60s\": its device is missing", text);
	else if (n == 0 && !all)
		bf_out_usage(out,
			"port: \"%.60s\": expected a port's id or name, or all: see show "
			"port summary all",
			text);
	return n;
}

void
bf_app_error(struct bf_out *out, int ret, const struct bf_err *err)
{
	if (ret == -EINVAL)
		bf_out_usage(out, "%s", err->text);
	else
		bf_out_error(out, "%s", err->text);
}

static bool
is_member(const struct bf_config *c, const char *device)
{
	for (uint32_t i = 0; i < c->n_bonds; i++)
		if (bf_bond_config_member(&c->bonds[i], device) >= 0)
			return true;
	return false;
}

/* A file may name a device that is not there yet; who types one has mistyped it. */
static int
check_new_members(const struct bf_config *running, const struct bf_config *c, struct bf_err *err)
{
	uint16_t port;
	int ret = 0;

	for (uint32_t k = 0; k < c->n_bonds; k++) {
		const struct bf_bond_config *b = &c->bonds[k];

		for (uint32_t i = 0; i < b->n_members && ret == 0; i++)
			if (!is_member(running, b->members[i].name))
				ret = bf_bond_find_port(b->members[i].name, &port, err);
	}
	return ret;
}

struct warning {
	const char *line;
	bool known;
};

static void
is_known(void *arg, const char *line)
{
	struct warning *w = arg;

	w->known = w->known || strcmp(w->line, line) == 0;
}

struct new_warnings {
	struct bf_out *out;
	const struct bf_config *before;
};

static void
show_new(void *arg, const char *line)
{
	struct new_warnings *n = arg;
	struct warning w = {line, false};

	bf_config_warnings(n->before, is_known, &w);
	if (!w.known)
		bf_out_printf(n->out, "warning: %s\n", line);
}

/* What has no effect, and was not so before. */
static void
warn_of_new(struct bf_out *out, const struct bf_config *before, const struct bf_config *now)
{
	struct new_warnings n = {out, before};

	if (before != NULL)
		bf_config_warnings(now, show_new, &n);
}

/* @param before Gets the configuration as it was when the edit changes it; the caller's to free. */
static int
change_running(struct bf_app *app, struct bf_cmd_ctx *ctx, bf_app_edit_fn *edit,
	struct bf_config **before, struct bf_err *err)
{
	struct bf_config *c = bf_config_copy(app->br->running);
	int ret;

	if (c == NULL)
		return bf_err_set(err, ENOMEM, "out of memory");
	ret = edit(c, ctx, err);
	if (ret == 0 && !bf_config_is_equal(c, app->br->running)) {
		*before = bf_config_copy(app->br->running);
		if (*before == NULL)
			ret = bf_err_set(
				err, ENOMEM, "out of memory"); /* no change without its audit */
	}
	if (ret == 0)
		ret = check_new_members(app->br->running, c, err);
	if (ret == 0)
		ret = bf_bridge_apply(app->br, c, err);
	free(c);
	return ret;
}

void
bf_app_change(struct bf_cmd_ctx *ctx, bf_app_edit_fn *edit)
{
	struct bf_app *app = ctx->app;
	struct bf_err err = {""};
	struct bf_config *before = NULL;
	int ret = app->candidate != NULL ? edit(app->candidate, ctx, &err)
					 : change_running(app, ctx, edit, &before, &err);

	if (ret != 0) {
		bf_app_error(ctx->out, ret, &err);
	} else if (before != NULL) {
		bf_app_audit_cmd(ctx);
		warn_of_new(ctx->out, before, app->br->running);
	}
	free(before);
}

void
bf_app_audit(struct bf_app *app, const char *who, const char *what)
{
	bf_event(&app->br->events, BF_LOG_NOTICE, "config_changed", "config", "%.200s, by %s", what,
		who);
	bf_app_prompt(app);
}

void
bf_app_prompt(struct bf_app *app)
{
	if (app->console != NULL)
		bf_console_set_prompt(app->console,
			bf_app_is_unsaved(app) ? "bondfwd (unsaved changes)> " : "bondfwd> ");
}

void
bf_app_who(const struct bf_app *app, char *buf, size_t size)
{
	if (app->console == NULL)
		snprintf(buf, size, "the program");
	else
		bf_console_who(app->console, buf, size);
}

void
bf_app_audit_cmd(struct bf_cmd_ctx *ctx)
{
	char who[64], line[200];

	bf_app_who(ctx->app, who, sizeof(who));
	bf_cmd_line(ctx, line, sizeof(line));
	bf_app_audit(ctx->app, who, line);
}

void
bf_app_confirm(struct bf_app *app, struct bf_config *before, uint64_t deadline_ms)
{
	if (app->fallback == NULL)
		app->fallback = before;
	else /* a second change within the time: the first state counts */
		free(before);
	app->fallback_ms = deadline_ms;
	app->fallback_failed = false;
}

bool
bf_app_commit(struct bf_app *app)
{
	bool waited = app->fallback != NULL;

	free(app->fallback);
	app->fallback = NULL;
	return waited;
}

uint64_t
bf_app_confirm_tick(struct bf_app *app, uint64_t now_ms)
{
	struct bf_err err = {""};

	if (app->fallback == NULL)
		return BF_TASK_NEVER;
	if (now_ms < app->fallback_ms)
		return app->fallback_ms;
	if (!app->fallback_failed)
		bf_reconnect_faults(&app->br->negotiated, app->br->running, app->fallback, NULL,
			bf_reconnect_warn, app->br);
	if (bf_bridge_apply(app->br, app->fallback, &err) != 0) {
		bf_event(&app->br->events, BF_LOG_ERR, "rollback_failed", "config",
			"%s; bondfwd tries again every %d s until `commit`", err.text,
			FALLBACK_RETRY_MS / 1000);
		app->fallback_failed = true;
		app->fallback_ms = now_ms + FALLBACK_RETRY_MS;
		bf_app_prompt(app);
		return app->fallback_ms;
	}
	bf_event(&app->br->events, BF_LOG_WARNING, "rolled_back", "config",
		"not committed in time: the previous configuration is in force again");
	bf_app_prompt(app);
	bf_app_commit(app);
	return BF_TASK_NEVER;
}

static bool
has_id(const struct bf_bond *b, const char *text)
{
	char id[16];

	snprintf(id, sizeof(id), "%u", b->port);
	return b->open && strcmp(id, text) == 0;
}

struct bf_bond_config *
bf_app_bond(const struct bf_app *app, struct bf_config *c, const char *name, struct bf_err *err)
{
	char names[BF_MAX_BONDS * (BF_NAME_MAX + 2)] = "";
	struct bf_bond_config *b = bf_config_bond(c, name);

	for (unsigned int k = 0; b == NULL && app->br != NULL && k < BF_MAX_BONDS; k++)
		if (has_id(&app->br->up[k].bond, name))
			b = bf_config_bond(c, app->br->up[k].name);
	if (b != NULL)
		return b;
	for (uint32_t i = 0; i < c->n_bonds; i++)
		bf_words_add(names, sizeof(names), " or ", c->bonds[i].name);
	bf_err_set(err, EINVAL, "bond: \"%.60s\": expected %s", name,
		c->n_bonds > 0 ? names : "a bond: see create bonding device");
	return NULL;
}

struct bf_uplink *
bf_app_uplink(struct bf_app *app, const char *name, struct bf_out *out)
{
	struct bf_err err = {""};
	const struct bf_bond_config *b = bf_app_bond(app, app->br->running, name, &err);

	if (b == NULL) {
		bf_out_usage(out, "%s", err.text);
		return NULL;
	}
	return bf_bridge_uplink(app->br, b->name);
}

static int
complete_ports(
	struct bf_app *app, bool guests, bool ethdevs, unsigned int idx, char *buf, size_t size)
{
	struct bf_port_ref r;

	for (unsigned int id = 0; id < BF_MAX_PORT_IDS; id++) {
		if (!bf_port_ref_at(app->br, id, &r) ||
			(r.kind == BF_REF_GUEST ? !guests : !ethdevs))
			continue;
		if (idx-- == 0) {
			snprintf(buf, size, "%s", r.name);
			return 0;
		}
	}
	return -1;
}

static int
complete_hosts(const struct bf_app *app, unsigned int idx, char *buf, size_t size)
{
	const struct bf_config *c = app->br->running;

	for (uint32_t i = 0; i < c->n_guests; i++)
		if (c->guests[i].host && idx-- == 0) {
			snprintf(buf, size, "%s", c->guests[i].name);
			return 0;
		}
	return -1;
}

static int
complete_words(const char *const *words, unsigned int n, unsigned int idx, char *buf, size_t size)
{
	if (idx >= n)
		return -1;
	snprintf(buf, size, "%s", words[idx]);
	return 0;
}

static int
complete_flights(const struct bf_app *app, unsigned int idx, char *buf, size_t size)
{
	const struct bf_flights *f = &app->br->flights;

	for (unsigned int i = 0; i < BF_FLIGHTS_MAX; i++) {
		if (f->kept[i] == NULL || idx-- > 0)
			continue;
		snprintf(buf, size, "%u", f->kept[i]->id);
		return 0;
	}
	return -1;
}

static int
complete_lcores(const struct bf_app *app, unsigned int idx, char *buf, size_t size)
{
	if (idx >= app->br->lcores.n)
		return -1;
	snprintf(buf, size, "%u", app->br->lcores.workers[idx]->lcore);
	return 0;
}

int
bf_app_complete(void *arg, const char *name, unsigned int idx, char *buf, size_t size)
{
	struct bf_app *app = arg;

	if (app->br == NULL)
		return -1;
	if (strcmp(name, "port") == 0)
		return complete_ports(app, true, true, idx, buf, size);
	if (strcmp(name, "guest") == 0)
		return complete_ports(app, true, false, idx, buf, size);
	if (strcmp(name, "host") == 0)
		return complete_hosts(app, idx, buf, size);
	if (strcmp(name, "member") == 0)
		return complete_ports(app, false, true, idx, buf, size);
	if (strcmp(name, "bond") == 0 && idx < app->br->running->n_bonds) {
		snprintf(buf, size, "%s", app->br->running->bonds[idx].name);
		return 0;
	}
	if (strcmp(name, "group") == 0 && idx < app->br->running->n_groups) {
		snprintf(buf, size, "%s", app->br->running->groups[idx].name);
		return 0;
	}
	if (strcmp(name, "exporter") == 0 && idx < app->br->running->n_exporters) {
		snprintf(buf, size, "%s", app->br->running->exporters[idx].name);
		return 0;
	}
	if (strcmp(name, "mirror") == 0 && idx < app->br->running->n_mirrors) {
		snprintf(buf, size, "%s", app->br->running->mirrors[idx].name);
		return 0;
	}
	if (strcmp(name, "lcore") == 0)
		return complete_lcores(app, idx, buf, size);
	if (strcmp(name, "flight") == 0)
		return complete_flights(app, idx, buf, size);
	if (strcmp(name, "level") == 0)
		return complete_words(bf_log_level_names, BF_LOG_LEVEL_COUNT, idx, buf, size);
	if (strcmp(name, "reason") == 0 && idx < BF_DROP_COUNT) {
		snprintf(buf, size, "%s", bf_drop_info[idx].name);
		return 0;
	}
	if (strcmp(name, "mode") == 0)
		return complete_words(bf_mode_names, BF_MODE_COUNT, idx, buf, size);
	if (strcmp(name, "policy") == 0)
		return complete_words(bf_policy_names, BF_POLICY_COUNT, idx, buf, size);
	return -1;
}
