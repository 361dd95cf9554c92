/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Addresses of UDP receivers as text: 192.0.2.1, 192.0.2.1:6343, 2001:db8::1, [2001:db8::1]:6343.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_BASE_UDP_ADDRESS_H
#define BF_BASE_UDP_ADDRESS_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

#define BF_UDP_ADDRESS_MAX 56 /* "[", 45 characters, "]:65535" and the end */

struct bf_udp_address {
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	};
	socklen_t len;
};

/**
 * Read an address.  Names of hosts are none: nothing here waits for a resolver.
 *
 * @param what
 *   Name of the value for the message.
 * @param port
 *   The port unless the text says one.
 * @return
 *   0, or -EINVAL with the text and what was expected.
 */
int bf_udp_address_parse(const char *what, const char *text, uint16_t port,
	struct bf_udp_address *a, struct bf_err *err);

#endif
