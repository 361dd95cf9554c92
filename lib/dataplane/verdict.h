/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where a frame goes and why, and what follows from it: a pure look at the view, the FDB and the echoes.
 *
 * The switch carries the effects out (switch.c); whoever wants to know what would become of a frame asks
 * the same function and leaves them.
 *
 * Threads: any reader of a view.
 */
#ifndef BF_DATAPLANE_VERDICT_H
#define BF_DATAPLANE_VERDICT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/echo.h"
#include "dataplane/fdb.h"
#include "dataplane/frame.h"
#include "dataplane/mcast.h"
#include "dataplane/view.h"
#include "dataplane/vlan.h"

/** What becomes of a frame: a port slot, or one of these. */
#define BF_OUT_UNKNOWN 0xffff /* not decided yet */
#define BF_OUT_FLOOD 0x8000 /* | flood domain: bf_flood_of() */
#define BF_OUT_DROP 0x4000 /* | enum bf_drop */
static_assert(BF_MAX_PORTS <= BF_OUT_DROP, "a slot is neither a drop nor a flood");
static_assert((int)BF_DROP_COUNT <= BF_OUT_DROP, "reasons fit below the mark");
static_assert(BF_DOMAIN_GROUPS + BF_MCAST_DOMAINS < BF_OUT_FLOOD, "domains fit below the mark");

static inline bool
bf_out_is_flood(uint16_t out)
{
	return (out & BF_OUT_FLOOD) != 0;
}

static inline uint16_t
bf_out_domain(uint16_t out)
{
	return (uint16_t)(out & ~BF_OUT_FLOOD);
}

/** The ports of a flood domain. */
static inline const struct bf_flood *
bf_flood_of(const struct bf_view *v, uint16_t domain)
{
	if (likely(domain < BF_MAX_BONDS))
		return &v->flood[domain];
	return domain < BF_DOMAIN_GROUPS ? &v->vlan_flood[domain - BF_MAX_BONDS]
					 : &v->mcast->flood[domain - BF_DOMAIN_GROUPS];
}

/** What else follows from a frame. */
enum bf_effect {
	BF_EFFECT_TOUCH = 1 << 0, /* its station has been heard where it is known to be */
	BF_EFFECT_LEARN = 1 << 1, /* its station is to be learned at the port */
	BF_EFFECT_CLAIM = 1 << 2, /* it is announced on the bond while a guest's own word counts */
	BF_EFFECT_ANNOUNCED = 1 << 3, /* its station has announced itself where it is known to be */
	BF_EFFECT_NOTE = 1 << 4, /* the frame may come back by another member */
	BF_EFFECT_ECHO = 1 << 5, /* it is one that came back, known by its bytes */
	BF_EFFECT_SNOOP = 1 << 6, /* read what the station says of itself */
	BF_EFFECT_ADMIT = 1 << 7, /* its address is new to the guest's guard, which has room */
};

struct bf_verdict {
	uint16_t out;
	uint16_t effects; /* enum bf_effect, together */
	bool lasts; /* the same for every frame of this kind between these stations */
	uint8_t word; /* enum bf_word: what the station says of itself by it; with LEARN */
	struct bf_fdb_entry *station; /* the source's, or NULL */
};

/** What a verdict stands on. */
struct bf_verdict_ground {
	const struct bf_view *view;
	const struct bf_fdb *fdb;
	const struct bf_echoes *echoes;
};

/**
 * The part of a verdict for whatever is not IPv4 from a known station to another: what the source address
 * teaches, and what the station says of itself.  And for all, where some ports are isolated.
 *
 * @param v
 *   The verdict so far.
 * @param here
 *   The station is known to be at this port.
 * @return
 *   The verdict, but for what goes to the bond itself.
 */
struct bf_verdict bf_verdict_source(const struct bf_verdict_ground *g, uint16_t in,
	const struct rte_mbuf *m, const struct bf_frame *f, struct bf_verdict v, bool here);

/* The port of the destination, or the flood domain of the one it came from. */
static inline uint16_t
bf_verdict_out(const struct bf_verdict_ground *g, uint16_t in, const struct bf_frame *f)
{
	uint16_t port;

	if ((f->dst & BF_MAC_MULTICAST) || bf_fdb_find(g->fdb, f->dst, &port) == NULL)
		return (uint16_t)(BF_OUT_FLOOD | bf_vlan_domain(g->view, in, f->dst));
	return port == in ? BF_OUT_DROP | BF_DROP_SAME_PORT : port;
}

/**
 * Decide on a frame that came from port @p in.  Changes nothing.
 *
 * What is said to all, and ARP, is looked at frame by frame; so is what comes from a station that is
 * not known at its port.
 *
 * @param f
 *   Of the frame, as bf_frame_load() and bf_frame_special() left it.
 */
static __rte_always_inline struct bf_verdict
bf_verdict(
	struct bf_verdict_ground g, uint16_t in, const struct rte_mbuf *m, const struct bf_frame *f)
{
	struct bf_verdict v = {.out = BF_OUT_DROP | BF_DROP_RESERVED};
	uint16_t port;
	bool here;

	if (unlikely(bf_frame_is_reserved(f->dst)))
		return v;
	v.out = BF_OUT_DROP | BF_DROP_BAD_SOURCE;
	if (unlikely((f->src & BF_MAC_MULTICAST) || (f->src & BF_FDB_MAC_MASK) == 0))
		return v;
	v.station = bf_fdb_find(g.fdb, f->src, &port);
	v.lasts = here = v.station != NULL && port == in;
	v.effects = likely(here) ? BF_EFFECT_TOUCH : 0;
	v.out = bf_verdict_out(&g, in, f);
	if (unlikely(
		    !here || bf_out_is_flood(v.out) || f->type != BF_ET_IPV4 || g.view->isolates)) {
		struct bf_verdict_ground ground = g; /* the other one stays in registers */

		v = bf_verdict_source(&ground, in, m, f, v, here);
	}
	if (unlikely(bf_is_bond_slot(in) &&
		    (f->dst & BF_FDB_MAC_MASK) == g.view->bonds[bf_bond_of_slot(in)].mac &&
		    v.out != (BF_OUT_DROP | BF_DROP_REFLECTED))) {
		v.out = BF_OUT_DROP | BF_DROP_FOR_US;
		v.lasts = false;
	}
	return v;
}

#endif
