/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Workers that poll a guest or a member of another memory node: found, mended where control may choose,
 * and told of where it may not.
 *
 * Once a second, and only on machines with several nodes: where the guests' memory is, which worker should
 * poll them, where their frames lie (frames.h), and what still crosses.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_MEMORY_CROSSING_H
#define BF_CONTROL_MEMORY_CROSSING_H

#include <stddef.h>
#include <stdint.h>

struct bf_bond;
struct bf_bridge;
struct bf_guest;

/** What was told of a guest or a member last. */
struct bf_crossing {
	uint64_t workers; /* a bit each: those that poll it from another node */
	int node; /* its own */
};

struct bf_crossings {
	uint64_t next_ms;
	unsigned int turn;
};

/** Look, mend and tell, when it is time. A task's tick. */
uint64_t bf_crossings_tick(void *bridge, uint64_t now_ms);

/** The workers, a bit each, that poll a guest from another node than its memory's. */
uint64_t bf_crossing_of_guest(const struct bf_bridge *br, const struct bf_guest *g);

/** The same of the bond's member @p i and its card's node. */
uint64_t bf_crossing_of_member(const struct bf_bridge *br, const struct bf_bond *b, unsigned int i);

/**
 * What can be done about a guest's crossing, in words.
 *
 * @return @p buf.
 */
const char *bf_crossing_advice(
	const struct bf_bridge *br, const struct bf_guest *g, char *buf, size_t size);

#endif
