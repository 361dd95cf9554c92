/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The way to a collector: a UDP socket that never makes its thread wait.
 *
 * What the kernel does not take at once is counted and gone. A socket that fails in another way is opened again a
 * second later: the host may have got another address or route.
 *
 * Threads: one; others may read the counts.
 */
#ifndef BF_CONTROL_EXPORT_COLLECTOR_H
#define BF_CONTROL_EXPORT_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/udp_address.h"

struct bf_collector {
	struct bf_udp_address to;
	int fd; /* -1: closed */
	uint64_t next_ms; /* not opened before */
	uint64_t now_ms; /* of bf_collector_open() */
	uint64_t datagrams, bytes; /* that were sent */
	uint64_t unsent; /* datagrams that the kernel did not take */
	uint64_t refused; /* times that the collector's host said that nobody listens */
};

void bf_collector_init(struct bf_collector *c, const struct bf_udp_address *to);
/** Open the socket, if it is not and if it is time. */
void bf_collector_open(struct bf_collector *c, uint64_t now_ms);
void bf_collector_send(void *collector, const uint8_t *data, size_t len);
/** The address that is sent from; zero before the socket is open. @param v6 whether it has 16 bytes */
void bf_collector_from(const struct bf_collector *c, uint8_t addr[16], bool *v6);
void bf_collector_close(struct bf_collector *c);

#endif
