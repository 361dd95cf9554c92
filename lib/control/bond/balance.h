/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the bond carries: load per flow bucket, the biggest flows (sampled), what another policy
 * would make of them, and moving buckets between members when one carries too much.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_BOND_BALANCE_H
#define BF_CONTROL_BOND_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/bond/bond.h"
#include "control/observe/taps.h"

#define BF_FLOWS_MAX 1024
#define BF_FLOW_HEAD 116 /* bytes of a frame that a flow is told by */

/** A flow as sampled. */
struct bf_flow {
	uint32_t hash; /* of all its fields; 0: free */
	uint8_t head_len;
	uint8_t head[BF_FLOW_HEAD];
	uint64_t frames; /* estimates, halved every interval */
	uint64_t bytes;
	uint64_t seen_ms;
};

struct bf_balance {
	struct bf_tap *tap; /* samples of what the bond sends */
	struct bf_flow flows[BF_FLOWS_MAX];
	uint64_t last_bytes[BF_BUCKETS]; /* counter readings at the last interval */
	uint64_t load[BF_BUCKETS]; /* bytes per second during the last interval */
	uint64_t last_ms;
	uint64_t moves; /* buckets moved, ever */
	uint64_t minute_ms;
	uint32_t moves_this_minute; /* stations moved in this minute */
};

/** Make the tap that the samples of bond @p bond come from. @return 0, or -errno with the reason. */
int bf_balance_open(struct bf_balance *ba, struct bf_taps *taps, const struct bf_lcores *l,
	unsigned int bond, struct bf_err *err);

/** Take the workers' samples. */
void bf_balance_collect(struct bf_balance *ba, uint64_t now_ms);

/**
 * Measure the buckets; in modes that balance by themselves move some when that helps.
 *
 * @param stations
 *   Stations per bucket: what a move costs the switch.
 * @param moved
 *   256 flags, set for buckets that got another member.
 * @return
 *   True when a bucket moved.
 */
bool bf_balance_interval(struct bf_balance *ba, struct bf_bond *b, const uint32_t *stations,
	bool *moved, uint64_t now_ms);

/** Share of each member (index) of the load, bytes per second. */
void bf_balance_shares(const struct bf_balance *ba, const struct bf_bond *b, double *bytes_per_s);

/**
 * Share of the fullest member divided by what would be fair, both by the members' speeds; 1 is
 * even, 0 when there is no load.
 */
double bf_balance_ratio(const struct bf_bond *b, const double *share);

/** One line of "what if". */
struct bf_whatif {
	enum bf_policy policy;
	uint64_t seed;
	unsigned int n_members;
	double share[BF_MAX_MEMBERS]; /* 0 to 1 */
	double ratio;
	unsigned int flows, moved; /* flows known; that would change their member */
};

/** What the known flows would do. */
void bf_balance_whatif(const struct bf_balance *ba, const struct bf_bond *b, enum bf_policy policy,
	uint64_t seed, unsigned int n_members, struct bf_whatif *w);

#endif
