/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A set of VLANs: a bit for each.  "1,5,10-20", or "none".
 *
 * Threads: any (pure functions).
 */
#ifndef BF_BASE_VLAN_SET_H
#define BF_BASE_VLAN_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BF_VLAN_MAX 4094
/** Most ranges of a set, so that its text fits a line of a config file. */
#define BF_VLAN_RANGES_MAX 256
/** Room for the longest text of a set. */
#define BF_VLAN_SET_TEXT_MAX (BF_VLAN_RANGES_MAX * 10 + 8)

struct bf_vlan_set {
	uint64_t bits[64];
};

static inline bool
bf_vlan_set_has(const struct bf_vlan_set *s, uint16_t vlan)
{
	return (s->bits[(vlan >> 6) & 63] >> (vlan & 63) & 1) != 0;
}

static inline void
bf_vlan_set_add(struct bf_vlan_set *s, uint16_t vlan)
{
	s->bits[(vlan >> 6) & 63] |= 1ULL << (vlan & 63);
}

static inline bool
bf_vlan_set_is_empty(const struct bf_vlan_set *s)
{
	uint64_t any = 0;

	for (unsigned int i = 0; i < 64; i++)
		any |= s->bits[i];
	return any == 0;
}

/**
 * @param s
 *   Unchanged when the text is refused.
 * @return
 *   0, or -EINVAL with the VLAN or range that is wrong.
 */
int bf_vlan_set_parse(
	const char *what, const char *text, struct bf_vlan_set *s, struct bf_err *err);

/** In order, with ranges as long as they can be. */
void bf_vlan_set_print(const struct bf_vlan_set *s, char *buf, size_t size);

#endif
