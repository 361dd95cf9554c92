/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The main() of a fuzz target that replays files instead of inventing inputs.
 *
 * Threads: one.
 */
#ifndef BF_TEST_REPLAY_H
#define BF_TEST_REPLAY_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/** Run every file that is named; each input lies in a buffer of exactly its size. */
int replay_files(int argc, char **argv);

#endif
