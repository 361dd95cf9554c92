/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A program of libpcap, run on a frame.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_PROGRAM_H
#define BF_DATAPLANE_PROGRAM_H

#include <stdbool.h>

#include <rte_mbuf.h>

struct bpf_program;

/**
 * Whether the program takes the frame.
 *
 * @param program
 *   Validated, and without loops.
 */
bool bf_program_takes(const struct bpf_program *program, const struct rte_mbuf *m);

#endif
