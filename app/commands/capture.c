/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Captures: start, stop, show.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "commands/show.h"

/* A bond, a guest, or all. @return whether it is one; else an error was written */
static bool
find_port(struct bf_cmd_ctx *ctx, struct bf_capture_spec *spec, struct bf_port_ref *refs)
{
	const char *text = bf_cmd_arg(ctx, "port");

	spec->slot = BF_TAP_ALL_PORTS;
	spec->port = "all";
	if (strcmp(text, "all") == 0)
		return true;
	if (bf_app_ports(ctx->app, text, refs, ctx->out) == 0)
		return false;
	spec->port = refs[0].name;
	if (refs[0].kind != BF_REF_ETHDEV) {
		spec->slot = bf_ref_slot(&refs[0]);
		return true;
	}
	bf_out_usage(ctx->out,
		"port: \"%.60s\": frames cannot be selected by member: expected a bond, a guest "
		"or all",
		text);
	return false;
}

/* One word in quotes, or all words to the end of the line. */
static const char *
take_filter(const struct bf_cmd_ctx *ctx, char *buf, size_t size)
{
	unsigned int n = bf_cmd_rest_count(ctx);
	size_t len = 0;

	if (n == 0)
		return bf_cmd_arg(ctx, "filter");
	buf[0] = '\0';
	for (unsigned int i = 0; i < n && len < size; i++)
		len += (size_t)snprintf(
			buf + len, size - len, "%s%s", i > 0 ? " " : "", bf_cmd_rest(ctx, i));
	return buf;
}

static void
cmd_start(struct bf_cmd_ctx *ctx)
{
	struct bf_capture_spec spec = {.path = bf_cmd_arg(ctx, "file")};
	const char *count = bf_cmd_arg(ctx, "count");
	static struct bf_port_ref refs[BF_MAX_PORT_IDS];
	char filter[BF_CMD_LINE_MAX + 1], who[64];
	struct bf_app *app = ctx->app;
	struct bf_err err = {""};
	unsigned int id;
	int ret;

	if (!find_port(ctx, &spec, refs))
		return;
	if (count != NULL &&
		bf_parse_u64("count", count, 1, BF_CAPTURE_COUNT_MAX, &spec.count, &err) != 0) {
		bf_out_usage(ctx->out, "%s", err.text);
		return;
	}
	spec.filter = take_filter(ctx, filter, sizeof(filter));
	bf_app_who(app, who, sizeof(who));
	spec.who = who;
	ret = bf_captures_start(app->br, &spec, &id, &err);
	if (ret != 0) {
		bf_app_error(ctx->out, ret, &err);
		return;
	}
	bf_out_printf(ctx->out, "capture %u\n", id);
	bf_out_obj_begin(ctx->out, NULL);
	bf_out_u64(ctx->out, "id", id);
	bf_out_obj_end(ctx->out);
}

static void
cmd_stop(struct bf_cmd_ctx *ctx)
{
	const char *text = bf_cmd_arg(ctx, "capture");
	struct bf_app *app = ctx->app;
	struct bf_capture *c = NULL;
	struct bf_err err = {""};
	uint64_t id = 0;

	if (strcmp(text, "all") == 0) {
		bf_captures_stop(app->br, NULL);
		return;
	}
	if (bf_parse_u64("capture", text, 1, UINT32_MAX, &id, &err) == 0)
		c = bf_captures_find(&app->br->captures, (unsigned int)id);
	if (c == NULL) {
		bf_out_usage(ctx->out,
			"capture: \"%.60s\": expected a number of show capture, or all", text);
		return;
	}
	bf_captures_stop(app->br, c);
	if (c->state != BF_CAPTURE_ENDED)
		bf_out_error(ctx->out,
			"capture %u: what it writes to makes it wait: it goes on in the background; "
			"stop it again to give up",
			c->id);
}

BF_CMD_SHOW(cmd_show, bf_show_captures)

static const struct bf_cmd capture_cmds[] = {
	{"capture start <port> [filter <filter>] [count <count>] file <file>",
		"Write the frames from and to a bond or a guest, or of all ports, into a file that\n"
		"tcpdump reads; filter takes tcpdump's expressions, in quotes.",
		cmd_start, 0},
	{"capture start <port> [count <count>] file <file> filter <filter...>",
		"The same; at the end an expression needs no quotes.", cmd_start, 0},
	{"capture stop <capture>",
		"Stop a capture by its number, or all; its file is complete then.", cmd_stop, 0},
	{"show capture", "Captures that run, and the latest that have ended.", cmd_show, 0},
};

const struct bf_cmd_group bf_group_capture = {
	"capture", "Frames into files", BF_CMDS(capture_cmds)};
