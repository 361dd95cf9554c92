/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Security holes of DPDK since 22.11, and the releases that closed them.
 *
 * As of 30 November 2026, from DPDK's own history: a commit that names a CVE, or mends what such a commit left open; its
 * backports; and the first release that contains each of them.  Holes in parts that bondfwd does not use are left out:
 * examples, crypto, and others' drivers; and those that were mended before 22.11, which bondfwd needs at least.
 *
 * A new hole is a row of the table; a branch that has no fix is left out of its list.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_APP_DOCTOR_HOLES_H
#define BF_APP_DOCTOR_HOLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BF_HOLE_BRANCHES 4

struct bf_release {
	unsigned int year, month, minor; /* 22.11.7 */
};

struct bf_hole {
	const char *name; /* of the CVE; without one, of the upstream commit that mends it */
	const char *what;
	const char *driver; /* how its name in DPDK begins: concerns who has a member of it */
	uint16_t vendor; /* of the driver's cards on PCI; 0: it has none */
	const uint16_t *devices; /* their numbers, and 0; NULL: it has none */
	struct bf_release fixed[BF_HOLE_BRANCHES]; /* of each branch the first without it */
	struct bf_release clean; /* the first release that never had it */
};

/** A row of the table, NULL behind the last. */
const struct bf_hole *bf_hole_at(unsigned int i);

/** Does the hole's driver drive a card with these numbers? */
bool bf_hole_has_card(const struct bf_hole *hole, uint16_t vendor, uint16_t device);

/**
 * Does a version have the hole?
 *
 * @param version
 *   DPDK's ("DPDK 22.11.6") or a package's ("22.11.6-1~deb12u1"); one that can not be read has none.
 * @param fixed
 *   Gets the release of the same branch that closed it, else the first clean one.
 */
bool bf_hole_is_in(const struct bf_hole *hole, const char *version, char *fixed, size_t size);

#endif
