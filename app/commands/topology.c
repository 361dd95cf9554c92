/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The topology as text and JSON, as a graph for Graphviz, and as a page that documents the host by itself.
 *
 * Names come from operators, from guests' front ends and from switches: whatever has a meaning in the form that is
 * written is escaped.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "commands/commands.h"
#include "commands/show.h"
#include "console/render.h"
#include "control/snapshot/lldp.h"
#include "control/snapshot/topology.h"
#include "lldp/lldp.h"

/* Row i of a list of rows. */
#define AT(rows, i, type) ((const type *)bf_rows_at(&(rows), (i), sizeof(type)))

static void
text_escape(struct bf_out *out, const char *text, const char *special)
{
	for (; *text != '\0'; text++)
		bf_out_printf(out, "%s%c", strchr(special, *text) != NULL ? "\\" : "", *text);
}

/* ---- Graphviz ---- */

/* Inside double quotes. */
static void
dot_text(struct bf_out *out, const char *text)
{
	text_escape(out, text, "\"\\");
}

/* A node is known by what it is and by its name. */
static void
dot_id(struct bf_out *out, const char *kind, const char *name)
{
	bf_out_printf(out, "\"%s ", kind);
	dot_text(out, name);
	bf_out_printf(out, "\"");
}

static void
dot_edge(struct bf_out *out, const char *kind, const char *from, const char *to_kind,
	const char *to, const char *label)
{
	bf_out_printf(out, "\t");
	dot_id(out, kind, from);
	bf_out_printf(out, " -- ");
	dot_id(out, to_kind, to);
	bf_out_printf(out, " [label=\"");
	dot_text(out, label);
	bf_out_printf(out, "\"];\n");
}

/* @param note a second line; "": none */
static void
dot_node(struct bf_out *out, const char *kind, const char *name, const char *label,
	const char *note, const char *look)
{
	bf_out_printf(out, "\t");
	dot_id(out, kind, name);
	bf_out_printf(out, " [label=\"");
	dot_text(out, label);
	if (note[0] != '\0')
		bf_out_printf(out, "\\n");
	dot_text(out, note);
	bf_out_printf(out, "\", %s];\n", look);
}

/* A switch, and at its cable the port with the LAG that the switch has there. */
static void
dot_neighbor(struct bf_out *out, const char *member, const struct bf_lldp_row *n)
{
	char label[BF_LLDP_ID_TEXT_SIZE + sizeof(n->lag) + 16];

	dot_node(out, "switch", n->chassis_id, n->system, "", "shape=cylinder");
	snprintf(label, sizeof(label), "%s, LAG: %s", n->port_id, n->lag);
	dot_edge(out, "switch", n->chassis_id, "member", member, label);
}

static void
dot_bond(struct bf_out *out, const struct bf_topology_bond *b)
{
	dot_node(out, "bond", b->name, b->name, b->mode,
		b->up ? "shape=box3d" : "shape=box3d, color=red");
	for (uint32_t i = 0; i < b->members.n; i++) {
		const struct bf_topology_member *m = AT(b->members, i, struct bf_topology_member);

		dot_node(out, "member", m->name, m->name, m->missing ? "no device" : m->speed,
			m->link ? "shape=box" : "shape=box, color=red");
		for (uint32_t k = 0; k < m->neighbors.n; k++)
			dot_neighbor(out, m->name, AT(m->neighbors, k, struct bf_lldp_row));
		dot_edge(out, "member", m->name, "bond", b->name, "");
	}
	for (uint32_t i = 0; i < b->guests.n; i++) {
		const struct bf_topology_guest *g = AT(b->guests, i, struct bf_topology_guest);

		dot_node(out, "guest", g->name, g->name, g->front_end,
			g->up ? "shape=ellipse" : "shape=ellipse, color=red");
		dot_edge(out, "bond", b->name, "guest", g->name, g->vlan);
	}
}

static void
dot_write(struct bf_out *out, const struct bf_topology *t)
{
	bf_out_printf(out, "graph ");
	dot_id(out, "host", t->host);
	bf_out_printf(out, " {\n\trankdir=LR;\n");
	for (uint32_t i = 0; i < t->bonds.n; i++)
		dot_bond(out, AT(t->bonds, i, struct bf_topology_bond));
	bf_out_printf(out, "}\n");
}

/* ---- Markdown ---- */

/* In a line or a cell of a table: no character has a meaning. */
static void
page_text(struct bf_out *out, const char *text)
{
	text_escape(out, text, "\\`*_{}[]()<>#+-.!|~&$\"':@/=");
}

static void
page_cell(struct bf_out *out, const char *text)
{
	bf_out_printf(out, " ");
	page_text(out, text[0] != '\0' ? text : "-");
	bf_out_printf(out, " |");
}

static void
page_members(struct bf_out *out, const struct bf_topology_bond *b)
{
	bf_out_printf(out,
		"| member | driver | speed | link | in use | switch | port | LAG |\n"
		"| --- | --- | --- | --- | --- | --- | --- | --- |\n");
	for (uint32_t i = 0; i < b->members.n; i++) {
		const struct bf_topology_member *m = AT(b->members, i, struct bf_topology_member);
		const struct bf_lldp_row *n =
			m->neighbors.n > 0 ? AT(m->neighbors, 0, struct bf_lldp_row) : NULL;

		bf_out_printf(out, "|");
		page_cell(out, m->name);
		page_cell(out, m->missing ? "no device" : m->driver);
		page_cell(out, m->speed);
		page_cell(out, m->link ? "up" : "down");
		page_cell(out, m->sending ? "yes" : "no");
		page_cell(out, n != NULL ? n->system : "");
		page_cell(out, n != NULL ? n->port_id : "");
		page_cell(out, n != NULL ? n->lag : "");
		bf_out_printf(out, "\n");
	}
}

static void
page_guests(struct bf_out *out, const struct bf_topology_bond *b)
{
	if (b->guests.n == 0)
		return;
	bf_out_printf(out,
		"\n| guest | state | socket | mode | front end | VLAN | MACs | queues | MTU "
		"| lcores |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
	for (uint32_t i = 0; i < b->guests.n; i++) {
		const struct bf_topology_guest *g = AT(b->guests, i, struct bf_topology_guest);

		bf_out_printf(out, "|");
		page_cell(out, g->name);
		page_cell(out, g->up ? "up" : "down");
		page_cell(out, g->socket);
		page_cell(out, g->mode);
		page_cell(out, g->front_end);
		page_cell(out, g->vlan);
		bf_out_printf(out, " %u | %u | %u |", g->stations, g->queue_pairs, g->mtu);
		page_cell(out, g->workers);
		bf_out_printf(out, "\n");
	}
}

static void
page_bond(struct bf_out *out, const struct bf_topology_bond *b)
{
	bf_out_printf(out, "\n## Bond ");
	page_text(out, b->name);
	bf_out_printf(out, "\n\n- Mode: ");
	page_text(out, b->mode);
	bf_out_printf(out, ", %s\n- Address: ", b->up ? "up" : "down");
	page_text(out, b->open ? b->mac : "not open");
	bf_out_printf(out, "\n- MTU: %u\n- VLANs: ", b->mtu);
	page_text(out, b->vlans);
	if (b->native != 0)
		bf_out_printf(out, ", native %u", b->native);
	bf_out_printf(out, "\n- MAC addresses known behind it: %u\n\n", b->stations);
	page_members(out, b);
	page_guests(out, b);
}

static void
page_write(struct bf_out *out, const struct bf_topology *t)
{
	bf_out_printf(out, "# ");
	page_text(out, t->host);
	bf_out_printf(out, "\n\n- bondfwd ");
	page_text(out, t->bondfwd);
	bf_out_printf(out, ", ");
	page_text(out, t->dpdk);
	bf_out_printf(out, "\n- Profile of new guests: %s\n- Worker lcores:", t->profile);
	for (uint32_t i = 0; i < t->workers.n; i++)
		bf_out_printf(out, " %u", AT(t->workers, i, struct bf_topology_worker)->lcore);
	bf_out_printf(out, "\n\nStarted as:\n\n    %s\n", t->command_line);
	for (uint32_t i = 0; i < t->bonds.n; i++)
		page_bond(out, AT(t->bonds, i, struct bf_topology_bond));
}

/* ---- commands ---- */

BF_CMD_SHOW(cmd_text, bf_show_topology)

/* JSON, also for who reads text. */
static void
json_write(struct bf_out *out, const struct bf_snapshot *s)
{
	struct bf_out *json = bf_out_create(BF_OUT_JSON, 0);
	const char *text;
	size_t len;

	if (json == NULL) {
		bf_out_error(out, "out of memory");
		return;
	}
	bf_render(bf_show_topology.table, &s->rows, true, json);
	text = bf_out_data(json, &len);
	bf_out_write(out, text, len);
	bf_out_destroy(json);
}

static void
cmd_form(struct bf_cmd_ctx *ctx)
{
	const char *form = bf_cmd_arg(ctx, "form");
	struct bf_snapshot s = {.in_full = true};
	struct bf_app *app = ctx->app;

	if (bf_out_is_json(ctx->out)) {
		cmd_text(ctx);
		return;
	}
	bf_show_topology.gather(app->br, NULL, &s);
	if (s.is_short)
		bf_out_error(ctx->out, "out of memory");
	else if (strcmp(form, "dot") == 0)
		dot_write(ctx->out, s.rows.at);
	else if (strcmp(form, "markdown") == 0)
		page_write(ctx->out, s.rows.at);
	else
		json_write(ctx->out, &s);
	bf_snapshot_fini(&s);
}

static const struct bf_cmd topology_cmds[] = {
	{"show topology", "What is connected to what: switches, members, bonds, guests.", cmd_text,
		0},
	{"show topology (form:json|dot|markdown)",
		"The same as JSON, as a graph for Graphviz, or as a page that documents the host.",
		cmd_form, 0},
};

const struct bf_cmd_group bf_group_topology = {
	"topology", "What is connected to what", BF_CMDS(topology_cmds)};
