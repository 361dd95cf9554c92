/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The forwarding database: show, add, remove, clear, ageing.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/mac.h"
#include "base/parse.h"
#include "commands/commands.h"

/* "bond0", a guest's name, or its id: the switch port's slot. */
static int
slot_of(struct bf_app *app, const char *text, uint16_t *slot, struct bf_err *err)
{
	struct bf_guest *g = bf_bridge_guest(app->br, text);
	uint64_t id = 0;

	const struct bf_bond_config *b = bf_app_bond(app, app->br->running, text, NULL);

	*slot = BF_BOND_SLOT;
	if (b != NULL) {
		*slot = bf_bond_slot(bf_bridge_uplink(app->br, b->name)->bond.number);
		return 0;
	}
	if (g == NULL &&
		bf_parse_u64("port", text, BF_GUEST_ID_BASE, BF_MAX_PORT_IDS - 2, &id, NULL) == 0)
		g = app->br->guests[id - BF_GUEST_ID_BASE + 1];
	if (g == NULL)
		return bf_err_set(err, EINVAL, "port: \"%.60s\": expected a bond or a guest", text);
	*slot = g->slot;
	return 0;
}

struct fdb_show {
	const struct bf_bridge *br;
	struct bf_out *out;
	int slot; /* -1: all */
};

static void
show_entry(void *arg, const struct bf_fdb_entry *e)
{
	struct fdb_show *s = arg;
	uint8_t m[6];
	char mac[18];
	uint32_t age = s->br->fdb->now_s - e->last_seen;
	unsigned int vlan = BF_FDB_VLAN_OF(e->key);

	if (s->slot >= 0 && e->port != s->slot)
		return;
	memcpy(m, &e->key, 6);
	bf_mac_text(m, mac);
	bf_out_printf(s->out, "%-16s %4u  %s  %5" PRIu32 "%s\n",
		bf_bridge_port_name(s->br, e->port), vlan, mac, age,
		(e->flags & BF_FDB_STATIC) ? " static" : "");
	bf_out_obj_begin(s->out, NULL);
	bf_out_str(s->out, "port", bf_bridge_port_name(s->br, e->port));
	bf_out_str(
		s->out, "uplink", bf_bridge_port_name(s->br, bf_bond_slot(BF_FDB_BOND_OF(e->key))));
	bf_out_u64(s->out, "vlan", vlan);
	bf_out_str(s->out, "mac", mac);
	bf_out_u64(s->out, "age", age);
	bf_out_bool(s->out, "static", (e->flags & BF_FDB_STATIC) != 0);
	bf_out_obj_end(s->out);
}

static void
show_head(const struct bf_fdb *f, struct bf_out *out)
{
	bf_out_printf(out,
		"Stations: %" PRIu32 " of %" PRIu32 ", static %" PRIu32 ", ageing %" PRIu32
		" s\nLearned %" PRIu64 ", moved %" PRIu64 ", aged %" PRIu64 ", evicted %" PRIu64
		", refused %" PRIu64 "\n%-16s VLAN  MAC                 Age\n",
		f->count, f->capacity, f->n_static, f->age_s, f->learned, f->moved, f->aged,
		f->evicted, f->refused, "Port");
	bf_out_u64(out, "count", f->count);
	bf_out_u64(out, "capacity", f->capacity);
	bf_out_u64(out, "static", f->n_static);
	bf_out_u64(out, "aging", f->age_s);
	bf_out_u64(out, "learned", f->learned);
	bf_out_u64(out, "moved", f->moved);
	bf_out_u64(out, "aged", f->aged);
	bf_out_u64(out, "evicted", f->evicted);
	bf_out_u64(out, "refused", f->refused);
}

static void
cmd_show(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *port = bf_cmd_arg(ctx, "port");
	struct fdb_show s = {app->br, ctx->out, -1};
	struct bf_err err = {""};
	uint16_t slot;

	if (port != NULL && slot_of(app, port, &slot, &err) != 0) {
		bf_out_usage(ctx->out, "%s", err.text);
		return;
	}
	s.slot = port != NULL ? slot : -1;
	bf_out_obj_begin(ctx->out, NULL);
	show_head(app->br->fdb, ctx->out);
	bf_out_arr_begin(ctx->out, "entries");
	bf_fdb_visit(app->br->fdb, show_entry, &s);
	bf_out_arr_end(ctx->out);
	bf_out_obj_end(ctx->out);
}

static int
key_of(const struct bf_cmd_ctx *ctx, uint64_t *key, struct bf_err *err)
{
	const char *vlan = bf_cmd_arg(ctx, "vlan");
	uint64_t vid = 0;
	uint8_t mac[6];

	if (bf_parse_mac("mac", bf_cmd_arg(ctx, "mac"), false, mac, err) != 0 ||
		(vlan != NULL && bf_parse_u64("vlan", vlan, 0, 4094, &vid, err) != 0))
		return -EINVAL;
	*key = bf_fdb_key((uint16_t)vid, mac);
	return 0;
}

static void
cmd_add(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	struct bf_err err = {""};
	uint64_t key;
	uint16_t slot;

	if (key_of(ctx, &key, &err) != 0 ||
		slot_of(app, bf_cmd_arg(ctx, "port"), &slot, &err) != 0) {
		bf_out_usage(ctx->out, "%s", err.text);
		return;
	}
	key |= BF_FDB_BOND(
		bf_is_bond_slot(slot) ? bf_bond_of_slot(slot) : app->br->guests[slot]->uplink);
	if (bf_fdb_add_static(app->br->fdb, key, slot) != 0)
		bf_out_error(ctx->out, "fdb: full: expected fewer than %" PRIu32 " stations",
			app->br->fdb->capacity);
	bf_fdb_commit(app->br->fdb);
}

static bool
del_on(struct bf_bridge *br, uint64_t key)
{
	uint16_t port = bf_bond_slot(BF_FDB_BOND_OF(key));

	bf_fdb_find(br->fdb, key, &port);
	bf_neighbors_flush_station(br->neighbors, key, port);
	return bf_fdb_del(br->fdb, key) == 0;
}

static void
cmd_del(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	struct bf_err err = {""};
	bool any = false;
	uint64_t key;

	if (key_of(ctx, &key, &err) != 0) {
		bf_out_usage(ctx->out, "%s", err.text);
		return;
	}
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) /* on whatever switch it is */
		any = del_on(app->br, key | BF_FDB_BOND(k)) || any;
	if (!any)
		bf_out_error(ctx->out, "mac: \"%s\": not in the fdb", bf_cmd_arg(ctx, "mac"));
	bf_fdb_commit(app->br->fdb);
}

static void
cmd_clear(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *port = bf_cmd_arg(ctx, "port");
	struct bf_err err = {""};
	uint16_t slot;

	if (port == NULL)
		bf_bridge_forget(app->br, -1);
	else if (slot_of(app, port, &slot, &err) == 0)
		bf_bridge_forget(app->br, slot);
	else
		bf_out_usage(ctx->out, "%s", err.text);
	bf_fdb_commit(app->br->fdb);
}

static int
edit_aging(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	uint64_t s = 0;
	int ret = bf_parse_u64("aging", bf_cmd_arg(ctx, "seconds"), 0, 1000000, &s, err);

	if (ret == 0)
		c->fdb_aging_s = (uint32_t)s;
	return ret;
}

static void
cmd_aging(struct bf_cmd_ctx *ctx)
{
	bf_app_change(ctx, edit_aging);
}

static const struct bf_cmd fdb_cmds[] = {
	{"show fdb [port <port>]", "Stations, the port each is behind, and its age in seconds.",
		cmd_show, 0},
	{"add fdb <mac> <port> [vlan <vlan>]", "Pin a station to a port; not saved.", cmd_add, 0},
	{"remove fdb <mac> [vlan <vlan>]", "Forget a station.", cmd_del, 0},
	{"clear fdb [port <port>]", "Forget the learned stations.", cmd_clear, 0},
	{"set fdb aging <seconds>", "Forget stations that are silent for this long; 0 = never.",
		cmd_aging, BF_CMD_CONFIG},
};

const struct bf_cmd_group bf_group_fdb = {"fdb", "Stations and where they are", BF_CMDS(fdb_cmds)};
