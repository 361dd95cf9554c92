/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Words to values: the whole word, or an error that names the word and the range.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_BASE_PARSE_H
#define BF_BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/**
 * Decimal (or 0x) number within [min, max].
 *
 * @param what
 *   Name of the value for the message, e.g. "mtu".
 * @return
 *   0, or -EINVAL with `what: "text": expected MIN to MAX`.
 */
int bf_parse_u64(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *out,
	struct bf_err *err);

/** "on" or "off" (also yes, no, true, false, 1, 0). */
int bf_parse_bool(const char *what, const char *text, bool *out, struct bf_err *err);

/** aa:bb:cc:dd:ee:ff; must not be zero, and not multicast unless @p multicast_ok. */
int bf_parse_mac(
	const char *what, const char *text, bool multicast_ok, uint8_t out[6], struct bf_err *err);

/**
 * A word of a table, or its position as a number.
 *
 * @param names
 *   @p n words; an empty word matches only by its number.
 */
int bf_parse_enum(const char *what, const char *text, const char *const *names, unsigned int n,
	unsigned int *out, struct bf_err *err);

/** A name of ours: 1 to max-1 of [A-Za-z0-9._-], not starting with '-' or '.'. */
int bf_parse_name(const char *what, const char *text, char *out, size_t max, struct bf_err *err);

/** A device name as EAL knows it: like a name, ':' and ',' excluded from neither PCI form. */
int bf_parse_device(const char *what, const char *text, char *out, size_t max, struct bf_err *err);

/**
 * Split "K=V,K=V" and hand each pair to @p cb, in order.
 *
 * @param text
 *   Not modified.  A pair without '=' is handed over with an empty value.
 * @param is_list
 *   Whether a key's value is a list with commas of its own: it ends before the next pair with a '='.
 *   NULL: no value is.
 * @return
 *   0, the first non-zero value of @p cb, or -EINVAL for an empty key.
 */
typedef int bf_parse_pair_cb(void *arg, const char *key, const char *value, struct bf_err *err);
typedef bool bf_parse_is_list_cb(void *arg, const char *key);
int bf_parse_pairs(const char *what, const char *text, bf_parse_is_list_cb *is_list,
	bf_parse_pair_cb *cb, void *arg, struct bf_err *err);

/** Longest item of a list. */
#define BF_PARSE_ITEM_MAX 63

/**
 * Split "A,B,C" and hand each item to @p cb, in order; empty items are skipped.
 *
 * @return
 *   0, the first non-zero value of @p cb, or -EINVAL when an item is too long or there is none.
 */
typedef int bf_parse_item_cb(void *arg, const char *what, const char *item, struct bf_err *err);
int bf_parse_items(
	const char *what, const char *text, bf_parse_item_cb *cb, void *arg, struct bf_err *err);

#endif
