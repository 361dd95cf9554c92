/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See udp_address.h.
 *
 * Threads: any (pure functions).
 */
#include "base/udp_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

/* Host and port of the text; the port is empty unless it says one. */
static bool
text_split(const char *text, char host[BF_UDP_ADDRESS_MAX], const char **port)
{
	const char *begin = text, *end = text + strlen(text), *colon = strchr(text, ':');

	if (text[0] == '[') {
		begin = text + 1;
		end = strchr(text, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
		*port = end[1] == ':' ? end + 2 : NULL;
	} else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
		end = colon;
		*port = colon + 1;
	} else {
		*port = NULL;
	}
	if (end - begin >= BF_UDP_ADDRESS_MAX)
		return false;
	snprintf(host, BF_UDP_ADDRESS_MAX, "%.*s", (int)(end - begin), begin);
	return true;
}

int
bf_udp_address_parse(const char *what, const char *text, uint16_t port, struct bf_udp_address *a,
	struct bf_err *err)
{
	char host[BF_UDP_ADDRESS_MAX], name[64];
	const char *said = NULL;
	uint64_t number = port;

	memset(a, 0, sizeof(*a));
	if (!text_split(text, host, &said))
		host[0] = '\0';
	snprintf(name, sizeof(name), "%s port", what);
	if (host[0] != '\0' && said != NULL &&
		bf_parse_u64(name, said, 1, UINT16_MAX, &number, err) != 0)
		return -EINVAL;
	if (text[0] != '[' && inet_pton(AF_INET, host, &a->four.sin_addr) == 1) {
		a->four.sin_family = AF_INET;
		a->four.sin_port = htons((uint16_t)number);
		a->len = sizeof(a->four);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &a->six.sin6_addr) == 1) {
		a->six.sin6_family = AF_INET6;
		a->six.sin6_port = htons((uint16_t)number);
		a->len = sizeof(a->six);
		return 0;
	}
	return bf_err_set(err, EINVAL,
		"%s: \"%.60s\": expected an IPv4 or IPv6 address, with :PORT behind it where it is "
		"another one ([ADDRESS]:PORT for IPv6); names of hosts are not looked up",
		what, text);
}
