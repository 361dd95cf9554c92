/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The workers' counters, added up.
 *
 * Threads: ctx control; reads what workers write, without locks: 64-bit loads are whole.
 */
#include "control/observe/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "control/bridge.h"

struct bf_stats_base {
	struct bf_port_counters ports[BF_MAX_PORTS];
	struct bf_own_frames own[BF_MAX_BONDS];
	struct bf_member_counters members[BF_MAX_BONDS][BF_MAX_MEMBERS];
	char names[BF_MAX_BONDS][BF_MAX_MEMBERS][BF_DEV_NAME_MAX]; /* whose they are */
};

struct bf_stats_base *
bf_stats_base_new(void)
{
	struct bf_stats_base *b = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(struct bf_stats_base));

	if (b != NULL)
		memset(b, 0, sizeof(*b));
	return b;
}

/* Every field of the counters is a 64-bit figure: they are added as an array. */
#define N_FIELDS (sizeof(struct bf_port_counters) / sizeof(uint64_t))

static void
counters_add(struct bf_port_counters *to, const struct bf_port_counters *from)
{
	uint64_t *t = (uint64_t *)to;
	const uint64_t *f = (const uint64_t *)from;

	for (unsigned int i = 0; i < N_FIELDS; i++)
		t[i] += __atomic_load_n(&f[i], __ATOMIC_RELAXED);
}

static void
port_total(const struct bf_bridge *br, uint16_t slot, struct bf_port_counters *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned int w = 0; w < br->lcores.n; w++)
		counters_add(sum, &br->lcores.workers[w]->counters->ports[slot]);
	sum->rx_frames += br->discards.frames[slot];
	sum->drops[BF_DROP_GUEST_RING_DISABLED] += br->discards.frames[slot];
}

void
bf_stats_port(const struct bf_bridge *br, uint16_t slot, struct bf_port_counters *sum)
{
	const uint64_t *base = (const uint64_t *)&br->base->ports[slot];
	uint64_t *s = (uint64_t *)sum;

	port_total(br, slot, sum);
	for (unsigned int i = 0; i < N_FIELDS; i++)
		s[i] -= base[i];
}

const struct bf_drop_info bf_drop_info[BF_DROP_COUNT] = {
#define ROW(sym, name, at, help) {name, at, help},
	BF_DROP_LIST(ROW)
#undef ROW
};

const struct bf_offload_counter bf_offload_counters[] = {
#define ROW(field, help) {#field, help, offsetof(struct bf_port_counters, field)},
	BF_OFFLOAD_COUNTER_LIST(ROW)
#undef ROW
};
const unsigned int bf_n_offload_counters = RTE_DIM(bf_offload_counters);

uint64_t
bf_offload_counter(const struct bf_port_counters *c, unsigned int i)
{
	uint64_t n;

	memcpy(&n, (const char *)c + bf_offload_counters[i].offset, sizeof(n));
	return n;
}

bool
bf_drop_is_read(unsigned int reason)
{
	return reason == BF_DROP_LACP || reason == BF_DROP_LLDP || reason == BF_DROP_FOR_US;
}

void
bf_stats_errors(const struct bf_port_counters *c, uint64_t *in, uint64_t *out)
{
	*in = *out = 0;
	for (unsigned int d = 0; d < BF_DROP_COUNT; d++)
		if (!bf_drop_is_read(d))
			*(bf_drop_is_in(d) ? in : out) += c->drops[d];
}

bool
bf_stats_device_counts(uint16_t port)
{
	struct rte_eth_dev_info info;

	return rte_eth_dev_info_get(port, &info) == 0 && info.nb_rx_queues > 0;
}

static struct bf_own_frames
own_total(const struct bf_bridge *br, unsigned int bond)
{
	struct bf_own_frames sum = {0};

	for (unsigned int w = 0; w < br->lcores.n; w++) {
		const struct bf_bond_lcore *p = &br->lcores.workers[w]->bonds[bond];

		sum.frames += __atomic_load_n(&p->own_frames, __ATOMIC_RELAXED);
		sum.bytes += __atomic_load_n(&p->own_bytes, __ATOMIC_RELAXED);
	}
	return sum;
}

struct bf_own_frames
bf_stats_own(const struct bf_bridge *br, unsigned int bond)
{
	struct bf_own_frames own = own_total(br, bond);

	own.frames -= br->base->own[bond].frames;
	own.bytes -= br->base->own[bond].bytes;
	return own;
}

void
bf_stats_clear_port(struct bf_bridge *br, uint16_t slot)
{
	port_total(br, slot, &br->base->ports[slot]);
	if (bf_is_bond_slot(slot))
		br->base->own[bf_bond_of_slot(slot)] = own_total(br, bf_bond_of_slot(slot));
}

void
bf_stats_slot_gone(void *bridge, uint16_t slot)
{
	struct bf_bridge *br = bridge;

	bf_stats_clear_port(br, slot);
	br->slot_since_tsc[slot] = rte_rdtsc();
}

uint64_t
bf_stats_dropped(const struct bf_bridge *br, uint16_t slot, enum bf_drop why)
{
	uint64_t n = 0;

	for (unsigned int w = 0; w < br->lcores.n; w++)
		n += br->lcores.workers[w]->counters->ports[slot].drops[why];
	return n;
}

static void
member_total(const struct bf_bridge *br, unsigned int bond, unsigned int bit,
	struct bf_member_counters *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned int w = 0; w < br->lcores.n; w++) {
		const struct bf_member_counters *c =
			&br->lcores.workers[w]->counters->members[bond][bit];

		sum->tx_frames += c->tx_frames;
		sum->tx_bytes += c->tx_bytes;
		sum->tx_full += c->tx_full;
	}
}

void
bf_stats_member(const struct bf_bridge *br, unsigned int bond, unsigned int bit,
	struct bf_member_counters *sum)
{
	const struct bf_member_counters *base = &br->base->members[bond][bit];

	member_total(br, bond, bit, sum);
	sum->tx_frames -= base->tx_frames;
	sum->tx_bytes -= base->tx_bytes;
	sum->tx_full -= base->tx_full;
}

void
bf_stats_members_change(struct bf_bridge *br, unsigned int bond)
{
	const struct bf_bond *b = &br->up[bond].bond;

	for (unsigned int i = 0; i < b->n_members; i++) {
		const struct bf_member *m = &b->members[i];
		char *name = br->base->names[bond][m->bit];

		if (strcmp(name, m->name) == 0)
			continue;
		snprintf(name, BF_DEV_NAME_MAX, "%s", m->name);
		member_total(br, bond, m->bit, &br->base->members[bond][m->bit]);
	}
}

void
bf_stats_ledger(const struct bf_bridge *br, struct bf_ledger *sum)
{
	struct bf_port_counters c;

	memset(sum, 0, sizeof(*sum));
	for (unsigned int s = 0; s < BF_MAX_PORTS; s++) {
		port_total(br, (uint16_t)s, &c);
		sum->rx += c.rx_frames;
		sum->tx += c.tx_frames;
		sum->copies += c.copies;
		sum->segments += c.segments;
		sum->coalesced += c.coalesced;
		for (unsigned int d = 0; d < BF_DROP_COUNT; d++) {
			sum->by_reason[d] += c.drops[d];
			sum->drops += c.drops[d];
		}
	}
}

void
bf_rate_step(struct bf_rate *last, const struct bf_rate *now, struct bf_rates *r)
{
	double s = (double)(now->ns - last->ns) / 1e9;

	memset(r, 0, sizeof(*r));
	/* A clear in between makes figures smaller: no rate can be told from that. */
	if (last->ns != 0 && s > 0 && now->rx_frames >= last->rx_frames &&
		now->tx_frames >= last->tx_frames && now->rx_bytes >= last->rx_bytes &&
		now->tx_bytes >= last->tx_bytes) {
		r->rx_pps = (double)(now->rx_frames - last->rx_frames) / s;
		r->rx_bps = (double)(now->rx_bytes - last->rx_bytes) * 8 / s;
		r->tx_pps = (double)(now->tx_frames - last->tx_frames) / s;
		r->tx_bps = (double)(now->tx_bytes - last->tx_bytes) * 8 / s;
	}
	*last = *now;
}
