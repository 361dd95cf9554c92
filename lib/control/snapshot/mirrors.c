/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show mirror: which frames are copied for which guest, and how many were.
 *
 * Threads: ctx control; reads what workers count.
 */
#include <string.h>

#include "control/bridge.h"
#include "control/snapshot/snapshot.h"

struct mirror_row {
	const char *mirror, *source, *direction, *filter, *to;
	int vlan; /* -1: any */
	uint64_t frames, bytes, lost;
	bool has_vlan;
};

#define ROW struct mirror_row

static const struct bf_field mirror_fields[] = {
	BF_FIELD(ROW, mirror, .label = "mirror"),
	BF_FIELD(ROW, source),
	BF_FIELD(ROW, direction),
	BF_FIELD(ROW, vlan),
	BF_FIELD(ROW, filter),
	BF_FIELD(ROW, to, .label = "guest"),
	BF_FIELD(ROW, frames,
		BF_COUNTER(
			"bondfwd_mirror_copied", "frames", "Copies made for the mirror's guest.")),
	BF_FIELD(ROW, bytes,
		BF_COUNTER(
			"bondfwd_mirror_copied", "bytes", "Bytes of these copies, without FCS.")),
	BF_FIELD(ROW, lost,
		BF_COUNTER("bondfwd_mirror_lost", "frames",
			"Frames that were not copied, because no buffer was left.")),
	BF_FIELD(ROW, has_vlan, .text_only = true),
};

static const struct bf_table mirror_table = BF_TABLE("mirror", ROW, mirror_fields,
	.head = "Mirror           Source           Direction  To               Frames          Bytes  "
		"     Lost\n",
	.text = "{mirror:-16} {source:-16} {direction:-10} {to:-10} {frames:12} {bytes:14} {lost:10}\n"
		"{#has_vlan}     vlan {vlan}\n{/has_vlan}{#filter}     filter: {filter}\n{/filter}");

static void
gather_mirror(const struct bf_mirror_state *m, ROW *row, struct bf_snapshot *s)
{
	row->mirror = bf_snapshot_copy(s, m->cfg.name);
	row->source = bf_snapshot_copy(s, m->cfg.source);
	row->direction = bf_mirror_config_direction(&m->cfg);
	row->filter = m->cfg.filter[0] != '\0' ? bf_snapshot_copy(s, m->cfg.filter) : NULL;
	row->to = bf_snapshot_copy(s, m->cfg.to);
	row->has_vlan = m->cfg.vlan != BF_VLAN_ANY;
	row->vlan = row->has_vlan ? (int)m->cfg.vlan : -1;
	for (unsigned int w = 0; w < BF_MAX_WORKERS; w++) {
		const struct bf_mirror_counts *c = &m->mirror->count[w];

		row->frames += __atomic_load_n(&c->frames, __ATOMIC_RELAXED);
		row->bytes += __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
		row->lost += __atomic_load_n(&c->lost, __ATOMIC_RELAXED);
	}
}

static void
gather_mirrors(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	(void)only;
	for (unsigned int i = 0; i < RTE_DIM(br->mirrors.at); i++)
		if (br->mirrors.at[i].mirror != NULL && !br->mirrors.at[i].leaves)
			gather_mirror(&br->mirrors.at[i], bf_rows_add(s, &s->rows, sizeof(ROW)), s);
}

const struct bf_show bf_show_mirrors = {
	.table = &mirror_table, .gather = gather_mirrors, .metrics = true, .endpoint = "mirrors"};
