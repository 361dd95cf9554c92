/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The EAL's interrupt thread, as a place to do something in: drivers' interrupts and alarms are served there one
 * after the other, so what is done there never meets them.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_LOOP_INTR_H
#define BF_CONTROL_LOOP_INTR_H

#include <stdint.h>

typedef void (*bf_intr_cb)(void *arg);

/**
 * Have @p fn run in the interrupt thread in @p delay_ms, and wait until it has. Alarms that others had set for
 * before that have run as well.
 *
 * @return 0, or -errno where the EAL takes no alarm: @p fn has not run.
 */
int bf_intr_run(bf_intr_cb fn, void *arg, uint64_t delay_ms);

/** Wait for all that the interrupt thread is to do in the next @p delay_ms. */
void bf_intr_wait(uint64_t delay_ms);

#endif
