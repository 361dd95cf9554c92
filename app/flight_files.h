/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The flights of the flight recorder as files: CONSOLE.flights/flight-TIME-CAUSE.json, so that they
 * outlive the program; the latest BF_FLIGHT_FILES of each cause.
 *
 * Threads: ctx control; a thread of its own writes, because a disk may make it wait.
 */
#ifndef BF_APP_FLIGHT_FILES_H
#define BF_APP_FLIGHT_FILES_H

#include <stdint.h>
#include <sys/types.h>

struct bf_bridge;

#define BF_FLIGHT_FILES 8

/** @param console path of the console's socket, NULL: no files; @param group of folder and files, NULL: ours */
void bf_flight_files_open(const char *console, const gid_t *group);

/** Hand a new flight to the writer; while that is busy, the next one waits. @return as the tick of a task */
uint64_t bf_flight_files_tick(struct bf_bridge *br, uint64_t now_ms);

/** Write what is left, and wait for the writer for some seconds at most. @param br NULL: there is none */
void bf_flight_files_close(struct bf_bridge *br);

#endif
