/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Guest ports and host ports: add, remove, set, show.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "commands/commands.h"
#include "commands/show.h"
#include "reconnect.h"

/* @param count of the words behind the guest's name. */
static int
parse_options(struct bf_guest_config *g, const struct bf_cmd_ctx *ctx, unsigned int count,
	struct bf_err *err)
{
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && i < count; i++)
		ret = bf_guest_config_parse(g, bf_cmd_rest(ctx, i), err);
	return ret;
}

/* A guest of the command line, which the file of --config may make again, once. */
static bool
guest_yields(const struct bf_app *app, const char *name)
{
	for (uint32_t i = 0; app->yields != NULL && i < app->base->n_guests; i++) {
		if (strcmp(app->base->guests[i].name, name) != 0 || !app->yields->guests[i])
			continue;
		app->yields->guests[i] = false;
		return bf_config_guest(app->candidate, name) != NULL;
	}
	return false;
}

static int
port_add(struct bf_config *c, const struct bf_cmd_ctx *ctx, bool host, struct bf_err *err)
{
	const struct bf_app *app = ctx->app;
	bool force = app->candidate == NULL && bf_app_takes_force(ctx);
	struct bf_guest_config g;
	int ret;

	bf_config_init_guest(c, &g);
	g.host = host;
	ret = bf_guest_config_set(&g, "name", bf_cmd_arg(ctx, "name"), err);
	if (ret == 0)
		ret = parse_options(&g, ctx, bf_cmd_rest_count(ctx) - force, err);
	if (ret != 0)
		return ret;
	ret = guest_yields(app, g.name) ? bf_config_replace_guest(c, g.name, &g, err)
					: bf_config_add_guest(c, &g, err);
	/* One of this name may be remembered. */
	if (ret == 0 && !force)
		ret = bf_app_refuse_cut(app, bf_config_find_guest(c, g.name), err);
	return ret;
}

static int
edit_add(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	return port_add(c, ctx, false, err);
}

static int
edit_add_host(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	return port_add(c, ctx, true, err);
}

/* The guest of the command, or the host port; the other kind has commands of its own. */
static struct bf_guest_config *
port_named(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	const char *host = bf_cmd_arg(ctx, "host");
	const char *name = host != NULL ? host : bf_cmd_arg(ctx, "guest");
	struct bf_guest_config *g = bf_config_guest(c, name);

	if (g == NULL) {
		bf_err_set(err, EINVAL,
			host != NULL ? "host: \"%.60s\": no such host port"
				     : "guest: \"%.60s\": no such guest",
			name);
		return NULL;
	}
	if (g->host == (host != NULL))
		return g;
	bf_err_set(err, EINVAL,
		host != NULL ? "host: \"%.60s\": is a guest: expected a host port"
			     : "guest: \"%.60s\": is a host port: expected a guest",
		name);
	return NULL;
}

static int
edit_remove(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	const struct bf_guest_config *g = port_named(c, ctx, err);

	return g == NULL ? -EINVAL : bf_config_remove_guest(c, g->name, err);
}

/*
 * A front end that has negotiated features is not asked again: QEMU gives up its port for good when some
 * are missing.  A file that is loaded has its own guard.
 */
int
bf_app_refuse_cut(const struct bf_app *app, const struct bf_guest_config *to, struct bf_err *err)
{
	const struct bf_guest *g =
		app->candidate != NULL ? NULL : bf_bridge_guest(app->br, to->name);
	int ret = app->candidate != NULL
		? 0
		: bf_reconnect_refuse_guest(&app->br->negotiated, g != NULL ? &g->cfg : NULL, to,
			  "say force at the end", err);

	if (ret != 0 || g == NULL || !bf_guest_is_cut(g, to))
		return ret;
	return bf_err_set(err, EPERM,
		"guest: \"%.60s\": is connected, and this would cut it; QEMU may not come back before "
		"its guest is started again: stop the guest first, or say force at the end",
		to->name);
}

bool
bf_app_takes_force(const struct bf_cmd_ctx *ctx)
{
	unsigned int count = bf_cmd_rest_count(ctx);

	return count > 1 && strcmp(bf_cmd_rest(ctx, count - 1), "force") == 0;
}

static int
edit_set(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	struct bf_guest_config *g = port_named(c, ctx, err), copy;
	bool force = bf_app_takes_force(ctx);
	char name[BF_NAME_MAX];
	int ret;

	if (g == NULL)
		return -EINVAL;
	copy = *g;
	ret = parse_options(&copy, ctx, bf_cmd_rest_count(ctx) - force, err);
	memcpy(name, copy.name, sizeof(name));
	if (ret == 0)
		ret = bf_config_replace_guest(c, g->name, &copy, err);
	/* With what its group says: a change of group may be one of other keys. */
	if (ret == 0 && !force)
		ret = bf_app_refuse_cut(ctx->app, bf_config_find_guest(c, name), err);
	return ret;
}

/* Guests that there are keep their profile, as one of their own: as the file says that write makes. */
static void
profiles_keep(struct bf_config *c)
{
	for (uint32_t i = 0; i < c->n_guests; i++) {
		struct bf_guest_config *g = &c->guests[i];
		const struct bf_guest_config *group = bf_config_find_group(c, g->group);

		if (!bf_guest_config_has_profile(g) &&
			(group == NULL || !bf_guest_config_has_profile(group)))
			bf_guest_config_set(g, "profile", bf_profile_names[g->profile], NULL);
	}
}

/*
 * Guests of the command line that name no profile have that of the file which is read on top of it: as
 * if its line stood above them.
 */
static int
edit_profile(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	const struct bf_app *app = ctx->app;
	uint32_t before = c->profile;
	int ret = bf_config_set_profile(c, bf_cmd_arg(ctx, "profile"), err);

	if (ret == 0 && c->profile != before && app->candidate == NULL)
		profiles_keep(c);
	for (uint32_t i = 0; ret == 0 && app->yields != NULL && i < app->base->n_guests; i++) {
		struct bf_guest_config *g = bf_config_guest(c, app->base->guests[i].name);

		if (app->yields->guests[i] && g != NULL)
			bf_config_follow_profile(c, g);
	}
	return ret;
}

BF_CMD_CHANGE(cmd_profile, edit_profile)
BF_CMD_CHANGE(cmd_add, edit_add)
BF_CMD_CHANGE(cmd_add_host, edit_add_host)
BF_CMD_CHANGE(cmd_remove, edit_remove)
BF_CMD_CHANGE(cmd_set, edit_set)

static void
cmd_show(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *name = bf_cmd_arg(ctx, "guest");
	bool all = name == NULL || strcmp(name, "all") == 0;

	if (!all && bf_bridge_guest(app->br, name) == NULL) {
		bf_out_usage(ctx->out, "guest: \"%.60s\": no such guest", name);
		return;
	}
	bf_app_show(ctx, &bf_show_guests, all ? NULL : name, !all || bf_out_is_json(ctx->out));
}

static struct bf_guest *
guest_asked(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *name = bf_cmd_arg(ctx, "guest");
	struct bf_guest *g = bf_bridge_guest(app->br, name);

	if (g == NULL)
		bf_out_usage(ctx->out, "guest: \"%.60s\": no such guest", name);
	return g;
}

BF_CMD_SHOW(cmd_exposure, bf_show_exposure)

static void
cmd_show_guards(struct bf_cmd_ctx *ctx)
{
	const struct bf_guest *g = guest_asked(ctx);

	if (g != NULL)
		bf_app_show(ctx, &bf_show_guards, g->cfg.name, true);
}

static void
cmd_show_front_end(struct bf_cmd_ctx *ctx)
{
	bool libvirt = strcmp(bf_cmd_arg(ctx, "program"), "libvirt") == 0;
	const struct bf_guest *g = guest_asked(ctx);

	if (g != NULL && g->cfg.host)
		bf_out_usage(ctx->out,
			"guest: \"%.60s\": is a host port: expected a guest: the host's kernel needs nothing "
			"to be started",
			g->cfg.name);
	else if (g != NULL)
		bf_app_show(ctx, libvirt ? &bf_show_libvirt : &bf_show_qemu, g->cfg.name, true);
}

static void
cmd_clear_macs(struct bf_cmd_ctx *ctx)
{
	struct bf_guest *g = guest_asked(ctx);
	struct bf_app *app = ctx->app;

	if (g != NULL)
		bf_guards_clear(app->br, g);
}

static void
cmd_clear_leases(struct bf_cmd_ctx *ctx)
{
	struct bf_guest *g = guest_asked(ctx);
	struct bf_app *app = ctx->app;

	if (g != NULL)
		bf_leases_clear(app->br, g);
}

static void
cmd_show_host(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *name = bf_cmd_arg(ctx, "host");
	bool all = name == NULL || strcmp(name, "all") == 0;
	const struct bf_guest *g = all ? NULL : bf_bridge_guest(app->br, name);

	if (!all && (g == NULL || !g->cfg.host)) {
		bf_out_usage(ctx->out, "host: \"%.60s\": no such host port", name);
		return;
	}
	bf_app_show(ctx, &bf_show_hosts, all ? NULL : name, true);
}

static const struct bf_cmd guest_cmds[] = {
	{"add guest <name> <options...>",
		"Add a guest port: socket=PATH and other options of --guest. If a remembered guest of\n"
		"this name could not reconnect, it needs force at the end.",
		cmd_add, BF_CMD_CONFIG},
	{"remove guest <guest>", "Remove a guest port; its socket is closed.", cmd_remove,
		BF_CMD_CONFIG},
	{"set guest <guest> <options...>",
		"Change options. A change that would cut a connected guest, or with which a remembered\n"
		"guest could not reconnect, needs force at the end.",
		cmd_set, BF_CMD_CONFIG},
	{"set profile default <profile>",
		"Default profile of guests that are added from now on: tenant or trusted.",
		cmd_profile, BF_CMD_CONFIG},
	{"show guest [<guest>]",
		"Guests, or one of them with its connection: front end, features, memory, rings.",
		cmd_show, 0},
	{"show exposure",
		"What each guest is not protected from, from which ports, and the key that would\n"
		"protect it.",
		cmd_exposure, 0},
	{"show guest <guest> guards",
		"Addresses that a guest may use, and frames that its guards have dropped.",
		cmd_show_guards, 0},
	{"show guest <guest> (program:qemu|libvirt)",
		"What the guest's virtual machine needs: options of QEMU, or libvirt's XML of the\n"
		"interface.",
		cmd_show_front_end, 0},
	{"clear guest <guest> macs", "Forget the addresses that were learned for a guest.",
		cmd_clear_macs, 0},
	{"clear guest <guest> leases",
		"Forget a guest's DHCP leases; its IP addresses are not checked until it gets a new\n"
		"one.",
		cmd_clear_leases, 0},
	{"add host <name> [options...]",
		"Give the host's kernel an interface NAME on the switch; options as for a guest, except\n"
		"socket=.",
		cmd_add_host, BF_CMD_CONFIG},
	{"remove host <host>", "Remove a host port and its interface.", cmd_remove, BF_CMD_CONFIG},
	{"set host <host> <options...>", "Change options of a host port.", cmd_set, BF_CMD_CONFIG},
	{"show host [<host>]",
		"Host ports with their interfaces: state, address, MTU; `show guest` has the rest.",
		cmd_show_host, 0},
};

const struct bf_cmd_group bf_group_guest = {
	"guests", "Guest ports (vhost-user)", BF_CMDS(guest_cmds)};
