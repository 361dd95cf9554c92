/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Asking a driver for its link, and switching it.
 *
 * Drivers do not bear two threads that do so at once: net_e1000_em marks the link as unknown, looks, and takes what
 * the other has marked for its own answer.  The bonding PMD asks in the interrupt thread, and there interrupts are
 * served.  So we ask there too.
 *
 * Threads: ctx control.  What runs in the interrupt thread itself calls ethdev.
 */
#ifndef BF_CONTROL_BOND_LINK_ASK_H
#define BF_CONTROL_BOND_LINK_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

/** As rte_eth_link_get_nowait(). @return 0 or -errno. */
int bf_link_ask(uint16_t port, struct rte_eth_link *link);

/** As rte_eth_dev_set_link_up() and rte_eth_dev_set_link_down(). @return 0 or -errno. */
int bf_link_switch(uint16_t port, bool up);

#endif
