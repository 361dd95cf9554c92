/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the files of the LACP engine share: the object, and one entry per machine.
 *
 * Who writes what: rx.c the partner and rx_*; periodic.c periodic_*; select.c the verdict, lag and
 * selected; limit.c accepted and refused_from_ms; mux.c mux_* and the SYNC, COLLECTING and DISTRIBUTING bits of the actor; tx.c the send
 * history; carrier.c the verdict about the bond; lacp.c the rest.  Everybody may set `ntt`.
 *
 * Threads: ctx control.
 */
#ifndef BF_LACP_INTERNAL_H
#define BF_LACP_INTERNAL_H

#include "base/mac.h"
#include "lacp/lacp.h"
#include "lacp/pdu.h"

#include <string.h>

enum {
	FAST_PERIODIC_MS = 1000,
	SLOW_PERIODIC_MS = 30000,
	SHORT_TIMEOUT_MS = 3000,
	LONG_TIMEOUT_MS = 90000,
	CHURN_MS = 60000,
	MARKER_GAP_MS = 2000,
	/* A loop is over when nothing of ours came back for three of our fast PDUs. */
	LOOP_CLEAR_MS = 3500,
	/* How long a refused partner is named as the reason: three PDU periods of a slow one. */
	PIN_MEMORY_MS = 95000,
	QUIET_EVENT_MS = 60000,
	/* Patience with a partner before its choice of aggregator is followed. */
	YIELD_MS = 3000,
	/* max_links: the same with a partner that does not come into sync on a selected member. */
	REFUSED_MS = 5000,
	/*
	 * min_links: a partner that is not in sync by itself after the first of these may be waiting
	 * for us; until the second it counts as if it were.
	 */
	HOPE_FROM_MS = 3000,
	HOPE_UNTIL_MS = 5000,
	/* A link that has been up for so long waits half as long before it attaches. */
	STEADY_MS = 3000,
	/* How long carrier waits for the first negotiation after a silence, strict off. */
	CARRIER_HOLD_MS = 5000,
	IDLE_TICK_MS = 1000,
	MAX_LAGS = 2 * BF_LACP_MAX_MEMBERS,
	NO_LAG = -1,
};

/** A deadline that never comes. */
#define BF_LACP_NEVER UINT64_MAX

/** Tokens in thousandths, so that a rate per second refills every ms without rounding. */
struct bf_lacp_bucket {
	uint64_t millitokens;
	uint64_t last_ms;
};

/** An aggregator: the identity its members share (6.4.14) and sums over them. */
struct lacp_lag {
	bool used;
	uint64_t serial; /* unlike the id never used twice */
	bool individual; /* alone: no AGGREGATION bit on one side, or fallback */
	unsigned int owner; /* individual: member slot */
	uint16_t partner_priority;
	uint8_t partner_system[6];
	uint16_t partner_key;
	uint16_t own_key;
	uint32_t speed_mbps;
	/* Recomputed by every selection; from n_live on over members with a live partner only. */
	unsigned int n_members;
	unsigned int n_attached;
	unsigned int n_live;
	unsigned int n_regular; /* of those, no spares */
	unsigned int n_synced;
	uint64_t bandwidth_mbps;
	uint64_t priority;
	uint64_t synced_ms; /* last time a partner was in sync on it */
};

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): grouped by machine, 16 exist. */
struct lacp_member {
	bool used;
	unsigned int id;
	unsigned int order; /* in which members were added */
	struct bf_lacp_member_config mc;
	bool link_up;
	bool full_duplex;
	uint32_t speed_mbps;
	struct bf_lacp_port actor;
	uint64_t repriced_until_ms; /* a partner may name an older priority of ours */
	struct bf_lacp_port partner;

	enum bf_lacp_rx_state rx;
	uint64_t rx_until_ms; /* current_while */
	bool loop;
	uint64_t loop_seen_ms;
	bool pin_refused;
	uint64_t pin_refused_ms;
	uint8_t pin_refused_system[6];
	struct bf_lacp_bucket rx_bucket[2]; /* known partner, anybody else */

	enum bf_lacp_periodic_state periodic;
	uint64_t periodic_ms; /* next PDU */

	enum bf_lacp_why verdict; /* DISTRIBUTING when fit, else what disqualifies */
	enum bf_lacp_selected selected;
	bool fallback;
	bool held; /* out of service by order */
	bool was_synced; /* the partner was in sync since the latest bf_lacp_hope() */
	bool farewell; /* the next PDU is not to wait for the limit */
	bool detach; /* update_Selected found a mismatch: detach once, then select again */
	bool accepted; /* the partner was in sync since the member was selected */
	uint64_t
		refused_from_ms; /* from then on the partner counts as refusing it; 0: it does not */
	int lag; /* where selection wants the member */
	int mux_lag; /* where the mux holds it; meaningful unless DETACHED */

	enum bf_lacp_mux_state mux;
	uint64_t wait_until_ms;
	bool told_collect;
	bool told_distribute;

	bool ntt;
	uint64_t sent_ms[BF_LACP_TX_MAX_PER_S]; /* ring of the last sends */
	unsigned int sent_idx; /* oldest */

	enum bf_lacp_churn_state churn[2]; /* actor, partner */
	uint64_t churn_until_ms[2];

	uint64_t marker_answer_ms;

	enum bf_lacp_why told_why;
	bool told_rate_mismatch;
	uint64_t loop_event_ms;
	uint64_t rate_event_ms;
	struct bf_lacp_bucket event_bucket;
	unsigned int n_events_held;

	struct bf_lacp_counters n;
	uint64_t last_rx_ms;
	uint64_t last_tx_ms;
	uint64_t last_mux_ms;
	uint64_t last_partner_ms;
	uint64_t last_link_ms;
};

struct bf_lacp {
	struct bf_lacp_config cfg;
	struct bf_lacp_ops ops;
	void *arg;
	uint64_t now_ms;
	unsigned int next_order;
	uint64_t next_serial;
	struct lacp_member members[BF_LACP_MAX_MEMBERS];
	struct lacp_lag lags[MAX_LAGS];
	int active; /* index in lags, or NO_LAG */
	uint64_t active_serial; /* 0: none */
	uint64_t active_since_ms;
	uint32_t candidates; /* slots of members that could be in service */
	uint64_t hope_ms; /* min_links: when the members that could be in service last changed */
	uint64_t live_since_ms; /* 0: no member has a live partner */
	bool in_sync_since_live; /* a member was operational since live_since_ms */
	bool carrier;
	uint64_t carrier_ms;
	unsigned int told_fallback; /* member id or BF_LACP_BOND */
	bool choose_fallback; /* anew: what is preferred has been changed */
	struct bf_lacp_bucket event_bucket;
	unsigned int n_events_held;
	uint64_t deadline_ms;
};

/** Iteration over members: NULL begins and ends it. */
static inline struct lacp_member *
bf_lacp_next(struct bf_lacp *l, struct lacp_member *m)
{
	m = m == NULL ? l->members : m + 1;
	while (m < l->members + BF_LACP_MAX_MEMBERS && !m->used)
		m++;
	return m < l->members + BF_LACP_MAX_MEMBERS ? m : NULL;
}

static inline const struct lacp_member *
bf_lacp_next_const(const struct bf_lacp *l, const struct lacp_member *m)
{
	m = m == NULL ? l->members : m + 1;
	while (m < l->members + BF_LACP_MAX_MEMBERS && !m->used)
		m++;
	return m < l->members + BF_LACP_MAX_MEMBERS ? m : NULL;
}

/** Nothing about the member itself forbids it to join an aggregator. */
static inline bool
bf_lacp_is_fit(const struct lacp_member *m)
{
	return m->verdict == BF_LACP_WHY_DISTRIBUTING;
}

/** A partner was heard and not forgotten since. */
static inline bool
bf_lacp_has_partner(const struct lacp_member *m)
{
	return (m->actor.state & BF_LACP_DEFAULTED) == 0;
}

static inline bool
bf_lacp_same_mac(const uint8_t a[6], const uint8_t b[6])
{
	return memcmp(a, b, 6) == 0;
}

/* lacp.c */
bool bf_lacp_bucket_take(struct bf_lacp_bucket *b, uint32_t per_s, uint32_t burst, uint64_t now_ms);
/** Recompute what the actor says about itself; sets ntt when it changed. */
void bf_lacp_actor_refresh(const struct bf_lacp *l, struct lacp_member *m);

/* rx.c, 6.4.12 */
void bf_lacp_rx_pdu(struct bf_lacp *l, struct lacp_member *m, const struct bf_lacp_pdu *pdu);
void bf_lacp_rx_link(struct bf_lacp *l, struct lacp_member *m);
void bf_lacp_rx_run(struct bf_lacp *l, struct lacp_member *m);
void bf_lacp_rx_init(struct lacp_member *m);
void bf_lacp_rx_rate_changed(struct bf_lacp *l, struct lacp_member *m);
uint64_t bf_lacp_rx_deadline(const struct lacp_member *m);
/** Equal in all that names a port and its aggregator; the other state bits may differ. */
bool bf_lacp_same_port(const struct bf_lacp_port *a, const struct bf_lacp_port *b);
bool bf_lacp_is_live(const struct lacp_member *m);
bool bf_lacp_rate_mismatch(const struct lacp_member *m);

/* periodic.c, 6.4.13 */
void bf_lacp_periodic_run(struct bf_lacp *l, struct lacp_member *m);
uint64_t bf_lacp_periodic_deadline(const struct lacp_member *m);

/* aggregator.c, limit.c and select.c, 6.4.14 */
/** The lag of @p m's current identity, made if need be. */
int bf_lacp_lag_find(struct bf_lacp *l, const struct lacp_member *m);
/** Free lags nobody refers to and sum up the others. */
void bf_lacp_lag_sums(struct bf_lacp *l);
int bf_lacp_lag_best(const struct bf_lacp *l);
/** Is the partner the one to choose (6.4.14: the system with the numerically lower identifier)? */
bool bf_lacp_partner_chooses(const struct bf_lacp *l, const struct lacp_lag *g);
/** Members of the active aggregator that max_links lets in, a bit for each slot. */
uint32_t bf_lacp_limit(const struct bf_lacp *l);
/** Note what the partner thinks of a member, after it was selected or not. */
void bf_lacp_limit_note(struct bf_lacp *l, struct lacp_member *m);
uint64_t bf_lacp_limit_deadline(const struct bf_lacp *l, const struct lacp_member *m);
/** It could serve in the active aggregator, which has enough members. */
bool bf_lacp_stands_by(const struct bf_lacp *l, const struct lacp_member *m);
void bf_lacp_select_run(struct bf_lacp *l);

/* mux.c, 6.4.15 */
/** Make at most one transition; true when it made one. */
bool bf_lacp_mux_step(struct bf_lacp *l, struct lacp_member *m);
void bf_lacp_mux_init(struct lacp_member *m);
uint64_t bf_lacp_mux_deadline(const struct bf_lacp *l, const struct lacp_member *m);
bool bf_lacp_mux_selected(const struct lacp_member *m);
bool bf_lacp_partner_in_sync(const struct lacp_member *m);
bool bf_lacp_partner_collects(const struct lacp_member *m);
/** Collecting, and the partner is in sync and collects: could distribute. */
bool bf_lacp_is_operational(const struct lacp_member *m);
bool bf_lacp_min_links_met(const struct bf_lacp *l);
/** Members of which a question is true. */
unsigned int bf_lacp_count(
	const struct bf_lacp *l, bool (*is)(const struct bf_lacp *, const struct lacp_member *));
/** Members that are, or could be, in service together: below min_links nobody attaches. */
unsigned int bf_lacp_n_able(const struct bf_lacp *l);
/** Something changed: give every partner time to get in sync. */
void bf_lacp_hope(struct bf_lacp *l);
uint64_t bf_lacp_hope_deadline(const struct bf_lacp *l);
/** Who could be in service? A newcomer gives every partner time to get in sync. */
void bf_lacp_note_candidates(struct bf_lacp *l);

/* tx.c, 6.4.16 */
void bf_lacp_tx_run(struct bf_lacp *l, struct lacp_member *m);
uint64_t bf_lacp_tx_deadline(const struct lacp_member *m);

/* churn.c, 6.4.17 */
void bf_lacp_churn_restart(struct bf_lacp *l, struct lacp_member *m);
void bf_lacp_churn_run(struct bf_lacp *l, struct lacp_member *m);
uint64_t bf_lacp_churn_deadline(const struct lacp_member *m);

/* marker.c, 6.5 */
void bf_lacp_marker_rx(struct bf_lacp *l, struct lacp_member *m, const struct bf_lacp_marker *mk);

/* carrier.c */
void bf_lacp_carrier_run(struct bf_lacp *l);
unsigned int bf_lacp_n_operational(const struct bf_lacp *l);

/* reason.c */
enum bf_lacp_why bf_lacp_why(const struct bf_lacp *l, const struct lacp_member *m);
void bf_lacp_why_text(const struct bf_lacp *l, const struct lacp_member *m, enum bf_lacp_why why,
	char *buf, size_t size);

/* config.c */
/** 0 or -EINVAL; replaces zeros by what they mean. */
int bf_lacp_config_check(struct bf_lacp_config *cfg);

/* event.c */
void bf_lacp_event_member(struct bf_lacp *l, struct lacp_member *m, enum bf_lacp_event ev,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void bf_lacp_event_bond(struct bf_lacp *l, enum bf_lacp_event ev, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** Room for a MAC address in text. */

#endif
