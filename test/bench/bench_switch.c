/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Cycles per 60-byte frame of bf_switch_burst() with its transmission, for 1, 512 and 100 k flows
 * and 1, 16 and 64 guests, both directions.
 *
 * Members are ring ports that are emptied outside the measured time.  Guests are doubles that
 * copy the frame: what a ring costs is not in these figures, so compare them with each
 * other and not with a wire.
 *
 * Threads: one.
 */
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include "dataplane/stage.h"
#include "dataplane/switch.h"
#include "draw.h"
#include "rig.h"

#define BURSTS 4000
#define ROUNDS 5
#define REMOTES 1000 /* stations behind the bond, at most */
#define REMOTE 1000000

static struct rig *r;

struct load {
	bool to_bond;
	uint32_t flows, guests;
	uint64_t seed;
	uint32_t next;
};

static void
stations_of(const struct load *l, uint32_t flow, uint32_t *guest, uint32_t *remote)
{
	*guest = 1 + flow % l->guests;
	*remote = REMOTE + flow / l->guests % REMOTES;
}

static void
learn_all(const struct load *l)
{
	uint32_t guest, remote;
	uint8_t mac[6];

	for (uint32_t f = 0; f < l->flows; f++) {
		stations_of(l, f, &guest, &remote);
		rig_mac(mac, guest);
		bf_fdb_learn(r->fdb, bf_fdb_key(0, mac), (uint16_t)guest);
		rig_mac(mac, remote);
		bf_fdb_learn(r->fdb, bf_fdb_key(0, mac), BF_BOND_SLOT);
	}
	bf_fdb_commit(r->fdb);
	bf_switch_refresh(r->w);
}

/* A burst of one port's frames; a guest's bursts hold its own flows. */
static uint16_t
build(struct load *l, struct rte_mbuf **pkts)
{
	uint16_t in = (uint16_t)(l->to_bond ? 1 + l->next++ % l->guests : 0);
	uint32_t guest, remote;
	uint8_t buf[64], g[6], m[6];

	for (uint32_t i = 0; i < BF_BURST; i++) {
		uint32_t flow = draw_below(&l->seed, l->flows);

		if (l->to_bond) /* of this guest */
			flow = flow - flow % l->guests + in - 1u;
		stations_of(l, flow, &guest, &remote);
		rig_mac(g, guest);
		rig_mac(m, remote);
		rig_udp(buf, l->to_bond ? m : g, l->to_bond ? g : m, flow);
		pkts[i] = rig_frame(r, buf, 60, 0, 0);
	}
	return in;
}

static uint64_t
one_round(struct load *l)
{
	struct rte_mbuf *pkts[BF_BURST];
	uint64_t cycles = 0, start;

	for (int i = 0; i < BURSTS; i++) {
		uint16_t in = build(l, pkts);

		for (uint32_t k = 0; k < BF_BURST; k++)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[k], void *));
		start = rte_rdtsc_precise();
		bf_switch_burst(r->w, in, pkts, BF_BURST, 0);
		bf_stage_flush(r->w);
		cycles += rte_rdtsc_precise() - start;
		rig_collect(r);
	}
	return cycles;
}

static void
run(bool to_bond, uint32_t guests, uint32_t flows)
{
	struct load l = {
		.to_bond = to_bond, .guests = guests, .flows = RTE_MAX(flows, guests), .seed = 1};
	uint64_t best = UINT64_MAX;
	double per;

	r = rig_new(2, guests);
	rig_guest_copies(true);
	for (uint16_t s = 0; s <= guests; s++)
		bf_fdb_set_quota(r->fdb, s, 16384);
	learn_all(&l);
	one_round(&l); /* warm */
	for (int i = 0; i < ROUNDS; i++)
		best = RTE_MIN(best, one_round(&l));
	per = (double)best / BURSTS / BF_BURST;
	printf("{\"bench\":\"switch\",\"direction\":\"%s\",\"guests\":%u,\"flows\":%u,"
	       "\"cycles\":%.1f,\"ns\":%.2f,\"cache_miss\":%.3f,\"flooded\":%lu}\n",
		to_bond ? "guest_to_bond" : "bond_to_guest", guests, l.flows, per,
		per * 1e9 / (double)rte_get_tsc_hz(),
		(double)r->w->counters->pmd.cache_miss / ((ROUNDS + 1.0) * BURSTS * BF_BURST),
		(unsigned long)(r->w->counters->ports[0].flooded +
			r->w->counters->ports[1].flooded));
	(void)rig_free(r);
}

/* Frames of ever new stations behind guest 2: in 20 known frames one, as 1 in 20 Mpps. */
static void
storm_burst(uint32_t *next)
{
	struct rte_mbuf *pkts[BF_BURST];
	uint8_t buf[64], from[6], to[6];

	rig_mac(to, REMOTE);
	for (uint32_t i = 0; i < BF_BURST; i++) {
		rig_mac(from, 5000000 + (*next)++);
		rig_udp(buf, to, from, i);
		pkts[i] = rig_frame(r, buf, 60, 0, 0);
	}
	bf_switch_burst(r->w, 2, pkts, BF_BURST, 0);
	bf_stage_flush(r->w);
	rig_collect(r);
}

static uint64_t
known_round(struct load *l, bool storm, uint32_t *next)
{
	struct rte_mbuf *pkts[BF_BURST];
	uint64_t cycles = 0, start;

	for (int i = 0; i < BURSTS; i++) {
		uint16_t in = build(l, pkts);

		bf_switch_refresh(r->w);
		start = rte_rdtsc_precise();
		bf_switch_burst(r->w, in, pkts, BF_BURST, 0);
		bf_stage_flush(r->w);
		cycles += rte_rdtsc_precise() - start;
		rig_collect(r);
		if (storm && i % 20 == 19)
			storm_burst(next);
		if (i % 625 == 624) /* control's turn comes every millisecond */
			rig_learn(r, r->fdb->now_s);
	}
	return cycles;
}

/* What known traffic costs while a guest invents a million addresses per second. */
static void
run_storm(bool storm)
{
	struct load l = {.to_bond = false, .guests = 1, .flows = 512, .seed = 1};
	uint64_t best = UINT64_MAX;
	uint32_t next = 0;

	r = rig_new(2, 2);
	rig_guest_copies(true);
	learn_all(&l);
	bf_fdb_set_quota(r->fdb, 2, 1024);
	known_round(&l, storm, &next);
	for (int i = 0; i < ROUNDS; i++)
		best = RTE_MIN(best, known_round(&l, storm, &next));
	printf("{\"bench\":\"storm\",\"storm\":%s,\"flows\":512,\"cycles\":%.1f,"
	       "\"evicted\":%lu,\"known_left\":%u}\n",
		storm ? "true" : "false", (double)best / BURSTS / BF_BURST,
		(unsigned long)r->fdb->evicted, r->fdb->port_count[0] + r->fdb->port_count[1]);
	(void)rig_free(r);
}

int
main(void)
{
	static const uint32_t flows[] = {1, 512, 100000}, guests[] = {1, 16, 64};

	if (!rig_eal())
		return 1;
	for (int to_bond = 0; to_bond < 2; to_bond++)
		for (size_t g = 0; g < RTE_DIM(guests); g++)
			for (size_t f = 0; f < RTE_DIM(flows); f++)
				run(to_bond != 0, guests[g], flows[f]);
	run_storm(false);
	run_storm(true);
	rig_eal_end();
	return 0;
}
