/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What an operator should know without asking: how redundant each bond is, and what is above the limits that
 * operators use.
 *
 * Once a second all rules are looked at.  What a rule finds stays in the list until it is over; a value has to
 * fall to 80 % of its limit for that.  Rates are those of the last ten seconds.  Beginning and end are events.
 * A bond's state is looked at as often as its members may have changed.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_OBSERVE_HEALTH_H
#define BF_CONTROL_OBSERVE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "control/observe/ratio.h"
#include "dataplane/sizes.h"

/** How many members may fail. */
enum bf_bond_state {
	BF_BOND_NONE, /* no bond is wanted there */
	BF_BOND_REDUNDANT, /* all members can carry traffic or stand by, and there are two at least */
	BF_BOND_DEGRADED, /* some can */
	BF_BOND_DOWN, /* none can */
	BF_BOND_STATE_COUNT
};
extern const char *const bf_bond_state_names[BF_BOND_STATE_COUNT];

/* Name, level, limit (of value rules, else 0), unit of value and limit, help. */
#define BF_HEALTH_LIST(X) \
	X(BOND_DOWN, "bond_down", ERR, 0, "", "no member can carry traffic") \
	X(NO_REDUNDANCY, "no_redundancy", WARNING, 0, "", "one member carries all traffic") \
	X(MEMBER_OUT, "member_out", WARNING, 0, "", "a member cannot carry traffic") \
	X(SPARE_IN_USE, "spare_in_use", WARNING, 0, "", \
		"a spare carries traffic in place of another member") \
	X(LACP_CHURN, "lacp_churn", WARNING, 0, "", \
		"LACP has not agreed with the partner for 60 s") \
	X(MEMBER_LOAD, "member_load", WARNING, 90, "%", \
		"share of its link's speed that a member uses") \
	X(MEMBER_ERRORS, "member_errors", WARNING, 0.1, "%", \
		"share of a member's frames that have errors") \
	X(MEMBER_MISSED, "member_missed", WARNING, 0.1, "%", \
		"share of a member's frames that its card dropped: it had no free descriptor") \
	X(PROBE_JITTER, "probe_jitter", WARNING, 5, "ms", "jitter of a member's probes") \
	X(WORKER_BUSY, "worker_busy", WARNING, 70, "%", \
		"share of a worker's cycles that are busy") \
	X(GUEST_LINK_HELD, "guest_link_held", WARNING, 0, "", \
		"a guest's link is held down because its bond is down") \
	X(GUEST_DOWN, "guest_down", WARNING, 0, "", "a guest is not connected") \
	X(RING_FULL, "ring_full", WARNING, 0.1, "%", \
		"share of a guest's frames that were dropped: its ring was full")

enum bf_health_rule {
#define BF_HEALTH_ID(id, ...) BF_HEALTH_##id,
	BF_HEALTH_LIST(BF_HEALTH_ID)
#undef BF_HEALTH_ID
	BF_HEALTH_COUNT
};

struct bf_health_rule_info {
	const char *name;
	enum bf_log_level level;
	double limit;
	const char *unit, *help;
};
extern const struct bf_health_rule_info bf_health_rules[BF_HEALTH_COUNT];

/** Something that a rule has found. */
struct bf_finding {
	enum bf_health_rule rule;
	char object[64]; /* bond, member, guest or lcore */
	double value; /* of value rules, else 0 */
	uint64_t since_ms;
	char text[160];
};

#define BF_FINDINGS_MAX 256

struct bf_findings {
	uint32_t n;
	uint32_t n_more; /* that had no room */
	bool lacks; /* some of those have events: which of them begin or end is not known */
	struct {
		uint32_t first, end; /* where a rule's are: from, and behind; both 0: none */
	} of[BF_HEALTH_COUNT];
	struct bf_finding list[BF_FINDINGS_MAX];
};

/** Zero is empty. */
struct bf_health {
	uint64_t next_ms, now_ms; /* of the next look, of the latest */
	struct bf_findings now, before;
	uint8_t state[BF_MAX_BONDS]; /* enum bf_bond_state */
	uint64_t opened_ms
		[BF_MAX_BONDS]; /* when a bond without a state was first seen, 0: not yet */
	uint32_t faulty[BF_MAX_BONDS]; /* members that were at the last look, by number */
	uint16_t port[BF_MAX_BONDS][BF_MAX_MEMBERS]; /* whose errors and missed are noted */
	struct bf_sent_errors sent[BF_MAX_BONDS][BF_MAX_MEMBERS];
	struct bf_ratio errors[BF_MAX_BONDS][BF_MAX_MEMBERS];
	struct bf_ratio missed[BF_MAX_BONDS][BF_MAX_MEMBERS];
	struct bf_ratio busy[BF_MAX_WORKERS];
	struct bf_ratio full[BF_MAX_PORTS];
};

struct bf_bridge;

/**
 * A bond's state as its members are now; an event when it has changed.  A bond that was just opened is not
 * called down until its links have had some seconds to come up.
 */
void bf_health_check_bond(struct bf_bridge *br, unsigned int bond, uint64_t now_ms);

/**
 * A bond is closed because somebody wants it so: nothing is down.  What is opened in its place comes up like one
 * that was just opened.
 */
void bf_health_bond_closed(struct bf_health *h, unsigned int bond);

/** A task of the loop: look at all rules, once a second, behind the rates. */
uint64_t bf_health_tick(void *bridge, uint64_t now_ms);
void bf_health_slot_gone(void *bridge, uint16_t slot);

/** The gravest level of what is found, BF_LOG_NOTICE when there is nothing. */
enum bf_log_level bf_health_level(const struct bf_health *h);

#endif
