/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How far apart two CPUs are, in time.
 *
 * A virtual machine's CPUs may be threads of one core now, two cores around one cache a second later,
 * and then two cores that share none: a cache line's way between them takes some ns, 80 or 400.
 * What a forwarder does in each of these is hardly comparable.
 *
 * Threads: one, and one of its own while it measures.
 */

#ifndef BF_GEN_DISTANCE_H
#define BF_GEN_DISTANCE_H

#include <stdint.h>

/**
 * What a cache line takes from this thread's CPU to another and back: the median of some hundred
 * samples, in about 10 ms.  Neither CPU may be busy with anything else.
 *
 * @param cpu
 *   The other one.
 * @param ns
 *   Set on success.
 * @return
 *   0, or -errno: there is no thread to be had, or none on that CPU.
 */
int distance_measure(uint32_t cpu, double *ns);

#endif
