/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Commands of bf-gen: "verb key=value ..." on a line, answered by one line of JSON.
 *
 *   ports                                       roles and links
 *   learn [macs=N] [wires=N]                    let the switch see every station
 *   settle [quiet=MS]                           throw away what still arrives
 *   run path=p2v|v2p|pvp|v2v [rate=N] [ms=N] [count=N] [size=N,N,...] [flows=N] [macs=N]
 *       [wires=N] [guests=N] [drain=MS] [depth=US]
 *   distance cpu=N                              a cache line's way to that CPU and back
 *   quit
 *
 * Threads: one.
 */

#ifndef BF_GEN_COMMAND_H
#define BF_GEN_COMMAND_H

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

#endif
