/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Small files beside the console's socket, of lines, in which something is kept over a restart.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_CONFIG_KEPT_H
#define BF_APP_CONFIG_KEPT_H

#include "base/file.h"
#include "control/bridge.h"

#define BF_KEPT_RETRY_MS 10000 /* a file that could not be written is tried again */

/** One of them; static. */
struct bf_kept {
	const char *suffix; /* of its path, behind the console's */
	const char *what; /* "the leases of guests" */
	void (*take_line)(struct bf_bridge *br, char *line); /* may change the line */
	void (*write)(FILE *f, const struct bf_bridge *br);
	uint64_t written_version, written_ms;
	bool failed; /* to write it, the last time */
};

/** Hand each line to take_line(), one for each guest at most. @param console NULL: nothing is kept */
void bf_kept_load(const struct bf_kept *k, const char *console, struct bf_bridge *br);

/**
 * Write the file when its version is another, at most once a second; one that could not be written, every 10 s.
 *
 * @return
 *   Absolute ms when it wants to be called, or BF_TASK_NEVER.
 */
uint64_t bf_kept_save(struct bf_kept *k, const char *console, const struct bf_bridge *br,
	uint64_t version, uint64_t now_ms);

#endif
