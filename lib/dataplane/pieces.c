/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames in buffers that are not in one piece: see pieces.h.
 *
 * Threads: worker.
 */
#include "dataplane/pieces.h"

#include <string.h>

void
bf_pieces_begin(struct bf_pieces *p, const struct bf_guest_memory *memory, uint32_t enough)
{
	p->memory = memory;
	p->enough = enough;
	p->bytes = 0;
	p->steps = p->n = 0;
	p->fault = BF_RING_FAULT_NONE;
}

bool
bf_pieces_fail(struct bf_pieces *p, enum bf_ring_fault why)
{
	p->fault = (uint8_t)why;
	return false;
}

bool
bf_pieces_add(struct bf_pieces *p, uint64_t gpa, uint32_t len)
{
	if (p->steps++ == BF_RING_STEPS)
		return bf_pieces_fail(p, BF_RING_FAULT_LONG);
	len = RTE_MIN(len, p->enough - p->bytes);
	while (len > 0) {
		struct bf_piece *piece = &p->piece[p->n];

		if (p->n == BF_PIECES)
			return bf_pieces_fail(p, BF_RING_FAULT_LONG);
		piece->len = len;
		piece->va = bf_map(p->memory, gpa, &piece->len);
		if (piece->va == NULL)
			return bf_pieces_fail(p, BF_RING_FAULT_CHAIN);
		p->n++;
		p->bytes += piece->len;
		gpa += piece->len;
		len -= piece->len;
	}
	return true;
}

/* How far they have been gone through. */
struct walk {
	const struct bf_piece *piece;
	uint32_t done; /* of that one */
};

/* The next bytes, at most `want`. */
static uint8_t *
next_bytes(struct walk *w, uint32_t want, uint32_t *got)
{
	uint8_t *va;

	while (w->done == w->piece->len) {
		w->piece++;
		w->done = 0;
	}
	va = w->piece->va + w->done;
	*got = RTE_MIN(want, w->piece->len - w->done);
	w->done += *got;
	return va;
}

static void
write_bytes(struct walk *w, const uint8_t *from, uint32_t len)
{
	for (uint32_t done = 0, part; done < len; done += part) {
		uint8_t *va = next_bytes(w, len - done, &part);

		memcpy(va, from + done, part);
	}
}

/* to == NULL: skip them. */
static void
read_bytes(struct walk *w, uint8_t *to, uint32_t len)
{
	for (uint32_t done = 0, part; done < len; done += part) {
		const uint8_t *va = next_bytes(w, len - done, &part);

		if (to != NULL)
			memcpy(to + done, va, part);
	}
}

/* Some bytes of a frame in whatever segments. */
static void
write_part(struct walk *w, const struct rte_mbuf *m, uint32_t from, uint32_t len)
{
	for (; m != NULL && len > 0; m = m->next) {
		uint32_t part;

		if (from >= m->data_len) {
			from -= m->data_len;
			continue;
		}
		part = RTE_MIN(len, m->data_len - from);
		write_bytes(w, rte_pktmbuf_mtod_offset(m, const uint8_t *, from), part);
		len -= part;
		from = 0;
	}
}

void
bf_pieces_write(const struct bf_pieces *p, const uint8_t *head, uint8_t head_len,
	const struct rte_mbuf *m, const struct bf_form *form)
{
	struct walk w = {p->piece, 0};
	uint32_t from = 0;

	write_bytes(&w, head, head_len);
	if (form != NULL) {
		write_part(&w, m, 0, BF_FORM_AT);
		write_bytes(&w, form->insert, form->n_insert);
		from = BF_FORM_AT + form->skip;
	}
	write_part(&w, m, from, m->pkt_len - from);
}

enum bf_taken
bf_pieces_read(const struct bf_pieces *p, uint8_t *head, uint8_t head_len, uint32_t longest,
	struct rte_mbuf *m)
{
	struct walk w = {p->piece, 0};
	struct rte_mbuf *last = m;
	uint32_t left;

	if (p->bytes <= head_len || p->bytes - head_len > longest)
		return BF_THROWN_AWAY;
	read_bytes(&w, head, head_len);
	m->pkt_len = left = p->bytes - head_len;
	for (;;) {
		last->data_len = (uint16_t)RTE_MIN(left, (uint32_t)rte_pktmbuf_tailroom(last));
		read_bytes(&w, rte_pktmbuf_mtod(last, uint8_t *), last->data_len);
		left -= last->data_len;
		if (left == 0)
			return BF_TAKEN;
		last->next = rte_pktmbuf_alloc(m->pool);
		if (last->next == NULL)
			return BF_NOT_YET;
		last = last->next;
		m->nb_segs++;
	}
}
