/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A guest's connection.
 *
 * Threads: ctx control.
 */
#include "control/snapshot/connection.h"

#include <inttypes.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "control/guests/guest.h"
#include "control/guests/offer.h"
#include "control/guests/rings.h"
#include "machine/process.h"
#include "vhost/wire.h"

static const struct bf_field peer_fields[] = {
	BF_FIELD(struct bf_peer_row, name),
	BF_FIELD(struct bf_peer_row, pid),
	BF_FIELD(struct bf_peer_row, uid),
	BF_FIELD(struct bf_peer_row, has_vm, .text_only = true),
	BF_FIELD(struct bf_peer_row, vm, BF_WHEN(struct bf_peer_row, has_vm)),
	BF_FIELD(struct bf_peer_row, libvirt, BF_WHEN(struct bf_peer_row, has_vm)),
};
const struct bf_table bf_peer_table = BF_TABLE("peer", struct bf_peer_row, peer_fields);

static const struct bf_field offload_fields[] = {
	BF_FIELD(struct bf_offload_row, checksum),
	BF_FIELD(struct bf_offload_row, tso4),
	BF_FIELD(struct bf_offload_row, tso6),
	BF_FIELD(struct bf_offload_row, ecn),
};
static const struct bf_table offload_table = BF_TABLE("offload", struct bf_offload_row,
	offload_fields, .each = "{^.first},{/.first} {.name}: {.value}");

static const struct bf_field offloads_fields[] = {
	BF_FIELD(struct bf_offloads_row, from_guest, .table = &offload_table),
	BF_FIELD(struct bf_offloads_row, to_guest, .table = &offload_table),
};
const struct bf_table bf_offloads_table = BF_TABLE("offloads", struct bf_offloads_row,
	offloads_fields, .text = "    from guest{from_guest}\n    to guest  {to_guest}\n");

struct region_row {
	uint64_t guest_address, size, page, size_kib, page_kib;
};

static const struct bf_field region_fields[] = {
	BF_FIELD(struct region_row, guest_address, .hex = true),
	BF_FIELD_AS(struct region_row, guest_address, "address", .text_only = true),
	BF_FIELD(struct region_row, size),
	BF_FIELD(struct region_row, page),
	BF_FIELD(struct region_row, size_kib, .text_only = true),
	BF_FIELD(struct region_row, page_kib, .text_only = true),
};
const struct bf_table bf_region_table = BF_TABLE("region", struct region_row, region_fields,
	.text = "    0x{address:9x} {size_kib:10} KiB, pages of {page_kib} KiB\n");

struct ring_row {
	uint32_t ring;
	const char *direction, *mode, *kind, *fault;
	uint32_t size, next;
	uint64_t kicks, calls;
	bool has_fault;
};

static const struct bf_field ring_fields[] = {
	BF_FIELD(struct ring_row, ring),
	BF_FIELD(struct ring_row, direction, .text_only = true),
	BF_FIELD(struct ring_row, mode),
	BF_FIELD(struct ring_row, kind),
	BF_FIELD(struct ring_row, size),
	BF_FIELD(struct ring_row, next),
	BF_FIELD(struct ring_row, kicks),
	BF_FIELD(struct ring_row, calls),
	BF_FIELD(struct ring_row, fault, BF_WHEN(struct ring_row, has_fault)),
};
const struct bf_table bf_ring_table = BF_TABLE("ring", struct ring_row, ring_fields,
	.text = "    {ring:-4} {direction:-10} {mode:-4} {kind:-6} {size:6} {next:6} {kicks:10} "
		"{calls:10}{#fault}  {fault}{/fault}\n");

/*
 * How often the guest has kicked: nobody here reads its eventfd, so the kernel's counter is the sum.
 * That counter is shown in hexadecimal.
 */
static uint64_t
kicks_of(const struct bf_vhost_fd *kick)
{
	char path[48], line[128];
	uint64_t n = 0;
	FILE *f;

	if (kick->fd < 0 || kick->kind != BF_VHOST_FD_EVENT)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", kick->fd);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "eventfd-count:", 14) == 0)
			n = strtoull(line + 14, NULL, 16);
	if (f != NULL)
		fclose(f);
	return n;
}

/* A program's name as the kernel has it; another one may have the number by now. */
static void
read_name(pid_t pid, char *buf, size_t size)
{
	char path[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = pid > 0 ? fopen(path, "re") : NULL;
	if (f == NULL || fgets(buf, (int)size, f) == NULL)
		snprintf(buf, size, "unknown");
	if (f != NULL)
		fclose(f);
	buf[strcspn(buf, "\n")] = '\0';
	bf_words_plain(buf);
}

static void
gather_peer(const struct bf_door_info *info, struct bf_connection *c, struct bf_snapshot *s)
{
	struct bf_process_vm vm;
	char words[512];

	read_name(info->pid, c->peer.name, sizeof(c->peer.name));
	c->peer.pid = (int)info->pid;
	c->peer.uid = info->uid;
	c->peer.has_vm = bf_process_find_vm("", info->pid, &vm);
	BF_ROW_TEXT(c->peer.vm, vm.name);
	c->peer.libvirt = vm.is_libvirt;
	bf_vhost_feature_names(info->session.features, words, sizeof(words));
	c->feature_names = bf_snapshot_copy(s, words);
	bf_vhost_protocol_names(info->session.protocol, words, sizeof(words));
	c->protocol_feature_names = bf_snapshot_copy(s, words);
	c->protocol_features = info->session.protocol;
	c->migrating = (info->session.features & BF_VHOST_F_LOG_ALL) != 0;
}

/* Who refused it, if anybody did. */
static const char *
word_for(const struct bf_vhost_session *s, unsigned int feature)
{
	uint64_t bit = 1ULL << feature;

	return s->features & bit          ? "yes"
		: s->offer.features & bit ? "refused by the front end"
					  : "not offered";
}

static void
gather_offloads(const struct bf_guest *g, const struct bf_vhost_session *s, struct bf_connection *c)
{
	static const char *const offers[] = {"all", "nothing", "checksums", "all"};

	c->offered = offers[g->cfg.offload];
	c->offloads.from_guest = (struct bf_offload_row){
		.checksum = word_for(s, VIRTIO_NET_F_CSUM),
		.tso4 = word_for(s, VIRTIO_NET_F_HOST_TSO4),
		.tso6 = word_for(s, VIRTIO_NET_F_HOST_TSO6),
		.ecn = word_for(s, VIRTIO_NET_F_HOST_ECN),
	};
	c->offloads.to_guest = (struct bf_offload_row){
		.checksum = word_for(s, VIRTIO_NET_F_GUEST_CSUM),
		.tso4 = word_for(s, VIRTIO_NET_F_GUEST_TSO4),
		.tso6 = word_for(s, VIRTIO_NET_F_GUEST_TSO6),
		.ecn = word_for(s, VIRTIO_NET_F_GUEST_ECN),
	};
}

static void
gather_offer(const struct bf_guest *g, const struct bf_vhost_session *now, struct bf_connection *c,
	struct bf_snapshot *s)
{
	struct bf_vhost_offer o = bf_guest_offer(&g->cfg);
	char words[512];

	c->offered_features = o.features | (now->solo ? o.solo_features : 0);
	c->offered_protocol = o.protocol | (now->solo ? o.solo_protocol : 0);
	c->is_pinned = g->cfg.features.level != 0 || g->cfg.features.mask != 0;
	bf_vhost_feature_names(c->offered_features, words, sizeof(words));
	c->offered_names = bf_snapshot_copy(s, words);
}

static void
gather_memory(
	const struct bf_vhost_session *session, struct bf_connection *c, struct bf_snapshot *s)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < session->n_regions; i++) {
		struct region_row *row = bf_rows_add(s, &c->regions, sizeof(*row));

		row->guest_address = session->region[i].gpa;
		row->size = session->region[i].size;
		row->page = session->region[i].page;
		row->size_kib = row->size >> 10;
		row->page_kib = row->page >> 10;
		total += row->size;
	}
	c->memory_mib = total >> 20;
}

static void
gather_rings(const struct bf_guest *g, const struct bf_vhost_session *session,
	struct bf_connection *c, struct bf_snapshot *s)
{
	for (unsigned int q = 0; g->up && q < g->n_vrings; q++) {
		struct ring_row *row = bf_rows_add(s, &c->rings, sizeof(*row));
		const struct bf_vhost_ring *v = &session->ring[q];
		const struct bf_ring *r = &g->dp->ring[q];
		uint8_t fault = bf_guest_ring_fault(g, q);

		row->ring = q;
		row->direction = q & 1 ? "from guest" : "to guest";
		row->mode = bf_ring_mode_name[r->mode];
		row->kind = session->features & BF_VHOST_F_RING_PACKED ? "packed" : "split";
		row->size = v->size;
		row->next = r->seen;
		row->kicks = kicks_of(&v->kick);
		row->calls = r->calls;
		row->has_fault = fault != BF_RING_FAULT_NONE;
		row->fault = bf_ring_fault_help[fault];
	}
}

void
bf_gather_connection(const struct bf_guest *g, struct bf_connection *c, struct bf_snapshot *s)
{
	struct bf_door_info info;

	bf_guest_look(g, &info);
	gather_offer(g, &info.session, c, s);
	c->is_known = true;
	c->is_client = !g->cfg.server && !g->cfg.host;
	c->is_connected = info.connections > 0;
	c->connections = info.connections;
	if (c->is_connected) {
		gather_peer(&info, c, s);
		gather_offloads(g, &info.session, c);
		gather_memory(&info.session, c, s);
	}
	gather_rings(g, &info.session, c, s);
	c->refusals = info.refusals;
	c->last_refusal = bf_snapshot_copy(s, info.error);
}
