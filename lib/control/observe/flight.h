/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The flight recorder: what the last minute was like, kept when something has gone wrong.
 *
 * Theory of operation.  Every 100 ms the figures of the workers, of the members and of each port are
 * noted as differences, in rings that hold the last minute.  A failover, or a burst of dropped frames
 * that no limit explains, starts a flight; so does an operator.  Three seconds later, when what
 * followed is in the rings too, the minute is copied: figures, events, LACPDUs.  The latest
 * flights are kept, of bursts and of the rest as many each.  A failover takes over a flight of a burst that
 * waits, and begins behind another one.  A trigger too soon after one of the same kind starts none.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_OBSERVE_FLIGHT_H
#define BF_CONTROL_OBSERVE_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "control/config/config.h"
#include "control/observe/events.h"
#include "control/observe/pdu_log.h"
#include "dataplane/counters.h"

#define BF_FLIGHT_STEP_MS 100
#define BF_FLIGHT_MS 60000 /* before the trigger */
#define BF_FLIGHT_AFTER_MS 3000 /* and behind it */
#define BF_FLIGHT_STEPS ((BF_FLIGHT_MS + BF_FLIGHT_AFTER_MS) / BF_FLIGHT_STEP_MS)
#define BF_FLIGHT_PORTS 16 /* of a flight: those with the most drops, then frames */
#define BF_FLIGHTS_MAX 8 /* half of them for bursts of drops */
/*
 * A burst of drops: so many frames in a step, and so many of those for the port, in thousandths. What
 * goes on is one burst: another one begins a minute after the last of it.
 */
#define BF_FLIGHT_DROPS 100
#define BF_FLIGHT_DROPS_PERMILLE 10

/* Reasons that no configuration asks for: X(reason). */
#define BF_FLIGHT_TROUBLE(X) \
	X(GUEST_RING_FULL) \
	X(RING_BUSY) X(NO_MEMORY) X(NO_MEMBER) X(MEMBER_FULL)

enum bf_flight_trouble {
#define BF_FLIGHT_TROUBLE_ID(reason) BF_FLIGHT_##reason,
	BF_FLIGHT_TROUBLE(BF_FLIGHT_TROUBLE_ID)
#undef BF_FLIGHT_TROUBLE_ID
	BF_FLIGHT_TROUBLE_COUNT
};

/** Frames of a port in a step. */
struct bf_flight_frames {
	uint32_t rx, tx;
	uint32_t drops; /* for any reason; looked at once a second */
	uint32_t trouble; /* for those of BF_FLIGHT_TROUBLE */
};

struct bf_flight_port {
	uint64_t rx, tx, drops, trouble[BF_FLIGHT_TROUBLE_COUNT]; /* at the end of the last step */
	bool is_new; /* there is no step before */
	uint64_t burst_ms; /* of the latest step with a burst of drops, 0: none */
	struct bf_flight_frames steps[BF_FLIGHT_STEPS]; /* a ring, as that of the figures */
};

/** What a worker did in a step. */
struct bf_flight_worker {
	uint16_t busy_permille;
	uint16_t fill
		[BF_FILL_COUNT]; /* frames or buffers in a ring that was looked at, on average */
	bool has_fill[BF_FILL_COUNT];
};

struct bf_flight_bond {
	uint32_t carrier, in_service; /* members, by number */
	uint32_t tx[BF_MAX_MEMBERS]; /* frames, by the member's number */
};

/** A step, but for the ports' frames. */
struct bf_flight_step {
	uint64_t mono_ms; /* its end */
	uint32_t ms; /* its length: more than BF_FLIGHT_STEP_MS when control was held up */
	struct bf_flight_worker worker[BF_MAX_WORKERS];
	struct bf_flight_bond bond[BF_MAX_BONDS];
};

enum bf_flight_cause {
	BF_FLIGHT_OPERATOR,
	BF_FLIGHT_FAILOVER,
	BF_FLIGHT_BURST, /* of dropped frames */
	BF_FLIGHT_CAUSE_COUNT
};
extern const char *const bf_flight_cause_names[BF_FLIGHT_CAUSE_COUNT];

/** A flight. What it refers to it owns. */
struct bf_flight {
	uint32_t id; /* from 1 */
	enum bf_flight_cause cause;
	int64_t wall_ms; /* of the trigger */
	uint64_t mono_ms;
	char object[64], text[256]; /* what it was about */
	int slot; /* of that port, -1: none */
	uint32_t n_workers, n_steps, n_events, n_pdus, n_ports;
	struct bf_flight_step *steps; /* oldest first */
	struct bf_event *events;
	struct bf_pdu_note *pdus;
	struct {
		char name[64];
		struct bf_flight_frames *steps; /* as many as n_steps */
	} ports[BF_FLIGHT_PORTS];
	char bond[BF_MAX_BONDS][BF_NAME_MAX]; /* "": there was none */
	char member[BF_MAX_BONDS][BF_MAX_MEMBERS][BF_DEV_NAME_MAX]; /* by number */
};

/** Zero is empty. */
struct bf_flights {
	struct bf_pdu_log pdus;
	uint64_t next_ms, last_ms; /* of the next step, of the latest */
	uint64_t n; /* steps ever noted */
	struct bf_flight_step steps[BF_FLIGHT_STEPS];
	struct bf_flight_port *ports[BF_MAX_PORTS]; /* by slot; NULL: not in use */
	struct {
		uint64_t busy, idle, fill_sum[BF_FILL_COUNT], fill_samples[BF_FILL_COUNT];
	} worker[BF_MAX_WORKERS]; /* at the end of the last step */
	uint64_t member_tx[BF_MAX_BONDS][BF_MAX_MEMBERS];
	uint64_t failovers[BF_MAX_BONDS]; /* that had begun */
	struct bf_flight *waiting; /* for what follows; NULL */
	uint64_t calm_ms[BF_FLIGHT_CAUSE_COUNT]; /* until then that cause starts no flight */
	uint32_t last_id;
	uint64_t lost; /* flights that there was no memory for */
	struct bf_flight *kept[BF_FLIGHTS_MAX]; /* those of bursts in the second half */
	uint32_t next[2]; /* places of the next ones, in each half */
};

struct bf_bridge;

/** Note a step when it is due, and end a flight. A task's tick. */
uint64_t bf_flights_tick(void *bridge, uint64_t now_ms);
/** The next guest in a slot starts anew. A task's hook. */
void bf_flights_slot_gone(void *bridge, uint16_t slot);
void bf_flights_fini(struct bf_flights *f);

/**
 * Start a flight that an operator wants; it is there three seconds later.
 *
 * @return
 *   0; -EBUSY: another one waits, -ENOMEM.
 */
int bf_flights_start(struct bf_bridge *br, const char *who, uint64_t now_ms, uint32_t *id);

/** The program ends: what waits is complete now. */
void bf_flights_finish(struct bf_bridge *br, uint64_t now_ms);

/** A flight that is complete, or NULL. */
const struct bf_flight *bf_flights_find(const struct bf_flights *f, uint32_t id);

#endif
