/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bytes of a vhost-user connection cut into messages, with limits of size and time.
 *
 * Pure: who reads the socket says what it got and when.
 *
 * Threads: ctx vhost (or whoever has the stream to itself).
 */
#ifndef BF_VHOST_STREAM_H
#define BF_VHOST_STREAM_H

#include "vhost/session.h"

#define BF_VHOST_HALF_MS 5000 /* a message that has begun must be whole after this time */

struct bf_vhost_stream {
	struct bf_vhost_message m;
	uint32_t got; /* bytes of header and payload so far */
	uint64_t began_ms; /* when the first of them came */
	uint8_t header[12];
};

/**
 * Begin, or begin again after a message was taken.  Descriptors in s->m (s->m.n_fds of them) are to be
 * disposed of by the caller before: of a half message as of one that was not given to a session.
 */
void bf_vhost_stream_reset(struct bf_vhost_stream *s);

/** Where the next bytes go.  Not while s->m is whole. @return how many are wanted, at least 1. */
uint32_t bf_vhost_stream_want(struct bf_vhost_stream *s, uint8_t **to);

/**
 * @p n bytes came (no more than were wanted), with descriptors, which are the stream's message's from
 * now on.
 *
 * @return
 *   1: s->m is whole; 0: more to come; -EPROTO: a header that cannot be (version, length), or more
 *   descriptors than a message can have.  Then the descriptors of this call were not taken, whichever
 *   it was: the caller disposes of them and of those in s->m, and ends the connection.
 */
int bf_vhost_stream_add(struct bf_vhost_stream *s, uint32_t n, const struct bf_vhost_fd *fd,
	uint32_t n_fds, uint64_t now_ms);

/** When a half message is overdue; UINT64_MAX when there is none. */
uint64_t bf_vhost_stream_due_ms(const struct bf_vhost_stream *s);

#endif
