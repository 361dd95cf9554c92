/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Addresses that a DHCP server gives: what a guest is bound to that says ip=dhcp.
 *
 * Theory of operation.  The rule GUARD of such a guest looks at what is sent to it.  An answer that gives
 * addresses (DHCPACK of RFC 2131, REPLY of RFC 8415) is for this guest if it is for one of its own MAC
 * addresses; then it is posted to control (control/guests/leases.h).  Who may answer is decided where
 * the answer comes from: dhcp_guard.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_DATAPLANE_DHCP_H
#define BF_DATAPLANE_DHCP_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/inside.h"

#define BF_DHCP_GIVEN 8 /* addresses of an answer; the rest is left out */
#define BF_DHCP_FOREVER UINT32_MAX

struct bf_dhcp_given {
	uint8_t addr[16]; /* IPv4: the first four; zero behind the prefix */
	uint8_t len; /* bits that count: 32, 128, or less for a delegated prefix */
	bool v6;
	uint32_t seconds; /* from now on; 0: it is taken back */
};

struct bf_dhcp_answer {
	uint32_t n;
	struct bf_dhcp_given at[BF_DHCP_GIVEN];
	bool has_client; /* DHCP of IPv4 says whom it is for, beside the frame's destination: */
	uint64_t client; /* its MAC address as loaded little-endian */
};

/** Is it from a server to a client? Such a packet may be for an address that the client does not have yet. */
bool bf_dhcp_is_of_server(const struct bf_inside *in);

/**
 * Read a server's answer.  Any bytes are allowed.
 *
 * @param in
 *   Of the frame.
 * @return
 *   false: it is none, or gives no address.
 */
bool bf_dhcp_read(const struct bf_inside *in, struct bf_dhcp_answer *a);

#endif
