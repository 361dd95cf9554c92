/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What would become of a frame, in words: the steps of a walk (trace/walk.h) as rows.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_SNAPSHOT_TRACE_H
#define BF_CONTROL_SNAPSHOT_TRACE_H

#include <stdint.h>

#include "base/err.h"
#include "control/snapshot/snapshot.h"
#include "control/trace/walk.h"

struct bf_tracer;

/** A row is a frame, with its steps and what became of it at each port. */
extern const struct bf_table bf_trace_table;

/**
 * Begin with frames that come from a port: all see the switch as it is now.
 *
 * @param member
 *   A bond: index of the member that brings them; -1: the first one whose frames are switched now.
 * @return
 *   NULL with the reason and errno: ENOMEM, ENOSPC, EINVAL when the bond has no member.
 */
struct bf_tracer *bf_tracer_begin(
	struct bf_bridge *br, uint16_t slot, int member, struct bf_err *err);
void bf_tracer_end(struct bf_tracer *tr);

/** Walk with a frame of 1 to BF_LONGEST_FRAME bytes. @return what came of it; NULL: no buffer is left */
const struct bf_trace *bf_tracer_walk(struct bf_tracer *tr, const uint8_t *data, uint32_t len);

/** Add a row about the frame that was walked with last. @param number of the frame in its file, from 1 */
void bf_tracer_describe(
	struct bf_tracer *tr, struct bf_bridge *br, uint32_t number, struct bf_snapshot *s);

#endif
