/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A learning switch between one bond and some guests, one frame at a time, with a list of
 * stations that is searched from end to end: the oracle for the fast one.
 *
 * Threads: one.
 */
#ifndef BF_TEST_SWITCH_MODEL_H
#define BF_TEST_SWITCH_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/drop_list.h"

#define MODEL_PORTS 16 /* 0 is the bond */
#define MODEL_STATIONS 4096
#define MODEL_SENT 65536 /* frames that are remembered until model_forget_sent() */
#define MODEL_HEARD 64 /* addresses heard in one turn */

struct model_station {
	uint16_t vlan;
	uint8_t mac[6];
	uint16_t port;
	bool is_static;
	bool announces; /* heard[]: it said that it has come here */
	bool has_announced;
	uint32_t announced_s; /* when it did so last, where it is */
	uint32_t heard_s;
};

/* A frame that a guest has sent to the bond, as it may come back: padded. */
struct model_sent {
	uint32_t len;
	uint8_t head[64];
};

struct model_switch {
	bool exists[MODEL_PORTS];
	bool up[MODEL_PORTS]; /* bond: a member may send */
	uint32_t max_len[MODEL_PORTS];
	uint8_t mac[6]; /* the bond's own */
	bool lag;
	bool remembers; /* what guests send, in case that it comes back */
	bool doubts; /* guests' stations that are heard on the bond */
	unsigned int n_members, designated;
	uint32_t now_s, age_s;
	uint64_t rx, tx, copies;
	uint64_t drops[MODEL_PORTS][BF_DROP_COUNT];
	uint32_t n_stations, n_heard;
	struct model_station stations[MODEL_STATIONS];
	struct model_station heard[MODEL_HEARD]; /* learned when the turn ends */
	uint32_t n_sent;
	struct model_sent sent[MODEL_SENT];
};

/** No port but those that the caller sets up; stations age out after 300 s. */
void model_init(struct model_switch *m);

/**
 * Switch one frame.
 *
 * @param in
 *   Port it came from. @param member: by which member, when that is the bond.
 * @return
 *   Ports that get the frame, one bit each.
 */
uint32_t model_frame(struct model_switch *m, unsigned int in, unsigned int member,
	const uint8_t *data, uint32_t len);

/** The turn is over: what was heard is learned, the clock goes on, the old are forgotten. */
void model_turn(struct model_switch *m, uint32_t now_s);

void model_add_static(struct model_switch *m, uint16_t vlan, const uint8_t mac[6], uint16_t port);

/** What was sent can come back no more. */
void model_forget_sent(struct model_switch *m);

/** Where a station is. @return port, or -1. */
int model_where(const struct model_switch *m, uint16_t vlan, const uint8_t mac[6]);

#endif
