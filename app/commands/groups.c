/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Port groups: create, set, remove, show; and keys that follow the group, or the default, again.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "commands/commands.h"
#include "commands/show.h"

/* @param count of the words behind the group's name. */
static int
parse_group(struct bf_guest_config *group, const struct bf_cmd_ctx *ctx, unsigned int count,
	struct bf_err *err)
{
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && i < count; i++)
		ret = bf_group_config_parse(group, bf_cmd_rest(ctx, i), err);
	return ret;
}

/* A group of the command line, which the file of --config may make again, once. */
static bool
group_yields(const struct bf_app *app, const char *name)
{
	for (uint32_t i = 0; app->yields != NULL && i < app->base->n_groups; i++) {
		if (strcmp(app->base->groups[i].name, name) != 0 || !app->yields->groups[i])
			continue;
		app->yields->groups[i] = false;
		return bf_config_find_group(app->candidate, name) != NULL;
	}
	return false;
}

static int
edit_create(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	struct bf_guest_config group;
	int ret;

	bf_guest_config_init(&group);
	ret = bf_guest_config_set(&group, "name", bf_cmd_arg(ctx, "name"), err);
	if (ret == 0)
		ret = parse_group(&group, ctx, bf_cmd_rest_count(ctx), err);
	if (ret != 0)
		return ret;
	return group_yields(ctx->app, group.name) ? bf_config_replace_group(c, &group, err)
						  : bf_config_add_group(c, &group, err);
}

static const struct bf_guest_config *
group_named(const struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	const char *name = bf_cmd_arg(ctx, "group");
	const struct bf_guest_config *group = bf_config_find_group(c, name);

	if (group == NULL)
		bf_err_set(err, EINVAL, "group: \"%.60s\": no such group", name);
	return group;
}

/* Put the group in the place of the former one, unless that cuts one of its guests. */
static int
group_put(struct bf_config *c, const struct bf_cmd_ctx *ctx, const struct bf_guest_config *group,
	bool force, struct bf_err *err)
{
	int ret = bf_config_replace_group(c, group, err);

	for (uint32_t i = 0; ret == 0 && !force && i < c->n_guests; i++)
		if (strcmp(c->guests[i].group, group->name) == 0)
			ret = bf_app_refuse_cut(ctx->app, &c->guests[i], err);
	return ret;
}

/* @param count of the words that name keys. */
static int
unset_keys(struct bf_guest_config *of, const struct bf_cmd_ctx *ctx, unsigned int count,
	struct bf_err *err)
{
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && i < count; i++)
		ret = bf_keys_unset(&bf_guest_table, of, bf_cmd_rest(ctx, i), err);
	return ret;
}

/* What the words behind a group's name do to it. */
typedef int group_edit(struct bf_guest_config *group, const struct bf_cmd_ctx *ctx,
	unsigned int count, struct bf_err *err);

static int
group_change(
	struct bf_config *c, const struct bf_cmd_ctx *ctx, group_edit *edit, struct bf_err *err)
{
	const struct bf_guest_config *old = group_named(c, ctx, err);
	bool force = bf_app_takes_force(ctx);
	struct bf_guest_config group;
	int ret;

	if (old == NULL)
		return -EINVAL;
	group = *old;
	ret = edit(&group, ctx, bf_cmd_rest_count(ctx) - force, err);
	return ret != 0 ? ret : group_put(c, ctx, &group, force, err);
}

static int
edit_set(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	return group_change(c, ctx, parse_group, err);
}

static int
edit_unset_group(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	return group_change(c, ctx, unset_keys, err);
}

static int
edit_unset_guest(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	const char *name = bf_cmd_arg(ctx, "guest");
	const struct bf_guest_config *old = bf_config_find_guest(c, name);
	bool force = bf_app_takes_force(ctx);
	struct bf_guest_config g;
	int ret;

	if (old == NULL)
		return bf_err_set(err, EINVAL, "guest: \"%.60s\": no such guest", name);
	g = *old;
	ret = unset_keys(&g, ctx, bf_cmd_rest_count(ctx) - force, err);
	if (ret == 0)
		bf_config_follow_unset(c, &g,
			bf_guest_config_has_profile(old) && !bf_guest_config_has_profile(&g));
	if (ret == 0)
		ret = bf_config_replace_guest(c, name, &g, err);
	if (ret == 0 && !force)
		ret = bf_app_refuse_cut(ctx->app, bf_config_find_guest(c, name), err);
	return ret;
}

static int
edit_remove(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	return bf_config_remove_group(c, bf_cmd_arg(ctx, "group"), err);
}

BF_CMD_CHANGE(cmd_create, edit_create)
BF_CMD_CHANGE(cmd_set, edit_set)
BF_CMD_CHANGE(cmd_unset_group, edit_unset_group)
BF_CMD_CHANGE(cmd_unset_guest, edit_unset_guest)
BF_CMD_CHANGE(cmd_remove, edit_remove)

static void
cmd_show(struct bf_cmd_ctx *ctx)
{
	const struct bf_app *app = ctx->app;
	const char *name = bf_cmd_arg(ctx, "group");
	bool all = name == NULL || strcmp(name, "all") == 0;

	if (!all && bf_config_find_group(app->br->running, name) == NULL) {
		bf_out_usage(ctx->out, "group: \"%.60s\": no such group", name);
		return;
	}
	bf_app_show(ctx, &bf_show_groups, all ? NULL : name, true);
}

static const struct bf_cmd group_cmds[] = {
	{"create group <name> <options...>",
		"Make a port group. Its keys apply to its guests, except where a guest sets the key\n"
		"itself.",
		cmd_create, BF_CMD_CONFIG},
	{"set group <group> <options...>",
		"Change keys of a group and its guests; a change that would cut a connected guest needs\n"
		"force at the end.",
		cmd_set, BF_CMD_CONFIG},
	{"unset group <group> <keys...>", "Remove keys from a group.", cmd_unset_group,
		BF_CMD_CONFIG},
	{"unset guest <guest> <keys...>",
		"Remove a guest's own keys: the group's values apply again, or the defaults.",
		cmd_unset_guest, BF_CMD_CONFIG},
	{"remove group <group>", "Remove a group that no guest is in.", cmd_remove, BF_CMD_CONFIG},
	{"show group [<group>]", "Groups: their keys, and their guests with the keys of their own.",
		cmd_show, 0},
};

const struct bf_cmd_group bf_group_groups = {
	"groups", "Port groups: keys of many guests", BF_CMDS(group_cmds)};
