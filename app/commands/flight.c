/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The flight recorder: what it has kept.
 *
 * Threads: ctx control.
 */
#include <errno.h>

#include "app.h"
#include "base/clock.h"
#include "commands/commands.h"
#include "commands/show.h"

static void
cmd_flight(struct bf_cmd_ctx *ctx)
{
	bf_app_show(ctx, &bf_show_flight, bf_cmd_arg(ctx, "flight"), true);
}

BF_CMD_SHOW(cmd_flights, bf_show_flights)

static void
cmd_record(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	char who[64];
	uint32_t id = 0;
	int ret;

	bf_app_who(app, who, sizeof(who));
	ret = bf_flights_start(app->br, who, bf_clock_ms(), &id);
	if (ret == -ENOMEM) {
		bf_out_error(ctx->out, "flight: out of memory");
		return;
	}
	if (ret != 0) {
		bf_out_error(ctx->out,
			"flight: another one waits for what follows it: try again in %d s",
			BF_FLIGHT_AFTER_MS / 1000);
		return;
	}
	bf_out_printf(ctx->out, "flight %u, complete in %d s\n", id, BF_FLIGHT_AFTER_MS / 1000);
	bf_out_obj_begin(ctx->out, NULL);
	bf_out_u64(ctx->out, "id", id);
	bf_out_obj_end(ctx->out);
}

static const struct bf_cmd flight_cmds[] = {
	{"show flight",
		"Saved recordings of the flight recorder: the minute before each failover or burst of\n"
		"drops.",
		cmd_flights, 0},
	{"show flight <flight>", "One of them: events, LACPDUs, frames in every 100 ms.",
		cmd_flight, 0},
	{"record flight", "Save a recording: the minute until now, and the next 3 s.", cmd_record,
		0},
};

const struct bf_cmd_group bf_group_flight = {
	"flight", "The last minute before something went wrong", BF_CMDS(flight_cmds)};
