/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which member carries what: balance, path, what-if, failovers, and the failover drill.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "app.h"
#include "base/clock.h"
#include "base/mac.h"
#include "base/parse.h"
#include "commands/commands.h"

#define TOP_FLOWS 10
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

static const char *
member_name(const struct bf_bond *b, int i)
{
	return i < 0 ? "none" : b->members[i].name;
}

/* Addresses and ports of a sampled frame, in words. */
static void
flow_text(const struct bf_flow *f, char *buf, size_t size)
{
	char s[18], d[18], sip[INET6_ADDRSTRLEN] = "", dip[INET6_ADDRSTRLEN] = "";
	struct bf_flow_key k;
	uint16_t ports[2];
	bool v6;

	bf_flow_key(f->head, f->head_len, BF_POLICY_L34, &k);
	bf_mac_text(f->head + 6, s);
	bf_mac_text(f->head, d);
	if (!k.has_l3) {
		snprintf(buf, size, "%s -> %s", s, d);
		return;
	}
	v6 = k.l3[1] != 0 || k.l3[3] != 0;
	inet_ntop(v6 ? AF_INET6 : AF_INET, &k.l3[0], sip, sizeof(sip));
	inet_ntop(v6 ? AF_INET6 : AF_INET, &k.l3[2], dip, sizeof(dip));
	memcpy(ports, &k.ports, 4);
	if (k.has_l4)
		snprintf(buf, size, "%s -> %s %s:%u -> %s:%u proto %u", s, d, sip, ntohs(ports[0]),
			dip, ntohs(ports[1]), k.proto);
	else
		snprintf(buf, size, "%s -> %s %s -> %s", s, d, sip, dip);
}

static int
by_bytes(const void *a, const void *b)
{
	const struct bf_flow *const *x = a, *const *y = b;

	return (*x)->bytes < (*y)->bytes ? 1 : (*x)->bytes > (*y)->bytes ? -1 : 0;
}

static void
show_flows(const struct bf_balance *ba, const struct bf_bond *b, struct bf_out *out)
{
	const struct bf_flow *known[BF_FLOWS_MAX] = {NULL};
	unsigned int n = 0;

	for (unsigned int i = 0; i < BF_FLOWS_MAX; i++)
		if (ba->flows[i].hash != 0)
			known[n++] = &ba->flows[i];
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are sorted */
	qsort(known, n, sizeof(known[0]), by_bytes);
	bf_out_printf(out, "Biggest flows of %u sampled:\n", n);
	bf_out_u64(out, "flows_known", n);
	bf_out_arr_begin(out, "top_flows");
	for (unsigned int i = 0; i < n && i < TOP_FLOWS; i++) {
		int m = bf_bond_member_for(b, known[i]->head, known[i]->head_len);
		char text[200];

		flow_text(known[i], text, sizeof(text));
		bf_out_printf(out, "  %12" PRIu64 " bytes  %-16s %s\n", known[i]->bytes,
			member_name(b, m), text);
		bf_out_obj_begin(out, NULL);
		bf_out_str(out, "flow", text);
		bf_out_u64(out, "bytes", known[i]->bytes);
		bf_out_str(out, "member", member_name(b, m));
		bf_out_obj_end(out);
	}
	bf_out_arr_end(out);
}

static void
show_shares(struct bf_app *app, const struct bf_uplink *u, struct bf_out *out)
{
	const struct bf_bond *b = &u->bond;
	double load[BF_MAX_MEMBERS], sum = 0;

	bf_balance_shares(&u->balance, b, load);
	for (unsigned int i = 0; i < b->n_members; i++)
		sum += load[i];
	bf_out_printf(out, "%-20s %-8s %-8s %14s %8s %14s\n", "Member", "Carries", "Buckets",
		"bit/s", "Share", "tx frames");
	bf_out_arr_begin(out, "members");
	for (unsigned int i = 0; i < b->n_members; i++) {
		bool carries = (bf_bond_carrying(b) & 1u << b->members[i].bit) != 0;
		struct bf_member_counters c;
		unsigned int n = 0;

		bf_stats_member(app->br, b->number, b->members[i].bit, &c);
		for (unsigned int k = 0; k < BF_BUCKETS; k++)
			n += bf_bond_bucket_member(b, k) == b->members[i].bit;
		bf_out_printf(out, "%-20s %-8s %-8u %14.0f %7.1f%% %14" PRIu64 "\n",
			b->members[i].name, carries ? "yes" : "no", n, load[i] * 8,
			sum > 0 ? 100 * load[i] / sum : 0, c.tx_frames);
		bf_out_obj_begin(out, NULL);
		bf_out_str(out, "name", b->members[i].name);
		bf_out_bool(out, "carries", carries);
		bf_out_u64(out, "buckets", n);
		bf_out_f64(out, "bps", load[i] * 8);
		bf_out_f64(out, "share", sum > 0 ? load[i] / sum : 0);
		bf_out_u64(out, "tx_frames", c.tx_frames);
		bf_out_u64(out, "tx_bytes", c.tx_bytes);
		bf_out_obj_end(out);
	}
	for (uint32_t i = 0; i < u->missing.n; i++) {
		bf_out_printf(out, "%-20s missing\n", u->missing.members[i].name);
		bf_out_obj_begin(out, NULL);
		bf_out_str(out, "name", u->missing.members[i].name);
		bf_out_bool(out, "missing", true);
		bf_out_bool(out, "carries", false);
		bf_out_obj_end(out);
	}
	bf_out_arr_end(out);
	bf_out_printf(out,
		"Imbalance ratio (largest / fair share): %.2f, rebalancing moves %" PRIu64 "\n",
		bf_balance_ratio(b, load), u->balance.moves);
	bf_out_f64(out, "ratio", bf_balance_ratio(b, load));
	bf_out_u64(out, "moves", u->balance.moves);
}

static void
cmd_balance(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const struct bf_uplink *u = open_uplink(ctx);
	struct bf_out *out = ctx->out;
	const struct bf_bond *b;
	const char *mode;

	if (u == NULL)
		return;
	b = &u->bond;
	mode = bf_mode_names[bf_bond_mode_in_force(b)];
	bf_out_printf(out, "%s: %s, policy %s, seed %" PRIu32 "\n", b->cfg.name, mode,
		bf_policy_names[bf_bond_policy(b)], b->cfg.seed);
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "bond", b->cfg.name);
	bf_out_str(out, "mode", mode);
	bf_out_str(out, "policy", bf_policy_names[bf_bond_policy(b)]);
	bf_out_u64(out, "seed", b->cfg.seed);
	show_shares(app, u, out);
	bf_out_arr_begin(out, "buckets");
	for (unsigned int k = 0; k < BF_BUCKETS; k++) {
		bf_out_obj_begin(out, NULL);
		bf_out_u64(out, "bucket", k);
		bf_out_str(out, "member",
			member_name(b, bf_bond_by_bit(b, bf_bond_bucket_member(b, k))));
		bf_out_u64(out, "bytes_per_s", u->balance.load[k]);
		bf_out_obj_end(out);
	}
	bf_out_arr_end(out);
	show_flows(&u->balance, b, out);
	bf_out_obj_end(out);
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
	uint8_t *at = p + 12;

	memcpy(p, t->dst_mac, 6);
	memcpy(p + 6, t->src_mac, 6);
	if (t->vlan != 0) {
		memcpy(at, (const uint8_t[]){0x81, 0, (uint8_t)(t->vlan >> 8), (uint8_t)t->vlan},
			4);
		at += 4;
	}
	if (!t->v4 && !t->v6)
		return (uint32_t)(at + 2 - p);
	memcpy(at, t->v4 ? (const uint8_t[]){8, 0} : (const uint8_t[]){0x86, 0xdd}, 2);
	at += 2;
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
	copy.members[at].usable = copy.members[at].carrier = copy.members[at].distribute = false;
	if (copy.active == at)
		copy.active = -1;
	copy.active = bf_bond_choose_active(&copy);
	return bf_bond_member_for(&copy, frame, len);
}

static void
cmd_path(struct bf_cmd_ctx *ctx)
{
	const struct bf_bond *b = open_bond(ctx);
	unsigned int n = bf_cmd_rest_count(ctx), bucket;
	struct bf_err err = {""};
	struct tuple t = {.v4 = false};
	uint8_t frame[128] = {0};
	uint32_t len, mode;
	int member;

	if (b == NULL)
		return;
	for (unsigned int i = 0; i < n; i += 2) {
		const char *value = i + 1 < n ? bf_cmd_rest(ctx, i + 1) : "";

		if (take_field(&t, bf_cmd_rest(ctx, i), value, &err) != 0) {
			bf_out_usage(ctx->out, "%s", err.text);
			return;
		}
	}
	len = build_frame(&t, frame);
	member = t.without != NULL ? member_without(b, &t, frame, len)
				   : bf_bond_member_for(b, frame, len);
	if (member == -2) {
		bf_out_usage(
			ctx->out, "without: \"%.60s\": not a member of %s", t.without, b->cfg.name);
		return;
	}
	bucket = bf_bond_frame_bucket(b, frame, len);
	mode = bf_bond_mode_in_force(b);
	bf_out_printf(ctx->out, "%s (mode %s, bucket %u)%s\n", member_name(b, member),
		bf_mode_names[mode], bucket,
		mode == BF_MODE_RR || mode == BF_MODE_BROADCAST
			? "; this mode uses every member in service"
			: "");
	bf_out_obj_begin(ctx->out, NULL);
	bf_out_str(ctx->out, "member", member_name(b, member));
	bf_out_u64(ctx->out, "bucket", bucket);
	bf_out_str(ctx->out, "mode", bf_mode_names[mode]);
	bf_out_obj_end(ctx->out);
}

static void
whatif_row(const struct bf_whatif *w, struct bf_out *out)
{
	bf_out_printf(out, "%-13s %-10" PRIu64 " %-8u %-7.2f %5u of %-5u ",
		bf_policy_names[w->policy], w->seed, w->n_members, w->ratio, w->moved, w->flows);
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "policy", bf_policy_names[w->policy]);
	bf_out_u64(out, "seed", w->seed);
	bf_out_u64(out, "members", w->n_members);
	bf_out_f64(out, "ratio", w->ratio);
	bf_out_u64(out, "flows", w->flows);
	bf_out_u64(out, "moved", w->moved);
	bf_out_arr_begin(out, "shares");
	for (unsigned int i = 0; i < w->n_members; i++) {
		bf_out_printf(out, " %.0f%%", w->share[i] * 100);
		bf_out_f64(out, NULL, w->share[i]);
	}
	bf_out_arr_end(out);
	bf_out_obj_end(out);
	bf_out_printf(out, "\n");
}

static void
cmd_whatif(struct bf_cmd_ctx *ctx)
{
	const struct bf_uplink *u = open_uplink(ctx);
	const struct bf_bond *b;
	struct bf_whatif w;

	if (u == NULL)
		return;
	b = &u->bond;
	bf_out_printf(ctx->out, "%-13s %-10s %-8s %-7s %-14s %s\n", "Policy", "Seed", "Members",
		"Ratio", "Flows moved", "Shares");
	bf_out_arr_begin(ctx->out, NULL);
	for (unsigned int p = 0; p < BF_POLICY_COUNT; p++) {
		for (uint64_t seed = b->cfg.seed; seed < b->cfg.seed + 3ull; seed++) {
			bf_balance_whatif(
				&u->balance, b, (enum bf_policy)p, seed, b->n_members, &w);
			whatif_row(&w, ctx->out);
		}
	}
	for (unsigned int n = b->n_members - 1; n <= b->n_members + 1; n += 2) {
		if (n == 0 || n > BF_MAX_MEMBERS)
			continue;
		bf_balance_whatif(&u->balance, b, bf_bond_policy(b), b->cfg.seed, n, &w);
		whatif_row(&w, ctx->out);
	}
	bf_out_arr_end(ctx->out);
}

static void
show_failover(const struct bf_uplink *u, const struct bf_failover *f, struct bf_out *out)
{
	bf_out_printf(out, "%-5" PRIu64 " %-24s %-24s ", f->seq, f->from, f->to);
	if (f->has_first)
		bf_out_printf(out, "%9.3f ms ", f->first_frame_us / 1000);
	else
		bf_out_printf(out, "%-12s ", f->open ? "waiting" : "no traffic");
	bf_out_printf(out, "%9.3f ms %6" PRIu64 " in %7.1f ms %-8" PRIu64 " %s\n",
		f->detect_us / 1000, f->announced, f->announced_ms, f->lost, f->cause);
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "bond", u->name);
	bf_out_u64(out, "seq", f->seq);
	bf_out_i64(out, "time_ms", f->wall_ms);
	bf_out_bool(out, "open", f->open);
	bf_out_bool(out, "test", f->test);
	bf_out_str(out, "cause", f->cause);
	bf_out_str(out, "from", f->from);
	bf_out_str(out, "to", f->to);
	bf_out_bool(out, "has_first_frame", f->has_first);
	bf_out_f64(out, "first_frame_us", f->first_frame_us);
	bf_out_f64(out, "detect_us", f->detect_us);
	bf_out_u64(out, "announcements", f->announced);
	bf_out_f64(out, "announced_ms", f->announced_ms);
	bf_out_u64(out, "lost", f->lost);
	bf_out_obj_end(out);
}

static void
cmd_failover(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *bond = bf_cmd_arg(ctx, "bond");
	const struct bf_uplink *only = NULL;
	const struct bf_failover *f;
	struct bf_out *out = ctx->out;

	if (bond != NULL && (only = bf_app_uplink(app, bond, out)) == NULL)
		return;
	bf_out_printf(out, "%-5s %-24s %-24s %-12s %-12s %-20s %-8s %s\n", "No", "From", "To",
		"First frame", "Known", "Announced", "Lost", "Cause");
	bf_out_arr_begin(out, NULL);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		const struct bf_uplink *u = &app->br->up[k];

		if (only != NULL && u != only)
			continue;
		if (only == NULL && app->br->running->n_bonds > 1 && u->failovers.n > 0)
			bf_out_printf(out, "%s:\n", u->name);
		for (unsigned int i = 0; (f = bf_failover_at(&u->failovers, i)) != NULL; i++)
			show_failover(u, f, out);
	}
	bf_out_arr_end(out);
}

static void
cmd_drill(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
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
	(void)app;
}

struct neighbor_show {
	const struct bf_bridge *br;
	struct bf_out *out;
};

static void
show_neighbor(void *arg, const struct bf_neighbor *nb)
{
	struct neighbor_show *s = arg;
	const struct bf_guest *g = s->br->guests[nb->port];
	char ip[INET6_ADDRSTRLEN] = "", mac[18];
	uint8_t m[6];

	memcpy(m, &nb->key, 6);
	bf_mac_text(m, mac);
	inet_ntop(nb->v6 ? AF_INET6 : AF_INET, nb->addr, ip, sizeof(ip));
	bf_out_printf(s->out, "%-16s %4u  %s  %s\n", g != NULL ? g->cfg.name : "?",
		BF_FDB_VLAN_OF(nb->key), mac, ip);
	bf_out_obj_begin(s->out, NULL);
	bf_out_str(s->out, "guest", g != NULL ? g->cfg.name : "?");
	bf_out_u64(s->out, "vlan", BF_FDB_VLAN_OF(nb->key));
	bf_out_str(s->out, "mac", mac);
	bf_out_str(s->out, "address", ip);
	bf_out_obj_end(s->out);
}

static void
cmd_neighbors(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	struct neighbor_show s = {app->br, ctx->out};

	bf_out_printf(ctx->out, "%-16s VLAN  MAC                Address\n", "Guest");
	bf_out_arr_begin(ctx->out, NULL);
	bf_neighbors_visit(app->br->neighbors, show_neighbor, &s);
	bf_out_arr_end(ctx->out);
}

static const struct bf_cmd paths_cmds[] = {
	{"show bonding balance <bond>",
		"Share of each member and bucket, imbalance, biggest flows.", cmd_balance, 0},
	{"show bonding path <bond> <spec...>",
		"Which member carries a frame: src-mac M dst-mac M vlan N src-ip A dst-ip A proto N\n"
		"src-port N dst-port N, and without MEMBER.",
		cmd_path, 0},
	{"show bonding whatif <bond>",
		"How the sampled flows would spread with other policies, seeds and member counts.",
		cmd_whatif, 0},
	{"show bonding failover [<bond>]", "The latest failovers, timed.", cmd_failover, 0},
	{"show neighbors", "IP addresses of guests, as read from their ARP and ND.", cmd_neighbors,
		0},
	{"test failover <bond> member <member>",
		"Take a member's carrier away for two seconds; refused when redundancy is reduced.",
		cmd_drill, 0},
};

const struct bf_cmd_group bf_group_paths = {
	"paths", "Which member carries what, failovers", BF_CMDS(paths_cmds)};
