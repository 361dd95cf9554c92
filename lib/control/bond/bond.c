/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The bond's life: open, change, watch, close.
 *
 * Threads: ctx control.
 */
#include "control/bond/bond.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "base/log.h"
#include "control/bond/link_ask.h"
#include "control/bond/link_detect.h"
#include "control/bond/lldp.h"
#include "control/bond/probe.h"
#include "control/bond/spares.h"
#include "control/compat.h"
#include "control/memory/pools.h"
#include "dataplane/inject.h"

#define PDUS_NOTED 8 /* of a member in a second */
#define CTL_FRAMES 8191
#define HOLD_MODE_MS 10000 /* LACP's time to form the LAG before the old mode lets go */
#define KEEP_MS 3000 /* how long the member that was active has to come up after a restart */
#define FLUSH_MS 20 /* how long a full ring may hold a last word up */

/* What all bonds share. */
static struct rte_mempool *ctl_frames;
static unsigned int n_bonds;

static bool
shared_open(void)
{
	if (n_bonds == 0) {
		ctl_frames = rte_pktmbuf_pool_create("bf_control", CTL_FRAMES, 0, 0,
			RTE_MBUF_DEFAULT_BUF_SIZE / 4, SOCKET_ID_ANY);
		if (ctl_frames == NULL)
			return false;
		bf_bond_device_watch(true);
	}
	n_bonds++;
	return true;
}

static void
shared_close(void)
{
	if (--n_bonds > 0)
		return;
	bf_bond_device_watch(false);
	rte_mempool_free(ctl_frames);
	ctl_frames = NULL;
}

int
bf_bond_init(struct bf_bond *b, unsigned int number, struct bf_lcores *lcores,
	struct bf_events *events, struct bf_err *err)
{
	memset(b, 0, sizeof(*b));
	b->number = number;
	b->lcores = lcores;
	b->events = events;
	b->active = -1;
	if (!shared_open())
		return bf_err_set(err, ENOMEM, "out of memory: expected more hugepages or -m");
	b->ctl_pool = ctl_frames;
	return 0;
}

void
bf_bond_fini(struct bf_bond *b)
{
	if (b->ctl_pool == NULL)
		return; /* it has not been set up */
	bf_bond_close(b);
	free(b->lldp);
	b->lldp = NULL;
	b->ctl_pool = NULL;
	shared_close();
}

void
bf_bond_inject(struct bf_bond *b, unsigned int member, struct rte_mbuf *m, uint32_t repeat_ms)
{
	m->port = b->members[member].port;
	m->hash.usr = repeat_ms;
	m->vlan_tci_outer = BF_INJECT_TO(b->number, b->members[member].bit);
	if (rte_ring_sp_enqueue(b->lcores->inject, m) != 0)
		rte_pktmbuf_free(m);
}

void
bf_bond_end_repeat(struct bf_bond *b, unsigned int member)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->ctl_pool);

	if (m == NULL)
		return;
	m->port = BF_INJECT_NONE;
	m->hash.usr = 0;
	m->vlan_tci_outer = BF_INJECT_TO(b->number, b->members[member].bit);
	if (rte_ring_sp_enqueue(b->lcores->inject, m) != 0)
		rte_pktmbuf_free(m);
}

void
bf_bond_flush(struct bf_bond *b)
{
	for (int i = 0; i < FLUSH_MS; i++) {
		/* Two: a turn of worker 0 has then begun and ended since. */
		bf_lcores_grace(b->lcores);
		bf_lcores_grace(b->lcores);
		rte_delay_us_sleep(1000); /* and the card had time to send */
		if (b->lcores->n == 0 ||
			!__atomic_load_n(&b->lcores->workers[0]->owes, __ATOMIC_RELAXED))
			break;
	}
}

void
bf_bond_leave(struct bf_bond *b, int member, bool going, uint64_t now_ms)
{
	bool told;

	if (member < 0)
		b->going = going;
	else
		b->members[member].going = going;
	told = going && bf_bond_lldp_leave(b, member);
	if ((b->lacp != NULL && bf_bond_lacp_hold(b, now_ms)) || told)
		bf_bond_flush(b);
}

void
bf_bond_speed_text(uint32_t mbps, char *buf, size_t size)
{
	if (mbps == 0)
		snprintf(buf, size, "unknown speed");
	else
		snprintf(buf, size, "%" PRIu32 " Mbit/s", mbps);
}

/* The carrier has changed: say why. */
static void
report_carrier(struct bf_bond *b, const struct bf_member *m)
{
	char speed[32];

	bf_bond_speed_text(m->speed_mbps, speed, sizeof(speed));
	if (m->carrier)
		bf_event(b->events, BF_LOG_NOTICE, "member_up", m->name, "link up, %s", speed);
	else if (m->forced_down_ms != 0)
		bf_event(b->events, BF_LOG_NOTICE, "member_down", m->name, "test failover");
	else
		bf_event(b->events, BF_LOG_WARNING, "member_down", m->name, "%s",
			b->off || m->off ? "switched off" : "link down");
}

static void
report_speed(struct bf_bond *b, const struct bf_member *m, uint32_t was)
{
	char before[32], now[32];

	bf_bond_speed_text(was, before, sizeof(before));
	bf_bond_speed_text(m->speed_mbps, now, sizeof(now));
	bf_event(b->events, m->speed_mbps < was ? BF_LOG_WARNING : BF_LOG_NOTICE, "member_speed",
		m->name, "%s, was %s", now, before);
}

/* What draining means depends on the mode; in 802.3ad it is said when the member is empty. */
static void
set_drained(struct bf_bond *b, unsigned int i, bool drained)
{
	static const char *const means[BF_MODE_COUNT] = {
		[BF_MODE_RR] =
			"nothing is sent by it; the switch of a static LAG is not notified and keeps sending",
		[BF_MODE_ACTIVE_BACKUP] = "not active while another one can be",
		[BF_MODE_XOR] =
			"nothing is sent by it; the switch of a static LAG is not notified and keeps sending",
		[BF_MODE_BROADCAST] = "nothing is sent by it; it still receives",
		[BF_MODE_8023AD] =
			"the partner is told to stop sending on it, unless too few others are left",
		[BF_MODE_TLB] = "nothing is sent by it, and the guests' addresses are announced",
		[BF_MODE_ALB] = "nothing is sent by it, and the guests' addresses are announced",
	};
	struct bf_member *m = &b->members[i];

	if (m->drained == drained)
		return;
	m->drained = drained;
	bf_event(b->events, BF_LOG_NOTICE, drained ? "member_draining" : "member_undrained",
		m->name, "%s", drained ? means[b->cfg.mode] : "carries again");
}

/* The cable or the module may be another one now. */
static void
trust_again(struct bf_bond *b, unsigned int i)
{
	b->members[i].faulty = false;
	set_drained(b, i, b->cfg.members[i].drained);
}

static void
read_link(struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	struct bf_member *m = &b->members[i];
	uint32_t speed = m->speed_mbps;
	struct bf_member_link link;

	bf_bond_device_hold_down(b, i, b->off || m->off || now_ms < m->forced_down_ms);
	link = bf_bond_device_link(b, i);
	m->speed_mbps = link.speed_mbps;
	m->full_duplex = link.full_duplex;
	bf_link_detect_note(b, i, link.driver_up, now_ms);
	if (!m->gone && bf_bond_device_is_gone(b, i)) {
		m->gone = true;
		bf_event(b->events, BF_LOG_WARNING, "member_gone", m->name,
			"its device was removed: remove the member, then port detach %s", m->name);
	}
	if (link.up && m->carrier && m->speed_mbps != speed)
		report_speed(b, m, speed);
	if (link.up == m->carrier)
		return;
	m->carrier = link.up;
	m->changed_ms = now_ms;
	m->changed_tsc = rte_rdtsc();
	if (!link.up)
		bf_bond_end_repeat(b, i);
	b->dirty = true;
	report_carrier(b, m);
	if (!link.up)
		bf_bond_note_loss(b, i, now_ms);
	else if (m->faulty)
		trust_again(b, i);
}

/* LACP distributes, or had its time: the old mode lets go, unless there is nobody to take over. */
static void
end_hold(struct bf_bond *b, uint64_t now_ms)
{
	struct bf_lacp_info info = {0};

	if (b->held_until_ms == 0 || b->going_back)
		return;
	if (b->lacp != NULL)
		bf_lacp_info(b->lacp, &info);
	if (info.n_distributing == 0 && now_ms < b->held_until_ms)
		return;
	if (info.n_distributing == 0 && info.n_live == 0) {
		b->going_back = true; /* the bridge does it: the mode is part of its config */
		return;
	}
	b->held_until_ms = 0;
	b->dirty = true;
	bf_event(b->events, info.n_distributing > 0 ? BF_LOG_NOTICE : BF_LOG_WARNING,
		"mode_in_force", b->cfg.name,
		info.n_distributing > 0
			? "%s: %u of %u members distribute"
			: "%s, though the partner lets no member distribute (%u of %u): see show "
			  "bonding lacp info",
		bf_mode_names[b->cfg.mode], info.n_distributing, info.n_members);
}

/* After anything that may change who is usable: tell LACP, decide, open and close valves. */
static void
bond_settle(struct bf_bond *b, uint64_t now_ms)
{
	bf_bond_decide(b, now_ms);
	if (b->lacp == NULL)
		return;
	bf_bond_lacp_hold(b, now_ms);
	for (unsigned int i = 0; i < b->n_members; i++)
		bf_lacp_link(b->lacp, b->members[i].bit,
			b->members[i].usable && b->members[i].carrier, b->members[i].speed_mbps,
			b->members[i].full_duplex, now_ms);
	bf_lacp_tick(b->lacp, now_ms);
	bf_bond_lacp_drain(b, now_ms);
	end_hold(b, now_ms);
	bf_bond_decide(b, now_ms);
}

int
bf_bond_by_bit(const struct bf_bond *b, unsigned int bit)
{
	for (unsigned int i = 0; i < b->n_members; i++)
		if (b->members[i].bit == bit)
			return (int)i;
	return -1;
}

uint8_t
bf_bond_free_bit(const struct bf_bond *b)
{
	uint8_t bit = 0;

	while (bf_bond_by_bit(b, bit) >= 0)
		bit++;
	return bit;
}

/* A member goes; it may come again before what is wanted is settled. */
static void
switch_note(struct bf_bond *b, const struct bf_member *m)
{
	int at = -1;

	for (int i = BF_MAX_MEMBERS - 1; i >= 0; i--)
		if (strcmp(b->switched_off[i], m->name) == 0)
			b->switched_off[i][0] = '\0';
	for (int i = 0; i < BF_MAX_MEMBERS && at < 0; i++)
		if (b->switched_off[i][0] == '\0')
			at = i;
	if (m->off && at >= 0)
		memcpy(b->switched_off[at], m->name, sizeof(b->switched_off[at]));
}

static bool
was_switched_off(const struct bf_bond *b, const char *name)
{
	for (unsigned int i = 0; i < BF_MAX_MEMBERS; i++)
		if (strcmp(b->switched_off[i], name) == 0)
			return true;
	return false;
}

static void
member_init(struct bf_bond *b, unsigned int i, uint8_t bit, uint64_t now_ms)
{
	struct bf_member *m = &b->members[i];

	memset(m, 0, sizeof(*m));
	memcpy(m->name, b->cfg.members[i].name, BF_DEV_NAME_MAX);
	m->bit = bit;
	m->drained = b->cfg.members[i].drained;
	m->off = was_switched_off(b, m->name);
	m->changed_ms = now_ms;
}

void
bf_bond_forget_switches(struct bf_bond *b, const struct bf_bond_config *want)
{
	b->off = b->off && want != NULL;
	for (unsigned int i = 0; i < BF_MAX_MEMBERS; i++)
		if (want == NULL || bf_bond_config_member(want, b->switched_off[i]) < 0)
			b->switched_off[i][0] = '\0';
}

void
bf_bond_keep(struct bf_bond *b, const char *bond, const char *member)
{
	snprintf(b->kept_of, sizeof(b->kept_of), "%s", bond);
	snprintf(b->kept, sizeof(b->kept), "%s", member);
}

int
bf_bond_open(
	struct bf_bond *b, const struct bf_bond_config *cfg, uint64_t now_ms, struct bf_err *err)
{
	int ret;

	if (strcmp(b->cfg.name, cfg->name) != 0)
		bf_bond_forget_switches(b, NULL);
	b->cfg = *cfg;
	b->active = -1;
	if (strcmp(b->kept_of, b->cfg.name) != 0)
		b->kept[0] = '\0';
	b->kept_until_ms = UINT64_MAX; /* counted from the first look at its links on */
	b->n_members = b->cfg.n_members;
	for (unsigned int i = 0; i < b->n_members; i++)
		member_init(b, i, (uint8_t)i, now_ms);
	ret = bf_bond_device_create(b, err);
	if (ret != 0) {
		b->n_members = 0;
		return ret;
	}
	memset(b->home, BF_NO_HOME, sizeof(b->home));
	bf_bond_deal_buckets(b);
	b->open = true;
	b->dirty = true;
	for (unsigned int i = 0; i < b->n_members; i++) {
		if (b->off || b->members[i].off)
			bf_link_switch(b->members[i].port, false);
		read_link(b, i, now_ms);
		b->members[i].usable = b->members[i].carrier; /* no delay at the start */
	}
	if (cfg->mode == BF_MODE_8023AD)
		ret = bf_bond_lacp_start(b, now_ms, err);
	if (ret != 0) {
		bf_bond_close(b);
		return ret;
	}
	bond_settle(b, now_ms);
	return 0;
}

void
bf_bond_close(struct bf_bond *b)
{
	if (!b->open)
		return;
	if (b->active >= 0) /* for the case that it is opened anew */
		bf_bond_keep(b, b->cfg.name, b->members[b->active].name);
	for (unsigned int i = 0; i < b->n_members; i++)
		switch_note(b, &b->members[i]);
	bf_bond_lacp_stop(b);
	bf_bond_device_destroy(b);
	b->open = b->going = b->going_back = false;
	b->held_until_ms = 0;
	b->n_members = 0;
	b->active = -1;
	b->dirty = true;
}

int
bf_bond_member_add(
	struct bf_bond *b, const struct bf_member_config *want, uint64_t now_ms, struct bf_err *err)
{
	unsigned int i = b->n_members;
	int ret = bf_bond_config_add_member(&b->cfg, want->name, err);

	if (ret != 0)
		return ret;
	b->cfg.members[i] = *want;
	member_init(b, i, bf_bond_free_bit(b), now_ms);
	ret = bf_bond_device_add(b, i, err);
	if (ret != 0) {
		bf_bond_config_remove_member(&b->cfg, want->name, NULL);
		return ret;
	}
	b->n_members++;
	if (b->off || b->members[i].off)
		bf_link_switch(b->members[i].port, false);
	read_link(b, i, now_ms);
	bf_bond_deal_buckets(b);
	if (b->lacp != NULL)
		bf_bond_lacp_add(b, i, now_ms);
	bond_settle(b, now_ms);
	return 0;
}

void
bf_bond_member_remove(struct bf_bond *b, const char *name, uint64_t now_ms)
{
	int at = bf_bond_config_member(&b->cfg, name);
	unsigned int i = (unsigned int)at;

	if (at < 0)
		return;
	if (b->lacp != NULL)
		bf_lacp_member_remove(b->lacp, b->members[i].bit, now_ms);
	bf_bond_end_repeat(b, i);
	switch_note(b, &b->members[i]);
	bf_bond_device_remove(b, i);
	for (unsigned int k = 0; k < BF_BUCKETS; k++)
		if (b->home[k] == b->members[i].bit)
			b->home[k] = BF_NO_HOME;
	bf_bond_config_remove_member(&b->cfg, name, NULL);
	b->n_members--;
	memmove(&b->members[i], &b->members[i + 1], (b->n_members - i) * sizeof(b->members[0]));
	bf_bond_deal_buckets(b);
	if (b->active == at) {
		snprintf(b->was_active, sizeof(b->was_active), "%s", name);
		b->active = -1;
	} else if (b->active > at) {
		b->active--;
	}
	bond_settle(b, now_ms);
	b->was_active[0] = '\0';
}

bool
bf_bond_needs_reopen(const struct bf_bond *b, const struct bf_bond_config *cfg)
{
	return strcmp(b->cfg.name, cfg->name) != 0 || !bf_pool_fits(b->pool, cfg->mtu) ||
		bf_bond_other_rings(b, cfg) || bf_bond_device_is_longer(b, cfg);
}

static int
change_mode(struct bf_bond *b, uint32_t from, uint64_t now_ms, struct bf_err *err)
{
	int ret = 0;

	if (b->cfg.mode != BF_MODE_8023AD)
		b->held_until_ms = 0;
	b->going_back = false;
	if (from == BF_MODE_8023AD && b->cfg.mode != BF_MODE_8023AD) {
		bf_bond_leave(b, -1, true, now_ms);
		b->going = false;
		bf_bond_lacp_stop(b);
	} else if (from != BF_MODE_8023AD && b->cfg.mode == BF_MODE_8023AD) {
		b->held_mode = from;
		b->held_until_ms = now_ms + HOLD_MODE_MS;
		bf_event(b->events, BF_LOG_NOTICE, "mode_held", b->cfg.name,
			"%s stays in force until LACP distributes, %d s at most; for good when no "
			"partner speaks LACP",
			bf_mode_names[from], HOLD_MODE_MS / 1000);
		ret = bf_bond_lacp_start(b, now_ms, err);
	}
	if (ret == 0 && b->lacp != NULL && from == BF_MODE_8023AD)
		ret = bf_bond_lacp_reconfigure(b, now_ms, err);
	return ret;
}

/* The same wishes with the members in the order in which we hold them. */
static void
in_our_order(const struct bf_bond *b, const struct bf_bond_config *from, struct bf_bond_config *to)
{
	*to = *from;
	to->n_members = b->n_members;
	for (unsigned int i = 0; i < b->n_members; i++) {
		int at = bf_bond_config_member(from, b->members[i].name);

		to->members[i] = at < 0 ? b->cfg.members[i] : from->members[at];
	}
}

int
bf_bond_reconfigure(
	struct bf_bond *b, const struct bf_bond_config *wanted, uint64_t now_ms, struct bf_err *err)
{
	struct bf_bond_config old = b->cfg, ours, *cfg = &ours;
	struct rte_ether_addr mac;
	bool other_spares = false;
	int ret = 0;

	in_our_order(b, wanted, &ours);
	if (cfg->mtu != old.mtu)
		ret = bf_bond_device_set_mtu(b, cfg->mtu, err);
	if (ret != 0)
		return ret;
	if (memcmp(cfg->mac, old.mac, sizeof(old.mac)) != 0) {
		memcpy(mac.addr_bytes, cfg->mac, sizeof(old.mac));
		ret = rte_is_zero_ether_addr(&mac) ? rte_eth_bond_mac_address_reset(b->port)
						   : rte_eth_bond_mac_address_set(b->port, &mac);
		rte_eth_macaddr_get(b->port, &b->mac);
	}
	if (ret != 0) {
		bf_bond_device_set_mtu(b, old.mtu, NULL);
		return bf_err_set(err, EIO, "mac: the members refuse it");
	}
	bf_probe_retarget(b, cfg);
	b->cfg = *cfg;
	for (unsigned int i = 0; i < b->n_members; i++)
		set_drained(b, i, cfg->members[i].drained || b->members[i].faulty);
	bf_link_detect_set_period(b);
	for (unsigned int i = 0; i < b->n_members; i++)
		other_spares |= cfg->members[i].spare != old.members[i].spare;
	if (other_spares)
		bf_bond_deal_buckets(b);
	b->dirty = true;
	ret = change_mode(b, old.mode, now_ms, err);
	bond_settle(b, now_ms);
	return ret;
}

void
bf_bond_set_absent(struct bf_bond *b, uint32_t n, uint64_t now_ms)
{
	if (b->n_absent == n)
		return;
	b->n_absent = n;
	b->dirty = true;
	if (!b->open)
		return;
	if (b->lacp != NULL)
		bf_bond_lacp_reconfigure(b, now_ms, NULL);
	bond_settle(b, now_ms);
}

void
bf_bond_set_faulty(struct bf_bond *b, unsigned int member, bool faulty, uint64_t now_ms)
{
	struct bf_member *m = &b->members[member];

	if (m->faulty == faulty)
		return;
	m->faulty = faulty;
	set_drained(b, member, b->cfg.members[member].drained || faulty);
	b->dirty = true;
	bond_settle(b, now_ms);
}

void
bf_bond_on_link(struct bf_bond *b, uint16_t port, uint64_t now_ms)
{
	for (unsigned int i = 0; i < b->n_members; i++)
		if (b->members[i].port == port)
			read_link(b, i, now_ms);
}

/* Who sends without end does not push out what others said. */
static void
pdu_note(struct bf_bond *b, struct bf_member *m, const struct rte_mbuf *frame, uint64_t now_ms)
{
	if (m->pdu_second != now_ms / 1000)
		m->pdus_noted = 0;
	m->pdu_second = now_ms / 1000;
	if (m->pdus_noted++ < PDUS_NOTED)
		bf_pdu_log_note(b->pdus, m->name, false, rte_pktmbuf_mtod(frame, const uint8_t *),
			frame->data_len, now_ms);
}

void
bf_bond_on_slow(struct bf_bond *b, uint16_t port, struct rte_mbuf *m, uint64_t now_ms)
{
	for (unsigned int i = 0; b->lacp != NULL && i < b->n_members; i++) {
		if (b->members[i].port != port)
			continue;
		pdu_note(b, &b->members[i], m, now_ms);
		bf_lacp_queue(b->lacp, b->members[i].bit, rte_pktmbuf_mtod(m, const uint8_t *),
			m->data_len, now_ms);
	}
	rte_pktmbuf_free(m);
}

int
bf_bond_test_failover(
	struct bf_bond *b, const char *name, uint32_t ms, uint64_t now_ms, struct bf_err *err)
{
	int at = bf_bond_config_member(&b->cfg, name);

	if (!b->open || at < 0)
		return bf_err_set(
			err, EINVAL, "member: \"%.60s\": not a member of %s", name, b->cfg.name);
	if (b->n_members < 2)
		return bf_err_set(
			err, EBUSY, "%s has one member: expected two or more", b->cfg.name);
	if (b->members[at].standby)
		return bf_err_set(err, EINVAL,
			"member: \"%s\": is on %s: expected a member in service", name,
			bf_spares_word(b, (unsigned int)at));
	for (unsigned int i = 0; i < b->n_members; i++) {
		const struct bf_member *m = &b->members[i];

		if (m->standby)
			continue;
		if (!m->carrier || !m->usable || m->drained ||
			(bf_bond_mode_in_force(b) == BF_MODE_8023AD && !m->distribute))
			return bf_err_set(err, EBUSY,
				"redundancy is already reduced: member %s is not in service: expected "
				"every member up",
				m->name);
	}
	b->members[at].forced_down_ms = now_ms + ms;
	read_link(b, (unsigned int)at, now_ms);
	bond_settle(b, now_ms);
	b->next_poll_ms = 0;
	return 0;
}

/* The partner is to see it too, where the driver can. */
static void
switch_driver(struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	const struct bf_member *m = &b->members[i];

	bf_link_detect_switched(b, i, now_ms);
	bf_link_switch(m->port, !b->off && !m->off);
	read_link(b, i, now_ms);
}

void
bf_bond_switch(struct bf_bond *b, int member, bool on, uint64_t now_ms)
{
	bool *off = member < 0 ? &b->off : &b->members[member].off;

	if (*off == !on)
		return;
	*off = !on;
	if (member < 0)
		bf_event(b->events, BF_LOG_NOTICE, on ? "bond_on" : "bond_off", b->cfg.name,
			"switched %s by hand", on ? "on" : "off");
	if (!on && b->lacp != NULL && bf_bond_lacp_hold(b, now_ms))
		bf_bond_flush(b); /* the partner knows before its link goes, or in place of that */
	for (unsigned int i = 0; i < b->n_members; i++)
		if (member < 0 || (int)i == member)
			switch_driver(b, i, now_ms);
	bond_settle(b, now_ms);
}

/* When a member's delay ends, it changes without any event. */
static uint64_t
delay_end(const struct bf_bond *b, unsigned int i)
{
	const struct bf_member *m = &b->members[i];

	if (m->carrier && !m->usable)
		return m->changed_ms + bf_bond_up_delay(b, i);
	if (!m->carrier && m->usable)
		return m->changed_ms + bf_bond_down_delay(b, i);
	return UINT64_MAX;
}

uint64_t
bf_bond_tick(struct bf_bond *b, uint64_t now_ms)
{
	uint64_t next = now_ms + BF_LINK_LOOK_MS;
	bool all = now_ms >= b->next_poll_ms;

	if (!b->open)
		return next;
	if (all)
		b->next_poll_ms = now_ms + BF_LINK_LOOK_MS;
	if (b->kept_until_ms == UINT64_MAX)
		b->kept_until_ms = now_ms + KEEP_MS;
	for (unsigned int i = 0; i < b->n_members; i++) {
		bool tested = b->members[i].forced_down_ms != 0;

		if (tested && now_ms >= b->members[i].forced_down_ms)
			b->members[i].forced_down_ms = 0;
		if (all || tested || bf_link_detect_asks(&b->members[i]))
			read_link(b, i, now_ms);
		next = RTE_MIN(next, bf_link_detect_judge(b, i, now_ms));
		if (tested)
			next = RTE_MIN(next, now_ms + 1);
		if (bf_link_detect_asks(&b->members[i]))
			next = RTE_MIN(next, now_ms + b->cfg.mon_period_ms);
	}
	bond_settle(b, now_ms);
	for (unsigned int i = 0; i < b->n_members; i++)
		next = RTE_MIN(next, RTE_MIN(delay_end(b, i), bf_spares_due(b, i, now_ms)));
	if (b->lacp != NULL)
		next = RTE_MIN(next, bf_lacp_deadline_ms(b->lacp));
	return next;
}
