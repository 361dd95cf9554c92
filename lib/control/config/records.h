/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where packed rings stand, in memory that outlives the process: a split ring says in the guest's
 * memory how far it went, a packed one does not.
 *
 * The records lie in a small memory file beside the console's socket, or in /dev/shm where that folder
 * is on a disk: workers write into it with every burst, and a disk would make them wait.  An orderly end
 * removes the file when no packed ring has used it.
 *
 * Threads: ctx control; the records themselves belong to their rings.
 */
#ifndef BF_CONTROL_CONFIG_RECORDS_H
#define BF_CONTROL_CONFIG_RECORDS_H

#include "dataplane/ring.h"

struct bf_records;

/**
 * Open the file, or make it.
 *
 * @param console
 *   Path of the console's socket, which names the instance; NULL: there is none, and no records.
 * @return
 *   NULL when there are none; a warning says so unless @p console is NULL.
 */
struct bf_records *bf_records_open(const char *console);

/**
 * The records of a guest, which are its until bf_records_give().  Those that a guest of that name had
 * before are found again.
 *
 * @return one record for each ring, or NULL.
 */
struct bf_ring_record *bf_records_take(struct bf_records *r, const char *guest);

/** The guest does not use them any more; what is in them stays until another guest needs the room. */
void bf_records_give(struct bf_records *r, const struct bf_ring_record *of);

/** Unmap the file; remove it when nothing is in it. */
void bf_records_close(struct bf_records *r);

#endif
