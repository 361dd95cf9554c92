/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which bridges and ports are imported, what each of them is, and its name.
 *
 * Threads: one.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/words.h"
#include "import/ovs.h"
#include "import/ovsdb.h"

#define NAMES_MAX 400

static bool
is_card(const json_t *iface)
{
	const char *type = bf_ovsdb_text(iface, "type");

	return strcmp(type, "dpdk") == 0 || strncmp(type, "afxdp", 5) == 0;
}

static enum bf_ovs_kind
iface_kind(const json_t *iface)
{
	const char *type = bf_ovsdb_text(iface, "type");

	if (is_card(iface))
		return BF_OVS_CARDS;
	if (strcmp(type, "dpdkvhostuser") == 0 || strcmp(type, "dpdkvhostuserclient") == 0)
		return BF_OVS_GUEST;
	if (strcmp(type, "internal") == 0)
		return BF_OVS_HOST;
	return strcmp(type, "patch") == 0 ? BF_OVS_PATCH : BF_OVS_OTHER;
}

static json_t *
iface_of(const struct bf_ovs *o, const json_t *port, size_t i)
{
	return bf_ovsdb_row(o->db, "Interface", bf_ovsdb_item(port, "interfaces", i));
}

/* The interfaces of a port that are there; the first of them. */
static size_t
ifaces_count(const struct bf_ovs *o, const json_t *port, json_t **first)
{
	size_t n = 0;

	*first = NULL;
	for (size_t i = 0; i < bf_ovsdb_count(port, "interfaces"); i++) {
		json_t *iface = iface_of(o, port, i);

		if (iface != NULL && n++ == 0)
			*first = iface;
	}
	return n;
}

void
bf_ovs_name(const char *from, char to[BF_OVS_NAME_MAX])
{
	snprintf(to, BF_OVS_NAME_MAX, "%s", from);
	for (char *c = to; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && strchr("._-", *c) == NULL)
			*c = '_';
	if (!isalnum((unsigned char)to[0]))
		to[0] = 'p';
	if (strcmp(to, "all") == 0 || strcmp(to, "none") == 0)
		snprintf(to, BF_OVS_NAME_MAX, "port-%.20s", from);
}

static int
ports_compare(const void *a, const void *b)
{
	const struct bf_ovs_port *one = a, *other = b;

	return strcmp(one->name, other->name);
}

static bool
has_row(const struct bf_ovs *o, const json_t *port)
{
	for (size_t i = 0; i < o->n_ports; i++)
		if (o->ports[i].row == port)
			return true;
	return false;
}

static bool
ports_add(struct bf_ovs *o, const json_t *bridge, struct bf_err *err)
{
	for (size_t i = 0; i < bf_ovsdb_count(bridge, "ports"); i++) {
		json_t *row = bf_ovsdb_row(o->db, "Port", bf_ovsdb_item(bridge, "ports", i));
		struct bf_ovs_port *p = &o->ports[o->n_ports];

		if (row == NULL || has_row(o, row))
			continue;
		if (o->n_ports == BF_OVS_PORTS_MAX) {
			(void)bf_err_set(err, EINVAL, "bridge \"%.60s\": expected at most %d ports",
				bf_ovsdb_text(bridge, "name"), BF_OVS_PORTS_MAX);
			return false;
		}
		*p = (struct bf_ovs_port){.name = bf_ovsdb_text(row, "name"),
			.bridge = bf_ovsdb_text(bridge, "name"),
			.row = row};
		p->n_ifaces = ifaces_count(o, row, &p->iface);
		p->kind = iface_kind(p->iface);
		if (p->n_ifaces > 1 && p->kind != BF_OVS_CARDS)
			p->kind = BF_OVS_OTHER;
		bf_ovs_name(p->name, p->ours);
		o->n_ports++;
	}
	return true;
}

static bool
has_dpdk(const struct bf_ovs *o, const json_t *bridge)
{
	for (size_t i = 0; i < bf_ovsdb_count(bridge, "ports"); i++) {
		const json_t *port = bf_ovsdb_row(o->db, "Port", bf_ovsdb_item(bridge, "ports", i));
		enum bf_ovs_kind kind = iface_kind(iface_of(o, port, 0));

		if (kind == BF_OVS_CARDS || kind == BF_OVS_GUEST)
			return true;
	}
	return false;
}

static bool
is_wanted(const struct bf_ovs *o, const struct bf_ovs_wanted *wanted, const json_t *bridge)
{
	if (wanted->n_bridges == 0)
		return has_dpdk(o, bridge);
	for (unsigned int i = 0; i < wanted->n_bridges; i++)
		if (strcmp(wanted->bridges[i], bf_ovsdb_text(bridge, "name")) == 0)
			return true;
	return false;
}

/* Those that are wanted into o->bridges, as far as they fit; the names of all into @p names. */
static unsigned int
bridges_find(struct bf_ovs *o, const struct bf_ovs_wanted *wanted, char names[NAMES_MAX])
{
	const char *uuid;
	json_t *row;
	unsigned int n = 0;

	names[0] = '\0';
	json_object_foreach(json_object_get(o->db, "Bridge"), uuid, row)
	{
		bf_words_add(names, NAMES_MAX, ", ", bf_ovsdb_text(row, "name"));
		if (!is_wanted(o, wanted, row))
			continue;
		n++;
		if (o->n_bridges < BF_OVS_BRIDGES_MAX)
			o->bridges[o->n_bridges++] = row;
	}
	(void)bf_words_plain(names);
	return n;
}

/* A name that is wanted is that of one bridge. */
static bool
bridge_check(const struct bf_ovs *o, const char *name, const char *names, struct bf_err *err)
{
	const char *uuid;
	json_t *row;
	unsigned int n = 0;

	json_object_foreach(json_object_get(o->db, "Bridge"), uuid, row)
	{
		n += strcmp(bf_ovsdb_text(row, "name"), name) == 0;
	}
	if (n == 0)
		(void)bf_err_set(err, EINVAL, "bridge: \"%.60s\": expected one of %s", name,
			names[0] != '\0' ? names : "none: there is no bridge");
	else if (n > 1)
		(void)bf_err_set(err, EINVAL,
			"bridge: \"%.60s\": %u bridges of the database have this name: expected 1",
			name, n);
	return n == 1;
}

static bool
bridges_choose(struct bf_ovs *o, const struct bf_ovs_wanted *wanted, struct bf_err *err)
{
	char names[NAMES_MAX];
	unsigned int n = bridges_find(o, wanted, names);

	for (unsigned int i = 0; i < wanted->n_bridges; i++)
		if (!bridge_check(o, wanted->bridges[i], names, err))
			return false;
	if (wanted->n_bridges > 0 || n == 1)
		return true;
	if (n == 0)
		(void)bf_err_set(err, EINVAL,
			"no bridge has a port of type dpdk, dpdkvhostuser or dpdkvhostuserclient "
			"(bridges: %s)",
			names[0] != '\0' ? names : "none");
	else
		(void)bf_err_set(err, EINVAL,
			"%u bridges have ports of DPDK: expected bridge=NAME, once or more, of %s",
			n, names);
	return false;
}

/* A switch of bondfwd has one bond: the operator says which, where there are several ports with cards. */
static bool
uplink_choose(struct bf_ovs *o, const char *wanted, struct bf_err *err)
{
	char names[NAMES_MAX] = "";
	unsigned int n = 0;

	for (size_t i = 0; i < o->n_ports; i++) {
		struct bf_ovs_port *p = &o->ports[i];

		if (p->kind != BF_OVS_CARDS)
			continue;
		n++;
		bf_words_add(names, sizeof(names), ", ", p->ours);
		if (wanted == NULL || strcmp(wanted, p->name) == 0)
			o->uplink = p;
	}
	if (wanted != NULL && o->uplink == NULL)
		(void)bf_err_set(err, EINVAL, "uplink: \"%.60s\": expected a port with cards: %s",
			wanted, n > 0 ? names : "there is none");
	else if (wanted == NULL && n > 1)
		(void)bf_err_set(err, EINVAL,
			"%u ports have cards, a switch of bondfwd has one bond: expected uplink=NAME "
			"of %s",
			n, names);
	else
		return true;
	return false;
}

/* Where a name of ours stands first; the number of ports: nowhere */
static size_t
name_find(const struct bf_ovs *o, const char *name)
{
	size_t i;

	for (i = 0; i < o->n_ports; i++)
		if (strcmp(o->ports[i].ours, name) == 0)
			break;
	return i;
}

/* Two names of Open vSwitch may have become one of ours; another may be what would be made of it. */
static void
names_part(struct bf_ovs *o)
{
	char name[BF_OVS_NAME_MAX];

	for (size_t i = 1; i < o->n_ports; i++) {
		if (name_find(o, o->ports[i].ours) == i)
			continue;
		for (size_t n = i; n == i || name_find(o, name) < o->n_ports; n += o->n_ports)
			snprintf(name, sizeof(name), "port%zu", n);
		snprintf(o->ports[i].ours, sizeof(name), "%s", name);
	}
}

static void
bond_name(struct bf_ovs *o)
{
	snprintf(o->bond, sizeof(o->bond), "%s", o->uplink != NULL ? o->uplink->ours : "bond0");
	for (size_t i = 1; o->uplink == NULL && name_find(o, o->bond) < o->n_ports; i++)
		snprintf(o->bond, sizeof(o->bond), "bond%zu", i);
}

bool
bf_ovs_collect(struct bf_ovs *o, const struct bf_ovs_wanted *wanted, struct bf_err *err)
{
	json_t *rows = json_object_get(o->db, "Open_vSwitch");

	o->root = json_object_iter_value(json_object_iter(rows));
	if (!bridges_choose(o, wanted, err))
		return false;
	for (unsigned int i = 0; i < o->n_bridges; i++)
		if (!ports_add(o, o->bridges[i], err))
			return false;
	qsort(o->ports, o->n_ports, sizeof(*o->ports), ports_compare);
	names_part(o);
	if (!uplink_choose(o, wanted->uplink, err))
		return false;
	bond_name(o);
	return true;
}

size_t
bf_ovs_members(const struct bf_ovs *o, const struct bf_ovs_port *p, json_t *ifaces[])
{
	size_t n = 0, at;

	for (size_t i = 0; i < bf_ovsdb_count(p->row, "interfaces") && n < BF_OVS_MEMBERS_MAX;
		i++) {
		json_t *iface = iface_of(o, p->row, i);

		if (iface == NULL)
			continue;
		for (at = n++; at > 0 &&
			strcmp(bf_ovsdb_text(ifaces[at - 1], "name"),
				bf_ovsdb_text(iface, "name")) > 0;
			at--)
			ifaces[at] = ifaces[at - 1];
		ifaces[at] = iface;
	}
	return n;
}

bool
bf_ovs_device(const json_t *iface, char *name, size_t size)
{
	const char *devargs = bf_ovsdb_entry(iface, "options", "dpdk-devargs");
	char text[256];

	if (strncmp(bf_ovsdb_text(iface, "type"), "afxdp", 5) == 0)
		snprintf(text, sizeof(text), "net_af_xdp_%s", bf_ovsdb_text(iface, "name"));
	else if (devargs == NULL || strstr(devargs, "representor") != NULL ||
		strncmp(devargs, "class=", 6) == 0)
		return false;
	else
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(devargs, ","), devargs);
	return bf_parse_device("device", text, name, size, NULL) == 0;
}
