/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Queues of ports and the length of their rings, in testpmd's words.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "commands/show.h"
#include "control/snapshot/queues.h"

static void
show_queue(struct bf_cmd_ctx *ctx, const struct bf_port_ref *r)
{
	bool rx = strcmp(bf_cmd_arg(ctx, "dir"), "rxq") == 0;
	unsigned int n = bf_queues_of(r, rx);
	struct bf_snapshot s = {.in_full = true};
	struct bf_err err;
	uint64_t q = 0;

	if (n == 0) {
		bf_out_error(ctx->out, "port \"%s\": has no queues yet", r->name);
		return;
	}
	if (bf_parse_u64("queue", bf_cmd_arg(ctx, "queue"), 0, n - 1, &q, &err) != 0) {
		bf_out_usage(ctx->out, "%s", err.text);
		return;
	}
	bf_gather_queue(r, rx, (uint16_t)q, &s);
	bf_app_render(ctx->out, &bf_queue_table, &s, true);
}

static void
cmd_show_queue(struct bf_cmd_ctx *ctx)
{
	struct bf_port_ref *refs = calloc(BF_MAX_PORT_IDS, sizeof(*refs));
	unsigned int n =
		refs == NULL ? 0 : bf_app_ports(ctx->app, bf_cmd_arg(ctx, "port"), refs, ctx->out);

	if (refs == NULL)
		bf_out_error(ctx->out, "out of memory");
	if (n > 1)
		bf_out_usage(ctx->out, "port: \"%s\": expected one port", bf_cmd_arg(ctx, "port"));
	else if (n == 1)
		show_queue(ctx, &refs[0]);
	free(refs);
}

static int
edit_rings(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	int ret = 0;

	if (c->n_bonds == 0)
		return bf_err_set(err, EINVAL, "port config all: there is no bond");
	for (uint32_t i = 0; i < c->n_bonds && ret == 0; i++)
		ret = bf_bond_config_set(
			&c->bonds[i], bf_cmd_arg(ctx, "key"), bf_cmd_arg(ctx, "value"), err);
	return ret;
}

BF_CMD_CHANGE(cmd_rings, edit_rings)

static const struct bf_cmd queues_cmds[] = {
	{"show (dir:rxq|txq) info <port> <queue>",
		"A queue of a port, as its driver reports it: descriptors, thresholds, memory.",
		cmd_show_queue, 0},
	{"port config all (key:rxd|txd) <value>",
		"Descriptors of each queue of the members; closes and opens the bond.", cmd_rings,
		BF_CMD_CONFIG},
};

const struct bf_cmd_group bf_group_queues = {
	"queues", "Queues: descriptors and thresholds", BF_CMDS(queues_cmds)};
