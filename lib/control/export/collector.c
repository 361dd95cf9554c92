/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See collector.h.
 *
 * Threads: one.
 */
#include "control/export/collector.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_MS 1000
#define BUFFER_BYTES (1 << 20) /* counters of all ports go out at once; the kernel may give less */

static void
/* NOLINTNEXTLINE(readability-non-const-parameter): the builtin writes it */
count_add(uint64_t *count, uint64_t more)
{
	__atomic_store_n(count, *count + more, __ATOMIC_RELAXED);
}

void
bf_collector_init(struct bf_collector *c, const struct bf_udp_address *to)
{
	*c = (struct bf_collector){.to = *to, .fd = -1};
}

void
bf_collector_open(struct bf_collector *c, uint64_t now_ms)
{
	static const int bytes = BUFFER_BYTES;

	c->now_ms = now_ms;
	if (c->fd >= 0 || now_ms < c->next_ms)
		return;
	c->next_ms = now_ms + RETRY_MS;
	c->fd = socket(c->to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return;
	(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (connect(c->fd, &c->to.any, c->to.len) != 0)
		bf_collector_close(c);
}

void
bf_collector_close(struct bf_collector *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void
bf_collector_send(void *collector, const uint8_t *data, size_t len)
{
	struct bf_collector *c = collector;
	ssize_t ret = c->fd < 0 ? -1 : send(c->fd, data, len, MSG_NOSIGNAL);

	if (ret < 0 && c->fd >= 0 && errno == ECONNREFUSED) { /* of an earlier one */
		count_add(&c->refused, 1);
		ret = send(c->fd, data, len, MSG_NOSIGNAL);
	}
	if (ret >= 0) {
		count_add(&c->datagrams, 1);
		count_add(&c->bytes, len);
		return;
	}
	count_add(&c->unsent, 1);
	if (c->fd >= 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED) {
		bf_collector_close(c);
		c->next_ms = c->now_ms + RETRY_MS;
	}
}

void
bf_collector_from(const struct bf_collector *c, uint8_t addr[16], bool *v6)
{
	struct bf_udp_address from;

	memset(&from, 0, sizeof(from));
	memset(addr, 0, 16);
	from.len = sizeof(from.six);
	*v6 = c->to.any.sa_family == AF_INET6;
	if (c->fd < 0 || getsockname(c->fd, &from.any, &from.len) != 0)
		return;
	if (*v6)
		memcpy(addr, &from.six.sin6_addr, 16);
	else
		memcpy(addr, &from.four.sin_addr, 4);
}
