/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The LACP engine's hands: its frames go out through the members, its orders into the tables, its
 * words into the journal.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mac.h"
#include "control/bond/bond.h"
#include "control/bond/spares.h"

#define SUBTYPE_AT 14 /* behind the Ethernet header */
#define SUBTYPE_LACP 1
#define DRAIN_LOOK_MS 1000 /* a member that brings no data for so long is empty */
#define DRAIN_WARN_MS 10000
#define DRAIN_STRAY 1 /* frames that may come meanwhile: an LLDP frame, a LACPDU not counted yet */

/* How often the partner wants to hear from us, as it last said; 0: it does not. */
static uint32_t
repeat_period(const struct bf_bond *b, unsigned int member)
{
	struct bf_lacp_member_info info;

	if (b->lacp == NULL || bf_lacp_member_info(b->lacp, member, &info) != 0)
		return 0;
	switch (info.periodic) {
	case BF_LACP_PERIODIC_FAST:
		return 1000;
	case BF_LACP_PERIODIC_SLOW:
		return 30000;
	default:
		return 0;
	}
}

static void
lacp_send(void *arg, unsigned int member, const uint8_t *frame, size_t len)
{
	struct bf_bond *b = arg;
	int i = bf_bond_by_bit(b, member);
	struct rte_mbuf *m = i < 0 ? NULL : rte_pktmbuf_alloc(b->ctl_pool);
	char *to = m == NULL ? NULL : rte_pktmbuf_append(m, (uint16_t)len);

	if (to == NULL) {
		rte_pktmbuf_free(m);
		return;
	}
	memcpy(to, frame, len);
	bf_pdu_log_note(b->pdus, b->members[i].name, true, frame, len, bf_clock_ms());
	/* A marker's answer takes no LACPDU's place. */
	bf_bond_inject(b, (unsigned int)i, m,
		frame[SUBTYPE_AT] == SUBTYPE_LACP ? repeat_period(b, member) : 0);
}

static void
lacp_set(void *arg, unsigned int member, bool collect, bool distribute)
{
	struct bf_bond *b = arg;
	int i = bf_bond_by_bit(b, member);
	struct bf_member *m;

	if (i < 0)
		return;
	m = &b->members[i];
	m->collect = collect;
	m->distribute = distribute;
	if (collect) { /* before the partner is told */
		bf_bond_device_collect(b, (unsigned int)i, true);
	} else if (m->collecting && !m->draining) { /* whether it is, bf_bond_lacp_drain() says */
		m->draining = true;
		m->drain_began_ms = 0;
	}
	b->dirty = true;
}

/* On its way into service a member is out for a moment, or it is to stand by: no reason to warn. */
static bool
is_passing(const struct bf_bond *b, unsigned int member, enum bf_lacp_event ev)
{
	struct bf_lacp_member_info info;

	if (ev != BF_LACP_EV_OUT || b->lacp == NULL ||
		bf_lacp_member_info(b->lacp, member, &info) != 0)
		return ev == BF_LACP_EV_OUT;
	return info.why == BF_LACP_WHY_WAITING || info.why == BF_LACP_WHY_STANDBY ||
		info.why == BF_LACP_WHY_PARTNER_SYNC || info.why == BF_LACP_WHY_PARTNER_COLLECTING;
}

static void
lacp_event(void *arg, unsigned int member, enum bf_lacp_event ev, const char *text)
{
	struct bf_bond *b = arg;
	int i = member == BF_LACP_BOND ? -1 : bf_bond_by_bit(b, member);
	bool good = is_passing(b, member, ev) || ev == BF_LACP_EV_DISTRIBUTING ||
		ev == BF_LACP_EV_PARTNER || ev == BF_LACP_EV_AGGREGATOR || ev == BF_LACP_EV_CARRIER;

	bf_event(b->events, good ? BF_LOG_NOTICE : BF_LOG_WARNING, bf_lacp_event_name(ev),
		i < 0 ? b->cfg.name : b->members[i].name, "%s", text);
}

static const struct bf_lacp_ops ops = {
	.send = lacp_send,
	.set = lacp_set,
	.event = lacp_event,
};

static void
engine_config(const struct bf_bond *b, struct bf_lacp_config *c)
{
	const struct bf_bond_config *cfg = &b->cfg;

	bf_lacp_config_default(c);
	memcpy(c->system_id,
		bf_mac_is_zero(cfg->lacp_system_id) ? b->mac.addr_bytes : cfg->lacp_system_id, 6);
	c->system_priority = (uint16_t)cfg->lacp_system_priority;
	c->key = (uint16_t)cfg->lacp_key;
	c->active = cfg->lacp_active;
	c->fast = cfg->lacp_rate == 1;
	c->min_links = (uint16_t)cfg->min_links;
	c->max_links = (uint16_t)bf_spares_limit(b);
	c->select = (enum bf_lacp_select)cfg->agg_mode;
	c->fallback = cfg->lacp_fallback;
	c->strict = cfg->lacp_strict;
	c->pin_partner = !bf_mac_is_zero(cfg->lacp_partner);
	memcpy(c->partner_pin, cfg->lacp_partner, 6);
	c->max_pdu_rate = cfg->lacp_pdu_limit;
}

static void
member_config(const struct bf_bond *b, unsigned int i, struct bf_lacp_member_config *mc)
{
	memset(mc, 0, sizeof(*mc));
	memcpy(mc->mac, b->members[i].mac.addr_bytes, 6);
	mc->port_number = (uint16_t)(b->members[i].port + 1);
	mc->port_priority = (uint16_t)b->cfg.members[i].lacp_port_priority;
	mc->rank = b->members[i].drained  ? BF_LACP_RANK_LEAVING
		: b->cfg.members[i].spare ? BF_LACP_RANK_SPARE
					  : BF_LACP_RANK_REGULAR;
}

/* Where there is a limit, another one is let in before a drained one goes. */
static void
member_set_rank(struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	struct bf_lacp_member_config mc;
	struct bf_lacp_member_info info;

	member_config(b, i, &mc);
	if (bf_lacp_member_info(b->lacp, b->members[i].bit, &info) == 0 &&
		info.config.rank != mc.rank)
		bf_lacp_member_configure(b->lacp, b->members[i].bit, &mc, now_ms);
}

/* A drained member stays in use as long as the others are too few. */
static bool
may_do_without(const struct bf_bond *b, unsigned int i)
{
	uint32_t others = 0;

	for (unsigned int k = 0; k < b->n_members; k++)
		others += k != i && !b->members[k].drained && b->members[k].distribute ? 1 : 0;
	return others >= RTE_MAX(1u, b->cfg.min_links);
}

static bool
wants_hold(const struct bf_bond *b, unsigned int i)
{
	const struct bf_member *m = &b->members[i];

	return b->off || m->off || b->going || m->going || m->leaving ||
		(m->drained && may_do_without(b, i));
}

/* Frames that a member brought, beside slow protocols. */
static uint64_t
data_frames(const struct bf_bond *b, const struct bf_member *m)
{
	struct bf_lacp_member_info info = {0};
	struct rte_eth_stats s = {0};

	rte_eth_stats_get(m->port, &s);
	bf_lacp_member_info(b->lacp, m->bit, &info);
	return s.ipackets - info.counters.pdu_rx - info.counters.marker_rx -
		info.counters.marker_response_rx - info.counters.rx_errors -
		info.counters.rx_unknown;
}

/* The partner was told to stop; what it still sends is taken. */
static void
begin_drain(const struct bf_bond *b, struct bf_member *m, uint64_t now_ms)
{
	m->drain_warned = false;
	m->drain_began_ms = now_ms;
	m->drain_look_ms = now_ms + DRAIN_LOOK_MS;
	m->drain_frames = data_frames(b, m);
}

bool
bf_bond_lacp_hold(struct bf_bond *b, uint64_t now_ms)
{
	bool told = false;

	for (unsigned int i = 0; i < b->n_members; i++) {
		struct bf_member *m = &b->members[i];
		bool hold = wants_hold(b, i), collected = m->collect;
		struct bf_lacp_member_info info;

		member_set_rank(b, i, now_ms);
		if (bf_lacp_member_info(b->lacp, m->bit, &info) != 0 || info.held == hold)
			continue;
		bf_lacp_member_hold(b->lacp, m->bit, hold, now_ms);
		told = told || (hold && collected);
	}
	return told;
}

static void
judge_drain(const struct bf_bond *b, struct bf_member *m, uint64_t came, uint64_t now_ms)
{
	m->draining = came > DRAIN_STRAY;
	if (!m->draining) {
		if (m->drained)
			bf_event(b->events, BF_LOG_NOTICE, "member_drained", m->name,
				"empty: nothing is sent by it, and the partner sends nothing");
	} else if (!m->drain_warned && now_ms - m->drain_began_ms >= DRAIN_WARN_MS) {
		m->drain_warned = true;
		bf_event(b->events, BF_LOG_WARNING,
			m->drained ? "member_drained" : "member_standby", m->name,
			"the partner still sends (%" PRIu64
			" frames in the last second) although LACP told it to stop",
			came);
	}
}

void
bf_bond_lacp_drain(struct bf_bond *b, uint64_t now_ms)
{
	for (unsigned int i = 0; i < b->n_members; i++) {
		struct bf_member *m = &b->members[i];
		struct bf_lacp_member_info info = {0};
		uint64_t frames;

		if (!m->draining)
			continue;
		bf_lacp_member_info(b->lacp, m->bit, &info);
		m->draining = (info.standby || (info.held && m->drained)) &&
			info.rx == BF_LACP_RX_CURRENT;
		if (m->drain_began_ms == 0)
			begin_drain(b, m, now_ms);
		if (!m->draining || now_ms < m->drain_look_ms)
			continue;
		frames = data_frames(b, m);
		judge_drain(b, m, frames - RTE_MIN(frames, m->drain_frames), now_ms);
		m->drain_frames = frames;
		m->drain_look_ms = now_ms + DRAIN_LOOK_MS;
	}
}

int
bf_bond_lacp_add(struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	struct bf_lacp_member_config mc;
	int ret;

	member_config(b, i, &mc);
	ret = bf_lacp_member_add(b->lacp, b->members[i].bit, &mc, now_ms);
	if (ret == 0)
		bf_lacp_member_hold(b->lacp, b->members[i].bit, wants_hold(b, i), now_ms);
	if (ret == 0)
		bf_lacp_link(b->lacp, b->members[i].bit,
			b->members[i].usable && b->members[i].carrier, b->members[i].speed_mbps,
			b->members[i].full_duplex, now_ms);
	return ret;
}

int
bf_bond_lacp_start(struct bf_bond *b, uint64_t now_ms, struct bf_err *err)
{
	struct bf_lacp_config c;

	engine_config(b, &c);
	if (bf_mac_is_zero(c.system_id))
		return bf_err_set(err, EINVAL,
			"bond %s: its members have no address: expected lacp_system_id or mac",
			b->cfg.name);
	b->lacp = bf_lacp_create(&c, &ops, b, now_ms);
	if (b->lacp == NULL)
		return bf_err_set(err, errno, "bond %s: LACP does not start: %s", b->cfg.name,
			strerror(errno));
	for (unsigned int i = 0; i < b->n_members; i++)
		bf_bond_lacp_add(b, i, now_ms);
	return 0;
}

void
bf_bond_lacp_stop(struct bf_bond *b)
{
	bf_lacp_destroy(b->lacp);
	b->lacp = NULL;
	for (unsigned int i = 0; i < b->n_members; i++) {
		b->members[i].collect = b->members[i].distribute = false;
		b->members[i].draining = false;
		bf_bond_end_repeat(b, i);
	}
	b->dirty = true;
}

int
bf_bond_lacp_reconfigure(struct bf_bond *b, uint64_t now_ms, struct bf_err *err)
{
	struct bf_lacp_config c;

	engine_config(b, &c);
	if (bf_lacp_reconfigure(b->lacp, &c, now_ms) != 0)
		return bf_err_set(err, EINVAL, "bond %s: LACP refuses the settings", b->cfg.name);
	for (unsigned int i = 0; i < b->n_members; i++) {
		struct bf_lacp_member_config mc;

		member_config(b, i, &mc);
		bf_lacp_member_configure(b->lacp, b->members[i].bit, &mc, now_ms);
	}
	return 0;
}
