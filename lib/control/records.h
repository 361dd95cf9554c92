/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where packed rings stand, in memory that outlives the process: a split ring says in the guest's
 * memory how far it went, a packed one does not.
 *
 * The records lie in a small memory file beside the console's socket, or in /dev/shm where that folder
 * is on a disk: workers write into it with every burst, and a disk would make them wait.
 *
 * Threads: ctx control; the records themselves belong to their rings.
 */
#ifndef BF_CONTROL_RECORDS_H
#define BF_CONTROL_RECORDS_H

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

/** @return one record for each ring of the guest of that name, or NULL. */
struct bf_ring_record *bf_records_of(struct bf_records *r, const char *guest);

/** The file stays. */
void bf_records_close(struct bf_records *r);

#endif
