/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where metrics are served: a TCP address, or the path of a unix socket.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_HTTP_ADDRESS_H
#define BF_APP_HTTP_ADDRESS_H

#include <sys/socket.h>

#include "base/err.h"

#define BF_HTTP_ADDRESS_FORMS "IPv4:PORT, [IPv6]:PORT or unix:/PATH"

struct bf_http_address {
	const char *path; /* in the text; NULL: TCP */
	struct sockaddr_storage tcp;
	socklen_t tcp_len;
};

/**
 * Read an address: 127.0.0.1:9200, [::1]:9200, unix:/run/bondfwd/metrics.sock.  Names of hosts are none: what is
 * listened on shall not depend on a resolver.  Port 0 is any free one.
 *
 * @param text
 *   Has to outlive @p a.
 * @return
 *   0, or -EINVAL with the text and what was expected.
 */
int bf_http_address_parse(struct bf_http_address *a, const char *text, struct bf_err *err);

#endif
