/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The least LACP partner: every LACPDU that reaches a wire is answered with one that agrees.
 *
 * A forwarder whose bond is in mode 4 can then be measured.  There are no timers: the forwarder
 * sends its LACPDUs periodically, and so gets answers periodically.
 *
 * Threads: one.
 */

#ifndef BF_GEN_LACP_H
#define BF_GEN_LACP_H

#include "port.h"

/**
 * Answer a frame that is a LACPDU; look at no other.
 *
 * @param m
 *   Not changed, still the caller's.
 */
void lacp_answer(const struct port *p, const struct rte_mbuf *m);

#endif
