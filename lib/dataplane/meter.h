/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Meters: what colour a frame has at a rate, by RFC 2697 (one rate, two bursts) and RFC 2698 (two rates).
 *
 * Theory of operation.  A bucket is kept as the time at which it will be full again, as in storm.h: one word that
 * all workers change with compare-and-swap.  So a port's queues share its budget, and nobody waits for a lock.
 * rte_meter has the same colours, but one writer only; test_meter compares the two.
 *
 *   two rates   `second` is the time at which the bucket of the peak rate is full
 *   one rate    `second` is what the excess bucket lacks; it gets what the full first bucket has no room for,
 *               from the one worker who moved the first one's time
 *
 * A frame that is longer than a bucket is taken while that is full, and owed.
 *
 * TCP that loses a whole flight waits for its timer, longer than a burst lasts.  So where frames beyond the rate are
 * dropped, a burst lasts longer unless it is said, and behind it the bucket holds one part of BF_METER_EARLY_PART more,
 * in which some frames are dropped early: from none to 1 in BF_METER_EARLY at its end, evenly.
 *
 * Threads: worker; control fills a meter that is in no view.
 */
#ifndef BF_DATAPLANE_METER_H
#define BF_DATAPLANE_METER_H

#include <stdbool.h>
#include <stdint.h>

#define BF_METER_STEPS 16 /* of a meter's time in a cycle of the TSC */
#define BF_METER_BURST_MS 50 /* of the rate that a burst is worth, unless it is said */
/* The same where frames are dropped: with the early part of it 200 ms, the least RTO of Linux. */
#define BF_METER_SOFT_MS 160
#define BF_METER_BURST_BYTES 131072 /* and at least this: two superframes */
#define BF_METER_BURST_FRAMES 64
#define BF_METER_EARLY 8
#define BF_METER_EARLY_PART 4

enum bf_colour {
	BF_GREEN, /* within the rate */
	BF_YELLOW, /* beyond it, within the peak rate or the excess burst */
	BF_RED,
};

/** What happens to frames beyond the rate. */
enum bf_over {
	BF_OVER_WAIT, /* they stay in the guest's ring */
	BF_OVER_DROP,
	BF_OVER_MARK, /* yellow ones get a class, red ones are dropped */
};

/** Rates in bytes or frames per second, bursts in the same units; 0: not said. */
struct bf_meter_rates {
	bool by_bytes;
	bool soft; /* frames beyond the rate are dropped, some of them early */
	uint64_t rate, burst, excess, peak, peak_burst;
};

struct bf_meter {
	double cost, peak_cost; /* steps of a byte or a frame; cost 0: no meter */
	uint64_t burst, second_burst; /* steps that the buckets hold; second 0: there is none */
	bool by_bytes;
	uint8_t over; /* enum bf_over */
	uint8_t class; /* BF_OVER_MARK: of yellow frames */
	uint64_t due; /* when the first bucket is full; workers: atomic */
	uint64_t second; /* workers: atomic */
	uint64_t early; /* steps behind which frames are dropped early; 0: none is */
	uint32_t debt; /* parts of a frame to be dropped early, of UINT16_MAX; workers: atomic */
};

/**
 * Make a meter with full buckets.  A peak excludes an excess.
 *
 * Threads: any.
 */
void bf_meter_init(struct bf_meter *m, uint64_t tsc_hz, const struct bf_meter_rates *r);

/**
 * The colour of a frame, which is taken from the buckets.  Without a second bucket what is beyond the rate is
 * yellow where such frames are marked, else red.
 *
 * @param now
 *   In steps of the TSC.
 * @param units
 *   Bytes, or frames.
 */
enum bf_colour bf_meter_judge(struct bf_meter *m, uint64_t now, uint32_t units);

/**
 * Take for a whole burst, if all of it is green and none of it early: one step for all of its frames.
 *
 * @return
 *   false: nothing was taken, and each frame is to be judged by itself.
 */
bool bf_meter_take_all(struct bf_meter *m, uint64_t now, uint64_t units);

/** Whether the next frame is to be dropped early; it is not charged. */
bool bf_meter_is_early(struct bf_meter *m, uint64_t now);

/** Whether something may be taken now: BF_OVER_WAIT. */
bool bf_meter_has_credit(const struct bf_meter *m, uint64_t now);
/** Take what has come already; what the bucket does not have is owed. */
void bf_meter_charge(struct bf_meter *m, uint64_t now, uint64_t units);

#endif
