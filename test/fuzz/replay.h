/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a fuzz target defines, for libFuzzer or for the main() of replay.c, which gives it files instead of
 * inventing inputs.
 *
 * Threads: one.
 */
#ifndef BF_FUZZ_REPLAY_H
#define BF_FUZZ_REPLAY_H

#include <stddef.h>
#include <stdint.h>

/** Try one input, which lies in a buffer of exactly its size. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Before the first input; may be left out. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/** After the last one, in a replay; may be left out. @return 0, or 1 when something is left over. */
int fuzz_end(void);

#endif
