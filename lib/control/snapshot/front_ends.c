/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show guest NAME qemu, and libvirt: what starts a guest whose network card fits its port here, to be
 * pasted: options of QEMU for a shell, and the XML of the interface.
 *
 * Threads: ctx control.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mac.h"
#include "control/bridge.h"
#include "control/snapshot/snapshot.h"

#define QUEUE_SIZE 1024 /* descriptors, the most that QEMU allows */
#define XML_MAX (BF_SOCKET_MAX * 5) /* "&amp;" */

struct front_end_row {
	char guest[BF_NAME_MAX], socket[BF_SOCKET_MAX];
	char path_xml[XML_MAX], quote[2];
	char memory[96], chardev[BF_SOCKET_MAX + 96], netdev[128], device[256];
	const char *role; /* of the front end at the socket */
	bool is_server, has_mac, packed, mrg_rxbuf;
	uint8_t mac[6];
	uint32_t queues, vectors, queue_size, mtu;
};

#define ROW struct front_end_row

#define COMMON_FIELDS \
	BF_FIELD(ROW, guest), BF_FIELD(ROW, socket), BF_FIELD(ROW, role), \
		BF_FIELD(ROW, mac, BF_WHEN(ROW, has_mac)), BF_FIELD(ROW, queues), \
		BF_FIELD(ROW, queue_size), BF_FIELD(ROW, mtu), BF_FIELD(ROW, mrg_rxbuf), \
		BF_FIELD(ROW, packed), BF_FIELD(ROW, has_mac, .text_only = true)

static const struct bf_field qemu_fields[] = {
	COMMON_FIELDS,
	BF_FIELD(ROW, vectors),
	BF_FIELD(ROW, memory),
	BF_FIELD(ROW, chardev),
	BF_FIELD(ROW, netdev),
	BF_FIELD(ROW, device),
	BF_FIELD(ROW, quote, .text_only = true),
};

static const struct bf_field libvirt_fields[] = {
	COMMON_FIELDS,
	BF_FIELD(ROW, path_xml, .text_only = true),
	BF_FIELD(ROW, is_server, .text_only = true),
};

static const struct bf_table qemu_table = BF_TABLE("front end qemu", ROW, qemu_fields,
	.text = "# The first line once for each machine, with its size; faster with "
		"hugetlb=on,hugetlbsize=2M,prealloc=on.\n"
		"{^has_mac}# No mac=: the guest has no address here; set guest {guest} mac=auto gives it one.\n"
		"{/has_mac}{memory} \\\n"
		"-chardev {quote}{chardev}{quote} \\\n"
		"-netdev {netdev} \\\n"
		"-device {device}\n");

static const struct bf_table libvirt_table = BF_TABLE("front end libvirt", ROW, libvirt_fields,
	.text = "<!-- In domain: <memoryBacking><access mode='shared'/></memoryBacking> -->\n"
		"<!-- Set MTU {mtu} in the guest: libvirt starts no such interface with an mtu element. -->\n"
		"<!-- With type='qemu', without KVM, QEMU 7.2 crashes unless the card has vectors 0: "
		"docs/guides/libvirt.md. -->\n"
		"{^has_mac}<!-- No mac: the guest has no address here; set guest {guest} mac=auto gives "
		"it one. -->\n{/has_mac}"
		"<interface type='vhostuser'>\n"
		"{#has_mac}  <mac address='{mac}'/>\n{/has_mac}"
		"{#is_server}  <source type='unix' path='{path_xml}' mode='server'/>\n{/is_server}"
		"{^is_server}  <source type='unix' path='{path_xml}' mode='client'>\n"
		"    <reconnect enabled='yes' timeout='1'/>\n"
		"  </source>\n{/is_server}"
		"  <model type='virtio'/>\n"
		"  <driver queues='{queues}' rx_queue_size='{queue_size}' tx_queue_size='{queue_size}'"
		"{#packed} packed='on'{/packed}>\n"
		"    <host mrg_rxbuf='{#mrg_rxbuf}on{/mrg_rxbuf}{^mrg_rxbuf}off{/mrg_rxbuf}'/>\n"
		"  </driver>\n"
		"</interface>\n");

/* The first whole address of a guest; what it has learned may be another's tomorrow. */
static bool
first_mac(const struct bf_guest_config *cfg, uint8_t mac[6])
{
	for (uint32_t i = 0; i < cfg->mac.n; i++) {
		struct bf_mac_prefix p = bf_guest_config_mac(cfg, i);

		if (p.len < 48 || (p.addr[0] & 1) != 0)
			continue;
		memcpy(mac, p.addr, sizeof(p.addr));
		return true;
	}
	return false;
}

static const char *
xml_text(char c)
{
	return c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : NULL;
}

/* @p size at least XML_MAX. A path has no quotes. */
static void
write_xml(const char *path, char *buf, size_t size)
{
	size_t at = 0;

	for (; *path != '\0'; path++) {
		const char *text = xml_text(*path);

		if (text != NULL)
			at += (size_t)snprintf(buf + at, size - at, "%s", text);
		else
			buf[at++] = *path;
	}
	buf[at] = '\0';
}

/* A path has no comma, which would end a value of QEMU's options: it would end a pair of ours too. */
static void
write_chardev(ROW *row)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789/._-,:+@%";

	snprintf(row->chardev, sizeof(row->chardev), "socket,id=chr-%s,path=%s,%s", row->guest,
		row->socket, row->is_server ? "server=on,wait=off" : "server=off,reconnect=1");
	if (row->socket[strspn(row->socket, plain)] != '\0')
		BF_ROW_TEXT(row->quote, "'"); /* a path has none itself */
}

static void
write_device(ROW *row)
{
	char mac[BF_MAC_TEXT_SIZE + 8] = "", mq[32] = "", text[BF_MAC_TEXT_SIZE];

	if (row->has_mac)
		snprintf(mac, sizeof(mac), ",mac=%s", bf_mac_text(row->mac, text));
	if (row->queues > 1)
		snprintf(mq, sizeof(mq), ",mq=on,vectors=%" PRIu32, row->vectors);
	snprintf(row->device, sizeof(row->device),
		"virtio-net-pci,netdev=net-%s%s%s,packed=%s,mrg_rxbuf=%s,rx_queue_size=%" PRIu32
		",tx_queue_size=%" PRIu32 ",host_mtu=%" PRIu32,
		row->guest, mac, mq, row->packed ? "on" : "off", row->mrg_rxbuf ? "on" : "off",
		row->queue_size, row->queue_size, row->mtu);
}

static void
gather_front_end(const struct bf_guest_config *cfg, ROW *row)
{
	BF_ROW_TEXT(row->guest, cfg->name);
	BF_ROW_TEXT(row->socket, cfg->socket);
	write_xml(cfg->socket, row->path_xml, sizeof(row->path_xml));
	row->is_server = !cfg->server; /* one of both listens */
	row->role = row->is_server ? "server" : "client";
	row->has_mac = first_mac(cfg, row->mac);
	row->packed = cfg->packed;
	row->mrg_rxbuf = cfg->mrg_rxbuf;
	row->queues = cfg->queues;
	row->vectors = 2 * cfg->queues + 2;
	row->queue_size = QUEUE_SIZE;
	row->mtu = cfg->mtu;
	BF_ROW_TEXT(row->memory,
		"-m 4G -machine memory-backend=mem -object memory-backend-memfd,id=mem,size=4G,share=on");
	write_chardev(row);
	snprintf(row->netdev, sizeof(row->netdev),
		"vhost-user,id=net-%s,chardev=chr-%s,queues=%" PRIu32, row->guest, row->guest,
		row->queues);
	write_device(row);
}

static void
gather_front_ends(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	for (unsigned int slot = 1; slot < BF_MAX_PORTS; slot++) {
		const struct bf_guest *g = br->guests[slot];

		if (g != NULL && !g->cfg.host && (only == NULL || strcmp(g->cfg.name, only) == 0))
			gather_front_end(&g->cfg, bf_rows_add(s, &s->rows, sizeof(ROW)));
	}
}

const struct bf_show bf_show_qemu = {
	.table = &qemu_table, .gather = gather_front_ends, .named_is_one = true};
const struct bf_show bf_show_libvirt = {
	.table = &libvirt_table, .gather = gather_front_ends, .named_is_one = true};
