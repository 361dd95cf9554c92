/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Why something does not work: causes that are looked for in the live state, in the order of how likely they explain it.
 *
 * A cause is a row of a table (causes.c): a function that looks for it and writes a sentence with the figure.  What
 * was dropped lately is a table of its own (drop_causes.c), by reason.  Causes that are a state come first, in
 * the table's order; then drops, the most frames first.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_SNAPSHOT_CAUSES_H
#define BF_CONTROL_SNAPSHOT_CAUSES_H

#include <stdint.h>

#include "control/config/config.h"
#include "control/snapshot/snapshot.h"
#include "dataplane/drop_list.h"

/** A cause that was found. */
struct bf_cause_row {
	const char *cause;
	char object[BF_DEV_NAME_MAX], text[320], command[128];
	uint64_t weight; /* the most likely is the heaviest */
};

extern const struct bf_table bf_cause_table;

/** A port whose causes are looked for. */
struct bf_suspect {
	struct bf_bridge *br;
	uint16_t slot;
	int member; /* a bond: one of them, by index; -1: all */
	uint64_t now_ms;
	struct bf_rows *rows;
	struct bf_snapshot *s;
};

#define BF_CAUSE_STATE (1ULL << 40) /* weight of a state, more than any count of frames */

/** Add one. @param weight 0: a state, behind those that were added before */
void bf_cause_add(const struct bf_suspect *p, uint64_t weight, const char *cause,
	const char *object, const char *command, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/** What is wrong with a port. */
void bf_causes_of_port(const struct bf_suspect *p);

/** What of a bond stops those who send by it. */
void bf_causes_of_uplink(const struct bf_suspect *p);

/** What was dropped at it lately. */
void bf_causes_of_drops(const struct bf_suspect *p);

/** The sentence about a drop reason that a frame met. @param frames 0: in a trace, not counted */
void bf_cause_of_drop(const struct bf_suspect *p, enum bf_drop why, uint64_t frames);

/** The heaviest first, each once. */
void bf_causes_sort(struct bf_rows *rows);

#endif
