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

/* A word that bf_parse_name() takes; "all" means every port to a mirror. */
static void
name_make(const char *from, char to[BF_OVS_NAME_MAX])
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
ports_add(struct bf_ovs *o, const json_t *bridge, struct bf_err *err)
{
	for (size_t i = 0; i < bf_ovsdb_count(bridge, "ports"); i++) {
		json_t *row = bf_ovsdb_row(o->db, "Port", bf_ovsdb_item(bridge, "ports", i));
		struct bf_ovs_port *p = &o->ports[o->n_ports];

		if (row == NULL || iface_of(o, row, 0) == NULL)
			continue;
		if (o->n_ports == BF_OVS_PORTS_MAX) {
			(void)bf_err_set(err, EINVAL, "bridge \"%s\": expected at most %d ports",
				bf_ovsdb_text(bridge, "name"), BF_OVS_PORTS_MAX);
			return false;
		}
		*p = (struct bf_ovs_port){.name = bf_ovsdb_text(row, "name"),
			.bridge = bf_ovsdb_text(bridge, "name"),
			.row = row,
			.iface = iface_of(o, row, 0),
			.n_ifaces = bf_ovsdb_count(row, "interfaces")};
		p->kind = iface_kind(p->iface);
		if (p->n_ifaces > 1 && p->kind != BF_OVS_CARDS)
			p->kind = BF_OVS_OTHER;
		name_make(p->name, p->ours);
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

/* Those that are wanted into o->bridges; the names of all into @p names. */
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
		if (is_wanted(o, wanted, row) && n++ < BF_OVS_BRIDGES_MAX)
			o->bridges[n - 1] = row;
	}
	(void)bf_words_plain(names);
	return n;
}

static bool
bridges_choose(struct bf_ovs *o, const struct bf_ovs_wanted *wanted, struct bf_err *err)
{
	char names[NAMES_MAX];
	unsigned int n = bridges_find(o, wanted, names), k;

	o->n_bridges = n;
	for (unsigned int i = 0; i < wanted->n_bridges; i++) {
		for (k = 0; k < n; k++)
			if (strcmp(bf_ovsdb_text(o->bridges[k], "name"), wanted->bridges[i]) == 0)
				break;
		if (k < n)
			continue;
		(void)bf_err_set(err, EINVAL, "bridge: \"%.60s\": expected one of %s",
			wanted->bridges[i], names[0] != '\0' ? names : "none: there is no bridge");
		return false;
	}
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

/* Two names of Open vSwitch may have become one of ours. */
static void
names_part(struct bf_ovs *o)
{
	for (size_t i = 1; i < o->n_ports; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(o->ports[i].ours, o->ports[k].ours) == 0) {
				snprintf(o->ports[i].ours, BF_OVS_NAME_MAX, "port%zu", i);
				break;
			}
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
	return uplink_choose(o, wanted->uplink, err);
}

size_t
bf_ovs_members(const struct bf_ovs *o, const struct bf_ovs_port *p, json_t *ifaces[])
{
	size_t n = 0, at;

	for (size_t i = 0; i < p->n_ifaces && n < BF_OVS_MEMBERS_MAX; i++) {
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
