/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is changed of a burst's frames while they are copied into a guest's buffers: flooded frames belong
 * to several ports, so they are not changed themselves.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_FORM_H
#define BF_DATAPLANE_FORM_H

#include <stdint.h>

#include <rte_mbuf.h>

#define BF_FORM_AT 12 /* behind the addresses: where a tag stands */
#define BF_FORM_INSERT 8 /* bytes: two tags */
#define BF_FORM_HEADER 10 /* bytes of struct virtio_net_hdr without num_buffers */

struct bf_form {
	uint8_t skip; /* bytes that are left out; every frame is BF_FORM_AT + skip long at least */
	uint8_t n_insert; /* bytes of insert[] that are put there */
	uint8_t insert[BF_FORM_INSERT];
	/** The virtio header of each frame; NULL: all zero. */
	const uint8_t (*header)[BF_FORM_HEADER];
};

/** The length of a frame in this form. @param f or NULL */
static inline uint32_t
bf_form_len(const struct bf_form *f, const struct rte_mbuf *m)
{
	return f == NULL ? m->pkt_len : m->pkt_len - f->skip + f->n_insert;
}

/** The virtio header of a burst's frame @p i, or NULL: all zero. @param f or NULL */
static inline const uint8_t *
bf_form_header(const struct bf_form *f, uint16_t i)
{
	return f == NULL || f->header == NULL ? NULL : f->header[i];
}

#endif
