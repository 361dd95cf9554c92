/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which member carries what: balance, path, what-if, failovers, and the failover drill.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "app.h"
#include "base/build.h"
#include "base/clock.h"
#include "base/net.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "commands/show.h"
#include "control/bond/spares.h"

#define DRILL_MS 2000

/* The open uplink of the bond that is named, or an error. */
static struct bf_uplink *
open_uplink(struct bf_cmd_ctx *ctx)
{
	struct bf_uplink *u = bf_app_uplink(ctx->app, bf_cmd_arg(ctx, "bond"), ctx->out);

	if (u != NULL && !u->bond.open) {
		bf_out_error(ctx->out, "bond %s: has no member yet", u->name);
		return NULL;
	}
	return u;
}

static struct bf_bond *
open_bond(struct bf_cmd_ctx *ctx)
{
	struct bf_uplink *u = open_uplink(ctx);

	return u == NULL ? NULL : &u->bond;
}

static void
cmd_balance(struct bf_cmd_ctx *ctx)
{
	const struct bf_uplink *u = open_uplink(ctx);

	if (u != NULL)
		bf_app_show(ctx, &bf_show_balance, u->name, true);
}

/** The frame that `show bonding path` asks about, field by field. */
struct tuple {
	uint8_t dst_mac[6], src_mac[6], src_ip[16], dst_ip[16];
	uint64_t vlan, proto, src_port, dst_port;
	bool v4, v6;
	const char *without;
};

static int
take_ip(struct tuple *t, const char *what, const char *text, uint8_t *to, struct bf_err *err)
{
	if (inet_pton(AF_INET, text, to) == 1)
		t->v4 = true;
	else if (inet_pton(AF_INET6, text, to) == 1)
		t->v6 = true;
	else
		return bf_err_set(
			err, EINVAL, "%s: \"%.60s\": expected an IPv4 or IPv6 address", what, text);
	if (t->v4 && t->v6)
		return bf_err_set(err, EINVAL, "%s: \"%.60s\": expected addresses of one version",
			what, text);
	return 0;
}

static int
take_field(struct tuple *t, const char *key, const char *value, struct bf_err *err)
{
	if (strcmp(key, "src-mac") == 0 || strcmp(key, "mac") == 0)
		return bf_parse_mac(key, value, false, t->src_mac, err);
	if (strcmp(key, "dst-mac") == 0)
		return bf_parse_mac(key, value, true, t->dst_mac, err);
	if (strcmp(key, "vlan") == 0)
		return bf_parse_u64(key, value, 0, 4094, &t->vlan, err);
	if (strcmp(key, "src-ip") == 0)
		return take_ip(t, key, value, t->src_ip, err);
	if (strcmp(key, "dst-ip") == 0)
		return take_ip(t, key, value, t->dst_ip, err);
	if (strcmp(key, "proto") == 0)
		return bf_parse_u64(key, value, 1, 255, &t->proto, err);
	if (strcmp(key, "src-port") == 0)
		return bf_parse_u64(key, value, 0, 65535, &t->src_port, err);
	if (strcmp(key, "dst-port") == 0)
		return bf_parse_u64(key, value, 0, 65535, &t->dst_port, err);
	if (strcmp(key, "without") == 0) {
		t->without = value;
		return 0;
	}
	return bf_err_set(err, EINVAL,
		"path: \"%.40s\": expected src-mac, dst-mac, vlan, src-ip, dst-ip, proto, src-port, "
		"dst-port or without",
		key);
}

/* A frame as the tuple says; ports without a protocol are TCP's. */
static uint32_t
build_frame(const struct tuple *t, uint8_t *p)
{
	uint16_t sp = htons((uint16_t)t->src_port), dp = htons((uint16_t)t->dst_port);
	uint8_t proto = (uint8_t)(t->proto != 0 ? t->proto : 6);
	uint16_t type = t->v4 ? BF_ETHERTYPE_IPV4 : t->v6 ? BF_ETHERTYPE_IPV6 : 0;
	uint8_t *at = bf_build_ethernet(p, t->dst_mac, t->src_mac, (uint16_t)t->vlan, type);

	if (!t->v4 && !t->v6)
		return (uint32_t)(at - p);
	if (t->v4) {
		at[0] = 0x45;
		at[9] = proto;
		memcpy(at + 12, t->src_ip, 4);
		memcpy(at + 16, t->dst_ip, 4);
		at += 20;
	} else {
		at[0] = 0x60;
		at[6] = proto;
		memcpy(at + 8, t->src_ip, 16);
		memcpy(at + 24, t->dst_ip, 16);
		at += 40;
	}
	memcpy(at, &sp, 2);
	memcpy(at + 2, &dp, 2);
	return (uint32_t)(at + 8 - p);
}

static int
member_without(const struct bf_bond *b, const struct tuple *t, const uint8_t *frame, uint32_t len)
{
	struct bf_bond copy = *b;
	int at = bf_bond_config_member(&b->cfg, t->without);

	if (at < 0)
		return -2;
	bf_spares_without(&copy, (unsigned int)at);
	if (copy.active == at)
		copy.active = -1;
	copy.active = bf_bond_choose_active(&copy);
	return bf_bond_member_for(&copy, frame, len);
}

/** What became of the question. */
struct path_row {
	char member[BF_DEV_NAME_MAX];
	const char *mode;
	uint32_t bucket;
	bool uses_all; /* members, whatever the frame */
};

static const struct bf_field path_fields[] = {
	BF_FIELD(struct path_row, member),
	BF_FIELD(struct path_row, bucket),
	BF_FIELD(struct path_row, mode),
	BF_FIELD(struct path_row, uses_all, .text_only = true),
};

const struct bf_table bf_app_path_table = BF_TABLE("path", struct path_row, path_fields,
	.text = "{member} (mode {mode}, bucket {bucket})"
		"{#uses_all}; this mode uses every member in service{/uses_all}\n");

static bool
parse_tuple(const struct bf_cmd_ctx *ctx, struct tuple *t, struct bf_err *err)
{
	unsigned int n = bf_cmd_rest_count(ctx);

	for (unsigned int i = 0; i < n; i += 2) {
		const char *value = i + 1 < n ? bf_cmd_rest(ctx, i + 1) : "";

		if (take_field(t, bf_cmd_rest(ctx, i), value, err) != 0)
			return false;
	}
	return true;
}

static void
cmd_path(struct bf_cmd_ctx *ctx)
{
	const struct bf_bond *b = open_bond(ctx);
	struct bf_snapshot s = {.in_full = true};
	struct bf_err err = {""};
	struct tuple t = {.v4 = false};
	uint8_t frame[BF_BUILD_ROOM] = {0};
	struct path_row *row;
	uint32_t len, mode;
	int member;

	if (b == NULL)
		return;
	if (!parse_tuple(ctx, &t, &err)) {
		bf_out_usage(ctx->out, "%s", err.text);
		return;
	}
	len = build_frame(&t, frame);
	member = t.without != NULL ? member_without(b, &t, frame, len)
				   : bf_bond_member_for(b, frame, len);
	if (member == -2) {
		bf_out_usage(
			ctx->out, "without: \"%.60s\": not a member of %s", t.without, b->cfg.name);
		return;
	}
	row = bf_rows_add(&s, &s.rows, sizeof(*row));
	mode = bf_bond_mode_in_force(b);
	BF_ROW_TEXT(row->member, bf_bond_member_name(b, member));
	row->bucket = bf_bond_frame_bucket(b, frame, len);
	row->mode = bf_mode_names[mode];
	row->uses_all = mode == BF_MODE_RR || mode == BF_MODE_BROADCAST;
	bf_app_render(ctx->out, &bf_app_path_table, &s, true);
}

static void
cmd_whatif(struct bf_cmd_ctx *ctx)
{
	const struct bf_uplink *u = open_uplink(ctx);

	if (u != NULL)
		bf_app_show(ctx, &bf_show_whatif, u->name, true);
}

static void
cmd_probes(struct bf_cmd_ctx *ctx)
{
	const struct bf_uplink *u = open_uplink(ctx);

	if (u != NULL)
		bf_app_show(ctx, &bf_show_probes, u->name, true);
}

static void
cmd_failover(struct bf_cmd_ctx *ctx)
{
	const char *bond = bf_cmd_arg(ctx, "bond");
	const struct bf_uplink *u = bond == NULL ? NULL : bf_app_uplink(ctx->app, bond, ctx->out);

	if (bond == NULL || u != NULL)
		bf_app_show(ctx, &bf_show_failovers, u == NULL ? NULL : u->name, true);
}

static void
cmd_drill(struct bf_cmd_ctx *ctx)
{
	struct bf_bond *b = open_bond(ctx);
	struct bf_err err = {""};
	int ret;

	if (b == NULL)
		return;
	ret = bf_bond_test_failover(b, bf_cmd_arg(ctx, "member"), DRILL_MS, bf_clock_ms(), &err);
	if (ret != 0)
		bf_app_error(ctx->out, ret, &err);
	else
		bf_out_printf(ctx->out,
			"%s is out of service for %d s; then see show bonding failover %s\n",
			bf_cmd_arg(ctx, "member"), DRILL_MS / 1000, b->cfg.name);
}

BF_CMD_SHOW(cmd_neighbors, bf_show_neighbors)

static const struct bf_cmd paths_cmds[] = {
	{"show bonding balance <bond>",
		"Share of each member and bucket, imbalance, biggest flows.", cmd_balance, 0},
	{"show bonding path <bond> <spec...>",
		"Which member carries a frame: src-mac M dst-mac M vlan N src-ip A dst-ip A proto N\n"
		"src-port N dst-port N. without MEMBER: which one if that member is lost.",
		cmd_path, 0},
	{"show bonding whatif <bond>",
		"How the sampled flows would spread with other policies, seeds and member counts.",
		cmd_whatif, 0},
	{"show bonding probes <bond>", "Round trips of its probes, by member and target.",
		cmd_probes, 0},
	{"show bonding failover [<bond>]", "The latest failovers, with how long each took.",
		cmd_failover, 0},
	{"show neighbors", "IP addresses of guests, as read from their ARP and ND.", cmd_neighbors,
		0},
	{"test failover <bond> member <member>",
		"Treat a member's link as down for two seconds; refused when redundancy is reduced.",
		cmd_drill, 0},
};

const struct bf_cmd_group bf_group_paths = {
	"paths", "Which member carries what, failovers", BF_CMDS(paths_cmds)};
