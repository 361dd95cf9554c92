/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A list of IPv4 and IPv6 addresses and networks: "10.0.0.1,192.168.0.0/16,fd00::/8", or "none".  The word
 * "dhcp" in it stands for those that a DHCP server gives.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_BASE_IP_LIST_H
#define BF_BASE_IP_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BF_IP_LIST_MAX 64
/** Room for the longest text of a list: an IPv6 address has 45 characters at most. */
#define BF_IP_LIST_TEXT_MAX (BF_IP_LIST_MAX * 50 + 16)

struct bf_ip_prefix {
	uint8_t addr[16]; /* IPv4: the first four; zero behind the prefix */
	uint8_t len; /* bits */
	uint8_t is_v6;
};

struct bf_ip_list {
	uint32_t n;
	uint32_t dhcp; /* 1: also those of DHCP */
	struct bf_ip_prefix at[BF_IP_LIST_MAX]; /* in the operator's order, none twice */
};

/**
 * @param l
 *   Unchanged when the text is refused.
 * @return
 *   0, or -EINVAL with the address that is wrong.
 */
int bf_ip_list_parse(const char *what, const char *text, struct bf_ip_list *l, struct bf_err *err);
/** One address or network as it is written. */
void bf_ip_prefix_print(const struct bf_ip_prefix *p, char *buf, size_t size);
void bf_ip_list_print(const struct bf_ip_list *l, char *buf, size_t size);

#endif
