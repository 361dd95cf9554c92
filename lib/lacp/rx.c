/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Receive machine, IEEE 802.1AX-2020 6.4.12: what we know about the partner.
 *
 * States: PORT_DISABLED (link down, partner remembered), EXPIRED (partner late, or link just came
 * up: ask fast, do not trust), DEFAULTED (partner forgotten), CURRENT.
 *
 * In front of the machine stand three refusals that the standard leaves open: our own system id
 * (a loop), a partner that is not the pinned one, and more PDUs than the limit.  A refused PDU
 * changes nothing the machine knows, so forged PDUs cannot end a session by being refused; the
 * known partner has a rate allowance of its own for the same reason.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

/* recordDefault: forget the partner. */
static void
record_default(struct lacp_member *m)
{
	memset(&m->partner, 0, sizeof(m->partner));
	m->actor.state |= BF_LACP_DEFAULTED;
}

void
bf_lacp_rx_init(struct lacp_member *m)
{
	m->rx = BF_LACP_RX_PORT_DISABLED;
	m->rx_until_ms = BF_LACP_NEVER;
	record_default(m);
}

bool
bf_lacp_is_live(const struct lacp_member *m)
{
	return m->rx == BF_LACP_RX_CURRENT && bf_lacp_is_fit(m);
}

bool
bf_lacp_rate_mismatch(const struct lacp_member *m)
{
	return bf_lacp_is_live(m) && ((m->actor.state ^ m->partner.state) & BF_LACP_TIMEOUT) != 0;
}

static void
enter_expired(struct bf_lacp *l, struct lacp_member *m)
{
	m->rx = BF_LACP_RX_EXPIRED;
	m->rx_until_ms = l->now_ms + SHORT_TIMEOUT_MS;
	m->partner.state &= (uint8_t)~BF_LACP_SYNC;
	m->partner.state |= BF_LACP_TIMEOUT;
	m->actor.state |= BF_LACP_EXPIRED;
	m->ntt = true;
}

static void
enter_defaulted(struct bf_lacp *l, struct lacp_member *m)
{
	char mac[BF_MAC_TEXT_SIZE];

	if (bf_lacp_has_partner(m)) {
		m->last_partner_ms = l->now_ms;
		bf_lacp_event_member(l, m, BF_LACP_EV_PARTNER, "partner %s forgotten",
			bf_mac_text(m->partner.system_id, mac));
	}
	m->rx = BF_LACP_RX_DEFAULTED;
	m->rx_until_ms = BF_LACP_NEVER;
	record_default(m);
	m->actor.state &= (uint8_t)~BF_LACP_EXPIRED;
	m->ntt = true;
}

void
bf_lacp_rx_link(struct bf_lacp *l, struct lacp_member *m)
{
	m->loop = false;
	m->pin_refused = false;
	if (m->link_up) {
		enter_expired(l, m);
		return;
	}
	m->rx = BF_LACP_RX_PORT_DISABLED;
	m->rx_until_ms = BF_LACP_NEVER;
	m->partner.state &= (uint8_t)~BF_LACP_SYNC;
	m->actor.state &= (uint8_t)~BF_LACP_EXPIRED;
}

static uint64_t
timeout_ms(const struct bf_lacp *l)
{
	return l->cfg.fast ? SHORT_TIMEOUT_MS : LONG_TIMEOUT_MS;
}

void
bf_lacp_rx_rate_changed(struct bf_lacp *l, struct lacp_member *m)
{
	/*
	 * Towards slow the partner may stay quiet for 30 s from now on: grant the long timeout at
	 * once.  Towards fast the running timeout stays until the partner answers our next PDU.
	 */
	if (m->rx == BF_LACP_RX_CURRENT && !l->cfg.fast)
		m->rx_until_ms = l->now_ms + LONG_TIMEOUT_MS;
}

void
bf_lacp_rx_run(struct bf_lacp *l, struct lacp_member *m)
{
	char mac[BF_MAC_TEXT_SIZE];

	if (m->loop && l->now_ms - m->loop_seen_ms >= LOOP_CLEAR_MS)
		m->loop = false;
	if (m->pin_refused && l->now_ms - m->pin_refused_ms >= PIN_MEMORY_MS)
		m->pin_refused = false;
	if (l->now_ms < m->rx_until_ms)
		return;
	if (m->rx == BF_LACP_RX_CURRENT) {
		m->n.timeouts++;
		bf_lacp_event_member(l, m, BF_LACP_EV_PARTNER, "partner %s went silent",
			bf_mac_text(m->partner.system_id, mac));
		enter_expired(l, m);
	} else if (m->rx == BF_LACP_RX_EXPIRED) {
		enter_defaulted(l, m);
	}
}

uint64_t
bf_lacp_rx_deadline(const struct lacp_member *m)
{
	uint64_t t = m->rx_until_ms;

	if (m->loop && m->loop_seen_ms + LOOP_CLEAR_MS < t)
		t = m->loop_seen_ms + LOOP_CLEAR_MS;
	return t;
}

bool
bf_lacp_same_port(const struct bf_lacp_port *a, const struct bf_lacp_port *b)
{
	return a->system_priority == b->system_priority &&
		bf_lacp_same_mac(a->system_id, b->system_id) && a->key == b->key &&
		a->port_priority == b->port_priority && a->port_number == b->port_number &&
		((a->state ^ b->state) & BF_LACP_AGGREGATION) == 0;
}

/* port_moved: the partner port showed up here, so a disabled member that remembers it is wrong. */
static void
forget_moved_port(
	struct bf_lacp *l, const struct lacp_member *here, const struct bf_lacp_port *partner)
{
	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m)) {
		if (m != here && m->rx == BF_LACP_RX_PORT_DISABLED &&
			m->partner.port_number == partner->port_number &&
			bf_lacp_same_mac(m->partner.system_id, partner->system_id))
			record_default(m);
	}
}

static bool
pdu_refuse(struct bf_lacp *l, struct lacp_member *m, const struct bf_lacp_pdu *pdu)
{
	bool known = m->rx == BF_LACP_RX_CURRENT &&
		bf_lacp_same_mac(pdu->actor.system_id, m->partner.system_id);
	uint32_t rate = l->cfg.max_pdu_rate;

	if (!m->link_up) {
		m->n.rx_disabled++;
		return true;
	}
	if (bf_lacp_same_mac(pdu->actor.system_id, l->cfg.system_id)) {
		m->n.rx_loop++;
		m->loop = true;
		m->loop_seen_ms = l->now_ms;
		return true;
	}
	if (l->cfg.pin_partner && !bf_lacp_same_mac(pdu->actor.system_id, l->cfg.partner_pin)) {
		m->n.rx_pin_refused++;
		m->pin_refused = true;
		m->pin_refused_ms = l->now_ms;
		memcpy(m->pin_refused_system, pdu->actor.system_id, 6);
		return true;
	}
	if (bf_lacp_bucket_take(&m->rx_bucket[known ? 0 : 1], rate, rate, l->now_ms))
		return false;
	m->n.rx_limited++;
	if (m->rate_event_ms == 0 || l->now_ms - m->rate_event_ms >= QUIET_EVENT_MS) {
		m->rate_event_ms = l->now_ms;
		bf_lacp_event_member(l, m, BF_LACP_EV_RATE,
			"more than %u LACPDUs per second: the rest is dropped", rate);
	}
	return true;
}

/* update_Selected, and the event that goes with it. */
static void
compare_partner(struct bf_lacp *l, struct lacp_member *m, const struct bf_lacp_port *seen)
{
	bool same = bf_lacp_same_port(&m->partner, seen);
	char mac[BF_MAC_TEXT_SIZE];
	const char *what = NULL;

	if (!bf_lacp_has_partner(m))
		what = "appeared";
	else if (!same)
		what = "is new: system, key or port changed";
	else if (m->rx == BF_LACP_RX_EXPIRED)
		what = "is heard again";
	if (what != NULL) {
		m->last_partner_ms = l->now_ms;
		bf_lacp_event_member(l, m, BF_LACP_EV_PARTNER, "partner %s key %u port %u%s %s",
			bf_mac_text(seen->system_id, mac), seen->key, seen->port_number,
			(seen->state & BF_LACP_AGGREGATION) != 0 ? "" : " individual", what);
	}
	if (same)
		return;
	if (bf_lacp_has_partner(m))
		m->n.partner_changes++;
	m->detach = m->mux != BF_LACP_MUX_DETACHED;
}

/*
 * Does the partner mean us?  A PDU that was under way when a priority of ours changed names the
 * old one: that is no reason to leave the aggregator.
 */
static bool
is_about_us(const struct bf_lacp *l, const struct lacp_member *m, const struct bf_lacp_port *named)
{
	struct bf_lacp_port us = m->actor;

	if (l->now_ms < m->repriced_until_ms) {
		us.system_priority = named->system_priority;
		us.port_priority = named->port_priority;
	}
	return bf_lacp_same_port(named, &us);
}

/* recordPDU: may the partner's SYNC bit be believed? */
static bool
partner_synced(const struct bf_lacp *l, const struct lacp_member *m, const struct bf_lacp_pdu *pdu)
{
	bool about_us =
		is_about_us(l, m, &pdu->partner) || (pdu->actor.state & BF_LACP_AGGREGATION) == 0;
	bool stays = (pdu->actor.state & BF_LACP_ACTIVITY) != 0 ||
		(m->actor.state & pdu->partner.state & BF_LACP_ACTIVITY) != 0;

	return about_us && stays && (pdu->actor.state & BF_LACP_SYNC) != 0;
}

void
bf_lacp_rx_pdu(struct bf_lacp *l, struct lacp_member *m, const struct bf_lacp_pdu *pdu)
{
	uint8_t echoed = BF_LACP_ACTIVITY | BF_LACP_TIMEOUT | BF_LACP_SYNC | BF_LACP_AGGREGATION;

	m->n.pdu_rx++;
	if (pdu_refuse(l, m, pdu))
		return;
	m->last_rx_ms = l->now_ms;
	m->pin_refused = false;
	forget_moved_port(l, m, &pdu->actor);
	compare_partner(l, m, &pdu->actor);
	/* update_NTT: the partner is wrong about us. */
	if (!bf_lacp_same_port(&pdu->partner, &m->actor) ||
		((pdu->partner.state ^ m->actor.state) & echoed) != 0)
		m->ntt = true;
	m->partner = pdu->actor;
	if (!partner_synced(l, m, pdu))
		m->partner.state &= (uint8_t)~BF_LACP_SYNC;
	m->actor.state &= (uint8_t) ~(BF_LACP_DEFAULTED | BF_LACP_EXPIRED);
	m->rx = BF_LACP_RX_CURRENT;
	m->rx_until_ms = l->now_ms + timeout_ms(l);
}
