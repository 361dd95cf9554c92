/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Figures for people: the workers' counters added up, minus what was there at the last clear.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_OBSERVE_STATS_H
#define BF_CONTROL_OBSERVE_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/counters.h"

struct bf_bridge;
struct bf_stats_base;

struct bf_stats_base *bf_stats_base_new(void);

/** A port's figures over all workers, since the last clear. */
void bf_stats_port(const struct bf_bridge *br, uint16_t slot, struct bf_port_counters *sum);
/** Frames of a port that were dropped for one reason, over all workers, never cleared. */
uint64_t bf_stats_dropped(const struct bf_bridge *br, uint16_t slot, enum bf_drop why);
/** A member's figures over all workers, since it came. @param bond, bit its bond's number and its own */
void bf_stats_member(const struct bf_bridge *br, unsigned int bond, unsigned int bit,
	struct bf_member_counters *sum);

/** Members have come, or have other numbers: theirs begin at 0. */
void bf_stats_members_change(struct bf_bridge *br, unsigned int bond);

/** A reason to drop, as the list has it. */
struct bf_drop_info {
	const char *name, *at, *help;
};
extern const struct bf_drop_info bf_drop_info[BF_DROP_COUNT];

/** What became of superframes and checksums at a port: names and words for all who show it. */
struct bf_offload_counter {
	const char *name, *help;
	size_t offset; /* in struct bf_port_counters */
};
extern const struct bf_offload_counter bf_offload_counters[];
extern const unsigned int bf_n_offload_counters;
/** The counter of row @p i, of a port. */
uint64_t bf_offload_counter(const struct bf_port_counters *c, unsigned int i);

/** Is it no loss: bondfwd reads what it counts? */
bool bf_drop_is_read(unsigned int reason);

/**
 * What was lost by a port, on the way in and on the way out: the drops by their columns, without
 * the frames that were read instead of forwarded (LACP, probe replies).
 */
void bf_stats_errors(const struct bf_port_counters *c, uint64_t *in, uint64_t *out);

/**
 * Has the device been set up? One that has no queue yet counts nothing, and drivers may not survive
 * the question (net_vmxnet3). ctx control.
 */
bool bf_stats_device_counts(uint16_t port);

/** LACPDUs, announcements, probes: they leave by the bond and never entered the switch. */
struct bf_own_frames {
	uint64_t frames, bytes;
};
/** Those sent since the bond's figures were cleared; ctx control. */
struct bf_own_frames bf_stats_own(const struct bf_bridge *br, unsigned int bond);

/** Reset a port's counters. */
void bf_stats_clear_port(struct bf_bridge *br, uint16_t slot);
/** The next guest in a slot starts from zero. A task's hook. */
void bf_stats_slot_gone(void *bridge, uint16_t slot);

/** The ledger since the start, over all ports that ever were. */
struct bf_ledger {
	uint64_t rx, copies, segments, tx, drops, coalesced;
	uint64_t by_reason[BF_DROP_COUNT];
};
void bf_stats_ledger(const struct bf_bridge *br, struct bf_ledger *sum);

/** Frames that have come in, or were made, and have not gone out yet. */
static inline int64_t
bf_ledger_in_flight(const struct bf_ledger *l)
{
	return (int64_t)(l->rx + l->copies + l->segments - l->tx - l->drops - l->coalesced);
}

/** Frames per second and bits per second between two readings. */
struct bf_rate {
	uint64_t ns;
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes;
};
struct bf_rates {
	double rx_pps, rx_bps, tx_pps, tx_bps;
};
void bf_rate_step(struct bf_rate *last, const struct bf_rate *now, struct bf_rates *r);

#endif
