/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Lists of IP addresses as text.
 *
 * Threads: any (pure functions).
 */
#include "base/ip_list.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/words.h"

static bool
is_zero_behind(const uint8_t *addr, unsigned int len, unsigned int size)
{
	for (unsigned int bit = len; bit < size; bit++)
		if ((addr[bit / 8] & 0x80 >> bit % 8) != 0)
			return false;
	return true;
}

static bool
take_network(const char *item, struct bf_ip_prefix *p)
{
	const char *slash = strchr(item, '/');
	char addr[BF_PARSE_ITEM_MAX + 1];
	unsigned int size = 32;
	uint64_t len;

	snprintf(addr, sizeof(addr), "%.*s", (int)strcspn(item, "/"), item);
	if (inet_pton(AF_INET, addr, p->addr) != 1) {
		if (inet_pton(AF_INET6, addr, p->addr) != 1)
			return false;
		p->is_v6 = 1;
		size = 128;
	}
	len = size;
	if (slash != NULL && bf_parse_u64("", slash + 1, 0, size, &len, NULL) != 0)
		return false;
	p->len = (uint8_t)len;
	return is_zero_behind(p->addr, p->len, size);
}

static int
add_network(void *arg, const char *what, const char *item, struct bf_err *err)
{
	struct bf_ip_prefix p = {.len = 0};
	struct bf_ip_list *l = arg;

	if (strcmp(item, "dhcp") == 0) {
		l->dhcp = 1;
		return 0;
	}
	if (!take_network(item, &p))
		return bf_err_set(err, EINVAL,
			"%s: \"%s\": expected an IPv4 or IPv6 address, a network such as "
			"192.168.0.0/16, zero behind its prefix, or dhcp",
			what, item);
	for (uint32_t i = 0; i < l->n; i++)
		if (memcmp(&l->at[i], &p, sizeof(p)) == 0)
			return 0;
	if (l->n == BF_IP_LIST_MAX)
		return bf_err_set(err, EINVAL, "%s: \"%s\": expected at most %d addresses", what,
			item, BF_IP_LIST_MAX);
	l->at[l->n++] = p;
	return 0;
}

int
bf_ip_list_parse(const char *what, const char *text, struct bf_ip_list *l, struct bf_err *err)
{
	struct bf_ip_list fresh = {.n = 0};

	if (strcmp(text, "none") != 0 && bf_parse_items(what, text, add_network, &fresh, err) != 0)
		return -EINVAL;
	*l = fresh;
	return 0;
}

void
bf_ip_prefix_print(const struct bf_ip_prefix *p, char *buf, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(p->is_v6 ? AF_INET6 : AF_INET, p->addr, text, sizeof(text));
	if (p->len < (p->is_v6 ? 128 : 32))
		snprintf(buf, size, "%s/%u", text, p->len);
	else
		snprintf(buf, size, "%s", text);
}

void
bf_ip_list_print(const struct bf_ip_list *l, char *buf, size_t size)
{
	snprintf(buf, size, "%s", l->dhcp ? "dhcp" : l->n == 0 ? "none" : "");
	for (uint32_t i = 0; i < l->n; i++) {
		char text[INET6_ADDRSTRLEN + 4];

		bf_ip_prefix_print(&l->at[i], text, sizeof(text));
		bf_words_add(buf, size, ",", text);
	}
}
