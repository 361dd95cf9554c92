/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Whether the cables of a bond go where its mode needs them, by what the switches say in LLDP and LACP.
 *
 * Threads: ctx control; the judgement is a pure function.
 */
#ifndef BF_CONTROL_BOND_CABLING_H
#define BF_CONTROL_BOND_CABLING_H

#include <stdbool.h>
#include <stdint.h>

#include "control/config/config.h"
#include "lldp/lldp.h"

struct bf_bond;

enum bf_cabling_problem {
	BF_CABLING_TWO_SWITCHES, /* members of a LAG end at switches that are not one system */
	BF_CABLING_TWO_LAGS, /* they end in different LAGs of one switch */
	BF_CABLING_NO_LAG, /* the switch has none on the port, and the mode needs it */
	BF_CABLING_LAG, /* it has one, and the mode must not have it */
	BF_CABLING_COUNT,
};

/** Names as they are shown: "two_switches" */
extern const char *const bf_cabling_names[BF_CABLING_COUNT];

/** What is known of a member's other end. */
struct bf_cabling_end {
	const char *member;
	const struct bf_lldp_pdu *pdu; /* NULL: nobody speaks LLDP there */
	bool in_lag; /* LACP lets the member distribute */
	bool has_partner; /* LACP hears one: */
	uint8_t partner[6];
	uint16_t partner_key;
};

struct bf_cabling_finding {
	enum bf_cabling_problem problem;
	char member[BF_DEV_NAME_MAX];
	char text[320];
	uint64_t since_ms;
	bool told; /* by an event; findings that are not are not shown */
};

#define BF_CABLING_EVENTS 20 /* of a bond in a minute; some more in the turn that reaches it */

struct bf_cabling {
	uint64_t minute;
	uint32_t in_minute; /* events that were told in it */
	uint32_t n;
	struct bf_cabling_finding at[BF_MAX_MEMBERS]; /* one of a member at most */
};

/** Findings of a bond in a mode; since_ms and told stay 0. */
void bf_cabling_judge(
	uint32_t mode, const struct bf_cabling_end *ends, unsigned int n, struct bf_cabling *found);

/**
 * Take over what was found now: a finding is told once, when it has held; so is its end.  After too many events nothing
 * is taken over until the minute has ended.
 */
void bf_cabling_take(
	struct bf_bond *b, struct bf_cabling *c, const struct bf_cabling *found, uint64_t now_ms);

#endif
