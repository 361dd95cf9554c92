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

/* @return whether the device is a bond's member; its number there */
static bool
find_member(const struct bf_port_ref *r, int *number)
{
	for (unsigned int i = 0; r->up != NULL && i < r->up->bond.n_members; i++)
		if (r->up->bond.members[i].port == r->ethdev)
			*number = r->up->bond.members[i].bit;
	return *number >= 0;
}

/* A bond, a member of one, a guest, or all. @return whether it is one; else an error was written */
static bool
find_port(struct bf_cmd_ctx *ctx, struct bf_capture_spec *spec, struct bf_port_ref *refs)
{
	const char *text = bf_cmd_arg(ctx, "port");

	spec->slot = BF_TAP_ALL_PORTS;
	spec->member = -1;
	spec->port = "all";
	if (strcmp(text, "all") == 0)
		return true;
	if (bf_app_ports(ctx->app, text, refs, ctx->out) == 0)
		return false;
	spec->port = refs[0].name;
	if (refs[0].kind == BF_REF_ETHDEV && !find_member(&refs[0], &spec->member)) {
		bf_out_usage(ctx->out,
			"port: \"%.60s\": in no bond: expected a bond, a member of one, a guest or all",
			text);
		return false;
	}
	spec->slot = bf_ref_slot(&refs[0]);
	return true;
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

/* A number that may be left out. @return whether it is good; else an error was written */
static bool
take_number(struct bf_cmd_ctx *ctx, const char *name, uint64_t min, uint64_t max, uint64_t *to)
{
	const char *text = bf_cmd_arg(ctx, name);
	struct bf_err err = {""};

	if (text == NULL || bf_parse_u64(name, text, min, max, to, &err) == 0)
		return true;
	bf_out_usage(ctx->out, "%s", err.text);
	return false;
}

static bool
take_numbers(struct bf_cmd_ctx *ctx, struct bf_capture_spec *spec)
{
	uint64_t snap = BF_CAPTURE_SNAP_MAX, files = BF_CAPTURE_FILES_DEFAULT;

	if (!take_number(ctx, "snaplen", BF_CAPTURE_SNAP_MIN, BF_CAPTURE_SNAP_MAX, &snap) ||
		!take_number(ctx, "count", 1, BF_CAPTURE_COUNT_MAX, &spec->count) ||
		!take_number(ctx, "limit", 1, BF_CAPTURE_MB_MAX, &spec->limit_mb) ||
		!take_number(ctx, "ring", 1, BF_CAPTURE_MB_MAX, &spec->limit_mb) ||
		!take_number(ctx, "files", BF_CAPTURE_FILES_MIN, BF_CAPTURE_FILES_MAX, &files))
		return false;
	spec->snap = (uint32_t)snap;
	if (bf_cmd_arg(ctx, "ring") != NULL)
		spec->n_files = (unsigned int)files;
	return true;
}

static uint8_t
take_direction(const struct bf_cmd_ctx *ctx)
{
	const char *text = bf_cmd_arg(ctx, "direction");

	if (text == NULL)
		return BF_TAP_IN | BF_TAP_OUT;
	return strcmp(text, "drops") == 0 ? BF_TAP_DROP
		: strcmp(text, "in") == 0 ? BF_TAP_IN
					  : BF_TAP_OUT;
}

static void
cmd_start(struct bf_cmd_ctx *ctx)
{
	struct bf_capture_spec spec = {
		.path = bf_cmd_arg(ctx, "file"), .dirs = take_direction(ctx)};
	static struct bf_port_ref refs[BF_MAX_PORT_IDS];
	char filter[BF_CMD_LINE_MAX + 1], who[64];
	struct bf_app *app = ctx->app;
	struct bf_err err = {""};
	unsigned int id;
	int ret;

	if (!find_port(ctx, &spec, refs) || !take_numbers(ctx, &spec))
		return;
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
	{"capture start <port> [(direction:in|out|drops)] [filter <filter>] [snaplen <snaplen>] "
	 "[count <count>] file <file> [limit <limit>]",
		"Write the frames from and to a bond, a member of one, or a guest, or of all ports, or\n"
		"those that were dropped, into a file that tcpdump and Wireshark read: pcap if its name\n"
		"ends in .pcap, else pcapng. filter takes tcpdump's expressions, in quotes; snaplen is how many bytes\n"
		"of a frame are kept; the capture ends after limit MB (1000).",
		cmd_start, 0},
	{"capture start <port> [(direction:in|out|drops)] [filter <filter>] [snaplen <snaplen>] "
	 "[count <count>] ring <ring> [files <files>] file <file>",
		"The same with the newest frames only: ring MB in several files (4), FILE.000001 and so\n"
		"on; the oldest is deleted when another one begins.",
		cmd_start, 0},
	{"capture start <port> [(direction:in|out|drops)] [snaplen <snaplen>] [count <count>] "
	 "file <file> [limit <limit>] filter <filter...>",
		"The same; at the end an expression needs no quotes.", cmd_start, 0},
	{"capture start <port> [(direction:in|out|drops)] [snaplen <snaplen>] [count <count>] "
	 "ring <ring> [files <files>] file <file> filter <filter...>",
		"The same with a ring.", cmd_start, 0},
	{"capture stop <capture>",
		"Stop a capture by its number, or all; its file is complete then.", cmd_stop, 0},
	{"show capture", "Captures that run, and the latest that have ended.", cmd_show, 0},
};

const struct bf_cmd_group bf_group_capture = {
	"capture", "Frames into files", BF_CMDS(capture_cmds)};
