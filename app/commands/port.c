/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports: show port, clear port, port config mtu, links.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_ethdev.h>

#include "app.h"
#include "base/clock.h"
#include "base/mac.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "control/memory/nodes.h"
#include "dataplane/member.h"

/** What every kind of port can say of its traffic. */
struct figures {
	uint64_t rx_frames, rx_bytes, rx_missed, rx_errors, rx_nombuf;
	uint64_t tx_frames, tx_bytes, tx_errors;
};

static void
read_figures(struct bf_app *app, const struct bf_port_ref *r, struct figures *f)
{
	struct rte_eth_stats s = {0};
	struct bf_port_counters c;

	memset(f, 0, sizeof(*f));
	if (r->kind == BF_REF_ETHDEV) {
		if (bf_stats_device_counts(r->ethdev))
			rte_eth_stats_get(r->ethdev, &s);
		*f = (struct figures){.rx_frames = s.ipackets,
			.rx_bytes = s.ibytes,
			.rx_missed = s.imissed,
			.rx_errors = s.ierrors,
			.rx_nombuf = s.rx_nombuf,
			.tx_frames = s.opackets,
			.tx_bytes = s.obytes,
			.tx_errors = s.oerrors};
		return;
	}
	bf_stats_port(app->br, bf_ref_slot(r), &c);
	f->rx_frames = c.rx_frames;
	f->rx_bytes = c.rx_bytes;
	f->tx_frames = c.tx_frames;
	f->tx_bytes = c.tx_bytes;
	if (r->kind == BF_REF_BOND) {
		struct bf_own_frames own = bf_stats_own(app->br, r->up->bond.number);

		f->tx_frames += own.frames;
		f->tx_bytes += own.bytes;
	}
	bf_stats_errors(&c, &f->rx_errors, &f->tx_errors);
}

static const char *
kind_name(const struct bf_port_ref *r)
{
	static const char *const names[] = {
		[BF_REF_ETHDEV] = "ethdev", [BF_REF_BOND] = "bond", [BF_REF_GUEST] = "guest"};

	return names[r->kind];
}

static bool
link_of(struct bf_app *app, const struct bf_port_ref *r, uint32_t *speed)
{
	struct rte_eth_link link = {0};

	*speed = 0;
	if (r->kind == BF_REF_GUEST)
		return r->guest->up;
	if (rte_eth_link_get_nowait(r->ethdev, &link) != 0)
		return false;
	*speed = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	if (r->kind == BF_REF_BOND) { /* up means: a frame would leave */
		const struct bf_bond_view *v = &app->br->lcores.view->bonds[r->up->bond.number];

		*speed = bf_bond_speed(&r->up->bond);
		return v->carrier != NULL && bf_bond_usable(v) != 0;
	}
	return link.link_status == RTE_ETH_LINK_UP;
}

/* The station that was learned first behind a port, and is known still. */
static bool
first_station(const struct bf_fdb *f, uint16_t slot, uint8_t mac[6])
{
	uint32_t i = f->first[slot];

	if (i == 0)
		return false;
	memcpy(mac, &f->buckets[(i - 1) / BF_FDB_WAYS].e[(i - 1) % BF_FDB_WAYS].key, 6);
	return true;
}

/* A guest's is the first that was learned behind it. */
static void
mac_of(const struct bf_app *app, const struct bf_port_ref *r, char *buf)
{
	struct rte_ether_addr mac = {{0}};
	bool known = r->kind == BF_REF_GUEST
		? first_station(app->br->fdb, r->guest->slot, mac.addr_bytes)
		: rte_eth_macaddr_get(r->ethdev, &mac) == 0;

	memcpy(buf, "-", 2);
	if (known)
		bf_mac_text(mac.addr_bytes, buf);
}

static unsigned int
mtu_of(const struct bf_port_ref *r)
{
	uint16_t mtu = 0;

	if (r->kind == BF_REF_GUEST)
		return bf_guest_mtu(r->guest);
	if (r->kind == BF_REF_BOND)
		return r->up->bond.cfg.mtu;
	rte_eth_dev_get_mtu(r->ethdev, &mtu);
	return mtu;
}

static void
driver_of(const struct bf_port_ref *r, char *buf, size_t size)
{
	struct rte_eth_dev_info info;

	if (r->kind == BF_REF_GUEST)
		snprintf(buf, size, "vhost-user");
	else if (rte_eth_dev_info_get(r->ethdev, &info) == 0)
		snprintf(buf, size, "%s", info.driver_name);
	else
		snprintf(buf, size, "?");
}

/** What is told of a port wherever it is shown. */
struct looks {
	char mac[BF_MAC_TEXT_SIZE], driver[64], speed_text[32];
	uint32_t speed;
	bool up;
};

/* Read it, and begin the port's object with it. */
static void
begin_port(struct bf_app *app, const struct bf_port_ref *r, struct looks *l, struct bf_out *out)
{
	l->up = link_of(app, r, &l->speed);
	snprintf(l->speed_text, sizeof(l->speed_text), "unknown");
	if (l->speed != 0)
		snprintf(l->speed_text, sizeof(l->speed_text), "%" PRIu32 " Mbps", l->speed);
	mac_of(app, r, l->mac);
	driver_of(r, l->driver, sizeof(l->driver));
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, "id", r->id);
	bf_out_str(out, "name", r->name);
	bf_out_str(out, "kind", kind_name(r));
	bf_out_str(out, "driver", l->driver);
	bf_out_str(out, "mac", l->mac);
	bf_out_bool(out, "link", l->up);
	bf_out_u64(out, "speed_mbps", l->speed);
}

static void
show_info(struct bf_app *app, const struct bf_port_ref *r, struct bf_out *out)
{
	int node = r->kind == BF_REF_GUEST ? r->guest->numa_node : bf_nodes_of_port(r->ethdev);
	struct looks l;

	begin_port(app, r, &l, out);
	bf_out_printf(out,
		"\n********************* Infos for port %u  *********************\n"
		"Device name: %s\nKind: %s\nDriver name: %s\nMAC address: %s\nLink status: %s\n",
		r->id, r->name, kind_name(r), l.driver, l.mac, l.up ? "up" : "down");
	bf_out_printf(out, "Link speed: %s\nMTU: %u\n", l.speed_text, mtu_of(r));
	bf_out_u64(out, "mtu", mtu_of(r));
	if (bf_nodes_are_several() && node >= 0)
		bf_out_printf(out, "Connect to socket: %d\n", node);
	bf_out_i64(out, "node", node);
	if (r->kind == BF_REF_GUEST) {
		bf_out_printf(out, "Socket: %s\nQueue pairs: %u\nFeatures: 0x%" PRIx64 "\n",
			r->guest->cfg.socket, r->guest->n_rings, r->guest->features);
		bf_out_str(out, "socket", r->guest->cfg.socket);
		bf_out_u64(out, "queue_pairs", r->guest->n_rings);
		bf_out_strf(out, "features", "0x%" PRIx64, r->guest->features);
	} else {
		int promisc = rte_eth_promiscuous_get(r->ethdev);

		bf_out_printf(out, "Promiscuous mode: %s\n", promisc == 1 ? "enabled" : "disabled");
		bf_out_bool(out, "promiscuous", promisc == 1);
	}
	bf_out_obj_end(out);
}

static struct bf_rate_notes **
notes_of(struct bf_bridge *br, const struct bf_port_ref *r)
{
	static struct bf_rate_notes *none;

	if (r->kind != BF_REF_ETHDEV)
		return &br->rates.ports[bf_ref_slot(r)];
	return r->ethdev < RTE_DIM(br->rates.devices) ? &br->rates.devices[r->ethdev] : &none;
}

/* In JSON, whole numbers per second. */
static void
show_rates(const struct bf_rates *r, const char *window, struct bf_out *out)
{
	const struct {
		const char *name;
		double value;
	} rows[] = {{"rx_pps", r->rx_pps}, {"rx_bps", r->rx_bps}, {"tx_pps", r->tx_pps},
		{"tx_bps", r->tx_bps}};
	char key[24];

	for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
		snprintf(key, sizeof(key), "%s%s", rows[i].name, window);
		bf_out_u64(out, key, (uint64_t)(rows[i].value + 0.5));
	}
}

static void
show_stats(struct bf_app *app, const struct bf_port_ref *r, struct bf_out *out)
{
	const struct bf_rate_notes *notes = *notes_of(app->br, r);
	struct bf_rates rate, slow;
	struct figures f;

	read_figures(app, r, &f);
	bf_rates_of(notes, BF_RATE_SHORT_S, &rate);
	bf_rates_of(notes, BF_RATE_LONG_S, &slow);
	bf_out_printf(out,
		"\n  ######################## NIC statistics for port %-2u ########################\n"
		"  RX-packets: %-10" PRIu64 " RX-missed: %-10" PRIu64 " RX-bytes:  %-" PRIu64 "\n"
		"  RX-errors: %-" PRIu64 "\n  RX-nombuf:  %-10" PRIu64 "\n"
		"  TX-packets: %-10" PRIu64 " TX-errors: %-10" PRIu64 " TX-bytes:  %-" PRIu64 "\n",
		r->id, f.rx_frames, f.rx_missed, f.rx_bytes, f.rx_errors, f.rx_nombuf, f.tx_frames,
		f.tx_errors, f.tx_bytes);
	bf_out_printf(out,
		"\n  Throughput (last second)\n"
		"  Rx-pps: %12.0f          Rx-bps: %12.0f\n  Tx-pps: %12.0f          Tx-bps: %12.0f\n"
		"  Throughput (last 10 seconds)\n"
		"  Rx-pps: %12.0f          Rx-bps: %12.0f\n  Tx-pps: %12.0f          Tx-bps: %12.0f\n"
		"  ############################################################################\n",
		rate.rx_pps, rate.rx_bps, rate.tx_pps, rate.tx_bps, slow.rx_pps, slow.rx_bps,
		slow.tx_pps, slow.tx_bps);
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, "id", r->id);
	bf_out_str(out, "name", r->name);
	bf_out_u64(out, "rx_packets", f.rx_frames);
	bf_out_u64(out, "rx_bytes", f.rx_bytes);
	bf_out_u64(out, "rx_missed", f.rx_missed);
	bf_out_u64(out, "rx_errors", f.rx_errors);
	bf_out_u64(out, "rx_nombuf", f.rx_nombuf);
	bf_out_u64(out, "tx_packets", f.tx_frames);
	bf_out_u64(out, "tx_bytes", f.tx_bytes);
	bf_out_u64(out, "tx_errors", f.tx_errors);
	show_rates(&rate, "", out);
	show_rates(&slow, "_10s", out);
	bf_out_obj_end(out);
}

/* Ports of the switch: the ledger's columns are their extended statistics. */
static void
show_switch_xstats(struct bf_app *app, const struct bf_port_ref *r, struct bf_out *out)
{
	uint16_t slot = bf_ref_slot(r);
	struct bf_port_counters c;

	bf_stats_port(app->br, slot, &c);
	bf_out_printf(
		out, "flooded: %" PRIu64 "\nflood_copies: %" PRIu64 "\n", c.flooded, c.copies);
	bf_out_u64(out, "flooded", c.flooded);
	bf_out_u64(out, "flood_copies", c.copies);
	for (unsigned int i = 0; i < bf_n_offload_counters; i++) {
		uint64_t n = bf_offload_counter(&c, i);

		bf_out_printf(out, "%s: %" PRIu64 "\n", bf_offload_counters[i].name, n);
		bf_out_u64(out, bf_offload_counters[i].name, n);
	}
	for (unsigned int d = 0; d < BF_DROP_COUNT; d++) {
		char key[64];

		snprintf(key, sizeof(key), "drop_%s", bf_drop_info[d].name);
		bf_out_printf(out, "%s: %" PRIu64 "\n", key, c.drops[d]);
		bf_out_u64(out, key, c.drops[d]);
	}
}

static void
write_xstats(const struct rte_eth_xstat_name *names, const struct rte_eth_xstat *values, int n,
	struct bf_out *out)
{
	for (int i = 0; i < n; i++) {
		bf_out_printf(out, "%s: %" PRIu64 "\n", names[i].name, values[i].value);
		bf_out_u64(out, names[i].name, values[i].value);
	}
}

static void
show_ethdev_xstats(const struct bf_port_ref *r, struct bf_out *out)
{
	int n = bf_stats_device_counts(r->ethdev) ? rte_eth_xstats_get_names(r->ethdev, NULL, 0)
						  : 0;
	struct rte_eth_xstat_name *names = n <= 0 ? NULL : calloc((size_t)n, sizeof(*names));
	struct rte_eth_xstat *values = n <= 0 ? NULL : calloc((size_t)n, sizeof(*values));

	if (n > 0 && (names == NULL || values == NULL))
		bf_out_error(out, "out of memory");
	else if (n < 0 || rte_eth_xstats_get_names(r->ethdev, names, (unsigned int)n) != n ||
		rte_eth_xstats_get(r->ethdev, values, (unsigned int)n) != n)
		bf_out_error(out, "port %s: its driver cannot read extended statistics", r->name);
	else
		write_xstats(names, values, n, out);
	free(names);
	free(values);
}

static void
show_xstats(struct bf_app *app, const struct bf_port_ref *r, struct bf_out *out)
{
	bf_out_printf(out, "###### NIC extended statistics for port %u (%s)\n", r->id, r->name);
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, "id", r->id);
	bf_out_str(out, "name", r->name);
	bf_out_obj_begin(out, "xstats");
	if (r->kind == BF_REF_ETHDEV)
		show_ethdev_xstats(r, out);
	else
		show_switch_xstats(app, r, out);
	bf_out_obj_end(out);
	bf_out_obj_end(out);
}

static void
show_summary(struct bf_app *app, const struct bf_port_ref *r, struct bf_out *out)
{
	struct looks l;

	begin_port(app, r, &l, out);
	bf_out_printf(out, "%-4u %-17s %-20s %-14s %-6s %s\n", r->id, l.mac, r->name, l.driver,
		l.up ? "up" : "down", l.speed_text);
	bf_out_obj_end(out);
}

/* Members without a device have no id and no counters: they are shown so nobody overlooks them. */
static void
show_missing(const struct bf_uplink *u, const char *what, struct bf_out *out)
{
	bool is_summary = strcmp(what, "summary") == 0;

	for (uint32_t i = 0; i < u->missing.n; i++) {
		const char *name = u->missing.members[i].name;

		if (is_summary)
			bf_out_printf(out, "%-4s %-17s %-20s %-14s missing\n", "-", "-", name, "-");
		else
			bf_out_printf(out, "\nDevice name: %s\nMissing: no such device\n", name);
		bf_out_obj_begin(out, NULL);
		bf_out_str(out, "name", name);
		bf_out_str(out, "kind", "ethdev");
		bf_out_bool(out, "missing", true);
		bf_out_bool(out, "link", false);
		bf_out_u64(out, "speed_mbps", 0);
		bf_out_obj_end(out);
	}
}

static void
cmd_show_port(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const char *what = bf_cmd_arg(ctx, "what");
	struct bf_port_ref *refs = calloc(BF_MAX_PORT_IDS, sizeof(*refs));
	unsigned int n =
		refs == NULL ? 0 : bf_app_ports(app, bf_cmd_arg(ctx, "port"), refs, ctx->out);

	if (refs == NULL)
		bf_out_error(ctx->out, "out of memory");
	if (strcmp(what, "summary") == 0 && n > 0)
		bf_out_printf(ctx->out,
			"Number of available ports: %u\n%-4s %-17s %-20s %-14s %-6s %s\n", n,
			"Port", "MAC Address", "Name", "Driver", "Status", "Link");
	bf_out_arr_begin(ctx->out, NULL);
	for (unsigned int i = 0; i < n; i++) {
		if (strcmp(what, "info") == 0)
			show_info(app, &refs[i], ctx->out);
		else if (strcmp(what, "stats") == 0)
			show_stats(app, &refs[i], ctx->out);
		else if (strcmp(what, "xstats") == 0)
			show_xstats(app, &refs[i], ctx->out);
		else
			show_summary(app, &refs[i], ctx->out);
	}
	if (strcmp(bf_cmd_arg(ctx, "port"), "all") == 0)
		for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
			show_missing(&app->br->up[k], what, ctx->out);
	bf_out_arr_end(ctx->out);
	free(refs);
}

typedef void port_fn(struct bf_cmd_ctx *ctx, const struct bf_port_ref *r);

/* The ports that a command names, one after the other. */
static void
each_port(struct bf_cmd_ctx *ctx, port_fn *fn)
{
	struct bf_port_ref *refs = calloc(BF_MAX_PORT_IDS, sizeof(*refs));
	unsigned int n =
		refs == NULL ? 0 : bf_app_ports(ctx->app, bf_cmd_arg(ctx, "port"), refs, ctx->out);

	if (refs == NULL)
		bf_out_error(ctx->out, "out of memory");
	for (unsigned int i = 0; i < n; i++)
		fn(ctx, &refs[i]);
	free(refs);
}

#define RESET_TRIES 4

static bool
has_fallen(uint64_t was, uint64_t is)
{
	return was == 0 || is < was;
}

/*
 * Drivers count without atomics: a worker that was about to add to a counter puts the old value
 * back (net_vhost does it even when no frame came).  It has done so when every worker's turn is over.
 */
static int
reset_stats(struct bf_app *app, uint16_t port)
{
	struct rte_eth_stats was = {0}, is = {0};
	int ret;

	if (!bf_stats_device_counts(port))
		return 0;
	ret = rte_eth_stats_get(port, &was);
	for (int i = 0; ret == 0 && i < RESET_TRIES; i++) {
		ret = rte_eth_stats_reset(port);
		bf_lcores_grace(&app->br->lcores);
		if (ret != 0 || rte_eth_stats_get(port, &is) != 0)
			break;
		if (has_fallen(was.ipackets, is.ipackets) && has_fallen(was.ibytes, is.ibytes) &&
			has_fallen(was.opackets, is.opackets) && has_fallen(was.obytes, is.obytes))
			break;
	}
	return ret;
}

static void
clear_port(struct bf_cmd_ctx *ctx, const struct bf_port_ref *r)
{
	struct bf_app *app = ctx->app;
	int ret;

	bf_rates_forget(notes_of(app->br, r));
	if (r->kind != BF_REF_ETHDEV) {
		bf_stats_clear_port(app->br, bf_ref_slot(r));
		return;
	}
	ret = reset_stats(app, r->ethdev);
	if (ret != 0)
		bf_out_error(ctx->out, "port %s: its driver cannot clear statistics: %s", r->name,
			strerror(-ret));
}

static void
cmd_clear_port(struct bf_cmd_ctx *ctx)
{
	each_port(ctx, clear_port);
}

/* The port by its name in a config: works for a candidate as well, where ids mean nothing. */
static int
edit_mtu(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err)
{
	const char *port = bf_cmd_arg(ctx, "port"), *value = bf_cmd_arg(ctx, "value");
	struct bf_app *app = ctx->app;
	struct bf_guest_config *g = bf_config_guest(c, port);
	struct bf_bond_config *b;
	uint64_t id = 0;

	if (g == NULL && app->br != NULL &&
		bf_parse_u64("port", port, BF_GUEST_ID_BASE, BF_MAX_PORT_IDS - 2, &id, NULL) == 0 &&
		app->br->guests[id - BF_GUEST_ID_BASE + 1] != NULL)
		g = bf_config_guest(c, app->br->guests[id - BF_GUEST_ID_BASE + 1]->cfg.name);
	if (g != NULL)
		return bf_guest_config_set(g, "mtu", value, err);
	b = bf_app_bond(app, c, port, NULL);
	if (b != NULL)
		return bf_bond_config_set(b, "mtu", value, err);
	for (uint32_t i = 0; i < c->n_bonds; i++)
		if (bf_bond_config_member(&c->bonds[i], port) >= 0)
			return bf_err_set(err, EINVAL,
				"port: \"%s\": is a member: set the mtu of %s", port,
				c->bonds[i].name);
	return bf_err_set(err, EINVAL, "port: \"%.60s\": expected a bond or a guest", port);
}

static void
cmd_mtu(struct bf_cmd_ctx *ctx)
{
	bf_app_change(ctx, edit_mtu);
}

static void
switch_link(struct bf_cmd_ctx *ctx, const struct bf_port_ref *r)
{
	bool up = strcmp(bf_cmd_arg(ctx, "what"), "link-up") == 0;
	struct bf_bond *b = r->up == NULL ? NULL : &r->up->bond;
	int member = b == NULL ? -1 : bf_bond_config_member(&b->cfg, r->name), ret;

	if (r->kind == BF_REF_GUEST) {
		bf_out_usage(ctx->out, "port: \"%s\": expected a bond or a member", r->name);
		return;
	}
	bf_app_audit_cmd(ctx);
	if (b != NULL && (r->kind == BF_REF_BOND || (b->open && member >= 0))) {
		bf_bond_switch(b, r->kind == BF_REF_BOND ? -1 : member, up, bf_clock_ms());
		if (up && member >= 0 && b->off)
			bf_out_printf(ctx->out,
				"%s stays off, because %s is: set link-up port %s\n", r->name,
				b->cfg.name, b->cfg.name);
		return;
	}
	ret = up ? rte_eth_dev_set_link_up(r->ethdev) : rte_eth_dev_set_link_down(r->ethdev);
	if (ret != 0)
		bf_out_error(ctx->out, "port %s: its driver cannot switch the link: %s", r->name,
			strerror(-ret));
}

static void
switch_members(struct bf_bond *b, bool up, struct bf_out *out)
{
	if (up)
		bf_bond_switch(b, -1, true, bf_clock_ms());
	for (unsigned int i = 0; i < b->n_members; i++) {
		bf_bond_switch(b, (int)i, up, bf_clock_ms());
		bf_out_printf(out, " %s", b->members[i].name);
	}
}

/*
 * All is every member, not guests, which cannot be switched. The bond has a switch of its own: off
 * it stays as it is, because one switch is enough; on it goes with them, so that all undoes any.
 */
static void
switch_all(struct bf_cmd_ctx *ctx)
{
	bool up = strcmp(bf_cmd_arg(ctx, "what"), "link-up") == 0, any = false;
	struct bf_app *app = ctx->app;

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		any = any || app->br->up[k].bond.open;
	if (!any) {
		bf_out_error(ctx->out, "port: \"all\": there is no member");
		return;
	}
	bf_app_audit_cmd(ctx);
	bf_out_printf(ctx->out, "Switched %s:", up ? "on" : "off");
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (app->br->up[k].bond.open)
			switch_members(&app->br->up[k].bond, up, ctx->out);
	bf_out_printf(ctx->out, "\n");
}

static void
cmd_link(struct bf_cmd_ctx *ctx)
{
	if (strcmp(bf_cmd_arg(ctx, "port"), "all") == 0)
		switch_all(ctx);
	else
		each_port(ctx, switch_link);
}

static void
set_promisc(struct bf_cmd_ctx *ctx, const struct bf_port_ref *r)
{
	if (r->kind == BF_REF_GUEST)
		return; /* a switch port always is */
	if (strcmp(bf_cmd_arg(ctx, "onoff"), "on") == 0)
		rte_eth_promiscuous_enable(r->ethdev);
	else
		bf_out_error(ctx->out,
			"promisc: \"off\": port %s: a switch needs every frame: expected on",
			r->name);
}

static void
cmd_promisc(struct bf_cmd_ctx *ctx)
{
	each_port(ctx, set_promisc);
}

/* A device that comes after the start, or comes back. */
static void
cmd_attach(struct bf_cmd_ctx *ctx)
{
	const char *devargs = bf_cmd_arg(ctx, "device");
	char name[RTE_ETH_NAME_MAX_LEN];
	size_t len = strcspn(devargs, ",");
	uint16_t port;
	int ret;

	if (len >= sizeof(name) || strncmp(devargs, "net_bonding", 11) == 0) {
		bf_out_usage(ctx->out,
			"port attach: \"%.80s\": expected a port's devargs; bonds are made by "
			"`create bonding device`",
			devargs);
		return;
	}
	memcpy(name, devargs, len);
	name[len] = '\0';
	if (rte_eth_dev_get_port_by_name(name, &port) == 0) {
		bf_out_usage(
			ctx->out, "port attach: \"%s\": is there already, as port %u", name, port);
		return;
	}
	ret = rte_dev_probe(devargs);
	if (ret != 0 || rte_eth_dev_get_port_by_name(name, &port) != 0) {
		bf_out_error(ctx->out, "port attach: \"%.80s\": no driver takes it: %s", devargs,
			strerror(ret < 0 ? -ret : ENODEV));
		return;
	}
	bf_out_printf(ctx->out, "Port %u is attached. Now total ports is %u\nDone\n", port,
		rte_eth_dev_count_avail());
	bf_out_obj_begin(ctx->out, NULL);
	bf_out_u64(ctx->out, "port", port);
	bf_out_obj_end(ctx->out);
}

/* Only what nobody uses: a member leaves its bond first. */
static void
detach(struct bf_cmd_ctx *ctx, const struct bf_port_ref *r)
{
	struct rte_eth_dev_info info;
	int ret;

	if (r->kind != BF_REF_ETHDEV) {
		bf_out_usage(ctx->out, "port detach: \"%s\": is a %s: expected a port", r->name,
			kind_name(r));
		return;
	}
	if (r->up != NULL) {
		bf_out_error(ctx->out,
			"port detach: \"%s\": is a member of %s: expected it to be removed from "
			"there first",
			r->name, r->up->name);
		return;
	}
	ret = rte_eth_dev_info_get(r->ethdev, &info);
	if (ret == 0) {
		rte_eth_dev_stop(r->ethdev);
		ret = rte_dev_remove(info.device);
	}
	if (ret != 0)
		bf_out_error(ctx->out, "port detach: \"%s\": its driver refuses: %s", r->name,
			strerror(-ret));
	else
		bf_out_printf(ctx->out, "Port %u is detached. Now total ports is %u\nDone\n",
			r->ethdev, rte_eth_dev_count_avail());
}

static void
cmd_detach(struct bf_cmd_ctx *ctx)
{
	each_port(ctx, detach);
}

static const struct bf_cmd port_cmds[] = {
	{"show port (what:info|stats|xstats|summary) <port>", "A port, by id or name, or all.",
		cmd_show_port, 0},
	{"clear port (what:stats|xstats) <port>", "Start a port's figures from zero.",
		cmd_clear_port, 0},
	{"port config mtu <port> <value>", "Largest packet of the bond or a guest, bytes.", cmd_mtu,
		BF_CMD_CONFIG},
	{"port config <port> mtu <value>", "The same, in the older order.", cmd_mtu, BF_CMD_CONFIG},
	{"set (what:link-up|link-down) port <port>",
		"Switch the bond or a member off, or on again; not saved. All is every member;\n"
		"link-up of all switches the bond on, too.",
		cmd_link, 0},
	{"port attach <device>", "Take a device in: its devargs, as behind --vdev or -a.",
		cmd_attach, 0},
	{"port detach <port>", "Let a device go that is no member.", cmd_detach, 0},
	{"set promisc <port> (onoff:on|off)", "A switch's ports are always promiscuous.",
		cmd_promisc, 0},
};

const struct bf_cmd_group bf_group_port = {
	"ports", "Ports: information, statistics, links", BF_CMDS(port_cmds)};
