/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * `trace` says what becomes of a frame: the same that the data path does with it then, whatever the ports are set to,
 * and nothing that the data path knows or counts is changed by it.
 *
 * Each case draws settings of all ports and a frame, asks, looks that nothing has changed, then lets the real worker
 * have the frame.  BONDFWD_TRACE_CASES says how many cases there are, BONDFWD_TRACE_SEED which: scripts/accept trace.
 *
 * Threads: one.
 */
#include "unit.h"

#include <pcap/bpf.h>
#include <rte_hash_crc.h>

#include "base/vlan_set.h"
#include "control/bridge.h"
#include "control/trace/walk.h"
#include "dataplane/answers.h"
#include "dataplane/guard.h"
#include "dataplane/program.h"
#include "dataplane/rate.h"
#include "dataplane/responder.h"
#include "dataplane/rules.h"
#include "dataplane/stage.h"
#include "dataplane/switch.h"
#include "draw.h"
#include "rig.h"

#define GUESTS 8
#define MEMBERS 3
#define STATIONS 16 /* the first ones are guests' */
#define SEED 26
#define CASES 8000
#define SETTINGS_EVERY 16 /* cases */
#define LOOK_EVERY 16 /* cases between two looks at everything that may not change */
#define NEVER_HZ (1ULL << 51) /* of a clock in which nothing becomes due within a test */
#define VLAN 5

static struct rig *r;
static struct bf_trace_world *world;
static struct bf_trace trace;
static bool is_full[BF_MAX_PORTS];
static uint64_t seed;
static struct bf_guard guards[GUESTS + 1];
static struct bf_qos qos[GUESTS + 1];
static struct bf_qos_counts qos_counts[GUESTS + 1];
static struct bf_storm_limits storms[GUESTS + 1];
static struct bf_vlan_set some;
static struct bf_flood vlan_flood;
static uint16_t vlan_guests[GUESTS], vlan_floods[2 * BF_VLAN_IDS];
static struct bf_responder *responder;
static struct bpf_insn is_ipv6_steps[] = {{BPF_LD | BPF_H | BPF_ABS, 0, 0, 12},
	{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x86dd}, {BPF_RET | BPF_K, 0, 0, 65535},
	{BPF_RET | BPF_K, 0, 0, 0}};
static const struct bpf_program is_ipv6 = {RTE_DIM(is_ipv6_steps), is_ipv6_steps};

static uint32_t
below(uint32_t n)
{
	return draw_below(&seed, n);
}

static bool
one_in(uint32_t n)
{
	return below(n) == 0;
}

/* ---- settings ---- */

static void
qos_draw(uint16_t s)
{
	struct bf_qos *q = &qos[s];

	memset(q, 0, sizeof(*q));
	q->counts = &qos_counts[s];
	for (int d = 0; d < BF_QOS_DIRS; d++) {
		struct bf_meter_rates rates = {.by_bytes = one_in(2),
			.rate = 1000,
			.burst = below(300),
			.peak = one_in(2) ? 2000 : 0,
			.peak_burst = 400};

		if (one_in(3))
			bf_meter_init(&q->meter[d], NEVER_HZ, &rates);
		q->meter[d].over = (uint8_t)(d == BF_QOS_OUT ? 1 + below(2) : below(3));
		q->meter[d].class = (uint8_t)below(8);
		q->mark[d] = (uint8_t)(one_in(2) ? BF_MARK_KEEP : below(BF_MARK_DSCP + 1));
		q->filter[d].n = (uint16_t)below(3);
		for (unsigned int i = 0; i < q->filter[d].n; i++)
			q->filter[d].rule[i] = (struct bf_filter_rule){.action = (uint8_t)below(4),
				.class = (uint8_t)below(8),
				.program = one_in(4) ? NULL : &is_ipv6};
		q->says[d] = q->filter[d].n > 0 || q->meter[d].over == BF_OVER_MARK;
	}
}

static void
storms_draw(uint16_t s)
{
	r->view->storms[s] = one_in(3) ? &storms[s] : NULL;
	for (int c = 0; c < BF_STORM_COUNT; c++)
		bf_storm_budget_init(
			&storms[s].of[c], NEVER_HZ, one_in(2) ? 10 : 0, one_in(2) ? 2000 : 0);
}

static void
guard_draw(uint16_t s)
{
	struct bf_guard *g = &guards[s];
	uint8_t mac[6];

	memset(g, 0, sizeof(*g));
	rig_mac(mac, s);
	g->n = below(2);
	g->mac[0] = BF_GUARD_WORD(bf_fdb_key(0, mac), 48);
	g->learns = below(2);
	g->room = (int32_t)below(2);
	g->ips[0].n4 = 1;
	g->ips[0].v4[0].addr = s;
	g->ips[0].v4[0].mask = one_in(2) ? UINT32_MAX : 0;
}

static struct bf_port_vlan
vlan_draw(void)
{
	struct bf_port_vlan v = {.takes = BF_VLANS_ALL, .type = BF_ET_VLAN, .some = &some};

	if (one_in(2))
		return v;
	v.takes = (uint8_t)below(3);
	v.own = one_in(2) ? VLAN : 0;
	if (one_in(6) && v.own != 0 && v.takes == BF_VLANS_ONE)
		v.type = BF_ET_QINQ;
	return v;
}

static uint16_t
qos_bits(const struct bf_qos *q, enum bf_qos_dir dir)
{
	return (uint16_t)((q->meter[dir].cost != 0 ? BF_RULE_BIT(RATE) : 0) |
		(q->filter[dir].n > 0 ? BF_RULE_BIT(FILTER) : 0) |
		(q->mark[dir] != BF_MARK_KEEP ? BF_RULE_BIT(MARK) : 0));
}

static void
guest_draw(uint16_t s)
{
	struct bf_port_rules *p = &r->view->rules[s];
	struct bf_port_view *pv = &r->view->ports[s];
	bool plain = one_in(2);

	qos_draw(s);
	guard_draw(s);
	storms_draw(s);
	*p = (struct bf_port_rules){.vlan = vlan_draw(), .guard = &guards[s]};
	pv->out = p->vlan.own != 0 ? BF_RULE_BIT(VLAN) : 0;
	pv->max_len = (uint16_t)(one_in(6) ? 700 : 1518);
	if (plain)
		return;
	p->too_big = one_in(2);
	p->mtu = (uint16_t)(pv->max_len - 18);
	p->learns_not = one_in(4);
	p->locked = one_in(6);
	p->isolated = one_in(3);
	p->floods_not = (uint8_t)(one_in(2) ? 0 : below(8));
	p->guards = (uint8_t)(one_in(2) ? 0 : below(32));
	p->ips = one_in(4) ? &guards[s].ips[0] : NULL;
	p->qos = one_in(2) ? &qos[s] : NULL;
	pv->out |= (uint16_t)((one_in(12) ? BF_RULE_BIT(DISABLED) : 0) |
		(p->ips != NULL ? BF_RULE_BIT(GUARD) : 0) |
		(p->qos != NULL ? qos_bits(p->qos, BF_QOS_OUT) : 0));
}

static void
front_end_draw(uint16_t s)
{
	struct bf_guest_dp *g = &r->dp[s];

	g->up = !one_in(10);
	g->rx_rings = one_in(10) ? 0 : 3;
	g->offloads = one_in(4) ? BF_OFFLOAD_CSUM | BF_OFFLOAD_TSO : 0;
	for (unsigned int q = 0; q < 4; q++) {
		g->ring[q].offloads = (uint8_t)g->offloads;
		g->ring[q].mergeable = true;
		g->ring[q].header = 12;
	}
	r->view->ports[s].n_rings = (uint8_t)(1 + below(2));
	is_full[s] = one_in(10);
	rig_guest_room(s, is_full[s] ? 0 : RIG_ROOM_ANY);
}

static void
bond_draw(void)
{
	struct bf_bond_view *b = &r->view->bonds[0];
	struct bf_port_rules *p = &r->view->rules[BF_BOND_SLOT];
	uint32_t all = (1u << MEMBERS) - 1;

	*p = (struct bf_port_rules){.vlan = vlan_draw()};
	p->vlan.type = BF_ET_VLAN;
	r->view->ports[BF_BOND_SLOT].out = (uint16_t)((p->vlan.own != 0 ? BF_RULE_BIT(VLAN) : 0) |
		(one_in(20) ? BF_RULE_BIT(DISABLED) : 0));
	r->view->ports[BF_BOND_SLOT].max_len = (uint16_t)(one_in(6) ? 700 : 1518);
	b->in = r->view->ports[BF_BOND_SLOT].out;
	b->tx = (uint8_t)below(4);
	b->policy = (uint8_t)below(BF_POLICY_COUNT);
	b->lag = one_in(2);
	b->echo = (uint8_t)below(3);
	b->doubted = one_in(2);
	b->designated = (uint8_t)below(MEMBERS);
	b->eligible = below(8);
	b->standby = all & ~b->eligible & below(8);
	b->hold = one_in(4) ? below(8) : 0;
	r->carrier.bits = one_in(3) ? below(8) : all;
	r->carrier.collect = one_in(3) ? below(8) : all;
}

static void
floods_draw(void)
{
	struct bf_view *v = r->view;

	v->isolates = false;
	v->flood[0].picks = one_in(3);
	vlan_flood =
		(struct bf_flood){.bond = bf_vlan_is_taken(&v->rules[0].vlan, (uint64_t)VLAN << 48),
			.guests = vlan_guests};
	for (uint16_t s = 1; s <= GUESTS; s++) {
		const struct bf_port_rules *p = &v->rules[s];

		v->isolates |= p->isolated;
		v->flood[0].picks |= p->isolated || p->floods_not != 0 || p->guards != 0;
		if (bf_vlan_is_taken(&p->vlan, (uint64_t)VLAN << 48))
			vlan_guests[vlan_flood.n_guests++] = s;
	}
	vlan_flood.picks = v->flood[0].picks;
	v->vlan_floods[0] = one_in(2) ? vlan_floods : NULL;
	v->responder = one_in(3) ? responder : NULL;
	v->forwarding = !one_in(40);
}

static void
settings_draw(void)
{
	bool nobody = one_in(12);

	for (uint16_t s = 1; s <= GUESTS; s++) {
		guest_draw(s);
		front_end_draw(s);
		r->dp[s].up &= !nobody;
	}
	bond_draw();
	floods_draw();
	for (unsigned int i = 0; i < BF_DSCPS; i++)
		r->view->qos_map.class_of[i] = (uint8_t)(i / 8);
	for (unsigned int i = 0; i < BF_CLASSES; i++)
		r->view->qos_map.dscp_of[i] = (uint8_t)(i * 8);
	bf_switch_forget(r->w);
}

/* ---- frames ---- */

static void
address_draw(uint8_t mac[6], bool dst)
{
	static const uint8_t odd[][6] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{1, 0, 0x5e, 1, 2, 3}, {0x33, 0x33, 0, 0, 0, 1}, {1, 0x80, 0xc2, 0, 0, 2},
		{1, 0, 0x0c, 0xcc, 0xcc, 0xcc}, {0, 0, 0, 0, 0, 0}};

	if (dst && one_in(12))
		memcpy(mac, rig_bond_mac, 6);
	else if (dst && one_in(8))
		memset(mac, 0xff, 6);
	else if (one_in(dst ? 3 : 25))
		memcpy(mac, odd[below(RTE_DIM(odd))], 6);
	else
		rig_mac(mac, 1 + below(one_in(8) ? 3 * STATIONS : STATIONS));
}

static uint32_t
payload_draw(uint8_t *buf)
{
	uint32_t len = 60;

	switch (below(8)) {
	case 0:
		buf[12] = 0x08;
		buf[13] = one_in(4) ? 0x35 : 0x06;
		rig_word(buf + 14, 0x0806, one_in(2) ? 2 : (uint8_t)below(16));
		buf[14 + 27] = (uint8_t)below(6);
		memset(buf, one_in(2) ? 0xff : buf[0], 6);
		break;
	case 1:
		buf[12] = 0x86;
		buf[13] = 0xdd;
		rig_word(buf + 14, 0x86dd, (uint8_t)below(16));
		buf[20] = one_in(4) ? 44 : buf[20]; /* a fragment */
		buf[54] = one_in(4) ? 134 : buf[54]; /* of a router */
		len = 86;
		break;
	case 2:
		buf[12] = 0x88;
		buf[13] = one_in(2) ? 0x09 : 0xcc;
		buf[14] = (uint8_t)below(4);
		break;
	default:
		buf[20] = one_in(2) ? 0x40 : 0;
		buf[26] = (uint8_t)below(9);
		buf[27] = buf[28] = buf[29] = 0;
		buf[37] = (uint8_t)(one_in(6) ? 68 : 53);
		len = one_in(4) ? 400 + below(1300) : 60 + below(40);
		break;
	}
	return len;
}

/* Mostly a station says something where it is. */
static uint32_t
frame_draw(uint8_t *buf, uint16_t in)
{
	uint8_t dst[6], src[6];
	uint32_t len;

	address_draw(dst, true);
	if (one_in(3))
		address_draw(src, false);
	else
		rig_mac(src, in != BF_BOND_SLOT ? in : GUESTS + 1 + below(STATIONS - GUESTS));
	memset(buf, 0, 2048);
	rig_udp(buf, dst, src, below(64));
	len = payload_draw(buf);
	for (unsigned int n = one_in(3) ? 1 + below(2) : 0; n > 0; n--)
		len = rig_tag(buf, len, one_in(5) ? 0x88a8 : 0x8100,
			(uint16_t)((one_in(5)                  ? 0
						   : one_in(4) ? VLAN + 1
							       : VLAN) |
				below(8) << 13));
	if (one_in(40))
		len = 1 + below(20);
	return len;
}

/* ---- what may not change ---- */

static uint64_t
sum_of(const void *data, size_t len, uint64_t sum)
{
	return (uint64_t)rte_hash_crc(data, (uint32_t)len, (uint32_t)sum) << 32 |
		rte_hash_crc(data, (uint32_t)len, (uint32_t)(sum >> 32) ^ 0x5bd1e995u);
}

static uint64_t
everything(void)
{
	uint64_t sum = sum_of(r->w->counters, sizeof(*r->w->counters), 1);

	sum = sum_of(r->w, sizeof(*r->w), sum);
	sum = sum_of(r->w->cache, BF_CACHE_SETS * sizeof(*r->w->cache), sum);
	sum = sum_of(r->view, sizeof(*r->view), sum);
	sum = sum_of(r->fdb->buckets, (r->fdb->mask + 1) * sizeof(*r->fdb->buckets), sum);
	sum = sum_of(r->w->echoes, sizeof(*r->w->echoes), sum);
	sum = sum_of(guards, sizeof(guards), sum);
	sum = sum_of(qos, sizeof(qos), sum);
	sum = sum_of(qos_counts, sizeof(qos_counts), sum);
	sum = sum_of(storms, sizeof(storms), sum);
	sum = sum_of(r->dp, sizeof(r->dp), sum);
	return sum + rte_mempool_avail_count(r->pool) + rte_ring_count(r->w->learn) +
		rte_ring_count(r->w->reports) + rte_ring_count(r->lcores.slow) +
		rte_ring_count(r->lcores.for_us) + rte_ring_count(r->lcores.lldp);
}

/* ---- a case ---- */

static void
real_run(const struct bf_trace_ask *ask)
{
	struct rte_mbuf *m;

	bf_switch_refresh(r->w);
	if (bf_is_bond_slot(ask->in)) {
		rig_wire(r, ask->member, ask->data, ask->len, 1);
		rig_poll_bond(r);
		return;
	}
	if (!r->view->forwarding)
		return;
	m = rig_frame(r, ask->data, ask->len, 0, RIG_MEMBERS);
	if (ask->rules != 0 && bf_rules_in(r->w, ask->in, ask->rules, &m, 1) == 0)
		return;
	bf_switch_burst(r->w, ask->in, &m, 1, 0);
	bf_stage_flush(r->w);
}

static const struct bf_trace_end *
end_at(uint16_t slot)
{
	for (uint16_t i = 0; i < trace.n_ends; i++)
		if (trace.end[i].slot == slot)
			return &trace.end[i];
	return NULL;
}

static void
compare_port(uint16_t s, const struct bf_port_counters *before, unsigned int number)
{
	const struct bf_port_counters *now = &r->w->counters->ports[s];
	const struct bf_trace_end *e = end_at(s);
	uint64_t sent = e == NULL || e->why != BF_DROP_COUNT ? 0
		: bf_is_bond_slot(s) ? (uint64_t)__builtin_popcount(e->members)
				     : 1;

	if (now->tx_frames - before->tx_frames != sent)
		fail_msg("case %u: port %u: sent %d, traced %d (%s)", number, s,
			(int)(now->tx_frames - before->tx_frames), (int)sent,
			e == NULL ? "nothing" : "a drop or more");
	if (sent > 0 && now->tx_bytes - before->tx_bytes != e->bytes)
		fail_msg("case %u: port %u: other bytes", number, s);
	for (unsigned int why = 0; why < BF_DROP_COUNT; why++) {
		uint64_t dropped = now->drops[why] - before->drops[why];

		if (dropped != (e != NULL && e->why == why))
			fail_msg("case %u: port %u: reason %u: dropped %d, traced %d", number, s,
				why, (int)dropped, e == NULL ? -1 : (int)e->why);
	}
}

static void
compare_rest(const struct bf_trace_said *before, unsigned int number)
{
	const struct bf_trace_said *said = &trace.said;
	const struct bf_trace_end *e = end_at(BF_BOND_SLOT);
	uint32_t members = 0;

	for (uint32_t i = 0; i < r->n_log; i++) {
		if (r->log[i].slot == BF_BOND_SLOT)
			members |= 1u << r->log[i].member;
		else if (end_at(r->log[i].slot) == NULL ||
			r->log[i].ring != 2 * end_at(r->log[i].slot)->ring)
			fail_msg("case %u: guest %u: ring %u", number, r->log[i].slot,
				r->log[i].ring);
	}
	if (members != (e != NULL && e->why == BF_DROP_COUNT ? e->members : 0))
		fail_msg("case %u: members %x", number, members);
	if (r->n_slow - before->slow != said->slow ||
		r->n_for_us - before->for_us != said->for_us ||
		r->n_lldp - before->lldp != said->lldp ||
		r->n_reports - before->reports != said->reports || r->w->n_answers != said->answers)
		fail_msg("case %u: control: LACP %u, LLDP %u, own %u, reports %u, answers %u",
			number, said->slow, said->lldp, said->for_us, said->reports, said->answers);
	for (unsigned int k = 0; k < 8; k++)
		if (r->n_mail[k] - before->mails[k] != said->mails[k])
			fail_msg("case %u: mail %u: %u posted, %u traced", number, k,
				r->n_mail[k] - before->mails[k], said->mails[k]);
}

static void
case_run(unsigned int number)
{
	static struct bf_port_counters before[GUESTS + 1];
	struct bf_trace_said said = {.slow = r->n_slow,
		.lldp = r->n_lldp,
		.for_us = r->n_for_us,
		.reports = r->n_reports};
	struct bf_trace_ask ask = {.in = (uint16_t)(one_in(3) ? 0 : 1 + below(GUESTS))};
	bool looks = number % LOOK_EVERY == 0;
	static uint8_t buf[2048];
	static uint32_t len;
	uint64_t sum;

	if (len == 0 || ask.in != 0 || !one_in(4)) /* else the one before comes back */
		len = frame_draw(buf, ask.in);
	ask.member = (uint8_t)below(MEMBERS);
	ask.len = len;
	ask.data = buf;
	ask.rules =
		ask.in == 0 ? (uint16_t)r->view->bonds[0].in : bf_view_rules_in(r->view, ask.in);
	bf_switch_refresh(r->w);
	sum = looks ? everything() : 0;
	assert_int_equal(bf_trace_walk(world, &ask, &trace), 0);
	if (looks && everything() != sum)
		fail_msg("case %u: the trace has changed something", number);
	memcpy(before, r->w->counters->ports, sizeof(before));
	memcpy(said.mails, r->n_mail, sizeof(said.mails));
	/* Of unicast between stations whose way is known only the first frame is read, and a trace is of that one. */
	if (!(buf[0] & 1) && trace.said.mails[BF_MAIL_IPV6] + trace.said.mails[BF_MAIL_ROUTER] > 0)
		bf_switch_forget(r->w);
	real_run(&ask);
	rig_collect(r);
	rig_learn(r, r->fdb->now_s);
	for (uint16_t s = 0; s <= GUESTS; s++)
		compare_port(s, &before[s], number);
	compare_rest(&said, number);
	bf_answers_forget(r->w);
	rig_forget(r);
}

/* How often each thing happened: what never does is not tested. */
static void
outcome_count(uint32_t *n)
{
	for (uint16_t i = 0; i < trace.n_ends; i++)
		n[trace.end[i].why]++;
}

/* What the environment says, or what is usual. */
static unsigned int
wanted(const char *name, unsigned int usual)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned int)strtoul(text, NULL, 10) : usual;
}

static void
test_a_trace_says_what_the_data_path_does_then(void **state)
{
	/* What a single frame that fits a buffer never meets, or control alone does. */
	static const uint8_t never[] = {BF_DROP_GUEST_BUFFER, BF_DROP_BAD_OFFLOAD,
		BF_DROP_GUEST_RING_DISABLED, BF_DROP_FLOOD_SEGMENTS, BF_DROP_PORT_GONE,
		BF_DROP_RING_BUSY, BF_DROP_NO_MEMORY, BF_DROP_MEMBER_FULL, BF_DROP_LLDP_FLOOD};
	uint32_t n[BF_DROP_COUNT + 1] = {0};

	(void)state;
	for (unsigned int i = 0; i < wanted("BONDFWD_TRACE_CASES", CASES); i++) {
		if (i % SETTINGS_EVERY == 0)
			settings_draw();
		if (i % 512 == 0)
			rig_forget_sent(r);
		case_run(i);
		outcome_count(n);
	}
	for (unsigned int why = 0; why <= BF_DROP_COUNT; why++)
		if (n[why] == 0 && memchr(never, (int)why, sizeof(never)) == NULL)
			fail_msg("reason %u has not happened", why);
}

/* ---- set up ---- */

static void
responder_make(void)
{
	responder = calloc(1, bf_responder_size(4));
	assert_non_null(responder);
	bf_responder_init(responder, 4, 7);
	for (uint16_t s = 1; s <= 4; s++) {
		struct bf_responder_entry e = {.addr = {0, 0, 0, (uint8_t)s}, .slot = s};
		uint8_t mac[6];

		rig_mac(mac, s);
		e.station = bf_fdb_key(0, mac);
		bf_responder_add(responder, &e);
	}
}

static int
set_up(void **state)
{
	struct bf_trace_ground ground;
	struct bf_err err;

	(void)state;
	seed = wanted("BONDFWD_TRACE_SEED", SEED);
	r = rig_new(MEMBERS, GUESTS);
	bf_vlan_set_add(&some, 0);
	bf_vlan_set_add(&some, VLAN);
	vlan_floods[VLAN] = BF_MAX_BONDS;
	r->view->vlan_flood = &vlan_flood;
	responder_make();
	ground = (struct bf_trace_ground){.view = r->view, .worker = r->w, .is_full = is_full};
	world = bf_trace_world_create(&ground, &err);
	return world != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	bf_trace_world_destroy(world);
	free(responder);
	return rig_end(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_trace_says_what_the_data_path_does_then, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
