/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: ctx control.
 */
#include "http/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "console/server.h"

#define HOST_SIZE 64

static int
address_refuse(const char *text, const char *expected, struct bf_err *err)
{
	return bf_err_set(err, EINVAL, "--metrics: \"%.120s\": expected %s", text, expected);
}

static int
parse_path(struct bf_http_address *a, const char *text, struct bf_err *err)
{
	const char *path = text + strlen("unix:");
	char expected[80];

	snprintf(expected, sizeof(expected), "unix: and an absolute path of at most %d characters",
		BF_CONSOLE_PATH_MAX);
	if (path[0] != '/' || strlen(path) > BF_CONSOLE_PATH_MAX)
		return address_refuse(text, expected, err);
	a->path = path;
	return 0;
}

/* "[::1]" or "127.0.0.1", without its port; port_be is in network order. */
static bool
parse_host(struct bf_http_address *a, const char *host, uint16_t port_be)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&a->tcp;
	struct sockaddr_in *four = (struct sockaddr_in *)&a->tcp;
	char inside[HOST_SIZE];
	size_t len = strlen(host);

	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = port_be;
		a->tcp_len = sizeof(*four);
		return true;
	}
	if (len < 2 || host[0] != '[' || host[len - 1] != ']')
		return false;
	memcpy(inside, host + 1, len - 2);
	inside[len - 2] = '\0';
	if (inet_pton(AF_INET6, inside, &six->sin6_addr) != 1)
		return false;
	six->sin6_family = AF_INET6;
	six->sin6_port = port_be;
	a->tcp_len = sizeof(*six);
	return true;
}

int
bf_http_address_parse(struct bf_http_address *a, const char *text, struct bf_err *err)
{
	const char *colon = strrchr(text, ':');
	char host[HOST_SIZE];
	uint64_t port = 0;
	int ret;

	memset(a, 0, sizeof(*a));
	if (strncmp(text, "unix:", 5) == 0)
		return parse_path(a, text, err);
	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		return address_refuse(text, BF_HTTP_ADDRESS_FORMS, err);
	ret = bf_parse_u64("--metrics: port", colon + 1, 0, UINT16_MAX, &port, err);
	if (ret != 0)
		return ret;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	if (!parse_host(a, host, htons((uint16_t)port)))
		return address_refuse(text, BF_HTTP_ADDRESS_FORMS, err);
	return 0;
}
