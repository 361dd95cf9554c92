/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Transmit machine, IEEE 802.1AX-2020 6.4.16: need to transmit becomes a frame.
 *
 * At most three LACPDUs leave a member in any second, whatever happens; a need that comes too
 * early is kept and served when the window opens, with what is true then.  Only the last word of a
 * member that is taken out by order does not wait.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

/* When the limit lets the next PDU go. */
static uint64_t
window_ms(const struct lacp_member *m)
{
	uint64_t oldest = m->sent_ms[m->sent_idx];

	return oldest == 0 ? 0 : oldest + FAST_PERIODIC_MS;
}

void
bf_lacp_tx_run(struct bf_lacp *l, struct lacp_member *m)
{
	uint8_t frame[BF_LACP_FRAME_LEN];

	/* Nobody is to hear us: the need lapses. */
	if (m->periodic == BF_LACP_PERIODIC_NONE || !m->link_up)
		m->ntt = false;
	if (!m->ntt || (l->now_ms < window_ms(m) && !m->farewell)) {
		m->farewell = m->farewell && m->ntt;
		return;
	}
	m->ntt = m->farewell = false;
	m->sent_ms[m->sent_idx] = l->now_ms;
	m->sent_idx = (m->sent_idx + 1) % BF_LACP_TX_MAX_PER_S;
	m->last_tx_ms = l->now_ms;
	m->n.pdu_tx++;
	bf_lacp_pdu_encode(frame, m->mc.mac, &m->actor, &m->partner);
	l->ops.send(l->arg, m->id, frame, sizeof(frame));
}

uint64_t
bf_lacp_tx_deadline(const struct lacp_member *m)
{
	return m->ntt ? window_ms(m) : BF_LACP_NEVER;
}
