/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rules of a port: what is done with its frames before they are switched, and before they are sent.
 *
 * Theory of operation.  A port has a word for what comes in and one for what goes out (struct bf_rxq,
 * bf_bond_view, bf_port_view); a bit is a rule of the list below.  The words lie where a burst is
 * handled anyway, so a port without rules costs the test of a word per burst.  Frames from a port meet
 * its rules in the order of the list, frames to it in the reverse order: the first rule is the outermost.
 * What a rule has to know of the port is in struct bf_port_rules.
 *
 * A rule selects: it moves the frames that pass to the front, in their order, counts the others as dropped
 * and leaves them behind; bf_rules_in() and the tx functions free them where they are theirs.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_RULES_H
#define BF_DATAPLANE_RULES_H

#include "dataplane/lcore.h"

#define BF_RULE_LIST(X) \
	X(TAP, tap, "tap", "samples and captures look at the frames") \
	X(WATCH, watch, "watch", \
		"captures of a bond's members look at the frames where they leave") \
	X(DISABLED, disabled, "disabled", "the port is administratively down") \
	X(RATE, bf_rate, "rate", \
		"frames beyond the guest's rate are dropped, marked, or wait: rate.h") \
	X(GUARD, guard, "guard", "what a guest says is read before it is switched: guard.h") \
	X(FILTER, bf_filter, "filter", "rules of the guest in the words of tcpdump: filter.h") \
	X(VLAN, bf_tags, "vlan", "untagged frames of the port are of its VLAN") \
	X(MARK, bf_mark, "mark", "802.1p and DSCP are written: mark.h") \
	X(MIRROR, bf_mirror, "mirror", "a guest gets copies of the frames: mirror.h")

enum bf_rule_id {
#define BF_RULE_ENUM(sym, func, name, help) BF_RULE_##sym,
	BF_RULE_LIST(BF_RULE_ENUM)
#undef BF_RULE_ENUM
	BF_RULE_COUNT
};

#define BF_RULE_BIT(sym) (1u << BF_RULE_##sym)
/** Rules that a port may have in one direction only: struct bf_qos. */
#define BF_RULES_QOS (BF_RULE_BIT(RATE) | BF_RULE_BIT(FILTER) | BF_RULE_BIT(MARK))

/**
 * The rules of a port for frames that came from it, which are the caller's.
 *
 * @param set
 *   Its word, not 0.
 * @return
 *   How many may be switched, moved to the front.  The others have been counted as received and as
 *   dropped, and freed.
 */
uint16_t bf_rules_in(
	struct bf_worker *w, uint16_t slot, uint32_t set, struct rte_mbuf **pkts, uint16_t n);

/**
 * The rules of a port for frames that are to be sent to it.
 *
 * @return
 *   How many may be sent, moved to the front.  The others have been counted as dropped at the port, and
 *   stay whose they were.
 */
uint16_t bf_rules_out(
	struct bf_worker *w, uint16_t slot, uint32_t set, struct rte_mbuf **pkts, uint16_t n);

#endif
