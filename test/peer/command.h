/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Line commands of bf-peer: "verb key=value ...", one line of JSON for each.
 *
 * Threads: one.
 */

#ifndef BF_PEER_COMMAND_H
#define BF_PEER_COMMAND_H

#include <stdbool.h>

/**
 * Run one line and print its answer on stdout.
 *
 * @param line
 *   Modified.
 * @return
 *   false when the line was "quit".
 */
bool command_run(char *line);

/**
 * Called by long commands while they wait; returns frames moved.
 */
unsigned int command_idle(void);

#endif
