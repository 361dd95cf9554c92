/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A table that switch ports fill with what they say, each with a share of its own: at its bound the
 * port's oldest makes room, and when the table is full the oldest of the port that has most.  So a
 * guest that invents things only pushes out its own.
 *
 * The table holds keys and when they were last heard; values are their owner's, in an array by
 * position.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_LAN_SHARES_H
#define BF_CONTROL_LAN_SHARES_H

#include <stdint.h>

struct bf_shares;

/** @p pos is about to be free. */
typedef void bf_shares_gone_cb(void *arg, uint32_t pos);

/**
 * @param name
 *   Of the hash, unique in the process.
 * @param gone
 *   Called before an entry goes, for whatever reason; may be NULL.
 * @return
 *   NULL when out of memory.
 */
struct bf_shares *bf_shares_create(const char *name, uint32_t max, uint32_t per_port,
	uint32_t key_len, bf_shares_gone_cb *gone, void *arg);
/** NULL is allowed; calls nothing back. */
void bf_shares_destroy(struct bf_shares *s);

/** Positions are below this. */
uint32_t bf_shares_size(const struct bf_shares *s);

/** @return position, or -1. */
int32_t bf_shares_find(const struct bf_shares *s, const void *key);

/**
 * The key was heard at a port just now: it is the port's youngest from now on, wherever it was.
 *
 * @return
 *   Position; -1 when there is no room.
 */
int32_t bf_shares_hear(struct bf_shares *s, const void *key, uint16_t port, uint32_t now_s);

void bf_shares_remove(struct bf_shares *s, uint32_t pos);
void bf_shares_flush_port(struct bf_shares *s, uint16_t port);
/** Free what has not been heard for more than @p age_s seconds. */
void bf_shares_age(struct bf_shares *s, uint32_t now_s, uint32_t age_s);

/** From a port's oldest entry to its youngest. @return position, or -1. */
int32_t bf_shares_first(const struct bf_shares *s, uint16_t port);
int32_t bf_shares_next(const struct bf_shares *s, uint32_t pos);

uint32_t bf_shares_heard_s(const struct bf_shares *s, uint32_t pos);
uint16_t bf_shares_port(const struct bf_shares *s, uint32_t pos);
/** Entries of a port. */
uint32_t bf_shares_count(const struct bf_shares *s, uint16_t port);

#endif
