/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Who is at a guest's other end, what was agreed upon, and where the rings stand.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_SNAPSHOT_CONNECTION_H
#define BF_CONTROL_SNAPSHOT_CONNECTION_H

#include <sys/types.h>

#include "base/table.h"

struct bf_guest;

struct bf_peer_row {
	char name[32];
	int pid;
	uint32_t uid;
	bool has_vm; /* it runs a virtual machine that has a name */
	char vm[128];
	bool libvirt; /* which is libvirt's domain */
};

/** What became of each offload; constants. */
struct bf_offload_row {
	const char *checksum, *tso4, *tso6, *ecn;
};

struct bf_offloads_row {
	struct bf_offload_row from_guest, to_guest;
};

struct bf_connection {
	bool is_known; /* it was asked for */
	bool is_connected, is_client; /* we are the client */
	uint32_t connections;
	struct bf_peer_row peer;
	const char *feature_names, *protocol_feature_names, *offered;
	uint64_t protocol_features;
	bool migrating;
	struct bf_offloads_row offloads;
	uint64_t memory_mib;
	struct bf_rows regions, rings;
	uint64_t refusals;
	const char *last_refusal;
	uint64_t offered_features, offered_protocol;
	const char *offered_names;
	bool is_pinned; /* features= */
};

extern const struct bf_table bf_peer_table, bf_offloads_table, bf_region_table, bf_ring_table;

/** Fields of a row that has a struct bf_connection as `conn`. */
#define BF_CONNECTION_FIELDS(row) \
	BF_FIELD_AS(row, conn.is_known, "is_known", .text_only = true), \
		BF_FIELD_AS(row, conn.is_connected, "is_connected", .text_only = true), \
		BF_FIELD_AS(row, conn.is_client, "is_client", .text_only = true), \
		BF_FIELD_AS(row, conn.connections, "connections", .text_only = true), \
		BF_FIELD_AS(row, conn.offered, "offered", .text_only = true), \
		BF_FIELD_AS(row, conn.memory_mib, "memory_mib", .text_only = true), \
		BF_FIELD_AS(row, conn.peer, "peer", BF_WHEN(row, conn.is_connected), \
			.table = &bf_peer_table), \
		BF_FIELD_AS(row, conn.feature_names, "feature_names", \
			BF_WHEN(row, conn.is_connected)), \
		BF_FIELD_AS(row, conn.protocol_features, "protocol_features", \
			BF_WHEN(row, conn.is_connected), .hex = true), \
		BF_FIELD_AS(row, conn.protocol_feature_names, "protocol_feature_names", \
			BF_WHEN(row, conn.is_connected)), \
		BF_FIELD_AS(row, conn.migrating, "migrating", BF_WHEN(row, conn.is_connected)), \
		BF_FIELD_AS(row, conn.offloads, "offloads", BF_WHEN(row, conn.is_connected), \
			.table = &bf_offloads_table), \
		BF_FIELD_AS(row, conn.regions, "regions", BF_WHEN(row, conn.is_connected), \
			.table = &bf_region_table), \
		BF_FIELD_AS(row, conn.rings, "rings", BF_WHEN(row, conn.is_known), \
			.table = &bf_ring_table), \
		BF_FIELD_AS(row, conn.refusals, "refusals", BF_WHEN(row, conn.is_known)), \
		BF_FIELD_AS(row, conn.last_refusal, "last_refusal", BF_WHEN(row, conn.is_known)), \
		BF_FIELD_AS(row, conn.offered_features, "offered_features", \
			BF_WHEN(row, conn.is_known), .hex = true), \
		BF_FIELD_AS(row, conn.offered_protocol, "offered_protocol_features", \
			BF_WHEN(row, conn.is_known), .hex = true), \
		BF_FIELD_AS(row, conn.offered_names, "offered_names", .text_only = true), \
		BF_FIELD_AS(row, conn.is_pinned, "is_pinned", .text_only = true)

/** @param s strings and lists lie in it */
void bf_gather_connection(const struct bf_guest *g, struct bf_connection *c, struct bf_snapshot *s);

#endif
