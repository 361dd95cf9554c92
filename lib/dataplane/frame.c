/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The rare frames: tagged, slow protocols, runts.
 *
 * Threads: worker (pure functions).
 */
#include "dataplane/frame.h"

enum bf_drop
bf_frame_special(const struct rte_mbuf *m, struct bf_frame *f)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t at = 12, len = m->data_len;
	uint16_t type = f->type, tci;
	uint64_t vlan = 0;

	if (len < 14)
		return BF_DROP_RUNT;
	for (int i = 0; i < BF_TAGS_MAX && bf_frame_is_tag(type); i++) {
		if (len < at + 6)
			return BF_DROP_RUNT;
		memcpy(&tci, p + at + 2, 2);
		memcpy(&type, p + at + 4, 2);
		if (i == 0)
			vlan = rte_be_to_cpu_16(tci) & 0xfff;
		at += 4;
	}
	if (type == BF_ET_SLOW)
		return BF_DROP_SLOW_PROTOCOL;
	f->type = type;
	f->dst |= vlan << 48;
	f->src |= vlan << 48;
	return BF_DROP_COUNT;
}
