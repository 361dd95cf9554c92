/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The log of written memory: see dirty.h.
 *
 * Threads: worker.
 */
#include "dataplane/dirty.h"

#define PAGE 4096

static inline void
log_gpa(const struct bf_ring_log *log, uint64_t gpa, uint32_t len)
{
	uint64_t last = (gpa + len - 1) / PAGE;

	for (uint64_t page = gpa / PAGE; page <= last && page / 8 < log->size; page++) {
		uint8_t *byte = &log->va[page / 8], bit = (uint8_t)(1u << page % 8);

		if (!(__atomic_load_n(byte, __ATOMIC_RELAXED) & bit))
			__atomic_fetch_or(byte, bit, __ATOMIC_RELAXED);
	}
}

static inline void
log_va(const struct bf_ring *r, const void *va, uint32_t len)
{
	const struct bf_guest_memory *m = r->memory;

	for (uint32_t i = 0; i < m->n; i++) {
		uint64_t off = (uintptr_t)va - (uintptr_t)m->region[i].va;

		if (off < m->region[i].size) {
			log_gpa(r->log, m->region[i].gpa + off, len);
			return;
		}
	}
}

void
bf_dirty_gpa(const struct bf_ring_log *log, uint64_t gpa, uint32_t len)
{
	log_gpa(log, gpa, len);
}

void
bf_dirty_va(const struct bf_ring *r, const void *va, uint32_t len)
{
	log_va(r, va, len);
}

void
bf_dirty_frames(const struct bf_ring *r, const struct bf_buffer *b, struct rte_mbuf *const *pkts,
	uint16_t n)
{
	bf_dirty_begin();
	for (uint16_t i = 0; i < n; i++)
		log_va(r, b[i].va, pkts[i]->pkt_len + r->header);
}

void
bf_dirty_pieces(const struct bf_ring *r, const struct bf_pieces *p)
{
	bf_dirty_begin();
	for (uint16_t i = 0; i < p->n; i++)
		log_va(r, p->piece[i].va, p->piece[i].len);
}
