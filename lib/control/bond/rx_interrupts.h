/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Receive interrupts of members, so that an idle worker can sleep until a frame comes.
 *
 * The bonding PMD knows nothing of them (it forwards no rx_queue_intr_enable), but configures a
 * member with what the member's own configuration had before, so they are asked for there.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_BOND_RX_INTERRUPTS_H
#define BF_CONTROL_BOND_RX_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Before a port becomes a member: have its driver set up receive interrupts, where it has them and
 * keeps reporting link changes beside them.
 *
 * @param n_queues it will have
 * @return whether workers may use them.
 */
bool bf_rx_interrupts_ask(uint16_t port, uint16_t n_queues);

#endif
