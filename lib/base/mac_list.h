/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A list of MAC addresses and prefixes of them: "02:00:00:00:00:01,00:00:5e:00:01/40", or "none".
 * `auto` among them stands for an address that who owns the list knows.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_BASE_MAC_LIST_H
#define BF_BASE_MAC_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BF_MAC_LIST_MAX 64
/** Room for the longest text of a list. */
#define BF_MAC_LIST_TEXT_MAX (BF_MAC_LIST_MAX * 21 + 8)

struct bf_mac_prefix {
	uint8_t addr[6]; /* zero behind the prefix */
	uint8_t len; /* bits; 0: auto, and no address is said */
};

struct bf_mac_list {
	uint32_t n;
	struct bf_mac_prefix at[BF_MAC_LIST_MAX]; /* in the operator's order, none twice */
};

/**
 * @param l
 *   Unchanged when the text is refused.
 * @return
 *   0, or -EINVAL with the address that is wrong.
 */
int bf_mac_list_parse(
	const char *what, const char *text, struct bf_mac_list *l, struct bf_err *err);
void bf_mac_list_print(const struct bf_mac_list *l, char *buf, size_t size);

#endif
