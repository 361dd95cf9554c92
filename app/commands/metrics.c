/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Figures of the bond in Prometheus' text format: what node_exporter's textfile collector reads,
 * and what Prometheus alerts on.
 *
 * Threads: ctx control.
 */
#include <inttypes.h>
#include <stdio.h>

#include "app.h"
#include "commands/commands.h"
#include "console/out.h"
#include "control/bond/failover.h"
#include "control/bridge.h"
#include "control/observe/stats.h"

/* Head of a family of samples. */
static void
family(struct bf_out *out, const char *name, const char *type, const char *help)
{
	bf_out_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* One sample; the second label is left out when it has no name. */
static void
sample(struct bf_out *out, const char *name, const char *bond, const char *label,
	const char *label_value, double value)
{
	bf_out_printf(out, "%s{bond=\"%s\"", name, bond);
	if (label != NULL)
		bf_out_printf(out, ",%s=\"%s\"", label, label_value);
	bf_out_printf(out, "} %.15g\n", value);
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "name", name);
	bf_out_obj_begin(out, "labels");
	bf_out_str(out, "bond", bond);
	if (label != NULL)
		bf_out_str(out, label, label_value);
	bf_out_obj_end(out);
	bf_out_f64(out, "value", value);
	bf_out_obj_end(out);
}

static bool
is_shown(const struct bf_uplink *u)
{
	return u->bond.open || u->missing.n > 0;
}

/* The stopwatch: time from a loss to the next frame. */
static void
failover_times(const struct bf_uplink *u, struct bf_out *out)
{
	static const char bucket[] = "bondfwd_failover_first_frame_seconds_bucket";
	const struct bf_failovers *f = &u->failovers;
	uint64_t below = 0;
	char le[16];

	for (unsigned int i = 0; i < BF_FAILOVER_BINS; i++) {
		below += f->bins[i];
		snprintf(le, sizeof(le), "%g", bf_failover_bin_s[i]);
		sample(out, bucket, u->name, "le", le, (double)below);
	}
	sample(out, bucket, u->name, "le", "+Inf", (double)f->timed);
	sample(out, "bondfwd_failover_first_frame_seconds_sum", u->name, NULL, NULL, f->timed_s);
	sample(out, "bondfwd_failover_first_frame_seconds_count", u->name, NULL, NULL,
		(double)f->timed);
}

static double
failovers_of(const struct bf_failovers *f)
{
	return (double)f->n;
}

static double
announced_of(const struct bf_failovers *f)
{
	return (double)f->announced;
}

static double
lost_of(const struct bf_failovers *f)
{
	return (double)f->lost;
}

static void
failovers(const struct bf_bridge *br, struct bf_out *out)
{
	static const struct {
		const char *name, *help;
		double (*value)(const struct bf_failovers *f);
	} totals[] = {
		{"bondfwd_failovers_total", "Changes of the members that carry traffic.",
			failovers_of},
		{"bondfwd_failover_announcements_total", "Frames that announced guests after them.",
			announced_of},
		{"bondfwd_failover_lost_frames_total",
			"Frames dropped meanwhile for want of a member.", lost_of},
	};

	for (unsigned int i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
		family(out, totals[i].name, "counter", totals[i].help);
		for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
			if (is_shown(&br->up[k]))
				sample(out, totals[i].name, br->up[k].name, NULL, NULL,
					totals[i].value(&br->up[k].failovers));
	}
	family(out, "bondfwd_failover_first_frame_seconds", "histogram",
		"From the loss of a member to the first frame on another one.");
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (is_shown(&br->up[k]))
			failover_times(&br->up[k], out);
}

static double
speed_of(const struct bf_bridge *br, const struct bf_uplink *u, const struct bf_member *m)
{
	(void)br;
	(void)u;
	return m->carrier ? m->speed_mbps : 0;
}

static double
is_missing(const struct bf_bridge *br, const struct bf_uplink *u, const struct bf_member *m)
{
	(void)br;
	return bf_missing_has(&u->missing, m->name);
}

static double
link_of(const struct bf_bridge *br, const struct bf_uplink *u, const struct bf_member *m)
{
	(void)br;
	(void)u;
	return m->carrier;
}

static double
carries(const struct bf_bridge *br, const struct bf_uplink *u, const struct bf_member *m)
{
	(void)br;
	return (bf_bond_carrying(&u->bond) & 1u << m->bit) != 0;
}

static double
losses(const struct bf_bridge *br, const struct bf_uplink *u, const struct bf_member *m)
{
	(void)br;
	(void)u;
	return (double)m->flaps;
}

static double
frames(const struct bf_bridge *br, const struct bf_uplink *u, const struct bf_member *m)
{
	struct bf_member_counters c;

	bf_stats_member(br, u->bond.number, m->bit, &c);
	return (double)c.tx_frames;
}

static double
bytes(const struct bf_bridge *br, const struct bf_uplink *u, const struct bf_member *m)
{
	struct bf_member_counters c;

	bf_stats_member(br, u->bond.number, m->bit, &c);
	return (double)c.tx_bytes;
}

static void
members(const struct bf_bridge *br, struct bf_out *out)
{
	static const struct {
		const char *name, *type, *help;
		double (*value)(const struct bf_bridge *br, const struct bf_uplink *u,
			const struct bf_member *m);
		bool of_missing; /* 0 of a member without a device says the truth */
	} families[] = {
		{"bondfwd_member_up", "gauge", "1 while the member has a link.", link_of, true},
		{"bondfwd_member_missing", "gauge", "1 while the member has no device.", is_missing,
			true},
		{"bondfwd_member_speed_mbps", "gauge",
			"Speed of the link in Mbit/s, 0: unknown or down.", speed_of, true},
		{"bondfwd_member_carries", "gauge", "1 while the bond sends by the member.",
			carries, true},
		{"bondfwd_member_link_losses_total", "counter", "Links lost.", losses, false},
		{"bondfwd_member_transmit_frames_total", "counter", "Frames sent.", frames, false},
		{"bondfwd_member_transmit_bytes_total", "counter", "Bytes sent, without FCS.",
			bytes, false},
	};

	for (unsigned int f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		family(out, families[f].name, families[f].type, families[f].help);
		for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
			const struct bf_uplink *u = &br->up[k];
			const struct bf_bond *b = &u->bond;

			for (unsigned int i = 0; b->open && i < b->n_members; i++)
				sample(out, families[f].name, u->name, "member", b->members[i].name,
					families[f].value(br, u, &b->members[i]));
			for (uint32_t i = 0; families[f].of_missing && i < u->missing.n; i++)
				sample(out, families[f].name, u->name, "member",
					u->missing.members[i].name,
					families[f].value == is_missing);
		}
	}
}

/* Superframes and checksums at each guest's port. */
static void
guest_offloads(struct bf_bridge *br, struct bf_out *out)
{
	char name[64];

	for (unsigned int i = 0; i < bf_n_offload_counters; i++) {
		const struct bf_offload_counter *o = &bf_offload_counters[i];

		snprintf(name, sizeof(name), "bondfwd_guest_%s_total", o->name);
		family(out, name, "counter", o->help);
		for (uint16_t s = 1; s < BF_MAX_PORTS; s++) {
			const struct bf_guest *g = br->guests[s];
			struct bf_port_counters c;

			if (g == NULL)
				continue;
			bf_stats_port(br, s, &c);
			sample(out, name, bf_bridge_port_name(br, bf_bond_slot(g->uplink)), "guest",
				g->cfg.name, (double)bf_offload_counter(&c, i));
		}
	}
}

static void
cmd_metrics(struct bf_cmd_ctx *ctx)
{
	const struct bf_app *app = ctx->app;
	struct bf_bridge *br = app->br;
	bool any = false;

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		any = any || is_shown(&br->up[k]);
	bf_out_arr_begin(ctx->out, NULL);
	if (any) {
		members(br, ctx->out);
		failovers(br, ctx->out);
	}
	guest_offloads(br, ctx->out);
	bf_out_arr_end(ctx->out);
}

static const struct bf_cmd metrics_cmds[] = {
	{"show metrics", "The bonds' counters in Prometheus' text format.", cmd_metrics, 0},
};

const struct bf_cmd_group bf_group_metrics = {
	"metrics", "Figures for Prometheus", BF_CMDS(metrics_cmds)};
