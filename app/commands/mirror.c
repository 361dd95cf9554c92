/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Mirrors: set, remove, show.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "commands/show.h"

#define VLAN_MAX 4094

/* A name that fits and that the config's lines can hold. */
static int
take_name(const struct bf_cmd_ctx *ctx, const char *what, char to[BF_NAME_MAX], struct bf_err *err)
{
	const char *text = bf_cmd_arg(ctx, what);

	if (text[0] == '\0' || strlen(text) >= BF_NAME_MAX || strpbrk(text, " \t\"'#,=") != NULL)
		return bf_err_set(err, EINVAL, "%s: \"%.60s\": expected a name of 1 to %d letters",
			what, text, BF_NAME_MAX - 1);
	snprintf(to, BF_NAME_MAX, "%s", text);
	return 0;
}

static uint32_t
take_direction(const struct bf_cmd_ctx *ctx)
{
	const char *text = bf_cmd_arg(ctx, "direction");

	if (text == NULL || strcmp(text, "both") == 0)
		return BF_MIRROR_IN | BF_MIRROR_OUT;
	return strcmp(text, "in") == 0 ? BF_MIRROR_IN : BF_MIRROR_OUT;
}

static int
edit_set(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	const char *vlan = bf_cmd_arg(ctx, "vlan"), *filter = bf_cmd_arg(ctx, "filter");
	struct bf_mirror_config m;
	uint64_t number = BF_VLAN_ANY;
	int ret;

	memset(&m, 0, sizeof(m)); /* compared as bytes */
	m.dirs = take_direction(ctx);
	ret = take_name(ctx, "mirror", m.name, err);
	if (ret == 0)
		ret = take_name(ctx, "port", m.source, err);
	if (ret == 0)
		ret = take_name(ctx, "guest", m.to, err);
	if (ret == 0 && vlan != NULL)
		ret = bf_parse_u64("vlan", vlan, 0, VLAN_MAX, &number, err);
	if (ret == 0 && filter != NULL && strlen(filter) > BF_EXPRESSION_MAX)
		ret = bf_err_set(err, EINVAL, "filter: %zu bytes: expected at most %d",
			strlen(filter), BF_EXPRESSION_MAX);
	if (ret != 0)
		return ret;
	m.vlan = (uint32_t)number;
	snprintf(m.filter, sizeof(m.filter), "%s", filter != NULL ? filter : "");
	return bf_config_put_mirror(c, &m, err);
}

static int
edit_remove(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	return bf_config_remove_mirror(c, bf_cmd_arg(ctx, "mirror"), err);
}

BF_CMD_CHANGE(cmd_set, edit_set)
BF_CMD_CHANGE(cmd_remove, edit_remove)

BF_CMD_SHOW(cmd_show, bf_show_mirrors)

static const struct bf_cmd mirror_cmds[] = {
	{"set mirror <mirror> source <port> [(direction:in|out|both)] [vlan <vlan>] "
	 "[filter <filter>] to <guest>",
		"Send a guest copies of the frames from and to a bond, a guest or all ports. vlan takes\n"
		"only frames of a VLAN (0: untagged), filter only frames that match an expression of\n"
		"tcpdump, in quotes.",
		cmd_set, BF_CMD_CONFIG},
	{"remove mirror <mirror>", "End a mirror.", cmd_remove, BF_CMD_CONFIG},
	{"show mirror", "Mirrors, and what they have copied.", cmd_show, 0},
};

const struct bf_cmd_group bf_group_mirror = {
	"mirror", "Copies of frames for a guest", BF_CMDS(mirror_cmds)};
