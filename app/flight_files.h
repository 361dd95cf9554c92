/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The flights of the flight recorder as files: CONSOLE.flights/flight-TIME.json, the latest
 * BF_FLIGHT_FILES of them, so that they outlive the program.
 *
 * Threads: ctx control; a thread of its own writes, because a disk may make it wait.
 */
#ifndef BF_APP_FLIGHT_FILES_H
#define BF_APP_FLIGHT_FILES_H

#include <stdint.h>

struct bf_bridge;

#define BF_FLIGHT_FILES 16

/**
 * Hand a new flight to the writer; while that is busy, the next one waits.
 *
 * @param console
 *   Path of the console's socket; NULL: no files.
 * @return as the tick of a task
 */
uint64_t bf_flight_files_save(const char *console, struct bf_bridge *br, uint64_t now_ms);

/** Wait until the last one is written. */
void bf_flight_files_close(void);

#endif
