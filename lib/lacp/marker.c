/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Marker responder, IEEE 802.1AX-2020 6.5: send the marker back as a response.
 *
 * One answer per member and two seconds: a station that floods markers gets no amplifier.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

void
bf_lacp_marker_rx(struct bf_lacp *l, struct lacp_member *m, const struct bf_lacp_marker *mk)
{
	uint8_t frame[BF_LACP_FRAME_LEN];

	m->n.marker_rx++;
	if (!m->link_up)
		return;
	if (m->marker_answer_ms != 0 && l->now_ms - m->marker_answer_ms < MARKER_GAP_MS) {
		m->n.marker_limited++;
		return;
	}
	m->marker_answer_ms = l->now_ms;
	m->n.marker_response_tx++;
	bf_lacp_marker_encode(frame, m->mc.mac, mk, true);
	l->ops.send(l->arg, m->id, frame, sizeof(frame));
}
