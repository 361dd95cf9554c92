/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a worker counts.  Each worker writes its own block; nobody else ever writes it, so
 * no counter is atomic and none goes backwards.  Clearing is done by the reader, with a base.
 *
 * The ledger: over all workers and ports
 *     sum(rx_frames) + sum(copies) + sum(segments) == sum(tx_frames) + sum(drops) + sum(coalesced)
 * once the workers hold no frame.
 *
 * Threads: worker writes, control reads (relaxed: a figure may be one burst old).
 */
#ifndef BF_DATAPLANE_COUNTERS_H
#define BF_DATAPLANE_COUNTERS_H

#include <stdint.h>

#include <rte_common.h>

#include "dataplane/drop_list.h"
#include "dataplane/sizes.h"

/* Superframes and checksums (offload.h) at a port. */
#define BF_OFFLOAD_COUNTER_LIST(X) \
	X(superframes_in, "Superframes received from the guest.") \
	X(superframes_out, "Superframes sent whole to the guest or the card.") \
	X(segments, "Frames beyond the first that superframes for the port were cut into.") \
	X(coalesced, "Frames for the port that were joined to the frame before.") \
	X(sums, "Checksums completed in software for the port.") \
	X(too_big, "ICMP messages sent to senders of packets too long for the port.")

/** One port as one worker saw it; rx and tx from the switch's point of view. */
struct bf_port_counters {
	uint64_t rx_frames; /* taken from the port */
	uint64_t rx_bytes; /* without FCS */
	uint64_t tx_frames; /* handed to the port and accepted */
	uint64_t tx_bytes;
	uint64_t copies; /* extra deliveries made by flooding frames that came from this port */
	uint64_t flooded; /* frames from this port that were flooded */
	uint64_t drops[BF_DROP_COUNT];
#define BF_OFFLOAD_COUNTER_FIELD(field, help) uint64_t field;
	BF_OFFLOAD_COUNTER_LIST(BF_OFFLOAD_COUNTER_FIELD)
#undef BF_OFFLOAD_COUNTER_FIELD
} __rte_cache_aligned;

/** Frames sent on one member of a bond by one worker. */
struct bf_member_counters {
	uint64_t tx_frames;
	uint64_t tx_bytes;
	uint64_t tx_full; /* frames the member's ring refused (counted in the ledger too) */
};

#define BF_BURST_BINS 6 /* 1, 2-4, 5-8, 9-16, 17-31, 32 */

/* 0, 1, 2-4, 5-16, 17-64, 65-256, 257-1024, more */
#define BF_FILL_BINS 8
/* Up to 10, 30, 100, 300 us, 1, 3, 10 ms, more. */
#define BF_LATE_BINS 8

enum bf_stage_id {
	BF_STAGE_RX,
	BF_STAGE_DECIDE,
	BF_STAGE_OUTPUT,
	BF_STAGE_COUNT
};

/** Rings whose occupancy is looked at in the timed loops, just before they are read or written. */
enum bf_fill_id {
	BF_FILL_MEMBER, /* frames that wait in a member's receive ring, where the driver can tell */
	BF_FILL_FROM_GUEST, /* frames that wait in a guest's transmit ring */
	BF_FILL_TO_GUEST, /* buffers that a guest has left in its receive ring */
	BF_FILL_COUNT
};

/** How a worker spends its time. */
struct bf_pmd_counters {
	uint64_t loops;
	uint64_t idle_loops;
	uint64_t busy_tsc; /* cycles of loops that moved at least one frame */
	uint64_t idle_tsc;
	uint64_t sleeps;
	uint64_t woken; /* sleeps that a guest or a member ended */
	uint64_t late
		[BF_LATE_BINS]; /* sleeps that their timer ended, by how much later than asked for */
	uint64_t late_tsc; /* the sum of that */
	uint64_t bursts[BF_BURST_BINS];
	/* One loop in BF_TIMING_EVERY is timed by stage. */
	uint64_t stage_tsc[BF_STAGE_COUNT];
	uint64_t stage_frames;
	uint64_t fill_samples[BF_FILL_COUNT];
	uint64_t fill_sum[BF_FILL_COUNT];
	uint64_t fill_max[BF_FILL_COUNT];
	uint64_t fill_bins[BF_FILL_COUNT][BF_FILL_BINS];
	uint64_t cache_miss; /* frames decided by the FDB, not by the worker's cache */
	uint64_t learn_posted;
	uint64_t learn_lost; /* posts that found the mailbox full */
	uint64_t ring_contended;
	uint64_t lacp_repeated; /* LACPDUs sent again because control was late */
	uint64_t lacp_late; /* LACPDUs that found the member's ring full, and waited */
	uint64_t control_lost; /* other frames of our own that a full ring did not take in time */
	uint64_t padded; /* frames lengthened to 60 bytes for the wire */
};

struct bf_counters {
	struct bf_pmd_counters pmd;
	struct bf_member_counters members[BF_MAX_BONDS][BF_MAX_MEMBERS];
	uint64_t queue_frames[BF_MAX_PORTS][BF_MAX_QP]; /* from each guest queue */
	struct bf_port_counters ports[BF_MAX_PORTS];
};

#endif
