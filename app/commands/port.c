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
#include "base/parse.h"
#include "commands/commands.h"
#include "commands/show.h"
#include "control/bond/link_ask.h"

static void
cmd_show_port(struct bf_cmd_ctx *ctx)
{
	static const struct {
		const char *what;
		const struct bf_show *show;
	} shows[] = {{"info", &bf_show_port_info}, {"stats", &bf_show_port_stats},
		{"xstats", &bf_show_port_xstats}, {"summary", &bf_show_ports},
		{"module_eeprom", &bf_show_modules}};
	const char *port = bf_cmd_arg(ctx, "port");
	bool all = strcmp(port, "all") == 0;
	struct bf_port_ref *refs = all ? NULL : calloc(BF_MAX_PORT_IDS, sizeof(*refs));

	if (!all && refs == NULL)
		bf_out_error(ctx->out, "out of memory");
	for (unsigned int i = 0; i < RTE_DIM(shows); i++)
		if (strcmp(bf_cmd_arg(ctx, "what"), shows[i].what) == 0 &&
			(all || (refs != NULL && bf_app_ports(ctx->app, port, refs, ctx->out) > 0)))
			bf_app_show(ctx, shows[i].show, all ? NULL : port, false);
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

	bf_rates_forget(bf_port_rate_notes(app->br, r));
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
	if (g != NULL) {
		struct bf_guest_config copy = *g;

		if (bf_guest_config_set(&copy, "mtu", value, err) != 0)
			return -EINVAL;
		return bf_config_replace_guest(c, g->name, &copy, err);
	}
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

BF_CMD_CHANGE(cmd_mtu, edit_mtu)

/* Whether a command switches on, by its own word. */
static bool
is_link_up(const struct bf_cmd_ctx *ctx)
{
	const char *what = bf_cmd_arg(ctx, "what");

	return strcmp(what, "link-up") == 0 || strcmp(what, "start") == 0;
}

static void
switch_link(struct bf_cmd_ctx *ctx, const struct bf_port_ref *r)
{
	bool up = is_link_up(ctx);
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
	ret = bf_link_switch(r->ethdev, up);
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
	bool up = is_link_up(ctx), any = false;
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

/* testpmd's words and lines around the same. */
static void
cmd_start_port(struct bf_cmd_ctx *ctx)
{
	bf_out_printf(ctx->out, "%s ports...\n", is_link_up(ctx) ? "Starting" : "Stopping");
	cmd_link(ctx);
	if (bf_out_status(ctx->out) == BF_OUT_OK)
		bf_out_printf(ctx->out, "Done\n");
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
set_allmulti(struct bf_cmd_ctx *ctx, const struct bf_port_ref *r)
{
	if (strcmp(bf_cmd_arg(ctx, "onoff"), "on") != 0)
		bf_out_error(ctx->out,
			"allmulti: \"off\": port %s: a switch needs every frame: expected on",
			r->name);
}

static void
cmd_allmulti(struct bf_cmd_ctx *ctx)
{
	each_port(ctx, set_allmulti);
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
		/* -1 is what drivers return that do not say why: it is not a permission. */
		bf_out_error(ctx->out, "port attach: \"%.80s\": no driver takes it: %s", devargs,
			ret == -1 ? "the log has what the driver said"
				  : strerror(ret < 0 ? -ret : ENODEV));
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
device_detach(struct bf_cmd_ctx *ctx, const struct bf_port_ref *r)
{
	struct rte_eth_dev_info info;
	int ret;

	if (r->kind != BF_REF_ETHDEV) {
		bf_out_usage(ctx->out, "port detach: \"%s\": is a %s: expected a port", r->name,
			bf_port_ref_kind(r));
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
	each_port(ctx, device_detach);
}

static const struct bf_cmd port_cmds[] = {
	{"show port (what:info|stats|xstats|summary|module_eeprom) <port>",
		"A port, by id or name, or all.", cmd_show_port, 0},
	{"show port <port> (what:module_eeprom)", "The same, in testpmd's order.", cmd_show_port,
		0},
	{"clear port (what:stats|xstats) <port>", "Reset a port's counters.", cmd_clear_port, 0},
	{"port config mtu <port> <value>", "Largest packet of the bond or a guest, bytes.", cmd_mtu,
		BF_CMD_CONFIG},
	{"port config <port> mtu <value>", "The same, in the older order.", cmd_mtu, BF_CMD_CONFIG},
	{"set (what:link-up|link-down) port <port>",
		"Switch the bond or a member off, or on again; not saved. all is every member; link-up\n"
		"port all switches the bond on, too.",
		cmd_link, 0},
	{"port (what:start|stop) <port>", "The same as set link-up port and set link-down port.",
		cmd_start_port, 0},
	{"port attach <device>", "Attach a device, given its devargs, as for --vdev or -a.",
		cmd_attach, 0},
	{"port detach <port>", "Detach a device that is not a bond member.", cmd_detach, 0},
	{"set promisc <port> (onoff:on|off)", "A switch's ports are always promiscuous.",
		cmd_promisc, 0},
	{"set allmulti <port> (onoff:on|off)", "A switch's ports always receive all multicast.",
		cmd_allmulti, 0},
};

const struct bf_cmd_group bf_group_port = {
	"ports", "Ports: information, statistics, links", BF_CMDS(port_cmds)};
