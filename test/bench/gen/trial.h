/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One trial: send frames for a time at a rate, count what arrives, and how late.
 *
 * p2v  the wires send, the guests count
 * v2p  the guests send, the wires count
 * pvp  the wires send, the guests turn every frame round, the wires count
 * v2v  every other guest sends to the next one, which counts
 *
 * The rate is a token bucket by TSC.  Frames that become due while the bucket is full (the ring had
 * no room for too long, or this process was not run) are missed: never sent, and lost to a
 * throughput trial all the same.  Blocked tells the two causes apart.
 *
 * Threads: one.
 */

#ifndef BF_GEN_TRIAL_H
#define BF_GEN_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"

#define TRIAL_SIZES_MAX 32

enum trial_path {
	TRIAL_P2V,
	TRIAL_V2P,
	TRIAL_PVP,
	TRIAL_V2V,
	TRIAL_PATH_COUNT,
};

extern const char *const trial_path_names[TRIAL_PATH_COUNT];

struct trial_spec {
	enum trial_path path;
	/* All senders together; 0 means as fast as the rings take them. */
	uint64_t frames_per_s;
	uint32_t ms;
	/* End when so many frames have been sent; 0 means when the time is over. */
	uint64_t count;
	/* Wait for frames that are under way until none has come for so long. */
	uint32_t drain_ms;
	/* Depth of the token bucket. */
	uint32_t depth_us;
	/* Frame i has sizes[i % n_sizes]; bytes with FCS. */
	uint16_t sizes[TRIAL_SIZES_MAX];
	uint16_t n_sizes;
	uint32_t n_flows;
	uint32_t n_far_macs;
	/* Ports that send or are sent to; the others are still polled. */
	uint16_t n_wires;
	uint16_t n_guests;
};

struct trial_result {
	double seconds;
	uint64_t due;
	uint64_t sent;
	uint64_t sent_bytes;
	uint64_t missed;
	/* Times that a ring had no room for a whole burst. */
	uint64_t blocked;
	/* First arrivals, and their bytes with FCS. */
	uint64_t received;
	uint64_t received_bytes;
	uint64_t duplicated;
	uint64_t reordered;
	/* Frames of the forwarder's own, and late ones of earlier trials. */
	uint64_t strays;
	/* pvp: what a guest could not send back. */
	uint64_t not_returned;
	struct histogram latency;
};

/**
 * Send one frame from every station, so that a switch knows where all of them are.
 *
 * @return
 *   Frames sent.
 */
uint32_t trial_learn(const struct trial_spec *spec);

/**
 * Run a trial.
 *
 * @return
 *   0 or -errno.
 */
int trial_run(const struct trial_spec *spec, struct trial_result *result);

/**
 * Throw away what arrives until nothing has for @p quiet_ms, for a second at most.
 */
void trial_settle(uint32_t quiet_ms);

#endif
