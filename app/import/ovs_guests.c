/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Guests and host ports of an import, and the ports that are neither.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <string.h>

#include "base/parse.h"
#include "base/rate_burst.h"
#include "import/ovs.h"
#include "import/ovsdb.h"

#define OPTIONS_MAX BF_DRAFT_LINE_MAX
#define SOCKET_MAX 108 /* as BF_SOCKET_MAX */
#define PATH_ROOM 600 /* of one that may be too long */
#define RUN_DIR "/var/run/openvswitch"
#define MTU_MIN 68
#define MTU_MAX 9216
#define RETRIES_MAX 32
#define BURST_DEFAULT_KBIT 8000 /* Open vSwitch's own, where none is said */
#define BITS_MAX 1000000000000ULL

static const char *const port_keys[] = {"qinq-ethtype", NULL};
static const char *const iface_keys[] = {NULL};
static const char *const vhost_keys[] = {"vhost-server-path", "n_rxq", "tx-retries-max", NULL};
static const char *const host_keys[] = {NULL};

/* Where Open vSwitch listens, or where the guest does. @return false: said as lost */
static bool
socket_find(struct bf_ovs *o, const struct bf_ovs_port *p, char socket[PATH_ROOM])
{
	const char *dir = bf_ovsdb_entry(o->root, "other_config", "vhost-sock-dir");
	const char *path = bf_ovsdb_entry(p->iface, "options", "vhost-server-path");
	bool is_plain = true;

	if (strcmp(bf_ovsdb_text(p->iface, "type"), "dpdkvhostuserclient") == 0)
		snprintf(socket, PATH_ROOM, "%s", path != NULL ? path : "");
	else if (dir == NULL || dir[0] == '/')
		snprintf(socket, PATH_ROOM, "%s/%s", dir != NULL ? dir : RUN_DIR, p->name);
	else
		snprintf(socket, PATH_ROOM, RUN_DIR "/%s/%s", dir, p->name);
	for (const char *c = socket; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f ||
			strchr("\"',#", *c) != NULL)
			is_plain = false;
	if (is_plain && socket[0] == '/' && socket[1] != '\0' && strlen(socket) < SOCKET_MAX)
		return true;
	bf_draft_lost(o->d,
		"port %s: vhost-server-path: \"%s\": expected an absolute path of 2 to %d "
		"characters: no guest",
		p->name, path != NULL ? path : socket, SOCKET_MAX - 1);
	return false;
}

/* RATE/BURST of a guest; what is out of range is said as lost. */
static void
rate_write(struct bf_ovs *o, const struct bf_ovs_port *p, const char *key, uint64_t bits,
	uint64_t burst_bytes, char *options)
{
	struct bf_rate_burst rate;
	char text[64];
	struct bf_err err;

	if (burst_bytes < BF_BURST_BYTES_MIN)
		burst_bytes = BF_BURST_BYTES_MIN;
	if (burst_bytes > BF_BURST_BYTES_MAX)
		burst_bytes = BF_BURST_BYTES_MAX;
	snprintf(text, sizeof(text), "%" PRIu64 "bit/%" PRIu64, bits, burst_bytes);
	if (bf_rate_burst_parse(key, text, 1, &rate, &err) != 0) {
		bf_draft_lost(o->d, "port %s: %s", p->name, err.text);
		return;
	}
	bf_rate_burst_print(&rate, text, sizeof(text));
	bf_ovs_option(options, OPTIONS_MAX, "%s=%s", key, text);
}

static void
policing_write(struct bf_ovs *o, const struct bf_ovs_port *p, char *options)
{
	int64_t kbit = 0, burst = 0, kpps = 0;

	(void)bf_ovsdb_number(p->iface, "ingress_policing_rate", &kbit);
	(void)bf_ovsdb_number(p->iface, "ingress_policing_burst", &burst);
	(void)bf_ovsdb_number(p->iface, "ingress_policing_kpkts_rate", &kpps);
	if (kbit < 0 || burst < 0 || kpps < 0)
		bf_draft_lost(
			o->d, "port %s: ingress_policing: expected no number below 0", p->name);
	if (kbit > 0) {
		uint64_t k = burst > 0 ? (uint64_t)burst : BURST_DEFAULT_KBIT;
		uint64_t bits =
			(uint64_t)kbit <= BITS_MAX / 1000 ? (uint64_t)kbit * 1000 : UINT64_MAX;

		rate_write(o, p, "rate_in", bits, k <= BITS_MAX ? k * 1000 / 8 : BITS_MAX, options);
		bf_ovs_option(options, OPTIONS_MAX, "over_in=drop");
	}
	if (kpps > 0 && kbit > 0)
		bf_draft_lost(o->d,
			"port %s: ingress_policing_kpkts_rate: expected one limit: rate_in is "
			"in bits",
			p->name);
	else if (kpps > 0 && kpps <= 1000000)
		bf_ovs_option(options, OPTIONS_MAX, "rate_in=%" PRId64 "kpps,over_in=drop", kpps);
	else if (kpps > 0)
		bf_draft_lost(o->d,
			"port %s: ingress_policing_kpkts_rate: \"%" PRId64
			"\": expected 1 to 1000000",
			p->name, kpps);
}

static void
egress_write(struct bf_ovs *o, const struct bf_ovs_port *p, char *options)
{
	static const char *const keys[] = {"cir", "cbs", NULL};
	const json_t *qos = bf_ovsdb_row(o->db, "QoS", bf_ovsdb_item(p->row, "qos", 0));
	const char *type = bf_ovsdb_text(qos, "type");
	uint64_t bytes, burst = 0;
	char who[80];

	if (qos == NULL)
		return;
	snprintf(who, sizeof(who), "port %.60s", p->name);
	if (strcmp(type, "egress-policer") != 0) {
		bf_draft_lost(o->d, "%s: QoS of type %s: expected egress-policer", who, type);
		return;
	}
	(void)bf_ovs_entry_number(o, who, qos, "other_config", "cbs", 0, BITS_MAX, &burst);
	if (bf_ovs_entry_number(o, who, qos, "other_config", "cir", 1, BITS_MAX / 8, &bytes))
		rate_write(o, p, "rate_out", bytes * 8, burst, options);
	bf_ovs_rest(o, who, qos, "other_config", keys);
}

/* What guests and host ports have in common. */
static void
common_write(struct bf_ovs *o, const struct bf_ovs_port *p, char *options)
{
	int64_t mtu;

	if (bf_ovsdb_number(p->iface, "mtu_request", &mtu)) {
		if (mtu < MTU_MIN || mtu > MTU_MAX)
			bf_draft_lost(o->d,
				"port %s: mtu_request: \"%" PRId64 "\": expected %d to %d", p->name,
				mtu, MTU_MIN, MTU_MAX);
		else
			bf_ovs_option(options, OPTIONS_MAX, "mtu=%" PRId64, mtu);
	}
	bf_ovs_vlans(o, p, options, OPTIONS_MAX);
	policing_write(o, p, options);
	egress_write(o, p, options);
	if (bf_ovsdb_flag(p->row, "protected"))
		bf_ovs_option(options, OPTIONS_MAX, "isolated=on");
}

static void
rest_write(struct bf_ovs *o, const struct bf_ovs_port *p, const char *const options_read[])
{
	char who[80];
	int64_t n;

	snprintf(who, sizeof(who), "port %.60s", p->name);
	bf_ovs_rest(o, who, p->row, "other_config", port_keys);
	bf_ovs_rest(o, who, p->iface, "other_config", iface_keys);
	bf_ovs_rest(o, who, p->iface, "options", options_read);
	if (bf_ovsdb_number(p->iface, "cfm_mpid", &n))
		bf_draft_lost(o->d, "%s: cfm_mpid=%" PRId64 ": no counterpart", who, n);
	bf_ovs_rest(o, who, p->iface, "bfd", host_keys);
	bf_ovs_rest(o, who, p->iface, "lldp", host_keys);
}

static void
guest_write(struct bf_ovs *o, struct bf_ovs_port *p)
{
	bool listens = strcmp(bf_ovsdb_text(p->iface, "type"), "dpdkvhostuser") == 0;
	char options[OPTIONS_MAX] = "", socket[PATH_ROOM], who[80];
	uint64_t n;

	if (!socket_find(o, p, socket))
		return;
	bf_ovs_option(options, sizeof(options), "socket=%s", socket);
	if (listens)
		bf_ovs_option(options, sizeof(options), "mode=server");
	snprintf(who, sizeof(who), "port %.60s", p->name);
	if (bf_ovs_entry_number(
		    o, who, p->iface, "options", "tx-retries-max", 0, RETRIES_MAX, &n) &&
		n > 0)
		bf_ovs_option(options, sizeof(options), "tx_retries=%" PRIu64, n);
	common_write(o, p, options);
	rest_write(o, p, vhost_keys);
	bf_draft_line(o->d, "add guest %s %s", p->ours, options);
	p->is_taken = true;
}

/* The bridge's own port is always there: whether the host uses it is not in the database. */
static void
host_write(struct bf_ovs *o, struct bf_ovs_port *p)
{
	bool is_local = strcmp(p->name, p->bridge) == 0;
	const char *mac = bf_ovsdb_text(p->iface, "mac");
	char options[OPTIONS_MAX] = "";
	uint8_t addr[6];

	if (strlen(p->ours) > 15) {
		bf_draft_lost(o->d, "port %s: expected a name of at most 15 letters", p->name);
		return;
	}
	for (unsigned int i = 0; is_local && i < o->n_bridges; i++)
		if (strcmp(bf_ovsdb_text(o->bridges[i], "name"), p->bridge) == 0 &&
			bf_ovsdb_entry(o->bridges[i], "other_config", "hwaddr") != NULL)
			mac = bf_ovsdb_entry(o->bridges[i], "other_config", "hwaddr");
	if (mac[0] != '\0' && bf_parse_mac("mac", mac, false, addr, NULL) == 0)
		bf_ovs_option(options, sizeof(options), "address=%s", mac);
	common_write(o, p, options);
	rest_write(o, p, host_keys);
	if (is_local)
		bf_draft_line(o->d, "# The bridge's own port, if the host has an address there:");
	bf_draft_line(o->d, "%sadd host %s%s%s", is_local ? "#   " : "", p->ours,
		options[0] != '\0' ? " " : "", options);
	p->is_taken = !is_local;
}

static bool
is_joined(const struct bf_ovs *o, const char *peer)
{
	for (size_t i = 0; peer != NULL && i < o->n_ports; i++)
		if (o->ports[i].kind == BF_OVS_PATCH && strcmp(o->ports[i].name, peer) == 0)
			return true;
	return false;
}

static void
other_write(struct bf_ovs *o, const struct bf_ovs_port *p)
{
	const char *type = bf_ovsdb_text(p->iface, "type");
	const char *peer = bf_ovsdb_entry(p->iface, "options", "peer");

	if (p->kind == BF_OVS_PATCH && is_joined(o, peer))
		bf_draft_line(o->d, "# patch port %s: both bridges are this one switch", p->name);
	else if (p->kind == BF_OVS_PATCH)
		bf_draft_lost(o->d,
			"port %s: patch port to %s: add bridge=NAME of its bridge, or "
			"leave it",
			p->name, peer != NULL ? peer : "nobody");
	else if (p->kind == BF_OVS_CARDS)
		bf_draft_lost(o->d, "port %s: cards: a switch of bondfwd has one bond", p->name);
	else if (p->n_ifaces == 0)
		bf_draft_lost(o->d, "port %s: expected an interface", p->name);
	else if (p->n_ifaces > 1)
		bf_draft_lost(o->d, "port %s: a bond of other than cards: no counterpart", p->name);
	else
		bf_draft_lost(o->d, "port %s: type %s: no counterpart", p->name,
			type[0] != '\0' ? type : "system (an interface of the kernel)");
}

void
bf_ovs_guests(struct bf_ovs *o)
{
	bf_draft_blank(o->d);
	for (size_t i = 0; i < o->n_ports; i++) {
		struct bf_ovs_port *p = &o->ports[i];

		if (p == o->uplink)
			continue;
		if (p->kind == BF_OVS_GUEST)
			guest_write(o, p);
		else if (p->kind == BF_OVS_HOST)
			host_write(o, p);
		else
			other_write(o, p);
	}
}
