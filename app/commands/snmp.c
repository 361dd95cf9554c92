/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What SNMP asks for: the rows of the MIBs, and traps. bondfwd-snmp and bondfwd-traps are the users.
 *
 * Threads: ctx control.
 */
#include <ctype.h>
#include <string.h>

#include "app.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "snmp/mibs.h"

/* "1.3.6" or ".1.3.6". @return behind the dot that may come first, or NULL after an error */
static const char *
oid_of(struct bf_cmd_ctx *ctx, const char *text)
{
	const char *oid = text[0] == '.' ? text + 1 : text;
	bool good = isdigit((unsigned char)oid[0]) != 0;

	for (const char *p = oid; good && *p != '\0'; p++)
		good = isdigit((unsigned char)*p) || (*p == '.' && isdigit((unsigned char)p[1]));
	if (good && strlen(oid) < BF_SNMP_OID_SIZE)
		return oid;
	bf_out_usage(ctx->out, "oid: \"%.60s\": expected numbers with dots between them, e.g. %s",
		text, BF_SNMP_INTERFACES);
	return NULL;
}

/* Is anything of a MIB wanted? */
static bool
is_below(const char *below, const char *mib)
{
	size_t n = below == NULL ? 0 : strlen(below), m = strlen(mib);

	return n == 0 || strncmp(below, mib, n < m ? n : m) == 0;
}

static void
cmd_rows(struct bf_cmd_ctx *ctx)
{
	struct bf_bridge *br = ((struct bf_app *)ctx->app)->br;
	struct bf_snmp_writer w = {.out = ctx->out};
	const char *text = bf_cmd_arg(ctx, "oid");
	struct bf_snmp_ports ports;

	if (text != NULL && (w.below = oid_of(ctx, text)) == NULL)
		return;
	if (bf_snmp_ports_gather(br, &ports) != 0) {
		bf_out_error(ctx->out, "out of memory");
		return;
	}
	bf_snmp_begin(&w, NULL);
	if (is_below(w.below, BF_SNMP_LAG))
		bf_snmp_lag(&w, br, &ports);
	if (is_below(w.below, BF_SNMP_INTERFACES))
		bf_snmp_interfaces(&w, &ports);
	if (is_below(w.below, BF_SNMP_IF_MIB))
		bf_snmp_ifx(&w, &ports);
	if (is_below(w.below, BF_SNMP_OWN))
		bf_snmp_own(&w, br, &ports);
	bf_snmp_end(&w);
	bf_snmp_ports_release(&ports);
}

static void
cmd_traps(struct bf_cmd_ctx *ctx)
{
	struct bf_bridge *br = ((struct bf_app *)ctx->app)->br;
	const char *text = bf_cmd_arg(ctx, "event");
	struct bf_err err = {""};
	uint64_t after = 0;

	if (text != NULL && bf_parse_u64("event", text, 0, UINT64_MAX, &after, &err) != 0)
		bf_out_usage(ctx->out, "%s", err.text);
	else if (bf_snmp_traps(ctx->out, br, after) != 0)
		bf_out_error(ctx->out, "out of memory");
}

static const struct bf_cmd snmp_cmds[] = {
	{"show snmp [<oid>]",
		"Everything that SNMP shows, or what is below an OID: one OID per line, with type and\n"
		"value.",
		cmd_rows, 0},
	{"show snmp traps [after <event>]",
		"Traps for the events that are kept, or for those after an event's number.",
		cmd_traps, 0},
};

const struct bf_cmd_group bf_group_snmp = {
	"snmp", "For net-snmp: see docs/monitoring.md", BF_CMDS(snmp_cmds)};
